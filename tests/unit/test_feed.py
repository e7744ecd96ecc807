"""What is new in a run: nothing is lost between two looks, and nothing is seen twice."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from creator.ledger.feed import MOST_HAPPENINGS, Changes, Cursor, changes_after, head, snapshot
from creator.web.live import shown
from creator.web.watching import Step, Watches
from tests.living import LivingRun

NAMES = [f"agent_{letter}" for letter in "abcdefgh"]


@pytest.fixture
async def living(tmp_path: Path) -> AsyncIterator[LivingRun]:
    run = LivingRun(tmp_path / "generated", asked=8)
    yield run
    await run.ledger.close()


def happen(run: LivingRun, draw: random.Random, steps: int) -> None:
    """Something or other."""
    for _ in range(steps):
        match draw.randrange(6):
            case 0 | 1 | 2:
                run.message(draw.choice(NAMES), draw.choice(NAMES), draw.choice(["ok", "ok", "Timeout"]))
            case 3:
                run.call(draw.choice(NAMES))
            case 4:
                run.ledger.record_event("no idea", draw.choice(NAMES), {"reason": "silence"})
            case _:
                number = draw.randrange(1, 10**9)
                run.idea(number, draw.choice(NAMES), f"Idea {number}", refiner=draw.choice([*NAMES, ""]))


def population(run: LivingRun) -> None:
    run.wished(len(NAMES))
    for number, name in enumerate(NAMES, start=1):
        run.agent(number, name)


def in_ledger(run: LivingRun) -> Counter[tuple[str, str]]:
    with sqlite3.connect(run.directory / "ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT source, target FROM messages").fetchall()
        ledger.execute("SELECT 1")
    ledger.close()
    return Counter(rows)


def seen(found: list[Changes]) -> Counter[tuple[str, str]]:
    total: Counter[tuple[str, str]] = Counter()
    for changes in found:
        for pair, (sent, _) in changes.traffic.items():
            total[pair] += sent
    return total


async def test_every_look_goes_on_where_the_last_one_ended(living: LivingRun) -> None:
    draw = random.Random(4)
    population(living)
    happen(living, draw, 40)
    first = snapshot(living.directory, going_on=True)
    cursor, found, told = first.standing.cursor, [], []
    for _ in range(12):
        happen(living, draw, draw.randrange(40))
        while True:
            changes, _ = changes_after(living.directory, cursor, most=draw.choice([1, 7, 4_000]))
            found.append(changes)
            told += changes.happenings
            cursor = changes.cursor
            if not changes.more:
                break
    begun = Counter({pair: sent for pair, (sent, _) in first.traffic.items()})
    assert begun + seen(found) == in_ledger(living)
    ideas = [one.detail["number"] for one in [*first.happenings, *told] if one.kind == "idea"]
    assert len(ideas) == len(set(ideas))
    assert cursor == head(living.directory)
    last, _ = changes_after(living.directory, cursor)
    assert (last.traffic, last.happenings, last.more) == ({}, [], False)


async def test_an_agent_is_told_of_from_its_module_to_its_end(living: LivingRun) -> None:
    start = head(living.directory)
    living.wished(3)
    living.written("ada")
    living.written("bo")
    whole = snapshot(living.directory, going_on=True)
    assert [(one.name, one.state) for one in whole.agents] == [("ada", "checked"), ("bo", "checked")]
    assert whole.standing.counters.being_born == 3
    living.agent(1, "ada", role="a baker <b>")
    living.ledger.record_event("birth failed", "bo", {"attempt": 1, "reason": "it never answered"})
    living.agent(3, "cy", "pending")
    changes, standing = changes_after(living.directory, start)
    assert [(one.name, one.state) for one in changes.agents] == [
        ("ada", "live"),
        ("bo", "birth failed"),
        ("cy", "pending"),
    ]
    assert (standing.counters.live, standing.counters.pending, standing.counters.being_born) == (1, 1, 1)
    assert [one.name for one in snapshot(living.directory, going_on=True).agents] == ["ada", "cy"]


async def test_a_burst_comes_bundled_and_says_what_it_leaves_out(living: LivingRun) -> None:
    population(living)
    cursor = head(living.directory)
    for _ in range(500):
        living.message("agent_a", "agent_b")
    living.message("agent_a", "nobody_known", "UnknownRecipient")
    living.message("world", "agent_a", type="ProposeRequest")
    living.message("agent_a", "model_gateway", type="ModelRequest")
    changes, standing = changes_after(living.directory, cursor)
    assert changes.traffic == {("agent_a", "agent_b"): (500, 0), ("agent_a", "nobody_known"): (1, 1)}
    assert (len(changes.happenings), changes.left_out) == (MOST_HAPPENINGS, 501 - MOST_HAPPENINGS)
    assert standing.counters.messages == 503


@pytest.mark.parametrize(
    "text", ["", "1", "1-2-3-4-5-6", "1-2-3-4-5-6-7-8", "-1-2-3-4-5-6-7", "1-2-3-4-5-6-x", "9" * 99]
)
def test_a_cursor_is_its_own_text_and_nothing_else(text: str) -> None:
    cursor = Cursor(1, 2, 3, 4, 5, 6, 70_000)
    assert Cursor.parse(str(cursor)) == cursor
    assert Cursor.parse(text) is None


async def test_ideas_that_are_ahead_are_the_newest_then_those_that_won_then_those_of_rank(living: LivingRun) -> None:
    population(living)
    for number in (1, 2, 3):
        living.idea(number, "agent_a", f"Idea {number}", refiner="agent_b" if number == 2 else "")
    living.idea(100_001, "baseline", "One shot")

    def ahead() -> list[int]:
        return [one.number for one in changes_after(living.directory, Cursor())[1].leading]

    assert ahead() == [3, 2, 1]
    living.verdict(1, 2, 2)
    living.verdict(2, 1, 2)
    living.verdict(3, 1, None)
    assert ahead() == [2, 1]
    assert changes_after(living.directory, Cursor())[1].counters.refined == 1


async def collect(watches: Watches, run: LivingRun, cursor: Cursor, steps: int | None = None) -> list[Step]:
    """Steps as one browser gets them: so many, or all until the run has ended."""
    found: list[Step] = []
    async with watches.watching(run.directory) as watch:
        while (steps is None or len(found) < steps) and (step := await watch.step_after(cursor)) is not None:
            if step.changes.cursor != cursor:
                found.append(step)
            cursor = step.changes.cursor
    return found


async def test_browsers_share_one_look_and_a_broken_connection_loses_nothing(
    living: LivingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(7)
    population(living)
    start = head(living.directory)
    looks: list[Cursor] = []

    def counted(directory: Path, cursor: Cursor) -> object:
        looks.append(cursor)
        return changes_after(directory, cursor, most=50)

    monkeypatch.setattr("creator.web.watching.changes_after", counted)
    watches = Watches(shown)
    async with asyncio.TaskGroup() as group:
        steady = [group.create_task(collect(watches, living, start)) for _ in range(5)]

        async def unsteady() -> list[Step]:
            """A browser that loses its connection after each step, and comes again with the last id."""
            found: list[Step] = []
            while True:
                cursor = found[-1].changes.cursor if found else start
                more = await collect(watches, living, cursor, steps=1)
                if not more:
                    return found
                found += more

        broken = group.create_task(unsteady())
        for _ in range(6):
            before = len(looks)
            happen(living, draw, 60)
            while len(looks) == before:  # until somebody has seen some of it
                await asyncio.sleep(0.01)
        await asyncio.to_thread(living.end, exit_code=0)
    wanted = in_ledger(living)
    for task in (*steady, broken):
        steps = task.result()
        assert seen([step.changes for step in steps]) == wanted
        assert steps[-1].changes.cursor == head(living.directory)
    # Each place in the ledger was read once for all five, and once more at most for the one that came and went.
    assert len(looks) <= 2 * len(set(looks))
    assert not watches.watched, "nobody is looked after when nobody looks"
