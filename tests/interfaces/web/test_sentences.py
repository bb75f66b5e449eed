"""Every reason has a sentence, and what is put into a page cannot become a part of it."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from msgspec.structs import fields

from domain.availability.setup import ORDER, Reason
from interfaces.web.clock import Clock
from interfaces.web.markup import Html, tag, together
from interfaces.web.page import FOLDER
from interfaces.web.sentences import OTHERWISE, SENTENCES, gaps, sentence, sentences

LISBON = Clock("Europe/Lisbon")
NEW_YORK = Clock("America/New_York")
ON = date(2027, 3, 15)
ELEVEN = datetime(2027, 3, 15, 11, tzinfo=UTC)
FULL = {
    "until": ELEVEN, "earliest": ELEVEN, "latest": ON, "capacity": 4, "peak": 3, "free": 1, "role": "court",
    "used": 2, "limit": 2, "resets_at": ELEVEN,
}  # fmt: skip


def plain(text: str) -> str:
    return re.sub("<[^>]*>", "", text)


def test_every_code_has_a_sentence_and_there_is_none_for_another():
    assert SENTENCES.keys() == set(ORDER)


@pytest.mark.parametrize("code", ORDER)
def test_each_can_be_said_with_everything_and_with_nothing(code):
    for reason in (Reason(code, **FULL), Reason(code)):
        said = plain(sentence(reason, LISBON, ON))
        assert said
        assert said != OTHERWISE
        assert "{" not in said
        assert "None" not in said
        assert said[-1] != ".", "the page and its script end it as they need"


def test_where_nothing_is_left_it_is_full_and_else_how_little_there_is():
    for free, said in ((0, "Full"), (1, "Not enough left: 1 of 4")):
        assert plain(sentence(Reason("CAPACITY", free=free, capacity=4), LISBON, ON)) == said


def test_gaps_are_what_a_reason_can_say():
    known = {field.name for field in fields(Reason)}
    assert {gap for forms in SENTENCES.values() for form in forms for gap in gaps(form)} <= known


def test_times_are_the_venues_and_another_day_is_named():
    taken = Reason("OCCUPIED", until=ELEVEN)
    assert sentence(taken, LISBON, ON) == 'Taken until <time datetime="2027-03-15T11:00:00+00:00">11:00</time>'
    assert plain(sentence(taken, NEW_YORK, ON)) == "Taken until 07:00"
    assert plain(sentence(taken, LISBON, date(2027, 3, 14))) == "Taken until Mon 15 March, 11:00"
    assert plain(sentence(taken, LISBON, date(2026, 3, 15))) == "Taken until Mon 15 March 2027, 11:00"
    assert plain(sentence(Reason("HELD", until=ELEVEN), LISBON, ON)) == "Being booked by somebody, until 11:00"
    far = Reason("TOO_FAR", latest=ON)
    assert plain(sentence(far, LISBON, ON)) == "Too far ahead: can be booked up to Monday 15 March 2027"


def test_none_is_a_number_too():
    assert sentence(Reason("QUOTA", used=0, limit=0), LISBON, ON) == "You have had 0 of 0"


def test_what_reads_the_same_is_said_once_and_the_order_stays():
    reasons = [Reason("CLOSURE"), Reason("NO_STAFF"), Reason("CLOSURE"), Reason("A_NEW_ONE")]
    assert sentences(reasons, LISBON, ON) == ["Closed", "Nobody who does this is free", OTHERWISE]


def test_a_role_is_text():
    said = sentence(Reason("NO_RESOURCE_COMBINATION", role="<b>&{until}"), LISBON, ON)
    assert said == "No &lt;b&gt;&amp;{until} is free"


def test_only_the_day_itself_changes_its_clocks():
    assert [NEW_YORK.changes(date(2027, 3, day)) for day in (13, 14, 15)] == [False, True, False]
    assert [NEW_YORK.changes(date(2027, 11, day)) for day in (6, 7, 8)] == [False, True, False]
    repeated = [datetime(2027, 11, 7, hour, 30, tzinfo=UTC) for hour in (5, 6)]
    assert [plain(NEW_YORK.time(at)) for at in repeated] == ["01:30 (UTC-04:00)", "01:30 (UTC-05:00)"]


def test_whatever_is_not_markup_is_escaped():
    nasty = "\"><script>alert('x')</script>&"
    escaped = "&quot;&gt;&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;"
    assert tag("p", nasty, title=nasty) == f'<p title="{escaped}">{escaped}</p>'
    assert together(nasty, Html("<br>"), None) == f"{escaped}<br>"
    assert tag("input", data_start=1, required=True, checked=False, for_=None) == '<input data-start="1" required>'


def test_the_script_has_no_sentence_of_its_own_for_a_reason():
    script = Path(FOLDER / "booking.js").read_text()
    assert not [code for code in ORDER if code in script]
    assert "localStorage" not in script
    assert "innerHTML" not in script
    assert "http" not in script
