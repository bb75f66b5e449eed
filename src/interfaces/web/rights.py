"""What somebody is given who asks for everything about them, and that they are forgotten: pages to keep, and to print.

They stand on their own, in one file without anything from elsewhere, for they are saved and sent on.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from application.privacy.export import SECTIONS, Export
from interfaces.web.markup import Html, tag, together

STYLE = """
:root { color-scheme: light dark; --ink: #1d2624; --soft: #57635f; --line: #d3dad7; --paper: #fbfcfb; --green: #176b57 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ecea; --soft: #a3b0ac; --line: #36423f; --paper: #141a18;
  --green: #6fcbb2 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .1rem }
p { margin: .2rem 0 .8rem } .soft { color: var(--soft) }
nav a { color: var(--green); display: inline-block; margin: 0 .9rem .3rem 0 }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .9rem; margin: .6rem 0;
  break-inside: avoid }
dl { display: grid; grid-template-columns: minmax(8rem, 13rem) 1fr; gap: .15rem 1rem; margin: 0 }
dt { color: var(--soft); overflow-wrap: anywhere } dd { margin: 0; overflow-wrap: anywhere }
dd dl { grid-template-columns: minmax(6rem, 10rem) 1fr }
ol { margin: 0; padding-left: 1.2rem } .seal { font-size: 1.2rem; color: var(--green); font-weight: 600 }
@media (max-width: 34rem) { dl, dd dl { grid-template-columns: 1fr; gap: 0 } dd { margin: 0 0 .4rem }
  dd dl { border-left: 2px solid var(--line); padding-left: .7rem } }
"""


def head(title: str) -> str:
    inside = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("title", title),
        tag("style", Html(STYLE)),
    )
    return f'<!doctype html>\n<html lang="en">{inside}<body><main>'


END = b"</main></body></html>\n"


async def export_page(export: Export) -> AsyncIterator[bytes]:
    """Piece by piece, as the sections are read."""
    yield head("What is known about you").encode()
    yield together(
        tag("h1", "What is known about you"),
        tag("p", f"Everything that this organization keeps about you, as of {moment(export.made_at)}.", class_="soft"),
        tag("nav", *(tag("a", name.capitalize(), href=f"#{name}") for name in export.sections)),
    ).encode()
    for name, rows in export.sections.items():
        yield together(
            Html(f'<section id="{name}">'), tag("h2", name.capitalize()), tag("p", SECTIONS[name], class_="soft")
        ).encode()
        any_row = False
        async for some in rows():
            any_row = any_row or bool(some)
            yield together(*(tag("article", listed(row)) for row in some)).encode()
        yield together(None if any_row else tag("p", "Nothing."), Html("</section>")).encode()
    yield END


def certificate_page(it: Mapping[str, Any]) -> bytes:
    failed = it["status"] == "failed"
    said = (
        "Something could still be read: the erasure is not complete." if failed
        else "What was known about this person cannot be read by anybody any more."
    )  # fmt: skip
    body = together(
        tag("h1", "Certificate of erasure"),
        tag("p", said, class_="seal"),
        listed(it["certificate"]),
        tag("p", it["says"], class_="soft"),
    )
    return (head("Certificate of erasure") + body).encode() + END


def listed(row: Mapping[str, Any]) -> Html:
    """A row as names and values. What is not known is left out."""
    known = {name: value for name, value in row.items() if value not in (None, [], {})}
    return tag("dl", *(part for name, value in known.items() for part in pair(name, value)))


def pair(name: str, value: Any) -> Sequence[Html]:
    return tag("dt", name.replace("_", " ")), tag("dd", shown(value))


def shown(value: Any) -> str:
    match value:
        case dict():
            return listed(value)
        case list() | tuple():
            return tag("ol", *(tag("li", shown(one)) for one in value))
        case bool():
            return "yes" if value else "no"
        case str() if value[:2] in ("19", "20") and "T" in value[10:11]:
            return read(value)
    return str(value)


def read(text: str) -> str:
    try:
        return moment(datetime.fromisoformat(text))
    except ValueError:
        return text


def moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at.tzinfo is not None and not at.utcoffset() else at.isoformat(" ")
