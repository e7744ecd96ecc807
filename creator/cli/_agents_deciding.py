"""What a person decides about agents: approve, reject, edit, regenerate; from any terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from creator.cli import _completing
from creator.cli._shared import (
    calm_libraries,
    debug_option,
    open_run,
    output_option,
    run_option,
)
from creator.errors import PolicyViolation, UsageError
from creator.text import clean, clean_lines

if TYPE_CHECKING:
    from creator.ledger.view import RunView
    from creator.outcome import AgentOutcome


@click.command("approve")
@click.argument("names", metavar="NAME...", nargs=-1, shell_complete=_completing.agents)
@click.option("--all", "everyone", is_flag=True, help="All that wait.")
@click.option("--filled", is_flag=True, help="All that wait and in which a model filled in nothing but values.")
@run_option
@output_option
@debug_option
def approve(names: tuple[str, ...], everyone: bool, filled: bool, run: str | None, output: str | None) -> int:
    """Let pending agents live.

    While their run goes on they come to life in it; when it has ended it is opened again for them.
    """
    from creator.deciding import agent_in_state, decide, waiting_names

    view = open_run(output, run)
    if not names and not everyone and not filled:
        raise UsageError(f"Say whom: {waiting_names(view)}, or --all.")
    chosen = [agent_in_state(view, name, "pending") for name in names]
    chosen += [
        agent
        for agent in view.outcome.pending
        if agent.name not in names and (everyone or (filled and agent.author == "fill"))
    ]
    decide(view, chosen, "approved")
    for agent in chosen:
        click.echo(f"approved: {agent.name}")
    return _taken_up(view) if chosen else 0


@click.command("reject")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=_completing.agents)
@click.option("--why", required=True, metavar="TEXT", help="The reason; the next try gets it.")
@run_option
@output_option
@debug_option
def reject(names: tuple[str, ...], why: str, run: str | None, output: str | None) -> int:
    """Don't let pending agents live.

    While their run goes on each is written anew, with the reason; when it has ended they are given up.
    """
    from creator import deciding

    view = open_run(output, run)
    chosen = [deciding.agent_in_state(view, name, "pending") for name in names]
    deciding.reject(view, chosen, why)
    for agent in chosen:
        click.echo(f"rejected: {agent.name}")
    return 0


@click.command("edit")
@click.argument("name")
@click.option("--from", "file", metavar="FILE", help="Take the module from a file, and open no editor; - for stdin.")
@run_option
@output_option
@debug_option
def edit(name: str, file: str | None, run: str | None, output: str | None) -> int:
    """Let a pending agent live with a module that you edit, in $VISUAL or $EDITOR.

    The policy checks it at once. Its run checks it like any other module before it comes to life; when the run has
    ended it is opened again for it.
    """
    from creator.deciding import agent_in_state, order_edit
    from creator.modules import load_agent

    view = open_run(output, run)
    agent = agent_in_state(view, name, "pending")
    if file is not None:
        try:
            order_edit(view, agent, _module_from(file))
        except PolicyViolation as error:
            raise UsageError(f"The policy refuses it: {error}") from None
    else:
        source = load_agent(view.outcome.directory / "agents", name).source
        asyncio.run(_edited(view, agent, source))
    click.echo(f"edited: {name}")
    code = _taken_up(view)
    _tell_refusal(view, agent)
    return code


@click.command("regenerate")
@click.argument("name", shell_complete=_completing.agents)
@click.option("--why", default="", metavar="TEXT", help="What shall be different.")
@run_option
@output_option
@debug_option
def regenerate(name: str, why: str, run: str | None, output: str | None) -> int:
    """Have a live agent written anew; it takes its predecessor's place while the run goes on."""
    from creator.deciding import agent_in_state, decide, reason_of

    view = open_run(output, run)
    agent = agent_in_state(view, name, "live")
    if view.state != "running":
        raise UsageError(f"Run {view.outcome.run_id} has ended: an agent is regenerated while its run goes on.")
    decide(view, [agent], "regenerate", reason_of(why) if why else "")
    click.echo(f"ordered: a successor of {agent.name}")
    return 0


def _taken_up(view: RunView) -> int:
    """Have what was decided taken up: by the run itself, or by opening it again."""
    from creator.deciding import goes_on

    if goes_on(view):
        return 0
    from creator.cli._runs_resuming import go_on

    calm_libraries()
    return go_on(view, pending_only=True)


def _module_from(file: str) -> str:
    """The module in a file of the user's, or on standard input."""
    from creator.files import read_bounded
    from creator.review.programs import MAX_EDITED_BYTES

    try:
        if file == "-":
            data = sys.stdin.buffer.read(MAX_EDITED_BYTES + 1)[:MAX_EDITED_BYTES]
        else:
            data = read_bounded(Path(file).expanduser(), MAX_EDITED_BYTES)
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{clean(file, 200)!r} is not UTF-8 text: save it as UTF-8.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"Cannot read {clean(file, 200)!r}: {reason}.") from None


async def _edited(view: RunView, agent: AgentOutcome, source: str) -> None:
    """Have a module edited until the policy lets it pass, or its editor gives up."""
    from creator.deciding import order_edit
    from creator.review.answers import Answers
    from creator.review.programs import edit as edit_in
    from creator.review.programs import find_editor

    editor = find_editor(os.environ)
    if not editor:
        raise UsageError("There is no editor: set EDITOR, for example EDITOR=nano, or use --from FILE.")
    answers = Answers(sys.stdin)
    while True:
        try:
            made = await edit_in(editor, agent.name, source, answers, sys.stderr)
        except OSError as error:
            raise UsageError(f"Cannot edit with {clean(editor[0], 200)!r}: {error.strerror}. Set EDITOR.") from None
        if made.problem:
            raise UsageError(made.problem)
        try:
            await asyncio.to_thread(order_edit, view, agent, made.source)
        except PolicyViolation as error:
            click.echo(f"The policy refuses it: {clean_lines(str(error), 2_000)}", err=True)
            click.echo("Edit it again? [Y/n] ", nl=False, err=True)
            answer = await answers.line()
            if answer is None or answer.strip().casefold() in {"n", "no"}:
                raise UsageError("not edited") from None
            source = made.source
        else:
            return


def _tell_refusal(view: RunView, agent: AgentOutcome) -> None:
    """Tell why the run refused an edit, if it has done so by now."""
    from creator.ledger.decided import load_people

    edited = load_people(view.outcome.directory).edits.get((agent.name, agent.sha256))
    if edited is not None and edited.refused is not None:
        raise UsageError(f"Your version of {agent.name} was refused: {clean(edited.refused, 1_000)}")
