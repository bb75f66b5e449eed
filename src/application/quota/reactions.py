"""What follows for quotas from what happens to families: their members are counted together."""

from collections.abc import Sequence

from application.quota.commands import FollowFamily
from application.reaction import Do, Look, Reaction
from application.recorded import RecordedEvent
from domain.family import events

MOVED = (
    events.FamilyFounded, events.GuardianAdded, events.DependantAdded, events.MemberLeft, events.FamilyDissolved,
)  # fmt: skip


def on_family_moved(recorded: RecordedEvent, look: Look) -> Sequence[Do]:  # noqa: ARG001
    """Whoever comes last brings the group up to date: in which order they come makes no difference."""
    if not isinstance(recorded.fact, MOVED):
        return []
    return [Do(FollowFamily(recorded.stream), recorded.stream, "follow_family")]


REACTIONS: tuple[Reaction, ...] = (on_family_moved,)
