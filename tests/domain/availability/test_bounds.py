"""What may be asked for costs no more than can be waited for, whatever somebody has set up."""

from datetime import date

from setups import LONG_AGO, asked, court, daily, need, offering, sold, venue

from domain.availability.slots import slots

ON = date(2027, 1, 5)


def test_needs_that_share_a_few_in_millions_of_ways_are_given_up() -> None:
    courts = [court(f"Court {n}") for n in range(24)]

    def both(first: int, second: int) -> int:
        needs = need("first", *courts, count=first), need("second", *courts, count=second)
        setup = sold(venue(hours=daily("09:00-10:00")), offering(*needs), *courts)
        return len(slots(setup, [], asked(ON), LONG_AGO))

    assert both(12, 12) == 1
    assert both(12, 13) == 0
