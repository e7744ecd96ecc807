"""Agents come, go and are replaced while the runtime runs."""

from __future__ import annotations

import asyncio

import pytest
from autogen_core import AgentId, RoutedAgent, Subscription, TopicId, TypePrefixSubscription, TypeSubscription

from sandbox.errors import RecipientLost, RecipientNotFound
from sandbox.runtime.subscriptions import IndexedSubscriptions
from tests.integration.runtime.house import Answer, Ask, House, Worker


class Better(Worker):
    async def on_message_impl(self, message: object, ctx: object) -> Answer:
        return Answer(text="better")


async def test_a_replaced_agent_fails_what_waits_and_its_successor_answers(house: House) -> None:
    bob = await house.worker("bob")
    pending = asyncio.create_task(house.ask(do="wait", timeout=60))
    old = house.workers["bob"]
    await asyncio.wait_for(old.started.wait(), 5)
    await bob.replace_agent("bob", Better)
    with pytest.raises(RecipientLost, match="replaced"):
        await pending
    assert (await house.ask()).text == "better"
    await asyncio.wait_for(old.cancelled.wait(), 5)
    assert old.closed


async def test_an_unregistered_name_is_free_for_others(house: House) -> None:
    bob = await house.worker("bob", role="trusted")
    await bob.add_subscription(TypeSubscription(topic_type="news", agent_type="bob"))
    pending = asyncio.create_task(house.ask(do="wait", timeout=60))
    await asyncio.wait_for(house.workers["bob"].started.wait(), 5)
    await bob.unregister_agent("bob")
    with pytest.raises(RecipientLost, match="unregistered"):
        await pending
    with pytest.raises(RecipientNotFound):
        await house.ask()
    assert house.host.counters.subscriptions == 0
    assert house.workers["bob"].closed
    await bob.register_agent_instance(Worker(), AgentId("bob", "default"))
    assert (await house.ask(value=2)).value == 2


async def test_what_is_not_there_cannot_be_replaced_or_unregistered(house: House) -> None:
    bob = await house.worker("bob")
    for action in (bob.unregister_agent("eve"), bob.replace_agent("eve", Worker)):
        with pytest.raises(LookupError, match="eve"):
            await action
    assert (await house.ask(value=2)).value == 2


async def test_a_client_cannot_unregister_or_replace_anothers_agent(house: House) -> None:
    await house.worker("bob")
    eve = await house.worker("eve")
    eve._agent_factories["bob"] = Worker
    for action in (eve.unregister_agent("bob"), eve.replace_agent("bob", Worker)):
        with pytest.raises(PermissionError):
            await action
    assert (await house.ask(value=2)).value == 2
    assert house.host.counters.refused == {"registration": 2}


async def test_an_agent_that_fails_to_close_is_replaced_all_the_same(house: House) -> None:
    class Stubborn(Worker):
        async def close(self) -> None:
            raise OSError("cannot")

    bob = await house.connect("bob")
    await bob.register_agent_instance(Stubborn(), AgentId("bob", "default"))
    await bob.replace_agent("bob", Better, expected_class=Better)
    assert (await house.ask()).text == "better"


class Counted(TypePrefixSubscription):
    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]


async def test_a_registration_does_not_look_at_all_others() -> None:
    subscriptions = IndexedSubscriptions()
    for number in range(2_000):
        await subscriptions.add_subscription(Counted(f"a{number}:", f"a{number}"))
    assert Counted.compared == 0
    assert await subscriptions.get_subscribed_recipients(TopicId("a7:x", "key")) == [AgentId("a7", "key")]


async def test_many_types_in_one_worker(house: House) -> None:
    names = [f"a{number}" for number in range(1_000)]
    many = await house.connect(*names, role="trusted")
    for name in names:
        await Worker.register(many, name, Worker)
    assert house.host.counters.agents == 1_000
    await house.ask("a999")
    await many.stop()
    await house.until(lambda: house.host.counters.agents == 0)
    assert house.host.counters.subscriptions == 0


@pytest.mark.parametrize(
    ("subscription", "topic", "recipient"),
    [
        (TypeSubscription("news", "bob"), TopicId("news", "eve"), AgentId("bob", "eve")),
        (TypeSubscription("news", "bob"), TopicId("news:", "eve"), None),
        (TypePrefixSubscription("bob:", "bob"), TopicId("bob:direct", "x"), AgentId("bob", "x")),
        (TypePrefixSubscription("bob:", "bob"), TopicId("bob", "x"), None),
        (TypePrefixSubscription("n", "bob"), TopicId("news", "x"), AgentId("bob", "x")),
    ],
)
async def test_the_index_finds_what_autogens_own_matching_finds(
    subscription: Subscription, topic: TopicId, recipient: AgentId | None
) -> None:
    subscriptions = IndexedSubscriptions()
    await subscriptions.add_subscription(subscription)
    assert subscription.is_match(topic) == (recipient is not None)
    expected = [] if recipient is None else [recipient]
    assert await subscriptions.get_subscribed_recipients(topic) == expected
    with pytest.raises(ValueError, match="already exists"):
        await subscriptions.add_subscription(subscription)
    await subscriptions.remove_subscription(subscription.id)
    assert await subscriptions.get_subscribed_recipients(topic) == []
    with pytest.raises(ValueError, match="does not exist"):
        await subscriptions.remove_subscription(subscription.id)
    assert not subscriptions.subscriptions


def test_a_worker_is_an_autogen_agent() -> None:
    assert issubclass(Worker, RoutedAgent)
    assert Ask().do == "echo"
