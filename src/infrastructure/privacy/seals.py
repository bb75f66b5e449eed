"""The mathematics of keys and seals: bytes in, bytes out, nothing is kept.

Keys are 256 bits of AES. A key is kept wrapped under another (RFC 3394); a value is sealed by AES-256-GCM under a nonce
of 96 bits of chance (good for 2^32 values of one person), padded so that its length says little, and bound to its
place: the same box under another tenant, person, key or field does not open.
"""

import hmac
import os
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from domain.personal import Sealed

KEY = 32
NONCE = 12
BUCKET = 32
"""Bytes: texts are as long as the next multiple of it."""
_END = b"\x80"


class Broken(Exception):
    """A seal does not open: it was changed, moved, or made with another key."""


def fresh_key() -> bytes:
    return os.urandom(KEY)


def name_of(master: bytes) -> str:
    """What a master key is called where it must be told from others. It says nothing about the key."""
    return sha256(b"daybook master key\0" + master).hexdigest()[:16]


def wrapped(key: bytes, under: bytes) -> bytes:
    return aes_key_wrap(under, key)


def unwrapped(box: bytes, under: bytes) -> bytes:
    """`Broken` where it was wrapped under another."""
    try:
        return aes_key_unwrap(under, box)
    except InvalidUnwrap as error:
        raise Broken("a key is wrapped under another key than this") from error


def bound(tenant: UUID, subject: UUID, key: int, of: str) -> bytes:
    """What a seal vouches for besides its text. Of fixed lengths but the last, so that no two places read the same."""
    return tenant.bytes + subject.bytes + key.to_bytes(4, "big") + of.encode()


def padded(text: str) -> bytes:
    content = text.encode() + _END
    return content + b"\0" * (-len(content) % BUCKET)


def unpadded(content: bytes) -> str:
    return content.rstrip(b"\0")[:-1].decode()


def seal(cipher: AESGCM, text: str, tenant: UUID, subject: UUID, key: int, of: str) -> Sealed:
    nonce = os.urandom(NONCE)
    box = nonce + cipher.encrypt(nonce, padded(text), bound(tenant, subject, key, of))
    return Sealed(subject, key, of, box)


def unseal(cipher: AESGCM, tenant: UUID, sealed: Sealed) -> str:
    """`Broken` unless it is exactly what was sealed, where it was sealed."""
    box = sealed.box
    try:
        content = cipher.decrypt(box[:NONCE], box[NONCE:], bound(tenant, sealed.subject, sealed.key, sealed.of))
    except (InvalidTag, ValueError) as error:
        raise Broken(f"the seal of {sealed.of} does not open") from error
    return unpadded(content)


def derived(root: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose."""
    return HKDF(SHA256(), KEY, salt=None, info=b"daybook " + purpose.encode()).derive(root)


def blind(key: bytes, field: str, text: str, length: int = 32) -> bytes:
    """Equal for equal texts, and nothing else can be read from it. Cut short it is shared by many on purpose."""
    return hmac.digest(key, field.encode() + b"\0" + text.encode(), "sha256")[:length]
