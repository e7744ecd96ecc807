"""Deadlines of many requests on one timer."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.runtime.deadlines import SPARE, Deadlines


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 20), st.booleans()), max_size=40))
def test_exactly_what_is_not_discarded_expires_in_order(steps: list[tuple[int, int, bool]]) -> None:
    """Items may come back with another deadline; the last one counts."""

    async def run() -> list[int]:
        expired: list[int] = []
        deadlines: Deadlines[int] = Deadlines(expired.append)
        start = asyncio.get_running_loop().time()
        for item, milliseconds, discard in steps:
            if discard:
                deadlines.discard(item)
                expected.pop(item, None)
            else:
                deadlines.add(item, start + milliseconds / 1_000)
                expected[item] = milliseconds
        while deadlines._live:
            await asyncio.sleep(0.001)
        return expired

    expected: dict[int, int] = {}
    expired = asyncio.run(run())
    assert sorted(expired) == sorted(expected)
    assert [expected[item] for item in expired] == sorted(expected.values())


async def test_what_is_done_does_not_pile_up() -> None:
    deadlines: Deadlines[int] = Deadlines(lambda item: None)
    later = asyncio.get_running_loop().time() + 1_000
    for item in range(10 * SPARE):
        deadlines.add(item, later)
        deadlines.discard(item)
    assert len(deadlines._heap) <= SPARE + 1
