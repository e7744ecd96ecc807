"""What all commands share: options, streams, errors as one line."""

from __future__ import annotations

import codecs
import io
import json
import logging
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from creator.cli import _completing
from creator.errors import CreatorError, EnvironmentFault, UsageError
from creator.text import clean

if TYPE_CHECKING:
    from rich.console import Console

    from creator.ledger.view import RunView
    from creator.outcome import RunOutcome

PROGRAM: Final = "python -m creator"
COMPLETE_VARIABLE: Final = "_CREATOR_COMPLETE"
"""The variable by which a shell asks what a command line can go on with."""

EXIT_INTERNAL: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130

_PLAIN: Final = {"…": "...", "→": "->", "\u2019": "'", "±": "+-", "·": "-"}

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class State:
    """What `main` has to know of the command that ran."""

    debug: bool = False


def prepare_streams() -> None:
    """Let no character end the program, whatever the locale can show."""
    codecs.register_error("creator-plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="creator-plain")


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """What the stream's encoding lacks: our own signs as ASCII, the rest as backslash escapes."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    shown = (_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode("ascii") for c in text)
    return "".join(shown), error.end


def report(error: BaseException) -> int:
    """Tell an error in one line on stderr, and give the exit code for it."""
    if isinstance(error, BaseExceptionGroup):
        error = _chief(error)
    line, code = _line_of(error)
    if line:
        print(f"creator: {clean(line, 2_000)}", file=sys.stderr, flush=True)
    return code


def _chief(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error of a group that says most: one of our own before an accident."""
    known = group.subgroup(CreatorError)
    chosen: BaseException = known if known is not None else group
    while isinstance(chosen, BaseExceptionGroup):
        chosen = chosen.exceptions[0]
    return chosen


def _line_of(error: BaseException) -> tuple[str, int]:
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return "interrupted", EXIT_INTERRUPTED
    if isinstance(error, click.exceptions.Exit):
        return "", error.exit_code
    if isinstance(error, click.ClickException):
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else PROGRAM
        return f"{error.format_message().rstrip('.')}. See: {path} --help", EXIT_USAGE
    if isinstance(error, (UsageError, EnvironmentFault)):
        return str(error), EXIT_USAGE
    if isinstance(error, CreatorError):
        return str(error) or type(error).__name__, EXIT_INTERNAL
    text = str(error)
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"internal error: {clean(what, 500)}; run again with --debug for the traceback", EXIT_INTERNAL


def _note_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    state = ctx.find_object(State)
    if state is not None and value:
        state.debug = True


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_note_debug, help="Show tracebacks and log messages."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
templates_option = click.option(
    "--templates",
    metavar="DIR",
    multiple=True,
    shell_complete=_completing.folders,
    help="A folder with templates of your own; repeat it for more.",
)
output_option = click.option(
    "--output", metavar="DIR", shell_complete=_completing.folders, help="The folder of all runs [default: generated]."
)
run_option = click.option(
    "--run",
    metavar="RUN",
    shell_complete=_completing.runs,
    help="A run's id, the beginning of one, or latest [default: latest].",
)
library_option = click.option(
    "--library",
    metavar="DIR",
    shell_complete=_completing.folders,
    help="The folder of kept agents [default: one in the user's folder for data].",
)


def reading_options(function: Function) -> Function:
    """The options of all commands that read runs."""
    for option in (debug_option, output_option, json_option):
        function = option(function)
    return function


class DefaultGroup(click.Group):
    """A group whose command ``list`` runs when none is named: ``agents RUN`` beside ``agents show NAME``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` in front of arguments that name no command."""
        if not args and ctx.resilient_parsing:
            return super().parse_args(ctx, args)  # a shell asks what may come first
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Offer the commands, and what ``list`` takes."""
        default = self.commands["list"]
        offered = [*super().shell_complete(ctx, incomplete), *default.shell_complete(ctx, incomplete)]
        for argument in default.params:
            if isinstance(argument, click.Argument) and not incomplete.startswith("-"):
                offered += argument.shell_complete(ctx, incomplete)
        return list({one.value: one for one in offered}.values())


def output_folder(output: str | None) -> Path:
    """The folder of all runs, from the option or the settings."""
    from creator.settings import OutputSettings

    return OutputSettings.load({"output": output}).output


def library_folder(library: str | None) -> Path:
    """The folder of kept agents, from the option or the settings."""
    from creator.settings import OutputSettings

    return OutputSettings.load({"library": library}).library


def free_target(to: str, force: bool) -> Path:
    """The file that ``--to`` names.

    Args:
        to: What the user said.
        force: Whether it may be there already.

    Raises:
        UsageError: Nothing can be written there.
    """
    if not to.strip() or "\0" in to:
        raise UsageError("Name a file: --to FILE")
    path = Path(to).expanduser()
    shown = clean(str(path), 200)
    if path.is_dir():
        raise UsageError(f"{shown!r} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise UsageError(f"{clean(str(path.parent), 200)!r} is no folder: make it first, or choose another place.")
    if os.path.lexists(path) and not force:
        raise UsageError(f"{shown!r} exists already: choose another name, or replace it with --force.")
    return path


def open_run(output: str | None, wanted: str | None) -> RunView:
    """The run that a reading command is about."""
    from creator.ledger.view import find_run, load_run

    return load_run(find_run(output_folder(output), wanted or "latest"))


def option_for(folder: Path) -> str:
    """What a suggested command needs so that it finds the runs of this folder: nothing for the default one."""
    return "" if folder == Path("generated") else f" --output {shlex.quote(clean(str(folder)))}"


def options_for(view: RunView, wanted: str | None) -> str:
    """What a suggested command needs so that it finds the run that this command was told to take."""
    run = "" if wanted in {None, "latest"} else f" --run {view.outcome.directory.name}"
    return f"{run}{option_for(view.outcome.directory.parent)}"


def print_json(value: object) -> None:
    """One JSON document on stdout, in ASCII: it survives every locale and no terminal obeys it."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


def stdout_console() -> Console:
    """The console for tables. Texts are shown as they are: no markup, no emoji codes."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, markup=False, emoji=False)


def calm_libraries(debug: bool = False) -> None:
    """Keep libraries from writing into the display; what matters to the user is reported by the run itself."""
    if debug:
        logging.basicConfig(level=logging.WARNING)
        return
    logging.getLogger().addHandler(logging.NullHandler())
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # read when grpc is imported


def tell_reason(outcome: RunOutcome) -> int:
    """Why a run did not reach its aim, in one line on stderr; gives its exit code."""
    if outcome.exit_code:
        sys.stdout.flush()
        reason = clean(outcome.reason, 500) or "the run did not reach its aim"
        print(f"creator: {reason}", file=sys.stderr, flush=True)
    return outcome.exit_code
