"""Refusals. An error is a state of affairs; its docstring is the sentence that people read.

Each belongs to one family, and one table in the HTTP door turns families into status codes.
"""

from typing import Any, ClassVar


class Refusal(Exception):
    """This cannot be done."""

    code: ClassVar[str] = ""

    def __init__(self, message: str = "", **detail: Any) -> None:
        self.detail = detail
        super().__init__(message or (type(self).__doc__ or "").strip().partition("\n")[0])

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        name = cls.__name__
        cls.code = "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class Malformed(Refusal):
    """What was sent cannot be read."""


class Unknown(Refusal):
    """There is no such thing here."""


class Forbidden(Refusal):
    """You may not do this."""


class Conflict(Refusal):
    """Somebody else was there first."""


class Rule(Refusal):
    """A rule of booking refuses this."""


class Stale(Refusal):
    """It has changed since you looked."""
