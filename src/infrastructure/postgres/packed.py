"""Values in PostgreSQL's binary form, and back. None stands for an empty array too: it is never looked at."""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEAD = struct.Struct("!iiIii")
_LENGTH = struct.Struct("!i")
_INT8 = struct.Struct("!iq")
_INT4 = struct.Struct("!ii")
_LENGTH_16 = _LENGTH.pack(16)
_NULL = _LENGTH.pack(-1)
_TRUE, _FALSE = _LENGTH.pack(1) + b"\x01", _LENGTH.pack(1) + b"\x00"
_BOOL, _BYTEA, _INT8_OID, _INT4_OID, _TEXT, _TIMESTAMPTZ, _UUID = 16, 17, 20, 23, 25, 1184, 2950


# Most arrays have one element: their heads are made once.
_ONE_UUID = _HEAD.pack(1, 0, _UUID, 1, 1) + _LENGTH_16
_ONE_INT4 = _HEAD.pack(1, 0, _INT4_OID, 1, 1)


def boolean(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


def int8(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def int4(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


def float8(value: float) -> bytes:
    return struct.pack("!d", value)


def moment(value: datetime) -> bytes:
    return ((value - _EPOCH) // _MICROSECOND).to_bytes(8, "big", signed=True)


def interval(seconds: float) -> bytes:
    return struct.pack("!qii", int(seconds * 1_000_000), 0, 0)


def jsonb(value: bytes) -> bytes:
    """JSON as text, behind the version of the form."""
    return b"\x01" + value


def to_int(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


def to_moment(value: bytes) -> datetime:
    return _EPOCH + timedelta(microseconds=int.from_bytes(value, "big", signed=True))


def to_uuids(value: bytes) -> list[UUID]:
    """A one-dimensional array without NULLs."""
    if len(value) <= 12:
        return []
    return [UUID(bytes=value[at + 4 : at + 20]) for at in range(20, len(value), 20)]


def uuids(values: Sequence[UUID]) -> bytes | None:
    if not values:
        return None
    if len(values) == 1:
        return _ONE_UUID + values[0].bytes
    return _HEAD.pack(1, 0, _UUID, len(values), 1) + b"".join([_LENGTH_16 + value.bytes for value in values])


def raw_uuids(values: Sequence[bytes]) -> bytes | None:
    if not values:
        return None
    return _HEAD.pack(1, 0, _UUID, len(values), 1) + b"".join([_LENGTH_16 + value for value in values])


def booleans(values: Sequence[bool]) -> bytes | None:
    if not values:
        return None
    return _HEAD.pack(1, 0, _BOOL, len(values), 1) + b"".join([_TRUE if value else _FALSE for value in values])


def int8s(values: Sequence[int]) -> bytes | None:
    if not values:
        return None
    return _HEAD.pack(1, 0, _INT8_OID, len(values), 1) + b"".join([_INT8.pack(8, value) for value in values])


def int4s(values: Sequence[int]) -> bytes | None:
    if not values:
        return None
    if len(values) == 1:
        return _ONE_INT4 + _INT4.pack(4, values[0])
    return _HEAD.pack(1, 0, _INT4_OID, len(values), 1) + b"".join([_INT4.pack(4, value) for value in values])


def byteas(values: Sequence[bytes], oid: int = _BYTEA) -> bytes | None:
    if not values:
        return None
    return _HEAD.pack(1, 0, oid, len(values), 1) + b"".join([_LENGTH.pack(len(value)) + value for value in values])


def texts(values: Sequence[str]) -> bytes | None:
    return byteas([value.encode() for value in values], _TEXT)


def moments(values: Sequence[datetime | None]) -> bytes | None:
    if not values:
        return None
    return _HEAD.pack(1, 1, _TIMESTAMPTZ, len(values), 1) + b"".join(
        [_NULL if value is None else _INT8.pack(8, (value - _EPOCH) // _MICROSECOND) for value in values]
    )
