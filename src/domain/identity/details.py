"""What may be known about somebody, in the one form in which it is kept."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

from msgspec import Struct

from domain.identity import errors

PERSONAL = ("name", "email", "phone", "birth_date", "note")
"""Sealed wherever they are kept."""
FIELDS = (*PERSONAL, "locale")
MOST_NOTE = 2000
EARLIEST = date(1900, 1, 1)

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_PUNCTUATION = str.maketrans("", "", " \u00a0().-/")
_LOCAL = re.compile(r"[^\s@\"(),:;<>\[\]\\\x00-\x1f\x7f]{1,64}")
_LABEL = re.compile(r"[^\W_]([\w-]{0,61}[^\W_])?")
_LOCALE = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?", re.IGNORECASE)
_UNSHOWN = ("Cc", "Cs", "Zl", "Zp", "Cn", "Co")


class Details(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What somebody says about a person; what is None is not spoken of."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    birth_date: str | None = None
    note: str | None = None
    locale: str | None = None

    def __repr__(self) -> str:
        """What is spoken of, and not what is said."""
        return f"Details({', '.join(field for field in FIELDS if getattr(self, field) is not None)})"

    def normal(self, today: date) -> "Details":
        """The same in the form in which it is kept; or which of them cannot be."""
        return Details(
            name=None if self.name is None else name(self.name),
            email=None if self.email is None else email(self.email),
            phone=None if self.phone is None else phone(self.phone),
            birth_date=None if self.birth_date is None else birth_date(self.birth_date, today),
            note=None if self.note is None else note(self.note),
            locale=None if self.locale is None else locale(self.locale),
        )

    @property
    def personal(self) -> Mapping[str, str]:
        """What is to be sealed, by field."""
        return {field: value for field in PERSONAL if (value := getattr(self, field)) is not None}


def name(text: str) -> str:
    """Composed (NFC), with single blanks: what reads the same is the same."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if not 1 <= len(text) <= 200 or any(unicodedata.category(c) in _UNSHOWN for c in text):
        raise errors.NotAName(field="name")
    return text


def email(text: str) -> str:
    """The domain in small letters; what stands before the @ as it was written, for there it may make a difference."""
    local, at, domain = unicodedata.normalize("NFC", text).strip().rpartition("@")
    domain = domain.casefold()
    labels = domain.split(".")
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if (
        not at or len(local) + len(domain) > 253 or dots or len(labels) < 2
        or not _LOCAL.fullmatch(local) or not all(_LABEL.fullmatch(label) for label in labels)
    ):  # fmt: skip
        raise errors.NotAnEmail(field="email")
    return f"{local}@{domain}"


def phone(text: str) -> str:
    """E.164: + and the country's code, then digits alone."""
    digits = unicodedata.normalize("NFKC", text).strip().translate(_PUNCTUATION)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not _PHONE.fullmatch(digits):
        raise errors.NotAPhone(field="phone")
    return digits


def birth_date(text: str, today: date) -> str:
    try:
        born = date.fromisoformat(text.strip())
    except ValueError:
        raise errors.NotABirthDate(field="birth_date") from None
    if not EARLIEST <= born <= today:
        raise errors.NotABirthDate(field="birth_date")
    return born.isoformat()


def note(text: str) -> str:
    """Free text, of several lines if need be."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    if not 1 <= len(text) <= MOST_NOTE or any(unicodedata.category(c) in _UNSHOWN for c in text if c not in "\n\t"):
        raise errors.NotANote(field="note")
    return text


def locale(text: str) -> str:
    """BCP 47, as far as a language, a script and a region go: pt-PT, zh-Hant-TW."""
    found = _LOCALE.fullmatch(text.strip().replace("_", "-"))
    if found is None:
        raise errors.NotALocale(field="locale")
    language, script, region = found.groups()
    parts = (language.lower(), script and script.title(), region and region.upper())
    return "-".join(part for part in parts if part)
