"""What a run will take, told before it begins: calls of models, tokens, and what they cost.

How many calls a run makes follows from what it is asked for: births, ideas, what agents make of each other's ideas,
comparisons by judges, one-shot ideas. How long a call is was found by running the scripted model of the tests with
every pattern, both authors, generations, a baseline and all shipped templates, and looking at each kind of call: its
prompt in characters, divided by four, and the answer's. There a birth reads 376 to 552 tokens and writes 29 to 186 (a
module that is written in code: reads 3,770 and writes 1,230), an idea reads 258 to 294 and writes 249, a colleague's
turn reads 430 to 1,300, a one-shot idea 262, and a comparison 690; of the scripted model's ideas one part takes 28. The
embedded model takes two calls for a birth and two to five for an idea, of 60 to 120 tokens each. That parts of real
ideas take 22 to 45 follows from what is asked for (a sentence or two), and was not measured. The low end is a run in
which every call succeeds and ideas are short; at the high end every third birth or idea takes a second try, ideas are
long, and a model that thinks before it answers writes as much as it may. It is an estimate, and no limit:
``--max-tokens`` and ``--max-cost`` are limits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from creator.agents.judge import ANSWER_TOKENS
from creator.agents.messages import CompleteText, FillTemplate
from creator.authors.code import TRIES as MODULE_TRIES
from creator.contest import MOST_ONE_SHOTS
from creator.ideas.form import IdeaForm, load_idea_form
from creator.ideas.one_shot import MAX_TOKENS as IDEA_TOKENS
from creator.ideas.pairing import rounds_for
from creator.models.backend import Backend, Strategy
from creator.outcome import Dollars, Estimate, RunOutcome, Span
from creator.panel import seated
from creator.settings import SpawnSettings
from creator.spending.prices import Price, PriceOf
from creator.spending.run_prices import embedding_model
from creator.templates.rendering import Template
from sandbox.patterns import PANEL
from sandbox.protocol import Pattern

Between = tuple[float, float]
"""The low end and the high end of something."""

TRIES: Final[Mapping[Strategy, Between]] = {"object": (1, 1.3), "slots": (2, 5)}
"""Calls for a birth, an idea or a turn: a small model is asked slot by slot."""
PART_TOKENS: Final[Between] = (22, 45)
"""Of one part of an idea, its name included."""
SHARING: Final[Between] = (0.25, 0.9)
"""How likely an agent works on its idea with others, where that is its own choice."""
MATCHES: Final[Between] = (0.7, 1.15)
"""Matches of a tournament for each that its rounds come to: duplicates are not judged, some ideas meet once more."""
SLOT_READ: Final[Between] = (50, 400)
SLOT_WRITTEN: Final[Between] = (5, 60)
"""Tokens of one call of a small model."""
BIRTH_READ: Final[Between] = (350, 1_150)
BIRTH_WRITTEN: Final[Between] = (25, 500)
"""Tokens of one call that fills a template; an agent that is bred has most of its values already."""
MODULE_READ: Final[Between] = (3_400, 6_500)
MODULE_WRITTEN: Final[Between] = (900, 2_500)
"""Tokens of one call that writes a module, or mends one that it is shown."""
BIRTH_TOKENS: Final[int] = FillTemplate.model_fields["max_tokens"].default
MODULE_TOKENS: Final[int] = CompleteText.model_fields["max_tokens"].default
JUDGE_WRITTEN: Final[Between] = (20, 120)
"""Tokens of a verdict with its reason."""
PARENTS_TOKENS: Final = 2_600
"""Tokens of the modules of two parents, which a model that writes code is shown."""


@dataclass(frozen=True)
class _Calls:
    """Calls of one kind.

    Attributes:
        price: Of their model; None when it is unknown.
        number: How many.
        read: Tokens that each reads.
        written: Tokens that each writes.
        most: Tokens that each may write, as a model does that thinks before it answers.
    """

    price: Price | None
    number: Between
    read: Between
    written: Between
    most: int

    @property
    def totals(self) -> tuple[Between, Between]:
        """Tokens read and written by all of them."""
        longest = self.most if self.price is not None and self.price.reasoning else self.written[1]
        low, high = self.number
        return (low * self.read[0], high * self.read[1]), (low * self.written[0], high * longest)


def estimate_run(
    settings: SpawnSettings,
    backend: Backend,
    judges: Sequence[Backend],
    templates: Iterable[Template],
    price_of: PriceOf,
    *,
    kept: int = 0,
) -> Estimate:
    """What a run will take.

    Args:
        settings: What the user asked for.
        backend: The run's model.
        judges: Models that judge; none for the run's own.
        templates: What agents are made from: some ask for colleagues.
        price_of: What models cost.
        kept: How many agents of the library take part, which nobody has to write.

    Raises:
        UsageError: The schema of ideas cannot be used.
    """
    lengths = _Lengths(settings, load_idea_form(settings.idea_schema), backend.strategy)
    plan = _Plan(settings, backend.strategy, _asks_for_colleagues(settings, templates), kept)
    price = price_of(backend.name)
    calls = [
        _Calls(price, plan.births, lengths.birth_read, lengths.birth_written, lengths.birth_most),
        _Calls(price, plan.ideas, lengths.idea_read, lengths.idea_written, IDEA_TOKENS),
        _Calls(price, plan.turns, lengths.turn_read, lengths.turn_written, IDEA_TOKENS),
    ]
    seats = seated(settings, backend, judges)
    baseline = 0
    wanted = settings.baseline if settings.baseline is not None else bool(settings.generations and seats)
    if wanted and backend.strategy == "object":
        calls.append(_one_shots(settings, price, lengths, _tokens(calls)))
        baseline = settings.asked
    comparisons = plan.comparisons(baseline)
    for seat in seats:
        calls.append(_Calls(price_of(seat.name), comparisons, lengths.judge_read, JUDGE_WRITTEN, ANSWER_TOKENS))
    if (embeddings := embedding_model(settings, backend.name)) is not None:
        texts = settings.asked, plan.most_ideas + MOST_ONE_SHOTS * baseline
        calls.append(_Calls(price_of(embeddings), texts, lengths.idea, (0, 0), 0))
    return _summed(calls)


def _asks_for_colleagues(settings: SpawnSettings, templates: Iterable[Template]) -> bool:
    """Whether agents may ask for colleagues: some templates do, and who knows what a model writes."""
    asking = ("create_colleague", "ask_for_colleague")
    return settings.author == "code" or any(word in one.source for one in templates for word in asking)


class _Plan:
    """How many calls of which kind there are."""

    def __init__(self, settings: SpawnSettings, strategy: Strategy, colleagues: bool, kept: int) -> None:
        self._settings = settings
        low, high = TRIES[strategy]
        most_colleagues = min(settings.most_agents - settings.count, settings.count * settings.colleagues_each)
        self._colleagues = most_colleagues if colleagues and settings.max_depth else 0
        written = settings.asked - kept
        again = (MODULE_TRIES + 1) / 2 if settings.author == "code" else high
        self.births: Between = (written * low, (written + self._colleagues) * again)
        self.most_ideas = settings.asked + self._colleagues
        self.ideas: Between = (settings.asked * low, self.most_ideas * high)
        others = settings.count - 1
        turns = _turns(settings, others)[0], _turns(settings, others + self._colleagues)[1]
        share = _share(settings)
        self.turns: Between = (settings.asked * share[0] * turns[0] * low, self.most_ideas * share[1] * turns[1] * high)

    def comparisons(self, baseline: int) -> Between:
        """How many comparisons one judge makes: each pair in both orders.

        Args:
            baseline: How many one-shot ideas take part.
        """
        low, high = (self._matches(more, baseline) for more in (0, self._colleagues))
        return 2 * low * MATCHES[0], 2 * high * MATCHES[1]

    def _matches(self, colleagues: int, baseline: int) -> float:
        """Each idea has as many matches as the ideas up to its generation make it; two share one."""
        settings = self._settings
        so_far = settings.count + colleagues + baseline
        matches = so_far * rounds_for(so_far)
        for _ in range(settings.generations):
            so_far += settings.bred
            matches += settings.bred * rounds_for(so_far)
        return matches / 2


def _turns(settings: SpawnSettings, others: int) -> Between:
    """How often models are asked for an idea that is worked on with others, beside its draft.

    Args:
        settings: Of the run.
        others: How many colleagues an agent has.
    """
    hops = min(settings.hop_limit, others)
    if not hops:
        return 0, 0
    panel = min(PANEL, others) + 1
    turns: dict[Pattern | None, Between] = {
        "bounce": (1, hops),
        "relay": (1, hops),
        "panel": (panel, panel),
        "critique": (2, 2),
        "pro_contra": (2, 4 if others > 1 else 2),
        None: (1, max(2, max(panel, hops) - 1)),  # they do not all choose the longest
    }
    return turns[settings.pattern]


def _share(settings: SpawnSettings) -> Between:
    """The share of agents that work on their ideas with others, two standard deviations either way."""
    low, high = SHARING if settings.bounce is None else (settings.bounce, settings.bounce)
    low -= 2 * math.sqrt(low * (1 - low) / settings.asked)
    high += 2 * math.sqrt(high * (1 - high) / settings.asked)
    return max(low, 0), min(high, 1)


class _Lengths:
    """How many tokens a call of each kind reads and writes."""

    def __init__(self, settings: SpawnSettings, form: IdeaForm, strategy: Strategy) -> None:
        objective, guidance = len(settings.objective) / 4, len(form.guidance) / 4
        given = objective + guidance
        keys = sum(len(name) + len(str(one.get("description", ""))) + 4 for name, one in form.parts.items()) / 4
        schema = len(json.dumps(form.answer_schema)) / 4  # providers count it as read, or don't
        short, long = (len(form.parts) * one for one in PART_TOKENS)
        long = max(short, min(long, IDEA_TOKENS))
        self.idea: Between = (short, long)
        self.one_shot_read: Between = (60 + objective + keys, 160 + given + keys + schema)
        self.judge_read: Between = (160 + objective + 2 * short, 360 + given + 2.1 * long)
        self.birth_read, self.birth_written, self.birth_most = BIRTH_READ, BIRTH_WRITTEN, BIRTH_TOKENS
        self.idea_read: Between = (180 + objective, 620 + given + schema)
        self.idea_written: Between = self.idea
        self.turn_read: Between = (180 + objective + short, 620 + given + schema + 1.5 * long)
        self.turn_written: Between = (20, long)  # the shortest are opinions
        if strategy == "slots":
            self.birth_read = self.idea_read = self.turn_read = SLOT_READ
            self.birth_written = self.idea_written = self.turn_written = SLOT_WRITTEN
        elif settings.author == "code":
            parents = PARENTS_TOKENS if settings.generations else 0
            self.birth_read, self.birth_written = (MODULE_READ[0], MODULE_READ[1] + parents), MODULE_WRITTEN
            self.birth_most = MODULE_TOKENS


def _one_shots(settings: SpawnSettings, price: Price | None, lengths: _Lengths, population: Between) -> _Calls:
    """As many as there are agents, and then as many as cost what the population did."""
    (short_read, long_read), (short, long) = lengths.one_shot_read, lengths.idea
    if price is not None and price.reasoning:
        long = IDEA_TOKENS
    most = MOST_ONE_SHOTS * settings.asked
    fewest = max(settings.count, min(most, population[0] / (long_read + long)))
    number = max(settings.count, min(most, population[1] / (short_read + short)))
    # So many are short ones: at the high end of tokens they take what the population takes.
    shrunk = min(1, max(population[1], settings.count * (long_read + long)) / (number * (long_read + long)))
    read, written = (short_read, long_read * shrunk), (short, long * shrunk)
    return _Calls(price, (fewest, number), read, written, math.ceil(written[1]))


def still_expected(earlier: RunOutcome) -> Estimate | None:
    """What is left of a run's estimate, when it is gone on with; None when there was none.

    Args:
        earlier: What it has come to.
    """
    before = earlier.estimate
    if before is None:
        return None
    cost = None
    if before.cost is not None and earlier.cost is not None:
        cost = Dollars(low=max(0.0, before.cost.low - earlier.cost), high=max(0.0, before.cost.high - earlier.cost))
    return Estimate(
        calls=before.calls,
        prompt_tokens=_less(before.prompt_tokens, earlier.prompt_tokens),
        completion_tokens=_less(before.completion_tokens, earlier.completion_tokens),
        cost=cost,
    )


def _less(span: Span, spent: int) -> Span:
    return Span(low=max(0, span.low - spent), high=max(0, span.high - spent))


def _tokens(calls: Sequence[_Calls]) -> Between:
    """Tokens read and written by all of these."""
    totals = [one for each in calls for one in each.totals]
    return sum(low for low, _ in totals), sum(high for _, high in totals)


def _summed(calls: Sequence[_Calls]) -> Estimate:
    read, written = zip(*(one.totals for one in calls), strict=True)
    return Estimate(
        calls=_span([one.number for one in calls]),
        prompt_tokens=_span(read),
        completion_tokens=_span(written),
        cost=_cost(calls),
    )


def _span(ends: Sequence[Between]) -> Span:
    return Span(low=math.floor(sum(low for low, _ in ends)), high=math.ceil(sum(high for _, high in ends)))


def _cost(calls: Sequence[_Calls]) -> Dollars | None:
    """What all calls cost; None when a price is unknown."""
    low = high = 0.0
    for one in calls:
        if one.price is None:
            return None
        read, written = one.totals
        low += one.price.cost(math.floor(read[0]), math.floor(written[0]))
        high += one.price.cost(math.ceil(read[1]), math.ceil(written[1]))
    return Dollars(low=low, high=high)
