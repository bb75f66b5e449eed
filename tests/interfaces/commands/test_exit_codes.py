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


@pytest.mark.parametrize("command", ["rebuild all --verify", "parked"])
def test_where_there_is_no_daybook_nothing_is_called_sound(command, tmp_path, monkeypatch, capsys):
    """Or it would make an empty one, and find nothing wrong with it."""
    monkeypatch.setattr("sys.argv", ["daybook", *command.split()])
    monkeypatch.setenv("DAYBOOK_DATA", str(tmp_path / "elsewhere"))
    for name in ("DAYBOOK_DATABASE_URL", "DAYBOOK_REDIS_URL", "DAYBOOK_MONGO_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == 1
    assert "There is no Daybook in" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()


def test_a_token_where_nothing_runs_is_refused_with_the_remedy(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["daybook", "token", "--role", "platform"])
    monkeypatch.setenv("DAYBOOK_DATA", str(tmp_path))
    monkeypatch.delenv("DAYBOOK_TOKEN_SECRET", raising=False)
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == 2
    said = capsys.readouterr().err
    assert "make run" in said
    assert "Incomplete" not in said
