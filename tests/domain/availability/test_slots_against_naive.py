"""`slots`, `explained` and `consider` against the naive model, over random setups, claims and requests.

By default the same few questions are asked in every run. With SLOTS_EXAMPLES=5000 it is so many in each test, and
others every time.
"""

import os
from datetime import timedelta
from itertools import pairwise

from drawn_setups import Question, questions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_slots import Naive

from domain.availability.setup import ORDER, Refused, Slot

ASKED = os.environ.get("SLOTS_EXAMPLES")

thoroughly = settings(
    max_examples=int(ASKED or 60),
    derandomize=ASKED is None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def said(slot: Slot) -> tuple:
    """Of a table or of several courts it does not matter which is named first."""
    assignment = tuple((one.role, tuple(sorted(one.resource_ids)), one.units) for one in slot.assignment)
    return slot.starts_at, slot.ends_at, slot.remaining, assignment


def exactly(reasons) -> tuple:
    return tuple((reason.code, reason.role, reason.resource_id) for reason in reasons)


@given(questions())
@thoroughly
def test_the_naive_model_finds_the_same(decided, question: Question):
    found = decided.slots(*question)
    assert [said(slot) for slot in found] == [said(slot) for slot in Naive(*question).slots()]
    assert all(a.starts_at < b.starts_at for a, b in pairwise(found)), "in order, and none twice"


@given(questions())
@thoroughly
def test_what_is_explained_as_free_is_what_is_offered(decided, question: Question):
    told = decided.explained(*question)
    free = sorted((label for label in told if isinstance(label, Slot)), key=lambda slot: slot.starts_at)
    assert free == decided.slots(*question)


@given(questions())
@thoroughly
def test_whatever_speaks_against_a_label_is_so(decided, question: Question):
    naive, told = Naive(*question), decided.explained(*question)
    for refused in told:
        if isinstance(refused, Refused):
            assert refused.reasons, refused
            ranks = [ORDER.index(reason.code) for reason in refused.reasons]
            assert ranks == sorted(ranks), refused
            untrue = [reason for reason in refused.reasons if not naive.holds_true(reason, refused)]
            assert not untrue, (refused, untrue)
            said_codes = {reason.code for reason in refused.reasons}
            assert naive.codes_of_its_own(refused.starts_at) <= said_codes, (refused, "something is not told")


@given(questions())
@thoroughly
def test_no_label_of_the_naive_model_is_passed_over(decided, question: Question):
    told = decided.explained(*question)
    labels = {(label.local, label.starts_at) for label in told if isinstance(label, Refused)}
    labels |= {(None, label.starts_at) for label in told if isinstance(label, Slot)}
    for local, at in Naive(*question).labels():
        assert (local, at) in labels or (None, at) in labels, (local, at)


@given(questions())
@thoroughly
def test_one_start_is_judged_as_it_is_among_all(decided, question: Question):
    for label in decided.explained(*question):
        if label.starts_at is not None:
            setup, uses, request, now = question
            considered = decided.consider(setup, uses, request, label.starts_at, now)
            if isinstance(label, Slot):
                assert considered == label, (considered, label)
            else:
                assert isinstance(considered, Refused), (considered, label)
                assert considered.starts_at == label.starts_at
                assert exactly(considered.reasons) == exactly(label.reasons), (considered, label)


@given(questions(), st.integers(-60, 360))
@thoroughly
def test_any_start_is_judged_as_the_naive_model_does(decided, question: Question, fives: int):
    setup, uses, request, now = question
    naive = Naive(*question)
    midnight = min((at for _, at in naive.labels() if at is not None), default=None)
    if midnight is None:
        return
    at = midnight + timedelta(minutes=5 * fives)
    considered = decided.consider(setup, uses, request, at, now)
    # Staff who pass over the notice pass over the labels too.
    on_label = (request.override and naive.on_asked_date(at)) or at in {label for _, label in naive.labels()}
    expected = naive.slot(at) if on_label else None
    if expected is not None:
        assert isinstance(considered, Slot), (considered, expected)
        assert said(considered) == said(expected), (considered, expected)
    elif naive.on_asked_date(at):
        assert isinstance(considered, Refused), (considered, on_label)
        assert considered.reasons
        assert all(naive.holds_true(reason, considered) for reason in considered.reasons), considered
