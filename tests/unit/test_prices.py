"""Prices of models: those that are known, those of the user's, and mistakes in the user's file told in one line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from creator.errors import UsageError
from creator.settings import SpawnSettings
from creator.spending.prices import MAX_BYTES, MAX_MODELS, Price, known_prices, load_prices, price_of
from creator.spending.run_prices import prices_for, require_prices

OWN = {"openai:mine": Price(0.5, 1.5)}


def written(tmp_path: Path, value: object) -> Path:
    path = tmp_path / "prices.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def settings(**more: Any) -> SpawnSettings:
    return SpawnSettings(**{"count": 2, **more})


def test_every_known_price_says_when_it_was_looked_at() -> None:
    assert len(known_prices()) >= 15
    for name, price in known_prices().items():
        assert price.as_of is not None, name
        assert 0 < price.prompt <= 1_000, name
        assert price.completion >= 0, name


@pytest.mark.parametrize(
    ("name", "prompt", "completion"),
    [
        ("openai:gpt-4.1-mini", 0.4, 1.6),
        ("openai:gpt-4.1-mini-2025-04-14", 0.4, 1.6),
        ("openai:gpt-4o-2024-08-06", 2.5, 10),
        ("openai:gpt-4o-2024-05-13", 5, 15),
        ("anthropic:claude-sonnet-4-5-20250929", 3, 15),
        ("anthropic:claude-3-5-haiku-latest", 0.8, 4),
        ("embedded:SmolLM2-135M-Instruct", 0, 0),
        ("file:my-model", 0, 0),
        ("ollama:qwen3:8b", 0, 0),
        ("openai:mine-2026-01-02", 0.5, 1.5),
    ],
)
def test_what_a_model_costs(name: str, prompt: float, completion: float) -> None:
    price = price_of(OWN)(name)
    assert price is not None
    assert (price.prompt, price.completion) == (prompt, completion)


@pytest.mark.parametrize(
    "name",
    [
        "openai:gpt-4.1-mini-audio",
        "openai:gpt-4.1-mini-2025",
        "openai:nobody-knows",
        "gpt-4.1-mini",
        "model.yaml:gpt-4.1-mini",
        "",
    ],
)
def test_what_nobody_said_is_unknown_and_not_nothing(name: str) -> None:
    assert price_of(OWN)(name) is None


def test_a_users_price_goes_before_all_others() -> None:
    own = {"openai:gpt-4.1-mini": Price(9, 9), "ollama:rented": Price(1, 1), "model.yaml:gpt-4.1": Price(2, 8)}
    find = price_of(own)
    assert find("openai:gpt-4.1-mini-2025-04-14") == Price(9, 9)
    assert find("ollama:rented") == Price(1, 1)
    assert find("model.yaml:gpt-4.1") == Price(2, 8)


def test_a_million_tokens_cost_the_price() -> None:
    assert Price(0.4, 1.6).cost(1_000_000, 500_000) == pytest.approx(0.4 + 0.8)


@pytest.mark.parametrize(
    ("options", "environ", "unknown"),
    [
        ({"model": "openai:gpt-4.1", "base_url": "http://127.0.0.1:1/v1"}, {}, "openai:gpt-4.1"),
        ({"model": "gpt-4.1", "base_url": "http://127.0.0.1:1/v1"}, {}, "openai:gpt-4.1"),
        ({"model": "ollama:x", "base_url": "http://127.0.0.1:1"}, {}, "openai:gpt-4.1"),  # a judge is asked there, too
        ({"model": "anthropic:claude-haiku-4-5", "base_url": "http://h/"}, {}, "anthropic:claude-haiku-4-5"),
        ({}, {"OPENAI_BASE_URL": "http://h/v1"}, "openai:gpt-4.1"),
        ({}, {"ANTHROPIC_BASE_URL": "http://h"}, "anthropic:claude-haiku-4-5"),
    ],
)
def test_what_a_provider_publishes_says_nothing_of_a_server_of_the_users(
    options: dict[str, Any], environ: dict[str, str], unknown: str, tmp_path: Path
) -> None:
    assert prices_for(settings(), {})(unknown) is not None
    assert prices_for(settings(**options), environ)(unknown) is None
    path = written(tmp_path, {unknown: {"prompt": 1, "completion": 2}})
    assert prices_for(settings(**options, prices=path), environ)(unknown) == Price(1, 2)


def test_a_file_of_prices(tmp_path: Path) -> None:
    entry = {"prompt": 0.5, "completion": 1, "as_of": "2026-01-01", "reasoning": True}
    assert load_prices(written(tmp_path, {"openai:my-model": entry})) == {
        "openai:my-model": Price(0.5, 1, date(2026, 1, 1), reasoning=True)
    }
    assert load_prices(None) == {}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "should be a valid dictionary: write an object with a price for each model"),
        ("{", "are no JSON"),
        ("[" * 100_000, "are no JSON"),
        ({"my-model": {"prompt": 1, "completion": 1}}, "'my-model' is no model: write provider and name, such as"),
        ({"a:b\x1b[2J": {"prompt": 1, "completion": -1}}, "'a:b', 'completion': input should be greater than"),
        ({"a:b": 3}, "'a:b': input should be a valid dictionary"),
        ({"a:b": {"prompt": 1}}, "'a:b', 'completion': field required"),
        ({"a:b": {"prompt": "1", "completion": 1}}, "'a:b', 'prompt': input should be a valid number"),
        ({"a:b": {"prompt": True, "completion": 1}}, "'a:b', 'prompt': input should be a valid number"),
        ('{"a:b": {"prompt": NaN, "completion": 1}}', "'a:b', 'prompt': input should be"),
        ({"a:b": {"prompt": 1, "completion": 1, "cached": 1}}, "'a:b', 'cached' is unknown, there are: prompt, compl"),
        ({"a:b": {"prompt": 1, "completion": 1, "as_of": "soon"}}, "'a:b', 'as_of': write a day such as '2026-01-01'"),
        ({"a:b": {"prompt": 1, "completion": 1, "as_of": "2026-02-30"}}, "'a:b', 'as_of': there is no such day"),
        ({f"a:{n}": {"prompt": 1, "completion": 1} for n in range(MAX_MODELS + 1)}, "at most 1000 items"),
        (" " * (MAX_BYTES + 1), "longer than 200,000 bytes"),
    ],
)
def test_a_mistake_in_the_file_is_one_line_that_names_the_key(tmp_path: Path, value: object, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_prices(written(tmp_path, value))
    text = str(caught.value)
    assert said in text
    assert text.isprintable()
    assert "prices.json" in text
    assert len(text) < 500


def test_a_file_that_is_missing_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot read the prices"):
        load_prices(tmp_path / "none.json")


def test_a_limit_on_the_cost_needs_every_price() -> None:
    find = price_of(OWN)
    require_prices(settings(), ["openai:unknown"], find)
    require_prices(settings(max_cost=1), ["openai:mine", "openai:gpt-4.1"], find)
    for names, more in (
        (["openai:nobody", "openai:mine"], {}),
        (["openai:mine", "openai:nobody"], {}),
        (["openai:mine"], {"embeddings": "nobody"}),
    ):
        with pytest.raises(UsageError, match=r"price of openai:nobody, which is unknown: give it with --prices"):
            require_prices(settings(max_cost=1, **more), names, find)
    require_prices(settings(max_cost=1, embeddings="text-embedding-3-small"), ["openai:mine"], find)
