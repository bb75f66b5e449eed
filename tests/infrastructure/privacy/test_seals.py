"""What a seal vouches for, and what it hides."""

import os
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from infrastructure.privacy import seals

CLUB, OTHER = UUID(int=1), UUID(int=2)
ANA, BEN = UUID(int=11), UUID(int=12)
CIPHER = AESGCM(bytes(range(32)))
PLACE = "0190:1:details.name"


def sealed(text: str):
    return seals.seal(CIPHER, text, CLUB, ANA, 1, PLACE)


@given(st.text(max_size=200))
def test_what_was_sealed_comes_back_to_the_letter(text):
    assert seals.unseal(CIPHER, CLUB, sealed(text)) == text


@given(st.text(max_size=120), st.text(max_size=120))
def test_the_box_tells_no_more_than_a_coarse_length(one, other):
    def length(text: str) -> int:
        return len(sealed(text).box)

    assert (length(one) - seals.NONCE - 16) % seals.BUCKET == 0
    if len(one.encode()) // 32 == len(other.encode()) // 32:
        assert length(one) == length(other)


def test_the_same_text_looks_different_each_time():
    assert sealed("Ana").box != sealed("Ana").box
    assert b"Ana" not in sealed("Ana").box


@pytest.mark.parametrize(
    ("what", "moved"),
    [
        ("to another person", lambda it: replace(it, subject=BEN)),
        ("to another field", lambda it: replace(it, of="0190:1:details.note")),
        ("to another version", lambda it: replace(it, of="0190:2:details.name")),
        ("to another key", lambda it: replace(it, key=2)),
        ("and changed", lambda it: replace(it, box=it.box[:-1] + bytes([it.box[-1] ^ 1]))),
        ("and its nonce changed", lambda it: replace(it, box=bytes([it.box[0] ^ 1]) + it.box[1:])),
        ("and cut", lambda it: replace(it, box=it.box[:20])),
        ("and emptied", lambda it: replace(it, box=b"")),
    ],
)
def test_what_was_moved_does_not_open(what, moved):
    with pytest.raises(seals.Broken):
        seals.unseal(CIPHER, CLUB, moved(sealed("Ana")))


def test_another_tenants_name_does_not_open_it():
    with pytest.raises(seals.Broken):
        seals.unseal(CIPHER, OTHER, sealed("Ana"))


def test_another_key_does_not_open_it():
    with pytest.raises(seals.Broken):
        seals.unseal(AESGCM(os.urandom(32)), CLUB, sealed("Ana"))


def test_a_key_is_unwrapped_by_what_wrapped_it_alone():
    key, under, another = (seals.fresh_key() for _ in range(3))
    box = seals.wrapped(key, under)
    assert key not in box
    assert seals.unwrapped(box, under) == key
    with pytest.raises(seals.Broken):
        seals.unwrapped(box, another)


def test_wrapping_is_that_of_rfc_3394():
    """The example of its paragraph 4.6."""
    under = bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
    key = bytes.fromhex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F")
    box = bytes.fromhex("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21")
    assert seals.wrapped(key, under) == box
    assert seals.unwrapped(box, under) == key


def test_blind_values_are_equal_for_equal_texts_of_one_field_and_tenant_alone():
    root = seals.fresh_key()
    key = seals.derived(root, "index email")
    assert seals.blind(key, "email", "ana@example.org") == seals.blind(key, "email", "ana@example.org")
    different = {
        seals.blind(key, "email", "ben@example.org"),
        seals.blind(key, "phone", "ana@example.org"),
        seals.blind(seals.derived(root, "index phone"), "email", "ana@example.org"),
        seals.blind(seals.derived(seals.fresh_key(), "index email"), "email", "ana@example.org"),
    }
    assert len(different) == 4
    assert seals.blind(key, "email", "ana@example.org") not in different
    assert len(seals.blind(key, "name", "ana", 2)) == 2
