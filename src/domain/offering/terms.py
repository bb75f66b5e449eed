"""The terms of an offering: everything about it that a booking may be governed by."""

from datetime import date
from typing import Literal
from uuid import UUID

from msgspec import Struct

from domain.hours import WeeklyHours


class Durations(Struct, frozen=True, forbid_unknown_fields=True):
    """How long it may last, in minutes of elapsed time: `least`, then every `increment` more up to `most`."""

    least: int
    most: int
    increment: int


class TurnTime(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a party of up to `up_to` keeps its table, in minutes; None: every larger one."""

    up_to: int | None
    minutes: int


class Need(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one booking occupies. Its candidates are the resources named, or the members of the pool."""

    role: str
    """What it is for: staff, room, court, table, kit, covers."""
    any_of: tuple[UUID, ...] = ()
    pool_id: UUID | None = None
    features: tuple[str, ...] = ()
    """What a candidate must have, all of it."""
    count: int = 1
    """So many different candidates."""
    units: int = 1
    """So many units of each."""
    per_head: bool = False
    """As many units of each as there are people in the party, instead."""
    tables: bool = False
    """One table of the pool, or one of its combinations, that seats the party."""


class Price(Struct, frozen=True, forbid_unknown_fields=True):
    """The price hook: what it costs from, before everything that pricing knows about."""

    amount: int
    """In minor units of the currency."""
    currency: str
    """ISO 4217."""
    per: Literal["booking", "head", "hour"] = "booking"


class ApprovalRule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Asks the venue when all that is said here is true of a booking; nothing said: always."""

    resources: tuple[UUID, ...] = ()
    """One of these is used."""
    longer_than: int | None = None
    """Minutes."""
    party_over: int | None = None
    first_time: bool = False
    """Of a customer who has had no booking here."""


class Approval(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When the venue has to agree first."""

    rules: tuple[ApprovalRule, ...] = (ApprovalRule(),)
    """Any of them."""
    within: int | None = None
    """Minutes in which somebody should have decided; None: no deadline."""
    on_timeout: Literal["decline", "approve"] = "decline"
    pending_blocks: bool = True
    """A booking that waits occupies what it asks for; else it is looked at again when it is approved."""
    approving_declines_others: bool = False
    """Competing requests are declined with it."""
    most_waiting: int | None = None
    """So many requests may wait at once; one more is refused until one of them is decided or withdrawn."""


class Terms(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Minutes are elapsed time. What is not said does not limit."""

    needs: tuple[Need, ...]
    durations: tuple[int, ...] = ()
    """The variants, in minutes; the first is the usual one. Empty where `lasting` or `turn_times` say it."""
    lasting: Durations | None = None
    turn_times: tuple[TurnTime, ...] = ()
    """By party, ascending."""
    before: int = 0
    """Minutes of preparation, occupied but not shown to the guest."""
    after: int = 0
    buffers_within_hours: bool = False
    """Whether buffers, too, must lie within opening hours."""
    step: int = 30
    """Minutes from one start that is offered to the next."""
    anchor: Literal["opening", "top_of_hour"] = "opening"
    """What the steps are counted from: the start of the opening, or the full hour at or before it."""
    hours: WeeklyHours | None = None
    """When the service itself is given."""
    notice: int = 0
    """Minutes before the start, at least."""
    horizon: int | None = None
    """Local days ahead, at most."""
    first_date: date | None = None
    last_date: date | None = None
    """A fixed range of local dates, both included."""
    least_party: int = 1
    most_party: int | None = None
    price: Price | None = None
    approval: Approval | None = None
    cancellation_notice: int | None = None
    """Minutes before the start until which it is cancelled in time, at exactly so many as well; later is late, and
    counts against quotas as if it had taken place. None: no cancellation is late."""
    one_at_a_time: bool = False
    """A customer may not have it at a time at which they have something else."""
    sessions_only: bool = False
    """It is sold as seats in its sessions, and at no other time."""
