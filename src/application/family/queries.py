"""What can be asked about families and consents; the views under `projections/family` answer."""

from uuid import UUID

from application.message import Query


class TheFamily(Query, frozen=True):
    """One family: who is in it, and what they may do for whom."""

    family_id: UUID


class Families(Query, frozen=True):
    """Families that there are, by id: nearly the order in which they were founded."""

    user_id: UUID | None = None
    """Of which this person is, or is invited to be."""
    after: UUID | None = None
    limit: int = 50


class WhatIsAsked(Query, frozen=True):
    """All that the organization asks consent to, by purpose."""


class ConsentsOf(Query, frozen=True):
    """What one person has consented to, and what they have withdrawn: the last word on each purpose."""

    user_id: UUID


class HistoryOfConsents(Query, frozen=True):
    """Every consent of one person and every withdrawal, in order."""

    user_id: UUID
    after: int = 0
    """The version of the last row of the page before."""
    limit: int = 100
