"""Families: who is in them, who may act for whom, and who may not be left alone."""

from datetime import date
from uuid import UUID

import pytest
from given import SOMETHING, given
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from domain.errors import Refusal
from domain.family import errors
from domain.family.events import (
    DependantAdded,
    DependantCameOfAge,
    FamilyDissolved,
    FamilyFounded,
    GuardianAdded,
    GuardianInvited,
    KinshipBegun,
    KinshipEnded,
    MemberLeft,
    RightsChanged,
)
from domain.family.family import MOST_FAMILIES, MOST_PEOPLE, RIGHTS, Family, Kinship

ANN, BEN, KIM, LEO, SOMEBODY = (UUID(int=n) for n in range(101, 106))
HERE, THERE = UUID(int=1), UUID(int=2)
FOUNDED = FamilyFounded(ANN)
KIM_CAME = (DependantAdded(KIM), RightsChanged(ANN, KIM, RIGHTS))
ONE_CHILD = (FOUNDED, *KIM_CAME)
TWO_GUARDIANS = (*ONE_CHILD, GuardianAdded(BEN))
SHARED = (*TWO_GUARDIANS, RightsChanged(BEN, KIM, RIGHTS))


def test_a_family_is_founded_by_its_first_guardian():
    family = given(Family).when(lambda it: it.found(ANN)).then(FOUNDED)
    assert family.guardians == {ANN}


# guardians


def test_who_is_invited_may_do_nothing_before_they_say_yes():
    family = given(Family, *ONE_CHILD).when(lambda it: it.invite(BEN, by=ANN)).then(GuardianInvited(BEN))
    assert not family.may(BEN, KIM, "see")
    assert BEN not in family.members
    assert family.known_to(BEN)


def test_who_was_invited_says_yes_once():
    invited = given(Family, *ONE_CHILD, GuardianInvited(BEN))
    family = invited.when(lambda it: it.accept(BEN)).then(GuardianAdded(BEN))
    assert family.accept(BEN) == []
    assert not family.may(BEN, KIM, "see")  # nothing is theirs until it is said for each dependant


def test_to_who_was_not_invited_there_is_no_family():
    given(Family, *ONE_CHILD).when(lambda it: it.accept(BEN)).refused(errors.UnknownFamily)


def test_an_invitation_that_was_taken_back_is_none():
    story = given(Family, *ONE_CHILD, GuardianInvited(BEN))
    family = story.when(lambda it: it.leave(BEN, by=None)).then(MemberLeft(BEN))
    with pytest.raises(errors.UnknownFamily):
        family.accept(BEN)


@pytest.mark.parametrize("by", [KIM, SOMEBODY])
def test_only_guardians_invite(by):
    given(Family, *ONE_CHILD).when(lambda it: it.invite(BEN, by=by)).refused(errors.ForGuardians)


def test_a_dependant_is_no_guardian_of_the_same_family():
    for decide in (lambda it: it.invite(KIM, by=ANN), lambda it: it.add_guardian(KIM)):
        given(Family, *ONE_CHILD).when(decide).refused(errors.AlreadyInFamily)


def test_a_guardian_who_is_there_already_changes_nothing():
    given(Family, *ONE_CHILD).when(lambda it: it.add_guardian(ANN)).then()


# dependants


def test_who_adds_a_dependant_may_do_everything_for_them():
    story = given(Family, FOUNDED, GuardianAdded(BEN)).when(lambda it: it.add_dependant(KIM, (), by=ANN))
    family = story.then(DependantAdded(KIM), RightsChanged(ANN, KIM, RIGHTS))
    assert all(family.may(ANN, KIM, right) for right in RIGHTS)
    assert not any(family.may(BEN, KIM, right) for right in RIGHTS)


def test_the_venue_gives_a_dependant_to_all_guardians_or_to_those_it_names():
    here = given(Family, FOUNDED, GuardianAdded(BEN))
    here.when(lambda it: it.add_dependant(KIM, (), by=None)).then(
        DependantAdded(KIM), RightsChanged(ANN, KIM, RIGHTS), RightsChanged(BEN, KIM, RIGHTS)
    )
    here.when(lambda it: it.add_dependant(KIM, (BEN, BEN), by=None)).then(
        DependantAdded(KIM), RightsChanged(BEN, KIM, RIGHTS)
    )


