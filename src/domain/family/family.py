"""A family: who is in it, and what its guardians may do for its dependants."""

from collections.abc import Collection
from datetime import date
from typing import ClassVar, Self
from uuid import UUID, uuid5

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.family import errors, events
from domain.family.events import Right, RightsChanged, Standing

RIGHTS: tuple[Right, ...] = ("book", "pay", "see")
MOST_PEOPLE = 50
MOST_FAMILIES = 20


class Family(Aggregate, frozen=True):
    """`by` of a decision is the member who asks for it; None is the venue, whose staff may do all of it."""

    begins: ClassVar[type[Event]] = events.FamilyFounded
    unknown: ClassVar = errors.UnknownFamily

    guardians: frozenset[UUID] = frozenset()
    dependants: frozenset[UUID] = frozenset()
    grown: frozenset[UUID] = frozenset()
    invited: frozenset[UUID] = frozenset()
    rights: dict[UUID, dict[UUID, tuple[Right, ...]]] = {}
    """By dependant and guardian; who has none is not there."""
    dissolved: bool = False

    # what is asked of it

    @property
    def members(self) -> frozenset[UUID]:
        return self.guardians | self.dependants | self.grown

    def may(self, guardian_id: UUID, dependant_id: UUID, right: Right) -> bool:
        return right in self.had(guardian_id, dependant_id)

    def had(self, guardian_id: UUID, dependant_id: UUID) -> tuple[Right, ...]:
        return self.rights.get(dependant_id, {}).get(guardian_id, ())

    def known_to(self, person: UUID) -> bool:
        """Whether it is theirs to know of: to everybody else it is as if it were not."""
        return person in self.members or person in self.invited

    # decisions

    def found(self, guardian_id: UUID) -> list[events.FamilyEvent]:
        return [events.FamilyFounded(guardian_id)]

    def invite(self, guardian_id: UUID, by: UUID | None) -> list[events.FamilyEvent]:
        self._by_guardian(by)
        if guardian_id in self.guardians | self.invited:
            return []
        if guardian_id in self.dependants | self.grown:
            raise errors.AlreadyInFamily
        self._room()
        return [events.GuardianInvited(guardian_id)]

    def accept(self, guardian_id: UUID) -> list[events.FamilyEvent]:
        """Who was invited says yes."""
        if guardian_id in self.guardians:
            return []
        if guardian_id not in self.invited:
            raise errors.UnknownFamily
        return self.add_guardian(guardian_id)

    def add_guardian(self, guardian_id: UUID) -> list[events.FamilyEvent]:
        """They may do nothing for anybody yet: that is said for each dependant."""
        self._there()
        if guardian_id in self.guardians:
            return []
        if guardian_id in self.dependants:
            raise errors.AlreadyInFamily
        if guardian_id not in self.invited | self.grown:
            self._room()
        return [events.GuardianAdded(guardian_id)]

    def add_dependant(
        self, dependant_id: UUID, guardians: Collection[UUID], by: UUID | None
    ) -> list[events.FamilyEvent]:
        """These guardians may do everything for them. None is named: whoever adds them, or else all that there are."""
        self._by_guardian(by)
        if dependant_id in self.dependants:
            return []
        if dependant_id in self.guardians | self.grown:
            raise errors.AlreadyInFamily
        self._room()
        cared_for = sorted(guardians) or ([by] if by is not None else sorted(self.guardians))
        if not cared_for:
            raise errors.LastGuardian
        if not self.guardians.issuperset(cared_for):
            raise errors.NotAGuardian
        rights = [RightsChanged(guardian_id, dependant_id, RIGHTS) for guardian_id in dict.fromkeys(cared_for)]
        return [events.DependantAdded(dependant_id), *rights]

    def change_rights(
        self, guardian_id: UUID, dependant_id: UUID, rights: Collection[Right], by: UUID | None
    ) -> list[events.FamilyEvent]:
        """All that this guardian may do for this dependant from now on."""
        self._by_guardian(by)
        if guardian_id not in self.guardians:
            raise errors.NotAGuardian
        if dependant_id not in self.dependants:
            raise errors.NotADependant
        had, wanted = set(self.had(guardian_id, dependant_id)), set(rights)
        if had == wanted:
            return []
        if by is not None:
            shared = had <= wanted and wanted - had <= set(self.had(by, dependant_id))
            given_up = by == guardian_id and wanted <= had
            if not shared and not given_up:
                raise errors.NotYoursToGive
        fact = RightsChanged(guardian_id, dependant_id, tuple(it for it in RIGHTS if it in wanted))
        self.after([fact])._nobody_forsaken()
        return [fact]

    def leave(self, user_id: UUID, by: UUID | None) -> list[events.FamilyEvent]:
        """They are in it no more. Of the last the family ends."""
        if by not in (None, user_id):
            raise errors.NotYoursToEnd
        if user_id not in self.members | self.invited:
            return []
        if by is not None and user_id in self.dependants:
            raise errors.StillDependent
        facts: list[events.FamilyEvent] = [*self._without(user_id), events.MemberLeft(user_id)]
        after = self.after(facts)
        after._nobody_forsaken()
        return facts if after.members else [*facts, events.FamilyDissolved()]

    def come_of_age(self, dependant_id: UUID, of_age_on: date, today: date) -> list[events.FamilyEvent]:
        if dependant_id in self.grown:
            return []
        if dependant_id not in self.dependants:
            raise errors.NotADependant
        if today < of_age_on:
            raise errors.NotOfAge
        return [*self._without(dependant_id), events.DependantCameOfAge(dependant_id)]

    def dissolve(self) -> list[events.FamilyEvent]:
        return [] if self.dissolved else [events.FamilyDissolved()]

    def _without(self, person: UUID) -> list[events.FamilyEvent]:
        """What is no longer anybody's right when this person goes: said, so that it need not be worked out."""
        pairs = sorted((guardian, dependant) for dependant, had in self.rights.items() for guardian in had)
        return [RightsChanged(*pair, ()) for pair in pairs if person in pair]

    def _there(self) -> None:
        if self.dissolved:
            raise errors.FamilyGone

    def _by_guardian(self, by: UUID | None) -> None:
        self._there()
        if by is not None and by not in self.guardians:
            raise errors.ForGuardians

    def _room(self) -> None:
        if len(self.members | self.invited) >= MOST_PEOPLE:
            raise errors.FamilyFull

    def _nobody_forsaken(self) -> None:
        """Each dependant has somebody who may book for them, and see what is booked."""
        for dependant in self.dependants:
            held = {right for rights in self.rights.get(dependant, {}).values() for right in rights}
            if not held >= {"book", "see"}:
                raise errors.LastGuardian

    def evolve(self, event: Event) -> Self:
        match event:
            case events.FamilyFounded(guardian_id):
                return replace(self, guardians=frozenset({guardian_id}))
            case events.GuardianInvited(guardian_id):
                return replace(self, invited=self.invited | {guardian_id})
            case events.GuardianAdded(guardian_id):
                they = {guardian_id}
                return replace(
                    self, guardians=self.guardians | they, invited=self.invited - they, grown=self.grown - they
                )
            case events.DependantAdded(dependant_id):
                they = {dependant_id}
                return replace(self, dependants=self.dependants | they, invited=self.invited - they)
            case events.RightsChanged(guardian_id, dependant_id, rights):
                had = {who: it for who, it in self.rights.get(dependant_id, {}).items() if who != guardian_id}
                now = {**had, guardian_id: rights} if rights else had
                others = {who: it for who, it in self.rights.items() if who != dependant_id}
                return replace(self, rights={**others, dependant_id: now} if now else others)
            case events.DependantCameOfAge(dependant_id):
                they = {dependant_id}
                return replace(self, dependants=self.dependants - they, grown=self.grown | they)
            case events.MemberLeft(user_id):
                they = {user_id}
                return replace(
                    self, guardians=self.guardians - they, dependants=self.dependants - they, grown=self.grown - they,
                    invited=self.invited - they,
                )  # fmt: skip
            case events.FamilyDissolved():
                return type(self)(id=self.id, dissolved=True)
        return self


