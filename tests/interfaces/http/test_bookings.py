"""A booking over HTTP, from its first step to its last."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from house import HOUR, Court, Town, problem, soon


@pytest.fixture(scope="module")
def court(town: Town) -> Court:
    return town.court()


def test_a_booking_is_made_found_and_seen_at_once_by_who_names_its_position(town, court):
    answer = town.owner.post("/api/v1/bookings", json=court.wish(1000, then="confirm", party_size=2))
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/api/v1/bookings/{body['id']}"
    assert answer.headers["etag"] == '"2"'
    assert answer.headers["daybook-position"] == body["position"]
    assert body["status"] == "confirmed"
    seen = town.owner.get(answer.headers["location"], params={"min_position": body["position"]})
    assert seen.status_code == 200
    assert seen.headers["etag"] == '"2"'
    assert seen.json()["reference"] == body["reference"]
    assert seen.json()["items"][0]["zone"] == "Europe/Lisbon"
    assert seen.json()["status"] == "confirmed"
