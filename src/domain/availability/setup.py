"""What availability is decided on: configuration, what is occupied, what is asked, and the answers' shapes."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from domain.offering.terms import Terms
from domain.organization.location import Location
from domain.period import Period
from domain.resource.pool import Pool
from domain.resource.resource import Resource


class Setup(Struct, frozen=True):
    """The configuration at one location: terms, and every resource and pool that they can name."""

    location: Location
    terms: Terms
    resources: dict[UUID, Resource]
    pools: dict[UUID, Pool] = {}


class Use(Struct, frozen=True, gc=False):
    """A claim that stands: units of a resource for a period (the guest's; buffers stick out of it)."""

    resource_id: UUID
    booking_id: UUID
    item: int
    starts_at: datetime
    ends_at: datetime
    units: int = 1
    before: int = 0
    """Minutes."""
    after: int = 0
    shared: bool = False
    expires_at: datetime | None = None
    """A claim is dead from this instant on, whether or not anybody has swept."""
    authorised: bool = False
    kind: str = "booking"
    """booking, session or earmark."""


class Request(Struct, frozen=True):
    """What somebody asks for."""

    first: date
    last: date
    """Local dates on which a slot may start, both included."""
    party: int = 1
    minutes: int | None = None
    """How long; None: the offering's usual duration, or the turn time of the party."""
    resource_ids: tuple[UUID, ...] = ()
    """Only these will do, of the candidates of every need that has one of them among its own; empty: all."""
    moving: UUID | None = None
    """A booking that would be moved: its own occupancy is not in its way."""
    busy: tuple[Period, ...] = ()
    """When the customer has something else, where the terms ask for it."""
    override: bool = False
    """Staff pass over notice and horizon, with a reason that is recorded."""
    by_name: bool = False
    """Customers name resources, which have to be sold by themselves then."""


class Reason(Struct, frozen=True, omit_defaults=True):
    """One reason why something cannot be booked, by a code that stays. Never who else has booked."""

    code: str
    item: int | None = None
    """Of a booking that names its resources: the number of the item."""
    role: str | None = None
    """The need of the offering that it is about."""
    resource_id: UUID | None = None
    until: datetime | None = None
    """OCCUPIED, HELD, BUFFER, CLOSURE, MAINTENANCE: when that ends."""
    earliest: datetime | None = None
    """TOO_SOON: the first instant that would do."""
    latest: date | None = None
    """TOO_FAR: the last local date that would do."""
    capacity: int | None = None
    peak: int | None = None
    """CAPACITY: units in use at most."""
    free: int | None = None
    rule: str | None = None
    """QUOTA: the rule's name; `used` and `resets_at` belong to it."""
    used: int | None = None
    limit: int | None = None
    resets_at: datetime | None = None
    details: tuple["Reason", ...] = ()
    """NO_RESOURCE_COMBINATION: what stands against each candidate."""


ORDER = (
    "ELSEWHERE", "RETIRED", "NOT_SOLD_BY_ITSELF", "SESSIONS_ONLY", "NOT_ON_STEP", "OUTSIDE_HOURS", "CLOSED_EXCEPTION",
    "CLOSURE", "MAINTENANCE", "DST_GAP", "TOO_SOON", "TOO_FAR", "DOES_NOT_FIT", "OCCUPIED", "BUFFER", "CAPACITY",
    "PACING", "HELD", "WAITLIST_EARMARK", "NO_STAFF", "NO_RESOURCE_COMBINATION", "CUSTOMER_CONFLICT", "QUOTA",
    "NOT_ENTITLED", "AGE_OR_CONSENT", "APPROVAL_QUEUE_FULL", "TENANT_SUSPENDED",
)  # fmt: skip
"""In which order reasons are told, all that apply."""


def in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """As they are told; of one code, as they were found."""
    return tuple(sorted(reasons, key=lambda reason: ORDER.index(reason.code)))


class Assigned(Struct, frozen=True, gc=False):
    """What fills a need."""

    role: str
    resource_ids: tuple[UUID, ...]
    units: int = 1
    """Of each."""


class Slot(Struct, frozen=True, gc=False):
    """A period that can be booked, and by what."""

    starts_at: datetime
    ends_at: datetime
    """UTC; the guest's period, without buffers."""
    remaining: int
    """How often this could be booked beside itself now: units left of the scarcest need. Of a session: seats left."""
    assignment: tuple[Assigned, ...] = ()
    session_id: UUID | None = None
    """Whose seats these are, of an offering that is sold by session."""


class Refused(Struct, frozen=True):
    """A start that cannot be booked, and everything that speaks against it, in the order of `ORDER`."""

    local: datetime
    """The label on the wall."""
    starts_at: datetime | None
    """None where the clocks skip the label."""
    reasons: tuple[Reason, ...]
    session_id: UUID | None = None
