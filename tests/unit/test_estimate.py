"""What a run is expected to take: more of what was asked for takes more, and words that anybody can read."""

from __future__ import annotations

from typing import Any

import pytest

from creator.models.choose import choose_backend
from creator.outcome import Dollars, Estimate, Span
from creator.settings import SpawnSettings
from creator.spending.estimate import estimate_run
from creator.spending.prices import Price, PriceOf, price_of
from creator.spending.words import dollars, expected
from creator.templates.finding import choose_templates

PRICES = price_of({"openai:x": Price(1, 2), "openai:judge": Price(10, 20)})


def estimated(
    count: int, *, model: str = "openai:x", judged_by: tuple[str, ...] = (), prices: PriceOf = PRICES, **options: Any
) -> Estimate:
    settings = SpawnSettings(count=count, model=model, judge_model=list(judged_by), **options)
    environ = {"OPENAI_API_KEY": "k"}
    backend, *others = (choose_backend(spec, None, environ, progress=print) for spec in (model, *judged_by))
    templates = choose_templates(settings.template, (), print)
    return estimate_run(settings, backend, others, templates.values(), prices)


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"count": 5}, {"count": 6}),
        ({"count": 5, "tournament": False}, {"count": 5}),
        ({"count": 5}, {"count": 5, "judges": 2}),
        ({"count": 5}, {"count": 5, "baseline": True}),
        ({"count": 5, "baseline": True}, {"count": 5, "generations": 1}),
        ({"count": 5}, {"count": 5, "author": "code"}),
        ({"count": 5, "bounce": 0}, {"count": 5, "bounce": 1}),
        ({"count": 5, "bounce": 1, "pattern": "critique"}, {"count": 5, "bounce": 1, "pattern": "panel"}),
        ({"count": 5, "objective": "bread"}, {"count": 5, "objective": "bread " * 300}),
    ],
)
def test_more_takes_more(less: dict[str, Any], more: dict[str, Any]) -> None:
    one, other = estimated(**less), estimated(**more)
    assert one.tokens.high < other.tokens.high
    assert one.tokens.low <= other.tokens.low
    assert one.calls.low <= other.calls.low
    assert one.cost is not None
    assert other.cost is not None
    assert one.cost.high < other.cost.high
    for estimate in (one, other):
        assert estimate.calls.low <= estimate.calls.high
        assert estimate.tokens.low < estimate.tokens.high


def test_agents_that_ask_for_colleagues_may_take_more_and_need_not() -> None:
    alone, founders = estimated(5), estimated(5, template="founder_agent")
    assert alone.calls.low == founders.calls.low
    assert alone.calls.high < founders.calls.high
    assert estimated(5, template="founder_agent", colleagues_each=0) == alone


def test_each_model_has_its_own_price() -> None:
    own, dear = estimated(5).cost, estimated(5, judged_by=("openai:judge",)).cost
    assert own is not None
    assert dear is not None
    assert dear.low > 2 * own.low
    assert estimated(5, judged_by=("openai:unknown",)).cost is None
    assert estimated(5, embeddings="unknown").cost is None
    free = estimated(5, model="embedded")
    assert free.cost == Dollars(low=0, high=0)
    assert free.calls.low >= 20


def test_a_model_that_thinks_may_write_as_much_as_it_may() -> None:
    thinking = estimated(5, prices=price_of({"openai:x": Price(1, 2, reasoning=True)}))
    assert thinking.completion_tokens.high > 1.5 * estimated(5).completion_tokens.high
    assert thinking.prompt_tokens == estimated(5).prompt_tokens


def test_an_estimate_in_words() -> None:
    estimate = Estimate(
        calls=Span(low=7, high=7),
        prompt_tokens=Span(low=12_000, high=345_678),
        completion_tokens=Span(low=345, high=100_000),
        cost=Dollars(low=0.012345, high=1.2345),
    )
    assert expected(estimate) == "estimate: 7 model calls, 12,000 to 450,000 tokens, $0.012 to $1.20"
    unknown = estimate.model_copy(update={"cost": None})
    assert expected(unknown).endswith(" tokens, price unknown (--prices FILE tells it)")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "$0"),
        (0.00001, "less than $0.0001"),
        (0.0123, "$0.0123"),
        (0.05, "$0.05"),
        (0.1, "$0.10"),
        (2, "$2.00"),
        (1_234.5, "$1,234.50"),
    ],
)
def test_dollars(amount: float, shown: str) -> None:
    assert dollars(amount) == shown
