"""The two lower floors know Python and msgspec alone. pyproject.toml names the vendors we have; this names what is
allowed, so that a vendor nobody thought of is caught as well."""

import ast
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"
ALLOWED = {
    "domain": {"msgspec", "domain"},
    "application": {"msgspec", "domain", "application"},
}


def modules(source: str) -> set[str]:
    """The modules that a source imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def imported(source: str) -> set[str]:
    """The packages in which they lie."""
    return {name.partition(".")[0] for name in modules(source)}


def strangers(source: str, allowed: set[str]) -> set[str]:
    """The packages imported that are neither Python's own nor allowed."""
    return imported(source) - allowed - set(sys.stdlib_module_names)


IMPURE = {"asyncio", "os", "random", "secrets", "socket", "subprocess", "threading", "time", "urllib"}
"""Python's own, and yet no part of a decision: clock, chance and the world outside."""

PURE = {"urllib.parse"}
"""Of these packages, what only looks at text."""

CLOCKS = {"now", "today", "utcnow", "uuid1", "uuid4"}


def impurities(source: str) -> set[str]:
    """What a decision must be given as an argument and this source takes by itself."""
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
    }
    return called & CLOCKS | {name.partition(".")[0] for name in modules(source) - PURE} & IMPURE


@pytest.mark.parametrize("floor", ALLOWED)
def test_a_lower_floor_imports_no_vendor(floor):
    files = list((SOURCES / floor).rglob("*.py"))
    assert files
    found = {str(file.relative_to(SOURCES)): strangers(file.read_text(), ALLOWED[floor]) for file in files}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize("breach", ["import psycopg", "from redis.asyncio import Redis", "def f():\n    import yaml"])
def test_the_guard_barks(breach):
    assert strangers(f"import datetime\nimport msgspec\n{breach}", ALLOWED["domain"]) != set()


def test_a_decision_takes_neither_time_nor_chance_from_anywhere():
    files = list((SOURCES / "domain").rglob("*.py"))
    found = {str(file.relative_to(SOURCES)): impurities(file.read_text()) for file in files}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize("breach", ["import random", "at = datetime.now(UTC)", "from uuid import uuid4\nid = uuid4()"])
def test_that_guard_barks_as_well(breach):
    assert impurities(breach) != set()
