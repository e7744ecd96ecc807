"""Connections break, hosts restart, runtimes stop and start: nothing hangs, and work goes on."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from autogen_core import AgentId, TopicId, TypeSubscription

from creator.runtime import Credentials, Grant, HardenedHost, Limits
from sandbox.errors import MessagingError, RecipientLost
from sandbox.runtime import HardenedRuntime
from sandbox.runtime.connection import HardenedConnection
from tests.conftest import REPOSITORY
from tests.integration.runtime.conftest import OpenHouse
from tests.integration.runtime.house import Answer, Ask, House, Worker


async def answers(house: House, name: str = "bob") -> None:
    """Ask until there is an answer: reconnecting takes its time."""
    async with asyncio.timeout(30):
        while True:
            try:
                await house.ask(name, timeout=5)
                return
            except MessagingError:
                await asyncio.sleep(0.05)


async def test_a_lost_host_fails_everyone_at_once(house: House) -> None:
    await house.worker("bob")
    pending = asyncio.create_task(house.ask(do="wait", timeout=60))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    await house.host.stop(grace=0)
    with pytest.raises(RecipientLost):
        await asyncio.wait_for(pending, 5)
    with pytest.raises(RecipientLost):
        await house.ask()
    await asyncio.wait_for(house.workers["bob"].cancelled.wait(), 5)


async def test_workers_come_back_to_a_restarted_host_with_names_and_subscriptions(house: House) -> None:
    bob = await house.worker("bob", role="trusted")
    await bob.add_subscription(TypeSubscription(topic_type="news", agent_type="bob"))
    for _ in range(2):
        await house.host.stop(grace=0)
        house.host.start()
        await answers(house)
    assert house.host.counters.subscriptions == 1
    await house.trusted.publish_message(Ask(do="wait"), TopicId("news", "default"))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)


async def test_workers_come_back_to_another_host_on_the_same_address(house: House) -> None:
    await house.worker("bob")
    await house.host.stop(grace=0)
    async with HardenedHost(house.host.address, credentials=house.credentials):
        await answers(house)
        for runtime in house.runtimes:
            await runtime.stop(grace=0)


async def test_a_connection_that_breaks_is_opened_again(house: House) -> None:
    """Its host sees the old one's end before it takes the new one: two connections would share a credential."""
    bob = await house.worker("bob")
    assert isinstance(bob._host_connection, HardenedConnection)
    bob._host_connection._stream.cancel()
    await answers(house)
    await house.until(lambda: house.disconnected == ["bob"])
    assert house.host.counters.clients == 2


async def test_who_gives_up_says_so(open_house: OpenHouse) -> None:
    async with open_house() as house:
        bob = await house.worker("bob", reconnect_for=0)
        await house.host.stop(grace=0)
        await asyncio.wait_for(bob.lost.wait(), 5)
        with pytest.raises(RecipientLost):
            await bob.request(Ask(), "creator", timeout=5, sender=AgentId("bob", "default"))
        await bob.stop()


async def test_a_refused_client_does_not_try_again(house: House) -> None:
    bob = await house.worker("bob")
    house.credentials.revoke("bob")
    await house.host.stop(grace=0)
    house.host.start()
    await asyncio.wait_for(bob.lost.wait(), 20)


async def test_there_is_no_host(socket: Path) -> None:
    with pytest.raises(RecipientLost, match=r"no connection|did not answer"):
        runtime = HardenedRuntime(f"unix:{socket}")
        async with asyncio.timeout(30):
            await runtime.start()


async def test_a_stopped_runtime_fails_what_waits_and_starts_again(house: House) -> None:
    await house.worker("bob")
    zoe = await house.connect("zoe", role="trusted")
    pending = asyncio.create_task(zoe.request(Ask(do="wait"), "bob", timeout=60))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    await asyncio.wait_for(zoe.stop(grace=0), 5)
    with pytest.raises(RecipientLost):
        await pending
    with pytest.raises(ValueError, match="must be running"):
        await zoe.send_message(Ask(), AgentId("bob", "default"))
    await house.until(lambda: house.host.counters.clients == 2)
    await zoe.start()
    assert (await zoe.request(Ask(value=4), "bob", timeout=5)).value == 4
    with pytest.raises(ValueError, match="already running"):
        await zoe.start()


async def test_a_stopping_runtime_finishes_what_it_can(house: House) -> None:
    """What was published just before is sent, and an answer under way arrives."""
    bob = await house.worker("bob", role="trusted")
    await bob.add_subscription(TypeSubscription(topic_type="news", agent_type="bob"))
    zoe = await house.connect("zoe", role="trusted")
    await zoe.publish_message(Ask(do="wait"), TopicId("news", "default"))
    await zoe.stop()
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)


async def test_a_runtime_can_be_stopped_from_within(house: House) -> None:
    class Stopper(Worker):
        async def on_message_impl(self, message: object, ctx: object) -> Answer:
            await bob.stop(grace=0)
            return Answer()

    bob = await house.connect("bob")
    await bob.register_agent_instance(Stopper(), AgentId("bob", "default"))
    with pytest.raises(MessagingError):
        await house.ask()
    await house.until(lambda: house.host.counters.clients == 1)


async def test_a_host_stops_and_starts(socket: Path) -> None:
    host = HardenedHost(f"unix:{socket}")
    for _ in range(3):
        host.start()
        with pytest.raises(RuntimeError, match="already started"):
            host.start()
        runtime = HardenedRuntime(host.address)
        await runtime.start()
        await asyncio.wait_for(host.stop(), 20)
        with pytest.raises(RuntimeError, match="not started"):
            await host.stop()
        await runtime.stop()


async def test_an_answer_that_is_queued_when_the_host_stops_still_arrives(house: House) -> None:
    await house.worker("bob")
    asked = [asyncio.create_task(house.ask(value=i)) for i in range(50)]
    await house.until(lambda: house.host.counters.ended >= 1)
    answered = house.host.counters.ended
    await house.host.stop(grace=5)
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(result, Answer) for result in results) >= answered


async def test_two_hosts_do_not_share_a_port(house: House) -> None:
    credentials = Credentials()
    async with HardenedHost("127.0.0.1:0", credentials=credentials) as first:
        second = HardenedHost(first.address, credentials=credentials)
        with pytest.raises(OSError, match="cannot listen"):
            second.start()


async def test_a_peer_that_is_busy_is_not_taken_for_dead(open_house: OpenHouse) -> None:
    """Pings are answered below Python: a handler that blocks its event loop is slow, not gone."""
    async with open_house(limits=Limits(frozen_after=0.3)) as house:
        credential = house.credentials.issue(Grant("busy", frozenset({"busy"}), "cell"))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.runtime.busy_worker", house.host.address),
            stdin=asyncio.subprocess.PIPE,
            cwd=REPOSITORY,
        )
        assert process.stdin is not None
        process.stdin.write(credential.encode() + b"\n")
        try:
            await asyncio.wait_for(house.host.registered("busy"), 30)
            assert (await house.ask("busy", timeout=30)).text == "was busy"
            assert house.disconnected == []
        finally:
            process.kill()
            await process.wait()


async def test_the_process_of_a_host_ends_when_hundreds_of_clients_are_gone_at_once() -> None:
    """Events that nobody reads any more would keep a thread of gRPC's from ending, and the process with it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.runtime.crowded_host", "600"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    try:
        async with asyncio.timeout(60):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (out.decode().strip(), errors.decode(), process.returncode) == ("600", "", 0)
