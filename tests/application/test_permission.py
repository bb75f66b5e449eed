"""The table of permissions: what a guardian may do for a dependant is said of every message that a customer may ask."""

import pytest

from application.booking import commands as booking
from application.family import commands as family
from application.identity import commands as identity
from application.message import Command
from application.permission import FOR_DEPENDANTS, PERMISSIONS

FOR_ONESELF = {
    "DescribeUser", "ForgetDetails",  # what is known about somebody is theirs to say, or the staff's
    "FoundFamily", "InviteGuardian", "JoinFamily", "RegisterDependant", "ChangeRights", "LeaveFamily",
    "RequestErasure",  # is asked by the person, or of the staff
    "LinkToBooking", "RevokeLinks",  # who is shown the link is somebody whom nobody knows
}  # fmt: skip


def test_of_all_that_a_customer_may_it_is_said_whether_it_may_be_done_for_a_dependant():
    own = {
        message
        for message, grants in PERMISSIONS.items()
        if grants.get("customer") == "own" and issubclass(message, Command)
    }
    assert FOR_DEPENDANTS.keys() <= own
    assert {it.__name__ for it in own - FOR_DEPENDANTS.keys()} <= FOR_ONESELF


@pytest.mark.parametrize(
    ("message", "right"),
    [(booking.Cancel, "book"), (booking.StartPayment, "pay"), (identity.DescribeUser, None), (booking.Approve, None)],
)
def test_which_right_lets_what(message, right):
    assert FOR_DEPENDANTS.get(message) == right


@pytest.mark.parametrize(
    ("message", "may", "may_not"),
    [
        (family.FoundFamily, ["customer", "staff"], ["guest", "compliance", "system"]),
        (family.AddDependant, ["staff", "owner"], ["customer", "guest", "compliance"]),
        (family.ComeOfAge, ["staff"], ["customer", "guest", "compliance"]),
        (family.AskConsent, ["manager", "owner"], ["staff", "customer", "compliance"]),
        (family.GiveConsent, ["customer", "staff"], ["guest", "compliance", "system"]),
    ],
)
def test_who_may_what_of_families(message, may, may_not):
    assert all(role in PERMISSIONS[message] for role in may)
    assert not any(role in PERMISSIONS[message] for role in may_not)
