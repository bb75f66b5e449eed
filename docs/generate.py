"""The reference, made from the code: `make docs`. A test holds what is committed against what this makes."""

import sys
import typing
from collections.abc import Iterator
from pathlib import Path

import msgspec

import interfaces.http.app  # noqa: F401  # whoever imports this knows every problem
from application.permission import PERMISSIONS
from application.recorded import Actor, Envelope, Governed, Origin
from domain.booking.events import Item
from domain.claims import claims_of  # noqa: F401  # whoever imports this knows every fact
from domain.event import KNOWN, Event, action
from domain.hours import Opening, WeeklyHours
from infrastructure.settings import Settings, right
from interfaces.http.errors import refusals, status_of, title_of

HERE = Path(__file__).parent / "reference"
MADE = "<!-- Made by `make docs` from the code: change it there. -->\n"


def pages() -> dict[str, str]:
    """Every page of the reference that is made, by file name."""
    return {
        "events.md": "\n".join(events()),
        "envelope.md": "\n".join(envelope()),
        "permissions.md": "\n".join(permissions()),
        "problems.md": "\n".join(problems()),
        "settings.md": "\n".join(settings()),
    }


def events() -> Iterator[str]:
    yield "# Events and their tags\n"
    yield MADE
    yield "A tag is the name on disk, chosen once and for ever; a second shape of a fact gets `.v2` and an upcast.\n"
    yield "| tag | fact | carries |\n| --- | --- | --- |"
    for tag, kind in sorted(KNOWN.items()):
        if kind.__module__.startswith("domain."):
            yield f"| `{tag}` | {said(kind) or action(tag).rpartition('.')[2].replace('_', ' ')} | {carried(kind)} |"
    for struct in (Item, WeeklyHours, Opening):
        yield f"\n## {struct.__name__}\n\n{said(struct)}\n"
        yield from fields(struct)
    yield ""


def envelope() -> Iterator[str]:
    yield "# The envelope\n"
    yield MADE
    yield "Around every event, from the first on: history cannot be filled in later.\n"
    yield "| column | meaning |\n| --- | --- |"
    yield "| `tenant` | the organization |"
    yield "| `stream`, `version` | the aggregate, and 1..n within it, without gaps |"
    yield "| `position` | the place in the whole log; sparse; a string in JSON |"
    yield "| `event_id` | uuid7 |"
    yield "| `tag` | the name of the fact on disk |"
    yield "| `recorded_at` | the database's clock, after the locks |"
    for struct in (Envelope, Actor, Origin, Governed):
        yield f"\n## {struct.__name__}\n\n{said(struct)}\n"
        yield from fields(struct)
    yield ""


def permissions() -> Iterator[str]:
    yield "# Who may ask what\n"
    yield MADE
    yield "A message without a row may be asked by nobody. *own*: only bookings whose customer one is.\n"
    roles = sorted({role for grants in PERMISSIONS.values() for role in grants})
    yield "| message | " + " | ".join(roles) + " |"
    yield "| --- |" + " --- |" * len(roles)
    for message, grants in PERMISSIONS.items():
        row = " | ".join({"any": "yes", "own": "own"}.get(grants.get(role, ""), "") for role in roles)
        yield f"| `{message.__name__}` | {row} |"
    yield ""


def problems() -> Iterator[str]:
    yield "# Problems\n"
    yield MADE
    yield "Every answer that is none is `application/problem+json` (RFC 9457). `code` is stable; rely on it.\n"
    yield "| code | status | what it says |\n| --- | --- | --- |"
    for code, kind in refusals().items():
        yield f"| `{code}` | {status_of(kind)} | {title_of(kind)} |"
    yield ""


def settings() -> Iterator[str]:
    yield "# Settings\n"
    yield MADE
    yield "Environment variables. An empty one counts as unset; a misspelt or malformed one is refused in a sentence.\n"
    yield "`make run` makes a token secret of its own, keeps it in the data folder, and lets tokens live for a day.\n"
    yield "Nothing uses Stripe yet.\n"
    yield "| variable | default | must be |\n| --- | --- | --- |"
    for field in msgspec.structs.fields(Settings):
        default = "" if field.default is None else f"`{field.default}`"
        yield f"| `DAYBOOK_{field.name.upper()}` | {default} | {right(field.name)} |"
    yield ""


def fields(struct: type[msgspec.Struct]) -> Iterator[str]:
    yield "| field | type |\n| --- | --- |"
    for field in msgspec.structs.fields(struct):
        yield f"| `{field.name}` | {named(field.type)} |"


def carried(kind: type[Event]) -> str:
    return ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(kind)) or "nothing"


def named(kind: typing.Any) -> str:
    text = getattr(kind, "__name__", None) if not typing.get_args(kind) else None
    return "`" + (text or str(kind)).replace("|", "or").replace("typing.", "").replace("NoneType", "None") + "`"


def said(kind: type) -> str:
    return " ".join((kind.__dict__.get("__doc__") or "").split())


def main() -> int:
    HERE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (HERE / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
