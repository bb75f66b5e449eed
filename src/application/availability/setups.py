"""What an offering is decided on, read for a decision: each part is checked again by the write."""

from application.unit_of_work import UnitOfWork
from domain.availability.setup import Setup
from domain.offering.offering import Offering
from domain.organization.location import Location
from domain.resource.pool import Pool
from domain.resource.resource import Resource


def setup_for(work: UnitOfWork, offering: Offering) -> Setup:
    """Everything that the offering's terms can name, as it stands: in one load, and another for pools' members."""
    named = {need.pool_id for need in offering.terms.needs if need.pool_id is not None}
    ids = {it for need in offering.terms.needs for it in need.any_of}
    work.fetch(work.tenant, offering.location_id, *named, *ids)
    pools = {it: work.read(Pool, it) for it in named}
    ids |= {it for pool in pools.values() for it in pool.members}
    work.fetch(*ids)
    resources = {it: work.read(Resource, it) for it in ids}
    return Setup(work.read(Location, offering.location_id), offering.terms, resources, pools)
