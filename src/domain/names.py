"""Names that people give to things."""

import unicodedata

from domain.errors import Rule


class BadName(Rule):
    """A name has 1 to 200 characters, at least one of them not blank, and no control characters."""


def name(text: str) -> str:
    """The name without blanks around it, in the composed form; refuses what could not be shown on one line."""
    text = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(text) <= 200 or any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp", "Cn") for c in text):
        raise BadName
    return text
