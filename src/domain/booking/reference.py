"""References that people can read aloud.

Eight characters from an alphabet without look-alikes (no 0 1 I L O U), made from a number that is used once. The
number runs through a keyed permutation (a Feistel network of four rounds on 40 bits, walked until it falls inside the
30^8 possible references: Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002), so that references are
unique without being looked up, and do not tell how many bookings there are.
"""

from hashlib import blake2b
from uuid import UUID

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
REFERENCES = len(ALPHABET) ** LENGTH
"""How many there are: 656,100,000,000."""


def reference(number: int, tenant: UUID) -> str:
    """The reference of a number from 0 to `REFERENCES` - 1; another number gives another reference."""
    if not 0 <= number < REFERENCES:
        raise ValueError(f"a reference's number lies between 0 and {REFERENCES - 1}, not {number}")
    mixed = permuted(number, tenant.bytes)
    while mixed >= REFERENCES:
        mixed = permuted(mixed, tenant.bytes)
    letters = ""
    for _ in range(LENGTH):
        mixed, digit = divmod(mixed, len(ALPHABET))
        letters = ALPHABET[digit] + letters
    return letters


def permuted(number: int, key: bytes) -> int:
    left, right = number >> 20, number & 0xFFFFF
    for turn in range(4):
        mask = blake2b(right.to_bytes(3, "big") + bytes([turn]), key=key, digest_size=4).digest()
        left, right = right, left ^ (int.from_bytes(mask, "big") & 0xFFFFF)
    return left << 20 | right
