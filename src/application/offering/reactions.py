"""What follows from what happens to sessions: whether one runs is decided at its cutoff."""

from collections.abc import Sequence

from application.offering.commands import DecideRun
from application.reaction import Do, Look, Reaction
from application.recorded import RecordedEvent
from domain.offering.events import SessionReanchored, SessionScheduled


def on_scheduled(recorded: RecordedEvent, look: Look) -> Sequence[Do]:  # noqa: ARG001
    match recorded.fact:
        case SessionScheduled(cutoff_at=cutoff) | SessionReanchored(cutoff_at=cutoff) if cutoff is not None:
            session = recorded.stream
            return [Do(DecideRun(session), session, "decide_run", cutoff)]
    return []


REACTIONS: tuple[Reaction, ...] = (on_scheduled,)
