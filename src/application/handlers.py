"""Every command and who carries it out."""

from collections.abc import Mapping

from application.booking import commands as booking
from application.booking import links, placing, seating, series, series_edits, series_extent
from application.family import commands as family
from application.identity import commands as identity
from application.identity import issuers, keys
from application.message import Command
from application.offering import commands as offering
from application.organization import commands as organization
from application.privacy import commands as privacy
from application.quota import commands as quota
from application.resource import commands as resource
from application.unit_of_work import Handler
from application.waitlist import commands as waitlist
from application.whatif import commands as whatif

HANDLERS: Mapping[type[Command], Handler] = {
    **organization.HANDLERS,
    **resource.HANDLERS,
    **offering.HANDLERS,
    **identity.HANDLERS,
    **keys.HANDLERS,
    **issuers.HANDLERS,
    **family.HANDLERS,
    **booking.HANDLERS,
    **series.HANDLERS,
    **series_edits.HANDLERS,
    **series_extent.HANDLERS,
    **placing.HANDLERS,
    **seating.HANDLERS,
    **links.HANDLERS,
    **quota.HANDLERS,
    **whatif.HANDLERS,
    **waitlist.HANDLERS,
    **privacy.HANDLERS,
}
