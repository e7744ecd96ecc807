"""Nobody can make the host, or anybody else, grow or wait without bound."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from autogen_core import AgentId
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from creator.runtime import Grant, Limits
from creator.runtime.host import STREAM_COST
from sandbox.errors import MessageTooLarge, MessagingError, Overloaded
from sandbox.runtime import HardenedRuntime
from sandbox.runtime.outbox import Outbox
from sandbox.runtime.wire import MAX_HEAD_BYTES
from tests.integration.runtime.conftest import OpenHouse
from tests.integration.runtime.house import Ask, House, Worker

REGISTRY = AgentId("registry", "default")


async def registry(house: House) -> Worker:
    """A trusted agent that cells may always ask."""
    runtime = await house.connect("registry", role="trusted")
    worker = Worker()
    await runtime.register_agent_instance(worker, REGISTRY)
    return worker


async def outcome(runtime: HardenedRuntime, sender: str | None, recipient: str, **ask: Any) -> str:
    try:
        await runtime.request(
            Ask(**ask), recipient, timeout=1, sender=None if sender is None else AgentId(sender, "default")
        )
    except MessagingError as error:
        return type(error).__name__
    return "answered"


async def test_a_cell_has_a_bounded_number_of_requests(house: House) -> None:
    eve = await house.worker("eve")
    await registry(house)
    most = Limits().pending_per_cell
    outcomes = Counter(await asyncio.gather(*(outcome(eve, "eve", "registry", do="wait") for _ in range(3 * most))))
    assert outcomes == {Overloaded.__name__: 2 * most, "DeadlineExceeded": most}
    assert house.host.counters.refused == {"overload": 2 * most}
    assert await outcome(eve, "eve", "registry") == "answered"


async def test_a_recipient_has_a_bounded_number_of_requests(open_house: OpenHouse) -> None:
    async with open_house(limits=Limits(pending_per_recipient=5)) as house:
        await house.worker("bob")
        await house.worker("ann")
        other = await house.connect("zoe", role="trusted")
        outcomes = Counter(
            await asyncio.gather(
                *(outcome(house.trusted, None, "bob", do="wait") for _ in range(4)),
                *(outcome(other, None, "bob", do="wait") for _ in range(4)),
            )
        )
        assert outcomes == {Overloaded.__name__: 3, "DeadlineExceeded": 5}
        assert await outcome(other, None, "ann") == "answered"


async def test_unanswered_bytes_are_bounded(open_house: OpenHouse) -> None:
    async with open_house(limits=Limits(queued_bytes=300_000)) as house:
        await house.worker("bob")
        sent = [outcome(house.trusted, None, "bob", do="wait", text="x" * 100_000) for _ in range(5)]
        outcomes = Counter(await asyncio.gather(*sent))
        assert outcomes[Overloaded.__name__] == 3
        assert await outcome(house.trusted, None, "bob") == "answered"


async def test_a_client_that_reads_nothing_gets_nothing_more(open_house: OpenHouse) -> None:
    """Answers and refusals for it must not pile up in the host, however much it asks."""
    limits = Limits(queued_bytes=2_000_000, cell_messages_per_second=1e6, cell_burst=1_000_000)
    async with open_house(limits=limits) as house:
        await registry(house)
        eve = await house.connect("eve")
        eve._read_task.cancel()  # type: ignore[union-attr]
        request = pb.RpcRequest(target=pb.AgentId(type="registry", key="default"))
        request.source.type, request.source.key = "eve", "default"
        request.payload.data_type, request.payload.data_content_type = "Ask", "application/json"
        request.payload.data = b'{"do": "say", "value": 100000}'
        connection = eve._host_connection
        assert connection is not None
        for i in range(5_000):
            request.request_id = str(i)
            await connection.send(pb.Message(request=request))
        seen = []
        for _ in range(100):
            seen.append(house.host.counters.queued_bytes)
            await asyncio.sleep(0.01)
        assert max(seen) <= limits.queued_bytes + (limits.pending_per_cell + 1) * 512
        assert house.host.counters.delivered < 5_000
        assert (await house.ask("registry", value=1)).value == 1


async def test_messages_over_the_limit_are_refused_alone(house: House) -> None:
    """A client without our runtime's own check cannot do harm either."""
    await house.worker("bob")
    house.trusted._message_bytes = 1 << 30
    with pytest.raises(MessageTooLarge):
        await house.ask(text="x" * (Limits().message_bytes + MAX_HEAD_BYTES))
    assert (await house.ask(value=1)).value == 1


async def test_names_and_metadata_are_bounded_too(house: House) -> None:
    eve = await house.worker("eve")
    await registry(house)
    connection = eve._host_connection
    assert connection is not None
    request = pb.RpcRequest(request_id="one", target=pb.AgentId(type="registry", key="k" * 500_000))
    request.source.type, request.source.key = "eve", "default"
    await connection.send(pb.Message(request=request))
    request = pb.RpcRequest(request_id="x" * 500_000, target=pb.AgentId(type="registry", key="default"))
    request.source.type, request.source.key = "eve", "default"
    await connection.send(pb.Message(request=request))
    await house.until(lambda: house.host.counters.refused == {"size": 2})
    assert await outcome(eve, "eve", "registry") == "answered"


async def test_a_message_beyond_what_the_transport_takes_costs_only_its_sender(house: House) -> None:
    eve = await house.worker("eve")
    await house.worker("bob")
    connection = eve._host_connection
    assert connection is not None
    await connection.send(pb.Message(response=pb.RpcResponse(request_id="r", error="x" * 3_000_000)))
    await house.until(lambda: "eve" in house.disconnected)
    assert (await house.ask(value=1)).value == 1


async def test_connecting_again_gains_no_more_time(open_house: OpenHouse) -> None:
    async with open_house(limits=Limits(cell_messages_per_second=1, cell_burst=30)) as house:
        await registry(house)
        eve = await house.connect("eve")
        pace = house.host._switch.pace_of(Grant("eve", frozenset({"eve"}), "cell"))
        assert pace is not None and pace._tokens < 30 - STREAM_COST + 1
        await eve.stop(grace=0)
        await house.until(lambda: house.host.counters.clients == 2)
        await eve.start()
        assert pace._tokens < 0
        assert house.host._switch.pace_of(Grant("creator", frozenset({"creator"}), "trusted")) is None
        assert (await house.ask("registry", value=1)).value == 1


async def test_a_request_that_was_not_passed_on_yet_is_taken_back() -> None:
    """Else who asks and goes away, again and again, would fill the queue of the one who is asked."""
    outbox = Outbox()
    first, second = outbox.put(pb.Message(), 10), outbox.put(pb.Message(), 20)
    assert outbox.take_back(first) and outbox.bytes == 20
    assert not outbox.take_back(first)
    written = []

    async def write(message: pb.Message) -> None:
        assert not outbox.take_back(second), "it is on its way"
        written.append(message)

    outbox.close()
    await outbox.write_to(write)
    assert len(written) == 1 and outbox.bytes == 0


async def test_a_cell_is_read_at_a_bounded_rate(open_house: OpenHouse) -> None:
    async with open_house(limits=Limits(cell_messages_per_second=1, cell_burst=10)) as house:
        eve = await house.worker("eve")
        connection = eve._host_connection
        assert connection is not None
        for guess in range(1_000):
            await connection.send(pb.Message(response=pb.RpcResponse(request_id=f"r{guess}")))
        await house.until(lambda: house.host.counters.refused.get("reply", 0) >= 10)
        await registry(house)
        for _ in range(50):
            await house.ask("registry")
        assert house.host.counters.refused["reply"] < 100
