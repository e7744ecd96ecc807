"""Questions of assistants to agents, which come back to life for each: few at once, each bounded in time and cost."""

from __future__ import annotations

import asyncio
import math
from types import TracebackType
from typing import Final, Self

from creator.asking import talking
from creator.assistants.purse import Amount, Hold, Purse, is_free, most_for
from creator.assistants.started import owned
from creator.errors import UsageError
from creator.ledger.view import RunView
from creator.settings import SpawnSettings, load_environ
from creator.spending.budget import NANO, Budget
from creator.spending.limits import Limits
from creator.spending.prices import Price
from creator.spending.run_prices import prices_for
from creator.talk import NoAnswer
from creator.text import clean_lines

AT_ONCE: Final = 2
SECONDS: Final = 240.0
"""How long an agent may take, its way back to life included."""
TOKENS: Final = 20_000
"""What one question may take of the model, read and written."""
MAX_ANSWER: Final = 8_000
"""Characters of an answer that are passed on."""


class Questions:
    """Asks agents; an async context manager, at whose end none is left in a sandbox.

    Args:
        purse: Pays for it.
    """

    def __init__(self, purse: Purse) -> None:
        self._purse = purse
        self._asked: set[asyncio.Task[str]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._asked:
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)

    async def ask(self, view: RunView, name: str, question: str) -> str:
        """What an agent answers.

        Args:
            view: Its run.
            name: The agent.
            question: 1 to 4,000 characters.

        Raises:
            UsageError: There is no such agent, the budget does not allow it, or too many are asked already.
            EnvironmentFault: There is no sandbox or no model.
            NoAnswer: It failed to answer.
        """
        if len(self._asked) >= AT_ONCE:
            raise UsageError(f"{AT_ONCE} agents are asked already: wait for their answers.")
        task = asyncio.create_task(self._ask(view, name, question))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        return await owned(task)

    async def _ask(self, view: RunView, name: str, question: str) -> str:
        bill = _Bill(self._purse)
        try:
            async with asyncio.timeout(SECONDS), talking(view, name, budget_for=bill.open) as talk:
                return clean_lines(await talk.ask(question), MAX_ANSWER).strip()
        except TimeoutError:
            raise NoAnswer(f"{name} gave no answer within {SECONDS:g} seconds.") from None
        finally:
            bill.close()


class _Bill:
    """What one question is held at, and what it did cost."""

    def __init__(self, purse: Purse) -> None:
        self._purse = purse
        self._hold: Hold | None = None
        self._budget = Budget()
        self._price: Price | None = None

    def open(self, settings: SpawnSettings, model: str) -> Budget:
        """Hold what the question may spend at most.

        Raises:
            UsageError: The person has not agreed to spend on the model, or nothing is left.
        """
        price_of = prices_for(settings, load_environ())
        self._purse.agree([model], price_of)
        self._price = price_of(model)
        self._purse.unpriced |= self._price is None
        left = self._purse.tokens_left
        tokens = TOKENS if left is None else min(TOKENS, left)
        nano = most_for(self._price, TOKENS)
        if self._purse.nano_left is not None:
            nano = min(nano, self._purse.nano_left)
        self._hold = self._purse.hold(Amount(nano=nano, tokens=tokens))
        cost = None if self._price is None or is_free(self._price) else nano / NANO
        self._budget = Budget(Limits(tokens=tokens, cost=cost), price_of=price_of)
        return self._budget

    def close(self) -> None:
        """Pay what the question did cost, the check of its model included."""
        if self._hold is not None:
            spent = {kind: much for kind, much, _ in self._budget.left()}
            nano = math.ceil(spent.get("US dollars", 0.0) * NANO)
            self._hold.settle(Amount(nano=nano, tokens=int(spent["tokens"])))
