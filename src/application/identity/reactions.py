"""What follows for users from what happens elsewhere."""

from collections.abc import Sequence

from application.identity.commands import DeactivateUser
from application.reaction import Do, Look, Reaction
from application.recorded import RecordedEvent
from domain.privacy.events import SubjectErased


def on_erased(recorded: RecordedEvent, look: Look) -> Sequence[Do]:  # noqa: ARG001
    """Who is erased may do nothing any more: who would it be that does it?"""
    match recorded.fact:
        case SubjectErased(subject):
            return [Do(DeactivateUser(subject), subject, "deactivate")]
    return []


REACTIONS: tuple[Reaction, ...] = (on_erased,)
