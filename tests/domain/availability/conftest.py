"""The two ways of finding slots: the one that is used, and the naive one that it is checked against."""

from importlib import import_module
from importlib.util import find_spec

import naive_slots
import pytest


@pytest.fixture(scope="module")
def decided():
    """The module that decides; it explains as well."""
    if find_spec("domain.availability.slots") is None:
        pytest.skip("The implementation is not there yet.")
    return import_module("domain.availability.slots")


@pytest.fixture(scope="module", params=["naive", "decided"])
def slots(request):
    """Each story about what can be booked is told of both."""
    return naive_slots.slots if request.param == "naive" else request.getfixturevalue("decided").slots
