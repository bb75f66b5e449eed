"""What is asked before anything is booked for somebody who is not of age."""

from uuid import UUID

from application.unit_of_work import UnitOfWork
from domain.family.consents import Asking, Consents
from domain.family.family import Kinship


def consented(work: UnitOfWork, customer: UUID | None) -> None:
    """Refuses with `ConsentMissing` where the organization asks for a consent that this dependant has not.

    Read from the streams inside the write: a consent that is withdrawn meanwhile lets nothing be booked. Where nothing
    is asked of minors it costs the look at one stream. What is brought in from elsewhere has happened.
    """
    if customer is None or work.occasion.origin.channel == "import":
        return
    wanted = work.read_if_any(Asking, Asking.of(work.tenant)).of_minors
    if not wanted:
        return
    work.fetch(Kinship.of(customer), Consents.of(customer))
    if work.read_if_any(Kinship, Kinship.of(customer)).dependant_in is not None:
        work.read_if_any(Consents, Consents.of(customer)).cover(wanted)
