"""The processes that ``benchmarks.sandbox`` starts: runs without a model, each with a sandbox full of agents.

A run is the product's own host, trusted side, sandbox and cells, put together as the World does it; only the modules
are rendered beforehand. ``python -m benchmarks.sandbox_cells`` is a cell without any confinement, to compare with.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from autogen_core import AgentId, MessageContext, RoutedAgent, message_handler

from benchmarks.processes import Link, ProcessFailed
from benchmarks.sandbox_memory import containers_of, memory_of
from creator.agents.registry import Population, Registry
from creator.blueprint import blueprint_from_values
from creator.briefs import draw_briefs
from creator.cells import CANARY_SECONDS, EXIT_REPORT_SECONDS
from creator.isolation import open_sandbox
from creator.isolation.base import CELL_ENVIRONMENT, PACKAGE, SOCKET_NAME, place_line
from creator.modules import write_module
from creator.runtime import Credentials, Grant, HardenedHost
from creator.settings import SpawnSettings
from creator.templates.rendering import load_template
from sandbox.cell import CellPlace, _serve, serializers
from sandbox.channel import HEARTBEAT, read_first_line
from sandbox.errors import DeadlineExceeded
from sandbox.protocol import (
    CREATOR,
    REGISTRY,
    SUPERVISOR,
    CellReport,
    Hello,
    Introduction,
    ProposeRequest,
    StartCell,
    StopCell,
)
from sandbox.runtime import HardenedRuntime

BACKENDS: Final[dict[str, dict[str, str]]] = {
    "process": {"sandbox": "process"},
    "bubblewrap": {"sandbox": "bubblewrap"},
    "docker": {"sandbox": "docker"},
    "containers": {"sandbox": "docker", "isolation": "container"},
}
"""The settings that make each."""

LIMIT_SECONDS: Final = 240
"""For one run; the first one may have to build the image."""
ENDED_SECONDS: Final = 15.0
"""How long a cell may take to be ended that has to be."""
GIVE_UP_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.005
"""Between two requests to honest agents."""
TRUSTED: Final = frozenset({CREATOR, REGISTRY})

SLOTS: Final = {
    "sector": "rail freight",
    "interests": ["timetables", "wagons"],
    "traits": ["calm"],
    "weaknesses": ["slow"],
    "goal": "Fill empty wagons.",
    "voice": "plain",
    "temperature": 0.5,
    "shares_ideas": 0.5,
    "shares_with": "random",
}

HOSTILE: Final = """
import asyncio, threading
from autogen_core import MessageContext, RoutedAgent, message_handler
from sandbox import kit

class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__("hostile")
        self._name = name

    @message_handler
    async def introduce(self, message: kit.Hello, ctx: MessageContext) -> kit.Introduction:
        return kit.Introduction(name=self._name, sector="x")

    @message_handler
    async def propose(self, message: kit.ProposeRequest, ctx: MessageContext) -> kit.Proposal:
        await {deed}(self)

async def spin(agent):
    while True:
        pass

async def hoard(agent):
    kept = []
    while True:
        try:
            kept.append(b"x" * (1 << 20))
        except MemoryError:
            pass

def breed():
    while True:
        try:
            threading.Thread(target=breed, daemon=True).start()
        except (RuntimeError, MemoryError):
            pass

async def threads(agent):
    threading.Thread(target=breed, daemon=True).start()
    await asyncio.sleep(600)

async def ask(agent):
    while True:
        await kit.find_colleague(agent)

async def flood(agent):
    await asyncio.gather(*(ask(agent) for _ in range(256)))
