"""Who gets what is published: AutoGen's subscription manager with an index, so that ten thousand cost little.

The plain manager compares each new subscription with all others, and remembers every topic that it ever saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autogen_core import AgentId, Subscription, TopicId, TypePrefixSubscription, TypeSubscription
from autogen_core._runtime_impl_helpers import SubscriptionManager

_Key = tuple[type[Subscription], str, str]


class IndexedSubscriptions(SubscriptionManager):
    """Subscriptions by id, by topic type, and by prefix of a topic type."""

    def __init__(self) -> None:
        self._by_id: dict[str, Subscription] = {}
        self._known: set[_Key] = set()
        self._by_type: dict[str, dict[str, Subscription]] = {}
        self._by_prefix: dict[str, dict[str, Subscription]] = {}
        self._lengths: dict[int, int] = {}

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """All subscriptions, in the order in which they came."""
        return list(self._by_id.values())

    @property
    def _subscriptions(self) -> list[Subscription]:  # type: ignore[override]
        return list(self._by_id.values())

    async def add_subscription(self, subscription: Subscription) -> None:
        """Add one; ValueError when there is an equal one, or its kind is unknown."""
        key = _key(subscription)
        if key in self._known or subscription.id in self._by_id:
            raise ValueError("Subscription already exists")
        self._known.add(key)
        self._by_id[subscription.id] = subscription
        kind, topic, _ = key
        if kind is TypeSubscription:
            self._by_type.setdefault(topic, {})[subscription.id] = subscription
        else:
            self._by_prefix.setdefault(topic, {})[subscription.id] = subscription
            self._lengths[len(topic)] = self._lengths.get(len(topic), 0) + 1

    async def remove_subscription(self, id: str) -> None:
        """Remove one; ValueError when there is none of this id."""
        subscription = self._by_id.pop(id, None)
        if subscription is None:
            raise ValueError("Subscription does not exist")
        key = _key(subscription)
        self._known.discard(key)
        kind, topic, _ = key
        index = self._by_type if kind is TypeSubscription else self._by_prefix
        index[topic].pop(id)
        if not index[topic]:
            del index[topic]
        if kind is TypePrefixSubscription:
            self._lengths[len(topic)] -= 1
            if not self._lengths[len(topic)]:
                del self._lengths[len(topic)]

    async def get_subscribed_recipients(self, topic: TopicId) -> list[AgentId]:
        """The agents that get what is published to ``topic``."""
        return [subscription.map_to_agent(topic) for subscription in self.matching(topic)]

    def get(self, id: str) -> Subscription | None:
        """The subscription of this id, or None."""
        return self._by_id.get(id)

    def matching(self, topic: TopicId) -> Iterator[Subscription]:
        """The subscriptions that ``topic`` falls under."""
        yield from self._by_type.get(topic.type, {}).values()
        for length in self._lengths:
            yield from self._by_prefix.get(topic.type[:length], {}).values() if length <= len(topic.type) else ()


def _key(subscription: Subscription) -> _Key:
    match subscription:
        case TypeSubscription(topic_type=topic, agent_type=agent):
            return (TypeSubscription, topic, agent)
        case TypePrefixSubscription(topic_type_prefix=topic, agent_type=agent):
            return (TypePrefixSubscription, topic, agent)
        case _:
            raise ValueError(f"subscriptions of type {type(subscription).__name__!r} cannot be sent to a host")


def agent_type_of(subscription: Subscription) -> str:
    """The type of the agents that a subscription is for."""
    return _key(subscription)[2]
