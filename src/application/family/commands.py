"""What can be asked for a family, and about consents.

To a customer whom the family does not know it is unknown; what one of its own may do in it, it decides.
"""

from datetime import date, timedelta
from uuid import UUID

from application.message import Command
from application.unit_of_work import Handler, SomebodyElse, UnitOfWork
from domain.family.consents import Asked, Asking, Consents
from domain.family.errors import FounderNeeded, NotTheirsToConsent, TheirsToSay, UnknownFamily
from domain.family.events import Right, Standing
from domain.family.family import Family, Kinship
from domain.identity.details import Details
from domain.identity.user import User

EASTERNMOST = timedelta(hours=14)
"""Where today comes first: who is born there today may be registered everywhere."""
WESTERNMOST = timedelta(hours=12)
"""Where today comes last: who is of age there is so everywhere."""


class FoundFamily(Command, frozen=True):
    """A family, with one guardian: who asks for it, or whom the staff name."""

    family_id: UUID
    guardian_id: UUID | None = None


def found_family(command: FoundFamily, work: UnitOfWork) -> None:
    guardian_id = work.for_customer(command.guardian_id)
    if guardian_id is None:
        raise FounderNeeded
    work.fetch(guardian_id, Kinship.of(guardian_id))
    work.read(User, guardian_id)
    work.begin(Family, command.family_id, lambda family: family.found(guardian_id))
    stands(work, guardian_id, command.family_id, "guardian")


class InviteGuardian(Command, frozen=True):
    """Somebody is to be a guardian as well, if they want to."""

    family_id: UUID
    guardian_id: UUID


def invite_guardian(command: InviteGuardian, work: UnitOfWork) -> None:
    # Whether there is such a person is not for a guardian to find out; who is not there will not say yes.
    known(work, command.family_id)
    work.change(Family, command.family_id, lambda family: family.invite(command.guardian_id, work.customer))


class JoinFamily(Command, frozen=True):
    """Who was invited says yes."""

    family_id: UUID


def join_family(command: JoinFamily, work: UnitOfWork) -> None:
    me = known(work, command.family_id)
    if me is None:
        raise TheirsToSay
    work.read(User, me)
    work.change(Family, command.family_id, lambda family: family.accept(me))
    stands(work, me, command.family_id, "guardian")


class AddGuardian(Command, frozen=True):
    """On the word of the staff."""

    family_id: UUID
    guardian_id: UUID


def add_guardian(command: AddGuardian, work: UnitOfWork) -> None:
    work.fetch(command.family_id, command.guardian_id, Kinship.of(command.guardian_id))
    work.read(User, command.guardian_id)
    work.change(Family, command.family_id, lambda family: family.add_guardian(command.guardian_id))
    stands(work, command.guardian_id, command.family_id, "guardian")


class AddDependant(Command, frozen=True):
    """Somebody who is registered already, on the word of the staff. Who may act for them: these guardians, or all."""

    family_id: UUID
    dependant_id: UUID
    guardians: tuple[UUID, ...] = ()


def add_dependant(command: AddDependant, work: UnitOfWork) -> None:
    dependant_id = command.dependant_id
    work.fetch(command.family_id, dependant_id, Kinship.of(dependant_id))
    work.read(User, dependant_id)
    work.change(Family, command.family_id, lambda it: it.add_dependant(dependant_id, command.guardians, None))
    stands(work, dependant_id, command.family_id, "dependant")


class RegisterDependant(Command, frozen=True):
    """Somebody new, who is known here from now on. A guardian who asks for it may act for them; else these, or all."""

    family_id: UUID
    dependant_id: UUID
    details: Details = Details()
    guardians: tuple[UUID, ...] = ()


def register_dependant(command: RegisterDependant, work: UnitOfWork) -> None:
    # In one transaction, although people are another context's: between two there would be a child of nobody's.
    by, dependant_id = known(work, command.family_id), command.dependant_id
    work.change(Family, command.family_id, lambda it: it.add_dependant(dependant_id, command.guardians, by))
    today = (work.now + EASTERNMOST).date()
    work.begin(User, dependant_id, lambda user: user.register("customer", command.details, today))
    stands(work, dependant_id, command.family_id, "dependant")
    work.result["dependant_id"] = str(dependant_id)


class ChangeRights(Command, frozen=True):
    """All that this guardian may do for this dependant from now on."""

    family_id: UUID
    guardian_id: UUID
    dependant_id: UUID
    rights: tuple[Right, ...]


def change_rights(command: ChangeRights, work: UnitOfWork) -> None:
    by = known(work, command.family_id)
    work.change(
        Family,
        command.family_id,
        lambda family: family.change_rights(command.guardian_id, command.dependant_id, command.rights, by),
    )


class LeaveFamily(Command, frozen=True):
    """They are in it no more: they leave, or the staff remove them. An invitation is declined, or taken back."""

    family_id: UUID
    user_id: UUID


def leave_family(command: LeaveFamily, work: UnitOfWork) -> None:
    by = known(work, command.family_id)
    work.fetch(Kinship.of(command.user_id))
    work.change(Family, command.family_id, lambda family: family.leave(command.user_id, by))
    gone(work, command.user_id, command.family_id)


