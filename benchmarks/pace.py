"""Throughput on a server that takes k calls at once and answers more with 429: ``python -m benchmarks.pace --help``.

Three ways take turns: the run's own, which begins with 32 calls at once and finds out what the server takes; the same
told the right number; and 32 at once all the time, each call with retries of its own and growing waits between them.
All are given as time over the least that is possible, calls times latency over k.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Final

from autogen_core.models import LLMMessage, UserMessage

from benchmarks.processes import run_benchmark
from benchmarks.scale import figures_of, scripted_model
from creator.errors import ModelError, RetryableModelError
from creator.models.backend import Backend
from creator.models.calls import ModelCalls
from creator.models.choose import choose_backend
from creator.models.patience import MAX_WAIT, TRIES

MOST: Final = 32
ASK: Final[list[LLMMessage]] = [UserMessage(content="Say yes.", source="user")]

Way = Callable[[Backend], Callable[[], Awaitable[object]]]


def paced(backend: Backend) -> Callable[[], Awaitable[object]]:
    """As a run calls its model."""
    calls, numbers = ModelCalls(backend), itertools.count()
    # Each is a question of its own: the same one would be asked once for all.
    return lambda: calls.complete("ada", ASK, temperature=0, max_tokens=10, sample=str(next(numbers)))


def stubborn(backend: Backend) -> Callable[[], Awaitable[object]]:
    """With so many places all the time."""
    places = asyncio.Semaphore(backend.max_concurrency)

    async def call() -> object:
        for tried in range(TRIES):
            async with places:
                try:
                    return await backend.complete(ASK, temperature=0, max_tokens=10)
                except RetryableModelError as error:
                    failure = error
            await asyncio.sleep(min(0.2 * 2**tried, MAX_WAIT) + random.uniform(0, 0.3))
        raise failure

    return call


async def measure(way: Way, most: int, k: int, count: int, latency: float) -> tuple[float, int, int]:
    """Time over the least that is possible, calls that were turned away, and calls that were given up."""
    with scripted_model(latency, "--at-once", str(k)) as url:
        async with choose_backend("openai:scripted", url, {}, max_concurrency=most, progress=print) as backend:
            await backend.check()
            call = way(backend)
            started = time.monotonic()
            results = await asyncio.gather(*(call() for _ in range(count)), return_exceptions=True)
            seconds = time.monotonic() - started
        lost = sum(isinstance(result, ModelError) for result in results)
        return seconds / (count * latency / k), figures_of(url).turned_away, lost


def run(arguments: argparse.Namespace) -> None:
    """Print a line for each limit of the server."""
    print(f"{'k':>3}  {'':<12}{'time over the least':>20}{'turned away, a call':>21}{'given up':>10}")
    for k in arguments.limits:
        count = k * arguments.calls
        ways: dict[str, tuple[Way, int]] = {
            "adaptive": (paced, MOST),
            f"fixed at {k}": (paced, k),
            f"fixed at {MOST}": (stubborn, MOST),
        }
        found: dict[str, list[tuple[float, int, int]]] = {name: [] for name in ways}
        for _ in range(arguments.runs):
            for name, (way, most) in ways.items():
                found[name].append(asyncio.run(measure(way, most, k, count, arguments.latency)))
        for name, rounds in found.items():
            ratio, away, lost = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"{k:>3}  {name:<12}{ratio:>20.2f}{away / count:>21.2f}{lost:>10g}", flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--limits", type=lambda text: [int(one) for one in text.split(",")], default="2,8,20")
    parser.add_argument("--calls", type=int, default=40, help="calls for each place that the server has")
    parser.add_argument("--latency", type=float, default=0.3, help="seconds of a call")
    parser.add_argument("--runs", type=int, default=3)
    parser.set_defaults(run=run)
    return parser.parse_args()


if __name__ == "__main__":
    run_benchmark(parse())
