"""HTML from values. Whatever is not markup already is escaped where it is put in: nobody has to remember to."""

from functools import lru_cache
from html import escape


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


VOID = {"meta", "link", "input", "br"}
Inside = str | None
Value = str | int | bool | None


def tag(_name: str, *inside: Inside, **attributes: Value) -> Html:
    """An element. In names of attributes `class_` is class and `data_start` data-start; True is a bare attribute, None
    and False none."""
    said = "".join(
        f" {written(name)}" if value is True else f' {written(name)}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{_name}{said}>" if _name in VOID else f"<{_name}{said}>{together(*inside)}</{_name}>")


@lru_cache(maxsize=256)
def written(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def together(*parts: Inside) -> Html:
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in parts if part is not None))
