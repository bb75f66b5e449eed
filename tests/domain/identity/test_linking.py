"""Who is asked to log in, and whose account is whose: facts of a user."""

from uuid import uuid4

import pytest
from given import given

from domain.identity.errors import Deactivated, LinkedAlready
from domain.identity.events import UserDeactivated, UserInvited, UserLinked, UserRegistered
from domain.identity.user import User

ANA, RUI = uuid4(), uuid4()
registered, linked = UserRegistered("customer"), UserLinked(ANA)


def test_who_is_registered_is_invited_as_often_as_need_be():
    given(User, registered).when(lambda user: user.invite()).then(UserInvited())
    given(User, registered, UserInvited()).when(lambda user: user.invite()).then(UserInvited())


def test_who_has_an_account_needs_no_invitation():
    given(User, registered, linked).when(lambda user: user.invite()).refused(LinkedAlready)


def test_an_account_is_linked_once():
    given(User, registered).when(lambda user: user.link(ANA)).then(linked)
    given(User, registered, linked).when(lambda user: user.link(ANA)).then()
    given(User, registered, linked).when(lambda user: user.link(RUI)).refused(LinkedAlready)


@pytest.mark.parametrize("decide", [lambda user: user.invite(), lambda user: user.link(ANA)])
def test_who_was_deactivated_does_not_log_in(decide):
    given(User, registered, UserDeactivated()).when(decide).refused(Deactivated)


def test_asked_twice_it_is_said_again_even_of_who_was_deactivated_since():
    given(User, registered, linked, UserDeactivated()).when(lambda user: user.link(ANA)).then()
