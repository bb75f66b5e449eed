"""What happens to an organization and to its locations."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from domain.calendar import Closure
from domain.event import Event
from domain.hours import Opening, WeeklyHours


class OrganizationFounded(Event, frozen=True):
    tag: ClassVar[str] = "organization.founded"
    name: str


class OrganizationRenamed(Event, frozen=True):
    tag: ClassVar[str] = "organization.renamed"
    name: str


class OrganizationPolicySet(Event, frozen=True):
    """How this organization handles its bookings, in minutes."""

    tag: ClassVar[str] = "organization.policy_set"
    hold_minutes: int
    check_in_early_minutes: int
    no_show_grace_minutes: int
    max_hold_minutes: int = 30
    """No hold outlives its placing by more, whatever extends it."""
    max_extensions: int = 2
    payment_grace_minutes: int = 5
    """How long who has started to pay may take, at least."""
    holds_per_customer: int = 3
    complete_without_check_in: bool = False
    """Whether a booking may be completed although nobody said that they came."""
    complete_at_end: bool = True
    """Who was checked in has left at the end, by itself."""
    no_show_at_grace: bool = False
    """Who has not come by the end of the grace is marked as not shown, by itself."""


class LocationOpened(Event, frozen=True):
    tag: ClassVar[str] = "location.opened"
    name: str
    zone: str
    """IANA name, for example Europe/Lisbon."""


class LocationRenamed(Event, frozen=True):
    tag: ClassVar[str] = "location.renamed"
    name: str


class LocationHoursChanged(Event, frozen=True):
    """When the venue is open at all; None: whenever what is in it can be used."""

    tag: ClassVar[str] = "location.hours_changed"
    hours: WeeklyHours | None


class LocationExceptionSet(Event, frozen=True):
    """A holiday, or an evening that is longer: what holds on this local date instead; none: closed."""

    tag: ClassVar[str] = "location.exception_set"
    on: date
    openings: tuple[Opening, ...]


class LocationExceptionLifted(Event, frozen=True):
    tag: ClassVar[str] = "location.exception_lifted"
    on: date


class LocationClosed(Event, frozen=True):
    """The whole venue, for a while."""

    tag: ClassVar[str] = "location.closed"
    closure: Closure


class LocationReopened(Event, frozen=True):
    tag: ClassVar[str] = "location.reopened"
    closure_id: UUID


OrganizationEvent = OrganizationFounded | OrganizationRenamed | OrganizationPolicySet
LocationEvent = (
    LocationOpened
    | LocationRenamed
    | LocationHoursChanged
    | LocationExceptionSet
    | LocationExceptionLifted
    | LocationClosed
    | LocationReopened
)
