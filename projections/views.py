"""All views that are kept in PostgreSQL."""

from projections.booking.calendar import Calendar
from projections.booking.history import History
from projections.booking.series import SeriesOfBookings
from projections.booking.series_history import SeriesHistory
from projections.family.consents import Consents
from projections.family.families import FamiliesOfOrganization
from projections.identity.issuers import TrustedIssuers
from projections.identity.keys import ApiKeysOfOrganization
from projections.identity.people import PeopleOfOrganization
from projections.offering.timetable import Timetable
from projections.organization.directory import Directory
from projections.privacy.erasures import ErasuresOfOrganization
from projections.quota.quotas import Quotas
from projections.resource.catalogue import Catalogue
from projections.view import View
from projections.waitlist.queue import Queue

VIEWS: tuple[View, ...] = (
    Calendar(),
    History(),
    Catalogue(),
    Directory(),
    PeopleOfOrganization(),
    ApiKeysOfOrganization(),
    TrustedIssuers(),
    FamiliesOfOrganization(),
    Consents(),
    ErasuresOfOrganization(),
    Timetable(),
    Quotas(),
    SeriesOfBookings(),
    SeriesHistory(),
    Queue(),
)
