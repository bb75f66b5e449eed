"""Families over HTTP: who founds them, who comes and goes, and who learns of them."""

from uuid import uuid4

import pytest
from house import Town, made, problem
from kin import Kin, person, since


@pytest.fixture
def kin(town: Town) -> Kin:
    return Kin(town)


def standings(family: dict) -> dict[str, str]:
    return {it["user_id"]: it["standing"] for it in family["members"]}


def test_a_customer_founds_a_family_and_registers_a_child(town, kin):
    answer = kin.guardian.post(f"{kin.url}/dependants", json={"details": {"name": "Kim Reed"}})
    kim = answer.json()["dependant_id"]
    shown = kin.stands(answer)
    assert standings(shown) == {kin.ann: "guardian", kim: "dependant"}
    assert shown["rights"] == [{"guardian_id": kin.ann, "dependant_id": kim, "rights": ["book", "pay", "see"]}]
    assert shown["version"] == answer.json()["version"] == 3
    details = kin.guardian.get(f"/api/v1/users/{kim}", params=since(answer))
    assert details.json()["details"]["name"] == "Kim Reed"
    assert details.json()["role"] == "customer"


def test_staff_found_a_family_for_somebody_who_is_registered(town):
    ann = person(town)
    staff = town.as_("staff")
    made(staff.post("/api/v1/families", json={"guardian_id": ann}))
    problem(staff.post("/api/v1/families", json={}), 422, "founder_needed")
    problem(staff.post("/api/v1/families", json={"guardian_id": str(uuid4())}), 404, "unknown_user")


def test_nobody_is_made_a_guardian_by_another_customer(town):
    ann, ben = person(town), person(town)
    problem(town.as_("customer", ann).post("/api/v1/families", json={"guardian_id": ben}), 403, "somebody_else")
    assert town.as_("customer", ann).post("/api/v1/families", json={"guardian_id": ann}).status_code == 201


def test_who_is_not_registered_founds_nothing(town):
    problem(town.as_("customer").post("/api/v1/families", json={}), 404, "unknown_user")


def test_the_same_wish_again_is_the_same_family_and_the_same_child(town, kin):
    key = {"idempotency-key": uuid4().hex}
    first, again = (kin.guardian.post(f"{kin.url}/dependants", json={}, headers=key) for _ in range(2))
    assert first.json()["dependant_id"] == again.json()["dependant_id"]
    assert again.headers["idempotent-replayed"] == "true"


# guardians


def test_who_is_invited_sees_it_and_says_yes(town, kin):
    kim, ben = kin.child(), person(town)
    invited = kin.guardian.post(f"{kin.url}/guardians", json={"user_id": ben})
    him = town.as_("customer", ben)
    assert standings(kin.stands(invited, him)) == {kin.ann: "guardian", kim: "dependant", ben: "invited"}
    problem(him.get(f"/api/v1/users/{kim}", params=since(invited)), 404, "unknown_user")
    problem(town.as_("staff").post(f"{kin.url}/acceptance"), 422, "theirs_to_say")
    joined = him.post(f"{kin.url}/acceptance")
    assert joined.status_code == 200, joined.text
    assert standings(kin.stands(joined))[ben] == "guardian"
    problem(him.get(f"/api/v1/users/{kim}", params=since(joined)), 404, "unknown_user")  # no right yet
    shared = kin.let(ben, kim, "see", who=kin.guardian)
    assert him.get(f"/api/v1/users/{kim}", params=since(shared)).status_code == 200


def test_who_is_invited_says_no(town, kin):
    ben = person(town)
    kin.guardian.post(f"{kin.url}/guardians", json={"user_id": ben})
    him = town.as_("customer", ben)
    left = him.delete(f"{kin.url}/members/{ben}")
    assert left.status_code == 200, left.text
    assert standings(kin.stands(left)) == {kin.ann: "guardian"}
    problem(him.post(f"{kin.url}/acceptance"), 404, "unknown_family")
    problem(him.get(kin.url, params=since(left)), 404, "unknown_family")


def test_whether_an_invited_person_exists_is_not_told(town, kin):
    there = kin.guardian.post(f"{kin.url}/guardians", json={"user_id": person(town)})
    nowhere = kin.guardian.post(f"{kin.url}/guardians", json={"user_id": str(uuid4())})
    assert there.status_code == nowhere.status_code == 200
    assert there.json().keys() == nowhere.json().keys()


def test_staff_add_a_guardian_at_once(town, kin):
    ben = kin.other_guardian()
    last = town.as_("staff").post(f"{kin.url}/guardians", json={"user_id": ben})  # again
    assert standings(kin.stands(last))[ben] == "guardian"
    problem(town.as_("staff").post(f"{kin.url}/guardians", json={"user_id": str(uuid4())}), 404, "unknown_user")


# dependants


def test_somebody_who_is_registered_is_added_by_staff_alone(town, kin):
    kim = person(town)
    problem(kin.guardian.post(f"{kin.url}/dependants", json={"user_id": kim}), 403, "not_permitted")
    added = town.as_("staff").post(f"{kin.url}/dependants", json={"user_id": kim})
    assert added.status_code == 200, added.text
    assert standings(kin.stands(added))[kim] == "dependant"


def test_a_dependant_has_one_family(town, kin):
    kim, other = kin.child(), Kin(town)
    wish = {"user_id": kim}
    problem(town.as_("staff").post(f"{other.url}/dependants", json=wish), 422, "dependant_elsewhere")
    assert town.as_("staff").delete(f"{kin.url}/members/{kim}").status_code == 200
    assert town.as_("staff").post(f"{other.url}/dependants", json=wish).status_code == 200


