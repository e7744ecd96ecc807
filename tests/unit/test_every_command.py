"""What holds for every command of the program."""

from collections.abc import Iterator

import click
import pytest

from creator.cli import _COMMANDS, cli, main


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands that do something, with the words that call them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ALL = list(commands(cli))


def call(path: tuple[str, ...], command: click.Command) -> list[str]:
    """A command line that the command takes."""
    line = list(path)
    for param in command.params:
        if not param.required and not isinstance(param, click.Argument):
            continue
        choices = param.type.choices if isinstance(param.type, click.Choice) else ["1"]
        line += [param.opts[0], str(choices[0])] if isinstance(param, click.Option) else [str(choices[0])]
    return line


def test_all_commands_are_found() -> None:
    assert {path[0] for path, _ in ALL} == set(_COMMANDS)
    assert len(ALL) > 30


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_an_accident_is_one_line_and_a_traceback_only_where_it_is_asked_for(
    path: tuple[str, ...], command: click.Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("it\nbroke\x1b[2J")

    monkeypatch.setattr(command, "callback", fail)
    line = call(path, command)
    assert main(line) == 1
    told = "creator: internal error: RuntimeError: it broke; run again with --debug for the traceback\n"
    assert capsys.readouterr() == ("", told)
    assert main([*line, "--debug"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=" ".join)
def test_every_command_says_what_it_does(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*path, "--help"]) == 0
    told = capsys.readouterr().out
    assert f"Usage: python -m creator {path[0]}" in told
    assert "--debug" in told
    assert all(len(line) <= 80 for line in told.splitlines())