def test_a_dependant_is_not_given_to_somebody_outside():
    given(Family, FOUNDED).when(lambda it: it.add_dependant(KIM, (BEN,), by=None)).refused(errors.NotAGuardian)


def test_a_dependant_comes_once():
    given(Family, *ONE_CHILD).when(lambda it: it.add_dependant(KIM, (), by=ANN)).then()


def test_a_guardian_is_no_dependant_of_the_same_family():
    given(Family, FOUNDED).when(lambda it: it.add_dependant(ANN, (), by=None)).refused(errors.AlreadyInFamily)


def test_a_family_has_fifty_people_and_no_more():
    past = [FOUNDED, *(DependantAdded(UUID(int=n)) for n in range(1000, 1000 + MOST_PEOPLE - 2))]
    family = given(Family, *past).when(lambda it: it.add_dependant(KIM, (), by=ANN)).then(*KIM_CAME)
    assert len(family.members) == MOST_PEOPLE
    for decide in (
        lambda it: it.add_dependant(LEO, (), by=ANN),
        lambda it: it.add_guardian(BEN),
        lambda it: it.invite(BEN, by=ANN),
    ):
        given(Family, *past, *KIM_CAME).when(decide).refused(errors.FamilyFull)


# rights


def test_a_guardian_shares_what_they_have():
    story = given(Family, *TWO_GUARDIANS).when(lambda it: it.change_rights(BEN, KIM, ["see", "book"], by=ANN))
    family = story.then(RightsChanged(BEN, KIM, ("book", "see")))
    assert family.may(BEN, KIM, "book")
    assert not family.may(BEN, KIM, "pay")


def test_a_guardian_does_not_take_what_they_do_not_have():
    story = given(Family, *TWO_GUARDIANS)
    story.when(lambda it: it.change_rights(BEN, KIM, ["see"], by=BEN)).refused(errors.NotYoursToGive)


def test_nor_shares_what_they_do_not_have():
    only_see = RightsChanged(BEN, KIM, ("see",))
    story = given(Family, *TWO_GUARDIANS, only_see, GuardianAdded(LEO))
    story.when(lambda it: it.change_rights(LEO, KIM, ["see"], by=BEN)).then(RightsChanged(LEO, KIM, ("see",)))
    story.when(lambda it: it.change_rights(LEO, KIM, ["see", "pay"], by=BEN)).refused(errors.NotYoursToGive)


def test_what_another_guardian_has_only_the_venue_takes_away():
    story = given(Family, *SHARED)
    story.when(lambda it: it.change_rights(BEN, KIM, [], by=ANN)).refused(errors.NotYoursToGive)
    family = story.when(lambda it: it.change_rights(BEN, KIM, [], by=None)).then(RightsChanged(BEN, KIM, ()))
    assert not any(family.may(BEN, KIM, right) for right in RIGHTS)


def test_one_gives_up_one_s_own_rights():
    given(Family, *SHARED).when(lambda it: it.change_rights(ANN, KIM, ["see"], by=ANN)).then(
        RightsChanged(ANN, KIM, ("see",))
    )


@pytest.mark.parametrize("left", [[], ["see"], ["book", "pay"]])
@pytest.mark.parametrize("by", [ANN, None])
def test_but_not_the_last_who_may_book_and_see(left, by):
    given(Family, *TWO_GUARDIANS).when(lambda it: it.change_rights(ANN, KIM, left, by=by)).refused(errors.LastGuardian)


def test_that_nobody_may_pay_is_no_harm():
    given(Family, *ONE_CHILD).when(lambda it: it.change_rights(ANN, KIM, ["see", "book"], by=ANN)).then(
        RightsChanged(ANN, KIM, ("book", "see"))
    )


