"""What messages cost: ``python -m benchmarks.messaging [messages | flood | register]``.

``messages`` (the default) times requests and their answers through AutoGen's host as shipped, through ours, and
through a bare gRPC relay; ``flood`` times an honest client while a hostile one floods the host; ``register`` times
ten thousand registrations against one thousand. Each stack is a caller, a host and a worker, in processes of their
own, over a unix socket. All stacks take turns within each of many short rounds, so that what else the machine does
hits them all; ratios are taken within a round, and the median over the rounds is what counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from benchmarks.messaging_workers import (
    run_caller,
    run_flooder,
    run_host,
    run_registrar,
    run_worker,
)
from benchmarks.processes import Process, Processes, run_benchmark
from creator.runtime import Grant

STACKS = ("bare", "plain", "ours")
SIZES = {100: "100 B", 2_000: "2 KB", 100_000: "100 KB"}
AIMS = {100: 1.4, 2_000: 1.4, 100_000: 1.6}
"""How many times the bare relay's time ours may take."""
LARGE = 100_000
FEWER_LARGE = 5
"""Of large messages so many times fewer are sent, because they take so many times longer."""
IN_FLIGHT = 32
MORE_IN_FLIGHT = 5
"""For throughput so many times more are sent than for latency."""
REST_SECONDS = 0.5
"""Between rounds of `flood`, so that the honest client stays within what a cell may send in the long run."""


@contextmanager
def sockets() -> Iterator[Path]:
    """A folder with a path short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="messaging") as folder:
        yield Path(folder)


def start_host(processes: Processes, stack: str, address: str, grants: Sequence[Grant]) -> tuple[Process, list[str]]:
    """Start a host; also returns the credentials that it issued for ``grants``."""
    host = processes.start(f"the host of {stack}", run_host, stack, address, grants)
    return host, host.answer()


# Messages


def messages(arguments: argparse.Namespace) -> None:
    """Latency and throughput of the chosen stacks, as a table."""
    latencies: dict[tuple[int, str], list[list[float]]] = defaultdict(list)
    rates: dict[tuple[int, str], list[float]] = defaultdict(list)
    with sockets() as folder, Processes() as processes:
        callers = {stack: start_stack(processes, stack, f"unix:{folder / stack}") for stack in arguments.stacks}
        for caller in callers.values():
            caller.answer()
            for size in SIZES:  # to warm up
                caller.ask("latency", size, 20)
                caller.ask("throughput", size, 2 * IN_FLIGHT, IN_FLIGHT)
        for number in range(arguments.rounds):
            first = number % len(callers)
            turns = [*arguments.stacks[first:], *arguments.stacks[:first]]
            for size in SIZES:
                requests = max(IN_FLIGHT, arguments.requests // (FEWER_LARGE if size == LARGE else 1))
                for stack in turns:
                    latencies[size, stack].append(callers[stack].ask("latency", size, requests))
                for stack in turns:
                    rates[size, stack].append(
                        callers[stack].ask("throughput", size, MORE_IN_FLIGHT * requests, IN_FLIGHT)
                    )
    print_table(arguments.stacks, latencies, rates)


def start_stack(processes: Processes, stack: str, address: str) -> Process:
    """Start host, worker and caller; the caller is ready once it answers."""
    grants = [Grant(client=name, types=frozenset({name}), role="trusted") for name in ("echo", "caller")]
    _, (for_worker, for_caller) = start_host(processes, stack, address, grants)
    worker = processes.start(f"the worker of {stack}", run_worker, stack, address, "echo", for_worker)
    caller = processes.start(f"the caller of {stack}", run_caller, stack, address, "echo", "caller", for_caller)
    worker.answer()
    return caller


def print_table(
    stacks: Sequence[str],
    latencies: dict[tuple[int, str], list[list[float]]],
    rates: dict[tuple[int, str], list[float]],
) -> None:
    """Each stack's figures, and its ratios to the bare one with their quartiles; above 1 is always worse."""
    others = [stack for stack in stacks if stack != "bare"] if "bare" in stacks else []
    print(f"{'':20}" + "".join(f"{stack:>8}" for stack in stacks) + "".join(f"{f'{one}/bare':^17}" for one in others))
    for size, name in SIZES.items():
        medians = {stack: [1e3 * statistics.median(times) for times in latencies[size, stack]] for stack in stacks}
        worst = {stack: 1e3 * percentile([*chain(*latencies[size, stack])], 0.99) for stack in stacks}
        print_row(f"{name:8}p50, ms", {stack: statistics.median(medians[stack]) for stack in stacks})
        print_ratios({stack: ratios(medians[stack], medians["bare"]) for stack in others}, AIMS[size])
        print_row(f"{'':8}p99, ms", worst)
        print()
        print_row(f"{'':8}messages/s", {stack: statistics.median(rates[size, stack]) for stack in stacks})
        print_ratios({stack: ratios(rates[size, "bare"], rates[size, stack]) for stack in others}, AIMS[size])


def print_row(label: str, values: dict[str, float]) -> None:
    """The first half of a line."""
    print(
        f"{label:20}" + "".join(f"{value:8.0f}" if value >= 100 else f"{value:8.2f}" for value in values.values()),
        end="",
    )


