"""Is it alive, is it ready, how is it doing."""

import hmac

import msgspec
from litestar import get
from msgspec import Struct

from interfaces.bootstrap import Dependency
from interfaces.http.address import HINTS, own
from interfaces.http.asked import Asked, Reply
from interfaces.http.caller import OPEN
from interfaces.http.errors import Unauthenticated
from interfaces.http.metrics import CONTENT_TYPE
from interfaces.http.schema import says


class Alive(Struct, frozen=True):
    status: str = "alive"


class Ready(Struct, frozen=True):
    status: str
    """`ready`; `degraded` where something is missing that bookings can do without; `unready`."""
    dependencies: list[Dependency]


@get("/health/live", opt=says(gives=Alive) | {OPEN: True}, tags=["service"])
async def live() -> Reply:
    """The process answers."""
    return Reply(b'{"status":"alive"}')


@get("/health/ready", opt=says(gives=Ready, codes=(503,)) | {OPEN: True}, tags=["service"])
async def ready(request: Asked) -> Reply:
    """Whether it can do its work, by dependency. 503 when bookings cannot be made."""
    found = await request.house.dependencies()
    if any(not one.well and one.needed for one in found):
        status, code = "unready", 503
    else:
        status, code = "ready" if all(one.well for one in found) else "degraded", 200
    body = msgspec.json.encode(Ready(status, found))
    return Reply(body, code, [(b"retry-after", b"1")] if code == 503 else [])


@get("/metrics", opt={OPEN: True})
async def metrics(request: Asked) -> Reply:
    """For Prometheus, with the token of the settings; without one in the settings for this machine alone. Views are
    asked how far they are behind at the moment of the scrape."""
    house = request.house
    if not may_scrape(request, house.settings.metrics_token):
        raise Unauthenticated
    for view in await house.standings():
        house.metrics.view(view.name, view.behind, view.age, view.parked)
    return Reply(house.metrics.text(), media=CONTENT_TYPE.encode())


def may_scrape(request: Asked, token: str | None) -> bool:
    """What was passed on by somebody on this machine comes from elsewhere, whoever it is that says so."""
    if token is not None:
        shown = request.given.get(b"authorization", b"")
        return hmac.compare_digest(shown, b"Bearer " + token.encode())
    client = request.scope.get("client")
    return client is not None and own(client[0]) and not HINTS & request.given.keys()
