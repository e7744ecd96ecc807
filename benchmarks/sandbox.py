"""What a sandbox costs and what it keeps apart: ``python -m benchmarks.sandbox [costs | neighbours]``.

``costs`` (the default) times births, weighs cells and compares an agent's answers with those of the same agent
outside; ``neighbours`` times honest agents while another cell of their run does its worst. All backends take turns
within each round, each turn in a process of its own as a real run has it; figures are medians over the rounds. No
model takes part.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from benchmarks.messaging import percentile, ratios
from benchmarks.processes import Processes, run_benchmark
from benchmarks.sandbox_cells import BACKENDS, DEEDS, run_costs, run_neighbours

ROWS = {
    "alone_s": "1 agent alone: live, s",
    "first_s": "{agents} at once: first live, s",
    "all_s": "{agents} at once: all live, s",
    "cell_mb": "private memory of a cell, MB",
    "supervisor_mb": "  of the supervisor",
    "zygote_mb": "  of the zygote",
    "beside_mb": "all of the sandbox beside, MB",
    "cgroup_mb": "control groups in all, MB",
    "inside_ms": "p50 of a request, inside, ms",
    "outside_ms": "p50 of the same, outside, ms",
    "ratio": "inside/outside",
}
START_AIM = 2.0
"""Seconds to the first live agent in Docker."""
NEIGHBOUR_AIM = 2.0
"""How many times as long an honest agent may take beside a hostile one."""


def turns(arguments: argparse.Namespace) -> Iterator[str]:
    """The backends in turn, each first in another round."""
    for number in range(arguments.rounds):
        first = number % len(arguments.backends)
        yield from [*arguments.backends[first:], *arguments.backends[:first]]


def one_run(main: Callable[..., Awaitable[None]], backend: str, agents: int, *args: Any) -> Any:
    """What one run in a process of its own says; nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True) as folder, Processes() as processes:
        Path(folder).chmod(0o755)
        return processes.start(f"the run in {backend}", main, backend, agents, Path(folder), *args).answer()


def costs(arguments: argparse.Namespace) -> None:
    """Births, memory and latency of each backend."""
    found: dict[str, dict[str, list[float]]] = {backend: defaultdict(list) for backend in arguments.backends}
    for backend in arguments.backends:
        one_run(run_costs, backend, 1, 0, 0)  # the image is built, files are read once
    for backend in turns(arguments):
        figures = {"alone_s": one_run(run_costs, backend, 1, 0, 0)["all_s"]}
        figures |= one_run(run_costs, backend, arguments.agents, arguments.turns, arguments.requests)
        for name, value in figures.items():
            if value is not None:
                found[backend][name].append(value)
    if arguments.json:
        print_document(arguments, found)
        return
    print(f"{'':30}" + "".join(f"{backend:>17}" for backend in found))
    for name, label in ROWS.items():
        cells = "".join(f"{spread(found[backend][name]):>17}" for backend in found)
        print(f"{label.format(agents=arguments.agents):30}{cells}")
    print(
        f"\nmedian (lowest-highest) of {arguments.rounds} rounds; aim for docker: 1 agent live within {START_AIM:g} s"
        f"\nbeside: supervisor, zygote, what cells share, and bwrap or the engine's shims"
    )


def spread(values: Sequence[float]) -> str:
    """A median with its range, short enough for a column."""
    if not values:
        return "-"
    digits = 0 if max(values) >= 100 else 1 if max(values) >= 10 else 2
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low}-{high})"


def neighbours(arguments: argparse.Namespace) -> None:
    """Latency of honest agents beside a hostile one."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {backend: defaultdict(list) for backend in arguments.backends}
    for backend in turns(arguments):
        episodes = one_run(run_neighbours, backend, arguments.agents, arguments.seconds, arguments.deeds)
        for deed, episode in episodes.items():
            found[backend][deed].append(summary(episode))
    if arguments.json:
        print_document(arguments, found)
        return
    print(f"{'':19}{'p50, ms':>14}{'p95, ms':>21}")
    print(f"{'':19}" + 2 * f"{'alone':>7}{'beside':>7}{'ratio':>6} " + "how the hostile cell ended")
    for backend, deeds in found.items():
        for deed, some in deeds.items():
            print(f"{backend:11}{deed:8}{columns(some, 'p50')}{columns(some, 'p95')}{ending(some)[:39]}")
    print(f"\nmedians of {arguments.rounds} rounds; aim: within {NEIGHBOUR_AIM:g} x")


def summary(episode: dict[str, Any]) -> dict[str, Any]:
    """One deed in one run: percentiles in milliseconds, their ratios, and the hostile cell's end."""
    result = {name: episode[name] for name in ("lasted_s", "ended", "sent")} | {"requests": len(episode["beside"])}
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        for when in ("alone", "beside"):
            result[f"{name}_{when}"] = 1e3 * percentile(episode[when], share)
    return result


def columns(episodes: Sequence[dict[str, Any]], name: str) -> str:
    """A percentile without and with the deed, and the ratio, which is taken within rounds."""
    alone = [episode[f"{name}_alone"] for episode in episodes]
    beside = [episode[f"{name}_beside"] for episode in episodes]
    ratio = statistics.median(ratios(beside, alone))
    return f"{statistics.median(alone):7.2f}{statistics.median(beside):7.2f}{ratio:6.2f} "


def ending(episodes: Sequence[dict[str, Any]]) -> str:
    """How long the deed lasted and what ended it."""
    reasons = sorted({episode["ended"] or f"{episode['sent']} sent, not ended" for episode in episodes})
    return f"{statistics.median(episode['lasted_s'] for episode in episodes):.1f} s, {'; '.join(reasons)}"


def print_document(arguments: argparse.Namespace, found: Any) -> None:
    """All figures of all rounds as JSON."""
    settings = {name: value for name, value in vars(arguments).items() if name not in ("run", "json")}
    machine = {"processors": os.cpu_count(), "load": os.getloadavg()}
    print(json.dumps({**settings, "deeds_that_are_ended": DEEDS, "machine": machine, "figures": found}, indent=2))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    defaults = argparse.ArgumentDefaultsHelpFormatter
    command = commands.add_parser("costs", help="births, memory, latency", formatter_class=defaults)
    command.add_argument("--agents", type=int, default=20, help="in each run")
    command.add_argument("--turns", type=int, default=20, help="of an agent inside and one outside, in each run")
    command.add_argument("--requests", type=int, default=50, help="in one such turn")
    command.add_argument("--backends", nargs="+", choices=BACKENDS, default=[*BACKENDS], help="which to measure")
    command.set_defaults(run=costs)
    command = commands.add_parser("neighbours", help="honest agents beside a hostile one", formatter_class=defaults)
    command.add_argument("--agents", type=int, default=4, help="honest ones in each run")
    command.add_argument("--seconds", type=float, default=4.0, help="of requests with and without each deed")
    command.add_argument("--deeds", nargs="+", choices=DEEDS, default=[*DEEDS], help="of the hostile agent")
    command.add_argument("--backends", nargs="+", choices=BACKENDS, default=[*BACKENDS][:3], help="which to measure")
    command.set_defaults(run=neighbours)
    for command in commands.choices.values():
        command.add_argument("--rounds", type=int, default=3, help="how many times all backends take turns")
        command.add_argument("--json", action="store_true", help="all figures as one document, instead of the table")
    given = sys.argv[1:]
    return parser.parse_args(given if given and given[0] in (*commands.choices, "-h", "--help") else ["costs", *given])


if __name__ == "__main__":
    run_benchmark(parse())