def test_the_same_rights_again_are_nothing():
    given(Family, *ONE_CHILD).when(lambda it: it.change_rights(ANN, KIM, ["see", "pay", "book"], by=ANN)).then()


@pytest.mark.parametrize(
    ("guardian", "dependant", "why"), [(BEN, KIM, errors.NotAGuardian), (ANN, LEO, errors.NotADependant)]
)
def test_rights_are_a_guardian_s_for_a_dependant(guardian, dependant, why):
    given(Family, *ONE_CHILD).when(lambda it: it.change_rights(guardian, dependant, ["see"], by=None)).refused(why)


# who goes


def test_who_leaves_has_no_rights_any_more():
    family = (
        given(Family, *SHARED).when(lambda it: it.leave(BEN, by=BEN)).then(RightsChanged(BEN, KIM, ()), MemberLeft(BEN))
    )
    assert not family.may(BEN, KIM, "see")
    assert family.may(ANN, KIM, "see")


@pytest.mark.parametrize("by", [ANN, None])
def test_the_last_guardian_does_not_leave_while_there_are_dependants(by):
    given(Family, *ONE_CHILD).when(lambda it: it.leave(ANN, by=by)).refused(errors.LastGuardian)
    given(Family, *TWO_GUARDIANS).when(lambda it: it.leave(ANN, by=by)).refused(errors.LastGuardian)


def test_of_the_last_the_family_ends():
    family = given(Family, FOUNDED).when(lambda it: it.leave(ANN, by=ANN)).then(MemberLeft(ANN), FamilyDissolved())
    assert family.dissolved


def test_others_are_removed_by_the_venue_alone():
    given(Family, *SHARED).when(lambda it: it.leave(BEN, by=ANN)).refused(errors.NotYoursToEnd)
    given(Family, *SHARED).when(lambda it: it.leave(KIM, by=ANN)).refused(errors.NotYoursToEnd)


def test_who_is_not_of_age_does_not_leave_by_themselves():
    given(Family, *ONE_CHILD).when(lambda it: it.leave(KIM, by=KIM)).refused(errors.StillDependent)
    given(Family, *ONE_CHILD).when(lambda it: it.leave(KIM, by=None)).then(RightsChanged(ANN, KIM, ()), MemberLeft(KIM))


def test_who_is_not_there_cannot_leave():
    given(Family, FOUNDED).when(lambda it: it.leave(BEN, by=None)).then()


# coming of age

BIRTHDAY = date(2027, 5, 31)


def test_on_the_day_and_not_before():
    story = given(Family, *SHARED)
    story.when(lambda it: it.come_of_age(KIM, BIRTHDAY, date(2027, 5, 30))).refused(errors.NotOfAge)
    family = story.when(lambda it: it.come_of_age(KIM, BIRTHDAY, BIRTHDAY)).then(
        RightsChanged(ANN, KIM, ()), RightsChanged(BEN, KIM, ()), DependantCameOfAge(KIM)
    )
    assert KIM in family.members
    assert not family.may(ANN, KIM, "see")
    assert family.come_of_age(KIM, BIRTHDAY, BIRTHDAY) == []


def test_who_is_of_age_leaves_as_they_like_and_may_be_a_guardian():
    grown = given(Family, *ONE_CHILD, RightsChanged(ANN, KIM, ()), DependantCameOfAge(KIM))
    grown.when(lambda it: it.leave(KIM, by=KIM)).then(MemberLeft(KIM))
    family = grown.when(lambda it: it.add_guardian(KIM)).then(GuardianAdded(KIM))
    assert (family.guardians, family.grown) == ({ANN, KIM}, frozenset())


def test_only_dependants_come_of_age():
    given(Family, FOUNDED).when(lambda it: it.come_of_age(ANN, BIRTHDAY, BIRTHDAY)).refused(errors.NotADependant)


# the end


