"""How much a run costs beyond its model calls: ``python -m benchmarks.spawn --help``.

All figures are ratios of times taken in one process on one machine, because absolute times on shared machines drift.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.processes import run_benchmark
from benchmarks.scale import measure
from creator.blueprint import blueprint_from_values
from creator.briefs import draw_briefs
from creator.ideas.pairing import rounds_for
from creator.models.calls import ModelCalls
from creator.models.choose import filler_for
from creator.models.embedded import EmbeddedBackend
from creator.models.filling import FillRequest
from creator.models.idea_hints import IDEA_HINTS
from creator.outcome import RunOutcome
from creator.progress import make_progress
from creator.settings import DEFAULT_OBJECTIVE, SpawnSettings
from creator.spawning import spawn
from creator.templates.rendering import load_template
from sandbox.protocol import Idea

SERVER = Path(__file__).parent.parent / "tests" / "scripted_server.py"
CALLS_ON_THE_PATH = 4
"""The check, the slots, the idea and its refinement: each needs the one before."""


@contextmanager
def scripted_model(latency: float) -> Iterator[str]:
    """A scripted model server in a process of its own."""
    command = [sys.executable, str(SERVER), "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def one_run(count: int, output: Path, **options: object) -> RunOutcome:
    """A quiet run, without a tournament unless one is asked for."""
    settings = SpawnSettings.load({"count": count, "output": output, "seed": 7, "tournament": False, **options})
    return await spawn(settings, make_progress(count, quiet=True, stream=sys.stderr), environ={})


async def critical_path(output: Path, runs: int) -> None:
    """Wall time of ``spawn 20`` over the time of the longest chain of model calls, at one second a call."""
    with scripted_model(1.0) as url:
        for sandbox in ("docker", "process"):
            ratios = []
            for _ in range(runs):
                outcome = await one_run(
                    20,
                    output,
                    model="openai:scripted",
                    base_url=url,
                    sandbox=sandbox,
                    base_image=os.environ.get("CREATOR_BASE_IMAGE", "python:3.12-slim"),
                    bounce=1.0,
                    pattern="bounce",
                    hop_limit=1,
                )
                assert len(outcome.ideas) == 20, outcome.reason
                ratios.append(outcome.elapsed_s / CALLS_ON_THE_PATH)
            print(f"{sandbox}: wall time over critical path {sorted(ratios)[len(ratios) // 2]:.2f} (median of {runs})")


async def judging(output: Path, runs: int) -> None:
    """Wall time of ``spawn 20`` with its tournament over the longest chain of calls, at one second a call."""
    chain = CALLS_ON_THE_PATH + rounds_for(20)
    ratios = []
    with scripted_model(1.0) as url:
        for _ in range(runs):
            outcome = await one_run(
                20,
                output,
                model="openai:scripted",
                base_url=url,
                sandbox="process",
                bounce=1.0,
                pattern="bounce",
                hop_limit=1,
                tournament=True,
            )
            assert outcome.ranking is not None and len(outcome.ranking.places) == 20, outcome.reason
            ratios.append(outcome.elapsed_s / chain)
    ratio = sorted(ratios)[len(ratios) // 2]
    print(f"with the tournament: wall time over a chain of {chain} calls {ratio:.2f} (median of {runs})")


async def delivery(output: Path, runs: int) -> None:
    """Ideas delivered by runs of ``spawn 20`` on a model that answers at once."""
    delivered = 0
    with scripted_model(0.0) as url:
        for _ in range(runs):
            outcome = await one_run(20, output, model="openai:scripted", base_url=url, sandbox="process")
            delivered += len(outcome.ideas)
    print(f"delivered {delivered} of {20 * runs} ideas")


async def raw_engine(count: int) -> tuple[float, int]:
    """Seconds and completion tokens for the same slots and ideas with no agents, host or cells."""
    template = load_template("idea_agent")
    async with EmbeddedBackend(None, print) as backend:
        await backend.check()
        calls = ModelCalls(backend)
        filler = filler_for(backend.strategy, calls)

        async def one(number: int) -> None:
            brief = draw_briefs(count, 7)[number]
            facts = {"objective": DEFAULT_OBJECTIVE, **brief.facts()}
            request = FillRequest([], template.answer_schema, template.hints, facts, 0.7, 500, number)
            values = json.loads(await filler.fill("raw", request))
            blueprint = blueprint_from_values(
                values, template, brief=brief, run_id="raw", model=backend.name, taken=set()
            )
            facts |= blueprint.facts()
            await filler.fill("raw", FillRequest([], Idea.model_json_schema(), IDEA_HINTS, facts, 0.7, 500, number))

        started = time.monotonic()
        await asyncio.gather(*(one(number) for number in range(count)))
        return time.monotonic() - started, calls.accounts["raw"].completion_tokens


async def embedded(output: Path, runs: int) -> None:
    """``spawn 20`` on the embedded model, against the engine alone, in turn."""
    for _ in range(runs):
        seconds, tokens = await raw_engine(20)
        raw = tokens / seconds
        outcome = await one_run(20, output, model="embedded", sandbox="process")
        rate = outcome.completion_tokens / outcome.elapsed_s
        print(
            f"spawn 20: {outcome.elapsed_s:.1f} s, {len(outcome.ideas)} ideas, "
            f"{sum(bool(idea.contributors) for idea in outcome.ideas)} refined, "
            f"{outcome.prompt_tokens} + {outcome.completion_tokens} tokens, {rate:.0f} tokens/s; "
            f"engine alone {raw:.0f} tokens/s; ratio {rate / raw:.2f}"
        )


def in_a_folder(benchmark: Callable[[Path, int], Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The benchmark as a command, with a folder for its runs."""

    def run(arguments: argparse.Namespace) -> None:
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(benchmark(Path(folder), arguments.runs))

    return run


def scale(arguments: argparse.Namespace) -> None:
    """See `benchmarks.scale`."""
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), arguments.counts, arguments.latency, arguments.concurrency, arguments.agents_per_cell)


BENCHMARKS = {"critical-path": critical_path, "judging": judging, "delivery": delivery, "embedded": embedded}


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, benchmark in BENCHMARKS.items():
        command = commands.add_parser(name, help=(benchmark.__doc__ or "").splitlines()[0])
        command.add_argument("--runs", type=int, default=3)
        command.set_defaults(run=in_a_folder(benchmark))
    command = commands.add_parser(
        "scale", help="large populations", formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    command.add_argument("--counts", type=_numbers, default="20,100,1000", help="how many agents, one run each")
    command.add_argument("--latency", type=float, default=1.0, help="seconds of a model call")
    command.add_argument("--concurrency", type=int, default=32, help="model calls at once, at most")
    command.add_argument("--agents-per-cell", type=int, default=50, help="how many share a process")
    command.set_defaults(run=scale)
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


if __name__ == "__main__":
    run_benchmark(parse())
