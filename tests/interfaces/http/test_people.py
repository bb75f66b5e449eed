"""People over HTTP: what is said about them, who may know it, and how they are found."""

from uuid import UUID, uuid4

import pytest
from house import Town, made, problem

ANA = {
    "name": "  Ana  Concei\u00e7\u00e3o Lopes", "email": "Ana.Lopes@Example.ORG", "phone": "+351 912 345 678",
    "birth_date": "1984-05-31", "note": "Sits on the left.", "locale": "pt_pt",
}  # fmt: skip
KNOWN = {
    "name": "Ana Concei\u00e7\u00e3o Lopes", "email": "Ana.Lopes@example.org", "phone": "+351912345678",
    "birth_date": "1984-05-31", "note": "Sits on the left.", "locale": "pt-PT",
}  # fmt: skip
NOTHING = dict.fromkeys(KNOWN)


def registered(town: Town, role: str = "customer", who: str = "staff", **details: str) -> tuple[str, str]:
    """Their id, and the position at which they are known."""
    answer = town.as_(who).post("/api/v1/users", json={"role": role, "details": details})
    return made(answer), answer.headers["daybook-position"]


def known(town: Town, person: str, position: str, who: str = "staff", subject: str | None = None) -> dict:
    answer = town.as_(who, subject).get(f"/api/v1/users/{person}", params={"min_position": position})
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(town: Town, position: str, who: str = "staff", **wanted) -> list[str]:
    answer = town.as_(who).post("/api/v1/users/search", json={**wanted, "min_position": position})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


def test_who_is_registered_with_details_is_known_by_them(town):
    ana, position = registered(town, **ANA)
    shown = known(town, ana, position)
    assert shown["details"] == KNOWN
    assert (shown["role"], shown["active"], shown["erased"], shown["version"]) == ("customer", True, False, 2)


def test_who_is_registered_without_details_is_nobody_in_particular(town):
    ana, position = registered(town)
    assert known(town, ana, position)["details"] == NOTHING


def test_what_is_said_later_is_added_and_what_is_forgotten_is_gone(town):
    ana, _ = registered(town, name="Ana")
    url = f"/api/v1/users/{ana}/details"
    said = town.as_("staff").patch(url, json={"phone": "+351 912 345 678", "locale": "pt"})
    shown = known(town, ana, said.json()["position"])
    assert shown["details"] == {**NOTHING, "name": "Ana", "phone": "+351912345678", "locale": "pt"}
    for field in ("phone", "locale"):
        gone = town.as_("staff").delete(f"{url}/{field}")
        assert gone.status_code == 200
    assert known(town, ana, gone.json()["position"])["details"] == {**NOTHING, "name": "Ana"}
    again = town.as_("staff").delete(f"{url}/{field}")
    assert again.json()["version"] == gone.json()["version"], "nothing happened"


def test_only_who_has_seen_it_so_changes_it_where_they_say_what_they_saw(town):
    ana, _ = registered(town, name="Ana")
    url = f"/api/v1/users/{ana}/details"
    assert town.owner.patch(url, json={"name": "Ana L"}, headers={"if-match": '"2"'}).status_code == 200
    problem(town.owner.patch(url, json={"name": "Ana M"}, headers={"if-match": '"2"'}), 412, "changed_since")
    problem(town.owner.delete(f"{url}/name", headers={"if-match": '"2"'}), 412, "changed_since")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"name": "\x00"}, "not_a_name"),
        ({"email": "nobody at all"}, "not_an_email"),
        ({"phone": "933 444 555"}, "not_a_phone"),
        ({"birth_date": "31.5.1984"}, "not_a_birth_date"),
        ({"birth_date": "2200-01-01"}, "not_a_birth_date"),
        ({"note": "\x1b[31mred"}, "not_a_note"),
        ({"locale": "klingon"}, "not_a_locale"),
    ],
)
def test_what_cannot_be_so_is_refused_without_being_repeated(town, said, code):
    answer = town.owner.post("/api/v1/users", json={"role": "customer", "details": said})
    refused = problem(answer, 422, code)
    (field, value), *_ = said.items()
    assert refused["details"] == {"field": field}
    assert value not in answer.text
    ana, _ = registered(town)
    problem(town.owner.patch(f"/api/v1/users/{ana}/details", json=said), 422, code)


