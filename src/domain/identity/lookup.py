"""By what somebody can be found: the pieces of their details that are looked up, as they are compared."""

import unicodedata
from collections.abc import Mapping

PREFIX = 3
"""Letters of a word by which it is found: fewer are those of nearly everybody, more would say too much."""
MOST_WORDS = 6
FIELDS = ("email", "phone", "phone4", "name")
OF: Mapping[str, tuple[str, ...]] = {"email": ("email",), "phone": ("phone", "phone4"), "name": ("name",)}
"""What is looked up of each detail."""


def words(text: str) -> tuple[str, ...]:
    """A name's words as they are compared: without accents, in small letters. José is found as jose."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return tuple("".join(c if c.isalnum() else " " for c in bare).split())


def pieces(field: str, text: str) -> list[tuple[str, str]]:
    """What a detail is found by: pairs of what is looked up and its value."""
    match field:
        case "email":
            return [("email", text.casefold())]
        case "phone":
            return [("phone", text), ("phone4", text[-4:])]
        case "name":
            return [("name", piece) for piece in dict.fromkeys(word[:PREFIX] for word in words(text)[:MOST_WORDS])]
    return []


def sought(email: str | None, phone: str | None, last_four: str | None, name: str | None) -> list[tuple[str, str]]:
    """What to look up for a question. Words shorter than a prefix are looked up only where nothing else is: such a word
    finds those that are exactly so."""
    found: list[tuple[str, str]] = []
    if email is not None:
        found.append(("email", email.casefold()))
    if phone is not None:
        found.append(("phone", phone))
    if last_four is not None:
        found.append(("phone4", last_four))
    if name is not None:
        typed = words(name)[:MOST_WORDS]
        long = [word for word in typed if len(word) >= PREFIX]
        found += [
            ("name", piece) for piece in dict.fromkeys(word[:PREFIX] for word in long or ([] if found else typed))
        ]
    return found


def named_so(name: str, asked: str) -> bool:
    """Whether each word that was asked for begins a word of the name."""
    known = words(name)
    return all(any(word.startswith(wanted) for word in known) for wanted in words(asked))
