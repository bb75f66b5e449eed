"""Who may ask what. Data, not code: one row a message; a message without a row may be asked by nobody.

A role is given `any` (everything in its organization) or `own` (bookings whose customer it is, and nothing else; of
dependants', what a right in the family gives).
"""

from collections.abc import Mapping, Sequence

from application.audit import queries as audit
from application.availability.proof import ProveOverlaps
from application.availability.queries import WhatIsOffered
from application.booking import commands as booking
from application.booking import links as booking_links
from application.booking import placing, seating, series, series_edits, series_extent, series_queries
from application.booking import queries as bookings
from application.family import commands as family
from application.family import queries as families
from application.identity import commands as identity
from application.identity import issuers, keys
from application.identity import queries as people
from application.message import Command, Query, Scope
from application.offering import commands as offering
from application.offering import queries as offerings
from application.organization import commands as organization
from application.organization import queries as organizations
from application.privacy import commands as privacy
from application.privacy import queries as rights
from application.quota import commands as quota
from application.quota import queries as quotas
from application.resource import commands as resource
from application.resource import queries as resources
from application.scopes import LINK, words
from application.waitlist import commands as waitlist
from application.waitlist import queries as waitlists
from application.whatif import commands as whatif
from domain.errors import Forbidden
from domain.family.events import Right

Grants = Mapping[str, Scope]

PLATFORM: Grants = {"platform": "any"}
OWNERS: Grants = {"owner": "any", "admin": "any", "importer": "any"}
MANAGERS: Grants = {**OWNERS, "manager": "any"}
STAFF: Grants = {**MANAGERS, "staff": "any", "service": "any"}
COACHES: Grants = {**STAFF, "coach": "any"}
"""Also who works with some resources, for what happens there: a coach is always limited to places."""
EVERYBODY: Grants = {**COACHES, "customer": "own", "compliance": "any"}
CUSTOMERS: Grants = {**STAFF, "customer": "own"}
COMPLIANCE: Grants = {"owner": "any", "compliance": "any"}
RIGHTS: Grants = {**COMPLIANCE, "customer": "own"}
"""Over what is known about a person: also the person themselves."""
KEEPERS: Grants = {"owner": "any", "admin": "any"}
"""Of what lets others in."""
CLOCKWORK: Grants = {"system": "any"}
GUESTS: Grants = {**EVERYBODY, "guest": "any"}
"""Also whoever looks at a public page, about whom nothing is known."""
HOLDERS: Grants = {**CUSTOMERS, "guest": "own"}
"""Also who has no account, for what they hold themselves."""