@pytest.mark.parametrize(
    "body",
    [{}, {"name": None}, {"name": ""}, {"shoe": "41"}, {"name": 5}, {"note": "n" * 2001}, {"name": "n" * 301}],
)  # fmt: skip
def test_what_is_no_detail_is_malformed(town, body):
    ana, _ = registered(town)
    answer = town.owner.patch(f"/api/v1/users/{ana}/details", json=body)
    problem(answer, 400, "bad_body")
    assert "nnnn" not in answer.text


def test_what_is_no_detail_cannot_be_forgotten(town):
    ana, _ = registered(town)
    problem(town.owner.delete(f"/api/v1/users/{ana}/details/shoe_size"), 422, "no_such_detail")


# who may


def test_staff_register_customers_and_owners_everybody(town):
    for role, who in (("customer", "staff"), ("customer", "service"), ("staff", "owner"), ("customer", "owner")):
        made(town.as_(who).post("/api/v1/users", json={"role": role}))
    for role, who in (("staff", "staff"), ("owner", "manager"), ("customer", "customer"), ("customer", "compliance")):
        problem(town.as_(who).post("/api/v1/users", json={"role": role}), 403, "not_permitted")


def test_a_customer_knows_and_describes_themselves_alone(town):
    ana, _ = registered(town, name="Ana")
    ben, position = registered(town, name="Ben")
    herself = town.as_("customer", ana)
    assert herself.get("/api/v1/users/me", params={"min_position": position}).json()["details"]["name"] == "Ana"
    assert herself.get(f"/api/v1/users/{ana}").json()["id"] == ana
    problem(herself.get(f"/api/v1/users/{ben}"), 404, "unknown_user")
    said = herself.patch("/api/v1/users/me/details", json={"phone": "+351 912 345 678"})
    assert said.status_code == 200
    assert herself.delete("/api/v1/users/me/details/phone").status_code == 200
    for refused in (
        herself.patch(f"/api/v1/users/{ben}/details", json={"name": "Bad"}),
        herself.delete(f"/api/v1/users/{ben}/details/name"),
    ):
        problem(refused, 404, "unknown_user")
    assert known(town, ben, position)["details"]["name"] == "Ben"
    problem(herself.get("/api/v1/users"), 403, "not_permitted")
    problem(herself.post("/api/v1/users/search", json={"name": "ben"}), 403, "not_permitted")


def test_who_is_not_registered_has_no_profile(town):
    problem(town.as_("customer", str(uuid4())).get("/api/v1/users/me"), 404, "unknown_user")
    problem(town.as_("staff", "till").get("/api/v1/users/me"), 404, "unknown_user")


def test_compliance_looks_and_changes_nothing(town):
    ana, position = registered(town, name="Ana")
    assert known(town, ana, position, who="compliance")["details"]["name"] == "Ana"
    problem(town.as_("compliance").patch(f"/api/v1/users/{ana}/details", json={"name": "X"}), 403, "not_permitted")


# finding


def test_people_are_found_by_whole_address_and_number_and_by_parts_of_number_and_name(town):
    last = f"{uuid4().int % 10**4:04}"
    number = f"+35191{uuid4().int % 10**3:03}{last}"
    mail = f"Z{uuid4().hex[:8]}@Example.org"
    zoe, position = registered(town, name="Zo\u00eb Xylander-Quist", phone=number, email=mail)
    _, position = registered(town, name="Zoltan Xaver", phone="+351910000000", email="somebody@example.org")
    for wanted in (
        {"email": mail}, {"email": mail.lower()}, {"phone": number}, {"phone": f"00{number[1:]}"},
        {"name": "zoe xyl"}, {"name": "XYLAND"}, {"name": "quist zo\u00eb"},
        {"name": "xylander", "last_four": last}, {"email": mail, "phone": number, "name": "zoe", "last_four": last},
    ):  # fmt: skip
        assert found(town, position, **wanted) == [zoe], wanted
    assert zoe in found(town, position, last_four=last)
    for wanted in (
        {"email": f"x{mail}"}, {"name": "xylanders"}, {"name": "ylander"}, {"name": "zo"},
        {"name": "xylander", "last_four": f"{(int(last) + 1) % 10**4:04}"}, {"phone": f"{number}9"},
    ):  # fmt: skip
        assert zoe not in found(town, position, **wanted), wanted


def test_who_is_called_otherwise_by_now_is_found_so(town):
    old, new = f"Qua{uuid4().hex[:6]}", f"Vre{uuid4().hex[:6]}"
    who, position = registered(town, name=old)
    assert found(town, position, name=old) == [who]
    position = town.owner.patch(f"/api/v1/users/{who}/details", json={"name": new}).json()["position"]
    assert (found(town, position, name=old), found(town, position, name=new)) == ([], [who])
    position = town.owner.delete(f"/api/v1/users/{who}/details/name").json()["position"]
    assert found(town, position, name=new) == []


