"""What is no event is recorded all the same: whoever is refused has asked, and somebody will ask who it was."""

from uuid import uuid4

import psycopg
import pytest
from house import Town, problem

from application.access import Access
from application.event_store import Unavailable
from application.recorded import Actor, Origin
from infrastructure.postgres.access_log import Accessed, PostgresAccessLog, read
from infrastructure.postgres.migrate import APP_ROLE
from projections.runner import connected

PREFIX = "203.0.113.0/24"


def entries(town: Town, after: int = 0) -> list[Accessed]:
    with connected(town.settings.database_url or "", "test", role=APP_ROLE) as connection:
        return [one for one in read(connection, after) if one.tenant == town.organization]


@pytest.fixture
def so_far(town: Town) -> int:
    return max((one.position for one in entries(town)), default=0)


def test_a_denied_command_is_recorded_with_who_asked_and_what_about(town, so_far):
    court = town.court()
    customer = str(uuid4())
    answer = town.as_("customer", customer).patch(f"/api/v1/resources/{court.resource}", json={"capacity": 3})
    problem(answer, 403, "not_permitted")
    (entry,) = entries(town, so_far)
    assert (entry.outcome, entry.reason, entry.actor_id) == ("denied", "not_permitted", customer)
    assert (entry.action, entry.target_type, entry.target_id) == ("ChangeCapacity", "resource", court.resource)
    about = entry.circumstances
    assert (about.actor.role, about.origin.channel) == ("customer", "api")
    assert about.origin.request_id == answer.headers["x-request-id"]
    assert about.command_id is not None


def test_to_ask_for_what_one_is_not_to_know_of_is_denied(town, so_far):
    nowhere = str(uuid4())
    problem(town.owner.get(f"/api/v1/bookings/{nowhere}"), 404, "unknown_booking")
    problem(
        town.owner.post(f"/api/v1/bookings/{nowhere}/cancellation", json={}, headers={"if-match": '"1"'}),
        404,
        "unknown_booking",
    )
    looked, cancelled = entries(town, so_far)
    assert (looked.action, looked.outcome, looked.target_id) == ("TheBooking", "denied", nowhere)
    assert (cancelled.action, cancelled.outcome, cancelled.target_id) == ("Cancel", "denied", nowhere)
    assert looked.circumstances.command_id is None


def test_a_command_that_a_rule_refuses_has_failed(town, so_far):
    court = town.court()
    court.book(900, then="confirm")
    problem(town.owner.post("/api/v1/bookings", json=court.wish(900)), 409, "slot_taken")
    (entry,) = entries(town, so_far)
    assert (entry.action, entry.outcome, entry.reason) == ("PlaceHold", "failed", "slot_taken")


def test_what_is_done_and_what_anybody_may_see_is_not_in_it(town, so_far):
    held = town.court().book(910)
    assert town.owner.get(held.url, params={"min_position": held.position}).status_code == 200
    assert entries(town, so_far) == []


def test_nobody_of_ours_may_read_change_or_take_back_what_is_written_past_the_functions(town, so_far):
    problem(town.owner.get(f"/api/v1/bookings/{uuid4()}"), 404, "unknown_booking")
    with connected(town.settings.database_url or "", "test", role=APP_ROLE) as connection:
        for deed in ("SELECT * FROM", "DELETE FROM", "TRUNCATE"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"{deed} access_log.entry")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE access_log.entry SET outcome = 'success'")
    assert len(entries(town, so_far)) == 1


def test_where_it_cannot_be_written_nothing_is_answered(town, monkeypatch):
    def gone(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(PostgresAccessLog, "record", gone)
    problem(town.owner.get(f"/api/v1/bookings/{uuid4()}"), 503, "unavailable_now")
    problem(
        town.owner.post(f"/api/v1/bookings/{uuid4()}/cancellation", json={}, headers={"if-match": '"1"'}),
        503,
        "unavailable_now",
    )


def test_the_entries_of_one_request_stand_in_their_order_and_name_the_people(town, so_far):
    ana, rui = uuid4(), uuid4()
    actor, origin = Actor("user", "staff", "staff"), Origin("api", ip_prefix=PREFIX)
    PostgresAccessLog(town.house.store.pool).record([
        Access(town.organization, "export", "success", actor, origin, subjects=(ana, rui)),
        Access(town.organization, "login", "failed", actor, origin, "wrong_password", "account", "a'b\"c"),
    ])  # fmt: skip
    export, login = entries(town, so_far)
    assert export.position + 1 == login.position
    assert export.at == login.at
    assert (export.subjects, login.subjects) == ((ana, rui), ())
    assert (login.reason, login.target_id) == ("wrong_password", "a'b\"c")
    assert export.circumstances.origin.ip_prefix == PREFIX


def test_it_stands_in_one_order_with_the_events(town, so_far):
    held = town.court().book(920)
    problem(town.owner.get(f"/api/v1/bookings/{uuid4()}"), 404, "unknown_booking")
    later = town.court().book(921)
    (entry,) = entries(town, so_far)
    assert int(held.position) < entry.position < int(later.position)
