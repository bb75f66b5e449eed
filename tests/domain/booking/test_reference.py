"""References that can be read aloud, and never come twice."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.booking.reference import ALPHABET, REFERENCES, permuted, reference

numbers = st.integers(0, REFERENCES - 1)
tenants = st.uuids()


@given(numbers, tenants)
def test_eight_characters_without_look_alikes(number, tenant):
    found = reference(number, tenant)
    assert len(found) == 8
    assert set(found) <= set(ALPHABET)
    assert not set(ALPHABET) & set("01ILOU")


@given(st.lists(numbers, unique=True, min_size=2, max_size=50), tenants)
def test_another_number_gives_another_reference(several, tenant):
    assert len({reference(number, tenant) for number in several}) == len(several)


@given(st.integers(0, 2**40 - 1), tenants)
def test_the_permutation_can_be_undone(number, tenant):
    """A Feistel network is a bijection: run backwards it gives the number again, so no two numbers can meet."""
    from hashlib import blake2b

    mixed = permuted(number, tenant.bytes)
    left, right = mixed >> 20, mixed & 0xFFFFF
    for turn in reversed(range(4)):
        mask = blake2b(left.to_bytes(3, "big") + bytes([turn]), key=tenant.bytes, digest_size=4).digest()
        left, right = right ^ (int.from_bytes(mask, "big") & 0xFFFFF), left
    assert left << 20 | right == number


def test_two_organizations_do_not_count_alike():
    assert reference(1, UUID(int=1)) != reference(1, UUID(int=2))


@pytest.mark.parametrize("number", [-1, REFERENCES])
def test_numbers_beyond_the_references_are_refused(number):
    with pytest.raises(ValueError, match="lies between"):
        reference(number, UUID(int=1))
