"""The runs that assistants have started: each within what is left of the person's budget, none outlives the server."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from creator import launching
from creator.assistants.purse import Amount, Hold, Purse, check_amount, is_free
from creator.errors import CreatorError, EnvironmentFault, UsageError
from creator.ledger.totals import load_totals
from creator.locks import holder, is_locked
from creator.models.choose import choose_backend
from creator.panel import judge_backends
from creator.settings import SpawnSettings, load_environ
from creator.spending.budget import NANO
from creator.spending.prices import Price
from creator.spending.run_prices import embedding_model, prices_for

AT_ONCE: Final = 2
"""Runs that go on at the same time: each has a sandbox and perhaps a model of its own."""
STOP_SECONDS: Final = 10.0
"""How long a run may take to end in order."""
FREE_ONLY: Final = 1
"""A limit in billionths of a US dollar that nothing but a free model can keep."""
_LOOK_SECONDS: Final = 0.2

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Order:
    """What an assistant asks for.

    Attributes:
        count: How many agents.
        objective: What they work on; None for the usual one.
        max_tokens: For this run; None for all that is left.
        max_cost: US dollars for this run; None for all that is left.
    """

    count: int
    objective: str | None = None
    max_tokens: int | None = None
    max_cost: float | None = None


@dataclass(frozen=True)
class _Plan:
    """What a run is started with, and what is held for it."""

    options: dict[str, object]
    most: Amount
    check: Amount
    unpriced: bool


class StartedRuns:
    """Starts runs and stops them; an async context manager, at whose end none is left.

    Args:
        output: The folder of all runs.
        purse: Pays for them.
    """

    def __init__(self, output: Path, purse: Purse) -> None:
        self._output = output
        self._purse = purse
        self._going: dict[str, tuple[int | None, asyncio.Task[None]]] = {}
        """By id of each run that has not ended: its process, and who waits for its end."""
        self._ended: set[str] = set()
        self._beginning: set[asyncio.Task[str]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._beginning:
            task.cancel()
        for name in self._going:
            _stop(self._output / name)
        await asyncio.gather(*self._beginning, return_exceptions=True)
        pids = [pid for pid, _ in self._going.values() if pid is not None]
        await _until(lambda: not any(map(_exists, pids)), STOP_SECONDS)
        for _, watch in self._going.values():
            watch.cancel()
        await asyncio.gather(*(watch for _, watch in self._going.values()), return_exceptions=True)

    def __contains__(self, name: object) -> bool:
        """Whether this server has started the run."""
        return name in self._going or name in self._ended

    @property
    def going_on(self) -> int:
        """How many have not ended, those that are about to begin included."""
        return len(self._going) + len(self._beginning)

    async def start(self, order: Order) -> str:
        """Start a run, and return its id once it has begun.

        Raises:
            UsageError: It is refused: the budget, the settings, or too many at once.
            EnvironmentFault: It could not begin.
        """
        if self.going_on >= AT_ONCE:
            raise UsageError(f"{AT_ONCE} runs go on already: wait until one has ended, or stop it.")
        plan = self._plan(order)
        hold = self._purse.hold(plan.most)  # nothing is awaited between the plan and this
        task = asyncio.create_task(self._launch(plan, hold))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)
        return await owned(task)

    async def stop(self, name: str) -> bool:
        """Ask a run to end in order, and wait until it has.

        Args:
            name: Its id.

        Returns:
            Whether it has ended.

        Raises:
            UsageError: This server did not start it, or cannot stop it.
        """
        if name not in self:
            raise UsageError(f"This server did not start run {name}, and stops no other: python -m creator runs")
        launching.stop(self._output / name)
        return await _until(lambda: name not in self._going, STOP_SECONDS)

    async def settled(self, name: str) -> None:
        """Wait until a run that has ended is paid for; a run of others is not."""
        await _until(lambda: name not in self._going, STOP_SECONDS)

    def _plan(self, order: Order) -> _Plan:
        """What the run may spend: no more than is left, is asked for, or its settings say."""
        purse = self._purse
        wanted = {"count": order.count, "objective": order.objective, "output": self._output}
        settings = SpawnSettings.load(wanted)
        price, free = self._price(settings)
        tokens = _least(purse.tokens_left, order.max_tokens, settings.max_tokens)
        dollars = _least(order.max_cost, settings.max_cost)
        nano = _least(purse.nano_left, None if dollars is None else math.floor(dollars * NANO))
        if free:
            nano = FREE_ONLY
        for what, amount in (("tokens", tokens), ("US dollars", nano)):
            if amount == 0:
                raise UsageError(f"Nothing is left of this server's {what}. {purse.way_on}")
        agents = min(settings.most_births, max(purse.agents_left, order.count))
        options: dict[str, object] = {
            "count": order.count,
            "objective": order.objective,
            "max_tokens": tokens,
            "max_cost": None if nano is None else f"{nano / NANO:.9f}",
            # A limit that is in nobody's way is not named: it would be told of as one that was reached.
            "max_agents": agents if agents < settings.most_births else None,
        }
        most = Amount(nano=0 if free else nano or 0, tokens=tokens or 0, agents=agents, runs=1)
        return _Plan(options, most, check_amount(price), unpriced=not free and nano is None)

    def _price(self, settings: SpawnSettings) -> tuple[Price | None, bool]:
        """The price of the run's own model, and whether all of its models are free.

        Raises:
            UsageError: The person has not agreed to spend on one of them.
        """
        environ = load_environ()

        def ignore(_: str) -> None:
            return None

        backend = choose_backend(settings.model, settings.base_url, environ, progress=ignore)
        judges = judge_backends(settings, backend, environ, ignore)
        names = [backend.name, *(judge.name for judge in judges)]
        names += [name for name in [embedding_model(settings, backend.name)] if name is not None]
        price_of = prices_for(settings, environ)
        self._purse.agree(names, price_of)
        return price_of(backend.name), all(is_free(price_of(name)) for name in names)

    async def _launch(self, plan: _Plan, hold: Hold) -> str:
        try:
            directory = await launching.launch(self._output, plan.options)
        except BaseException:
            hold.settle(plan.check)
            raise
        self._purse.unpriced |= plan.unpriced
        watch = asyncio.create_task(self._watch(directory, plan, hold))
        self._going[directory.name] = holder(directory), watch
        return directory.name

    async def _watch(self, directory: Path, plan: _Plan, hold: Hold) -> None:
        """Wait for a run's end, and pay what its ledger says."""
        while is_locked(directory):  # noqa: ASYNC110 - a lock tells nobody when it is free
            await asyncio.sleep(_LOOK_SECONDS)
        try:
            totals = load_totals(directory)
        except EnvironmentFault:
            hold.settle(None)
        else:
            spent = Amount(math.ceil(totals.cost * NANO), totals.tokens, totals.births, runs=1)
            hold.settle(spent + plan.check)
        self._ended.add(directory.name)
        del self._going[directory.name]


async def owned(task: asyncio.Task[_Result]) -> _Result:
    """Wait for a task that ends in order by itself when whoever waits for it is cancelled.

    The SDK cancels a request again and again until it is gone, so that nothing could be cleaned up in it.
    """
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        raise


async def wait_telling(
    work: Coroutine[Any, Any, _Result], tell: Callable[[float], Awaitable[None]], every: float = 2.0
) -> _Result:
    """Wait for something, and tell how many seconds it takes already; it is cancelled with whoever waits."""
    began = time.monotonic()
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=every)
            if not task.done():
                await tell(time.monotonic() - began)
    finally:
        task.cancel()
    return await task


def _least(*limits: Any) -> Any:
    """The lowest of those that are limits."""
    return min((one for one in limits if one is not None), default=None)


def _stop(directory: Path) -> None:
    try:
        launching.stop(directory)
    except (CreatorError, OSError):
        return  # it has gone meanwhile, or nobody can


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


async def _until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait for something, but not for ever; gives whether it came."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:  # noqa: ASYNC110 - processes are no tasks of ours
        await asyncio.sleep(_LOOK_SECONDS / 4)
    return done()
