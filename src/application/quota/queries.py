"""What can be asked about quotas; `projections/quota/quotas.py` answers."""

from datetime import date
from uuid import UUID

from application.message import Query


class QuotaRules(Query, frozen=True):
    """All rules that hold, by name."""


class QuotasOf(Query, frozen=True):
    """How every rule that limits this person stands."""

    customer_id: UUID
    zone: str
    """On whose wall is counted where a rule does not say."""
    on: date | None = None
    """For what starts on this local date; None: today."""


class WhatCounts(Query, frozen=True):
    """All that this person's quotas are counted from, for whoever has many slots to judge."""

    customer_id: UUID


class TheParty(Query, frozen=True):
    """One family, account or plan, with who is in it."""

    party_id: UUID


class Parties(Query, frozen=True):
    """Families, accounts and plans by name."""

    after: tuple[str, UUID] | None = None
    limit: int = 50
