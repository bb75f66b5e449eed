"""Consents over HTTP: what is asked, who may say yes, and what cannot be booked without it."""

from collections.abc import Iterator

import pytest
from house import HOUR, Court, Somebody, Town, fresh, made, problem, soon
from kin import Kin, person, since

from infrastructure.settings import Settings


@pytest.fixture(scope="module")
def town(servers: Settings) -> Iterator[Town]:
    """One of its own: what it asks of minors would be in the way of all others."""
    with fresh(servers) as settings, Town(settings) as town:
        yield town


@pytest.fixture
def kin(town: Town) -> Iterator[Kin]:
    yield Kin(town)
    for purpose in ("photo", "health", "news"):
        town.owner.delete(f"/api/v1/consents/{purpose}")


@pytest.fixture(scope="module")
def court(town: Town) -> Court:
    return town.court(capacity=500)


def ask(town: Town, purpose: str = "photo", version: int | None = None, of_minors: bool = True) -> int:
    """The next version, unless one is named; versions do not go back, and the town is shared."""
    said = VERSIONS[purpose] = version or VERSIONS.get(purpose, 0) + 1
    answer = town.owner.put(f"/api/v1/consents/{purpose}", json={"version": said, "of_minors": of_minors})
    assert answer.status_code == 200, answer.text
    return said


VERSIONS: dict[str, int] = {}


def says_yes(who: Somebody, person: str, purpose: str, version: int, **more: str):
    return who.put(f"/api/v1/users/{person}/consents/{purpose}", json={"version": version, **more})


def book(court: Court, who: Somebody, child: str):
    return who.post("/api/v1/bookings", json=court.wish(24, customer_id=child, then="confirm"))


# what is asked


def test_what_is_asked_is_set_by_managers_and_seen_by_everybody(town, kin):
    version = ask(town, "news", of_minors=False)
    problem(town.as_("staff").put("/api/v1/consents/news", json={"version": version + 1}), 403, "not_permitted")
    last = town.as_("manager").put("/api/v1/consents/news", json={"version": version + 1})
    VERSIONS["news"] = version + 1
    listed = kin.guardian.get("/api/v1/consents", params=since(last)).json()["data"]
    (news,) = [it for it in listed if it["purpose"] == "news"]
    assert (news["version"], news["of_minors"]) == (version + 1, False)
    problem(town.owner.put("/api/v1/consents/news", json={"version": version}), 422, "bad_version")
    gone = town.owner.delete("/api/v1/consents/news")
    listed = kin.guardian.get("/api/v1/consents", params=since(gone)).json()["data"]
    assert "news" not in [it["purpose"] for it in listed]


@pytest.mark.parametrize(
    ("url", "body", "status", "code"),
    [
        ("Photo", {"version": 1}, 422, "bad_purpose"),
        ("photo", {"version": 0}, 400, "bad_body"),
        ("photo", {}, 400, "bad_body"),
    ],
)
def test_what_cannot_be_asked(town, url, body, status, code):
    problem(town.owner.put(f"/api/v1/consents/{url}", json=body), status, code)


# who says yes


def test_everybody_of_age_consents_for_themselves(town, kin):
    version = ask(town, "news", of_minors=False)
    problem(says_yes(kin.guardian, kin.ann, "news", version + 1), 422, "other_version")
    yes = says_yes(kin.guardian, kin.ann, "news", version)
    assert yes.status_code == 200, yes.text
    shown = kin.guardian.get(f"/api/v1/users/{kin.ann}/consents", params=since(yes))
    (said,) = shown.json()["consents"]
    assert (said["purpose"], said["given"], said["version"], said["by"]) == ("news", True, version, kin.ann)
    assert shown.headers["etag"] == '"1"'


