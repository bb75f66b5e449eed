"""Names on disk."""

from typing import ClassVar

import msgspec
import pytest

from domain.booking import events, series_events  # noqa: F401
from domain.claims import claims_of  # noqa: F401 (every room's facts are known once this is imported)
from domain.event import KNOWN, Event, action
from domain.family import events as family  # noqa: F401
from domain.identity import events as identity  # noqa: F401
from domain.identity import trust_events  # noqa: F401
from domain.offering import events as offering  # noqa: F401
from domain.organization import events as organization  # noqa: F401
from domain.privacy import events as privacy  # noqa: F401
from domain.quota import events as quota  # noqa: F401

TAGS = [
    "booking.held.v2",
    "booking.hold_released",
    "booking.expired",
    "booking.approval_requested",
    "booking.approved",
    "booking.declined",
    "booking.confirmed",
    "booking.amended",
    "booking.rescheduled",
    "booking.checked_in",
    "booking.completed",
    "booking.cancelled",
    "booking.cancellation_reversed",
    "booking.no_show_marked",
    "booking.no_show_reversed",
    "resource.registered",
    "resource.renamed",
    "resource.capacity_changed",
    "resource.hours_changed",
    "resource.retired",
    "organization.founded",
    "organization.renamed",
    "organization.policy_set",
    "location.opened",
    "location.renamed",
    "booking.hold_extended",
    "booking.hold_reacquired",
    "booking.payment_started",
    "booking.overbooking_authorised",
    "booking.payment_came_too_late",
    "booking.reassigned",
    "booking.pinned",
    "booking.checked_out",
    "resource.described",
    "resource.exception_set",
    "resource.exception_lifted",
    "resource.closed",
    "resource.reopened",
    "resource.capacity_overridden",
    "resource.capacity_override_lifted",
    "resource.pacing_set",
    "resource.selling_set",
    "resource.joined_pool",
    "resource.left_pool",
    "resource.buffer_mode_set",
    "pool.formed",
    "pool.changed",
    "pool.retired",
    "location.hours_changed",
    "location.exception_set",
    "location.exception_lifted",
    "location.closed",
    "location.reopened",
    "offering.defined",
    "offering.renamed",
    "offering.revised",
    "offering.retired",
    "session.scheduled",
    "session.seats_changed",
    "session.run_confirmed",
    "session.called_off",
    "quota.rule_set",
    "quota.rule_withdrawn",
    "party.formed",
    "party.joined",
    "party.left",
    "party.dissolved",
    "membership.begun",
    "membership.ended",
    "user.registered",
    "user.role_changed",
    "user.deactivated",
    "user.described",
    "user.details_removed",
    "user.invited",
    "user.linked",
    "api_key.issued",
    "api_key.revoked",
    "issuer.trusted",
    "issuer.dropped",
    "issuer.knows_user",
    "family.founded",
    "family.guardian_invited",
    "family.guardian_added",
    "family.dependant_added",
    "family.rights_changed",
    "family.dependant_came_of_age",
    "family.member_left",
    "family.dissolved",
    "kinship.begun",
    "kinship.ended",
    "consent.asked",
    "consent.no_longer_asked",
    "consent.given",
    "consent.withdrawn",
    "waitlist.opened",
    "waitlist.settings_set",
    "waitlist.joined",
    "waitlist.left",
    "waitlist.lapsed",
    "waitlist.skipped",
    "waitlist.barred",
    "waitlist.offer_made",
    "waitlist.offer_accepted",
    "waitlist.offer_declined",
    "waitlist.offer_expired",
    "waitlist.earmarked",
    "waitlist.earmark_released",
    "ticket.issued",
    "earmark.placed",
    "earmark.topped_up",
    "earmark.released",
    "series.created",
    "series.extended",
    "series.extension_refused",
    "series.occurrence_skipped",
    "series.occurrence_waitlisted",
    "series.occurrence_retried",
    "series.occurrence_overridden",
    "series.occurrence_excluded",
    "series.changed",
    "series.split",
    "series.ended",
    "approval_queue.joined",
    "stranger.held",
    "booking.reanchored",
    "booking.links_revoked",
    "session.reanchored",
    "subject.erasure_requested",
    "subject.erasure_refused",
    "subject.erased",
    "subject.erasure_certified",
    "hold.placed",
    "hold.lifted",
    "retention.set",
]


def test_the_names_on_disk_are_fixed_for_ever():
    """Add to this list; never take from it nor change it: the log is full of these names."""
    assert {tag for tag in KNOWN if not tag.startswith("test.")} == set(TAGS)


@pytest.mark.parametrize(
    ("tag", "what"), [("booking.held", "booking.held"), ("booking.held.v2", "booking.held"), ("a.v2x", "a.v2x")]
)
def test_another_shape_is_the_same_action(tag, what):
    assert action(tag) == what


def test_a_tag_is_given_once():
    with pytest.raises(TypeError, match="both want"):

        class Impostor(Event, frozen=True):
            tag: ClassVar[str] = "booking.confirmed"


def test_a_fact_needs_a_name():
    with pytest.raises(TypeError, match="needs a tag"):

        class Nameless(Event, frozen=True):
            pass


def test_a_fact_with_an_unknown_field_is_not_that_fact():
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"by": "venue", "refund": 3}', type=events.BookingCancelled)