def test_a_search_has_pages_and_ends(town):
    shared = f"W{uuid4().hex[:8]}"
    people = set()
    for n in range(5):
        who, position = registered(town, name=f"{shared} {n}")
        people.add(who)
    seen: list[str] = []
    body = {"name": shared, "limit": 2, "min_position": position}
    while True:
        page = town.owner.post("/api/v1/users/search", json=body).json()
        assert len(page["data"]) <= 2
        seen += [row["id"] for row in page["data"]]
        if page["next"] is None:
            break
        body["cursor"] = page["next"]
    assert len(seen) == 5
    assert set(seen) == people
    problem(town.owner.post("/api/v1/users/search", json={**body, "cursor": "x" * 20}), 422, "other_cursor")


@pytest.mark.parametrize("body", [{}, {"limit": 5}, {"name": "..."}])
def test_a_search_says_what_it_looks_for(town, body):
    problem(town.owner.post("/api/v1/users/search", json=body), 422, "nothing_to_look_for")


@pytest.mark.parametrize("body", [{"last_four": "12a4"}, {"last_four": "123"}])
def test_and_what_it_looks_for_is_of_its_kind(town, body):
    assert town.owner.post("/api/v1/users/search", json=body).status_code == 400


def test_everybody_is_listed_by_id_page_by_page_and_by_role(town):
    who, position = registered(town, role="manager", who="owner", name="Mia")
    params = {"role": "manager", "limit": 1, "min_position": position}
    seen = []
    while True:
        page = town.owner.get("/api/v1/users", params=params).json()
        seen += page["data"]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert {row["role"] for row in seen} == {"manager"}
    assert who in [row["id"] for row in seen]
    assert [row["id"] for row in seen] == sorted(row["id"] for row in seen)


def test_another_organization_neither_knows_nor_finds_them(town):
    mail = f"{uuid4().hex}@example.org"
    ana, position = registered(town, name="Ana", email=mail)
    founded = town.as_("platform", organization=None).post("/api/v1/organizations", json={"name": "Elsewhere"})
    other = town.as_("owner", organization=founded.json()["id"])
    problem(other.get(f"/api/v1/users/{ana}", params={"min_position": position}), 404, "unknown_user")
    problem(other.patch(f"/api/v1/users/{ana}/details", json={"name": "X"}), 404, "unknown_user")
    there = other.post("/api/v1/users/search", json={"email": mail, "min_position": position})
    assert there.json() == {"data": [], "next": None}
    assert found(town, position, email=mail) == [ana]
    # The same person there has a key of their own, and is found there alone.
    theirs = made(other.post("/api/v1/users", json={"role": "customer", "details": {"email": mail}}))
    assert found(town, position, email=mail) == [ana] != [theirs]


# erasure


def test_who_is_erased_is_shown_without_details_found_by_nothing_and_described_no_more(town):
    name, mail = f"Ulf{uuid4().hex[:6]}", f"{uuid4().hex}@example.org"
    ulf, position = registered(town, name=name, email=mail)
    assert found(town, position, name=name) == [ulf]
    town.house.keys.erase(town.organization, ulf_id := UUID(ulf), "compliance")
    shown = known(town, ulf, position)
    assert (shown["details"], shown["erased"]) == (NOTHING, True)
    assert (found(town, position, name=name), found(town, position, email=mail)) == ([], [])
    problem(town.owner.patch(f"/api/v1/users/{ulf}/details", json={"name": name}), 422, "person_erased")
    rows = town.sql("SELECT count(*) FROM privacy.blind_index WHERE subject = %s", ulf_id)
    assert rows == [(0,)]
    # A forgetting says nothing about anybody, and is recorded as ever.
    assert town.owner.delete(f"/api/v1/users/{ulf}/details/name").status_code == 200


def test_the_same_registration_twice_is_one_and_with_other_details_another(town):
    key = {"idempotency-key": str(uuid4())}
    body = {"role": "customer", "details": {"name": "Ana"}}
    first = town.owner.post("/api/v1/users", json=body, headers=key)
    again = town.owner.post("/api/v1/users", json=body, headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    other = {"role": "customer", "details": {"name": "Ben"}}
    problem(town.owner.post("/api/v1/users", json=other, headers=key), 422, "key_used_differently")
