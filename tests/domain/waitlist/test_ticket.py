"""What is kept for somebody who waits, and what it occupies."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from given import SOMETHING, given

from domain.claim import Release, Take
from domain.claims import claims_of
from domain.event import KNOWN
from domain.waitlist.events import EarmarkPlaced, EarmarkReleased, EarmarkToppedUp, Piece, TicketIssued
from domain.waitlist.ticket import Ticket

SEVEN = datetime(2027, 3, 2, 19, tzinfo=UTC)
EIGHT = SEVEN + timedelta(hours=1)
CLASS, VENUE = UUID(int=2), UUID(int=4)
one, two = Piece(CLASS, SEVEN, EIGHT, 1), Piece(CLASS, SEVEN, EIGHT, 2)
issued = TicketIssued(VENUE)


def test_what_is_kept_first_is_placed_and_then_topped_up():
    assert given(Ticket).when(lambda t: t.issue(VENUE, None)).then(issued).location_id == VENUE
    given(Ticket, issued).when(lambda t: t.keep([one], SEVEN)).then(EarmarkPlaced((one,), SEVEN))
    kept = given(Ticket, issued, EarmarkPlaced((one,), SEVEN))
    kept.when(lambda t: t.keep([two], SEVEN)).then(EarmarkToppedUp((two,), SEVEN))
    kept.when(lambda t: t.keep([one], SEVEN)).then()


def test_letting_go_happens_once():
    after = given(Ticket, issued, EarmarkPlaced((one,), SEVEN)).when(lambda t: t.let_go()).then(EarmarkReleased())
    assert after.let_go() == []
    assert after.keep([one], SEVEN) == [EarmarkPlaced((one,), SEVEN)]


def test_what_is_kept_is_taken_for_everybody_else_until_it_ends():
    taken = Take(SOMETHING, 1, CLASS, SEVEN, EIGHT, 2, SEVEN, kind="earmark")
    assert claims_of(EarmarkPlaced((two,), SEVEN), SOMETHING) == (taken,)
    again = Release(SOMETHING, lapsed=True)  # some of it may be kept on although the first of it has ended
    assert claims_of(EarmarkToppedUp((two,), SEVEN), SOMETHING) == (again, taken)
    assert claims_of(EarmarkReleased(), SOMETHING) == (again,)


def test_nothing_else_about_waiting_occupies_anything():
    claiming = {"earmark.placed", "earmark.topped_up", "earmark.released"}
    named = {tag for tag in KNOWN if tag.split(".")[0] in ("waitlist", "ticket", "earmark")}
    assert claiming < named
    assert claims_of(issued, SOMETHING) == ()
