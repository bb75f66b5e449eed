"""The booking page as HTML."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from msgspec import Struct

from application.availability.queries import Offered
from domain.availability.setup import Refused, Slot
from domain.offering.terms import Terms
from interfaces.web.clock import Clock
from interfaces.web.markup import Html, tag, together
from interfaces.web.sentences import OTHERWISE, SENTENCES, sentences

WEEK = timedelta(days=7)
FIRST, LAST = date(1970, 1, 1), date(2199, 12, 25)
"""The days from which a week can be shown."""
MOST_CHOICES = 60
FOLDER = Path(__file__).with_name("files")
FILES = {"booking.css": b"text/css; charset=utf-8", "booking.js": b"text/javascript; charset=utf-8"}
CONTENTS = {name: (FOLDER / name).read_bytes() for name in FILES}
ADDRESSES = {name: f"/book/files/{name}?v={sha256(text).hexdigest()[:12]}" for name, text in CONTENTS.items()}
"""What has changed has another address, so that nobody reads an old script with a new page."""
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' "
    "rx='3' fill='%23176b57'/%3E%3Cpath d='M4 5h8M4 8h8M4 11h5' stroke='white'/%3E%3C/svg%3E"
)
NO_MINOR = frozenset({
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
})  # fmt: skip
THREE_DIGITS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


class Shown(Struct, frozen=True):
    """What a page shows: an offering and seven local days of it, from `first` on."""

    organization: UUID
    offering_id: UUID
    name: str
    terms: Terms
    offered: Offered
    first: date
    party: int
    chosen: int | None
    """Minutes, where the reader has said so."""
    explain: bool
    price: int | None
    """What one of them costs from, in minor units."""

    @property
    def clock(self) -> Clock:
        return Clock(self.offered.zone)

    @property
    def today(self) -> date:
        return self.clock.local(self.offered.as_of).date()

    @property
    def path(self) -> str:
        return f"/book/{self.organization}/{self.offering_id}"

    def address(self, first: date | None = None, explain: bool | None = None) -> str:
        asked = {
            "from": (first or self.first).isoformat(),
            "party_size": str(self.party),
            **({} if self.chosen is None else {"minutes": str(self.chosen)}),
            **({"explain": "true"} if (self.explain if explain is None else explain) else {}),
        }
        return f"{self.path}?{urlencode(asked)}"


def document(title: str, *inside: Html, script: bool = False) -> bytes:
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="robots", content="noindex"),
        tag("title", title),
        tag("link", rel="icon", href=ICON),
        tag("link", rel="stylesheet", href=ADDRESSES["booking.css"]),
        tag("script", src=ADDRESSES["booking.js"], defer=True) if script else None,
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', *inside), lang='en')}\n".encode()


def page(it: Shown) -> bytes:
    return document(
        f"{it.name}: {'when it is' if it.terms.sessions_only else 'what is free'}",
        tag("a", "Skip to the times", href="#times", class_="skip"),
        tag(
            "main",
            tag("h1", it.name),
            summary(it),
            form(it),
            tag("div", weeks(it), *days(it), weeks(it), id="times"),
            booking(it),
        ),
        script=True,
    )


def summary(it: Shown) -> Html:
    cost, whom = priced(it), f"{it.party} {'person' if it.party == 1 else 'people'}"
    return tag(
        "p",
        f"Seats for {whom}" if it.terms.sessions_only else f"{lasting(it.offered.minutes)}, for {whom}",
        "" if cost is None else f", from {cost}",
        ". ",
        "Times are those of ",
        tag("strong", it.offered.zone),
        ".",
        class_="summary",
    )


def lasting(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{rest} min"


def priced(it: Shown) -> str | None:
    """What it costs from; nothing where there is nothing to pay now."""
    price = it.offered.price
    if not it.price or price is None:
        return None
    digits = 0 if price.currency in NO_MINOR else 3 if price.currency in THREE_DIGITS else 2
    whole, rest = divmod(it.price, 10**digits)
    return f"{price.currency} {whole:,}" + (f".{rest:0{digits}}" if digits else "")


def choices(terms: Terms) -> Sequence[int]:
    """How long it may last, where one may choose."""
    if terms.lasting is not None:
        return range(terms.lasting.least, terms.lasting.most + 1, terms.lasting.increment)[:MOST_CHOICES]
    return terms.durations


def form(it: Shown) -> Html:
    """What is asked for. A plain GET form: it works without a script."""
    long = () if it.terms.sessions_only else choices(it.terms)
    options = [tag("option", lasting(one), value=one, selected=one == it.offered.minutes) for one in long]
    return tag(
        "form",
        field("From", tag(
            "input", type="date", id="from", name="from", value=it.first.isoformat(), min=FIRST.isoformat(),
            max=LAST.isoformat(), required=True,
        ), "from"),
        field("People", tag(
            "input", type="number", id="party_size", name="party_size", value=it.party, min=1, max=10_000,
            inputmode="numeric", required=True,
        ), "party_size"),
        field("How long", tag("select", *options, id="minutes", name="minutes"), "minutes") if len(long) > 1 else None,
        None if it.terms.sessions_only else tag(
            "label", tag("input", type="checkbox", name="explain", value="true", checked=it.explain),
            " Say why not", class_="check",
        ),
        tag("button", "Show", type="submit"),
        action=it.path, method="get", class_="asking",
    )  # fmt: skip


def field(label: str, control: Html, name: str) -> Html:
    return tag("div", tag("label", label, for_=name), control, class_="field")


def weeks(it: Shown) -> Html:
    before, after = max(it.first - WEEK, FIRST), it.first + WEEK
    return tag(
        "nav",
        tag("a", "← Earlier", href=it.address(before), rel="prev") if it.first > it.today else tag("span"),
        tag("a", "This week", href=it.address(it.today)) if it.first != it.today else None,
        tag("a", "Later →", href=it.address(after), rel="next") if after <= LAST else tag("span"),
        aria_label="Weeks",
        class_="weeks",
    )


def days(it: Shown) -> Iterator[Html]:
    clock, cost = it.clock, priced(it)
    of: dict[date, list[Slot | Refused]] = {it.first + timedelta(days=n): [] for n in range(7)}
    (only,) = it.offered.found
    for one in only.slots:
        if it.explain or not over(one, it.offered.as_of):
            of.setdefault(date_of(one, clock), []).append(one)
    for on, starts in of.items():
        listed = [
            slot(one, clock, on, cost) if isinstance(one, Slot) else refused(one, clock, on) for one in starts
        ]  # fmt: skip
        yield on_day(it, on, listed, any(isinstance(one, Slot) for one in starts))


def over(one: Slot | Refused, at: datetime) -> bool:
    """Whether it is refused because it has begun: that needs no saying."""
    return isinstance(one, Refused) and one.starts_at is not None and one.starts_at <= at


def on_day(it: Shown, on: date, listed: Sequence[Html], free: bool) -> Html:
    label = f"day-{on.isoformat()}"
    return tag(
        "section",
        tag("h2", it.clock.day(on), tag("span", " today", class_="today") if on == it.today else None, id=label),
        tag("p", "The clocks change on this day: behind each time stands its offset from UTC.", class_="change")
        if it.clock.changes(on)
        else None,
        tag("ul", *listed, class_="starts") if listed else None,
        None if free else nothing(it, bool(listed), on),
        aria_labelledby=label,
        class_="day",
    )


def nothing(it: Shown, told: bool, on: date) -> Html | None:
    if it.terms.sessions_only:
        return None if told else tag("p", "Nothing on this day.", class_="none")
    if it.explain:
        return tag("p", "Nothing is free." if told else "Nothing starts on this day.", class_="none")
    why = tag("a", "Why not?", href=f"{it.address(explain=True)}#day-{on.isoformat()}")
    return tag("p", "Nothing is free. ", why, class_="none")


def date_of(it: Slot | Refused, clock: Clock) -> date:
    return it.local.date() if isinstance(it, Refused) else clock.local(it.starts_at).date()


def slot(one: Slot, clock: Clock, on: date, cost: str | None) -> Html:
    """A link, so that it leads somewhere without a script as well: to what is needed to book it."""
    at = clock.time(one.starts_at)
    short = one.ends_at - one.starts_at < timedelta(days=1)
    until = clock.time(one.ends_at) if short else clock.moment(one.ends_at, on)
    return tag(
        "li",
        tag(
            "a",
            tag("strong", at),
            tag("span", "until ", until, class_="until"),
            tag("span", f"from {cost}") if cost is not None else None,
            left(one),
            href="#book",
            class_="free",
            data_session=None if one.session_id is None else str(one.session_id),
        ),
    )


def left(one: Slot) -> Html | None:
    """How many more there are; of a session always, since the last seat is worth knowing."""
    if one.session_id is not None:
        return tag("span", f"{one.remaining} {'seat' if one.remaining == 1 else 'seats'} left")
    return tag("span", f"{one.remaining} left") if one.remaining > 1 else None


def refused(one: Refused, clock: Clock, on: date) -> Html:
    at = clock.label(one.local) if one.starts_at is None else clock.time(one.starts_at)
    said = sentences(one.reasons, clock, on)
    return tag("li", tag("strong", at), *(tag("span", it) for it in said), class_="refused")


def booking(it: Shown) -> Html:
    """Where a chosen start is booked. What the script needs to know stands in the attributes and the table."""
    what = "sessions with seats left" if it.terms.sessions_only else "free times"
    return tag(
        "section",
        tag("h2", "Book", id="book-title"),
        tag("button", "Put aside", type="button", id="aside", class_="quiet", hidden=True),
        tag("p", f"Choose one of the {what} above.", id="chosen", tabindex="-1"),
        tag("noscript", tag("p", "Booking on this page needs JavaScript; everything else works without.")),
        tag("div", tag("button", "Book it", type="button", id="do"), id="ready", hidden=True),
        tag("p", id="outcome", role="status", aria_live="polite"),
        tag(
            "div",
            tag(
                "p",
                "To book, you need a token: a long line of letters that says who you are. You get it where you sign "
                "in with whoever runs this place; ask them if you have none.",
            ),
            tag(
                "form",
                field("I have a token", tag(
                    "input", type="password", id="token", autocomplete="off", spellcheck="false", autocapitalize="off",
                ), "token"),
                tag("button", "Use it", type="submit"),
                tag("p", "It is kept in this tab alone, until you close it.", class_="small"),
                id="token-form",
                hidden=True,
            ),
            id="without",
        ),
        tag(
            "p", "A token is in use. ", tag("button", "Forget it", type="button", id="forget", class_="quiet"),
            id="with", hidden=True, class_="small",
        ),
        table(),
        id="book",
        aria_labelledby="book-title",
        data_url=f"/api/v1/offerings/{it.offering_id}/bookings",
        data_organization=str(it.organization),
        data_zone=it.offered.zone,
        data_party=it.party,
        data_minutes=it.offered.minutes,
        class_="book",
    )  # fmt: skip


def table() -> Html:
    """The sentences, for the script: data, which no browser runs."""
    text = msgspec.json.encode({"sentences": SENTENCES, "otherwise": OTHERWISE}).decode()
    data = Html(text.replace("&", "\\u0026").replace("<", "\\u003c"))
    return tag("script", data, type="application/json", id="sentences")


def sorry(title: str, *sentences: str, way_out: str | None = None) -> bytes:
    """A page that says what is wrong, and what would be right."""
    out = None if way_out is None else tag("p", tag("a", "Begin anew, with today", href=way_out))
    said = together(*(tag("p", one) for one in sentences))
    return document(title, tag("main", tag("h1", title), said, together(out)))
