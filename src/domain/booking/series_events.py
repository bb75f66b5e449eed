"""What happens to a recurring series of bookings. Each occurrence is a booking with a stream of its own.

An occurrence is named by its recurrence id: the local start that the series first gave it, without offset. It stays
when the occurrence is moved.
"""

from datetime import date, datetime, time
from typing import ClassVar, Literal
from uuid import UUID

from msgspec import Struct

from domain.event import Event

Strategy = Literal["fail", "skip", "suggest", "waitlist"]
"""What becomes of occurrences that cannot be booked. `fail`: then nothing is. `skip`: they are left out, and can be
tried again. `suggest`: nothing is booked either, and the refusal says what could be had instead. `waitlist`: they are
left out, and waited for."""
GapPolicy = Literal["shift", "skip"]


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A resource that each occurrence takes, in so many units."""

    resource_id: UUID
    units: int = 1


class Template(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What each occurrence books: an offering, or resources by name."""

    offering_id: UUID | None = None
    resources: tuple[Part, ...] = ()
    """Without an offering."""
    resource_ids: tuple[UUID, ...] = ()
    """With an offering: only these will do, of the candidates of every need that has one of them among its own."""
    minutes: int | None = None
    """Elapsed time. None: the offering's usual duration."""
    party_size: int | None = None


class Shift(Struct, frozen=True, forbid_unknown_fields=True):
    """Another start than that of the recurrence id: on its date or so many days after it, at this time on the wall."""

    at: time
    days: int = 0


class Patch(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is otherwise than in the template; a field that is not given stays as it is."""

    start: Shift | None = None
    minutes: int | None = None
    party_size: int | None = None
    resources: tuple[Part, ...] | None = None
    resource_ids: tuple[UUID, ...] | None = None


class Placed(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An occurrence that is booked."""

    recurrence_id: datetime
    booking_id: UUID | None = None
    """A booking that the series took over from the one that it continues; None: the one named by series and id."""


class SeriesCreated(Event, frozen=True):
    """A start on a wall, a rule, dates added and taken out (RFC 5545), and what each occurrence books."""

    tag: ClassVar[str] = "series.created"
    location_id: UUID
    zone: str
    start: datetime
    """Local, without offset, as are all dates of a series."""
    template: Template
    rule: str | None = None
    rdates: tuple[datetime, ...] = ()
    exdates: tuple[datetime, ...] = ()
    gap_policy: GapPolicy = "shift"
    strategy: Strategy = "fail"
    """Also of what is added later, when nobody can be asked: then fail and suggest skip."""
    customer_id: UUID | None = None
    override: bool = False
    """Staff passed over notice and horizon."""
    continues: UUID | None = None
    """The series of which this one is the rest."""


class SeriesExtended(Event, frozen=True):
    """Occurrences up to here were booked, or why not said by a fact of their own."""

    tag: ClassVar[str] = "series.extended"
    through: datetime
    """The last recurrence id that was looked at, inclusive."""
    placed: tuple[Placed, ...] = ()


class SeriesExtensionRefused(Event, frozen=True):
    """A series without an end could not go on: nothing of the next stretch was booked, and it will be tried again."""

    tag: ClassVar[str] = "series.extension_refused"
    code: str
    """Of the refusal."""
    after: datetime
    """The last recurrence id that was looked at: those after it are missing."""
    until: datetime
    """Up to where it was to go, inclusive."""
    again_at: datetime
    """UTC."""
    attempt: int = 1
    """The first, second ... in a row."""
    reasons: tuple[str, ...] = ()
    """Codes, where the refusal names any."""


class OccurrenceSkipped(Event, frozen=True):
    """It could not be booked, or, where it is booked, not be moved to where it should be; it can be tried again."""

    tag: ClassVar[str] = "series.occurrence_skipped"
    recurrence_id: datetime
    reasons: tuple[str, ...]
    """Codes, in their order."""


class OccurrenceWaitlisted(Event, frozen=True):
    """It could not be booked as yet: somebody waits for it."""

    tag: ClassVar[str] = "series.occurrence_waitlisted"
    recurrence_id: datetime
    reasons: tuple[str, ...]
    on: date
    """The local date."""
    starts_at: datetime
    """The time that is waited for, UTC."""
    ends_at: datetime
    offering_id: UUID | None = None
    resources: tuple[UUID, ...] = ()
    party_size: int = 1
    customer_id: UUID | None = None


class OccurrenceRetried(Event, frozen=True):
    """What had been skipped is now booked as it should be."""

    tag: ClassVar[str] = "series.occurrence_retried"
    recurrence_id: datetime


class OccurrenceOverridden(Event, frozen=True):
    """This one is otherwise: all that it has of its own from now on."""

    tag: ClassVar[str] = "series.occurrence_overridden"
    recurrence_id: datetime
    patch: Patch


class OccurrenceExcluded(Event, frozen=True):
    """It does not take place (EXDATE)."""

    tag: ClassVar[str] = "series.occurrence_excluded"
    recurrence_id: datetime


class SeriesChanged(Event, frozen=True):
    """From this occurrence on all are otherwise, but for those fields that one has of its own."""

    tag: ClassVar[str] = "series.changed"
    since: datetime
    patch: Patch
    stays: tuple[datetime, ...] = ()
    """Later ones that are over, or under way, or cancelled: the past is never changed."""


class SeriesSplit(Event, frozen=True):
    """It ends before this occurrence; another series goes on."""

    tag: ClassVar[str] = "series.split"
    ends_before: datetime
    continued_by: UUID
    start: datetime
    rule: str | None
    """Start and rule as they are from now on, ended by UNTIL."""


class SeriesEnded(Event, frozen=True):
    """It ends before this occurrence: the rest is cancelled."""

    tag: ClassVar[str] = "series.ended"
    ends_before: datetime
    start: datetime
    rule: str | None


SeriesEvent = (
    SeriesCreated
    | SeriesExtended
    | SeriesExtensionRefused
    | OccurrenceSkipped
    | OccurrenceWaitlisted
    | OccurrenceRetried
    | OccurrenceOverridden
    | OccurrenceExcluded
    | SeriesChanged
    | SeriesSplit
    | SeriesEnded
)
