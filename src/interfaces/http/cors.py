"""Which other sites' pages may ask: those that are named, exactly as they are named, and none by default.

Never with credentials: a page that asks from elsewhere shows a token of its own, and no cookie is looked at. Who is not
allowed gets no word about it; then the browser keeps the answer from the page.
"""

from collections.abc import Collection, Mapping

Headers = list[tuple[bytes, bytes]]

ANY = "*"
VARY = (b"vary", b"Origin")
ASKED = (
    b"authorization, content-type, daybook-hold-token, daybook-min-position, daybook-organization, idempotency-key, "
    b"if-match, if-none-match, traceparent, x-request-id"
)
"""The headers that a page may send."""
SHOWN = (
    b"daybook-position, etag, idempotent-replayed, location, ratelimit, ratelimit-policy, retry-after, "
    b"www-authenticate, x-request-id"
)
"""The headers that a page may read."""
KEPT = b"600"
"""Seconds for which a browser need not ask again."""


class Cors:
    def __init__(self, origins: Collection[str]) -> None:
        """`origins`: as browsers send them (`https://shop.example`), or `*`. None: nobody is let in."""
        self._any = ANY in origins
        self._origins = frozenset(origin.encode() for origin in origins) - {b"*", b"null"}
        self.open = self._any or bool(self._origins)

    def headers(self, origin: bytes) -> Headers:
        """What an answer says to a page of that origin. `null` is nobody's: any page can make itself one."""
        if self._any:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", SHOWN)]
        if origin in self._origins:
            return [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", SHOWN), VARY]
        return [VARY]

    def asks(self, method: str, given: Mapping[bytes, bytes]) -> bool:
        """Whether it is the question that a browser asks beforehand, for a page that may ask."""
        if method != "OPTIONS" or b"access-control-request-method" not in given:
            return False
        origin = given.get(b"origin")
        return origin is not None and (self._any or origin in self._origins)

    def agreed(self, allow: str) -> Headers:
        """What is answered to it besides. `allow`: the methods of the address."""
        return [
            (b"access-control-allow-methods", allow.encode()),
            (b"access-control-allow-headers", ASKED),
            (b"access-control-max-age", KEPT),
        ]
