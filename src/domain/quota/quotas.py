"""The quotas of an organization."""

from collections.abc import Sequence
from typing import ClassVar, Self
from uuid import UUID, uuid5

from msgspec.structs import replace

from domain.aggregate import Aggregate
from domain.event import Event
from domain.quota import errors, events
from domain.quota.party import Party
from domain.quota.rule import QuotaRule

MOST_RULES = 200


class Quotas(Aggregate, frozen=True):
    """All rules in one stream, so that whoever books reads them in one go."""

    begins: ClassVar[type[Event]] = events.QuotaRuleSet
    unknown: ClassVar = errors.UnknownQuota

    rules: dict[str, QuotaRule] = {}
    withdrawn: frozenset[str] = frozenset()

    @staticmethod
    def of(tenant: UUID) -> UUID:
        """The stream of this organization's."""
        return uuid5(tenant, "quotas")

    def set_rule(self, rule: QuotaRule, parties: Sequence[Party] = ()) -> list[events.QuotaEvent]:
        """`parties`: the group that the rule names, if it does."""
        if any(party.kind != rule.who.kind for party in parties):
            raise errors.OtherKind
        if any(party.dissolved for party in parties):
            raise errors.PartyDissolved
        if rule.checked.name not in self.rules and len(self.rules) >= MOST_RULES:
            raise errors.TooManyQuotas
        return [] if self.rules.get(rule.name) == rule else [events.QuotaRuleSet(rule)]

    def withdraw_rule(self, name: str) -> list[events.QuotaEvent]:
        if name in self.withdrawn:
            return []
        if name not in self.rules:
            raise errors.UnknownQuota
        return [events.QuotaRuleWithdrawn(name)]

    def evolve(self, event: Event) -> Self:
        match event:
            case events.QuotaRuleSet(rule):
                return replace(self, rules={**self.rules, rule.name: rule}, withdrawn=self.withdrawn - {rule.name})
            case events.QuotaRuleWithdrawn(name):
                rules = {key: rule for key, rule in self.rules.items() if key != name}
                return replace(self, rules=rules, withdrawn=self.withdrawn | {name})
        return self
