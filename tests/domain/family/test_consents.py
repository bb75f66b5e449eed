"""Consents: what is asked in which words, who said yes to it, and who took it back."""

from uuid import UUID

import pytest
from given import given

from domain.family import errors
from domain.family.consents import MOST_PURPOSES, MOST_VERSIONS, Asked, Asking, Consents
from domain.family.events import ConsentAsked, ConsentGiven, ConsentNoLongerAsked, ConsentWithdrawn

ANN, KIM = UUID(int=101), UUID(int=102)
PHOTO, HEALTH = Asked("photo", 2, of_minors=True), Asked("health", 1, of_minors=True)
YES = ConsentGiven("photo", 2, ANN)


# what is asked


def test_a_purpose_is_asked_in_a_version_of_words():
    asking = given(Asking).when(lambda it: it.ask(PHOTO)).then(ConsentAsked("photo", 2, of_minors=True))
    assert asking.of_minors == [PHOTO]
    assert asking.ask(PHOTO) == []


def test_what_is_asked_of_nobody_in_particular_is_not_asked_of_minors():
    asking = given(Asking).when(lambda it: it.ask(Asked("news", 1))).then(ConsentAsked("news", 1))
    assert asking.of_minors == []


def test_versions_do_not_go_back():
    story = given(Asking, ConsentAsked("photo", 2, of_minors=True))
    story.when(lambda it: it.ask(Asked("photo", 1))).refused(errors.BadVersion)
    story.when(lambda it: it.ask(Asked("photo", 2))).then(ConsentAsked("photo", 2))
    story.when(lambda it: it.ask(Asked("photo", 3))).then(ConsentAsked("photo", 3))


def test_nor_do_they_after_a_while_in_which_nobody_asked():
    story = given(Asking, ConsentAsked("photo", 2), ConsentNoLongerAsked("photo"))
    story.when(lambda it: it.ask(Asked("photo", 1))).refused(errors.BadVersion)
    story.when(lambda it: it.ask(Asked("photo", 2))).then(ConsentAsked("photo", 2))


@pytest.mark.parametrize("version", [0, -1, MOST_VERSIONS + 1])
def test_versions_count_from_one(version):
    given(Asking).when(lambda it: it.ask(Asked("photo", version))).refused(errors.BadVersion)


@pytest.mark.parametrize("version", [1, MOST_VERSIONS])
def test_versions_at_the_edge(version):
    given(Asking).when(lambda it: it.ask(Asked("photo", version))).then(ConsentAsked("photo", version))


@pytest.mark.parametrize("purpose", ["", "Photo", "pho to", "-photo", "p" * 65, "фото"])
def test_a_purpose_is_a_short_code(purpose):
    given(Asking).when(lambda it: it.ask(Asked(purpose, 1))).refused(errors.BadPurpose)


def test_fifty_purposes_and_no_more():
    past = [ConsentAsked(f"p{n}", 1) for n in range(MOST_PURPOSES)]
    given(Asking, *past).when(lambda it: it.ask(Asked("more", 1))).refused(errors.TooManyPurposes)
    given(Asking, *past).when(lambda it: it.ask(Asked("p0", 2))).then(ConsentAsked("p0", 2))
    given(Asking, *past[1:]).when(lambda it: it.ask(Asked("more", 1))).then(ConsentAsked("more", 1))


def test_what_is_asked_no_longer_is_not_asked():
    story = given(Asking, ConsentAsked("photo", 2, of_minors=True))
    asking = story.when(lambda it: it.ask_no_longer("photo")).then(ConsentNoLongerAsked("photo"))
    assert asking.of_minors == []
    assert asking.ask_no_longer("photo") == []
    with pytest.raises(errors.UnknownPurpose):
        asking.named("photo")


def test_what_was_never_asked_cannot_be_taken_back():
    given(Asking).when(lambda it: it.ask_no_longer("photo")).refused(errors.UnknownPurpose)


# what is consented to


def test_consent_is_to_the_words_that_are_asked_now():
    given(Consents).when(lambda it: it.give(PHOTO, 2, ANN)).then(YES)
    given(Consents).when(lambda it: it.give(PHOTO, 1, ANN)).refused(errors.OtherVersion, version=2, purpose="photo")


def test_consent_once_given_stands_whoever_says_it_again():
    given(Consents, YES).when(lambda it: it.give(PHOTO, 2, KIM)).then()


def test_new_words_are_consented_to_anew():
    newer = Asked("photo", 3, of_minors=True)
    given(Consents, YES).when(lambda it: it.give(newer, 3, ANN)).then(ConsentGiven("photo", 3, ANN))


def test_what_is_withdrawn_is_not_consented_to_and_may_be_again():
    consents = given(Consents, YES).when(lambda it: it.withdraw("photo", KIM)).then(ConsentWithdrawn("photo", KIM))
    assert consents.withdraw("photo", KIM) == []
    assert consents.give(PHOTO, 2, ANN) == [YES]


def test_what_is_covered():
    given(Consents, YES).before.cover([PHOTO])
    given(Consents).before.cover([])


@pytest.mark.parametrize(
    ("past", "wanted", "missing"),
    [
        ([], [PHOTO], [{"purpose": "photo", "version": 2}]),
        ([YES], [PHOTO, HEALTH], [{"purpose": "health", "version": 1}]),
        ([YES, ConsentWithdrawn("photo", ANN)], [PHOTO], [{"purpose": "photo", "version": 2}]),
        ([ConsentGiven("photo", 1, ANN)], [PHOTO], [{"purpose": "photo", "version": 2}]),
        ([], [HEALTH, PHOTO], [{"purpose": "health", "version": 1}, {"purpose": "photo", "version": 2}]),
    ],
)
def test_what_is_not_covered_is_named_in_the_words_that_are_asked(past, wanted, missing):
    with pytest.raises(errors.ConsentMissing) as refused:
        given(Consents, *past).before.cover(wanted)
    assert refused.value.detail["missing"] == missing
