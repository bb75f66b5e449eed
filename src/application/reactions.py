"""All reactions, of every context: each is asked about every fact, once."""

from application.booking import reactions as booking
from application.reaction import Reaction

REACTIONS: tuple[Reaction, ...] = (*booking.REACTIONS,)
