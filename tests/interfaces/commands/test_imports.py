"""A command line that is asked for help, for a token or for what is installed answers at once."""

import subprocess
import sys

import pytest

HEAVY = {
    "eventsourcing", "granian", "httpx", "interfaces.bootstrap", "litestar", "procrastinate", "projections",
    "prometheus_client", "psycopg", "pymongo", "redis", "sqlalchemy", "stripe", "structlog",
}  # fmt: skip


def imported(program: str) -> set[str]:
    """What a process of its own has imported when it ends. Of each, every package that it lies in."""
    said = subprocess.run(
        [sys.executable, "-c", f"import atexit, sys\natexit.register(lambda: print(*sys.modules))\n{program}"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert "interfaces.cli" in said.stdout, said.stderr
    return set(said.stdout.split())


def calling(*words: str) -> str:
    return f"import interfaces.cli as c\nsys.argv[1:] = {list(words)}\nc.main()"


@pytest.mark.parametrize(
    "program",
    [
        "import interfaces.cli",
        calling("--help"),
        *(calling(name, "--help") for name in ("api", "doctor", "token", "worker")),
        calling("doctor", "--json"),
        calling("token", "--org", "mine"),
    ],
    ids=lambda program: program.replace("\n", " "),
)
def test_what_a_command_does_not_need_is_not_imported(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE", "REDIS", "MONGO"):
        monkeypatch.delenv(f"DAYBOOK_{name}_URL", raising=False)
    assert imported(program) & HEAVY == set()


def test_the_looking_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    assert imported("import interfaces.cli, litestar") & HEAVY == {"litestar"}


def test_the_list_of_commands_says_what_each_does_without_importing_any() -> None:
    from click.testing import CliRunner

    from interfaces.cli import COMMANDS, daybook

    said = CliRunner().invoke(daybook, ["--help"], terminal_width=200).output
    for file in COMMANDS.glob("[!_]*.py"):
        name = file.stem.rstrip("_")
        (line,) = [each for each in said.splitlines() if each.split()[:1] == [name]]
        command = daybook.get_command(None, name)
        assert command is not None
        assert line.split(maxsplit=1)[1] == (command.help or "").splitlines()[0]