def test_in_a_family_that_is_no_more_nobody_may_do_anything():
    family = given(Family, *SHARED).when(lambda it: it.dissolve()).then(FamilyDissolved())
    assert not family.may(ANN, KIM, "see")
    assert family.dissolve() == []
    for decide in (
        lambda: family.add_guardian(BEN),
        lambda: family.add_dependant(LEO, (), by=None),
        lambda: family.invite(BEN, by=ANN),
        lambda: family.change_rights(ANN, KIM, ["see"], by=None),
    ):
        with pytest.raises(errors.FamilyGone):
            decide()


# seen from the person


def test_a_dependant_has_one_family():
    story = given(Kinship, KinshipBegun(HERE, "dependant"))
    story.when(lambda it: it.begin(THERE, "dependant")).refused(errors.DependantElsewhere)
    story.when(lambda it: it.begin(HERE, "dependant")).then()
    assert story.before.dependant_in == HERE


def test_after_they_left_or_came_of_age_another_may_have_them():
    for end in (KinshipEnded(HERE), KinshipBegun(HERE, "grown")):
        story = given(Kinship, KinshipBegun(HERE, "dependant"), end)
        assert story.before.dependant_in is None
        story.when(lambda it: it.begin(THERE, "dependant")).then(KinshipBegun(THERE, "dependant"))


def test_a_guardian_may_have_several_families_but_not_any_number():
    families = [KinshipBegun(UUID(int=n), "guardian") for n in range(1, MOST_FAMILIES)]
    story = given(Kinship, *families)
    story.when(lambda it: it.begin(UUID(int=900), "guardian")).then(KinshipBegun(UUID(int=900), "guardian"))
    full = given(Kinship, *families, KinshipBegun(UUID(int=900), "guardian"))
    full.when(lambda it: it.begin(UUID(int=901), "guardian")).refused(errors.TooManyFamilies)


def test_who_is_in_no_family_leaves_none():
    given(Kinship).when(lambda it: it.end(HERE)).then()


# whatever anybody tries

PEOPLE = st.sampled_from([ANN, BEN, KIM, LEO])
ASKER = st.one_of(st.none(), PEOPLE)
SOME_RIGHTS = st.sets(st.sampled_from(RIGHTS))
TRIES = st.lists(
    st.one_of(
        st.tuples(st.just("invite"), PEOPLE, ASKER),
        st.tuples(st.just("accept"), PEOPLE),
        st.tuples(st.just("add_guardian"), PEOPLE),
        st.tuples(st.just("add_dependant"), PEOPLE, st.just(()), ASKER),
        st.tuples(st.just("change_rights"), PEOPLE, PEOPLE, SOME_RIGHTS, ASKER),
        st.tuples(st.just("leave"), PEOPLE, ASKER),
        st.tuples(st.just("come_of_age"), PEOPLE, st.just(BIRTHDAY), st.just(BIRTHDAY)),
    ),
    max_size=20,
)


@settings(max_examples=300, deadline=None)
@drawn(TRIES)
def test_nobody_is_two_things_and_no_dependant_is_ever_alone(tries):
    family = Family(id=SOMETHING).after([FOUNDED])
    for name, *said in tries:
        before = family
        try:
            family = family.after(getattr(family, name)(*said))
        except Refusal:
            continue
        kinds = (family.guardians, family.dependants, family.grown)
        assert sum(map(len, kinds)) == len(family.members)
        assert not family.invited & (family.guardians | family.dependants)
        for dependant, held in family.rights.items():
            assert dependant in family.dependants
            assert held.keys() <= family.guardians
            assert all(held.values())
        for dependant in family.dependants:
            for right in ("book", "see"):
                assert any(family.may(guardian, dependant, right) for guardian in family.guardians)
        assert family.dissolved == (not family.members)
        if said[-1] in (ANN, BEN, KIM, LEO) and name == "change_rights":
            # Who asks as a member has never made of it more than they had, nor less of what another had.
            guardian, dependant, _, by = said
            gained = set(family.had(guardian, dependant)) - set(before.had(guardian, dependant))
            lost = set(before.had(guardian, dependant)) - set(family.had(guardian, dependant))
            assert gained <= set(before.had(by, dependant))
            assert not lost or by == guardian
