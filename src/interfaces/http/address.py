"""Where a request comes from: the address of whoever opened the connection, or, where that is a proxy of ours, the one
that it names. Nothing else that a request says of itself is believed."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Headers = Iterable[tuple[bytes, bytes]]

LISTS = (b"x-forwarded-for", b"forwarded")
"""What proxies write. Only one of them is read: of the other ours may have passed on what a stranger wrote."""
MOST_HOPS = 16
HINTS = frozenset({*LISTS, b"x-real-ip", b"via", b"x-forwarded-host", b"x-forwarded-proto"})
"""What shows that a request was passed on."""


class Proxies:
    """Those whose word is taken about where a request comes from."""

    def __init__(self, trusted: Sequence[Network], says: str = "x-forwarded-for") -> None:
        """`says`: the header in which they write it."""
        self._trusted = tuple(trusted)
        self._says = says.encode()
        self._of_ours = lru_cache(1024)(self._is_ours)

    def client(self, peer: str, headers: Headers) -> str:
        """Whoever asks, as seen by the last proxy of ours: of the list the right-most that is none of them. What stands
        further left came from outside, and may be anything."""
        if not self._trusted or not self._of_ours(peer):
            return peer
        hops = ",".join(value.decode("latin-1") for name, value in headers if name == self._says).split(",")
        found = peer
        for hop in reversed(hops[-MOST_HOPS:]):
            address = read(hop) if self._says == b"x-forwarded-for" else read(named(hop))
            if address is None:
                break
            found = address
            if not self._of_ours(address):
                break
        return found

    def _is_ours(self, address: str) -> bool:
        found = parsed(address)
        return found is not None and any(found in network for network in self._trusted)


def parsed(text: str) -> Address | None:
    """An address; the IPv4 address that an IPv6 one stands for."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def read(hop: str) -> str | None:
    """An address as proxies write it: bare, with a port, in brackets."""
    text = hop.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    found = parsed(text)
    return None if found is None else str(found)


def named(hop: str) -> str:
    """The `for` of one element of `Forwarded` (RFC 7239)."""
    for pair in hop.split(";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value
    return ""


def own(address: str) -> bool:
    """Whether it is this machine's own."""
    found = parsed(address)
    return found is not None and found.is_loopback


def household(address: str) -> str:
    """An address, or the /64 in which one household has all the addresses it likes."""
    found = parsed(address)
    if found is None:
        return address
    return str(found) if found.version == 4 else ":".join(found.exploded.split(":")[:4])


def prefix(address: str) -> str | None:
    """The /24 or /48 of an address: whose it is nobody needs to know."""
    if address.count(".") == 3 and ":" not in address:
        return address.rpartition(".")[0] + ".0/24"
    found = parsed(address)
    if found is None:
        return None
    if found.version == 4:
        return str(found).rpartition(".")[0] + ".0/24"
    return ":".join(found.exploded.split(":")[:3]) + "::/48"
