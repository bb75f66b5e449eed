"""`daybook rebuild` and `daybook parked`, as they are typed."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner, Result
from logbook import house, lives, log, write

from domain.booking import events as booking
from interfaces.commands import parked, rebuild
from projections.booking.calendar import Calendar
from projections.runner import Runner, connected

ONE = UUID(int=1)


@pytest.fixture
def _at(url: str, trail_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("DATABASE", url), ("MONGO", trail_url), ("REDIS", "redis://127.0.0.1:1")):
        monkeypatch.setenv(f"DAYBOOK_{name}_URL", value)
    monkeypatch.setenv("DAYBOOK_DATA", str(tmp_path))


def typed(*words: str) -> Result:
    command = rebuild.command if words[0] == "rebuild" else parked.command
    return CliRunner().invoke(command, words[1:])


def followed(url: str) -> None:
    runner = Runner(Calendar(), url, log)
    with connected(url, "test") as connection:
        runner.keeper.find(connection)
        while runner.step(connection):
            pass


@pytest.mark.usefixtures("_at")
def test_rebuild_and_verify(url: str) -> None:
    write(url, [*house(), *lives(50)])
    assert "swapped" in typed("rebuild", "calendar").output
    found = typed("rebuild", "calendar", "--verify")
    assert (found.exit_code, "ok calendar" in found.output) == (0, True), found.output
    with psycopg.connect(url) as owner:
        owner.execute("UPDATE read.booking SET reference = 'planted' WHERE id = (SELECT id FROM read.booking LIMIT 1)")
    found = typed("rebuild", "calendar", "--verify")
    assert found.exit_code == 3
    assert "booking: different" in found.output
    assert typed("rebuild", "audit").exit_code == 0
    assert typed("rebuild", "audit", "--verify").exit_code == 0


@pytest.mark.usefixtures("_at")
def test_claims_that_do_not_follow_from_the_log_are_named(url: str) -> None:
    write(url, [*house(), *lives(5)])  # by hand, past the append that claims
    found = typed("rebuild", "claims", "--verify")
    assert found.exit_code == 3
    assert "claim: missing" in found.output


@pytest.mark.usefixtures("_at")
def test_parked_lists_and_retries(url: str) -> None:
    assert typed("parked").output == "Nothing is parked.\n"
    write(url, [(ONE, 1, ("booking.unheard_of", b"{}")), (ONE, 2, booking.BookingConfirmed())])
    followed(url)
    found = typed("parked", "calendar")
    assert found.exit_code == 3
    assert "unheard_of" in found.output
    assert "waits behind" in found.output
    assert "0 taken in, 2 still parked" in typed("parked", "--retry").output
