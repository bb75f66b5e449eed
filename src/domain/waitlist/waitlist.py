"""The waitlist of a location: who waits for what, in which order, and whose turn it is."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from typing import ClassVar, Literal, Self
from uuid import UUID, uuid5

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.waitlist import errors, events
from domain.waitlist.entry import Bar, Entry, Offer
from domain.waitlist.events import Piece, Settings, WaitlistEvent, Window
from domain.waitlist.room import Given, MayHave, Room, anybody

NOWHERE = UUID(int=0)
USUAL_CLASS = 5
MOST_WAITING = 5_000
MOST_OF_ONE = 20
LONGEST_WINDOW = 62
"""Local dates."""
MOST_MINUTES = 525_600
DAY = 1440
MOST_PLACES = 500
"""Times of one window that are tried for somebody whose quotas are in the way."""

Became = Literal["accepted", "declined", "expired"]


def waitlist_of(location_id: UUID) -> UUID:
    """The stream of a location's waitlist."""
    return uuid5(location_id, "waitlist")


class Waitlist(Aggregate, frozen=True):
    """One a location, so that two walks never give the same seat away. Who has left is no longer part of its state."""

    begins: ClassVar[type[Event]] = events.WaitlistOpened
    unknown: ClassVar = errors.UnknownWaitlist

    location_id: UUID = NOWHERE
    usual: Settings = Settings()
    settings: dict[UUID, Settings] = {}
    """By offering."""
    entries: dict[UUID, Entry] = {}
    sequence: int = 0

    def settings_for(self, offering_id: UUID) -> Settings:
        return self.settings.get(offering_id, self.usual)

    @property
    def queue(self) -> list[Entry]:
        """All, in their order."""
        return sorted(self.entries.values(), key=lambda entry: entry.order)

    def waiting(self, at: datetime) -> list[Entry]:
        """Those whose turn can come, in their order: with nothing on offer, and something still to wait for."""
        return [entry for entry in self.queue if entry.offer is None and entry.until > at]

    def sessions(self, at: datetime, offering_id: UUID | None = None) -> set[UUID]:
        """The sessions that somebody waits for; of one offering, or all."""
        return {
            entry.session_id
            for entry in self.waiting(at)
            if entry.session_id is not None and offering_id in (None, entry.offering_id)
        }

    def offerings(self, at: datetime) -> set[UUID]:
        """The offerings for which somebody has a window."""
        return {entry.offering_id for entry in self.waiting(at) if entry.window is not None}

    def dates(self, offering_id: UUID, at: datetime) -> list[tuple[date, date]]:
        """The local dates, both included, over which somebody has a window for this offering: stretches that nothing
        lies between, so that a walk need not look at what nobody waits for."""
        windows = [entry.window for entry in self.waiting(at) if entry.offering_id == offering_id]
        found: list[tuple[date, date]] = []
        for first, last in sorted((window.first, window.last) for window in windows if window is not None):
            if found and first <= found[-1][1] + timedelta(days=1):
                found[-1] = found[-1][0], max(last, found[-1][1])
            else:
                found.append((first, last))
        return found

    def barred(self, customer_id: UUID | None, at: datetime) -> list[Entry]:
        """What this customer waits for and could not have, because of something else that they had."""
        mine = [entry for entry in self.waiting(at) if entry.customer_id == customer_id is not None]
        return [entry for entry in mine if entry.barred is not None]

    def latest(self, offering_id: UUID, at: datetime) -> datetime:
        """When the last of those who have a window for this offering waits no more."""
        return max((entry.until for entry in self.waiting(at) if entry.offering_id == offering_id), default=at)

    def entry(self, entry_id: UUID) -> Entry:
        found = self.entries.get(entry_id)
        if found is None:
            raise errors.UnknownEntry
        return found

    # decisions

    def open(self, location_id: UUID) -> list[WaitlistEvent]:
        return [] if self.location_id == location_id else [events.WaitlistOpened(location_id)]

    def set(self, settings: Settings, offering_id: UUID | None = None) -> list[WaitlistEvent]:
        before = self.usual if offering_id is None else self.settings.get(offering_id)
        return [] if sound(settings) == before else [events.WaitlistSettingsSet(settings, offering_id)]

    def join(
        self,
        entry_id: UUID,
        offering_id: UUID,
        party: int,
        at: datetime,
        until: datetime,
        *,
        session_id: UUID | None = None,
        window: Window | None = None,
        customer_id: UUID | None = None,
        priority: int | None = None,
        card_on_file: bool = False,
    ) -> list[WaitlistEvent]:
        """`until`: the start of what is waited for at the latest, less its notice."""
        if entry_id in self.entries:
            return []
        if (session_id is None) == (window is None):
            raise errors.OneThing
        if not 1 <= party <= 10_000:
            raise errors.BadParty(number=party)
        priority = USUAL_CLASS if priority is None else priority
        if not 0 <= priority <= 9:
            raise errors.BadPriority(number=priority)
        if window is not None and not possible(window):
            raise errors.BadWindow
        if until <= at:
            raise errors.TooLateToWait(until=until)
        if len(self.entries) >= MOST_WAITING:
            raise errors.ListFull(waiting=len(self.entries))
        mine = sum(entry.customer_id == customer_id for entry in self.entries.values()) if customer_id else 0
        if mine >= MOST_OF_ONE:
            raise errors.WaitsEnough(waiting=mine)
        for entry in self.entries.values():
            same = (customer_id, offering_id, session_id, window)
            if customer_id and (entry.customer_id, entry.offering_id, entry.session_id, entry.window) == same:
                raise errors.AlreadyWaiting(entry_id=entry.id)
        return [
            events.WaitlistJoined(
                entry_id, offering_id, party, priority, at, self.sequence + 1, until, customer_id, session_id, window,
                card_on_file,
            )
        ]  # fmt: skip

    def leave(self, entry_id: UUID) -> list[WaitlistEvent]:
        """They no longer want it; what is on offer to them is thereby declined."""
        entry = self.entry(entry_id)
        if entry.offer is not None:
            return [events.WaitlistOfferDeclined(entry_id)]
        return [*released(entry, "left"), events.WaitlistLeft(entry_id)]

    def lapse(self, entry_id: UUID, at: datetime) -> list[WaitlistEvent]:
        """What they waited for begins. An offer ends by itself, no later."""
        entry = self.entries.get(entry_id)
        if entry is None or entry.offer is not None:
            return []
        if at < entry.until:
            raise errors.TooEarly(earliest=entry.until)
        return [*released(entry, "left"), events.WaitlistLapsed(entry_id)]

    def call_off(self, session_id: UUID) -> list[WaitlistEvent]:
        """The session does not take place: nobody waits for it any more."""
        return [
            fact
            for entry in self.queue
            if entry.session_id == session_id and entry.offer is None
            for fact in (*released(entry, "left"), events.WaitlistLapsed(entry.id))
        ]

    def freed(
        self, room: Room, at: datetime, may_have: MayHave = anybody, given: Sequence[Given] = ()
    ) -> list[WaitlistEvent]:
        """The walk: something is free, and whose is it? Each is asked once, in order.

        Whom it fits is offered it. Whom it does not fit is passed over, which counts only if somebody who came later
        is offered what they wanted, and once a walk. Whoever has been passed over often enough is passed over no more:
        all that is free and of use to them is set aside, and who comes later is asked about what is left. Whom it
        would fit, but who may not have it, is told why; that counts for nothing. Walking twice is walking once.
        `given`: what others are being offered by the same command.
        """
        settings = self.settings_for(room.offering_id)
        notice = self._notice(room)
        lead = lead_of(settings, notice)
        facts: list[WaitlistEvent] = []
        passed: dict[UUID, tuple[Entry, Bar | None]] = {}
        given = list(given)
        told = False
        for entry in self.waiting(at):
            if not room.concerns(entry):
                continue
            pieces, bar = allowed(entry, room.places(entry, at + notice), given, may_have)
            if pieces:
                for one, why in [it for it in passed.values() if room.wanted(it[0], pieces)]:
                    facts.append(skipped(one, why, entry.id))
                    del passed[one.id]
                facts += self._offered(entry, pieces, settings, at, notice)
                if settings.mode == "broadcast":
                    told = True
                else:
                    room = room.without(entry, pieces)
                    given.append((entry, pieces))
                continue
            rest = () if bar or entry.skips < settings.max_skips else tuple(room.rest(entry, at + lead))
            if rest and told:
                break  # those who came first have been told of it: it is for one of them to take
            if rest:
                some, bar = allowed(entry, ((piece,) for piece in rest), given, may_have)
                rest = rest if some else ()
            if rest:
                facts += [events.WaitlistEarmarked(entry.id, rest, starts(rest) - lead)] if rest != entry.kept else []
                room = room.without(entry, rest)
                continue
            passed[entry.id] = entry, bar
            if bar and entry.kept:
                facts += released(entry, "barred")
                room = room.without(entry, ())
        facts += [skipped(one, bar) for one, bar in passed.values() if bar not in (None, one.barred)]
        if told or not any(isinstance(fact, events.WaitlistSkipped) for fact in facts):
            return facts
        # For whom this was once too often, the rest is set aside at once: walking again would change nothing.
        return facts + self.after(facts).freed(room, at, may_have, given)

    def _notice(self, room: Room) -> timedelta:
        own = self.settings_for(room.offering_id).min_notice
        return timedelta(minutes=room.notice if own is None else own)

    def _offered(
        self, entry: Entry, pieces: tuple[Piece, ...], settings: Settings, at: datetime, notice: timedelta
    ) -> list[WaitlistEvent]:
        cutoff = starts(pieces) - notice
        expires_at = min(at + timedelta(minutes=settings.offer_minutes), cutoff)
        if settings.mode == "broadcast":
            return [*released(entry, "offered"), events.WaitlistOfferMade(entry.id, pieces, expires_at)]
        booking_id = uuid5(entry.id, f"offer {entry.offers + 1}")
        made = [*released(entry, "offered"), events.WaitlistOfferMade(entry.id, pieces, expires_at, booking_id)]
        if settings.mode == "auto_book" and entry.card_on_file:
            return [*made, events.WaitlistOfferAccepted(entry.id, booking_id)]
        return made

    def taken(
        self, room: Room, pieces: Sequence[Piece], booking_id: UUID, at: datetime, since: datetime | None = None
    ) -> list[WaitlistEvent]:
        """Somebody who did not wait has booked these: whoever wanted them, and does not fit into what is left, was
        passed over. After the cutoff nobody was to be offered them. `since`: when they were booked; who joined only
        then was not passed over."""
        latest = at + self._notice(room)
        return [
            events.WaitlistSkipped(entry.id, booking_id=booking_id)
            for entry in self.waiting(at)
            if starts(pieces) > latest
            and (since is None or entry.joined_at < since)
            and room.concerns(entry)
            and room.wanted(entry, pieces)
            and next(room.places(entry, latest), None) is None
        ]

    def accept(self, entry_id: UUID, at: datetime) -> list[WaitlistEvent]:
        """They take what is on offer. One that no booking holds becomes a booking now, if nobody was faster."""
        offer = self.offer(entry_id)
        if at >= offer.expires_at:
            raise errors.OfferOver(expires_at=offer.expires_at)
        booking_id = offer.booking_id or self.booking_for(entry_id)
        return [events.WaitlistOfferAccepted(entry_id, booking_id)]

    def decline(self, entry_id: UUID) -> list[WaitlistEvent]:
        """They do not want it. Who declines leaves the list."""
        self.offer(entry_id)
        return [events.WaitlistOfferDeclined(entry_id)]

    def settle(self, entry_id: UUID, became: Became, at: datetime) -> list[WaitlistEvent]:
        """What became of the held booking that was their offer; nothing, where that is known already."""
        entry = self.entries.get(entry_id)
        if entry is None or entry.offer is None or entry.offer.booking_id is None:
            return []
        if became == "accepted":
            return [events.WaitlistOfferAccepted(entry_id, entry.offer.booking_id)]
        return [events.WaitlistOfferDeclined(entry_id)] if became == "declined" else self._expired(entry, at)

    def expire(self, entry_id: UUID, at: datetime) -> list[WaitlistEvent]:
        """The time of an offer that no booking holds is over."""
        entry = self.entries.get(entry_id)
        if entry is None or entry.offer is None or entry.offer.booking_id is not None:
            return []
        if at < entry.offer.expires_at:
            raise errors.TooEarly(earliest=entry.offer.expires_at)
        return self._expired(entry, at)

    def _expired(self, entry: Entry, at: datetime) -> list[WaitlistEvent]:
        assert entry.offer is not None
        if entry.offer.booking_id is None:
            return [events.WaitlistOfferExpired(entry.id, "stays")]
        if self.settings_for(entry.offering_id).expired_goes_to_end and at < entry.until:
            return [events.WaitlistOfferExpired(entry.id, "to_end", at, self.sequence + 1)]
        return [events.WaitlistOfferExpired(entry.id)]

    def end_earmark(self, entry_id: UUID, at: datetime) -> list[WaitlistEvent]:
        """What was kept is set free, each piece at its own time; they go on waiting, for the others as well."""
        entry = self.entries.get(entry_id)
        if entry is None or entry.kept_until is None:
            return []
        if at < entry.kept_until:
            raise errors.TooEarly(earliest=entry.kept_until)
        lead = starts(entry.kept) - entry.kept_until
        over = tuple(piece for piece in entry.kept if piece.starts_at - lead <= at)
        left = tuple(piece for piece in entry.kept if piece not in over)
        ended = events.WaitlistEarmarkReleased(entry_id, "deadline", over)
        return [ended, events.WaitlistEarmarked(entry_id, left, starts(left) - lead)] if left else [ended]

    def offer(self, entry_id: UUID) -> Offer:
        found = self.entry(entry_id).offer
        if found is None:
            raise errors.NoOffer
        return found

    def booking_for(self, entry_id: UUID) -> UUID:
        """The id of the booking that the entry's latest offer is, or becomes."""
        return uuid5(entry_id, f"offer {self.entry(entry_id).offers}")

    # the fold

    def evolve(self, event: Event) -> Self:
        match event:
            case events.WaitlistOpened(location_id):
                return replace(self, location_id=location_id)
            case events.WaitlistSettingsSet(settings, None):
                return replace(self, usual=settings)
            case events.WaitlistSettingsSet(settings, UUID() as offering_id):
                return replace(self, settings={**self.settings, offering_id: settings})
            case events.WaitlistJoined():
                entry = Entry(
                    event.entry_id, event.offering_id, event.party, event.priority, event.joined_at, event.sequence,
                    event.until, event.customer_id, event.session_id, event.window, event.card_on_file,
                )  # fmt: skip
                return replace(self, entries={**self.entries, entry.id: entry}, sequence=event.sequence)
            case events.WaitlistSkipped(entry_id):
                return self._with(entry_id, skips=self.entry(entry_id).skips + 1)
            case events.WaitlistBarred(entry_id, reasons, rules):
                return self._with(entry_id, barred=Bar(reasons, rules))
            case events.WaitlistOfferMade(entry_id, pieces, expires_at, booking_id):
                offer = Offer(pieces, expires_at, booking_id)
                return self._with(entry_id, offer=offer, offers=self.entry(entry_id).offers + 1, barred=None)
            case events.WaitlistOfferExpired(entry_id, "to_end", joined_at, sequence):
                last = replace(self, sequence=sequence)
                return last._with(entry_id, offer=None, skips=0, joined_at=joined_at, sequence=sequence)
            case events.WaitlistOfferExpired(entry_id, "stays"):
                return self._with(entry_id, offer=None)
            case events.WaitlistEarmarked(entry_id, pieces, ends_at):
                return self._with(entry_id, kept=pieces, kept_until=ends_at)
            case events.WaitlistEarmarkReleased(entry_id):
                return self._with(entry_id, kept=(), kept_until=None)
            case (
                events.WaitlistLeft(entry_id)
                | events.WaitlistLapsed(entry_id)
                | events.WaitlistOfferAccepted(entry_id)
                | events.WaitlistOfferDeclined(entry_id)
                | events.WaitlistOfferExpired(entry_id)
            ):
                return replace(self, entries={key: one for key, one in self.entries.items() if key != entry_id})
        return self

    def _with(self, entry_id: UUID, **changes: object) -> Self:
        return replace(self, entries={**self.entries, entry_id: replace(self.entries[entry_id], **changes)})


