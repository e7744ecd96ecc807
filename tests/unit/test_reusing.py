"""Model calls that are answered from memory: what is on record of them, and who pays."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from autogen_core.models import LLMMessage, UserMessage

from creator.errors import RetryableModelError, TerminalModelError
from creator.models.accounts import Account, CallRecord
from creator.models.backend import Completion, Embeddings, Usage
from creator.models.cache import AnswerCache
from creator.models.calls import EMBEDDING_BATCH, ModelCalls
from creator.models.filling import FillRequest, ObjectFiller
from creator.models.keys import embedding_key
from creator.models.memory import Memory
from creator.models.vectors import vector_in
from creator.spending.prices import Price
from tests.unit.scripted import Scripted

ASK: list[LLMMessage] = [UserMessage(content="Say yes.", source="user")]
PRICE = Price(prompt=1_000_000, completion=2_000_000)


class Model(Scripted):
    """Answers when it may; embeds by the letters of a text."""

    embeds = True

    def __init__(self, *texts: str, failure: Exception | None = None) -> None:
        super().__init__(*texts)
        self.failure = failure
        self.embedded: list[list[str]] = []
        self.may = asyncio.Event()
        self.may.set()

    async def complete(self, messages: Sequence[LLMMessage], **options: Any) -> Completion:
        await self.may.wait()
        completion = await super().complete(messages, **options)
        if self.failure is not None:
            raise self.failure
        return completion

    async def embed(self, texts: Sequence[str], *, model: str, timeout: float = 60) -> Embeddings:
        self.embedded.append(list(texts))
        if self.failure is not None:
            raise self.failure
        return Embeddings([[float(ord(text[0])), 0.1] for text in texts], Usage(sum(map(len, texts)), 0))


class Book:
    """What a ledger would be told, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[CallRecord, Completion | None]] = []
        self.safe = 0
        """So many of them would outlast a power loss."""

    def note(self, record: CallRecord, answer: Completion | None) -> None:
        self.lines.append((record, answer))

    async def durable(self) -> None:
        await asyncio.sleep(0)
        self.safe = len(self.lines)

    @property
    def records(self) -> list[CallRecord]:
        return [record for record, _ in self.lines]

    def known(self, key: str) -> Completion | None:
        """What a run that goes on would find in it."""
        return next((answer for record, answer in self.lines if record.key == key and answer is not None), None)


def calls(model: Model, book: Book, memory: Memory | None = None) -> ModelCalls:
    return ModelCalls(model, book.note, memory=memory, price=PRICE, durable=book.durable)


async def ask(one: ModelCalls, agent: str = "ada", **more: Any) -> Completion:
    return await one.complete(agent, ASK, temperature=0.5, max_tokens=10, **more)


async def test_what_the_model_answered_is_paid_on_record_and_safe_before_anyone_has_it() -> None:
    model, book = Model("yes"), Book()
    answer = await ask(calls(model, book))
    ((record, noted),) = book.lines
    assert (record.source, record.cost, record.error) == ("model", 3.0, None)
    assert noted == answer and len(record.key) == 64
    assert book.safe == 1


async def test_a_run_that_goes_on_pays_for_no_answer_again() -> None:
    before, book = Book(), Book()
    answer = await ask(calls(Model("yes"), before))
    model = Model("never asked")
    again = calls(model, book, Memory(before.known))
    assert await ask(again, "bo") == answer and model.asked == []
    ((record, noted),) = book.lines
    assert (record.agent, record.source, record.cost) == ("bo", "run", 0.0)
    assert (record.prompt_tokens, record.completion_tokens, record.key) == (1, 1, before.records[0].key)
    assert noted == answer
    account = again.accounts["bo"]
    assert account == Account(recalled_prompt_tokens=1, recalled_completion_tokens=1)
    assert account.tokens == (0, 0), "they are counted where they were paid for"
    assert account.answered == (1, 1)


