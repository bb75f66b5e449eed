"""What a change would strand: the real handlers decide it, on a unit of work that forgets it, and what stands is held
against what would be. A command by its way in, since it reads streams and claims as the writes do; it records nothing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from application.booking.series import PreviewSeries, preview_series
from application.booking.series_edits import EditSeries
from application.message import Command
from application.offering import commands as offering
from application.organization import commands as organization
from application.resource import commands as resource
from application.unit_of_work import Handler, UnitOfWork
from application.whatif.hits import Hit, Sum, strands, summed, told
from application.whatif.scene import MOST_RESOURCES, TooMuchSupposed, observed, offerings_of, scene, touched_by
from application.whatif.waiters import Waiters, waiters

Change = (
    resource.CloseResource
    | resource.ReopenResource
    | resource.ChangeHours
    | resource.SetException
    | resource.LiftException
    | resource.ChangeCapacity
    | resource.OverrideCapacity
    | resource.LiftCapacityOverride
    | resource.SetPacing
    | resource.DescribeResource
    | resource.RetireResource
    | resource.ChangePool
    | resource.RetirePool
    | offering.ReviseTerms
    | offering.RetireOffering
    | organization.CloseLocation
    | organization.ReopenLocation
    | organization.ChangeLocationHours
    | organization.SetLocationException
    | organization.LiftLocationException
)
FAR = timedelta(days=400)
MOST_CHANGES = 100


class WhatIf(Command, frozen=True):
    """If these changes were made: who would be stranded until then, what else is there for them, what would it cost,
    and what would become of those who wait?"""

    changes: tuple[Change, ...] = ()
    resource_ids: tuple[UUID, ...] = ()
    """What else may be touched: all that is at a location which changes."""
    until: datetime | None = None
    """Bookings that begin before this instant; None: within 400 days."""
    most: int = 3
    """Alternatives for each."""
    series: EditSeries | None = None
    """Then this is looked at, as a preview of it would be."""
    others: tuple[UUID, ...] = ()
    """What else a booking might have that names its resource: those of its kind."""


class Supposed(Struct, frozen=True):
    """What would become of it."""

    as_of: datetime
    total: int
    """How many would be stranded; told are the first of them."""
    hits: tuple[Hit, ...]
    money: tuple[Sum, ...] = ()
    """What the bookings that would be stranded cost, by currency, where that is known."""
    unpriced: int = 0
    """Bookings of which it is not."""
    waiters: Waiters = Waiters()
    series: dict[str, Any] | None = None
    """Of a series that would be moved: its plan."""


def what_if(command: WhatIf, work: UnitOfWork) -> None:
    touched = touched_by(command.changes) | set(command.resource_ids)
    if len(command.changes) > MOST_CHANGES or len(touched) > MOST_RESOURCES:
        raise TooMuchSupposed
    horizon = work.now + FAR
    until = horizon if command.until is None else min(command.until, horizon)
    seen = observed(work, command.changes, touched, max(until, work.now))
    offerings = offerings_of(command.changes, seen)
    before = scene(work, touched, offerings)
    for change in command.changes:
        CARRIED_OUT[type(change)](change, work)
    work.forget()
    after = scene(work, touched, offerings)
    found = strands(before, after, seen, work.now, until)
    hits = told(work, found, before, command.most, command.others)
    money, unpriced = summed(work, found, before)
    waiting = waiters(work, before, after, seen, found)
    work.forget()
    plan = None
    if command.series is not None:
        preview_series(PreviewSeries(command.series), work)
        plan = dict(work.result)
        work.forget()
    work.result["supposed"] = Supposed(work.now, len(found), hits, money, unpriced, waiting, plan)


CARRIED_OUT: Mapping[type[Command], Handler] = {**resource.HANDLERS, **organization.HANDLERS, **offering.HANDLERS}
HANDLERS: dict[type[Command], Handler] = {WhatIf: what_if}