def starts(pieces: Sequence[Piece]) -> datetime:
    return min(piece.starts_at for piece in pieces)


def released(entry: Entry, cause: Literal["offered", "left", "barred"]) -> tuple[WaitlistEvent, ...]:
    return (events.WaitlistEarmarkReleased(entry.id, cause, entry.kept),) if entry.kept else ()


def skipped(entry: Entry, bar: Bar | None, by: UUID | None = None) -> WaitlistEvent:
    """It was passed over, in favour of another entry: because it did not fit, or because its person may not have it."""
    if bar is None:
        return events.WaitlistSkipped(entry.id, in_favour_of=by)
    return events.WaitlistBarred(entry.id, bar.reasons, bar.rules, by)


def lead_of(settings: Settings, notice: timedelta) -> timedelta:
    """How long before its start what is set aside is set free: at the deadline, at the cutoff at the latest."""
    return max(notice, timedelta(minutes=settings.earmark_until or 0))


def allowed(
    entry: Entry, places: Iterable[Sequence[Piece]], given: Sequence[Given], may_have: MayHave
) -> tuple[tuple[Piece, ...], Bar | None]:
    """The first of these that the entry may have; or why not, as it was of the first."""
    first: Bar | None = None
    for pieces in islice(places, MOST_PLACES):
        bar = may_have(entry, pieces, given)
        if bar is None:
            return tuple(pieces), None
        first = first or bar
    return (), first


def possible(window: Window) -> bool:
    return (
        0 <= (window.last - window.first).days < LONGEST_WINDOW
        and 0 <= window.opens < window.closes <= DAY
        and (window.minutes is None or 1 <= window.minutes <= MOST_MINUTES)
        and date(1970, 1, 2) <= window.first
        and window.last < date(2199, 12, 31)
    )


def sound(settings: Settings) -> Settings:
    within = all(
        0 <= minutes <= MOST_MINUTES for minutes in (settings.earmark_until, settings.min_notice) if minutes is not None
    )
    if not (within and 0 <= settings.max_skips <= 100 and 1 <= settings.offer_minutes <= 10_080):
        raise errors.BadSettings
    return settings
