"""The OpenAPI document says what is true, and whoever reads it and sends anything at all finds no crack."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from house import Town, served
from jsonschema_rs import validator_for
from litestar.routes import HTTPRoute

from interfaces.http.errors import refusals, status_of
from interfaces.http.schema import OPERATION

LOOKING_LONGER = "DAYBOOK_FUZZ" in os.environ
"""Whether this is `make fuzz`: many examples at any seed, and the edges of what is malformed as well. The suite looks
at the edges of what is well-formed and at a few examples of either kind, always the same ones: each case costs the
whole house some 20 ms, and there are more operations every month."""
EXAMPLES = os.environ.get("DAYBOOK_FUZZ", "3")
"""For each operation."""
SEED = os.environ.get("DAYBOOK_FUZZ_SEED") or ("" if LOOKING_LONGER else "1")

EDGES = """
[phases.coverage.generation]
mode = "positive"
"""

CONFIG = """
hooks = "hooks.py"

[checks.missing_required_header]
enabled = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 412, 422, 428, 429]
"""
"""What is well-formed may still be refused by a rule, or have changed meanwhile, or be a guess too many; but it
is never called malformed. That If-Match is missing is 428, which schemathesis does not expect; it has its own test."""

HOOKS = '''
import schemathesis


@schemathesis.hook
def map_body(context, body):
    """To JSON Schema 2.0 is an integer. We want whole numbers written as such, and say so with 400."""
    if isinstance(body, dict):
        return {name: map_body(context, value) for name, value in body.items()}
    if isinstance(body, list):
        return [map_body(context, value) for value in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body
'''


@pytest.fixture(scope="module")
def document(town: Town) -> dict[str, Any]:
    answer = town.client.get("/schema/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(scope="module")
def address(town: Town) -> Iterator[str]:
    with served(town.settings) as (address, _):
        yield address


ZONES = {"enum": ["UTC", "Europe/Lisbon", "Asia/Tokyo"]}


def tutored(document: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    """The document with what a reader finds out by and by: ids that are there, If-Match for staff, zones that exist.
    Cursors and positions, which nobody makes up, are left out: garbage in their places has tests of its own."""
    made: dict[str, Any] = json.loads(json.dumps(document))
    made["components"]["parameters"]["IfMatch"] |= {"required": True, "schema": {"enum": ["*"]}}
    made["components"]["parameters"].pop("Organization")
    for sent in ("NewLocation", "Searching"):
        made["components"]["schemas"][sent]["properties"]["zone"] = ZONES
    for item in made["paths"].values():
        for operation in item.values():
            operation["parameters"] = [
                parameter
                | ({"schema": ZONES} if parameter.get("name") == "zone" else {})
                | ({"example": known[parameter["name"]]} if parameter.get("name") in known else {})
                for parameter in operation["parameters"]
                if parameter.get("name") not in ("cursor", "min_position")
                and not parameter.get("$ref", "").endswith("/Organization")
            ]
    return made


@pytest.mark.slow
def test_schemathesis_finds_nothing(town, document, address, tmp_path):
    """Every operation, with examples, at the edges of what the document allows (`make fuzz`: and beyond them), and at
    random."""
    court = town.court(capacity=50)
    held = court.book(24 * 40)
    user = town.owner.post("/api/v1/users", json={"role": "staff"}).json()["id"]
    known = {
        "booking_id": held.id, "resource_id": court.resource, "location_id": court.location, "user_id": user
    }  # fmt: skip
    (tmp_path / "openapi.json").write_text(json.dumps(tutored(document, known)))
    (tmp_path / "schemathesis.toml").write_text(CONFIG + ("" if LOOKING_LONGER else EDGES))
    (tmp_path / "hooks.py").write_text(HOOKS)
    found = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "--config-file", "schemathesis.toml", "run", "openapi.json",
            "--url", address, "--header", f"Authorization: Bearer {town.token()}", "--max-examples", EXAMPLES,
            "--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--request-timeout", "10",
            "--warnings", "off", "--no-color", *(["--seed", SEED] if SEED else []),
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-40000:] + found.stderr[-2000:]


REFUSING = {"no_link_is_for_this", "nothing_is_done_so"}
"""They answer every other method of a link's addresses, with a refusal that says nothing about them."""


def test_every_route_of_the_api_is_described(town, document):
    for route in town.app.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/"):
            for handler in route.route_handlers:
                if "OPTIONS" not in handler.http_methods and handler.handler_name not in REFUSING:
                    assert OPERATION in handler.opt, (route.path, handler.handler_name)
                    assert next(iter(handler.http_methods)).lower() in document["paths"][route.path_format]


def test_every_body_has_an_example_that_is_valid(document):
    bodies = 0
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if body := operation.get("requestBody"):
                content = body["content"]["application/json"]
                whole = {**content["schema"], "components": document["components"]}
                assert content.get("example"), (path, method)
                validator_for(whole).validate(content["example"])
                bodies += 1
    assert bodies >= 18


def test_every_operation_says_how_it_fails_in_problems(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], (path, method)
            assert "callable" not in operation["summary"], "the handler's own words, not the framework's"
            failures = {status for status in operation["responses"] if status >= "400"}
            assert {"400", "500"} <= failures, (path, method)
    for status, response in document["components"]["responses"].items():
        assert list(response["content"]) == ["application/problem+json"], status


def test_operation_ids_are_unique(document):
    ids = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


def test_every_problem_is_explained_where_its_type_leads(town):
    codes = {one["code"]: one for one in town.client.get("/problems").json()}
    assert codes["slot_taken"]["status"] == 409
    assert codes["nonexistent_local_time"]["status"] == 422
    for code, kind in refusals().items():
        assert town.client.get(f"/problems/{code}").json() == codes[code]
        assert status_of(kind) != 500 or code == "internal_error", f"{code} belongs to no family"
        assert codes[code]["title"], code
    assert town.client.get("/problems/no_such_code").status_code == 404


def test_the_page_asks_nobody_outside(town):
    page = town.client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert f"/docs/{name}" in page.text
        file = town.client.get(f"/docs/{name}")
        assert file.status_code == 200
        assert file.headers["x-content-type-options"] == "nosniff"
    for name in ("LICENSE", "..%2fapp.py", "nothing.js"):
        assert town.client.get(f"/docs/{name}").status_code == 404


def test_served_by_the_real_server_it_is_the_same(town, address, document):
    assert httpx.get(f"{address}/schema/openapi.json").json() == document
