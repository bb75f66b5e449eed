"""Under which terms a booking stands: those that its offering had when it was booked."""

from datetime import timedelta

from application.unit_of_work import UnitOfWork
from domain.booking.booking import Booking
from domain.offering.offering import Offering
from domain.offering.terms import Terms


def governing(work: UnitOfWork, booking: Booking) -> Terms | None:
    """The terms that govern it; None where it was booked as the resources that it names."""
    if booking.offering_id is None:
        return None
    return work.as_it_was(Offering, booking.offering_id, booking.offering_version).terms


def cancellation_notice(work: UnitOfWork, booking: Booking) -> timedelta | None:
    """How long before its start at least its customer cancels in time; None: no cancellation of it is late."""
    terms = governing(work, booking)
    if terms is None or terms.cancellation_notice is None:
        return None
    return timedelta(minutes=terms.cancellation_notice)
