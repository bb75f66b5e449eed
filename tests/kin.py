"""Words for stories about families: people who are registered, and who act for each other."""

from typing import Any

import httpx
from house import Somebody, Town, made


class Kin:
    """A guardian with a family of their own, and words for what they do in it."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.ann = person(town)
        self.id = made(self.guardian.post("/api/v1/families", json={}))
        self.url = f"/api/v1/families/{self.id}"

    @property
    def guardian(self) -> Somebody:
        return self.town.as_("customer", self.ann)

    @property
    def staff(self) -> Somebody:
        return self.town.as_("staff")

    def child(self, who: Somebody | None = None, **more: Any) -> str:
        """Somebody new in it, for whom the guardian may do everything."""
        answer = (who or self.guardian).post(f"{self.url}/dependants", json=more)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["dependant_id"]
        return found

    def other_guardian(self) -> str:
        """On the word of the staff."""
        ben = person(self.town)
        answer = self.staff.post(f"{self.url}/guardians", json={"user_id": ben})
        assert answer.status_code == 200, answer.text
        return ben

    def let(self, guardian: str, dependant: str, *rights: str, who: Somebody | None = None) -> httpx.Response:
        """What this guardian may do for this dependant from now on, on somebody's word; the staff's, if not said."""
        return (who or self.staff).put(f"{self.url}/rights/{guardian}/{dependant}", json={"rights": rights})

    def stands(self, after: httpx.Response, who: Somebody | None = None) -> Any:
        answer = (who or self.guardian).get(self.url, params=since(after))
        assert answer.status_code == 200, answer.text
        return answer.json()


def person(town: Town, **details: str) -> str:
    return made(town.as_("staff").post("/api/v1/users", json={"role": "customer", "details": details}))


def since(answer: httpx.Response) -> dict[str, str]:
    """To see at least what this wrote."""
    return {"min_position": answer.headers["daybook-position"]}
