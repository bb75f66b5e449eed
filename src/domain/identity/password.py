"""What may be a password: long, and not what everybody tries first.

Any character is one, and what was typed is what counts: nothing is cut off, and no kind of character is asked for. To
compare, it is brought into one form (NFKC), for the same key gives another code on another keyboard; nowhere else.
"""

import re
import unicodedata
from collections.abc import Collection

from domain.errors import Rule

SHORTEST, LONGEST = 12, 128
FEWEST = 5
"""Different characters in it, at least."""
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop",
    "qsdfghjklm", "wxcvbn", "1234567890", "0123456789", "1q2w3e4r5t6z7u8i9o0p", "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujmikolp", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik", "!@#$%^&*()", "!qaz@wsx#edc$rfv",
)  # fmt: skip
_RUN = 4
"""Characters that follow each other on a keyboard count as one word from so many on."""
_LOOKS = str.maketrans("01345$@7!", "oieassati")


class PasswordTooShort(Rule):
    """A password has at least 12 characters."""


class PasswordTooLong(Rule):
    """A password has at most 128 characters."""


class PasswordTooCommon(Rule):
    """This is among the first that anybody would try: take several words that have nothing to do with each other."""


def compared(text: str) -> str:
    """The form in which it is hashed: however it was typed, the same text gives the same."""
    return unicodedata.normalize("NFKC", text)


def fit(text: str, common: Collection[str], about: Collection[str] = ()) -> str:
    """The password, as it was given, or why it may not be one. `common`: words in small letters, of which no password
    may consist; `about`: what says who it belongs to, likewise."""
    if len(text) < SHORTEST:
        raise PasswordTooShort
    if len(text) > LONGEST:
        raise PasswordTooLong
    if guessable(text, {*common, *(word.casefold() for name in about for word in re.split(r"[\W_]+", name) if word)}):
        raise PasswordTooCommon
    return text


def guessable(text: str, common: Collection[str]) -> bool:
    """Whether it is of few characters, or nothing but common words, runs of the keyboard, numbers and signs: what is
    left when these are taken away is too little."""
    plain = compared(text).casefold()
    if len(set(plain)) < FEWEST:
        return True
    return min(left(plain, common), left(plain.translate(_LOOKS), common)) < FEWEST


def left(text: str, common: Collection[str]) -> int:
    """How much of it is nothing that is known: letters, by the best way to cut it into what is. A piece that was there
    already is known as well."""
    longest = max(map(len, common), default=0)
    best = [0] * (len(text) + 1)
    for at in range(1, len(text) + 1):
        letter = text[at - 1]
        best[at] = best[at - 1] + (letter.isalpha() and letter not in text[max(0, at - 3) : at - 1])
        for start in range(max(0, at - max(longest, 30)), at - 2):
            piece = text[start:at]
            if piece in common or is_run(piece) or piece in text[:start]:
                best[at] = min(best[at], best[start])
    return best[-1]


def is_run(piece: str) -> bool:
    """Keys beside each other, in either direction."""
    return len(piece) >= _RUN and any(piece in row or piece[::-1] in row for row in _ROWS)