async def test_another_run_finds_the_answer_in_the_cache(tmp_path: Path) -> None:
    sources = []
    for _ in range(2):
        book = Book()
        async with Memory(cache=AnswerCache(tmp_path / "answers.sqlite", print)) as memory:
            assert (await ask(calls(Model("yes"), book, memory))).text == "yes"
        sources.append((book.records[0].source, book.records[0].cost))
    assert sources == [("model", 3.0), ("cache", 0.0)]


@pytest.mark.parametrize("address", ["http://one/v1", "http://two/v1"])
async def test_a_model_of_the_same_name_on_another_server_is_asked_itself(tmp_path: Path, address: str) -> None:
    async with Memory(cache=AnswerCache(tmp_path / "answers.sqlite", print)) as memory:
        first, second = Model("first"), Model("second")
        first.address, second.address = "http://one/v1", address
        assert (await ask(calls(first, Book(), memory))).text == "first"
        assert (await ask(calls(second, Book(), memory))).text == ("first" if address == first.address else "second")


async def test_of_identical_calls_at_the_same_time_one_is_paid() -> None:
    model, book = Model("yes"), Book()
    model.may.clear()
    one = calls(model, book)
    tasks = [asyncio.create_task(ask(one, agent)) for agent in ("ada", "bo")]
    while not one.accounts:  # the first is at the model
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    model.may.set()
    assert {(await task).text for task in tasks} == {"yes"} and len(model.asked) == 1
    assert [(record.agent, record.source, record.cost) for record in book.records] == [
        ("ada", "model", 3.0),
        ("bo", "shared", 0.0),
    ]
    assert one.accounts["ada"].prompt_tokens == one.accounts["bo"].reused_prompt_tokens == 1
    assert one.accounts["bo"].prompt_tokens == one.accounts["ada"].reused_prompt_tokens == 0


async def test_whoever_waited_for_a_failure_has_it_on_record_too() -> None:
    model, book = Model("", failure=TerminalModelError("HTTP 404")), Book()
    model.may.clear()
    one = calls(model, book)
    tasks = [asyncio.create_task(ask(one, agent)) for agent in ("ada", "bo")]
    while not one.accounts:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    model.may.set()
    for task in tasks:
        with pytest.raises(TerminalModelError, match="HTTP 404"):
            await task
    assert len(model.asked) == 1
    assert [(record.agent, record.source, record.error) for record in book.records] == [
        ("ada", "model", "HTTP 404"),
        ("bo", "shared", "HTTP 404"),
    ]
    assert [answer for _, answer in book.lines] == [None, None]


async def test_a_caller_that_goes_away_while_the_answer_is_made_safe_loses_it_for_nobody() -> None:
    model, book = Model("yes"), Book()
    never = asyncio.Event()

    async def durable() -> None:
        await never.wait()

    memory = Memory(book.known)
    slow = ModelCalls(model, book.note, memory=memory, durable=durable)
    task = asyncio.create_task(ask(slow))
    while not book.lines:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ask(calls(model, book, memory), "bo")
    assert len(model.asked) == 1


async def test_without_a_price_the_cost_is_unknown() -> None:
    book = Book()
    await ask(ModelCalls(Model("yes"), book.note))
    assert book.records[0].cost is None


# Which questions are the same


SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}


def request(seed: int) -> FillRequest:
    return FillRequest(ASK, SCHEMA, {}, {}, temperature=0.5, max_tokens=100, seed=seed)


async def test_the_seed_tells_samples_apart_and_a_second_try_is_another_question() -> None:
    before = Book()
    model = Model("nonsense", "nonsense", json.dumps({"x": "third"}), json.dumps({"x": "other seed"}))
    filler = ObjectFiller(calls(model, before, Memory(before.known)))
    assert json.loads(await filler.fill("ada", request(1))) == {"x": "third"}
    assert json.loads(await filler.fill("ada", request(2))) == {"x": "other seed"}
    assert json.loads(await filler.fill("ada", request(1))) == {"x": "third"}
    assert len(model.asked) == 4
    assert [record.source for record in before.records] == ["model"] * 4 + ["run"] * 3
    assert len({record.key for record in before.records}) == 4


