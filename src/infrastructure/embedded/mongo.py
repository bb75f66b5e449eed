"""SecantusDB from its wheel: MongoDB's wire protocol over WiredTiger, for the audit trail of a demo or a test.

A program of its own that is only ever spoken to (it is GPL, Daybook is not). Production has a MongoDB.
"""

import contextlib
import sys
from pathlib import Path
from typing import Any, ClassVar

import pymongo
from pymongo.errors import OperationFailure

from infrastructure.embedded.server import Server

DATABASE = "daybook"
USER = "daybook"


class Mongo(Server):
    name: ClassVar[str] = "mongo"
    title: ClassVar[str] = "SecantusDB"

    @property
    def url(self) -> str:
        return (
            f"mongodb://{USER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}?authSource=admin&directConnection=true"
        )

    def _prepare(self) -> None:
        """Its first user can be made only while no password is asked for: once, alone, before the real start."""
        super()._prepare()
        provided = self.folder / "has-user"
        if provided.exists():
            return
        self._run(self._open_argv())
        with self._client() as client, contextlib.suppress(OperationFailure):
            client.admin.command("createUser", USER, pwd=self.password, roles=["root"])
        provided.touch()
        self.kill()  # what it acknowledged is on disk, and a polite stop takes two seconds

    def _open_argv(self) -> list[str | Path]:
        return [
            # Not the wheel's own script: that lies elsewhere where packages are found by PYTHONPATH.
            *(sys.executable, "-m", "secantus"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--storage-path", self.folder),
            *("--log-level", "WARNING", "--sync-on-commit"),
            # The default of 100,000 makes inserts wait for seconds while it prunes.
            *("--oplog-max-entries", "5000000"),
        ]

    def _argv(self) -> list[str | Path]:
        argv = [*self._open_argv(), "--auth"]
        return argv if self.durable else [word for word in argv if word != "--sync-on-commit"]

    def _client(self) -> pymongo.MongoClient[dict[str, Any]]:
        return pymongo.MongoClient(
            f"mongodb://127.0.0.1:{self.port}/?directConnection=true", serverSelectionTimeoutMS=2000
        )

    def _answer(self) -> None:
        with self._client() as client:
            client.admin.command("ping")

    def _furnish(self) -> None:
        """Nothing to make, but the password to try: a ping asks for none."""
        with pymongo.MongoClient[dict[str, Any]](self.url, serverSelectionTimeoutMS=2000) as client:
            client[DATABASE].list_collection_names()
