"""`daybook`: the command line. Finds its commands by file name and says errors in one sentence.

A command is imported only when it is called: `daybook --help` in a broken environment still helps, and `daybook
token` does not wait for the web framework to load. A list of all commands reads their files, and imports none.
"""

import ast
import importlib
import os
import sys
from pathlib import Path
from typing import cast

import click

from infrastructure.embedded.child import Unstartable
from infrastructure.embedded.folder import FolderInUse
from infrastructure.settings import Incomplete, UnusableSetting, masked

UNUSABLE = 2
INTERRUPTED = 130
FAILED = 1

COMMANDS = Path(__file__).with_name("commands")


class Commands(click.Group):
    """The files of `interfaces/commands`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return sorted(
            file.stem.rstrip("_").replace("_", "-") for file in COMMANDS.glob("*.py") if file.stem != "__init__"
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        try:
            return cast(click.Command, importlib.import_module(f"interfaces.commands.{_file(cmd_name).stem}").command)
        except ImportError as missing:
            return _lame(cmd_name, str(missing))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(_file(name).read_text())) for name in self.list_commands(ctx)])


def _file(command: str) -> Path:
    usual = COMMANDS / f"{command.replace('-', '_')}.py"
    return usual if usual.exists() else usual.with_stem(f"{usual.stem}_")  # a word that Python keeps for itself


def summary(source: str) -> str:
    """The first line of what a command says of itself, from its file."""
    functions = (each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef))
    said = next((ast.get_docstring(each) for each in functions if each.name == "command"), None)
    return (said or "").partition("\n")[0]


def _lame(name: str, missing: str) -> click.Command:
    """In the place of a command that cannot be loaded, so that the others, `doctor` above all, still can."""

    def say(**_: object) -> None:
        raise click.ClickException(
            f"`daybook {name}` cannot be loaded ({missing}): run `make` to install what it needs."
        )

    return click.Command(
        name,
        callback=say,
        short_help=f"(cannot be loaded: {missing})",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="daybook")
def daybook() -> None:
    """Bookings, kept as facts."""


def main() -> None:
    """Run a command. Expected trouble ends in a sentence on stderr and a code: 2 for a setting, 1 for the rest."""
    try:
        ended = daybook.main(standalone_mode=False)
        sys.exit(ended if isinstance(ended, int) else 0)  # click hands back the code of `ctx.exit(code)`
    except click.ClickException as error:  # a wrong option: click says it best
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        _say("Stopped.", INTERRUPTED)
    except (UnusableSetting, Incomplete) as error:
        _say(str(error), UNUSABLE)
    except (Unstartable, FolderInUse) as error:
        _say(str(error), FAILED)
    except BrokenPipeError:  # `daybook ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except Exception as error:  # whatever else: a sentence here, the stack trace on request
        if os.environ.get("DAYBOOK_TRACE"):
            raise
        _say(
            f"{type(error).__name__}: {masked(str(error)) or 'no more is known'}\n"
            "(Set DAYBOOK_TRACE=1 to see where it happened.)",
            FAILED,
        )


def _say(sentence: str, code: int) -> None:
    from rich.console import Console  # not for a help text

    Console(stderr=True).print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
