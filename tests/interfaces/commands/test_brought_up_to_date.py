"""After an upgrade: what other code has kept is found, told, and made anew before anybody asks for it."""

from collections.abc import Iterator

import pytest
from house import Town, fresh
from rich.console import Console

from infrastructure.settings import Settings
from interfaces.commands.rebuild import bring_up_to_date, outdated


@pytest.fixture
def town(servers: Settings) -> Iterator[Town]:
    with fresh(servers) as settings, Town(settings, views=False) as town:
        yield town


def test_what_was_made_by_other_code_is_named_and_made_anew(town):
    court = town.court()
    court.book(400, then="confirm")
    assert outdated(town.settings) == []
    town.sql("UPDATE read.position SET definition = 'another' WHERE view IN ('calendar', 'catalogue')")
    assert outdated(town.settings) == ["calendar", "catalogue"]
    town.sql("ALTER TABLE read.resource DROP COLUMN name")
    bring_up_to_date(town.settings, Console(quiet=True))
    assert outdated(town.settings) == []
    assert town.sql("SELECT name FROM read.resource") == [("Court 1",)]
    assert town.sql("SELECT count(*) FROM read.booking") == [(1,)]


def test_what_is_as_it_should_be_is_left_alone(town):
    before = town.sql("SELECT view, epoch FROM read.position ORDER BY view")
    bring_up_to_date(town.settings, Console(quiet=True))
    assert town.sql("SELECT view, epoch FROM read.position ORDER BY view") == before
