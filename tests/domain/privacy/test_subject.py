"""Who may be forgotten, and what stands against it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from given import given
from hypothesis import given as whatever
from hypothesis import strategies as st

from domain.errors import Refusal
from domain.event import KNOWN
from domain.identity import events as identity  # noqa: F401
from domain.privacy import errors
from domain.privacy.events import (
    ErasureCertified,
    ErasureRefused,
    ErasureRequested,
    HoldLifted,
    HoldPlaced,
    RetentionSet,
    SubjectErased,
)
from domain.privacy.retention import Retention
from domain.privacy.subject import BASES, Subject

ANA, REQUEST, OTHER, CASE, CASE_2 = (UUID(int=n) for n in range(1, 6))
NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)
BASIS = "consent_withdrawn"
requested = ErasureRequested(ANA, REQUEST, BASIS)
erased = SubjectErased(ANA, REQUEST, BASIS, 1, 6)
certified = ErasureCertified(ANA, REQUEST, 7)
held = HoldPlaced(ANA, CASE, "case 7")
lifted = HoldLifted(ANA, CASE)


def asking(request: UUID = REQUEST, basis: str = BASIS):
    return lambda subject: subject.request_erasure(ANA, request, basis)


def erasing(request: UUID = REQUEST, keys: int | None = 1):
    return lambda subject: subject.erase(request, keys, 6)


def certifying(tried: int | None = 7, opened: int = 0, found: int = 0, request: UUID = REQUEST):
    return lambda subject: subject.certify(request, tried, opened, found)


def test_who_asks_is_heard():
    assert given(Subject).when(asking()).then(requested).status == "requested"


@pytest.mark.parametrize("past", [(requested,), (requested, erased), (requested, erased, certified)])
def test_who_asks_twice_has_asked(past):
    given(Subject, *past).when(asking(OTHER)).then()


def test_what_is_held_is_not_erased_and_who_asked_is_told_why():
    after = given(Subject, held).when(asking()).then(ErasureRefused(ANA, REQUEST, BASIS, (CASE,)))
    assert (after.status, after.gone) == ("refused", False)


def test_once_nothing_is_held_any_more_who_asks_again_is_heard():
    refused = ErasureRefused(ANA, REQUEST, BASIS, (CASE,))
    given(Subject, held, refused, lifted).when(asking(OTHER)).then(ErasureRequested(ANA, OTHER, BASIS))


def test_one_hold_of_two_stands_against_it():
    given(Subject, held, HoldPlaced(ANA, CASE_2, "tax"), lifted).when(asking()).then(
        ErasureRefused(ANA, REQUEST, BASIS, (CASE_2,))
    )


def test_a_basis_is_one_of_the_law():
    given(Subject).when(asking(basis="because")).refused(errors.UnknownBasis)
    for basis in BASES:
        given(Subject).when(asking(basis=basis)).then(ErasureRequested(ANA, REQUEST, basis))


@pytest.mark.parametrize("past", [(requested,), (requested, erased), (requested, erased, certified)])
def test_from_the_request_on_nothing_can_be_held(past):
    given(Subject, *past).when(lambda it: it.place_hold(ANA, CASE, "case 7", None)).refused(errors.BeingErased)


def test_a_hold_is_placed_once():
    given(Subject).when(lambda it: it.place_hold(ANA, CASE, "case 7", None)).then(held)
    given(Subject, held).when(lambda it: it.place_hold(ANA, CASE, "case 7", None)).then()


def test_there_is_an_end_of_holds():
    past = [HoldPlaced(ANA, UUID(int=100 + n), "case") for n in range(100)]
    given(Subject, *past[:99]).when(lambda it: it.place_hold(ANA, CASE, "case 7", None)).then(held)
    given(Subject, *past).when(lambda it: it.place_hold(ANA, CASE, "case 7", None)).refused(errors.TooManyHolds)


def test_a_hold_can_be_lifted_when_it_has_stood_for_long_enough():
    past = HoldPlaced(ANA, CASE, "case 7", NOON)
    early = NOON - timedelta(microseconds=1)
    given(Subject, past).when(lambda it: it.lift_hold(CASE, early)).refused(errors.HoldTooYoung, until=NOON)
    given(Subject, past).when(lambda it: it.lift_hold(CASE, NOON)).then(lifted)
    given(Subject, held).when(lambda it: it.lift_hold(CASE, early)).then(lifted)


def test_what_is_not_held_cannot_be_lifted():
    given(Subject, held).when(lambda it: it.lift_hold(CASE_2, NOON)).refused(errors.NoSuchHold)
    given(Subject, held, lifted).when(lambda it: it.lift_hold(CASE, NOON)).refused(errors.NoSuchHold)


def test_it_is_said_that_somebody_is_erased_when_their_keys_are_gone():
    given(Subject, requested).when(erasing()).then(erased)
    given(Subject, requested).when(erasing(keys=None)).refused(errors.NothingDestroyed)
    given(Subject, requested).when(erasing(OTHER)).refused(errors.NoErasure)
    given(Subject, requested, erased).when(erasing()).then()
    given(Subject, held).when(erasing()).refused(errors.NoErasure)
    given(Subject, held, ErasureRefused(ANA, REQUEST, BASIS, (CASE,))).when(erasing()).refused(errors.NoErasure)


def test_somebody_who_had_no_key_is_erased_as_well():
    given(Subject, requested).when(lambda it: it.erase(REQUEST, 0, 0)).then(SubjectErased(ANA, REQUEST, BASIS, 0, 0))


def test_the_certificate_says_what_was_found():
    assert given(Subject, requested, erased).when(certifying()).then(certified).status == "certified"
    for found in ({"opened": 1}, {"found": 1}):
        after = (
            given(Subject, requested, erased).when(certifying(**found)).then(ErasureCertified(ANA, REQUEST, 7, **found))
        )
        assert after.status == "failed"
    given(Subject, requested, erased, certified).when(certifying(opened=1)).then()


def test_nothing_is_certified_that_was_not_done():
    given(Subject, requested).when(certifying()).refused(errors.NothingDestroyed)
    given(Subject, requested, erased).when(certifying(tried=None)).refused(errors.NothingDestroyed)
    given(Subject, requested, erased).when(certifying(request=OTHER)).refused(errors.NoErasure)


def test_one_that_failed_may_be_looked_at_again():
    failed = ErasureCertified(ANA, REQUEST, 7, opened=1)
    assert given(Subject, requested, erased, failed).when(certifying()).then(certified).status == "certified"


def test_an_erasure_that_a_backup_took_back_is_asked_for_whatever_was_held_then():
    replaying = lambda it: it.replay_erasure(ANA, REQUEST, BASIS)  # noqa: E731
    given(Subject, held).when(replaying).then(requested)
    given(Subject, requested, erased).when(replaying).then()


DEEDS = st.sampled_from(["ask", "erase", "certify", "hold", "lift", "replay"])


@whatever(st.lists(DEEDS, max_size=12))
def test_whatever_is_done_nobody_is_erased_without_a_request_and_nobody_comes_back(deeds):
    subject = Subject(id=ANA)
    tags = []
    for deed in deeds:
        act = {
            "ask": asking(), "erase": erasing(), "certify": certifying(), "replay": asking(),
            "hold": lambda it: it.place_hold(ANA, CASE, "case", None), "lift": lambda it: it.lift_hold(CASE, NOON),
        }[deed]  # fmt: skip
        try:
            facts = act(subject)
        except Refusal:
            continue
        was = subject
        subject = subject.after(facts)
        tags += [fact.tag for fact in facts]
        assert not (was.gone and not subject.gone)
        if "subject.erasure_requested" in tags and was.gone:
            assert not any(fact.tag.startswith("hold.placed") for fact in facts)
    assert "subject.erased" not in tags or "subject.erasure_requested" in tags[: tags.index("subject.erased")]


def test_an_organization_says_how_long_it_keeps_people():
    given(Retention).when(lambda it: it.set(365, 30)).then(RetentionSet(365, 30))
    given(Retention, RetentionSet(365, 30)).when(lambda it: it.set(365, 30)).then()
    given(Retention, RetentionSet(365, 30)).when(lambda it: it.set(None, 0)).then(RetentionSet(None, 0))


@pytest.mark.parametrize(("days", "hold"), [(30, 0), (3650, 3650)])
def test_from_a_month_to_ten_years(days, hold):
    given(Retention).when(lambda it: it.set(days, hold)).then(RetentionSet(days, hold))


@pytest.mark.parametrize(("days", "hold"), [(29, 0), (3651, 0), (365, -1), (365, 3651)])
def test_and_not_for_shorter_or_longer(days, hold):
    given(Retention).when(lambda it: it.set(days, hold)).refused(errors.BadRetention)


def test_what_is_sealed_stands_in_the_persons_own_stream():
    """There the certificate's looking looks. Whoever seals something elsewhere has to show it where to look."""
    assert {tag for tag, kind in KNOWN.items() if kind.personal and not tag.startswith("test.")} == {"user.described"}
