"""The reference says what the code does; links in the docs lead somewhere."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def test_the_committed_reference_is_what_the_code_makes():
    """In a process of its own: tests invent facts and refusals that are nobody's reference."""
    ask = (
        "import json, sys; sys.path.insert(0, 'docs'); import generate; "
        "print(json.dumps({name: text for name, text in generate.pages().items()}))"
    )
    made = json.loads(subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, check=True).stdout)
    stale = [name for name, text in made.items() if (ROOT / "docs/reference" / name).read_text() != text]
    assert stale == [], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
