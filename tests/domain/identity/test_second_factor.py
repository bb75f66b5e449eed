"""Codes that a telephone shows: as RFC 6238 says, good for a moment, and read as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identity import second_factor
from domain.identity.second_factor import code, matched, plain, read, recovery_code, shown

SECRET = b"12345678901234567890"
WORKED = {59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924",
          2000000000: "69279037", 20000000000: "65353130"}  # fmt: skip
"""RFC 6238, appendix B, of which six digits are shown here."""


@pytest.mark.parametrize("now", WORKED)
def test_the_examples_of_the_rfc(now):
    assert code(SECRET, now // 30) == WORKED[now][-6:]


@given(st.binary(min_size=20, max_size=20), st.integers(3, 2**40), st.integers(-3, 3), st.integers(0, 29))
def test_the_code_before_and_the_code_after_are_good_and_no_others(secret, step, off, second):
    given_ = code(secret, step + off)
    good = {code(secret, near) for near in range(step - 1, step + 2)}
    found = matched(secret, given_, step * 30 + second)
    assert (found is not None) == (given_ in good)
    assert found is None or code(secret, found) == given_


def test_the_edges_of_a_step():
    assert matched(SECRET, code(SECRET, 10), 10 * 30) == 10
    assert matched(SECRET, code(SECRET, 10), 12 * 30 - 1) == 10
    assert matched(SECRET, code(SECRET, 10), 12 * 30) is None
    assert matched(SECRET, code(SECRET, 10), 9 * 30) == 10
    assert matched(SECRET, code(SECRET, 10), 9 * 30 - 1) is None


@pytest.mark.parametrize("given_", ["", "12345", "1234567", "abcdef", "\u0661\u0662\u0663\u0664\u0665\u0666"])
def test_what_is_no_code_is_wrong(given_):
    assert matched(SECRET, given_, 59) is None


def test_a_secret_is_read_as_it_is_shown():
    assert read(shown(SECRET)) == SECRET
    assert second_factor.address(SECRET, "ana@example.org") == (
        "otpauth://totp/Daybook:ana%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Daybook&digits=6&period=30"
    )


def test_recovery_codes_are_read_however_they_are_typed():
    one = recovery_code(bytes(range(12)))
    assert one == "2345-6789-ABCD"
    assert plain(" 2345 6789abcd ") == plain(one)
    assert second_factor.is_recovery_code(one)
    assert not second_factor.is_recovery_code("123 456")
