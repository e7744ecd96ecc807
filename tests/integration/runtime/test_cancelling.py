"""Deadlines and cancellations reach the agent that works, and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc

import pytest
from autogen_core import AgentId, CancellationToken

from sandbox.errors import DeadlineExceeded, MessagingError, RecipientLost
from tests.integration.runtime.house import Ask, House


async def working(house: House, name: str = "bob") -> None:
    await asyncio.wait_for(house.workers[name].started.wait(), 5)


async def stopped(house: House, name: str = "bob") -> None:
    """The handler was ended, and its token had fired before."""
    await asyncio.wait_for(house.workers[name].cancelled.wait(), 5)


async def test_a_deadline_ends_the_handler_as_well(house: House) -> None:
    await house.worker("bob")
    with pytest.raises(DeadlineExceeded):
        await house.ask(do="wait", timeout=0.2)
    await stopped(house)


async def test_a_cancelled_caller_ends_the_handler(house: House) -> None:
    await house.worker("bob")
    asking = asyncio.create_task(house.ask(do="wait", timeout=60))
    await working(house)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await stopped(house)
    await house.until(lambda: house.exchanges)
    assert house.exchanges[-1].outcome == "Cancelled"


async def test_a_cancellation_token_frees_the_caller_and_ends_the_handler(house: House) -> None:
    await house.worker("bob")
    token = CancellationToken()
    asking = asyncio.create_task(
        house.trusted.send_message(Ask(do="wait"), AgentId("bob", "default"), cancellation_token=token)
    )
    await working(house)
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await stopped(house)


async def test_a_token_that_is_cancelled_already_sends_nothing(house: House) -> None:
    token = CancellationToken()
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await house.trusted.send_message(Ask(), AgentId("bob", "default"), cancellation_token=token)
    await house.worker("bob")
    await house.ask()
    assert len(house.exchanges) == 1


async def test_cancelling_travels_through_an_agent_that_asks_another(house: House) -> None:
    for name in ("ann", "bob"):
        await house.worker(name)
    asking = asyncio.create_task(house.ask("ann", do="pass on", text="bob", conversation="c1", timeout=60))
    await working(house)
    asking.cancel()
    await stopped(house)
    await house.until(lambda: house.host.counters.pending == 0)


async def test_a_caller_that_goes_away_ends_the_handler(house: House) -> None:
    await house.worker("bob")
    caller = await house.connect("zoe", role="trusted")
    asking = asyncio.create_task(caller.request(Ask(do="wait"), "bob", timeout=60))
    await working(house)
    await caller.stop(grace=0)
    with pytest.raises(RecipientLost):
        await asking
    await stopped(house)


async def test_a_handler_that_ignores_its_end_holds_up_nobody(house: House) -> None:
    bob = await house.worker("bob")
    with pytest.raises(DeadlineExceeded):
        await house.ask(do="ignore cancelling", timeout=0.2)
    await stopped(house)
    assert (await house.ask(value=1)).value == 1
    await asyncio.wait_for(bob.stop(grace=0), 20)
    house.workers["bob"].released.set()


async def test_twenty_thousand_cancelled_requests_leave_nothing(house: House) -> None:
    bob = await house.worker("bob")
    token = CancellationToken()
    tasks_before = len(asyncio.all_tasks())

    async def cancelled(i: int) -> None:
        # A third by its task, a third by a token that all share, a third by its deadline.
        kind = i % 3
        request = house.trusted.request(
            Ask(do="wait"),
            "bob",
            timeout=0.001 if kind == 2 else 60,
            cancellation_token=token if kind == 1 else None,
        )
        asking = asyncio.ensure_future(request)
        await asyncio.sleep(0)
        if kind == 0:
            asking.cancel()
        with pytest.raises((asyncio.CancelledError, MessagingError)):
            await asking

    for start in range(0, 20_000, 1_000):
        batch = [asyncio.ensure_future(cancelled(i)) for i in range(start, start + 1_000)]
        await asyncio.sleep(0.01)
        token.cancel()
        await asyncio.gather(*batch)
        token = CancellationToken()
    await house.until(lambda: len(asyncio.all_tasks()) <= tasks_before)
    await house.until(lambda: house.host.counters.pending == 0 and not bob._answering)
    assert not house.trusted._pending_requests
    assert not bob._background_tasks and not house.trusted._background_tasks
    gc.collect()
    assert len(house.trusted._watched_tokens) <= 1
    waiting = [thing for thing in gc.get_objects() if isinstance(thing, asyncio.Future) and not thing.done()]
    assert len(waiting) < 100


async def test_a_token_that_serves_many_requests_does_not_grow(house: House) -> None:
    await house.worker("bob")
    token = CancellationToken()
    for _ in range(20):
        await house.trusted.send_message(Ask(), AgentId("bob", "default"), cancellation_token=token)
    assert len(token._callbacks) == 1
