"""How much an answer about availability may cost, known before anything is looked at."""

from datetime import date
from uuid import uuid4

import pytest
from setups import court, need, offering, sold, venue

from application.availability.queries import WhatIsOffered
from projections.availability.offers import MOST_LOOKS, effort

COURTS = [court(f"Court {n}") for n in range(50)]


@pytest.mark.parametrize(
    ("last", "step", "more", "much"),
    [
        (1, 30, {}, 48),
        (1, 31, {}, 47),
        (31, 5, {}, 31 * 288),
        (7, 5, {"explain": True}, 7 * 288 * 50),
        (7, 5, {"apart": True, "resource_ids": tuple(uuid4() for _ in range(200))}, 7 * 288 * 200),
        (7, 5, {"spans": True, "apart": True, "resource_ids": (uuid4(),)}, 1),
    ],
)
def test_starts_by_the_offerings_own_step_times_what_is_looked_at_for_each(last, step, more, much):
    setup = sold(venue(), offering(need("court", *COURTS), step=step), *COURTS)
    query = WhatIsOffered(date(2027, 1, 1), date(2027, 1, last), setup.location.id, **more)
    assert effort(setup, query) == much


def test_two_months_of_reasons_in_steps_of_five_minutes_for_fifty_courts_are_too_much():
    setup = sold(venue(), offering(need("court", *COURTS), step=5), *COURTS)
    query = WhatIsOffered(date(2027, 1, 1), date(2027, 3, 3), setup.location.id, explain=True)
    assert effort(setup, query) > MOST_LOOKS
