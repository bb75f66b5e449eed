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


def strangers(source: str, allowed: set[str]) -> set[str]:
    """The packages imported that are neither Python's own nor allowed."""
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    return {name.partition(".")[0] for name in imported} - allowed - set(sys.stdlib_module_names)


@pytest.mark.parametrize("floor", ALLOWED)
def test_a_lower_floor_imports_no_vendor(floor):
    files = list((SOURCES / floor).rglob("*.py"))
    assert files
    found = {str(file.relative_to(SOURCES)): strangers(file.read_text(), ALLOWED[floor]) for file in files}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize("breach", ["import psycopg", "from redis.asyncio import Redis", "def f():\n    import yoyo"])
def test_the_guard_barks(breach):
    assert strangers(f"import datetime\nimport msgspec\n{breach}", ALLOWED["domain"]) != set()
