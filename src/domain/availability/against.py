"""Why not: everything that speaks against one start, in the fixed order."""

from datetime import datetime

from domain import localtime
from domain.availability import choice
from domain.availability.offer import TOLD
from domain.availability.setup import Reason, in_order
from domain.availability.starts import Starting
from domain.resource.resource import Resource
from domain.wall import MINUTE, micros, moment

EVERYBODYS = {"SESSIONS_ONLY", "OUTSIDE_HOURS", "CLOSED_EXCEPTION", "CLOSURE", "MAINTENANCE", "NO_STAFF"}
"""What is said once where it is true of every candidate."""
MOST_DETAILS = 50


def against(question: Starting, start: int, local: datetime) -> tuple[Reason, ...]:
    """Everything that speaks against this start, in the fixed order."""
    found: list[Reason] = []
    if start < question.not_before:
        found.append(Reason("TOO_SOON", earliest=moment(question.not_before)))
    on, terms = local.date(), question.terms
    limits = [it for it in (terms.last_date, question.horizon) if it is not None]
    if limits and on > min(limits) and not question.request.override:
        found.append(Reason("TOO_FAR", latest=min(limits)))
    if terms.first_date is not None and on < terms.first_date and not question.request.override:
        found.append(Reason("TOO_SOON", earliest=localtime.by_rule(localtime.day(terms.first_date), question.zone)))
    found += choice.misfits(question.needed, question.setup, question.request)
    if terms.one_at_a_time:
        end = start + question.minutes * MINUTE
        if any(micros(it.starts_at) < end and start < micros(it.ends_at) for it in question.request.busy):
            found.append(Reason("CUSTOMER_CONFLICT"))
    found += against_needs(question, start, local)
    return in_order(found)


def against_needs(question: Starting, start: int, local: datetime) -> list[Reason]:
    found: list[Reason] = []
    free: list[int] = []
    for need in question.needed:
        mask, details = 0, list[tuple[Reason, ...]]()
        for bit, candidate in enumerate(need.candidates):
            told = tuple(
                r for it in candidate.members for r in against_resource(question, it, need.units, start, local)
            )
            if told:
                details.append(told)
            else:
                mask |= 1 << bit
        free.append(mask)
        if mask.bit_count() >= need.count or not details:
            continue
        if len(need.candidates) == 1:
            found += details[0]
            continue
        shared = {r.code for r in details[0]}.intersection(*({r.code for r in told} for told in details[1:]))
        found += [Reason(code) for code in sorted(shared & EVERYBODYS)]
        code = "NO_STAFF" if need.role == "staff" else "NO_RESOURCE_COMBINATION"
        flat = tuple(r for told in details for r in told)
        found.append(Reason(code, role=need.role, details=flat[:MOST_DETAILS]))
    if not found and question.needed and all(free) and question.assigned(tuple(free), local.date().toordinal()) is None:
        found.append(Reason("NO_RESOURCE_COMBINATION"))
    return list(dict.fromkeys(found))


def against_resource(question: Starting, resource: Resource, units: int, start: int, local: datetime) -> list[Reason]:
    """What speaks against one resource."""
    found = question.withheld(resource)
    lasting, before, after, _ = wanted = question.wanted(units)
    end = start + lasting
    outer = (before, after) if question.terms.buffers_within_hours else (0, 0)
    spans = question.wall.spans(question.open_hours(resource))
    if not any(low <= start - outer[0] and end + outer[1] <= high for low, high in spans):
        closed = any(
            calendar.exceptions.get(local.date()) == ()
            for calendar in (question.setup.location.calendar, resource.calendar)
        )
        found.append(Reason("CLOSED_EXCEPTION" if closed else "OUTSIDE_HOURS", resource_id=resource.id))
    for closure in question.closures(resource):
        low, high = micros(closure.starts_at), micros(closure.ends_at)
        sticking = (0, 0) if closure.cause == "closure" else (before, after)
        if low < end + sticking[1] and start - sticking[0] < high:
            found.append(Reason(TOLD[closure.cause], resource_id=resource.id, until=closure.ends_at))
    return found + question.occupied(resource).against(start, wanted)
