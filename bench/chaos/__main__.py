"""`make chaos ROUNDS=n SEED=s`: rounds of faults under load, each with everything checked afterwards.

The seed is printed: with it the same people wish the same and the same faults come in the same order, at the same
moments as far as a machine keeps time. Exit code 1 where anything was broken.
"""

import argparse
import random
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bench.chaos.rounds import FAULTS, Report, play
from bench.chaos.stage import staged

INTERRUPTED = 130


def main() -> int:
    options = _options()
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 140)
    seed = options.seed if options.seed is not None else secrets.randbelow(1_000_000)
    console.print(f"seed {seed}: again with make chaos ROUNDS={options.rounds} SEED={seed}")
    chance = random.Random(seed)
    reports: list[Report] = []
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    interrupted = False
    try:
        with _bar(console) as bar, staged(folder, apis=options.apis, database_deadline=options.deadline) as stage:
            task = bar.add_task("", total=options.rounds)
            for n in range(options.rounds):
                faults = options.faults or _drawn(chance)

                def tell(what: str, label: str = f"round {n + 1}") -> None:
                    bar.update(task, description=f"{label}: {what}")

                tell("calm")
                place = folder / f"round-{n}"
                report = play(stage, place, seed + n, faults, people=options.people, calm=options.calm, tell=tell)
                reports.append(report)
                bar.advance(task)
                if not console.is_terminal:
                    console.print(f"round {n + 1} of {options.rounds}: {_sentence(report)}", markup=False)
    except KeyboardInterrupt:
        interrupted = True
    console.print(_table(reports))
    broken = [(report, breach) for report in reports for breach in report.breaches]
    for report, breach in broken:
        console.print(f"seed {report.seed}: {breach}", style="red", markup=False)
    if broken:
        console.print(f"Journals, logs and data are kept in {folder}.", style="red")
        return 1
    _forget(folder)
    console.print(f"[green]All invariants held[/] in {len(reports)} of {options.rounds} rounds.")
    return INTERRUPTED if interrupted else 0


def _sentence(it: Report) -> str:
    return (
        f"{', '.join(it.faults)}: {it.verdicts.get('ok', 0)} ok, {it.verdicts.get('fail', 0)} refused, {it.resolved} "
        f"were unknown, {it.events} events, {len(it.breaches)} broken"
    )


def _drawn(chance: random.Random) -> list[str]:
    """Two to four different faults."""
    return chance.sample(sorted(FAULTS), chance.randint(2, 4))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=6, help="how many rounds (6)")
    parser.add_argument("--seed", type=int, default=None, help="a number; drawn and printed where none is given")
    parser.add_argument("--people", type=int, default=12, help="clients at once (12)")
    parser.add_argument("--apis", type=int, default=2, help="API processes (2)")
    parser.add_argument("--calm", type=float, default=2.0, help="seconds, about, between faults (2)")
    parser.add_argument("--deadline", type=float, default=2.0, help="DAYBOOK_DATABASE_DEADLINE (2)")
    parser.add_argument(
        "--faults", type=lambda text: [name.strip() for name in text.split(",")], default=None,
        help=f"in each round these, in this order, by commas: {', '.join(FAULTS)}",
    )  # fmt: skip
    options = parser.parse_args()
    for name in options.faults or ():
        if name not in FAULTS:
            parser.error(f"there is no fault {name!r}: choose among {', '.join(FAULTS)}")
    return options


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip


def _table(reports: list[Report]) -> Table:
    table = Table(title="Faults under load")
    for name in (
        "seed",
        "faults",
        "ok",
        "refused",
        "were unknown",
        "events",
        "slowest s",
        "ready s",
        "drained s",
        "broken",
    ):
        table.add_column(name, justify="left" if name == "faults" else "right")
    for it in reports:
        table.add_row(
            str(it.seed), ", ".join(it.faults), str(it.verdicts.get("ok", 0)), str(it.verdicts.get("fail", 0)),
            str(it.resolved), str(it.events), f"{it.longest:.2f}", f"{it.healed:.1f}", f"{it.drained:.1f}",
            str(len(it.breaches)) if it.breaches else "-",
        )  # fmt: skip
    return table


def _forget(folder: Path) -> None:
    """The servers have just ended: what they still hold is gone in a moment."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
