"""A command's exit code reaches the shell."""

import click
import pytest

from interfaces import cli


@pytest.mark.parametrize(("code", "seen"), [(3, 3), (0, 0)])
def test_the_code_that_a_command_ends_with_is_the_shells(code, seen, monkeypatch):
    ends = click.Command("ends", callback=lambda: click.get_current_context().exit(code))
    monkeypatch.setattr(cli.Commands, "get_command", lambda *_: ends)
    monkeypatch.setattr("sys.argv", ["daybook", "ends"])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == seen


def test_an_unknown_command_is_said_in_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["daybook", "fly"])
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == 2
    assert "fly" in capsys.readouterr().err