async def test_free_texts_of_two_seeds_are_two_samples() -> None:
    book = Book()
    filler = ObjectFiller(calls(Model("one", "two"), book, Memory(book.known)))
    said = [(await filler.text("ada", ASK, temperature=1, max_tokens=9, seed=seed)).text for seed in (1, 2, 1)]
    assert said == ["one", "two", "one"]


# Embeddings


async def test_each_text_is_embedded_once() -> None:
    model, book = Model(""), Book()
    one = calls(model, book, Memory(book.known))
    assert await one.embed("likeness", ["ant", "bee", "ant"], model="small") == [[97.0, 0.1], [98.0, 0.1], [97.0, 0.1]]
    assert await one.embed("likeness", ["cat", "bee"], model="small") == [[99.0, 0.1], [98.0, 0.1]]
    assert await one.embed("likeness", ["bee"], model="large") == [[98.0, 0.1]]
    assert model.embedded == [["ant", "bee"], ["cat"], ["bee"]]
    told = [
        (record.model, record.key == embedding_key("small", text), record.source)
        for record, text in zip(book.records, ["ant", "bee", "bee", "cat"], strict=False)
    ]
    assert told == [("small", True, source) for source in ("model", "model", "run", "model")]
    account = one.accounts["likeness"]
    assert (account.prompt_tokens, account.recalled_prompt_tokens, account.calls) == (12, 3, 3)
    assert book.safe == len(book.lines)


async def test_a_batch_is_on_record_text_by_text_with_the_tokens_of_the_whole() -> None:
    model, book = Model(""), Book()
    texts = [f"{number} {'x' * number}" for number in range(EMBEDDING_BATCH + 2)]
    one = calls(model, book)
    await one.embed("likeness", texts, model="small")
    assert [len(batch) for batch in model.embedded] == [EMBEDDING_BATCH, 2]
    assert [record.key for record in book.records] == [embedding_key("small", text) for text in texts]
    assert [record.prompt_tokens for record in book.records] == [len(text) for text in texts]
    assert {record.cost for record in book.records} == {None}, "the price is that of the model that writes"
    assert one.accounts["likeness"].prompt_tokens == sum(map(len, texts))


async def test_retries_of_a_batch_are_counted_once() -> None:
    class Busy(Model):
        async def embed(self, texts: Sequence[str], *, model: str, timeout: float = 60) -> Embeddings:
            self.failure = RetryableModelError("HTTP 429", 0) if not self.embedded else None
            return await super().embed(texts, model=model)

    book = Book()
    await calls(Busy(""), book).embed("likeness", ["ant", "bee"], model="small")
    assert [record.retries for record in book.records] == [1, 0]


async def test_a_batch_that_failed_is_one_line() -> None:
    book = Book()
    with pytest.raises(TerminalModelError):
        await calls(Model("", failure=TerminalModelError("HTTP 404")), book).embed("x", ["ant", "bee"], model="small")
    ((record, answer),) = book.lines
    assert (record.error, record.key, answer) == ("HTTP 404", "", None)


@pytest.mark.parametrize("text", ["", "[]", "[1, NaN]", '["a"]', "{}", "[1e999]", "[[1]]", json.dumps([0.0] * 16_385)])
async def test_what_is_no_vector_is_asked_for_again(text: str) -> None:
    model, damaged = Model(""), Completion(text, Usage(1, 0))
    known: Mapping[str, Completion] = {embedding_key("small", "ant"): damaged}
    assert await calls(model, Book(), Memory(known.get)).embed("x", ["ant"], model="small") == [[97.0, 0.1]]
    assert vector_in(damaged) is None