class ComeOfAge(Command, frozen=True):
    """They act for themselves from now on: somebody has looked at when they were born, and at what the law says."""

    family_id: UUID
    dependant_id: UUID
    of_age_on: date


def come_of_age(command: ComeOfAge, work: UnitOfWork) -> None:
    today = (work.now - WESTERNMOST).date()
    work.fetch(command.family_id, Kinship.of(command.dependant_id))
    work.change(
        Family, command.family_id, lambda family: family.come_of_age(command.dependant_id, command.of_age_on, today)
    )
    stands(work, command.dependant_id, command.family_id, "grown")


class DissolveFamily(Command, frozen=True):
    """It is no more, and nobody in it may act for anybody."""

    family_id: UUID


def dissolve_family(command: DissolveFamily, work: UnitOfWork) -> None:
    members = sorted(work.read(Family, command.family_id).members)
    work.fetch(*(Kinship.of(member) for member in members))
    work.change(Family, command.family_id, lambda family: family.dissolve())
    for member in members:
        gone(work, member, command.family_id)


class AskConsent(Command, frozen=True):
    """The organization asks consent to this purpose, in the words of this version."""

    asked: Asked


def ask_consent(command: AskConsent, work: UnitOfWork) -> None:
    work.read_if_any(Asking, Asking.of(work.tenant))
    work.change(Asking, Asking.of(work.tenant), lambda asking: asking.ask(command.asked))


class AskConsentNoLonger(Command, frozen=True):
    """It is not asked any more. What was said to it stands in the log."""

    purpose: str


def ask_consent_no_longer(command: AskConsentNoLonger, work: UnitOfWork) -> None:
    work.change(Asking, Asking.of(work.tenant), lambda asking: asking.ask_no_longer(command.purpose))


class GiveConsent(Command, frozen=True):
    """Consent to what is asked, in the words of this version."""

    user_id: UUID
    purpose: str
    version: int
    by: UUID | None = None
    """Whose word the staff have; None: the person's own. A customer's is their own."""


def give_consent(command: GiveConsent, work: UnitOfWork) -> None:
    by = word_of(work, command.user_id, command.by)
    asked = work.read_if_any(Asking, Asking.of(work.tenant)).named(command.purpose)
    work.change(
        Consents, Consents.of(command.user_id), lambda consents: consents.give(asked, command.version, by)
    )  # fmt: skip


class WithdrawConsent(Command, frozen=True):
    """From now on it is not consented to. The person themselves may always say so, of age or not."""

    user_id: UUID
    purpose: str
    by: UUID | None = None


def withdraw_consent(command: WithdrawConsent, work: UnitOfWork) -> None:
    by = word_of(work, command.user_id, command.by, withdrawing=True)
    work.change(Consents, Consents.of(command.user_id), lambda consents: consents.withdraw(command.purpose, by))


def word_of(work: UnitOfWork, user_id: UUID, named: UUID | None, withdrawing: bool = False) -> UUID:
    """Who consents for this person, or withdraws it: they themselves; of somebody who is not of age, a guardian who may
    book for them."""
    work.fetch(user_id, Kinship.of(user_id), Consents.of(user_id), Asking.of(work.tenant))
    work.read(User, user_id)
    work.read_if_any(Consents, Consents.of(user_id))
    if work.customer and named not in (None, work.customer):
        raise SomebodyElse
    by = work.customer or named or user_id
    family_id = work.read_if_any(Kinship, Kinship.of(user_id)).dependant_in
    theirs = by == user_id and (family_id is None or withdrawing)
    if not theirs and (family_id is None or not work.read(Family, family_id).may(by, user_id, "book")):
        raise NotTheirsToConsent
    return by


def known(work: UnitOfWork, family_id: UUID) -> UUID | None:
    """The customer who asks, if the family is theirs to know of; None: the venue asks."""
    family = work.read(Family, family_id)
    if work.customer is not None and not family.known_to(work.customer):
        raise UnknownFamily
    return work.customer


def stands(work: UnitOfWork, user_id: UUID, family_id: UUID, standing: Standing) -> None:
    work.read_if_any(Kinship, Kinship.of(user_id))
    work.change(Kinship, Kinship.of(user_id), lambda kinship: kinship.begin(family_id, standing))


def gone(work: UnitOfWork, user_id: UUID, family_id: UUID) -> None:
    work.read_if_any(Kinship, Kinship.of(user_id))
    work.change(Kinship, Kinship.of(user_id), lambda kinship: kinship.end(family_id))


HANDLERS: dict[type[Command], Handler] = {
    FoundFamily: found_family,
    InviteGuardian: invite_guardian,
    JoinFamily: join_family,
    AddGuardian: add_guardian,
    AddDependant: add_dependant,
    RegisterDependant: register_dependant,
    ChangeRights: change_rights,
    LeaveFamily: leave_family,
    ComeOfAge: come_of_age,
    DissolveFamily: dissolve_family,
    AskConsent: ask_consent,
    AskConsentNoLonger: ask_consent_no_longer,
    GiveConsent: give_consent,
    WithdrawConsent: withdraw_consent,
}