class Kinship(Aggregate, frozen=True):
    """The same, seen from the person, so that their family is found by their id alone. That a dependant has one family
    only is guarded here."""

    begins: ClassVar[type[Event]] = events.KinshipBegun
    unknown: ClassVar = errors.UnknownKinship

    families: dict[UUID, Standing] = {}

    @staticmethod
    def of(user_id: UUID) -> UUID:
        """The stream of this person's."""
        return uuid5(user_id, "kinship")

    @property
    def dependant_in(self) -> UUID | None:
        """The family whose dependant they are; None: they act for themselves."""
        return next((family for family, standing in self.families.items() if standing == "dependant"), None)

    def begin(self, family_id: UUID, standing: Standing) -> list[events.KinshipEvent]:
        if self.families.get(family_id) == standing:
            return []
        if standing == "dependant" and self.dependant_in is not None:
            raise errors.DependantElsewhere
        if family_id not in self.families and len(self.families) >= MOST_FAMILIES:
            raise errors.TooManyFamilies
        return [events.KinshipBegun(family_id, standing)]

    def end(self, family_id: UUID) -> list[events.KinshipEvent]:
        return [events.KinshipEnded(family_id)] if family_id in self.families else []

    def evolve(self, event: Event) -> Self:
        match event:
            case events.KinshipBegun(family_id, standing):
                return replace(self, families={**self.families, family_id: standing})
            case events.KinshipEnded(family_id):
                left = {family: standing for family, standing in self.families.items() if family != family_id}
                return replace(self, families=left)
        return self
