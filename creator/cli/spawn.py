"""``spawn``: the main job."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

import click

from creator.cli import _completing
from creator.cli._shared import (
    State,
    calm_libraries,
    debug_option,
    library_option,
    output_option,
    print_json,
    stdout_console,
    tell_reason,
    templates_option,
)
from creator.errors import UsageError

if TYPE_CHECKING:
    from creator.cli._page import Page
    from creator.progress import Progress
    from creator.review import Reviewer
    from creator.settings import SpawnSettings

REVIEWS: Final = ("now", "later", "no")


class ReviewingCommand(click.Command):
    """Knows that ``--review 20`` is ``--review=now 20``: the word after it is its value only when it fits."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give ``--review`` its value."""
        pairs = zip(args, [*args[1:], ""], strict=False)
        args = [f"{one}=now" if one == "--review" and after not in REVIEWS else one for one, after in pairs]
        return super().parse_args(ctx, args)


@click.command(cls=ReviewingCommand)
@click.argument("count", metavar="N", required=False)
@click.option("--objective", metavar="TEXT", help="What they work on [default: business ideas for agentic AI].")
@click.option("--objective-file", metavar="FILE", shell_complete=_completing.files, help="The same from a text file.")
@click.option(
    "--idea-schema",
    metavar="FILE",
    shell_complete=_completing.files,
    help="A JSON Schema of the parts of an idea [default: business ideas].",
)
@click.option(
    "--pattern",
    metavar="HOW",
    shell_complete=_completing.words("bounce", "critique", "panel", "relay", "pro_contra"),
    help="How they work together: bounce, critique, panel, relay or pro_contra [default: each agent its own way].",
)
@click.option(
    "--model",
    metavar="SPEC",
    shell_complete=_completing.models,
    help="embedded, openai:NAME, anthropic:NAME, ollama:NAME, FILE.gguf or a component FILE.yaml"
    " [default: by the key in the environment, else embedded].",
)
@click.option("--base-url", metavar="URL", help="An OpenAI-compatible server.")
@click.option(
    "--sandbox",
    metavar="NAME",
    shell_complete=_completing.sandboxes,
    help="auto, docker, bubblewrap or process [default: auto, the strongest that works here].",
)
@click.option(
    "--isolation",
    metavar="HOW",
    shell_complete=_completing.words("process", "container"),
    help="Between agents in Docker: process or container [default: process].",
)
@click.option("--runtime", metavar="NAME", help="Docker's OCI runtime, such as runsc for gVisor.")
@click.option(
    "--agents-per-cell", metavar="K", help="Pack K agents into a process, for thousands of them [default: 1]."
)
@click.option("--unsafe", is_flag=True, default=None, help="Let a plain process run code that a model wrote.")
@click.option(
    "--author",
    metavar="HOW",
    shell_complete=_completing.words("fill", "code"),
    help="How modules are written: fill (a template's slots), or code (the model writes behaviour) [default: fill].",
)
@click.option(
    "--review",
    metavar="[WHEN]",
    shell_complete=_completing.words(*REVIEWS),
    help="Approve each module before it goes live: --review asks here, --review=later lets it wait [default: no].",
)
@click.option("--max-agents", metavar="M", help="With colleagues and all generations [default: N colleagues].")
@click.option("--max-depth", metavar="D", help="Generations of colleagues that agents ask for [default: 2].")
@click.option("--colleagues-each", metavar="C", help="How many one agent may ask for [default: 2].")
@click.option(
    "--colleague-tokens", metavar="T", help="An agent that spent more tokens gets no colleague [default: 200000]."
)
@click.option("--generations", metavar="G", help="Breed G more generations from the best [default: 0].")
@click.option("--keep", metavar="K", help="Parents of a generation: the authors of the K best [default: a quarter].")
@click.option("--tournament/--no-tournament", default=None, help="Let a judge compare the ideas [default: yes].")
@click.option(
    "--judge-model",
    metavar="SPEC",
    shell_complete=_completing.models,
    multiple=True,
    help="A model that judges; repeat it for a panel [default: --model].",
)
@click.option("--judges", metavar="K", help="How many judges compare each pair [default: one of each model].")
@click.option(
    "--baseline/--no-baseline",
    default=None,
    help="One-shot ideas take part in the tournament, blind [default: with --generations].",
)
@click.option("--embeddings", metavar="NAME", help="A model of the same server that finds near-duplicates by meaning.")
@click.option(
    "--briefs",
    metavar="FILE",
    shell_complete=_completing.files,
    help="More sectors, customers, technologies, ... to draw from, as JSON.",
)
@click.option(
    "--template",
    metavar="NAME[:WEIGHT]",
    shell_complete=_completing.templates,
    multiple=True,
    help="What agents are made from; repeat it for a mix, or write idea_agent:3,critic_agent:1 [default: idea_agent].",
)
@templates_option
@click.option(
    "--with",
    "with_agents",
    metavar="NAME",
    shell_complete=_completing.kept_agents,
    multiple=True,
    help="A kept agent takes part; repeat it, or use commas.",
)
@library_option
@click.option("--seed", metavar="INT", help="Makes briefs and draws repeatable.")
@click.option("--deadline", metavar="SECONDS", help="For the whole run [default: none].")
@click.option("--max-tokens", metavar="T", help="Tokens that the run may spend, read and written [default: no limit].")
@click.option("--max-cost", metavar="USD", help="US dollars that the run may spend [default: no limit].")
@click.option("--max-messages", metavar="M", help="Requests that agents may send [default: no limit].")
@click.option("--confirm-above", metavar="USD", help="Ask before a run that may cost more [default: 1].")
@click.option("--yes", is_flag=True, default=None, help="Ask nothing before an expensive run.")
@click.option(
    "--prices",
    metavar="FILE",
    shell_complete=_completing.files,
    help="Prices of models as JSON, beside those that are known.",
)
@click.option("--cache", is_flag=True, default=None, help="Keep answers of the model, and take them from there again.")
@click.option("--bounce", metavar="P", help="How likely an agent shares its idea, 0 to 1 [default: its own].")
@click.option("--serve", is_flag=True, default=None, help="Show the run in a browser while it goes on.")
@output_option
@click.option("--json", "json_output", is_flag=True, default=None, help="Print the outcome as one JSON document.")
@click.option("--quiet", is_flag=True, default=None, help="Print nothing but errors.")
@debug_option
@click.pass_context
def spawn(ctx: click.Context, /, **options: str | bool | tuple[str, ...] | None) -> int:
    """Spawn N agents and let them brainstorm.

    Every option can also stand in the environment or in .env (CREATOR_MODEL=..., CREATOR_BASE_URL=...) and in
    creator.toml (model = "..."). The command line wins, then the environment, then .env.

    Exit codes: 0 all N ideas exist, 3 some, 1 none, 2 a wrong option, something missing on this machine, or a run
    that may cost much and that nobody agreed to, 130 interrupted.
    """
    from creator.cli._spending import asking_first
    from creator.progress import Limits, make_progress
    from creator.settings import SpawnSettings
    from creator.telemetry.export import exported_spans

    settings = SpawnSettings.load(options)
    state = ctx.find_object(State) or State()
    calm_libraries(state.debug)
    limits = Limits(settings.max_tokens, settings.max_cost)
    progress = make_progress(settings.asked, quiet=settings.quiet, stream=sys.stderr, limits=limits)
    with page_beside(settings, progress) as page:
        try:
            from creator import spawn as run_spawn

            reviewer = reviewer_for(progress) if settings.review == "now" else None
            consent = asking_first(settings, progress)
            begun = page.tell if page is not None else None
            with exported_spans(quiet=settings.quiet):
                work = run_spawn(
                    settings, progress=progress, reviewer=reviewer, consent=consent, signals=True, begun=begun
                )
                outcome = asyncio.run(work)
        finally:
            progress.finish()
        if settings.json_output:
            print_json(outcome.model_dump(mode="json"))
        elif not settings.quiet:
            from creator.cli._summary import print_summary

            print_summary(stdout_console(), outcome)
        code = tell_reason(outcome)
        if page is not None and not outcome.interrupted:
            page.stay()
    return code


def page_beside(settings: SpawnSettings, progress: Progress) -> AbstractContextManager[Page | None]:
    """The page of the run, where it was asked for, in a process of its own."""
    if not settings.serve:
        return nullcontext()
    from creator.cli._page import Page

    return Page(settings.output, progress, wait=sys.stderr.isatty())


def reviewer_for(progress: Progress) -> Reviewer:
    """Whoever sits at this terminal, or what a pipe answers."""
    from rich.console import Console

    from creator.review.programs import find_editor
    from creator.review.terminal import TerminalReviewer

    if sys.stdin is None or (sys.stdin.isatty() and not sys.stderr.isatty()):
        raise UsageError("--review asks on the terminal: don't send stderr elsewhere, or use --review=later")
    console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
    return TerminalReviewer(console, sys.stdin, find_editor(os.environ), progress.suspend)
