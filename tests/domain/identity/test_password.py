"""What may be a password, and what is among the first that anybody would try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identity import password
from domain.identity.password import PasswordTooCommon, PasswordTooLong, PasswordTooShort, fit, guessable
from infrastructure.identity.passwords import common_words

COMMON = common_words()


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery staple",
        "tr0ubadour&3 under the bridge",
        "kqzvtwmhxbrd",
        "o gato dorme no telhado",
        "Пусть всегда будет солнце",
        "正しい馬の電池のホッチキス。そして猫",
        "\U0001f40e\U0001f50b\U0001f4ce horses like batteries",
        "    spaces count as well    ",
    ],
)
def test_what_is_long_and_nobodys_first_thought_may_be_a_password(text):
    assert fit(text, COMMON) == text


@pytest.mark.parametrize(
    "text",
    [
        "password1234", "Password123!", "P@ssw0rd2026!", "passwordpassword", "letmeinletmein", "qwertyuiop12",
        "QWERTYUIOPasdf", "123456789012", "1q2w3e4r5t6y", "abcdefghijkl", "aaaaaaaaaaaa", "ababababababab",
        "iloveyou2026", "Summer2026!!", "welcome-to-daybook", "adminadmin123", "9876543210987", "Football_1999",
        "abcabcabcabc", "............", "            ", "zaq1zaq1zaq1zaq1", "monkeydragon99",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff441234",
    ],
)  # fmt: skip
def test_what_everybody_tries_first_may_not(text):
    with pytest.raises(PasswordTooCommon):
        fit(text, COMMON)


def test_ones_own_name_is_no_secret():
    with pytest.raises(PasswordTooCommon):
        fit("conceicao.lopes-2026", COMMON, ("conceicao.lopes@example.org",))
    assert fit("conceicao.lopes-2026 swims", COMMON, ("somebody@example.org",))


def test_twelve_characters_are_enough_and_eleven_are_not():
    assert fit("kqzvtwmhxbrd", COMMON)
    with pytest.raises(PasswordTooShort):
        fit("kqzvtwmhxbr", COMMON)


def test_long_ones_are_fine_up_to_128():
    phrase = "kitten rug sofa lamp moss brick cloud ember flint grove haste inlet jolt knack lodge mirth nudge"
    assert len(phrase) > 64
    assert fit(phrase, COMMON) == phrase
    most = (phrase * 2)[:128]
    assert fit(most, COMMON) == most
    with pytest.raises(PasswordTooLong):
        fit(most + "x", COMMON)


def test_what_was_typed_is_what_counts():
    assert password.compared("Straße") != password.compared("strasse")
    assert password.compared("Ünten") == password.compared("U\u0308nten"), "the same key, another code"
    assert password.compared("\ufb01sh") == password.compared("fish")
    assert password.compared(" a ") == " a "


@given(st.text(alphabet=st.sampled_from("abcdefghijklmnop 0123456789!"), min_size=12, max_size=60))
def test_a_word_more_makes_none_worse(text):
    if not guessable(text, COMMON):
        assert not guessable(text + " xkvqjz", COMMON)


@given(st.lists(st.sampled_from(sorted(COMMON)), min_size=1, max_size=6), st.integers(0, 10**6))
def test_common_words_and_a_number_are_never_one(words, number):
    assert guessable("-".join(words) + str(number), COMMON)


def test_an_evil_one_takes_no_longer_than_another():
    assert guessable("a" * 128, COMMON)
    assert not guessable("aäbcdéfghíjklmn" * 4 + "xyzqwk", frozenset({"a" * n for n in range(1, 60)}))