PERMISSIONS: Mapping[type[Command] | type[Query], Grants] = {
    organization.FoundOrganization: PLATFORM,
    organization.RenameOrganization: OWNERS,
    organization.SetPolicy: OWNERS,
    organization.ReviseOrganization: OWNERS,
    organization.OpenLocation: OWNERS,
    organization.RenameLocation: MANAGERS,
    organization.ChangeLocationHours: MANAGERS,
    organization.SetLocationException: MANAGERS,
    organization.LiftLocationException: MANAGERS,
    organization.CloseLocation: MANAGERS,
    organization.ReopenLocation: MANAGERS,
    organization.ReviseLocation: MANAGERS,
    resource.RegisterResource: MANAGERS,
    resource.RenameResource: MANAGERS,
    resource.ChangeCapacity: MANAGERS,
    resource.ChangeHours: MANAGERS,
    resource.DescribeResource: MANAGERS,
    resource.SetException: {**MANAGERS, "coach": "any"},  # their own absence
    resource.LiftException: {**MANAGERS, "coach": "any"},  # their own absence
    resource.CloseResource: MANAGERS,
    resource.ReopenResource: MANAGERS,
    resource.OverrideCapacity: MANAGERS,
    resource.LiftCapacityOverride: MANAGERS,
    resource.SetPacing: MANAGERS,
    resource.SetBufferMode: MANAGERS,
    resource.SetSelling: MANAGERS,
    resource.RetireResource: MANAGERS,
    resource.ReviseResource: MANAGERS,
    resource.FormPool: MANAGERS,
    resource.ChangePool: MANAGERS,
    resource.RetirePool: MANAGERS,
    offering.DefineOffering: MANAGERS,
    offering.RenameOffering: MANAGERS,
    offering.ReviseTerms: MANAGERS,
    offering.RetireOffering: MANAGERS,
    offering.ScheduleSession: STAFF,
    offering.ChangeSeats: STAFF,
    offering.ConfirmRun: STAFF,
    offering.DecideRun: CLOCKWORK,
    offering.CallOff: STAFF,
    identity.RegisterUser: OWNERS,
    identity.RegisterCustomer: {**STAFF, **CLOCKWORK},  # who registers themselves is registered by the house
    identity.InviteUser: OWNERS,
    identity.LinkAccount: CLOCKWORK,
    identity.DescribeUser: CUSTOMERS,
    identity.ForgetDetails: CUSTOMERS,
    keys.IssueApiKey: KEEPERS,
    keys.RevokeApiKey: KEEPERS,
    keys.ApiKeys: KEEPERS,
    issuers.TrustIssuer: KEEPERS,
    issuers.DropIssuer: KEEPERS,
    issuers.KnowUserAtIssuer: KEEPERS,
    issuers.Issuers: KEEPERS,
    people.TheUser: {**CUSTOMERS, "compliance": "any"},
    people.People: {**STAFF, "compliance": "any"},
    people.FindPeople: {**STAFF, "compliance": "any"},
    identity.ChangeRole: OWNERS,
    identity.DeactivateUser: {**OWNERS, **CLOCKWORK},  # who is erased logs in no more
    family.FoundFamily: CUSTOMERS,
    family.InviteGuardian: CUSTOMERS,
    family.JoinFamily: CUSTOMERS,
    family.AddGuardian: STAFF,
    family.AddDependant: STAFF,
    family.RegisterDependant: CUSTOMERS,
    family.ChangeRights: CUSTOMERS,
    family.LeaveFamily: CUSTOMERS,
    family.ComeOfAge: STAFF,
    family.DissolveFamily: STAFF,
    family.AskConsent: MANAGERS,
    family.AskConsentNoLonger: MANAGERS,
    family.GiveConsent: CUSTOMERS,
    family.WithdrawConsent: CUSTOMERS,
    families.TheFamily: {**CUSTOMERS, "compliance": "any"},
    families.Families: {**CUSTOMERS, "compliance": "any"},
    families.WhatIsAsked: EVERYBODY,
    families.ConsentsOf: {**CUSTOMERS, "compliance": "any"},
    families.HistoryOfConsents: {**CUSTOMERS, "compliance": "any"},
    booking.PlaceHold: HOLDERS,
    booking.Overbook: MANAGERS,
    booking.ReleaseHold: HOLDERS,
    booking.ExpireHold: CLOCKWORK,
    booking.ExtendHold: HOLDERS,
    booking.StartPayment: HOLDERS,
    booking.SettlePayment: {**STAFF, **CLOCKWORK},
    booking.TurnPaymentAway: {**STAFF, **CLOCKWORK},
    booking.RequestApproval: STAFF,
    booking.Approve: STAFF,
    booking.Decline: {**STAFF, **CLOCKWORK},
    booking.TimeOutApproval: CLOCKWORK,
    booking.Confirm: HOLDERS,
    booking.Amend: CUSTOMERS,
    booking.Reschedule: CUSTOMERS,
    booking.Reanchor: {**OWNERS, **CLOCKWORK},
    booking.ReanchorSession: {**OWNERS, **CLOCKWORK},
    seating.Reassign: STAFF,
    booking.Pin: STAFF,
    booking.CheckIn: COACHES,
    booking.CheckOut: COACHES,
    booking.Complete: COACHES,
    booking.CompleteAtEnd: CLOCKWORK,
    booking.Cancel: HOLDERS,
    booking_links.LinkToBooking: HOLDERS,
    booking_links.RevokeLinks: HOLDERS,
    booking.CallOffBookings: CLOCKWORK,
    booking.ReverseCancellation: STAFF,
    booking.OverbookReversal: MANAGERS,
    booking.MarkNoShow: COACHES,
    booking.NoShowAtGrace: CLOCKWORK,
    booking.ReverseNoShow: COACHES,
    series.CreateSeries: CUSTOMERS,
    series_edits.EditSeries: CUSTOMERS,
    series_extent.CancelSeries: CUSTOMERS,
    series_extent.RetrySkipped: CUSTOMERS,
    series.PreviewSeries: CUSTOMERS,
    series_extent.ExtendSeries: CLOCKWORK,
    series_extent.StopSeries: CLOCKWORK,
    series_queries.TheSeries: EVERYBODY,
    series_queries.OccurrencesOfSeries: EVERYBODY,
    series_queries.HistoryOfSeries: EVERYBODY,
    quota.SetQuotaRule: MANAGERS,
    quota.WithdrawQuotaRule: MANAGERS,
    quota.FormParty: STAFF,
    quota.JoinParty: STAFF,
    quota.LeaveParty: STAFF,
    quota.DissolveParty: STAFF,
    quota.FollowFamily: CLOCKWORK,
    quotas.QuotaRules: STAFF,
    quotas.QuotasOf: CUSTOMERS,
    quotas.WhatCounts: CUSTOMERS,
    quotas.TheParty: STAFF,
    quotas.Parties: STAFF,
    waitlist.SetWaitlist: MANAGERS,
    waitlist.JoinWaitlist: {**CUSTOMERS, **CLOCKWORK},  # a series whose time is taken joins for its customer
    waitlist.LeaveWaitlist: CUSTOMERS,
    waitlist.AcceptOffer: CUSTOMERS,
    waitlist.DeclineOffer: CUSTOMERS,
    waitlist.WalkSession: CLOCKWORK,
    waitlist.WalkTimes: CLOCKWORK,
    waitlist.PassOver: CLOCKWORK,
    waitlist.SettleOffer: CLOCKWORK,
    waitlist.ExpireOffer: CLOCKWORK,
    waitlist.EndEarmark: CLOCKWORK,
    waitlist.LapseEntry: CLOCKWORK,
    waitlist.CallOffWaiting: CLOCKWORK,
    waitlists.WhoWaits: EVERYBODY,
    waitlists.TheEntry: EVERYBODY,
    placing.BookOffering: HOLDERS,
    placing.OverbookOffering: MANAGERS,
    placing.MoveOffering: CUSTOMERS,
    placing.BookSeats: HOLDERS,
    placing.OverbookSeats: MANAGERS,
    WhatIsOffered: GUESTS,
    whatif.WhatIf: STAFF,
    organizations.TheOrganization: EVERYBODY,
    organizations.Locations: EVERYBODY,
    organizations.TheLocation: EVERYBODY,
    organizations.CalendarOfLocation: EVERYBODY,
    resources.Catalogue: EVERYBODY,
    resources.TheResource: EVERYBODY,
    resources.CalendarOfResource: {**COACHES, "compliance": "any"},
    resources.ThePool: EVERYBODY,
    resources.Pools: EVERYBODY,
    offerings.TheOffering: GUESTS,
    offerings.Offerings: EVERYBODY,
    offerings.TheSession: EVERYBODY,
    offerings.Sessions: EVERYBODY,
    offerings.TheSetup: EVERYBODY,
    resources.OccupancyPerDay: {**STAFF, "compliance": "any"},
    bookings.TheBooking: {**EVERYBODY, "guest": "own"},
    bookings.WhoIsBooked: EVERYBODY,
    bookings.Competitors: STAFF,
    bookings.HistoryOfBooking: EVERYBODY,
    bookings.HowManyBookings: {**STAFF, "compliance": "any"},
    privacy.RequestErasure: RIGHTS,
    privacy.LetGo: CLOCKWORK,
    privacy.ReplayErasure: CLOCKWORK,
    privacy.Erase: CLOCKWORK,
    privacy.Certify: CLOCKWORK,
    privacy.PlaceLegalHold: COMPLIANCE,
    privacy.LiftLegalHold: COMPLIANCE,
    privacy.SetRetention: COMPLIANCE,
    rights.TheErasure: RIGHTS,
    rights.Erasures: COMPLIANCE,
    rights.HoldsOn: COMPLIANCE,
    rights.TheRetention: COMPLIANCE,
    rights.DataExport: RIGHTS,
    audit.AuditTrail: COMPLIANCE,
    ProveOverlaps: COMPLIANCE,
}


