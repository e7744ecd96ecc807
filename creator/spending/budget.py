"""The budget of a run: hard limits, looked at in one place before anything is spent.

A try at a model call is held at what it may cost at most, until it is known what it did cost. Who asks for more than
there is waits while something under way may still give it back, is refused when only its own share is used up, and
ends the run when a limit is.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from creator.errors import LimitReached, ShareUsedUp, TerminalModelError, UsageError
from creator.models.backend import Usage
from creator.spending.allowance import Allowance, Answer
from creator.spending.limits import WARNED_AT, Kind, Limits, Spent, reached_line, share_line, warning_line
from creator.spending.prices import PriceOf
from creator.spending.shares import Shares, share_holder
from sandbox.errors import BudgetUsedUp
from sandbox.protocol import CREATOR

NANO: Final = 1_000_000_000
"""Of a US dollar: costs are whole numbers of it, rounded up, so that no sum is ever too small."""
ARRIVAL_SECONDS: Final = 1.0
"""How long what was paid for may take to reach whoever waits for it, once a limit has ended a run."""

_WORST: Final[tuple[Answer, ...]] = ("limit", "share", "waits", "kept", "fits")


class Reservation:
    """What one try at a model call may cost at most, until it is known what it did cost."""

    def __init__(self) -> None:
        self.usage: Usage | None = Usage(0, 0)
        """What it has cost as far as is known; None while it may cost all that is held."""

    def sent(self) -> None:
        """The try begins: from now on it may be charged for."""
        self.usage = None

    def settle(self, usage: Usage) -> None:
        """The server has told what the try cost."""
        self.usage = usage

    def release(self) -> None:
        """The try cost nothing: it was refused."""
        self.usage = Usage(0, 0)


@dataclass(eq=False)
class _Asker:
    """Somebody in the line."""

    account: str
    most: dict[Kind, int]
    granted: asyncio.Future[None]


class Budget:
    """What a run may spend; without limits as much as it takes.

    Args:
        limits: Of the whole run.
        price_of: What models cost.
        spent: What an earlier life of the run has spent.
        on_warning: Called with one line, once for each limit of which four fifths are spent.
        on_reached: Called with one line when the first limit is in the way of something.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        price_of: PriceOf = lambda model: None,
        spent: Spent | None = None,
        on_warning: Callable[[str], None] = lambda line: None,
        on_reached: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.limits = limits or Limits()
        self.shares = Shares()
        """Who still has to deliver; told by whoever gives birth to agents, and takes in their ideas."""
        self.shares.on_change = self._share_changed
        self.on_births_held: Callable[[], None] = lambda: None
        """Called when there is too little left for a birth, which waits until all who live have delivered."""
        self.reached = ""
        """The line of the first limit that was in the way of something; empty while there is none."""
        before = spent or Spent()
        self._price_of = price_of
        self._on_warning, self._on_reached = on_warning, on_reached
        self._births = set(before.births)
        self._allowances: dict[Kind, Allowance] = {}
        if (tokens := self.limits.tokens) is not None:
            self._allowances["tokens"] = Allowance(tokens, self.shares, before.tokens)
        if (cost := self.limits.cost) is not None:
            spent_before = {name: math.ceil(much * NANO) for name, much in before.cost.items()}
            self._allowances["cost"] = Allowance(math.floor(cost * NANO), self.shares, spent_before)
        if (messages := self.limits.messages) is not None:
            self._allowances["messages"] = Allowance(messages, self.shares, before.messages, usual=1)
        self._warned = {kind for kind, much, limit in self._figures() if much >= WARNED_AT * limit}
        self._line: list[_Asker] = []
        self._under_way = 0
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._watched = False
        self._seconds_before = before.seconds
        self._began: float | None = None

    # Model calls

    @asynccontextmanager
    async def reserve(
        self, agent: str, model: str, *, prompt_tokens: int, completion_tokens: int
    ) -> AsyncIterator[Reservation]:
        """Hold what one try may cost at most; one that was sent and is neither settled nor released costs all of it.

        Args:
            agent: On whose account.
            model: The model's name.
            prompt_tokens: No fewer than the prompt has.
            completion_tokens: The limit of the answer.

        Raises:
            ShareUsedUp: What is left is kept for others.
            LimitReached: A limit is in the way; where somebody watches, who ends the run, this waits for that instead.
            TerminalModelError: There is a limit of costs, and the model has no price.
        """
        account = share_holder(agent)
        most = self._amounts(model, Usage(prompt_tokens, completion_tokens))
        reservation = Reservation()
        await self._hold(account, most)
        try:
            yield reservation
        finally:
            cost = most if reservation.usage is None else self._amounts(model, reservation.usage)
            self._settle(account, most, cost)

    def check(self, model: str, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
        """Find out before a run that a model's costs can be limited, if that is wanted, and that something is left.

        Args:
            model: Its name.
            prompt_tokens: What the first try has.
            completion_tokens: The limit of its answer.

        Raises:
            UsageError: The price is unknown, or nothing is left.
        """
        if "cost" in self._allowances and self._price_of(model) is None:
            raise UsageError(f"--max-cost needs to know what {model} costs: name its price in a file with --prices")
        for kind, most in self._amounts(model, Usage(prompt_tokens, completion_tokens)).items():
            if self._allowances[kind].look(CREATOR, most) == "limit":
                raise UsageError(f"{self._reached_line(kind)} before anything could begin: give a higher one")

    def _amounts(self, model: str, usage: Usage) -> dict[Kind, int]:
        """What so many tokens take from each limit."""
        amounts: dict[Kind, int] = {}
        if "tokens" in self._allowances:
            amounts["tokens"] = usage.prompt_tokens + usage.completion_tokens
        if "cost" in self._allowances:
            price = self._price_of(model)
            if price is None:
                raise TerminalModelError(f"--max-cost forbids calls to {model}, as its price is unknown")
            amounts["cost"] = math.ceil(price.cost(usage.prompt_tokens, usage.completion_tokens) * NANO)
        return amounts

    async def _hold(self, account: str, most: dict[Kind, int]) -> None:
        asker = _Asker(account, most, asyncio.get_running_loop().create_future())
        self._line.append(asker)
        self._serve()
        try:
            await asker.granted
        except asyncio.CancelledError:
            if asker.granted.done() and not asker.granted.cancelled() and asker.granted.exception() is None:
                self._settle(account, most, dict.fromkeys(most, 0))
            raise
        finally:
            if asker in self._line:
                self._line.remove(asker)
                self._serve()  # whoever was behind it

    def _serve(self) -> None:
        """Let everyone in line go on who can, in order; who waits for what is under way lets nobody pass."""
        for asker in list(self._line):
            if self._over.is_set() and self._watched:
                return  # the run ends, and all who wait with it
            if asker.granted.done():
                continue
            answers = {kind: self._allowances[kind].look(asker.account, most) for kind, most in asker.most.items()}
            worst = next((one for one in _WORST if one in answers.values()), "fits")
            kind = next((kind for kind, answer in answers.items() if answer == worst), None)
            if worst == "waits":
                return
            if worst == "kept":
                continue
            if worst == "limit" and asker.account == CREATOR and self._may_still_deliver():
                self.on_births_held()
                continue
            if kind is not None and worst == "limit":
                self._reach(kind)
                if self._watched:
                    return
                asker.granted.set_exception(LimitReached(self._reached_line(kind)))
            elif kind is not None and worst == "share":
                asker.granted.set_exception(ShareUsedUp(share_line(kind, self._limit(kind))))
            else:
                for one, most in asker.most.items():
                    self._allowances[one].hold(asker.account, most)
                self._under_way += 1
                asker.granted.set_result(None)
            self._line.remove(asker)

    def _may_still_deliver(self) -> bool:
        """Whether an agent is alive, or on its way to life, that may deliver with what is too little for a birth."""
        held = sum(asker.account == CREATOR for asker in self._line)
        return self.shares.at_work or self.shares.being_written > held

    def _settle(self, account: str, most: dict[Kind, int], cost: dict[Kind, int]) -> None:
        for kind, much in most.items():
            self._allowances[kind].settle(account, much, cost[kind])
        self._under_way -= 1
        self._warn()
        self._changed()

    # Messages and births

    def message(self, agent: str) -> None:
        """An agent is about to send a request: count it.

        Args:
            agent: With whom the conversation began that it belongs to.

        Raises:
            BudgetUsedUp: It must not be sent.
        """
        allowance = self._allowances.get("messages")
        if allowance is None:
            return
        answer = allowance.look(agent, 1)
        if answer == "limit":
            self._reach("messages")
            raise BudgetUsedUp(self._reached_line("messages"))
        if answer != "fits":
            raise BudgetUsedUp(share_line("messages", allowance.limit))
        allowance.hold(agent, 1)
        allowance.settle(agent, 1, 1)
        self._warn()

    def begin_births(self, numbers: Iterable[int]) -> None:
        """These agents are about to be born; those that were counted before are not counted again."""
        self._births.update(numbers)
        if (most := self.limits.agents) is not None and len(self._births) < most:
            self._warn_of("agents", len(self._births), most)

    @property
    def colleagues_left(self) -> int:
        """How many more agents others may ask for; those of generations to come have their places."""
        return self._births_left - self.shares.later

    def may_breed(self, count: int) -> bool:
        """Whether so many more agents may be born; if not, that limit is reached, which the caller ends the run for."""
        if count > self._births_left and not self.reached:
            self._note_reached("agents")
        return count <= self._births_left

    @property
    def _births_left(self) -> int:
        limits = [most for most in (self.limits.agents, self.limits.births) if most is not None]
        return max(0, min(limits) - len(self._births)) if limits else 1_000_000_000

    # The end

    @property
    def over(self) -> bool:
        """Whether a limit ends the run at this moment: what fails now fails for that."""
        return self._over.is_set()

    async def watch(self) -> None:
        """Wait until a limit is reached, and what was paid for by then has come; for the one who ends the run then.

        Raises:
            LimitReached: Always, if nothing else ends this before.
        """
        self._watched, self._began = True, time.monotonic()
        seconds = self.limits.seconds
        left = None if seconds is None else max(0.0, seconds - self._seconds_before)
        warning = None
        if seconds is not None and left is not None and (wait := left - (1 - WARNED_AT) * seconds) > 0:
            loop = asyncio.get_running_loop()
            warning = loop.call_later(wait, self._warn_of, "seconds", WARNED_AT * seconds, seconds)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._over.wait()
                    while self._under_way:
                        news = self._news
                        await news.wait()
                    await asyncio.sleep(ARRIVAL_SECONDS)
            self._reach("seconds")
            raise LimitReached(self.reached)
        finally:
            self._watched = False
            if warning is not None:
                warning.cancel()

    def left(self) -> list[tuple[str, float, float]]:
        """For each limit what it counts, what is spent of it, and how much it is."""
        figures = self._figures()
        if self.limits.agents is not None:
            figures.append(("agents", len(self._births), self.limits.agents))
        if self.limits.seconds is not None:
            now = time.monotonic()
            figures.append(("seconds", self._seconds_before + now - (self._began or now), self.limits.seconds))
        names: dict[Kind, str] = {"cost": "US dollars"}
        return [(names.get(kind, kind), spent, limit) for kind, spent, limit in figures]

    def _figures(self) -> list[tuple[Kind, float, float]]:
        figures: list[tuple[Kind, float, float]] = []
        for kind, allowance in self._allowances.items():
            scale = NANO if kind == "cost" else 1
            figures.append((kind, allowance.spent / scale, self._limit(kind)))
        return figures

    def _limit(self, kind: Kind) -> float:
        limit = self.limits.births if kind == "agents" and self.limits.agents is None else getattr(self.limits, kind)
        assert limit is not None
        return float(limit)

    def _warn(self) -> None:
        for kind, spent, limit in self._figures():
            self._warn_of(kind, spent, limit)

    def _warn_of(self, kind: Kind, spent: float, limit: float) -> None:
        if spent >= WARNED_AT * limit and kind not in self._warned:
            self._warned.add(kind)
            self._on_warning(warning_line(kind, spent, limit))

    def _reached_line(self, kind: Kind) -> str:
        return reached_line(kind, self._limit(kind))

    def _reach(self, kind: Kind) -> None:
        """A limit is in the way: whoever watches ends the run."""
        self._note_reached(kind)
        self._over.set()

    def _note_reached(self, kind: Kind) -> None:
        if not self.reached:
            self.reached = self._reached_line(kind)
            self._on_reached(self.reached)

    def _share_changed(self) -> None:
        for allowance in self._allowances.values():
            allowance.forget()
        self._changed()

    def _changed(self) -> None:
        self._serve()
        self._news.set()
        self._news = asyncio.Event()
