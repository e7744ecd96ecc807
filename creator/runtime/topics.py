"""Who may publish and subscribe to what, and who gets what is published."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autogen_core import Subscription, TopicId, TypePrefixSubscription, TypeSubscription
from autogen_ext.runtimes.grpc import _constants as cloud
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from creator.runtime.client import Client
from creator.runtime.credentials import Role
from creator.runtime.records import Limits
from sandbox.errors import MessageTooLarge, MessagingError, NameTaken, Overloaded
from sandbox.runtime.subscriptions import IndexedSubscriptions, agent_type_of
from sandbox.runtime.wire import MAX_HEAD_BYTES


class Topics:
    """The published half of a host's messages.

    Args:
        limits: Bounds on sizes.
        allowed: The topic types that clients of a role may use; trusted ones may all.
        owner_of: Gives the client that has registered an agent name.
        refuse: Counts a refusal and makes its error; the arguments are those of `Switch.refusal`.
    """

    def __init__(
        self,
        limits: Limits,
        allowed: Mapping[Role, frozenset[str]],
        owner_of: Callable[[str], Client | None],
        refuse: Callable[..., MessagingError],
    ) -> None:
        self.subscriptions = IndexedSubscriptions()
        self.published = 0
        """Events that were given to at least one recipient."""
        self._limits = limits
        self._allowed = allowed
        self._owner_of = owner_of
        self._refuse = refuse
        self._subscribers: dict[str, Client] = {}

    async def subscribe(self, client: Client, subscription: Subscription) -> None:
        """Add a subscription of a client's own agents; raises `PermissionDenied` or `NameTaken`."""
        name = agent_type_of(subscription)
        if self._owner_of(name) is not client:
            raise self._refuse(client, "subscription", f"this client has no agents named {name[:64]!r}")
        match subscription:
            case TypePrefixSubscription(topic_type_prefix=topic):
                # Every agent has its own direct messages: Agent.register subscribes to them.
                allowed = topic == f"{name}:" or (client.grant.role == "trusted" and topic != "")
            case TypeSubscription(topic_type=topic):
                allowed = self._may_use(client, topic)
            case _:
                allowed = False
        if not allowed:
            raise self._refuse(client, "subscription", f"{name!r} may not subscribe to this topic")
        try:
            await self.subscriptions.add_subscription(subscription)
        except ValueError as error:
            raise NameTaken(str(error)) from None
        client.subscriptions.add(subscription.id)
        self._subscribers[subscription.id] = client

    async def unsubscribe(self, client: Client, identity: str) -> None:
        """End one of the client's own subscriptions; raises `PermissionDenied`."""
        if identity not in client.subscriptions:
            raise self._refuse(client, "subscription", "this client has no such subscription")
        await self._end(client, identity)

    async def forget(self, client: Client, name: str | None = None) -> None:
        """End a client's subscriptions: those of one of its agents, or all."""
        for identity in list(client.subscriptions):
            subscription = self.subscriptions.get(identity)
            if name is None or (subscription is not None and agent_type_of(subscription) == name):
                await self._end(client, identity)

    async def _end(self, client: Client, identity: str) -> None:
        client.subscriptions.discard(identity)
        self._subscribers.pop(identity, None)
        await self.subscriptions.remove_subscription(identity)

    def publish(self, client: Client, message: pb.Message, size: int) -> None:
        """Give an event of ``size`` bytes to the clients whose agents subscribed to its topic."""
        event = message.cloudEvent
        if not self._may_use(client, event.type):
            self._refuse(client, "topic", f"this client may not publish to {event.type[:64]!r}")
            return
        source = event.attributes[cloud.AGENT_SENDER_TYPE_ATTR].ce_string
        if not client.grant.allows(source) and not (client.grant.role == "trusted" and source == "unknown"):
            self._refuse(client, "sender", f"this client may not publish as {source[:64]!r}")
            return
        if size > self._limits.message_bytes + MAX_HEAD_BYTES:
            self._refuse(client, "size", f"an event of {size} bytes", MessageTooLarge)
            return
        try:
            topic = TopicId(event.type, event.source)
        except ValueError:
            self._refuse(client, "topic", f"{event.type[:64]!r} is no topic type")
            return
        recipients = {id(one): one for one in map(self._subscriber, self.subscriptions.matching(topic)) if one}
        for recipient in recipients.values():
            if recipient.has_room(size):
                recipient.outbox.put(message, size)
            else:
                self._refuse(client, "overload", "too much is queued for a subscriber", Overloaded)
        self.published += bool(recipients)

    def _subscriber(self, subscription: Subscription) -> Client | None:
        return self._subscribers.get(subscription.id)

    def _may_use(self, client: Client, topic_type: str) -> bool:
        return client.grant.role == "trusted" or topic_type in self._allowed.get(client.grant.role, frozenset())
