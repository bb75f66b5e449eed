"""Holds of people without an account: whose they are, and how many there may be."""

from application.unit_of_work import UnitOfWork
from domain.booking.booking import Booking
from domain.booking.strangers import Doorstep


def secret_of(work: UnitOfWork) -> str | None:
    """What a stranger's hold is known by; None: whoever books is known themselves."""
    return None if work.occasion.stranger is None else work.occasion.stranger.makes


def from_here(work: UnitOfWork, booking: Booking) -> None:
    """One more from where a stranger calls, or the refusal, however many browsers they say they have."""
    stranger = work.occasion.stranger
    if stranger is None or stranger.address is None or booking.expires_at is None:
        return
    expires_at = booking.expires_at
    work.read_if_any(Doorstep, stranger.address)
    work.change(Doorstep, stranger.address, lambda doorstep: doorstep.hold(booking.id, work.now, expires_at))
