"""Codes of six digits that a telephone shows (TOTP, RFC 6238), and the codes for when it is lost."""

import base64
import hmac
from urllib.parse import quote

STEP = 30
"""Seconds for which a code is shown."""
DRIFT = 1
"""So many codes before and after are good as well: clocks differ, and people type slowly."""
DIGITS = 6
SECRET = 20
"""Bytes."""
RECOVERY_CODES = 10
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without those that are taken for each other."""


def code(secret: bytes, step: int) -> str:
    """RFC 4226: four bytes of the hash, from where its last digit says."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**DIGITS:0{DIGITS}}"


def matched(secret: bytes, given: str, now: float) -> int | None:
    """Which step's code it is, of those that are good now. All are compared, so that time tells nothing."""
    found = None
    for step in range(int(now) // STEP - DRIFT, int(now) // STEP + DRIFT + 1):
        if hmac.compare_digest(code(secret, step).encode(), given.encode()):
            found = step
    return found


def shown(secret: bytes) -> str:
    """As people type it into an app."""
    return base64.b32encode(secret).rstrip(b"=").decode()


def read(text: str) -> bytes:
    return base64.b32decode(text + "=" * (-len(text) % 8))


def address(secret: bytes, email: str, issuer: str = "Daybook") -> str:
    """What a camera reads from a square of dots."""
    label = f"{quote(issuer)}:{quote(email)}"
    return f"otpauth://totp/{label}?secret={shown(secret)}&issuer={quote(issuer)}&digits={DIGITS}&period={STEP}"


def recovery_code(chance: bytes) -> str:
    """Twelve signs of a chance of at least twelve bytes: A7XQ-9MBC-2WNE. 58 bits."""
    signs = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in chance[:12])
    return "-".join(signs[at : at + 4] for at in (0, 4, 8))


def is_recovery_code(given: str) -> bool:
    return len(plain(given)) > DIGITS


def plain(given: str) -> str:
    """As it is compared: blanks and lines between its signs say nothing."""
    return "".join(sign for sign in given.upper() if sign.isalnum())
