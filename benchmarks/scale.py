"""What a large population costs: time over what the model alone needs, and processor time and memory per agent.

See `benchmarks.spawn` for how it is started.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.processes import Link, Processes, ProcessFailed
from benchmarks.scripted_model import FIGURES, Figures
from creator.progress import SilentProgress
from creator.settings import SpawnSettings
from creator.spawning import spawn

CHAIN: Final = 4
"""Calls of the longest chain: the check of the model, an agent's slots, its idea, a colleague's refinement."""
RUN_SECONDS: Final = 1_800.0
END_SECONDS: Final = 30.0
PR_SET_CHILD_SUBREAPER: Final = 36


@dataclass(frozen=True)
class Cost:
    """What one run took and gave.

    Attributes:
        agents: How many agents were asked for.
        ideas: How many ideas were delivered.
        on_record: How many ideas the ledger holds.
        seconds: From the start of `spawn` to its end, the writing of the report included.
        trusted_cpu: Processor seconds of the trusted process.
        sandbox_cpu: Processor seconds of the supervisor, the process that cells are forked from, and the cells.
        peak_mb: Most resident memory of the trusted process, in MB.
        report_mb: Size of `report.html`, in MB.
        reason: Why ideas are missing.
    """

    agents: int
    ideas: int
    on_record: int
    seconds: float
    trusted_cpu: float
    sandbox_cpu: float
    peak_mb: float
    report_mb: float
    reason: str

    @property
    def cpu_each(self) -> float:
        """Processor seconds of our own processes for each agent."""
        return (self.trusted_cpu + self.sandbox_cpu) / self.agents


@contextmanager
def scripted_model(latency: float, *options: str) -> Iterator[str]:
    """A scripted model in a process of its own; gives its base URL."""
    command = [sys.executable, "-m", "benchmarks.scripted_model", "--latency", str(latency), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def figures_of(url: str) -> Figures:
    """What the model at a base URL did so far."""
    with urllib.request.urlopen(url.removesuffix("/v1") + FIGURES, timeout=30) as answer:
        return Figures(**json.load(answer))


async def run_population(link: Link, count: int, output: Path, options: dict[str, Any]) -> None:
    """One run in a process of its own; it answers with its cost."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before, started = _cpu(resource.RUSAGE_SELF), time.monotonic()
    settings = SpawnSettings.load({"count": count, "output": output, "seed": 7, **options})
    outcome = await spawn(settings, SilentProgress(), environ={})
    seconds, trusted_cpu = time.monotonic() - started, _cpu(resource.RUSAGE_SELF) - before
    _collect()
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        (on_record,) = ledger.execute("SELECT count(*) FROM ideas WHERE source = 'agent'").fetchone()
    link.send(
        Cost(
            agents=count,
            ideas=len(outcome.ideas),
            on_record=on_record,
            seconds=seconds,
            trusted_cpu=trusted_cpu,
            sandbox_cpu=_cpu(resource.RUSAGE_CHILDREN),
            peak_mb=_peak_mb(),
            report_mb=(outcome.directory / "report.html").stat().st_size / 1e6,
            reason=outcome.reason,
        )
    )


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _collect() -> None:
    """Wait for all processes that the sandbox started: they were killed with it, and their time counts from now on."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _peak_mb() -> float:
    """Most memory of this process. Not rusage's figure, which knows of the process that it was forked from."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1_024 / 1e6


def measure(
    output: Path, counts: Sequence[int], latency: float, concurrency: int, agents_per_cell: int, **options: Any
) -> None:
    """Print the cost of populations of several sizes, and that of an agent of the largest over one of 100."""
    print(
        f"{agents_per_cell} agents a cell, {latency:g} s a model call, at most {concurrency} at once\n"
        f"{'':>7}{'ideas':>7}{'wall, s':>9}{'/chain':>8}{'/bound':>8}"
        f"{'CPU/agent, ms: trusted + sandbox':>34}{'peak, MB':>10}{'report, MB':>12}{'model: s/call':>15}{'CPU':>6}"
    )
    costs: dict[int, Cost] = {}
    for count in counts:
        with scripted_model(latency) as url, Processes() as processes:
            chosen = {
                "model": "openai:scripted",
                "base_url": url,
                "sandbox": "process",
                "model_concurrency": concurrency,
                "agents_per_cell": agents_per_cell,
                "bounce": 1.0,
                "pattern": "bounce",
                "hop_limit": 1,
                "tournament": False,
                "reply_deadline": 900,
                **options,
            }
            run = processes.start(f"the run of {count}", run_population, count, output, chosen)
            cost = costs[count] = run.answer(RUN_SECONDS)
            _print_line(cost, figures_of(url), latency, concurrency)
            if not run.ends(END_SECONDS):
                raise ProcessFailed(f"the run of {count} is over, but its process does not end")
        if cost.ideas != count or cost.on_record != count:
            raise ProcessFailed(f"{cost.ideas} of {count} ideas, {cost.on_record} on record: {cost.reason}")
    largest = max(costs)
    if 100 in costs and largest > 100:
        ratio = costs[largest].cpu_each / costs[100].cpu_each
        print(f"processor time of an agent of {largest:,} over one of 100: {ratio:.2f} (aim <=1.3)")


def _print_line(cost: Cost, model: Figures, latency: float, concurrency: int) -> None:
    chain = CHAIN * latency
    bound = max(chain, model.calls * latency / concurrency)
    each = [1e3 * cpu / cost.agents for cpu in (cost.trusted_cpu, cost.sandbox_cpu)]
    print(
        f"{cost.agents:>7,}{cost.ideas:>7,}{cost.seconds:>9.1f}{cost.seconds / chain:>8.2f}"
        f"{cost.seconds / bound:>8.2f}{f'{sum(each):.0f}: {each[0]:.0f} + {each[1]:.0f}':>34}"
        f"{cost.peak_mb:>10.0f}{cost.report_mb:>12.2f}{model.seconds / max(1, model.calls):>15.3f}"
        f"{model.cpu_seconds / cost.seconds:>6.0%}",
        flush=True,
    )
