"""What happens to a resource."""

from typing import ClassVar
from uuid import UUID

from domain.event import Event
from domain.resource.hours import WeeklyHours


class ResourceRegistered(Event, frozen=True):
    tag: ClassVar[str] = "resource.registered"
    location_id: UUID
    name: str
    kind: str
    """What it is to the guests: room, court, table, chair ..."""
    capacity: int
    """Units that can be in use at one instant."""
    hours: WeeklyHours | None = None
    """When it can be used, on the location's wall; None: always."""


class ResourceRenamed(Event, frozen=True):
    tag: ClassVar[str] = "resource.renamed"
    name: str


class ResourceCapacityChanged(Event, frozen=True):
    tag: ClassVar[str] = "resource.capacity_changed"
    capacity: int


class ResourceHoursChanged(Event, frozen=True):
    tag: ClassVar[str] = "resource.hours_changed"
    hours: WeeklyHours | None


class ResourceRetired(Event, frozen=True):
    """It takes no new bookings; those it has stand."""

    tag: ClassVar[str] = "resource.retired"


ResourceEvent = ResourceRegistered | ResourceRenamed | ResourceCapacityChanged | ResourceHoursChanged | ResourceRetired
