"""Setting quotas, and who belongs together."""

from datetime import date
from uuid import UUID

import pytest
from given import given
from msgspec.structs import replace

from domain.hours import Opening, WeeklyHours
from domain.localtime import UnknownZone
from domain.names import BadName
from domain.quota import errors
from domain.quota.events import (
    MembershipBegun,
    MembershipEnded,
    PartyDissolved,
    PartyFormed,
    PartyJoined,
    PartyLeft,
    QuotaRuleSet,
    QuotaRuleWithdrawn,
)
from domain.quota.party import MOST_MEMBERS, MOST_PARTIES, Membership, Party
from domain.quota.quotas import MOST_RULES, Quotas
from domain.quota.rule import MOST_DAYS, CalendarWindow, QuotaRule, RollingWindow, Season, What, Who

ANN, FAMILY, OTHER = UUID(int=101), UUID(int=31), UUID(int=32)
rule = QuotaRule("two-a-week", "count", 2, CalendarWindow("week"))
peak = WeeklyHours(monday=(Opening(1020, 1260),))


def test_a_rule_is_set_and_changed_and_withdrawn():
    given(Quotas).when(lambda q: q.set_rule(rule)).then(QuotaRuleSet(rule))
    more = replace(rule, limit=3)
    after = given(Quotas, QuotaRuleSet(rule)).when(lambda q: q.set_rule(more)).then(QuotaRuleSet(more))
    assert after.rules == {"two-a-week": more}
    after = (
        given(Quotas, QuotaRuleSet(rule)).when(lambda q: q.withdraw_rule(rule.name)).then(QuotaRuleWithdrawn(rule.name))
    )
    assert after.rules == {}


def test_the_same_rule_again_changes_nothing():
    given(Quotas, QuotaRuleSet(rule)).when(lambda q: q.set_rule(rule)).then()


def test_withdrawing_twice_changes_nothing_and_it_can_be_set_again():
    gone = (QuotaRuleSet(rule), QuotaRuleWithdrawn(rule.name))
    given(Quotas, *gone).when(lambda q: q.withdraw_rule(rule.name)).then()
    given(Quotas, *gone).when(lambda q: q.set_rule(rule)).then(QuotaRuleSet(rule))


def test_what_was_never_a_rule_cannot_be_withdrawn():
    given(Quotas, QuotaRuleSet(rule)).when(lambda q: q.withdraw_rule("other")).refused(errors.UnknownQuota)


summer, autumn = Season("s", date(2027, 6, 1), date(2027, 8, 31)), Season("a", date(2027, 9, 1), date(2027, 11, 30))

backwards, early_autumn = replace(summer, last=date(2027, 5, 31)), replace(autumn, first=summer.last)
always = Season("always", date(1970, 1, 1), date(2199, 12, 31))


@pytest.mark.parametrize(
    "sound",
    [
        replace(rule, limit=0),
        replace(rule, limit=1_000_000),
        replace(rule, window=RollingWindow(1)),
        replace(rule, window=RollingWindow(MOST_DAYS)),
        replace(rule, window=None),
        replace(rule, window=CalendarWindow("season", seasons=(autumn, summer))),
        replace(rule, window=CalendarWindow("season", seasons=(replace(summer, last=summer.first),))),
        replace(rule, window=CalendarWindow("season", seasons=(always,))),
        replace(rule, measure="peak_minutes", peak=peak),
        replace(rule, zone="Pacific/Auckland"),
        replace(rule, name="a" * 64),
    ],
)
def test_what_can_be_a_rule(sound):
    given(Quotas).when(lambda q: q.set_rule(sound)).then(QuotaRuleSet(sound))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (replace(rule, name=""), errors.BadQuotaName),
        (replace(rule, name="a" * 65), errors.BadQuotaName),
        (replace(rule, name="Two a week"), errors.BadQuotaName),
        (replace(rule, name="-x"), errors.BadQuotaName),
        (replace(rule, limit=-1), errors.BadLimit),
        (replace(rule, limit=1_000_001), errors.BadLimit),
        (replace(rule, window=RollingWindow(0)), errors.BadWindow),
        (replace(rule, window=RollingWindow(MOST_DAYS + 1)), errors.BadWindow),
        (replace(rule, window=CalendarWindow("season")), errors.BadWindow),
        (replace(rule, window=CalendarWindow("week", seasons=(summer,))), errors.BadWindow),
        (replace(rule, window=CalendarWindow("season", seasons=(backwards,))), errors.BadWindow),
        (replace(rule, window=CalendarWindow("season", seasons=(replace(always, last=date.max),))), errors.BadWindow),
        (replace(rule, window=CalendarWindow("season", seasons=(replace(always, first=date.min),))), errors.BadWindow),
        (replace(rule, window=CalendarWindow("season", seasons=(summer, early_autumn))), errors.BadWindow),
        (replace(rule, measure="peak_minutes"), errors.BadPeak),
        (replace(rule, measure="peak_minutes", peak=WeeklyHours()), errors.BadPeak),
        (replace(rule, measure="peak_minutes", peak=WeeklyHours(monday=(Opening(60, 60),))), errors.BadPeak),
        (replace(rule, peak=peak), errors.BadPeak),
        (replace(rule, zone="Mars/Olympus"), UnknownZone),
        (replace(rule, what=What(offerings=tuple(UUID(int=n) for n in range(201)))), errors.TooManyNamed),
    ],
)  # fmt: skip
def test_what_cannot_be_a_rule(wrong, why):
    given(Quotas).when(lambda q: q.set_rule(wrong)).refused(why)


