"""All reactions, of every context: each is asked about every fact, once."""

from application.booking import reactions as booking
from application.booking import series_reactions as series
from application.identity import reactions as identity
from application.offering import reactions as offering
from application.privacy import reactions as privacy
from application.quota import reactions as quota
from application.reaction import Reaction
from application.waitlist import reactions as waitlist

REACTIONS: tuple[Reaction, ...] = (
    *booking.REACTIONS, *series.REACTIONS, *offering.REACTIONS,
    *identity.REACTIONS, *privacy.REACTIONS, *quota.REACTIONS, *waitlist.REACTIONS,
)  # fmt: skip
