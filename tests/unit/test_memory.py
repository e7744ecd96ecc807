"""Who is asked, and how often, when several want to know the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from creator.errors import ModelError, TerminalModelError
from creator.models.backend import Completion, Usage
from creator.models.cache import AnswerCache
from creator.models.memory import Memory


def answer(text: str) -> Completion:
    return Completion(text, Usage(5, 7))


class Model:
    """Answers once it may, and counts how often it was asked."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.busy = asyncio.Event()
        self.may = asyncio.Event()
        self.failure = failure

    async def __call__(self, who: str = "") -> Completion:
        self.asked.append(who)
        self.busy.set()
        await self.may.wait()
        if self.failure is not None:
            raise self.failure
        return answer(f"asked by {who}")


def begin(memory: Memory, model: Model, who: str, key: str = "k", address: str = "") -> asyncio.Task[object]:
    return asyncio.create_task(memory.recall(key, lambda: model(who), address=address), name=who)


async def waiting(*tasks: asyncio.Task[object]) -> None:
    """Let each of these come as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


async def test_what_the_run_knows_is_not_asked() -> None:
    memory = Memory({"k": answer("known")}.get)
    model = Model()
    assert await memory.recall("k", model) == (answer("known"), "run")
    assert model.asked == []


async def test_an_identical_question_waits_for_the_answer() -> None:
    memory, model = Memory(), Model()
    first, second, third = (begin(memory, model, who) for who in ("ada", "bo", "cy"))
    await waiting(first, second, third)
    model.may.set()
    assert [await one for one in (first, second, third)] == [
        (answer("asked by ada"), "model"),
        (answer("asked by ada"), "shared"),
        (answer("asked by ada"), "shared"),
    ]
    assert model.asked == ["ada"]


@pytest.mark.parametrize("other", [{"key": "other"}, {"address": "http://other"}])
async def test_another_question_or_server_does_not_wait(other: dict[str, str]) -> None:
    memory, model = Memory(), Model()
    tasks = begin(memory, model, "ada"), begin(memory, model, "bo", **other)
    await waiting(*tasks)
    assert model.asked == ["ada", "bo"]
    model.may.set()
    assert [(await task)[1] for task in tasks] == ["model", "model"]  # type: ignore[index]


async def test_when_the_one_who_asks_is_cancelled_the_next_one_asks() -> None:
    memory, model = Memory(), Model()
    first, second, third = (begin(memory, model, who) for who in ("ada", "bo", "cy"))
    await waiting(first, second, third)
    first.cancel()
    await waiting(second, third)
    assert first.cancelled() and model.asked == ["ada", "bo"]
    model.may.set()
    assert await second == (answer("asked by bo"), "model")
    assert await third == (answer("asked by bo"), "shared")


async def test_whoever_waits_may_go_without_harm() -> None:
    memory, model = Memory(), Model()
    first, second, third = (begin(memory, model, who) for who in ("ada", "bo", "cy"))
    await waiting(first, second, third)
    second.cancel()
    model.may.set()
    assert [await first, await third] == [(answer("asked by ada"), "model"), (answer("asked by ada"), "shared")]


async def test_all_get_the_same_failure_and_the_next_one_asks_again() -> None:
    failure = TerminalModelError("no such model")
    memory, model = Memory(), Model(failure)
    tasks = [begin(memory, model, who) for who in ("ada", "bo")]
    await waiting(*tasks)
    model.may.set()
    for task in tasks:
        with pytest.raises(ModelError) as caught:
            await task
        assert caught.value is failure
    model.failure = None
    assert await memory.recall("k", lambda: model("cy")) == (answer("asked by cy"), "model")
    assert model.asked == ["ada", "cy"]


async def test_who_waits_has_no_part_in_a_mistake_of_the_program() -> None:
    memory, model = Memory(), Model(ZeroDivisionError())
    first = begin(memory, model, "ada")
    second = asyncio.create_task(memory.recall("k", lambda: Model.__call__(good, "bo")))
    good = Model()
    good.may.set()
    await waiting(first, second)
    model.may.set()
    with pytest.raises(ZeroDivisionError):
        await first
    assert await second == (answer("asked by bo"), "model")


async def test_an_answer_of_an_earlier_run_is_known(tmp_path: Path) -> None:
    model = Model()
    model.may.set()
    for expected in ("model", "cache", "cache"):
        async with Memory(cache=AnswerCache(tmp_path / "answers.sqlite", print)) as memory:
            assert await memory.recall("k", lambda: model("ada")) == (answer("asked by ada"), expected)
    assert model.asked == ["ada"]


async def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    model = Model(TerminalModelError("no"))
    model.may.set()
    async with Memory(cache=AnswerCache(tmp_path / "answers.sqlite", print)) as memory:
        for _ in range(2):
            with pytest.raises(TerminalModelError):
                await memory.recall("k", lambda: model("ada"))
    assert model.asked == ["ada", "ada"]