def test_who_is_registered_already_is_not_described_by_the_way(town, kin):
    wish = {"user_id": person(town), "details": {"name": "Kim"}}
    problem(town.as_("staff").post(f"{kin.url}/dependants", json=wish), 422, "details_already")


# who goes


def test_the_last_guardian_stays_while_there_are_dependants(town, kin):
    kim = kin.child()
    problem(kin.guardian.delete(f"{kin.url}/members/{kin.ann}"), 422, "last_guardian")
    problem(town.as_("staff").delete(f"{kin.url}/members/{kin.ann}"), 422, "last_guardian")
    problem(kin.guardian.delete(f"{kin.url}/members/{kim}"), 403, "not_yours_to_end")
    assert town.as_("staff").delete(f"{kin.url}/members/{kim}").status_code == 200
    left = kin.guardian.delete(f"{kin.url}/members/{kin.ann}")
    assert left.status_code == 200, left.text
    problem(kin.guardian.get(kin.url, params=since(left)), 404, "unknown_family")
    assert town.as_("staff").get(kin.url, params=since(left)).json()["dissolved"] is True


def test_who_comes_of_age_acts_for_themselves(town, kin):
    kim = kin.child()
    url = f"{kin.url}/dependants/{kim}/majority"
    problem(kin.guardian.post(url, json={"of_age_on": "2020-05-31"}), 403, "not_permitted")
    problem(town.as_("staff").post(url, json={"of_age_on": "2199-05-31"}), 422, "not_of_age")
    problem(town.as_("customer", kim).delete(f"{kin.url}/members/{kim}"), 422, "still_dependent")
    of_age = town.as_("staff").post(url, json={"of_age_on": "2020-05-31"})
    shown = kin.stands(of_age)
    assert (standings(shown)[kim], shown["rights"]) == ("grown", [])
    problem(kin.guardian.get(f"/api/v1/users/{kim}", params=since(of_age)), 404, "unknown_user")
    assert town.as_("customer", kim).delete(f"{kin.url}/members/{kim}").status_code == 200


def test_a_family_that_is_dissolved_is_no_more(town, kin):
    kim = kin.child()
    problem(kin.guardian.delete(kin.url), 403, "not_permitted")
    gone = town.as_("staff").delete(kin.url)
    assert gone.status_code == 200, gone.text
    shown = kin.stands(gone, town.as_("staff"))
    assert (shown["members"], shown["rights"], shown["dissolved"]) == ([], [], True)
    problem(kin.guardian.get(kin.url, params=since(gone)), 404, "unknown_family")
    problem(town.as_("staff").post(f"{kin.url}/dependants", json={}), 422, "family_gone")
    assert town.as_("staff").post(f"{Kin(town).url}/dependants", json={"user_id": kim}).status_code == 200


# who learns of it


def test_to_everybody_else_a_family_is_unknown(town, kin):
    kim, last = kin.child(), kin.guardian.post(f"{kin.url}/dependants", json={})
    somebody = town.as_("customer", person(town))
    answers = [
        [
            somebody.get(url, params=since(last)),
            somebody.post(f"{url}/dependants", json={}),
            somebody.post(f"{url}/guardians", json={"user_id": kin.ann}),
            somebody.post(f"{url}/acceptance"),
            somebody.delete(f"{url}/members/{kim}"),
            somebody.put(f"{url}/rights/{kin.ann}/{kim}", json={"rights": []}),
        ]
        for url in (kin.url, f"/api/v1/families/{uuid4()}")
    ]
    for real, never in zip(*answers, strict=True):
        assert problem(real, 404, "unknown_family")["detail"] == problem(never, 404, "unknown_family")["detail"]


def test_a_dependant_sees_the_family_and_changes_nothing_in_it(town, kin):
    kim, ben = kin.child(), kin.other_guardian()
    last = kin.let(ben, kim, "see")
    child = town.as_("customer", kim)
    assert standings(kin.stands(last, child))[kim] == "dependant"
    problem(kin.let(kin.ann, kim, who=child), 403, "for_guardians")
    problem(child.post(f"{kin.url}/dependants", json={}), 403, "for_guardians")
    problem(child.post(f"{kin.url}/guardians", json={"user_id": ben}), 403, "for_guardians")


def test_families_are_listed_to_staff_and_to_each_their_own(town, kin):
    other = Kin(town)
    last = other.guardian.post(f"{other.url}/dependants", json={})

    def listed(who, **params) -> list[str]:
        answer = who.get("/api/v1/families", params={**since(last), **params})
        assert answer.status_code == 200, answer.text
        return [it["id"] for it in answer.json()["data"]]

    assert listed(kin.guardian) == [kin.id]
    assert listed(kin.guardian, user_id=other.ann) == []
    assert listed(town.as_("staff"), user_id=other.ann) == [other.id]
    assert {kin.id, other.id} <= set(listed(town.as_("compliance")))
    page = town.as_("staff").get("/api/v1/families", params={**since(last), "limit": 1}).json()
    after = town.as_("staff").get("/api/v1/families", params={**since(last), "cursor": page["next"]}).json()
    assert page["data"][0]["id"] not in [it["id"] for it in after["data"]]


def test_as_they_were_seen_or_not_at_all(town, kin):
    kin.child()
    headers = {"if-match": '"1"'}
    problem(kin.guardian.post(f"{kin.url}/dependants", json={}, headers=headers), 412, "changed_since")


def test_an_unknown_right_is_none(town, kin):
    problem(kin.let(kin.ann, kin.child(), "rule"), 400, "bad_body")
