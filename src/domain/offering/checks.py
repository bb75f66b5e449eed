"""What is wrong with terms: everything at once, each with its place and with what would be right."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from uuid import UUID

from msgspec import Struct

from domain.hours import DAY
from domain.offering.errors import BadTerms
from domain.offering.terms import Approval, Need, Terms
from domain.period import EARLIEST, LATEST

LONGEST = 400 * DAY
"""Minutes."""
MOST_UNITS = 100_000
MOST_NEEDS = 20
MOST_CANDIDATES = 500
MOST_VARIANTS = 100
MOST_RULES = 20
MOST_WAITING = 500
"""Requests for approval at once: who asks looks at all that wait."""
FARTHEST = 3650
"""Days."""
DEAREST = 10**12
CODE = re.compile(r"[a-z0-9][a-z0-9 _-]{0,39}")
FEATURE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
CURRENCY = re.compile(r"[A-Z]{3}")


class Candidate(Struct, frozen=True):
    """What a need may name, as it stands: a resource, or a pool of so many."""

    location_id: UUID
    members: int = 1


Fault = tuple[str, str]
"""Where in the terms, and what would be right there."""


def checked(terms: Terms, location_id: UUID, candidates: Mapping[UUID, Candidate]) -> Terms:
    """The terms, or `BadTerms` with all that is wrong. `candidates`: every resource and pool that they name."""
    faults = [
        *_needs(terms, location_id, candidates),
        *_durations(terms),
        *_times(terms),
        *_parties(terms),
        *_price(terms),
        *_approval(terms.approval, location_id, candidates),
    ]
    if faults:
        raise BadTerms(errors=[{"message": message, "field": f"terms.{field}"} for field, message in faults])
    return terms


def named(terms: Terms) -> tuple[frozenset[UUID], frozenset[UUID]]:
    """Every resource and every pool that the terms name."""
    resources = {resource for need in terms.needs for resource in need.any_of}
    if terms.approval is not None:
        resources |= {resource for rule in terms.approval.rules for resource in rule.resources}
    return frozenset(resources), frozenset(need.pool_id for need in terms.needs if need.pool_id is not None)


def _needs(terms: Terms, location_id: UUID, candidates: Mapping[UUID, Candidate]) -> Iterator[Fault]:
    if not 1 <= len(terms.needs) <= MOST_NEEDS:
        yield "needs", f"There are 1 to {MOST_NEEDS} needs: something has to be occupied."
    roles = [need.role for need in terms.needs]
    for n, need in enumerate(terms.needs):
        if not CODE.fullmatch(need.role):
            yield f"needs[{n}].role", "A role is a short code of a-z, 0-9, blanks, _ and -, with 1 to 40 characters."
        elif need.role in roles[:n]:
            yield f"needs[{n}].role", "Each need has a role of its own."
        for field, message in _need(need, location_id, candidates):
            yield f"needs[{n}].{field}", message


def _need(need: Need, location_id: UUID, candidates: Mapping[UUID, Candidate]) -> Iterator[Fault]:
    named = (*need.any_of, *([] if need.pool_id is None else [need.pool_id]))
    where = "pool_id" if need.pool_id is not None else "any_of"
    if bool(need.any_of) == (need.pool_id is not None):
        yield "any_of", "A need names either resources (any_of) or a pool (pool_id), and not both."
    if len(need.any_of) > MOST_CANDIDATES or len(set(need.any_of)) < len(need.any_of):
        yield "any_of", f"There are at most {MOST_CANDIDATES} candidates, all different."
    if any(candidates[one].location_id != location_id for one in named):
        yield where, "Candidates are at the location of the offering."
    there = sum(candidates[one].members for one in set(named))
    if not 1 <= need.count <= max(there, 1):
        yield "count", f"So many different candidates: 1 to {max(there, 1)}, as many as there are."
    if not 1 <= need.units <= MOST_UNITS:
        yield "units", f"So many units of each: 1 to {MOST_UNITS}."
    if need.per_head and need.units != 1:
        yield "per_head", "It takes as many units as there are people: leave `units` at 1."
    if need.tables and (need.pool_id is None or need.count != 1 or need.units != 1 or need.per_head):
        yield "tables", "One table or combination of a pool: name pool_id, and leave count, units and per_head alone."
    if len(need.features) > 50 or not all(FEATURE.fullmatch(feature) for feature in need.features):
        yield "features", "Features are at most 50 short codes of a-z, 0-9, _ and -, with 1 to 40 characters each."


def _durations(terms: Terms) -> Iterator[Fault]:
    ways = [bool(terms.durations), terms.lasting is not None, bool(terms.turn_times)]
    if sum(ways) != 1:
        yield "durations", "Say how long it lasts in one way: durations, lasting or turn_times."
    if len(terms.durations) > MOST_VARIANTS or len(set(terms.durations)) < len(terms.durations):
        yield "durations", f"There are at most {MOST_VARIANTS} variants, all different."
    if not all(1 <= minutes <= LONGEST for minutes in terms.durations):
        yield "durations", f"A duration is 1 to {LONGEST} minutes (400 days)."
    if (lasting := terms.lasting) is not None:
        if not 1 <= lasting.least <= lasting.most <= LONGEST:
            yield "lasting", f"It lasts 1 to {LONGEST} minutes, at least no more than at most."
        if not 1 <= lasting.increment <= LONGEST:
            yield "lasting.increment", f"An increment is 1 to {LONGEST} minutes."
    turns = terms.turn_times
    if len(turns) > MOST_VARIANTS or not all(1 <= turn.minutes <= LONGEST for turn in turns):
        yield "turn_times", f"There are at most {MOST_VARIANTS}, each of 1 to {LONGEST} minutes."
    parties: Sequence[int] = [0, *(MOST_UNITS + 1 if turn.up_to is None else turn.up_to for turn in turns)]
    if any(last >= party for last, party in pairwise(parties)) or any(turn.up_to is None for turn in turns[:-1]):
        yield "turn_times", "They ascend by up_to, from 1; only the last may be for every larger party (null)."


def _times(terms: Terms) -> Iterator[Fault]:
    for name, minutes in (("before", terms.before), ("after", terms.after)):
        if not 0 <= minutes <= DAY:
            yield name, f"A buffer is 0 to {DAY} minutes."
    if not 1 <= terms.step <= DAY:
        yield "step", f"A step is 1 to {DAY} minutes."
    if terms.hours is not None and not terms.hours.sound:
        yield "hours", "Openings lie within minutes 0 to 2880 of their day, end after they start and do not overlap."
    if not 0 <= terms.notice <= LONGEST:
        yield "notice", f"Notice is 0 to {LONGEST} minutes."
    if terms.cancellation_notice is not None and not 0 <= terms.cancellation_notice <= LONGEST:
        yield "cancellation_notice", f"Notice of a cancellation is 0 to {LONGEST} minutes."
    if terms.horizon is not None and not 0 <= terms.horizon <= FARTHEST:
        yield "horizon", f"A horizon is 0 to {FARTHEST} days."
    dates = [on for on in (terms.first_date, terms.last_date) if on is not None]
    if dates != sorted(dates):
        yield "last_date", "The last date is not before the first."
    if not all(EARLIEST.date() <= on < LATEST.date() for on in dates):
        yield "first_date", "Dates lie between the years 1970 and 2199."


def _parties(terms: Terms) -> Iterator[Fault]:
    if not 1 <= terms.least_party <= MOST_UNITS:
        yield "least_party", f"A party is 1 to {MOST_UNITS} people."
    if terms.most_party is not None and not terms.least_party <= terms.most_party <= MOST_UNITS:
        yield "most_party", f"It is at least least_party, and at most {MOST_UNITS}."


def _price(terms: Terms) -> Iterator[Fault]:
    if (price := terms.price) is None:
        return
    if not 0 <= price.amount <= DEAREST:
        yield "price.amount", f"An amount is 0 to {DEAREST}, in minor units of its currency."
    if not CURRENCY.fullmatch(price.currency):
        yield "price.currency", "A currency is named by its ISO 4217 code, for example EUR."


def _approval(approval: Approval | None, location_id: UUID, candidates: Mapping[UUID, Candidate]) -> Iterator[Fault]:
    if approval is None:
        return
    if not 1 <= len(approval.rules) <= MOST_RULES:
        yield "approval.rules", f"There are 1 to {MOST_RULES} rules; one that says nothing is always true."
    for n, rule in enumerate(approval.rules):
        if any(candidates[resource].location_id != location_id for resource in rule.resources):
            yield f"approval.rules[{n}].resources", "Resources are at the location of the offering."
        if len(rule.resources) > MOST_CANDIDATES:
            yield f"approval.rules[{n}].resources", f"There are at most {MOST_CANDIDATES}."
        if rule.longer_than is not None and not 0 <= rule.longer_than <= LONGEST:
            yield f"approval.rules[{n}].longer_than", f"It is 0 to {LONGEST} minutes."
        if rule.party_over is not None and not 0 <= rule.party_over <= MOST_UNITS:
            yield f"approval.rules[{n}].party_over", f"It is 0 to {MOST_UNITS} people."
    if approval.within is not None and not 1 <= approval.within <= LONGEST:
        yield "approval.within", f"A deadline is 1 to {LONGEST} minutes after the request."
    if approval.most_waiting is not None and not 1 <= approval.most_waiting <= MOST_WAITING:
        yield "approval.most_waiting", f"It is 1 to {MOST_WAITING} requests."
