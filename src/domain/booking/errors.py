"""Why a booking refuses."""

from domain.errors import Conflict, Malformed, Rule, Unknown


class UnknownBooking(Unknown):
    """There is no such booking here."""


class SlotTaken(Conflict):
    """This time is taken."""


class SlotHeld(Conflict):
    """This time is being held."""


class NotOffered(Rule):
    """This cannot be booked as asked."""


class NothingWanted(Malformed):
    """A booking has 1 to 50 items."""


class BadUnits(Malformed):
    """Units and party sizes are whole numbers from 1 to 10000."""


class TooLong(Rule):
    """One item of a booking lasts at most 400 days."""


class OwnOverlap(Rule):
    """Two items of this booking want the same resource at the same time, and together more than it has."""


class UnknownItem(Rule):
    """This booking has no such item."""


class HoldExpired(Rule):
    """The hold has expired."""


class StillToExpire(Rule):
    """The hold has expired, and nobody has said so yet: expire it first."""


class NotHeld(Rule):
    """Only a held booking can do this."""


class ExtendedEnough(Rule):
    """This hold has been extended as often as it may be."""


class LongestHold(Rule):
    """This hold cannot last any longer."""


class PaymentTooLate(Rule):
    """This booking can no longer be had for this payment."""


class TooManyHolds(Conflict):
    """This customer holds as much as they may at a time."""


class ApprovalQueueFull(Rule):
    """As many requests wait for the venue's answer as may at once: ask again when one has been answered."""


class TooManyFromHere(Rule):
    """So many have been held from this address that it has to wait until the first of them is over."""


class NotPending(Rule):
    """Only a booking that waits for approval can do this."""


class NotConfirmed(Rule):
    """Only a confirmed booking can do this."""


class NotCheckedIn(Rule):
    """Only a checked-in booking can do this."""


class NotCancellable(Rule):
    """Only a pending or confirmed booking can be cancelled."""


class DeadlinePassed(Rule):
    """The deadline has passed."""


class NotDue(Rule):
    """It is not time for that yet."""


class Pinned(Rule):
    """This booking keeps the units that it has."""


class AnotherTime(Rule):
    """Other units are given for the same time; for another time it is moved."""


class NotCancelled(Rule):
    """Only a cancelled booking can do this."""


class NotNoShow(Rule):
    """Only a booking marked as no-show can do this."""


class NotExpired(Rule):
    """The hold is still alive."""


class OutsideCheckIn(Rule):
    """Check-in is open from shortly before the start until the end."""


class TooEarlyForNoShow(Rule):
    """A booking can be marked as not shown only some time after its start."""


class MovedByItsOffering(Rule):
    """This was booked as what an offering sells: move it as that, so that the offering's rules are asked."""


class NeedsAgreement(Rule):
    """At that time the venue would have to agree: ask the venue, or book it anew and cancel this."""


class NobodyToLink(Rule):
    """A link is for whoever the booking is for, and this one names nobody: name its customer."""


class AlreadyOver(Rule):
    """It has ended already."""