"""

DEEDS: Final = {"spin": True, "hoard": True, "threads": False, "flood": False}
"""What a hostile agent does, and whether it has to be ended for it."""


class Reports(RoutedAgent):
    """Stands in the Creator's place and takes what the supervisor reports.

    Args:
        ended: By name, how each cell ended; those that nobody waits for are left out.
    """

    def __init__(self, ended: dict[str, asyncio.Future[str]]) -> None:
        super().__init__("Takes reports.")
        self._ended = ended

    @message_handler
    async def on_report(self, message: CellReport, ctx: MessageContext) -> CellReport:
        """Take note of a cell that ended."""
        ended = self._ended.get(message.name)
        if ended is not None and not ended.done():
            ended.set_result(message.reason)
        return message


class Run:
    """Host, trusted agents and sandbox.

    Args:
        backend: One of `BACKENDS`.
        agents: How many the sandbox has to hold.
        folder: For modules, the socket, and all temporary files; its path has to be short.
    """

    def __init__(self, backend: str, agents: int, folder: Path) -> None:
        os.environ["TMPDIR"] = tempfile.tempdir = str(folder)  # what a killed run leaves there goes with it
        self.settings = SpawnSettings.load({"count": agents, **BACKENDS[backend]})
        self.run_id = f"benchmark-{os.getpid()}"
        self.modules, self.sockets = folder / "agents", folder / "host"
        for one in (self.modules, self.sockets):
            one.mkdir()
            one.chmod(0o755)
        self.ended: dict[str, asyncio.Future[str]] = {}
        self.opened = 0.0
        self.trusted: HardenedRuntime
        self._credentials = Credentials()
        self._host: HardenedHost

    @property
    def address(self) -> str:
        """The host's."""
        return f"unix:{self.sockets / SOCKET_NAME}"

    @property
    def delivered(self) -> int:
        """How many requests the host has let pass."""
        return self._host.counters.delivered

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Everything that has to be there before an agent can be born; the clock starts where the sandbox does."""
        host = HardenedHost(self.address, credentials=self._credentials, on_exchange=lambda exchange: None)
        async with asyncio.timeout(LIMIT_SECONDS), host as self._host, self._trusted_side() as self.trusted:
            self.opened = time.monotonic()
            async with open_sandbox(
                self.settings,
                run_id=self.run_id,
                code=False,
                modules=self.modules,
                sockets=self.sockets,
                credential=self._credentials.issue(Grant(SUPERVISOR, frozenset({SUPERVISOR}), "supervisor")),
                progress=lambda line: print(line, file=sys.stderr),
                ready=lambda: self._host.registered(SUPERVISOR),
            ):
                yield

    @asynccontextmanager
    async def _trusted_side(self) -> AsyncIterator[HardenedRuntime]:
        credential = self._credentials.issue(Grant("world", TRUSTED, "trusted"))
        runtime = HardenedRuntime(self.address, credential=credential, reconnect_for=0, frozen_after=None)
        runtime.add_message_serializer(serializers())
        population = Population(seed=1)
        population.announce(Introduction(name="somebody", sector="x"))
        population.settled.set()
        registry = Registry(population, lambda message_id: self._host.admission(REGISTRY, message_id))
        await runtime.start()
        try:
            await runtime.register_agent_instance(Reports(self.ended), AgentId(CREATOR, "default"))
            await runtime.register_agent_instance(registry, AgentId(REGISTRY, "default"))
            yield runtime
        finally:
            await runtime.stop(grace=0)

    def write_agents(self, count: int) -> dict[str, str]:
        """Render the modules of so many idea agents; their digests by name."""
        template, taken = load_template("idea_agent"), set[str]()
        digests = {}
        for brief in draw_briefs(count, 7):
            values = {**SLOTS, "persona": brief.persona}
            blueprint = blueprint_from_values(
                values, template, brief=brief, run_id=self.run_id, model="none", taken=taken
            )
            digests[blueprint.name] = write_module(self.modules, blueprint.name, template.render(blueprint))
        return digests

    def order(self, name: str, sha256: str) -> StartCell:
        """The order to start an agent, with a credential of its own."""
        credential = self._credentials.issue(Grant(f"cell:{name}", frozenset({name}), "cell"))
        deadline = self.settings.birth_deadline
        return StartCell(name=name, sha256=sha256, credential=credential, seed=1, deadline=deadline)

    async def give_birth(self, name: str, sha256: str) -> float:
        """Start a cell; seconds from the sandbox's start until its agent has answered."""
        self.ended[name] = asyncio.get_running_loop().create_future()
        order = self.order(name, sha256)
        report = await self.trusted.request(order, SUPERVISOR, timeout=order.deadline + 10)
        if report.state != "registered":
            raise ProcessFailed(f"{name!r} was not born: {report.reason}")
        await self.trusted.request(Hello(), name, timeout=CANARY_SECONDS)
        return time.monotonic() - self.opened

    async def end(self, name: str) -> None:
        """End an agent's cell."""
        await self.trusted.request(StopCell(name=name), SUPERVISOR, timeout=GIVE_UP_SECONDS)
        await self._host.disconnect(f"cell:{name}")


# What it costs


async def run_costs(link: Link, backend: str, agents: int, folder: Path, rounds: int, requests: int) -> None:
    """One run with so many agents; says its figures: seconds, MB and milliseconds.

    With no rounds, only the births are timed.
    """
    run = Run(backend, agents, folder)
    digests = run.write_agents(agents)
    figures: dict[str, Any] = {}
    async with run.open():
        times = await asyncio.gather(*(run.give_birth(name, sha256) for name, sha256 in digests.items()))
        figures["first_s"], figures["all_s"] = min(times), max(times)
        if rounds:
            figures |= await asyncio.to_thread(memory_of, run.run_id, agents)
            figures |= await compare(run, next(iter(digests)), rounds, requests)
    if containers_of(run.run_id):
        raise ProcessFailed("it left containers behind")
    link.send(figures)