def test_of_who_has_said_nothing_that_is_known(town, kin):
    last = kin.guardian.post(f"{kin.url}/dependants", json={})
    kim = last.json()["dependant_id"]
    shown = kin.guardian.get(f"/api/v1/users/{kim}/consents", params=since(last)).json()
    assert (shown["consents"], shown["version"]) == ([], 0)
    history = kin.guardian.get(f"/api/v1/users/{kim}/consents/history", params=since(last)).json()
    assert (history["data"], history["next"]) == ([], None)


def test_for_who_is_not_of_age_a_guardian_who_may_book_consents(town, kin):
    version, kim, ben = ask(town), kin.child(), kin.other_guardian()
    him, child = town.as_("customer", ben), town.as_("customer", kim)
    problem(says_yes(child, kim, "photo", version), 422, "not_theirs_to_consent")
    problem(says_yes(him, kim, "photo", version), 404, "unknown_user")
    kin.let(ben, kim, "see")
    problem(says_yes(him, kim, "photo", version), 404, "unknown_user")
    kin.let(ben, kim, "book")
    yes = says_yes(him, kim, "photo", version)
    shown = kin.guardian.get(f"/api/v1/users/{kim}/consents", params=since(yes)).json()
    assert [it["by"] for it in shown["consents"]] == [ben]


def test_staff_say_whose_word_they_have(town, kin):
    version, kim, ben = ask(town), kin.child(), kin.other_guardian()
    staff = town.as_("staff")
    problem(says_yes(staff, kim, "photo", version), 422, "not_theirs_to_consent")  # not the child's own
    problem(says_yes(staff, kim, "photo", version, by=ben), 422, "not_theirs_to_consent")  # who may not book
    problem(says_yes(staff, kim, "photo", version, by=person(town)), 422, "not_theirs_to_consent")
    assert says_yes(staff, kim, "photo", version, by=kin.ann).status_code == 200
    problem(says_yes(staff, kin.ann, "photo", version, by=ben), 422, "not_theirs_to_consent")
    assert says_yes(staff, kin.ann, "photo", version).status_code == 200


def test_nobody_gives_another_s_word(town, kin):
    version, ben = ask(town), kin.other_guardian()
    problem(says_yes(kin.guardian, kin.ann, "photo", version, by=ben), 403, "somebody_else")
    problem(says_yes(kin.guardian, ben, "photo", version), 404, "unknown_user")
    problem(kin.guardian.get(f"/api/v1/users/{ben}/consents"), 404, "unknown_user")
    problem(kin.guardian.get(f"/api/v1/users/{ben}/consents/history"), 404, "unknown_user")


def test_to_what_nobody_asks_nobody_consents(town, kin):
    problem(says_yes(kin.guardian, kin.ann, "secrets", 1), 404, "unknown_purpose")


