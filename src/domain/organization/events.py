"""What happens to an organization and to its locations."""

from typing import ClassVar

from domain.event import Event


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


class LocationOpened(Event, frozen=True):
    tag: ClassVar[str] = "location.opened"
    name: str
    zone: str
    """IANA name, for example Europe/Lisbon."""


class LocationRenamed(Event, frozen=True):
    tag: ClassVar[str] = "location.renamed"
    name: str


OrganizationEvent = OrganizationFounded | OrganizationRenamed | OrganizationPolicySet
LocationEvent = LocationOpened | LocationRenamed