async def compare(run: Run, inside: str, rounds: int, requests: int) -> dict[str, float]:
    """Latency of an agent in the sandbox and of the same one outside, in turns."""
    outside = "outside"
    sha256 = write_module(run.modules, outside, (run.modules / f"{inside}.py").read_text("utf-8"))
    async with unconfined(run, outside, sha256):
        medians: dict[str, list[float]] = {inside: [], outside: []}
        for name in medians:
            await latencies(run, name, requests)  # to warm up
        for number in range(rounds):
            for name in (inside, outside) if number % 2 == 0 else (outside, inside):
                medians[name].append(1e3 * statistics.median(await latencies(run, name, requests)))
    found = [one / other for one, other in zip(medians[inside], medians[outside], strict=True)]
    return {
        "inside_ms": statistics.median(medians[inside]),
        "outside_ms": statistics.median(medians[outside]),
        "ratio": statistics.median(found),
    }


async def latencies(run: Run, name: str, requests: int) -> list[float]:
    """Seconds that each of so many requests took, one after the other."""
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        await run.trusted.request(Hello(), name, timeout=GIVE_UP_SECONDS)
        times.append(time.perf_counter() - started)
    return times


@asynccontextmanager
async def unconfined(run: Run, name: str, sha256: str) -> AsyncIterator[None]:
    """An agent in a plain process; it ends when its orders do, and so with this process."""
    # Room for more than one: a cell that holds one gives up its sockets.
    place = CellPlace(address=run.address, directory=run.modules, agents=2)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "benchmarks.sandbox_cells"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**CELL_ENVIRONMENT, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(PACKAGE.parent)},
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(place_line(place) + run.order(name, sha256).model_dump_json().encode() + b"\n")
        async with asyncio.timeout(run.settings.birth_deadline):
            while (line := await process.stdout.readline()) == HEARTBEAT:
                pass
        report = CellReport.model_validate_json(line)
        if report.state != "registered":
            raise ProcessFailed(f"the agent outside was not born: {report.reason}")
        yield
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


# Neighbours


async def run_neighbours(
    link: Link, backend: str, agents: int, folder: Path, seconds: float, deeds: Sequence[str]
) -> None:
    """One run with honest agents and, one after the other, a hostile one for each deed; says what came of each."""
    run = Run(backend, agents + 1, folder)
    digests = run.write_agents(agents)
    found = {}
    async with run.open():
        await asyncio.gather(*(run.give_birth(name, sha256) for name, sha256 in digests.items()))
        await honest(run, digests, 1.0, None)  # to warm up
        for deed in deeds:
            found[deed] = await suffer(run, digests, seconds, deed)
    if containers_of(run.run_id):
        raise ProcessFailed("it left containers behind")
    link.send(found)


async def suffer(run: Run, names: Iterable[str], seconds: float, deed: str) -> dict[str, Any]:
    """Times of requests to honest agents before, during and after the deed, and how the hostile cell ended."""
    await run.give_birth(deed, write_module(run.modules, deed, HOSTILE.format(deed=deed)))
    alone = await honest(run, names, seconds / 2, None)
    started, delivered = time.monotonic(), run.delivered
    doing = asyncio.ensure_future(run.trusted.request(ProposeRequest(objective=deed), deed, timeout=60))
    beside = await honest(run, names, ENDED_SECONDS if DEEDS[deed] else seconds, doing)
    lasted = time.monotonic() - started
    sent = run.delivered - delivered - len(beside) - 1  # all but ours
    how = await _reason(doing, run.ended[deed]) if doing.done() else ""
    await run.end(deed)
    await asyncio.gather(doing, return_exceptions=True)
    await asyncio.sleep(1.0)  # until the kernel has taken back what the cell held
    alone += await honest(run, names, seconds / 2, None)
    return {"alone": alone, "beside": beside, "lasted_s": lasted, "ended": how, "sent": sent}


async def _reason(doing: asyncio.Future[Any], ended: asyncio.Future[str]) -> str:
    """What the supervisor says of an end, or what the host says as long as the supervisor says nothing."""
    with suppress(TimeoutError):
        async with asyncio.timeout(EXIT_REPORT_SECONDS):
            return await asyncio.shield(ended)
    return str(doing.exception())


async def honest(run: Run, names: Iterable[str], seconds: float, doing: asyncio.Future[Any] | None) -> list[float]:
    """Seconds of requests to honest agents in turn, until the time is over or a deed is done.

    One that is not answered in time counts with that time.
    """
    times: list[float] = []
    over = time.monotonic() + seconds
    for name in itertools.cycle(names):
        if time.monotonic() > over or (doing is not None and doing.done()):
            break
        started = time.perf_counter()
        with suppress(DeadlineExceeded):
            await run.trusted.request(Hello(), name, timeout=GIVE_UP_SECONDS)
        times.append(time.perf_counter() - started)
        await asyncio.sleep(PAUSE_SECONDS)
    return times


if __name__ == "__main__":
    asyncio.run(_serve(CellPlace.model_validate_json(read_first_line()), os.dup(0), os.dup(1)))
