"""The HTTP API as one ASGI app."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import cast

from litestar import Router, get
from litestar.concurrency import set_asyncio_executor
from litestar.routes import HTTPRoute

from interfaces.bootstrap import House
from interfaces.http import (
    account,
    api_keys,
    audit,
    availability,
    booking,
    family,
    guests,
    health,
    identity,
    login,
    offering,
    oidc,
    organization,
    pages,
    pool,
    privacy,
    proofs,
    quota,
    resource,
    series,
    session,
    waitlist,
    whatif,
)
from interfaces.http.address import Proxies
from interfaces.http.asked import Asked, Inhabited
from interfaces.http.caller import OPEN, Doorkeeper
from interfaces.http.cors import ANY, Cors
from interfaces.http.door import FrontDoor
from interfaces.http.errors import AnsweredWithProblem
from interfaces.http.limits import Kind, Limits, classifying
from interfaces.http.schema import document, says
from interfaces.http.threads import Threads
from interfaces.web import booking as booking_page
from interfaces.web import manage

LARGEST_BODY = 1_000_000


def create_app(house: House) -> Inhabited:
    """The app of this house. It opens the house's asynchronous half when it starts, and closes all when it stops."""
    public = {OPEN: True} if house.settings.public_pages else {}
    # As many threads as there are connections to write with: one more would only wait for a connection instead.
    threads = Threads(house.settings.write_pool)
    set_asyncio_executor(cast("ThreadPoolExecutor", threads))  # which asks for no more than `submit`
    doorkeeper, limits = Doorkeeper(house.trust, house.revocations, api_keys.Programs(house)), limited(house)
    app = Inhabited(
        route_handlers=[
            Router(
                "/api/v1",
                route_handlers=[
                    organization.Organizations,
                    organization.LocationsOfOrganization,
                    resource.Resources,
                    resource.Occupancy,
                    pool.PoolsOfOrganization,
                    offering.OfferingsOfOrganization,
                    session.SessionsOfOrganization,
                    identity.Users,
                    privacy.RightsOfUser,
                    privacy.ErasuresOfOrganization,
                    privacy.RetentionOfOrganization,
                    login.Reception,
                    account.OwnAccount,
                    account.Invitations,
                    api_keys.ApiKeysOfOrganization,
                    oidc.IssuersOfOrganization,
                    oidc.LoginsElsewhere,
                    guests.Guests,
                    guests.LinksOfBooking,
                    guests.Linked,
                    family.FamiliesOfOrganization,
                    family.ConsentsAsked,
                    family.ConsentsOfUser,
                    booking.Bookings,
                    series.RecurringSeries,
                    availability.Offers,
                    availability.BookingsOfOfferings,
                    quota.Quotas,
                    quota.PartiesOfOrganization,
                    quota.QuotasOfCustomer,
                    whatif.Suppositions,
                    waitlist.Waitlist,
                    waitlist.WaitlistOfLocation,
                    audit.Audit,
                    proofs.Proofs,
                ],
            ),
            health.live,
            health.ready,
            health.metrics,
            get("/schema/openapi.json", opt=public)(pages.openapi),
            get("/docs", opt=public)(pages.docs),
            get("/docs/{name:str}", opt=public)(pages.docs_file),
            get("/book/{organization:str}/{offering:str}", opt=public)(booking_page.booking_page),
            get("/book/files/{name:str}", opt=public)(booking_page.page_file),
            manage.ManagePage,
            get("/problems", opt=public | says(gives=list[pages.Code]), tags=["service"])(pages.problems),
            get("/problems/{code:str}", opt=public)(pages.problem),
        ],
        request_class=Asked,
        before_request=doorkeeper,
        exception_handlers={Exception: AnsweredWithProblem()},
        request_max_body_size=LARGEST_BODY,
        lifespan=[house.inhabited],
        on_shutdown=[limits.told, threads.close],
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    app.house = house
    app.document = document(app.routes, version("daybook"))
    # Outside of the framework: the request id and the headers belong to what it refuses by itself, too.
    settings = house.settings
    app.asgi_handler = FrontDoor(
        app.asgi_handler, house.metrics, allowed(app.routes), settings.request_deadline,
        limits=limits, kind=classifying(app), known=doorkeeper.known,
        proxies=Proxies(settings.trusted_proxies.networks, settings.forwarded_by),
        hosts=[] if settings.trusted_hosts in (None, ANY) else listed(settings.trusted_hosts),
        cors=Cors(listed(settings.cors_origins)),
    )  # fmt: skip
    return app


def limited(house: House) -> Limits:
    """What this house allows; counted in its Valkey, and told in its access log."""
    settings = house.settings
    most: dict[Kind, int] = {
        "reads": settings.limit_reads, "writes": settings.limit_writes, "searches": settings.limit_searches,
        "pages": settings.limit_pages, "logins": settings.limit_logins,
    }  # fmt: skip
    return Limits(
        most, house.trust.secret.encode(), house.valkey, settings.api_workers, house.metrics, house.access_log.record
    )


def listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def allowed(routes: Iterable[object]) -> dict[str, str]:
    """All methods of each path; whoever answers GET answers HEAD."""
    found: dict[str, set[str]] = {}
    for route in routes:
        if isinstance(route, HTTPRoute):
            found.setdefault(route.path_format, set()).update(route.methods)
    return {
        path: ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods)) for path, methods in found.items()
    }
