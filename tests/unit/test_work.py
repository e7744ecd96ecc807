"""Whether anybody in a run does something but wait for a person."""

from __future__ import annotations

import asyncio

from creator.work import Work


async def test_work_is_over_once_everybody_has_ended_or_waits() -> None:
    work = Work()
    decided, ended = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        with work.waiting():
            await decided.wait()
        await ended.wait()

    async def short_wait() -> None:
        with work.waiting():
            pass
        await ended.wait()

    tasks = [asyncio.create_task(work.do(waits())), asyncio.create_task(work.do(short_wait()))]
    idle = asyncio.create_task(work.idle())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not idle.done(), "one who only looked up is at work"
    ended.set()
    await idle
    decided.set()
    await work.resumed()
    await asyncio.gather(*tasks)
    await work.idle()


async def test_work_that_is_cancelled_before_it_began_counts_no_more() -> None:
    work = Work()
    first = asyncio.create_task(work.do(asyncio.sleep(0)))
    second = asyncio.create_task(work.do(asyncio.sleep(600)))
    await first
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await work.idle()


async def test_one_who_waits_for_so_long_is_told_whether_anybody_is_at_work() -> None:
    work, ended = Work(), asyncio.Event()

    async def until_ended() -> None:
        await ended.wait()

    task = asyncio.create_task(work.do(until_ended()))
    assert not await work.idle(0.01)
    ended.set()
    assert await work.idle(60)
    await task