def print_ratios(values: dict[str, list[float]], aim: float) -> None:
    """The second half of a line."""
    for found in values.values():
        low, middle, high = (percentile(found, share) for share in (0.25, 0.5, 0.75))
        print(f"{f'{middle:.2f} ({low:.2f}-{high:.2f})':>17}", end="")
    print(f" <={aim}" if "ours" in values else "")


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """The ratios of figures taken in the same rounds."""
    return [one / other for one, other in zip(above, below, strict=True)]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of the values do not exceed."""
    if share == 0.5:
        return statistics.median(values)
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


# A flood


def flood(arguments: argparse.Namespace) -> None:
    """An honest cell's latency with and without a cell that floods the same agent, and what the host keeps of it."""
    grants = [
        Grant(client="registry", types=frozenset({"registry"}), role="trusted"),
        Grant(client="ann", types=frozenset({"ann"}), role="cell"),
        Grant(client="eve", types=frozenset({"eve"}), role="cell"),
    ]
    with sockets() as folder, Processes() as processes:
        address = f"unix:{folder / 'ours'}"
        host, (for_registry, for_ann, for_eve) = start_host(processes, "ours", address, grants)
        children = [
            processes.start("the registry", run_worker, "ours", address, "registry", for_registry),
            ann := processes.start("the honest cell", run_caller, "ours", address, "registry", "ann", for_ann),
            eve := processes.start("the hostile cell", run_flooder, address, for_eve),
        ]
        for child in children:
            child.answer()
        ask_honestly = ("paced", 100, arguments.requests, arguments.pause / 1e3)
        ask_hostilely = (arguments.size, arguments.reconnect or sys.maxsize)
        ann.ask(*ask_honestly)
        before = most = host.rss()
        quiet, flooded = [], []
        sent = 0
        for number in range(arguments.rounds):
            for with_flood in (False, True) if number % 2 == 0 else (True, False):
                time.sleep(REST_SECONDS)
                if with_flood:
                    eve.ask(*ask_hostilely)
                times = ann.ask(*ask_honestly)
                (flooded if with_flood else quiet).append(1e3 * statistics.median(times))
                if with_flood:
                    most = max(most, host.rss())
                    sent += eve.ask("stop")
        started = time.monotonic()
        eve.ask(*ask_hostilely)
        while time.monotonic() - started < arguments.seconds:
            time.sleep(0.1)
            most = max(most, host.rss())
        at_length = eve.ask("stop")
    found = ratios(flooded, quiet)
    print(
        f"honest client, p50: {statistics.median(quiet):.2f} ms alone, {statistics.median(flooded):.2f} ms in a flood; "
        f"ratio {statistics.median(found):.2f} ({percentile(found, 0.25):.2f}-{percentile(found, 0.75):.2f}), aim <=2\n"
        f"hostile client: {sent} messages of {arguments.size} bytes in {arguments.rounds} floods, "
        f"then {at_length / arguments.seconds:.0f} a second for {arguments.seconds:g} s\n"
        f"host: resident memory {before:.1f} MB before, {most:.1f} MB at most, grew by {most - before:.1f} MB"
    )


# Registrations


def register(arguments: argparse.Namespace) -> None:
    """The time of ten thousand registrations over ten times that of one thousand."""
    time_registrations("ours", arguments.rounds)
    if arguments.plain:
        time_registrations("plain", 1)


def time_registrations(stack: str, rounds: int) -> None:
    """The same for one stack; each count has a new host and a new worker."""
    grant = Grant(client="worker", types=None, role="trusted")
    seconds: dict[int, list[float]] = {1_000: [], 10_000: []}
    for _ in range(rounds):
        for count, found in seconds.items():
            with sockets() as folder, Processes() as processes:
                address = f"unix:{folder / stack}"
                _, (credential,) = start_host(processes, stack, address, [grant])
                worker = processes.start(f"the worker of {stack}", run_registrar, stack, address, credential)
                worker.answer()
                found.append(worker.ask(count))
    few, many = seconds.values()
    ratio = statistics.median(ratios(many, [10 * one for one in few]))
    print(
        f"{stack}: 1,000 registrations {statistics.median(few):.2f} s, 10,000 {statistics.median(many):.2f} s, "
        f"over ten times 1,000 {ratio:.2f}" + (", aim <=1.5" if stack == "ours" else "")
    )


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    defaults = argparse.ArgumentDefaultsHelpFormatter
    command = commands.add_parser("messages", help="latency and throughput", formatter_class=defaults)
    command.add_argument("--stacks", nargs="+", choices=STACKS, default=STACKS, help="which to measure")
    command.add_argument("--rounds", type=int, default=15, help="how many times all stacks take turns")
    command.add_argument("--requests", type=int, default=200, help="one at a time in one turn")
    command.set_defaults(run=messages)
    command = commands.add_parser("flood", help="an honest client beside a hostile one", formatter_class=defaults)
    command.add_argument("--rounds", type=int, default=12, help="how many times with and without a flood")
    command.add_argument("--requests", type=int, default=100, help="of the honest client in one turn")
    command.add_argument("--pause", type=float, default=5.0, help="of the honest client between two requests, in ms")
    command.add_argument("--size", type=int, default=100, help="of the hostile client's payloads, in bytes")
    command.add_argument("--reconnect", type=int, metavar="N", help="the hostile client does, after each N messages")
    command.add_argument("--seconds", type=float, default=15.0, help="of one long flood at the end, for the memory")
    command.set_defaults(run=flood)
    command = commands.add_parser("register", help="ten thousand registrations", formatter_class=defaults)
    command.add_argument("--rounds", type=int, default=3, help="how many times")
    command.add_argument("--plain", action="store_true", help="AutoGen as shipped as well, once")
    command.set_defaults(run=register)
    given = sys.argv[1:]
    return parser.parse_args(
        given if given and given[0] in (*commands.choices, "-h", "--help") else ["messages", *given]
    )


if __name__ == "__main__":
    run_benchmark(parse())
