"""How an erasure goes on: requested, carried out, looked after. Each step is a job, done again until it is done."""

from collections.abc import Sequence

from application.privacy.commands import Certify, Erase
from application.reaction import Do, Look, Reaction
from application.recorded import RecordedEvent
from domain.privacy.events import ErasureRequested, SubjectErased


def on_requested(recorded: RecordedEvent, look: Look) -> Sequence[Do]:  # noqa: ARG001
    match recorded.fact:
        case ErasureRequested(subject, request_id):
            return [Do(Erase(subject, request_id), subject, "erase")]
        case SubjectErased(subject, request_id):
            return [Do(Certify(subject, request_id), subject, "certify")]
    return []


REACTIONS: tuple[Reaction, ...] = (on_requested,)
