"""What may be known about somebody, in which form, and what is refused."""

from datetime import date
from uuid import UUID

import pytest
from given import SOMETHING, given
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.identity import details as kept
from domain.identity import errors
from domain.identity.details import Details
from domain.identity.events import UserDescribed, UserDetailsRemoved, UserRegistered
from domain.identity.lookup import named_so, pieces, sought, words
from domain.identity.user import User
from domain.personal import Clear, Sealed

TODAY = date(2026, 11, 21)
REGISTERED = UserRegistered("customer")


def clear(text: str) -> Clear:
    return Clear(SOMETHING, text)


def box(field: str, version: int = 2) -> Sealed:
    return Sealed(SOMETHING, 1, f"{SOMETHING}:{version}:details.{field}", b"box")


# the form in which each is kept


@pytest.mark.parametrize(
    ("written", "as_kept"),
    [
        ("Ana Lopes", "Ana Lopes"),
        ("  Ana \t Lopes ", "Ana Lopes"),
        ("Ame\u0301lie", "Am\u00e9lie"),
        ("\u674e\u5c0f\u9f99", "\u674e\u5c0f\u9f99"),
        ("X", "X"),
        ("n" * 200, "n" * 200),
    ],
)
def test_a_name_is_kept_composed_with_single_blanks(written, as_kept):
    assert kept.name(written) == as_kept


@pytest.mark.parametrize("written", ["", "  ", "n" * 201, "Ana\x00", "Ana\x1b[31m", "\ud800"])
def test_what_is_no_name_is_refused(written):
    with pytest.raises(errors.NotAName) as refused:
        kept.name(written)
    assert refused.value.detail == {"field": "name"}


