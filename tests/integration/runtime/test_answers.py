"""Every request ends, in the right hands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from autogen_core import AgentId

from creator.runtime import Grant
from sandbox.errors import (
    ConversationEnded,
    DeadlineExceeded,
    HandlerFailed,
    MessageTooLarge,
    MessagingError,
    RecipientLost,
    RecipientNotFound,
)
from sandbox.runtime import HardenedRuntime
from sandbox.runtime.wire import MAX_MESSAGE_BYTES
from tests.integration.runtime.house import Ask, House, Unheard, Worker


async def test_an_answer_comes_back(house: House) -> None:
    await house.worker("bob")
    assert (await house.ask(value=7)).value == 7


async def test_every_answer_reaches_its_own_caller(house: House) -> None:
    await house.worker("bob")
    clients = [await house.connect(f"client{i}", role="trusted") for i in range(8)]

    async def many(client: HardenedRuntime, base: int) -> None:
        places = asyncio.Semaphore(32)

        async def one(value: int) -> None:
            async with places:
                assert (await client.request(Ask(value=value), "bob", timeout=60)).value == value

        await asyncio.gather(*(one(base + i) for i in range(1_000)))

    await asyncio.gather(*(many(client, 10_000 * i) for i, client in enumerate(clients)))
    assert house.host.counters.pending == 0


@pytest.mark.parametrize(
    ("ask", "error", "text"),
    [
        ({"name": "nobody"}, RecipientNotFound, "'nobody'"),
        ({"do": "raise empty"}, HandlerFailed, "KeyError"),
        ({"do": "raise"}, HandlerFailed, "ZeroDivisionError: by zero"),
        ({"do": "raise cancelled"}, HandlerFailed, "CancelledError: what the handler waited for"),
        ({"do": "none"}, HandlerFailed, "None"),
        ({"do": "object"}, HandlerFailed, "object"),
        ({"do": "unknown type"}, HandlerFailed, "NotKnownToAll"),
        ({"do": "large"}, HandlerFailed, "the limit is"),
        ({"do": "claim"}, HandlerFailed, "a cell says so"),
        ({"do": "wait", "timeout": 0.2}, DeadlineExceeded, "'bob'"),
        ({"text": "x" * (MAX_MESSAGE_BYTES + 1)}, MessageTooLarge, "the limit is"),
    ],
)
async def test_what_cannot_be_answered_ends_in_its_error(
    house: House, ask: dict[str, Any], error: type[MessagingError], text: str
) -> None:
    await house.worker("bob")
    with pytest.raises(error, match=text) as caught:
        await house.ask(**ask)
    assert type(caught.value) is error
    assert (await house.ask(value=1)).value == 1, "the connection is unharmed"


async def test_a_failed_handler_says_what_it_raised_and_where(house: House) -> None:
    await house.worker("bob")
    with pytest.raises(HandlerFailed) as caught:
        await house.ask(do="raise")
    assert (caught.value.type_name, caught.value.text) == ("ZeroDivisionError", "by zero")
    assert "in ask" in caught.value.traceback and "ZeroDivisionError: by zero" in caught.value.traceback


async def test_a_cell_does_not_see_the_frames_of_a_trusted_agent(house: House) -> None:
    eve = await house.worker("eve")
    registry = await house.connect("registry", role="trusted")
    await registry.register_agent_instance(Worker(), AgentId("registry", "default"))
    with pytest.raises(HandlerFailed) as caught:
        await eve.send_message(Ask(do="raise"), AgentId("registry", "default"), sender=AgentId("eve", "default"))
    assert caught.value.type_name == "ZeroDivisionError"
    assert caught.value.traceback == ""


@pytest.mark.parametrize("constructor", [False, True])
async def test_a_factory_that_raises_is_an_error(house: House, constructor: bool) -> None:
    class Broken(Worker):
        def __init__(self) -> None:
            raise LookupError("no such thing")

    def factory() -> Worker:
        raise LookupError("no such thing")

    bob = await house.connect("bob")
    await bob.register_factory("bob", Broken if constructor else factory)
    with pytest.raises(HandlerFailed, match="no such thing") as caught:
        await house.ask()
    assert caught.value.type_name == "LookupError"


async def test_an_unhandled_message_type_is_an_error(house: House) -> None:
    await house.worker("bob")
    with pytest.raises(HandlerFailed):
        await house.trusted.request(Unheard(), "bob", timeout=5)


async def test_two_first_messages_make_one_agent(house: House) -> None:
    made = []

    async def factory() -> Worker:
        await asyncio.sleep(0)
        made.append(Worker())
        return made[-1]

    bob = await house.connect("bob")
    await bob.register_factory("bob", factory)
    await asyncio.gather(*(house.ask() for _ in range(10)))
    assert len(made) == 1


async def test_an_agent_can_be_asked_as_soon_as_it_is_registered(house: House) -> None:
    bob = await house.connect("bob")

    async def ask_when_there() -> None:
        await house.host.registered("bob")
        assert (await house.ask(value=1)).value == 1

    asking = asyncio.create_task(ask_when_there())
    await bob.register_agent_instance(Worker(), AgentId("bob", "default"))
    await asking


async def test_a_worker_that_goes_away_fails_its_callers(house: House) -> None:
    runtime = await house.worker("bob")
    pending = asyncio.create_task(house.ask(do="wait", timeout=60))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    await runtime.stop(grace=0)
    with pytest.raises(RecipientLost):
        await asyncio.wait_for(pending, 5)
    with pytest.raises(RecipientNotFound):
        await house.ask()
    assert house.disconnected == ["bob"]


async def test_a_name_is_free_again_after_its_worker_left(house: House) -> None:
    runtime = await house.worker("bob")
    await runtime.stop()
    await house.until(lambda: house.host.counters.agents == 0)
    await house.worker("bob")
    assert (await house.ask(value=3)).value == 3


async def test_a_host_can_put_a_client_out_and_its_name_is_free_at_once(house: House) -> None:
    old = await house.worker("bob")
    pending = asyncio.create_task(house.ask(do="wait", timeout=60))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    await house.host.disconnect("bob")
    new = await house.connect("bob", credential=house.credentials.issue(Grant("bob again", frozenset({"bob"}), "cell")))
    await new.register_agent_instance(Worker(), AgentId("bob", "default"))
    with pytest.raises(RecipientLost):
        await pending
    assert (await house.ask(value=3)).value == 3
    await asyncio.wait_for(old.lost.wait(), 20)  # its credential is revoked: it does not come back


async def test_colleagues_are_asked_within_a_conversation(house: House) -> None:
    for name in ("bob", "eve"):
        await house.worker(name)
    await house.ask("bob", do="chain", text="eve", conversation="c1")
    inner = next(exchange for exchange in house.exchanges if exchange.source == "bob")
    assert (inner.target, inner.conversation, inner.chain, inner.outcome) == ("eve", "c1", ("bob",), "ok")


async def test_nobody_takes_part_twice_and_hops_are_limited(house: House) -> None:
    for name in ("ann", "bob", "cyd", "dan"):
        await house.worker(name)
    with pytest.raises(HandlerFailed, match="already took part"):
        await house.ask("ann", do="chain", text="bob ann", conversation="c1")
    with pytest.raises(HandlerFailed, match="limit of 2 hops"):
        await house.ask("ann", do="chain", text="bob cyd dan", conversation="c2")
    assert {exchange.outcome for exchange in house.exchanges} >= {ConversationEnded.__name__}


async def test_whoever_is_asked_knows_the_conversation(house: House) -> None:
    for name in ("ann", "bob"):
        await house.worker(name)
    assert (await house.ask("bob")).text == ""
    assert (await house.ask("bob", conversation="c1")).text == "c1"
    assert (await house.ask("ann", do="chain", text="bob", conversation="c2")).text == "c2"
    assert (await house.ask("bob", conversation="c" * 100)).text == "c" * 64
