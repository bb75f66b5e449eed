"""Many at the same moment: a gate, a thread for each, and how long each waited for its answer."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median

from application.message import Command
from bench.chaos.journal import Outcome
from bench.chaos.town import Wish

BUYERS = 200
LONGEST = 30.0
"""Seconds: far above what it takes on a machine that is busy with other things, and below what a stall takes, which
ends with the deadline of a patient door."""


def at_once(
    send: Callable[[Wish], Outcome], commands: Sequence[Command], key: str = "", prefix: str = ""
) -> list[Outcome]:
    """One thread for each, all through the gate together; with `key`, all under the same one."""
    gate = threading.Barrier(len(commands))
    outcomes: list[Outcome] = []

    def buy(n: int, command: Command) -> None:
        wish = Wish(key or f"{prefix}buyer-{n:03d}", command, 2)
        gate.wait(30)
        outcomes.append(send(wish))

    threads = [threading.Thread(target=buy, args=(n, command)) for n, command in enumerate(commands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == len(commands), "somebody was never answered"
    return outcomes


def told(outcomes: list[Outcome]) -> str:
    """The figures, for whoever looks."""
    parts = []
    for verdict in ("ok", "fail"):
        took = sorted(o.took * 1000 for o in outcomes if o.verdict == verdict)
        if took:
            parts.append(
                f"{verdict} {len(took)}: median {median(took):.0f}, p95 {took[int(len(took) * 0.95)]:.0f}, "
                f"longest {took[-1]:.0f} ms"
            )
    return "; ".join(parts)


def winners_and_losers(outcomes: list[Outcome], winners: int) -> None:
    print(told(outcomes))
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    assert verdicts == {"ok": winners, "fail": len(outcomes) - winners}, Counter(o.why for o in outcomes)
    assert {o.why.split()[0] for o in outcomes if o.verdict == "fail"} <= {"slot_taken", "slot_held"}
    assert max(outcome.took for outcome in outcomes) < LONGEST