@pytest.mark.parametrize(
    ("written", "as_kept"),
    [
        ("ana@Example.ORG", "ana@example.org"),
        ("Ana.Lopes+club@example.org ", "Ana.Lopes+club@example.org"),
        ("ana@mu\u0308nchen.example", "ana@m\u00fcnchen.example"),
        ("o'neil@a.co", "o'neil@a.co"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
    ],
)
def test_an_address_keeps_its_first_part_and_its_domain_in_small_letters(written, as_kept):
    assert kept.email(written) == as_kept


@pytest.mark.parametrize(
    "written",
    [
        "", "ana", "ana@", "@example.org", "ana@localhost", "ana@-a.org", "ana@a-.org", "ana@a..org",
        "a na@example.org", ".ana@example.org", "ana.@example.org", "a..na@example.org", "ana@exam ple.org",
        "ana@b@example.org", "ana\n@example.org", f"{'a' * 65}@example.org", f"ana@{'a.' * 130}org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(written):
    with pytest.raises(errors.NotAnEmail):
        kept.email(written)


@pytest.mark.parametrize(
    ("written", "as_kept"),
    [
        ("+351 912 345 678", "+351912345678"),
        ("00351 (912) 345-678", "+351912345678"),
        ("+44\u00a020.7946.0000", "+442079460000"),
        ("+1234567", "+1234567"),
        ("+123456789012345", "+123456789012345"),
        ("\uff0b351912345678", "+351912345678"),
    ],
)
def test_a_number_is_kept_as_e164(written, as_kept):
    assert kept.phone(written) == as_kept


@pytest.mark.parametrize(
    "written", ["", "912345678", "+0351912345678", "+123456", "+1234567890123456", "+351 912 34x", "++351912345678"]
)
def test_what_is_no_number_is_refused(written):
    with pytest.raises(errors.NotAPhone):
        kept.phone(written)


@pytest.mark.parametrize("written", ["1900-01-01", "1984-05-31", "2024-02-29", "2026-11-21"])
def test_a_birth_date_lies_between_1900_and_today(written):
    assert kept.birth_date(written, TODAY) == written


@pytest.mark.parametrize("written", ["1899-12-31", "2026-11-22", "2023-02-29", "31.5.1984", "", "1984"])
def test_what_is_no_birth_date_is_refused(written):
    with pytest.raises(errors.NotABirthDate):
        kept.birth_date(written, TODAY)


def test_a_note_has_lines_and_an_end():
    assert kept.note(" Allergic to nuts.\r\n\tSits left. ") == "Allergic to nuts.\n\tSits left."
    assert len(kept.note("n" * 2000)) == 2000
    for written in ("", " \n ", "n" * 2001, "a\x00b", "a\x1bb"):
        with pytest.raises(errors.NotANote):
            kept.note(written)


@pytest.mark.parametrize(
    ("written", "as_kept"), [("pt", "pt"), ("PT_pt", "pt-PT"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419", "es-419")]
)
def test_a_locale_is_written_as_everybody_writes_it(written, as_kept):
    assert kept.locale(written) == as_kept


@pytest.mark.parametrize("written", ["", "p", "portuguese", "pt-", "pt-P", "pt-PT-x", "../pt"])
def test_what_is_no_locale_is_refused(written):
    with pytest.raises(errors.NotALocale):
        kept.locale(written)


@drawn(st.text(max_size=300))
def test_what_is_kept_is_in_its_form_already(text):
    """Whatever was accepted is accepted again, and stays as it is."""
    for normal in (kept.name, kept.email, kept.phone, kept.note, kept.locale):
        try:
            once = normal(text)
        except errors.Rule:
            continue
        assert normal(once) == once


def test_nothing_of_it_is_shown_by_accident():
    said = Details(name="Ana Lopes", phone="+351912345678", locale="pt")
    assert repr(said) == "Details(name, phone, locale)"
    for refused in ("not an address", "ana@"):
        with pytest.raises(errors.NotAnEmail) as caught:
            Details(email=refused).normal(TODAY)
        assert refused not in f"{caught.value} {caught.value.detail}"


# what a person decides


def test_whoever_is_registered_with_details_is_described_at_once():
    given(User).when(lambda ana: ana.register("customer", Details(name=" Ana  Lopes", locale="pt_PT"), TODAY)).then(
        REGISTERED, UserDescribed({"name": clear("Ana Lopes")}, "pt-PT")
    )


def test_whoever_is_registered_without_details_is_nobody_in_particular():
    given(User).when(lambda ana: ana.register("customer", Details(), TODAY)).then(REGISTERED)


def test_what_is_not_named_stays_as_it_is():
    before = UserDescribed({"name": box("name"), "email": box("email")}, "pt")
    after = given(User, REGISTERED, before).when(lambda ana: ana.describe(Details(phone="+351912345678"), TODAY)).then(
        UserDescribed({"phone": clear("+351912345678")})
    )  # fmt: skip
    assert set(after.details) == {"name", "email", "phone"}
    assert after.locale == "pt"


def test_one_bad_detail_refuses_all():
    story = given(User, REGISTERED)
    story.when(lambda ana: ana.describe(Details(name="Ana", email="nobody"), TODAY)).refused(errors.NotAnEmail)


def test_saying_nothing_or_the_same_locale_again_changes_nothing():
    given(User, REGISTERED).when(lambda ana: ana.describe(Details(), TODAY)).then()
    story = given(User, REGISTERED, UserDescribed({}, "pt"))
    story.when(lambda ana: ana.describe(Details(locale="PT"), TODAY)).then()


def test_what_is_said_again_is_said_again_for_nobody_can_compare():
    story = given(User, REGISTERED, UserDescribed({"name": box("name")}))
    story.when(lambda ana: ana.describe(Details(name="Ana"), TODAY)).then(UserDescribed({"name": clear("Ana")}))


def test_only_what_is_there_is_forgotten():
    story = given(User, REGISTERED, UserDescribed({"name": box("name"), "note": box("note")}, "pt"))
    after = story.when(lambda ana: ana.forget(["note", "phone", "locale"])).then(UserDetailsRemoved(("note", "locale")))
    assert (set(after.details), after.locale) == ({"name"}, None)
    story.when(lambda ana: ana.forget(["phone"])).then()
    story.when(lambda ana: ana.forget(["shoe size"])).refused(errors.NoSuchDetail)


def test_a_persons_own_id_is_whose_it_is():
    assert User(id=UUID(int=5)).customer_id == UUID(int=5)


# by what they are found


def test_words_are_compared_without_accents_and_case():
    assert words("Jos\u00e9 da Concei\u00e7\u00e3o-O'Brien") == ("jose", "da", "conceicao", "o", "brien")
    assert words("Stra\u00dfe") == ("strasse",)
    assert words("...") == ()


def test_each_word_of_a_name_is_found_by_its_beginning():
    assert pieces("name", "Ana Lopes Li Anastasia") == [("name", "ana"), ("name", "lop"), ("name", "li")]
    assert pieces("phone", "+351912345678") == [("phone", "+351912345678"), ("phone4", "5678")]
    assert pieces("email", "Ana@example.org") == [("email", "ana@example.org")]
    assert pieces("note", "anything") == []


def test_what_is_sought_is_what_would_be_found():
    assert sought(None, None, None, "Ana lo") == [("name", "ana")], "a short word among others is compared afterwards"
    assert sought(None, None, None, "Li") == [("name", "li")]
    assert sought(None, None, "5678", "Li") == [("phone4", "5678")]
    assert sought("Ana@example.org", "+351912345678", None, None) == [
        ("email", "ana@example.org"), ("phone", "+351912345678"),
    ]  # fmt: skip
    assert sought(None, None, None, "...") == []


@pytest.mark.parametrize(
    ("asked", "so"), [("ana", True), ("LOP", True), ("lopes an", True), ("nal", False), ("ana b", False), ("", True)]
)
def test_somebody_is_called_so_if_each_word_begins_one_of_theirs(asked, so):
    assert named_so("Ana Lopes", asked) is so


@drawn(st.text(max_size=40), st.data())
def test_whoever_is_called_so_is_among_those_looked_up(name, data):
    """No beginning of a name that is long enough is passed over by the index."""
    known = words(name)[:6]
    if not known:
        return
    word = data.draw(st.sampled_from(known))
    asked = word[: data.draw(st.integers(3, 20))]
    wanted = sought(None, None, None, asked)
    assert named_so(name, asked)
    assert set(wanted) <= set(pieces("name", name))
