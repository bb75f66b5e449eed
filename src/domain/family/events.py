"""What happens to a family, to a person's place in families, and to consents. People are ids here: what they are called
and when they were born is known of the user, sealed."""

from typing import ClassVar, Literal
from uuid import UUID

from domain.event import Event

Right = Literal["book", "pay", "see"]
Standing = Literal["guardian", "dependant", "grown"]
"""`grown`: they came of age in the family, and belong to it still."""


class FamilyFounded(Event, frozen=True):
    tag: ClassVar[str] = "family.founded"
    guardian_id: UUID


class GuardianInvited(Event, frozen=True):
    """A guardian asks somebody to be one as well; nothing is theirs before they say yes."""

    tag: ClassVar[str] = "family.guardian_invited"
    guardian_id: UUID


class GuardianAdded(Event, frozen=True):
    tag: ClassVar[str] = "family.guardian_added"
    guardian_id: UUID


class DependantAdded(Event, frozen=True):
    tag: ClassVar[str] = "family.dependant_added"
    dependant_id: UUID


class RightsChanged(Event, frozen=True):
    """What this guardian may do for this dependant from now on: all of it, and nothing else."""

    tag: ClassVar[str] = "family.rights_changed"
    guardian_id: UUID
    dependant_id: UUID
    rights: tuple[Right, ...]


class DependantCameOfAge(Event, frozen=True):
    """They act for themselves from now on, and nobody for them. They belong to the family still."""

    tag: ClassVar[str] = "family.dependant_came_of_age"
    dependant_id: UUID


class MemberLeft(Event, frozen=True):
    tag: ClassVar[str] = "family.member_left"
    user_id: UUID


class FamilyDissolved(Event, frozen=True):
    """It is no more, and whoever was in it is not."""

    tag: ClassVar[str] = "family.dissolved"


class KinshipBegun(Event, frozen=True):
    """Seen from the person: what they are in this family."""

    tag: ClassVar[str] = "kinship.begun"
    family_id: UUID
    standing: Standing


class KinshipEnded(Event, frozen=True):
    tag: ClassVar[str] = "kinship.ended"
    family_id: UUID


class ConsentAsked(Event, frozen=True):
    """The organization asks for consent to this purpose, in the words of this version."""

    tag: ClassVar[str] = "consent.asked"
    purpose: str
    version: int
    of_minors: bool = False
    """Without it nothing is booked for somebody who is not of age."""


class ConsentNoLongerAsked(Event, frozen=True):
    tag: ClassVar[str] = "consent.no_longer_asked"
    purpose: str


class ConsentGiven(Event, frozen=True):
    tag: ClassVar[str] = "consent.given"
    purpose: str
    version: int
    """Of the words that were shown."""
    by: UUID
    """The person themselves, or a guardian of theirs."""


class ConsentWithdrawn(Event, frozen=True):
    tag: ClassVar[str] = "consent.withdrawn"
    purpose: str
    by: UUID


FamilyEvent = (
    FamilyFounded
    | GuardianInvited
    | GuardianAdded
    | DependantAdded
    | RightsChanged
    | DependantCameOfAge
    | MemberLeft
    | FamilyDissolved
)
KinshipEvent = KinshipBegun | KinshipEnded
AskingEvent = ConsentAsked | ConsentNoLongerAsked
ConsentEvent = ConsentGiven | ConsentWithdrawn