def test_there_is_room_for_so_many_rules_and_a_full_house_can_still_change_one():
    full = [QuotaRuleSet(replace(rule, name=f"r{n}")) for n in range(MOST_RULES)]
    given(Quotas, *full).when(lambda q: q.set_rule(rule)).refused(errors.TooManyQuotas)
    changed = replace(rule, name="r0", limit=9)
    given(Quotas, *full).when(lambda q: q.set_rule(changed)).then(QuotaRuleSet(changed))
    given(Quotas, *full[1:]).when(lambda q: q.set_rule(rule)).then(QuotaRuleSet(rule))


def test_a_rule_for_a_group_names_one_of_its_own_kind_that_is_still_there():
    family = Party(FAMILY).after([PartyFormed("family", "The Reeds")])
    for_it = replace(rule, who=Who("family", FAMILY))
    given(Quotas).when(lambda q: q.set_rule(for_it, [family])).then(QuotaRuleSet(for_it))
    plan = replace(rule, who=Who("plan", FAMILY))
    given(Quotas).when(lambda q: q.set_rule(plan, [family])).refused(errors.OtherKind)
    gone = family.after([PartyDissolved()])
    given(Quotas).when(lambda q: q.set_rule(for_it, [gone])).refused(errors.PartyDissolved)


# groups

formed = PartyFormed("family", "The Reeds")


def test_a_family_is_formed_under_a_name():
    given(Party).when(lambda p: p.form("family", "  The Reeds ")).then(formed)
    given(Party).when(lambda p: p.form("family", " ")).refused(BadName)


def test_who_joins_is_in_it_and_who_leaves_is_not():
    after = given(Party, formed).when(lambda p: p.join(ANN)).then(PartyJoined(ANN))
    assert after.members == {ANN}
    after = given(Party, formed, PartyJoined(ANN)).when(lambda p: p.leave(ANN)).then(PartyLeft(ANN))
    assert after.members == frozenset()


def test_joining_and_leaving_twice_changes_nothing():
    given(Party, formed, PartyJoined(ANN)).when(lambda p: p.join(ANN)).then()
    given(Party, formed).when(lambda p: p.leave(ANN)).then()


def test_a_dissolved_party_has_nobody_and_takes_nobody():
    after = given(Party, formed, PartyJoined(ANN)).when(lambda p: p.dissolve()).then(PartyDissolved())
    assert after.members == frozenset()
    given(Party, formed, PartyDissolved()).when(lambda p: p.dissolve()).then()
    given(Party, formed, PartyDissolved()).when(lambda p: p.join(ANN)).refused(errors.PartyDissolved)


def test_a_party_can_be_full():
    almost = [PartyJoined(UUID(int=n)) for n in range(1_000, 1_000 + MOST_MEMBERS - 1)]
    after = given(Party, formed, *almost).when(lambda p: p.join(ANN)).then(PartyJoined(ANN))
    with pytest.raises(errors.PartyFull):
        after.join(FAMILY)


def test_seen_from_the_person_a_membership_begins_and_ends():
    begun = MembershipBegun(FAMILY, "family")
    after = given(Membership).when(lambda m: m.begin(FAMILY, "family")).then(begun)
    assert after.parties == {FAMILY: "family"}
    given(Membership, begun).when(lambda m: m.begin(FAMILY, "family")).then()
    after = given(Membership, begun).when(lambda m: m.end(FAMILY)).then(MembershipEnded(FAMILY))
    assert after.parties == {}
    given(Membership, begun).when(lambda m: m.end(OTHER)).then()


def test_a_person_is_in_a_bounded_number_of_groups():
    almost = [MembershipBegun(UUID(int=n), "plan") for n in range(1_000, 999 + MOST_PARTIES)]
    after = given(Membership, *almost).when(lambda m: m.begin(FAMILY, "family")).then(MembershipBegun(FAMILY, "family"))
    with pytest.raises(errors.TooManyParties):
        after.begin(ANN, "plan")
