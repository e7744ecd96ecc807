"""Talking to agents of a run, which come back to life in a sandbox for it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from creator.cli import _completing
from creator.cli._shared import State, calm_libraries, debug_option, open_run, output_option, run_option

if TYPE_CHECKING:
    from creator.ledger.view import RunView
    from creator.talk import Talk

_GOODBYES: Final = frozenset({"exit", "quit", "bye"})


def _talking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        run_option,
        click.option(
            "--model", metavar="SPEC", shell_complete=_completing.models, help="Another model than the run's."
        ),
        click.option("--base-url", metavar="URL", help="An OpenAI-compatible server."),
        click.option(
            "--sandbox", metavar="NAME", shell_complete=_completing.sandboxes, help="Another sandbox than the run's."
        ),
        click.option("--unsafe", is_flag=True, default=None, help="Let a plain process run code that a model wrote."),
        output_option,
        debug_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("ask")
@click.argument("name", shell_complete=_completing.agents)
@click.argument("question")
@_talking_options
@click.pass_context
def ask(ctx: click.Context, /, name: str, question: str, run: str | None, output: str | None, **changes: Any) -> None:
    """Ask agent NAME one question; - reads it from standard input."""
    text = sys.stdin.read(100_000) if question == "-" else question
    asyncio.run(_ask(open_run(output, run), name, text, _settled(ctx, changes)))


@click.command("chat")
@click.argument("name", shell_complete=_completing.agents)
@_talking_options
@click.pass_context
def chat(ctx: click.Context, /, name: str, run: str | None, output: str | None, **changes: Any) -> None:
    """Talk with agent NAME; an empty line, "exit" or Ctrl-D ends it."""
    asyncio.run(_chat(open_run(output, run), name, _settled(ctx, changes)))


def _settled(ctx: click.Context, changes: dict[str, Any]) -> dict[str, Any]:
    calm_libraries((ctx.find_object(State) or State()).debug)
    return changes


async def _ask(view: RunView, name: str, question: str, changes: dict[str, Any]) -> None:
    from creator.text import clean_lines

    async with _talk(view, name, changes) as talk:
        click.echo(clean_lines(await talk.ask(question)).strip())


async def _chat(view: RunView, name: str, changes: dict[str, Any]) -> None:
    from creator.errors import CreatorError
    from creator.review.answers import Answers
    from creator.text import clean_lines

    answers = Answers(sys.stdin)
    async with _talk(view, name, changes) as talk:
        while True:
            if answers.interactive:
                click.echo("you: ", nl=False)
            line = await answers.line()
            if line is None or not line.strip() or line.strip().casefold() in _GOODBYES:
                break
            try:
                click.echo(f"{name}: {clean_lines(await talk.ask(line)).strip()}")
            except CreatorError as error:
                if not answers.interactive:
                    raise
                click.echo(f"({error})", err=True)


@asynccontextmanager
async def _talk(view: RunView, name: str, changes: dict[str, Any]) -> AsyncIterator[Talk]:
    from creator.asking import talking
    from creator.progress.plain import PlainProgress

    async with talking(view, name, changes=changes, progress=PlainProgress(1, sys.stderr)) as talk:
        yield talk