FOR_DEPENDANTS: Mapping[type[Command], Right] = {
    booking.PlaceHold: "book",
    booking.ReleaseHold: "book",
    booking.ExtendHold: "book",
    booking.StartPayment: "pay",
    booking.Confirm: "book",
    booking.Amend: "book",
    booking.Reschedule: "book",
    booking.Cancel: "book",
    placing.BookOffering: "book",
    placing.MoveOffering: "book",
    placing.BookSeats: "book",
    series.CreateSeries: "book",
    series.PreviewSeries: "book",
    series_edits.EditSeries: "book",
    series_extent.CancelSeries: "book",
    series_extent.RetrySkipped: "book",
    waitlist.JoinWaitlist: "book",
    waitlist.LeaveWaitlist: "book",
    waitlist.AcceptOffer: "book",
    waitlist.DeclineOffer: "book",
    family.GiveConsent: "book",
    family.WithdrawConsent: "book",
}
"""What a customer may do for a dependant, with which right. All else everybody does for themselves; what a customer is
shown as theirs, they are shown of those for whom they have the right to see (`projections/mine.py`)."""


LINKED: frozenset[type[Command] | type[Query]] = frozenset({
    bookings.TheBooking, booking.Cancel, booking.Reschedule, placing.MoveOffering,
})  # fmt: skip
"""What is done through the link to a booking."""


class NotPermitted(Forbidden):
    """Your role may not do this."""


class OutOfScope(Forbidden):
    """Your key or link is not for this."""


def permitted(message: Command | Query, role: str, scopes: Sequence[str] = ()) -> Scope:
    """How far the role's permission for this message reaches, or `NotPermitted`; `scopes` narrow it."""
    scope = PERMISSIONS.get(type(message), {}).get(role)
    if scope is None:
        raise NotPermitted(role=role, asked=type(message).__name__)
    if scopes and not reached(type(message), scopes):
        raise OutOfScope(asked=type(message).__name__)
    return scope


def reached(message: type[Command] | type[Query], scopes: Sequence[str]) -> bool:
    return not words(message).isdisjoint(scopes) or (LINK in scopes and message in LINKED)
