"""What can be asked for people's rights over what is known about them.

What is destroyed is destroyed by the worker between two of these: after `subject.erasure_requested` is recorded, and
before `subject.erased` is. It hands in what it did; asked without it, these refuse.
"""

from datetime import timedelta
from uuid import UUID

from application.message import Command
from application.unit_of_work import Handler, UnitOfWork
from domain.identity.user import User
from domain.privacy.errors import StillWithUs
from domain.privacy.retention import Retention
from domain.privacy.subject import Subject


class RequestErasure(Command, frozen=True):
    """What is known about them is to be destroyed. There is no way back."""

    user_id: UUID
    request_id: UUID
    basis: str


def request_erasure(command: RequestErasure, work: UnitOfWork) -> None:
    stream = Subject.of(command.user_id)
    work.fetch(command.user_id, stream)
    work.read(User, command.user_id)
    work.overlook([command.user_id])
    work.read_if_any(Subject, stream)
    after = work.change(
        Subject,
        stream,
        lambda subject: subject.request_erasure(command.user_id, command.request_id, command.basis),
    )
    work.result |= {"id": str(command.user_id), "request_id": str(after.request_id)}


class LetGo(Command, frozen=True):
    """They have had no booking for as long as this organization keeps people."""

    user_id: UUID
    request_id: UUID


def let_go(command: LetGo, work: UnitOfWork) -> None:
    days = work.read_if_any(Retention, Retention.of(work.tenant)).without_bookings_days
    if days is None or work.tallies([command.user_id], work.now - timedelta(days=days)):
        raise StillWithUs
    request_erasure(RequestErasure(command.user_id, command.request_id, "retention"), work)


class ReplayErasure(Command, frozen=True):
    """They were erased before the database was put back to an earlier day."""

    user_id: UUID
    request_id: UUID
    basis: str


def replay_erasure(command: ReplayErasure, work: UnitOfWork) -> None:
    stream = Subject.of(command.user_id)
    work.read_if_any(Subject, stream)
    work.change(
        Subject,
        stream,
        lambda subject: subject.replay_erasure(command.user_id, command.request_id, command.basis),
    )


class Erase(Command, frozen=True):
    """Their keys are destroyed, and the copies of what they opened."""

    user_id: UUID
    request_id: UUID
    keys: int | None = None
    rows: int = 0
    """What was destroyed: said by who did it."""


def erase(command: Erase, work: UnitOfWork) -> None:
    work.change(
        Subject,
        Subject.of(command.user_id),
        lambda subject: subject.erase(command.request_id, command.keys, command.rows),
    )


class Certify(Command, frozen=True):
    """Somebody has tried to read what is left of them."""

    user_id: UUID
    request_id: UUID
    tried: int | None = None
    opened: int = 0
    found: int = 0
    """What was found: said by who looked."""


def certify(command: Certify, work: UnitOfWork) -> None:
    work.change(
        Subject,
        Subject.of(command.user_id),
        lambda subject: subject.certify(command.request_id, command.tried, command.opened, command.found),
    )


class PlaceLegalHold(Command, frozen=True):
    """What is known about them must be kept: a law, or a case, wants it."""

    user_id: UUID
    hold_id: UUID
    why: str


def place_legal_hold(command: PlaceLegalHold, work: UnitOfWork) -> None:
    stream = Subject.of(command.user_id)
    work.fetch(command.user_id, stream, Retention.of(work.tenant))
    work.read(User, command.user_id)
    work.overlook([command.user_id])
    days = work.read_if_any(Retention, Retention.of(work.tenant)).hold_days
    work.read_if_any(Subject, stream)
    until = work.now + timedelta(days=days) if days else None
    work.change(
        Subject, stream, lambda subject: subject.place_hold(command.user_id, command.hold_id, command.why, until)
    )
    work.result |= {"id": str(command.user_id), "hold_id": str(command.hold_id)}


class LiftLegalHold(Command, frozen=True):
    """It need not be kept any more."""

    user_id: UUID
    hold_id: UUID


def lift_legal_hold(command: LiftLegalHold, work: UnitOfWork) -> None:
    work.change(Subject, Subject.of(command.user_id), lambda subject: subject.lift_hold(command.hold_id, work.now))


class SetRetention(Command, frozen=True):
    """How long people are kept who do not book any more, and how long a hold stands at least."""

    without_bookings_days: int | None
    hold_days: int


def set_retention(command: SetRetention, work: UnitOfWork) -> None:
    stream = Retention.of(work.tenant)
    work.read_if_any(Retention, stream)
    work.change(Retention, stream, lambda rule: rule.set(command.without_bookings_days, command.hold_days))


HANDLERS: dict[type[Command], Handler] = {
    RequestErasure: request_erasure,
    LetGo: let_go,
    ReplayErasure: replay_erasure,
    Erase: erase,
    Certify: certify,
    PlaceLegalHold: place_legal_hold,
    LiftLegalHold: lift_legal_hold,
    SetRetention: set_retention,
}
