"""Who can reach it is settled before anybody can."""

import pytest

from infrastructure import settings as given
from infrastructure.settings import Incomplete, Settings, UnusableSetting
from interfaces.commands.api import at_home, require_names
from interfaces.commands.doctor import _outside

ABROAD = "192.0.2.7"


def settings(**env: str) -> Settings:
    return given.load({f"DAYBOOK_{name.upper()}": value for name, value in env.items()})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_this_machine_nothing_has_to_be_named(host):
    assert at_home(host)
    require_names(settings(host=host))
    assert _outside(settings(host=host)).well


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ABROAD, "book.example"])
def test_where_others_can_reach_it_it_is_known_under_which_names(host):
    assert not at_home(host)
    with pytest.raises(Incomplete, match="DAYBOOK_TRUSTED_HOSTS"):
        require_names(settings(host=host))
    assert "DAYBOOK_TRUSTED_HOSTS" in _outside(settings(host=host)).mend
    for names in ("book.example", "*"):
        require_names(settings(host=host, trusted_hosts=names))
        assert _outside(settings(host=host, trusted_hosts=names)).well


def test_the_doctor_tells_of_limits_that_are_off_and_of_proxies_that_are_anybody():
    found = _outside(settings(host=ABROAD, trusted_hosts="*", limit_logins="0", limit_reads="0"))
    assert not found.well
    assert "DAYBOOK_LIMIT_READS, DAYBOOK_LIMIT_LOGINS" in found.mend
    assert not _outside(settings(trusted_proxies="10.0.0.0/8,0.0.0.0/0")).well
    assert _outside(settings(trusted_proxies="10.0.0.0/8,::1", limit_reads="0")).well


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_proxies", "10.0.0.1/8"), ("trusted_proxies", "proxy.example"), ("trusted_hosts", "a b"),
        ("trusted_hosts", "*.example"), ("trusted_hosts", "book.example:80"), ("trusted_hosts", "https://book.example"),
        ("cors_origins", "https://shop.example/"), ("cors_origins", "null"), ("cors_origins", "shop.example"),
        ("cors_origins", "https://*.example"), ("limit_reads", "-1"), ("limit_reads", "many"),
        ("forwarded_by", "x-real-ip"), ("metrics_token", "short"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_one_sentence(name, value):
    with pytest.raises(UnusableSetting, match=f"DAYBOOK_{name.upper()} .* must be"):
        settings(**{name: value})


def test_what_is_set_is_handed_down_whole():
    made = settings(
        trusted_proxies="10.0.0.0/8, 2001:db8::1", trusted_hosts="a.example, [::1]", metrics_token="s" * 20,
        cors_origins="https://shop.example,http://l.test:8080", forwarded_by="forwarded", limit_reads="0",
    )  # fmt: skip
    assert given.load(made.environment()) == made
    assert "s" * 20 not in repr(made)
