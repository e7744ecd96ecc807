"""How many calls go on at once: fewer when the server is overloaded, more again when it is not."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from creator.errors import RetryableModelError
from creator.models.pace import MAX_ASKED_PAUSE, MAX_PAUSE, Pace
from creator.models.patience import OVERLOADED_SECONDS, TRIES, UNREACHABLE_SECONDS, Patience
from tests.clocks import Waited


def overloaded(retry_after: float | None = None) -> RetryableModelError:
    return RetryableModelError("HTTP 429: slow down", retry_after, "overloaded")


class Tries:
    """Tries that end when the test says how."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.begun: list[int] = []
        self._ends: dict[int, asyncio.Future[None]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def begin(self, *numbers: int) -> None:
        for number in numbers:
            self._ends[number] = asyncio.get_running_loop().create_future()
            self._tasks[number] = asyncio.create_task(self._one(number))

    async def _one(self, number: int) -> None:
        async with self.pace.place():
            self.begun.append(number)
            await self._ends[number]

    async def end(self, number: int, error: BaseException | None = None) -> None:
        if error is None:
            self._ends[number].set_result(None)
        else:
            self._ends[number].set_exception(error)
        with suppress(RetryableModelError):
            await self._tasks[number]
        await settled()

    async def cancel(self, *numbers: int) -> None:
        for number in numbers:
            self._tasks[number].cancel()
        await asyncio.gather(*(self._tasks[number] for number in numbers), return_exceptions=True)
        await settled()


async def settled() -> None:
    """Let everybody go on who can."""
    for _ in range(50):
        await asyncio.sleep(0)


async def busy(most: int, count: int) -> tuple[Tries, Waited]:
    """So many tries, begun as far as there are places."""
    time = Waited()
    tries = Tries(Pace(most, time.clock))
    tries.begin(*range(1, count + 1))
    await settled()
    return tries, time


async def test_it_begins_with_the_most_and_serves_in_order() -> None:
    tries, _ = await busy(3, 6)
    assert tries.begun == [1, 2, 3]
    for number in (2, 1, 3):
        await tries.end(number)
    assert tries.begun == [1, 2, 3, 4, 5, 6]
    await tries.cancel(4, 5, 6)


async def test_one_storm_halves_once() -> None:
    tries, _ = await busy(8, 8)
    for number in range(1, 8):
        await tries.end(number, overloaded())
    assert tries.pace.limit == 4
    await tries.cancel(8)


async def test_the_next_round_trip_halves_again_down_to_one() -> None:
    tries, _ = await busy(8, 20)
    for number in range(1, 20):
        await tries.end(number, overloaded())
    assert tries.pace.limit == 1
    await tries.end(20, overloaded())
    assert tries.pace.limit == 1


async def test_places_that_nobody_used_do_not_count() -> None:
    tries, _ = await busy(32, 4)
    await tries.end(1, overloaded())
    assert tries.pace.limit == 2
    await tries.cancel(2, 3, 4)


async def test_it_finds_its_way_up_by_one_for_each_window_of_successes() -> None:
    tries, _ = await busy(4, 40)
    for number in range(1, 5):
        await tries.end(number, overloaded())
    limits = []
    for number in range(5, 35):
        await tries.end(number)
        limits.append(tries.pace.limit)
    assert limits[:6] == [2, 3, 3, 3, 4, 4]
    assert set(limits[6:]) == {4}, "the most is never passed"
    await tries.cancel(*range(35, 41))


async def test_successes_of_a_few_do_not_raise_what_nobody_uses() -> None:
    tries, _ = await busy(8, 8)
    for number in range(1, 9):
        await tries.end(number, overloaded())
    for number in range(10, 30):
        tries.begin(number)
        await settled()
        await tries.end(number)
    assert tries.pace.limit == 4


async def test_other_failures_change_nothing() -> None:
    tries, time = await busy(4, 4)
    await tries.end(1, RetryableModelError("HTTP 500"))
    await tries.end(2, RetryableModelError("ConnectError", trouble="unreachable"))
    assert (tries.pace.limit, time.waits) == (4, [])
    await tries.cancel(3, 4)


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (1e9, MAX_ASKED_PAUSE)])
async def test_all_new_tries_wait_for_what_the_provider_asks(asked: float, waited: float) -> None:
    tries, time = await busy(2, 4)
    await tries.end(1, overloaded(asked))
    await tries.end(2)
    assert time.waits == [waited]
    assert tries.begun == [1, 2, 3, 4]
    await tries.cancel(3, 4)


async def test_a_server_that_stays_overloaded_is_asked_ever_less_often() -> None:
    tries, time = await busy(1, 12)
    for number in range(1, 12):
        await tries.end(number, overloaded(0.0))
    assert time.waits[:3] == pytest.approx([0.2, 0.4, 0.8])
    assert time.waits[-1] == pytest.approx(MAX_PAUSE)
    await tries.end(12)


async def test_a_success_makes_pauses_short_again() -> None:
    tries, time = await busy(1, 6)
    for number in (1, 2, 3):
        await tries.end(number, overloaded())
    await tries.end(4)
    await tries.end(5, overloaded())
    assert time.waits == pytest.approx([0.2, 0.4, 0.8, 0.2])
    await tries.cancel(6)


async def test_who_is_cancelled_gives_place_and_turn_back() -> None:
    tries, _ = await busy(1, 4)
    await tries.cancel(2)  # the first in the queue
    await tries.cancel(1)  # the one that holds the place
    assert tries.begun == [1, 3]
    await tries.end(3)
    assert (tries.begun, tries.pace.active) == ([1, 3, 4], 1)
    await tries.end(4)
    assert tries.pace.active == 0


async def test_an_overload_is_told_once() -> None:
    said: list[str] = []
    time = Waited()
    tries = Tries(Pace(4, time.clock, said.append))
    tries.begin(*range(1, 9))
    await settled()
    for number in range(1, 9):
        await tries.end(number, overloaded())
    assert len(said) == 1
    assert "HTTP 429: slow down" in said[0]


def test_mistakes_are_counted() -> None:
    patience = Patience(Waited().clock)
    for _ in range(TRIES - 1):
        patience.failed(RetryableModelError("HTTP 500"))
        assert not patience.over
    patience.failed(RetryableModelError("HTTP 500"))
    assert patience.over


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (overloaded(), OVERLOADED_SECONDS),
        (RetryableModelError("ConnectError", trouble="unreachable"), UNREACHABLE_SECONDS),
    ],
)
def test_overload_and_absence_are_not_counted_but_timed(error: RetryableModelError, seconds: float) -> None:
    time = Waited()
    patience = Patience(time.clock)
    for _ in range(5 * TRIES):
        patience.failed(error)
        assert not patience.over
    time.waits.append(seconds)
    patience.failed(error)
    assert patience.over


def test_the_wait_after_mistakes_grows_within_bounds() -> None:
    patience = Patience(Waited().clock, tries=100)
    waits = []
    for _ in range(50):
        patience.failed(RetryableModelError("HTTP 500"))
        waits.append(patience.wait)
    assert waits[0] < 0.6
    assert 20 <= waits[-1] < 21
