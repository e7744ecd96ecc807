"""What assistants may spend: totals for the life of the server, held before anything begins.

A run or a question is held at what it may spend at most until it has ended, so that many requests at once cannot spend
more than one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from creator.errors import UsageError
from creator.models.backend import CHECK_ANSWER_TOKENS, CHECK_PROMPT_TOKENS
from creator.spending.budget import NANO
from creator.spending.prices import Price, PriceOf
from creator.text import clean

DEFAULT_RUNS: Final = 5
DEFAULT_AGENTS: Final = 50


@dataclass(frozen=True)
class Limits:
    """What the person allows, for the life of the server.

    Attributes:
        cost: US dollars; None where none was named.
        tokens: Of models, read and written; None where none was named.
        agents: Births in all runs that are started.
        runs: How many runs may be started.
    """

    cost: float | None = None
    tokens: int | None = None
    agents: int = DEFAULT_AGENTS
    runs: int = DEFAULT_RUNS


@dataclass(frozen=True)
class Amount:
    """So much of each.

    Attributes:
        nano: Billionths of a US dollar.
        tokens: Read and written.
        agents: Births.
        runs: Starts.
    """

    nano: int = 0
    tokens: int = 0
    agents: int = 0
    runs: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.nano + other.nano, self.tokens + other.tokens, self.agents + other.agents, self.runs + other.runs
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.nano - other.nano, self.tokens - other.tokens, self.agents - other.agents, self.runs - other.runs
        )

    @property
    def dollars(self) -> float:
        """The cost in US dollars."""
        return self.nano / NANO


class Hold:
    """What something may spend at most, until it has ended; settle it once.

    Attributes:
        most: How much that is.
    """

    def __init__(self, purse: Purse, most: Amount) -> None:
        self.most = most
        self._purse = purse

    def settle(self, spent: Amount | None) -> None:
        """It has ended, and did spend so much; None where nobody knows, which counts as all of it."""
        self._purse.held -= self.most
        self._purse.spent += self.most if spent is None else spent


class Purse:
    """What is spent, what is held, and what is left.

    Attributes:
        limits: What the person allows.
        spent: By everything that has ended.
        held: For everything that goes on.
        unpriced: Whether a model was asked whose price is unknown.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.spent = Amount()
        self.held = Amount()
        self.unpriced = False

    @property
    def dollars_left(self) -> float | None:
        """None where no limit of costs was named."""
        return None if self.nano_left is None else self.nano_left / NANO

    @property
    def nano_left(self) -> int | None:
        """Billionths of a US dollar; None where no limit of costs was named."""
        if self.limits.cost is None:
            return None
        return max(0, math.floor(self.limits.cost * NANO) - self.spent.nano - self.held.nano)

    @property
    def tokens_left(self) -> int | None:
        """None where no limit of tokens was named."""
        if self.limits.tokens is None:
            return None
        return max(0, self.limits.tokens - self.spent.tokens - self.held.tokens)

    @property
    def agents_left(self) -> int:
        """Births."""
        return max(0, self.limits.agents - self.spent.agents - self.held.agents)

    @property
    def runs_left(self) -> int:
        """Starts."""
        return max(0, self.limits.runs - self.spent.runs - self.held.runs)

    @property
    def way_on(self) -> str:
        """What to do when there is too little left."""
        if self.held != Amount():
            return "Wait for what goes on: what it does not spend comes back."
        return "Only the person who started it can allow more."

    def hold(self, most: Amount) -> Hold:
        """Set something aside.

        Raises:
            UsageError: There is not so much left; the text says of what, and what to do.
        """
        checks: tuple[tuple[str, float, float | None, str], ...] = (
            ("runs", most.runs, self.runs_left, "--max-runs"),
            ("agents", most.agents, self.agents_left, "--max-agents"),
            ("tokens", most.tokens, self.tokens_left, "--max-tokens"),
            ("US dollars", most.nano / NANO, self.dollars_left, "--max-cost"),
        )
        for what, wanted, left, option in checks:
            if left is not None and wanted > left:
                raise UsageError(
                    f"This server has {_plain(left)} {what} left, not {_plain(wanted)} ({option}). {self.way_on}"
                )
        self.held += most
        return Hold(self, most)

    def agree(self, models: Iterable[str], price_of: PriceOf) -> None:
        """Find out whether the person has agreed to spend on these models.

        A model that costs nothing needs no consent; a limit of cost or of tokens is the consent to any other.

        Args:
            models: Their names.
            price_of: Gives prices.

        Raises:
            UsageError: They have not, or a limit of cost cannot be kept as the price is unknown.
        """
        for name in models:
            price = price_of(name)
            if is_free(price):
                continue
            if self.limits.cost is None and self.limits.tokens is None:
                raise UsageError(
                    f"{clean(name, 100)} may cost money, and the person who started this server allowed none: they can"
                    " start it with --max-cost USD or --max-tokens T, or choose the embedded model (CREATOR_MODEL)."
                )
            if price is None and self.limits.cost is not None:
                raise UsageError(
                    f"--max-cost cannot be kept, as the price of {clean(name, 100)} is unknown: the person who started"
                    " this server can name it in a file (CREATOR_PRICES)."
                )


def is_free(price: Price | None) -> bool:
    """Whether a model is known to cost nothing."""
    return price is not None and not price.prompt and not price.completion


def most_for(price: Price | None, tokens: int) -> int:
    """What so many tokens cost at most, in billionths of a US dollar; 0 for an unknown price."""
    if price is None:
        return 0
    return math.ceil(max(price.cost(tokens, 0), price.cost(0, tokens)) * NANO)


def check_amount(price: Price | None) -> Amount:
    """What it takes to find out that a model answers, which no ledger tells."""
    if is_free(price):
        return Amount()
    tokens = CHECK_PROMPT_TOKENS + CHECK_ANSWER_TOKENS
    return Amount(nano=most_for(price, tokens), tokens=tokens)


def _plain(number: float) -> str:
    """A number without needless digits: ``0.5``, ``1,250``."""
    return f"{number:,.9f}".rstrip("0").rstrip(".")