def test_every_word_is_kept_in_order(town, kin):
    version, kim = ask(town), kin.child()
    url = f"/api/v1/users/{kim}/consents"
    says_yes(kin.guardian, kim, "photo", version)
    town.as_("customer", kim).delete(f"{url}/photo")  # what is theirs they may take back at any age
    last = says_yes(town.as_("staff"), kim, "photo", version, by=kin.ann)
    seen, cursor = [], None
    while True:
        params = {**since(last), "limit": 1, **({} if cursor is None else {"cursor": cursor})}
        page = kin.guardian.get(f"{url}/history", params=params).json()
        seen += [(it["given"], it["version"], it["by"]) for it in page["data"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == [(True, version, kin.ann), (False, None, kim), (True, version, kin.ann)]
    assert len(kin.guardian.get(url, params=since(last)).json()["consents"]) == 1


# what cannot be had without


def test_nothing_is_booked_for_a_child_without_what_is_asked(town, kin, court):
    photo, health, kim = ask(town), ask(town, "health"), kin.child()
    refused = problem(book(court, kin.guardian, kim), 422, "consent_missing")
    wanted = [{"purpose": "health", "version": health}, {"purpose": "photo", "version": photo}]
    assert refused["details"]["missing"] == wanted
    says_yes(kin.guardian, kim, "photo", photo)
    refused = problem(book(court, kin.guardian, kim), 422, "consent_missing")
    assert refused["details"]["missing"] == [{"purpose": "health", "version": health}]
    says_yes(kin.guardian, kim, "health", health)
    assert book(court, kin.guardian, kim).status_code == 201


def test_nor_by_the_child_nor_by_staff(town, kin, court):
    ask(town)
    kim = kin.child()
    problem(book(court, town.as_("customer", kim), kim), 422, "consent_missing")
    problem(book(court, town.as_("staff"), kim), 422, "consent_missing")


def test_who_is_of_age_is_not_asked(town, kin, court):
    ask(town)
    kim = kin.child()
    assert book(court, kin.guardian, kin.ann).status_code == 201
    town.as_("staff").post(f"{kin.url}/dependants/{kim}/majority", json={"of_age_on": "2020-05-31"})
    assert book(court, town.as_("customer", kim), kim).status_code == 201


def test_what_is_not_asked_of_minors_is_not_in_the_way(town, kin, court):
    ask(town, "news", of_minors=False)
    assert book(court, kin.guardian, kin.child()).status_code == 201


def test_a_withdrawal_has_effect_at_once_and_what_is_booked_stands(town, kin, court):
    version, kim = ask(town), kin.child()
    says_yes(kin.guardian, kim, "photo", version)
    booked = book(court, kin.guardian, kim)
    assert booked.status_code == 201
    assert kin.guardian.delete(f"/api/v1/users/{kim}/consents/photo").status_code == 200
    problem(book(court, kin.guardian, kim), 422, "consent_missing")
    shown = kin.guardian.get(f"/api/v1/bookings/{made(booked)}", params=since(booked))
    assert shown.json()["status"] == "confirmed"


def test_new_words_are_asked_anew(town, kin, court):
    version, kim = ask(town), kin.child()
    says_yes(kin.guardian, kim, "photo", version)
    assert book(court, kin.guardian, kim).status_code == 201
    ask(town)
    problem(book(court, kin.guardian, kim), 422, "consent_missing")


def test_offerings_seats_series_and_waiting_ask_as_well(town, kin, court):
    version, kim = ask(town), kin.child()
    owner, guardian = town.owner, kin.guardian
    terms = {"needs": [{"role": "court", "any_of": [court.resource]}], "durations": [60], "step": 60}
    body = {"location_id": court.location, "name": "Tennis", "terms": terms}
    offering = made(owner.post("/api/v1/offerings", json=body))
    times = {"starts_at": soon(48).isoformat(), "ends_at": (soon(48) + HOUR).isoformat()}
    session = made(owner.post("/api/v1/sessions", json={"offering_id": offering, "seats": 1, **times}))
    full = made(owner.post("/api/v1/sessions", json={"offering_id": offering, "seats": 1, **times}))
    made(owner.post(f"/api/v1/sessions/{full}/bookings", json={"then": "confirm"}))
    rule = {"location_id": court.location, "start": f"{soon(96):%Y-%m-%d}T09:00", "rule": "FREQ=DAILY;COUNT=2"}
    wishes = {
        f"offerings/{offering}/bookings": {"starts_at": soon(26).isoformat(), "minutes": 60},
        f"sessions/{session}/bookings": {"then": "confirm"},
        "series": {**rule, "minutes": 60, "offering_id": offering},
        "waitlist": {"session_id": full},
    }
    for url, wish in wishes.items():
        problem(guardian.post(f"/api/v1/{url}", json={**wish, "customer_id": kim}), 422, "consent_missing")
    says_yes(guardian, kim, "photo", version)
    for url, wish in wishes.items():
        answer = guardian.post(f"/api/v1/{url}", json={**wish, "customer_id": kim})
        assert answer.status_code == 201, (url, answer.text)
