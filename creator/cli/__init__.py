"""The command line. A command's module is imported when the command runs, so that help appears at once."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import click
from click.shell_completion import CompletionItem

from creator import __version__
from creator.cli._shared import COMPLETE_VARIABLE, PROGRAM, State, prepare_streams, report

__all__ = ["cli", "main"]

_COMMANDS: Final = {
    "spawn": "Spawn N agents and let them brainstorm.",
    "ideas": "List the ideas of a run, or show one.",
    "agents": "Look at the agents of a run; compare, export, keep and approve them.",
    "runs": "List all runs; show, compare and remove them.",
    "serve": "Show the runs in a browser, live while they go on.",
    "policy": "Check modules by the static policy, or list its rules.",
    "templates": "List what agents can be made from, or check a template of your own.",
    "mcp": "Serve runs, agents and ideas to other assistants.",
    "init": "Write a creator.toml with every setting, commented out.",
    "doctor": "Tell what works on this machine, and mend what does not.",
    "completion": "Print a script that lets your shell complete commands and names.",
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line helps, and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order that a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(f"creator.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands without importing them."""
        offered = [CompletionItem(name, help=text) for name, text in _COMMANDS.items() if name.startswith(incomplete)]
        return [*offered, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=LazyGroup, invoke_without_command=True)
@click.version_option(__version__, prog_name="agent-creator-sandbox")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Agents that write agents, and brainstorm in a sandbox."""
    if ctx.invoked_subcommand is None:
        from creator.cli._first_steps import first_steps

        click.echo(first_steps(), nl=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The command line without the program's name; None for that of this process.

    Returns:
        The exit code.
    """
    prepare_streams()
    state = State()
    try:
        result = cli.main(
            arguments, prog_name=PROGRAM, complete_var=COMPLETE_VARIABLE, standalone_mode=False, obj=state
        )
    except BrokenPipeError:
        # The reader, such as `head`, has enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as error:
        if state.debug:
            import traceback

            traceback.print_exception(error)
        return report(error)
    return result if isinstance(result, int) else 0
