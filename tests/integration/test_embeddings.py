"""Embeddings of an OpenAI-compatible server: batches, retries, accounts, and words when the server fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creator.errors import RetryableModelError, TerminalModelError
from creator.ideas.duplicates import Groups
from creator.ideas.likeness import idea_text, likeness_for
from creator.models.accounts import CallRecord
from creator.models.calls import EMBEDDING_BATCH, ModelCalls
from creator.models.choose import choose_backend
from creator.settings import SpawnSettings
from sandbox.protocol import LIKENESS
from tests.scripted_server import ScriptedServer
from tests.unit.test_likeness import IDEAS

Serve = Callable[..., ScriptedServer]


def settings(server: ScriptedServer, **more: Any) -> SpawnSettings:
    return SpawnSettings(**{"count": 1, "model": "openai:x", "base_url": server.url, "embeddings": "small", **more})


@pytest.mark.parametrize("spec", ["openai:x", "ollama:x", "just-a-name"])
async def test_ideas_are_compared_by_the_servers_embeddings(serve: Serve, spec: str) -> None:
    server, said = serve(), list[str]()
    url = server.url.removesuffix("/v1") if spec.startswith("ollama") else server.url
    async with choose_backend(spec, url, {}, progress=print) as backend:
        calls = ModelCalls(backend)
        likeness = likeness_for(settings(server, model=spec, base_url=url), backend, calls, said.append)
        first, again, other = (idea_text(IDEAS[name]) for name in ("frost_alarm", "frost_alarm_again", "pill_check"))
        near, far, same = await likeness(first, [again, other, first])
    assert near > 0.8 > far
    assert same == pytest.approx(1)
    assert likeness.name == "embeddings:small"
    assert [(one["path"], one["model"], len(one["input"])) for one in server.requests] == [
        ("/v1/embeddings", "small", 3)
    ]
    account = calls.accounts[LIKENESS]
    assert account.calls == 1
    assert account.prompt_tokens == sum(len(text) for text in (first, again, other)) // 4
    assert said == []


async def test_many_texts_go_in_batches_and_come_back_in_order(serve: Serve) -> None:
    server = serve()
    async with choose_backend("openai:x", server.url, {}, progress=print) as backend:
        texts = [f"word{number}" for number in range(2 * EMBEDDING_BATCH + 3)]
        calls = ModelCalls(backend)
        vectors = await calls.embed("someone", texts, model="small")
        (alone,) = await calls.embed("someone", [texts[100]], model="small")
    assert [len(one["input"]) for one in server.requests] == [EMBEDDING_BATCH, EMBEDDING_BATCH, 3, 1]
    assert len(vectors) == len(texts)
    assert vectors[100] == alone


async def test_a_busy_server_is_asked_again(serve: Serve) -> None:
    server = serve(fault=lambda number, _: "429" if number == 1 else None)
    records: list[CallRecord] = []
    async with choose_backend("openai:x", server.url, {}, progress=print) as backend:
        calls = ModelCalls(backend, lambda record, answer: records.append(record))
        likeness = likeness_for(settings(server), backend, calls, print)
        assert await likeness("frost", ["frost"]) == [pytest.approx(1)]
    assert server.calls == 2
    assert (records[0].agent, records[0].model, records[0].retries) == (LIKENESS, "small", 1)


@pytest.mark.parametrize("fault", ["404 no such model", "400 not here", "empty", "nonsense"])
async def test_when_the_server_fails_words_are_compared_and_it_is_said_once(serve: Serve, fault: str) -> None:
    server, said = serve(fault=lambda *_: fault), list[str]()
    async with choose_backend("openai:x", server.url, {"OPENAI_API_KEY": "sesame"}, progress=print) as backend:
        likeness = likeness_for(settings(server), backend, ModelCalls(backend), said.append)
        groups = Groups(likeness)
        for number, name in enumerate(("frost_alarm", "frost_alarm_again", "pill_check"), 1):
            await groups.add(number, IDEAS[name])
    assert groups.under == {2: 1}
    assert likeness.name == "words"
    assert server.calls == 1
    (line,) = said
    assert line.startswith("near-duplicates are found by words, as the embeddings of 'small' failed: ")
    assert "sesame" not in line


@pytest.mark.parametrize("fault", ["empty", "uneven", "nonsense"])
async def test_an_answer_without_a_vector_for_each_text_is_not_asked_for_again(serve: Serve, fault: str) -> None:
    server = serve(fault=lambda *_: fault)
    async with choose_backend("openai:x", server.url, {}, progress=print) as backend:
        calls = ModelCalls(backend)
        with pytest.raises(TerminalModelError):
            await calls.embed("someone", ["frost", "watch"], model="small")
    assert server.calls == 1


async def test_a_server_that_does_not_answer_in_time_may_answer_later(serve: Serve) -> None:
    server = serve(fault=lambda *_: "hang")
    async with choose_backend("openai:x", server.url, {}, progress=print) as backend:
        with pytest.raises(RetryableModelError, match=r"no answer within 0\.1 s"):
            await backend.embed(["frost"], model="small", timeout=0.1)


@pytest.mark.parametrize("spec", ["anthropic:x", "embedded"])
async def test_a_model_without_embeddings_says_so(spec: str) -> None:
    backend = choose_backend(spec, None, {"ANTHROPIC_API_KEY": "k"}, progress=print)
    assert not backend.embeds
    with pytest.raises(TerminalModelError, match="cannot embed texts"):
        await backend.embed(["frost"], model="small")


async def test_what_they_cost_counts_within_the_limit_of_a_run(run: Callable[..., Any], tmp_path: Path) -> None:
    price = {"prompt": 0.01, "completion": 0.01}
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"openai:scripted": price, "openai:small": price}), encoding="utf-8")
    outcome = await run(2, embeddings="small", max_cost=1, prices=prices)
    assert outcome.exit_code == 0
    assert 0 < outcome.cost < 1
