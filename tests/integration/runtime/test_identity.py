"""Strangers and thieves get nothing, and what they try is on record."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable
from typing import Any

import grpc
import pytest
from autogen_core import AgentId, TopicId, TypePrefixSubscription, TypeSubscription
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb
from autogen_ext.runtimes.grpc.protos import cloudevent_pb2

from creator.runtime import Grant
from sandbox.errors import DeadlineExceeded, HandlerFailed, NameTaken, PermissionDenied
from sandbox.runtime import HardenedRuntime
from sandbox.runtime.connection import HardenedConnection
from tests.integration.runtime.conftest import OpenHouse
from tests.integration.runtime.house import Ask, House, Worker

BOB, EVE = AgentId("bob", "default"), AgentId("eve", "default")


def connection(runtime: HardenedRuntime) -> HardenedConnection:
    assert isinstance(runtime._host_connection, HardenedConnection)
    return runtime._host_connection


async def refused(house: House, action: Awaitable[Any], error: type[Exception] = PermissionDenied) -> None:
    """The action fails, and one more line is on record."""
    before = len(house.refusals)
    with pytest.raises(error):
        await action
    assert len(house.refusals) == before + 1


async def test_a_stranger_does_not_get_in(house: House) -> None:
    await refused(house, HardenedRuntime(house.host.address, credential="guess").start())
    await refused(house, HardenedRuntime(house.host.address).start())
    assert "guess" not in str(house.refusals)


async def test_one_credential_opens_one_connection(house: House) -> None:
    eve = await house.connect("eve")
    await refused(house, HardenedRuntime(house.host.address, credential=eve._credential).start(), NameTaken)


async def test_a_revoked_credential_is_no_good(house: House) -> None:
    credential = house.credentials.issue(Grant("eve", frozenset({"eve"}), "cell"))
    house.credentials.revoke("eve")
    await refused(house, HardenedRuntime(house.host.address, credential=credential).start())


async def test_a_credential_is_in_no_log_and_in_no_error(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    eve = await house.worker("eve")
    texts = []
    for action in (eve.register_factory("bob", Worker), eve.send_message(Ask(), BOB, sender=BOB)):
        with pytest.raises(PermissionDenied) as caught:
            await action
        texts += [repr(caught.value), *traceback.format_exception(caught.value)]
    assert eve._credential is not None
    assert eve._credential not in caplog.text + "".join(texts) + repr(house.refusals) + repr(house.credentials)


async def test_only_granted_names_can_be_registered(house: House) -> None:
    eve = await house.worker("eve")
    await refused(house, eve.register_factory("creator", Worker))
    await refused(house, eve.register_factory("bob", Worker))
    await refused(house, connection(eve).call("RegisterAgent", pb.RegisterAgentTypeRequest(type="")))


async def test_a_call_needs_an_open_stream_of_the_same_client(house: House) -> None:
    credential = house.credentials.issue(Grant("late", frozenset({"late"}), "cell"))
    async with grpc.aio.insecure_channel(house.host.address) as channel:
        caller = HardenedConnection(channel, [("credential", credential)])
        await refused(house, caller.call("RegisterAgent", pb.RegisterAgentTypeRequest(type="late")))


async def test_nobody_sends_as_another(house: House) -> None:
    await house.worker("bob")
    eve = await house.worker("eve")
    await refused(house, eve.send_message(Ask(), BOB, sender=BOB))
    await refused(house, eve.send_message(Ask(), BOB))
    await refused(house, eve.send_message(Ask(), AgentId("creator", "default"), sender=EVE))
    await refused(house, eve.send_message(Ask(), BOB, sender=EVE))  # not while it answers a request
    assert house.host.counters.refused == {"sender": 2, "recipient": 2}


async def test_an_answer_that_was_not_asked_for_changes_nothing_and_is_on_record(house: House) -> None:
    await house.worker("bob")
    eve = await house.worker("eve")
    pending = asyncio.create_task(house.ask(do="wait", timeout=1))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    for guess in range(50):
        connection(eve).put(pb.Message(response=pb.RpcResponse(request_id=f"r{guess}", error="stolen")))
    with pytest.raises(DeadlineExceeded):
        await pending
    assert house.host.counters.refused["reply"] == 50


async def test_a_late_answer_is_no_forgery(house: House) -> None:
    bob = await house.worker("bob")
    asking = asyncio.create_task(house.ask(do="wait"))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    request_id = next(iter(bob._answering))
    asking.cancel()
    await house.until(lambda: house.exchanges)
    for _ in range(2):
        connection(bob).put(pb.Message(response=pb.RpcResponse(request_id=request_id)))
    await house.ask()
    assert house.host.counters.refused == {"reply": 1}, "the first one was on its way, the second is one too many"


async def test_an_id_of_ones_own_cannot_be_used_twice_at_once(house: House) -> None:
    """Else the answers of two requests could not be told apart."""
    eve = await house.worker("eve")
    await (await house.connect("registry", role="trusted")).register_agent_instance(
        Worker(), AgentId("registry", "default")
    )
    request = pb.RpcRequest(request_id="same", target=pb.AgentId(type="registry", key="default"))
    request.source.type, request.source.key = "eve", "default"
    request.payload.data_type, request.payload.data = "Ask", b'{"do": "wait"}'
    request.payload.data_content_type = "application/json"
    for _ in range(2):
        connection(eve).put(pb.Message(request=request))
    await house.until(lambda: house.host.counters.refused == {"sender": 1})
    assert house.host.counters.pending == 1


async def test_others_traffic_cannot_be_subscribed_to(house: House) -> None:
    bob, eve = await house.worker("bob"), await house.worker("eve")
    own = TypePrefixSubscription(topic_type_prefix="bob:", agent_type="bob")
    await bob.add_subscription(own)
    for subscription in (
        TypePrefixSubscription(topic_type_prefix="", agent_type="eve"),
        TypePrefixSubscription(topic_type_prefix="bob:", agent_type="eve"),
        TypePrefixSubscription(topic_type_prefix="bob:", agent_type="bob"),
        TypeSubscription(topic_type="news", agent_type="eve"),
    ):
        await refused(house, eve.add_subscription(subscription))
    await refused(house, eve.remove_subscription(own.id))
    listed = await connection(eve).call("GetSubscriptions", pb.GetSubscriptionsRequest())
    assert not listed.subscriptions
    assert house.host.counters.subscriptions == 1


async def test_even_a_trusted_client_does_not_listen_to_everything(house: House) -> None:
    await house.trusted.register_agent_instance(Worker(), AgentId("creator", "default"))
    everything = TypePrefixSubscription(topic_type_prefix="", agent_type="creator")
    await refused(house, house.trusted.add_subscription(everything))


async def test_a_cell_publishes_to_allowed_topics_and_as_itself_only(open_house: OpenHouse) -> None:
    async with open_house(topics={"cell": frozenset({"news"})}) as house:
        bob, eve = await house.worker("bob"), await house.worker("eve")
        await bob.add_subscription(TypeSubscription(topic_type="news", agent_type="bob"))
        await eve.publish_message(Ask(), TopicId("secrets", "default"), sender=EVE)
        await eve.publish_message(Ask(), TopicId("bob:", "default"), sender=EVE)
        await eve.publish_message(Ask(), TopicId("news", "default"), sender=BOB)
        await eve.publish_message(Ask(), TopicId("news", "default"))  # AutoGen then says that it is "unknown"
        connection(eve).put(pb.Message(cloudEvent=cloudevent_pb2.CloudEvent(type="news", source="default")))
        await house.until(lambda: len(house.refusals) == 5)
        assert house.host.counters.refused == {"topic": 2, "sender": 3}
        assert house.host.counters.published == 0
        await eve.publish_message(Ask(do="wait"), TopicId("news", "default"), sender=EVE)
        await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
        assert house.host.counters.published == 1


async def test_the_control_channel_is_closed(house: House) -> None:
    eve = await house.connect("eve")
    call = connection(eve).stub.OpenControlChannel(iter(()), metadata=connection(eve).metadata)
    with pytest.raises(grpc.aio.AioRpcError, match="PERMISSION_DENIED"):
        await call.read()
    assert house.host.counters.refused == {"control channel": 1}


async def test_a_refused_name_does_not_stay_and_its_owner_is_not_told(house: House) -> None:
    await house.worker("bob")
    other = await house.connect(
        "bob2", role="trusted", credential=house.credentials.issue(Grant("second", frozenset({"bob"}), "trusted"))
    )
    with pytest.raises(NameTaken) as caught:
        await other.register_factory("bob", Worker)
    assert str(caught.value) == "Agent type bob already registered."
    assert "bob" not in other._agent_factories
    with pytest.raises(ValueError, match="unregister it"):
        await other.register_factory("bob", Worker)
    await house.host.disconnect("bob")
    await other.unregister_agent("bob")
    await other.register_factory("bob", Worker)
    assert (await house.ask(value=1)).value == 1


async def test_a_thousand_refusals_are_counted_but_not_all_told(house: House) -> None:
    eve = await house.worker("eve")
    for guess in range(120):
        connection(eve).put(pb.Message(response=pb.RpcResponse(request_id=f"r{guess}")))
    await house.until(lambda: house.host.counters.refused.get("reply") == 120)
    assert len(house.refusals) == 50
    await refused(house, eve.register_factory("creator", Worker))  # nor does it hide another kind


async def test_an_event_without_a_proper_topic_is_refused(house: House) -> None:
    event = cloudevent_pb2.CloudEvent(type="no topic", source="default")
    event.attributes["agagentsendertype"].ce_string = "creator"
    connection(house.trusted).put(pb.Message(cloudEvent=event))
    await house.until(lambda: house.host.counters.refused == {"topic": 1})
    assert house.disconnected == []


async def test_a_worker_is_not_believed_to_be_the_host(house: House) -> None:
    bob = await house.worker("bob")
    pending = asyncio.create_task(house.ask(do="wait", timeout=30))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    request_id = next(iter(bob._answering))
    forged = pb.RpcResponse(request_id=request_id, error="x" * 5_000, metadata={"error": "RecipientLost"})
    connection(bob).put(pb.Message(response=forged))
    with pytest.raises(HandlerFailed) as caught:
        await pending
    assert len(str(caught.value)) <= 2_000
