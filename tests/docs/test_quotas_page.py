"""Every command of the page on quotas does what it says."""

import json
import re
from pathlib import Path
from uuid import uuid4

from house import Town, fresh, made

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "limit-what-customers-book.md"


def test_what_the_page_tells_to_send_is_taken(servers):
    text = PAGE.read_text()
    with fresh(servers) as settings, Town(settings, views=False) as town:
        location = town.location()
        terms = {"needs": [{"role": "court", "any_of": [town.resource(location)]}], "durations": [60]}
        trial = {"location_id": location, "name": "Trial lesson", "terms": terms}
        known = {
            "FAMILY": made(town.owner.post("/api/v1/parties", json={"kind": "family", "name": "The Reeds"})),
            "SILVER": made(town.owner.post("/api/v1/parties", json={"kind": "plan", "name": "Silver"})),
            "TRIAL": made(town.owner.post("/api/v1/offerings", json=trial)),
            "CUSTOMER": str(uuid4()),
        }
        found = re.findall(r"curl -s -X (PUT|POST|DELETE) \$API/(\S+) -H \"\$auth\"(?: -H \"\$json\" -d '(.*?)'\n)?",
                           re.sub(r"'\$([A-Z]+)'", r"$\1", text), re.DOTALL)  # fmt: skip
        assert len(found) == text.count("curl -s -X") == 10
        for method, path, body in found:
            for name, value in known.items():
                path, body = path.replace(f"${name}", value), body.replace(f"${name}", value)
            answer = town.owner.request(method, f"/api/v1/{path}", **({"json": json.loads(body)} if body else {}))
            assert answer.status_code in (200, 201), f"{path} {body}: {answer.text}"
