"""The part of the runtime that registers agents: they come, go and are replaced while it runs."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from autogen_core import Agent, AgentId, AgentType, Subscription
from autogen_ext.runtimes.grpc._utils import subscription_to_proto
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from sandbox.errors import MessagingError, NameTaken
from sandbox.runtime.answering import AnsweringRuntime
from sandbox.runtime.connection import HardenedConnection
from sandbox.runtime.subscriptions import IndexedSubscriptions, agent_type_of
from sandbox.runtime.wire import REPLACE, UNREGISTER

logger = logging.getLogger(__name__)

T = TypeVar("T", bound=Agent)

REGISTRATIONS_AT_ONCE = 64


class RegisteringRuntime(AnsweringRuntime):
    """Registers agents and subscriptions. `HardenedRuntime` is the whole."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._subscription_manager = IndexedSubscriptions()
        self._being_registered: dict[str, asyncio.Event] = {}
        self._constructing: dict[AgentId, asyncio.Lock] = {}
        self._refused: set[str] = set()

    async def _register_agent_type(self, agent_type: str) -> None:
        await self._connection().call("RegisterAgent", pb.RegisterAgentTypeRequest(type=agent_type))

    async def register_factory(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], T | Awaitable[T]],
        *,
        expected_class: type[T] | None = None,
    ) -> AgentType:
        """Register a type of agents under its name.

        Raises:
            NameTaken: Another client has it.
            PermissionDenied: The host does not let this client have it.
            ValueError: This runtime has it, or was refused it before (see `unregister_agent`).
        """
        name = self._not_refused(type)
        try:
            return await super().register_factory(type, agent_factory, expected_class=expected_class)
        except MessagingError:
            self._agent_factories.pop(name, None)
            self._refused.add(name)
            raise

    async def register_agent_instance(self, agent_instance: Agent, agent_id: AgentId) -> AgentId:
        """Register one agent under its id; raises what `register_factory` raises."""
        name = self._not_refused(agent_id.type)
        fresh = name not in self._agent_factories
        # The host may send it a message before the plain method has put it in its place.
        registered = self._being_registered[name] = asyncio.Event()
        try:
            return await super().register_agent_instance(agent_instance, agent_id)
        except MessagingError:
            if fresh:
                self._agent_factories.pop(name, None)
                self._refused.add(name)
            raise
        finally:
            del self._being_registered[name]
            registered.set()

    def _not_refused(self, type: str | AgentType) -> str:
        name = type if isinstance(type, str) else type.type
        if name in self._refused:
            raise ValueError(f"the host refused {name!r} to this runtime before: unregister it, then try again")
        return name

    async def unregister_agent(self, type: str | AgentType) -> None:
        """Give a name back. Its agents are closed, requests to them fail, its subscriptions end.

        Raises:
            LookupError: This runtime neither has this name nor was refused it.
        """
        name = type if isinstance(type, str) else type.type
        if name in self._refused:
            self._refused.discard(name)
            return
        if name not in self._agent_factories:
            raise LookupError(f"this runtime has no agents named {name!r}")
        request = pb.RegisterAgentTypeRequest(type=name)
        await self._connection().call("RegisterAgent", request, UNREGISTER)
        del self._agent_factories[name]
        self._agent_instance_types.pop(name, None)
        for subscription in self._subscription_manager.subscriptions:
            if agent_type_of(subscription) == name:
                await self._subscription_manager.remove_subscription(subscription.id)
        await _close(self._take_agents(name))

    async def replace_agent(
        self,
        type: str | AgentType,
        agent_factory: Callable[[], T | Awaitable[T]],
        *,
        expected_class: type[T] | None = None,
    ) -> None:
        """Put another factory in a registered type's place; name and subscriptions stay.

        Requests that the old agents have not answered fail with `RecipientLost`; later ones reach new agents.

        Raises:
            LookupError: This runtime has no agents of this name.
        """
        name = type if isinstance(type, str) else type.type
        if name not in self._agent_factories:
            raise LookupError(f"this runtime has no agents named {name!r}")

        async def construct() -> T:
            made = agent_factory()
            agent = await made if inspect.isawaitable(made) else made
            if expected_class is not None and agent.__class__ is not expected_class:
                raise ValueError("Factory registered using the wrong type.")
            return agent

        self._agent_factories[name] = construct
        self._agent_instance_types.pop(name, None)
        old = self._take_agents(name)
        # The host fails what the old agents have not answered.
        await self._connection().call("RegisterAgent", pb.RegisterAgentTypeRequest(type=name), REPLACE)
        await _close(old)

    def _take_agents(self, name: str) -> list[Agent]:
        """Take a type's agents away from their work."""
        for answering in list(self._answering.values()):
            if answering.recipient == name:
                answering.stop()
        ids = [agent_id for agent_id in self._instantiated_agents if agent_id.type == name]
        return [self._instantiated_agents.pop(agent_id) for agent_id in ids]

    async def _get_agent(self, agent_id: AgentId) -> Agent:
        agent = self._instantiated_agents.get(agent_id)
        if agent is not None:
            return agent
        if (registered := self._being_registered.get(agent_id.type)) is not None:
            await registered.wait()
        # Two first messages at once must not construct two agents.
        async with self._constructing.setdefault(agent_id, asyncio.Lock()):
            try:
                return await super()._get_agent(agent_id)
            finally:
                self._constructing.pop(agent_id, None)

    async def add_subscription(self, subscription: Subscription) -> None:
        """Subscribe agents of this runtime; raises `PermissionDenied` for topics that the host does not allow."""
        await self._connection().call("AddSubscription", _subscribe(subscription))
        await self._subscription_manager.add_subscription(subscription)

    async def remove_subscription(self, id: str) -> None:
        """End a subscription of this runtime."""
        await self._connection().call("RemoveSubscription", pb.RemoveSubscriptionRequest(id=id))
        await self._subscription_manager.remove_subscription(id)

    async def _register_again(self, connection: HardenedConnection) -> None:
        """Register everything on a new connection; a name that somebody else took meanwhile is given up."""
        places = asyncio.Semaphore(REGISTRATIONS_AT_ONCE)

        async def register(name: str) -> None:
            async with places:
                try:
                    await connection.call("RegisterAgent", pb.RegisterAgentTypeRequest(type=name))
                except NameTaken:
                    logger.warning("the name %.100r was taken by another client while the host was away", name)
                    self._agent_factories.pop(name, None)
                    self._refused.add(name)

        async def subscribe(subscription: Subscription) -> None:
            async with places:
                await connection.call("AddSubscription", _subscribe(subscription))

        await _all([register(name) for name in self._agent_factories])
        subscriptions = [one for one in self._subscription_manager.subscriptions]
        await _all([subscribe(one) for one in subscriptions if agent_type_of(one) in self._agent_factories])


async def _all(calls: Sequence[Awaitable[None]]) -> None:
    """Wait for all calls, then raise the first error."""
    for result in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def _close(agents: Sequence[Agent]) -> None:
    for agent in agents:
        try:
            await agent.close()
        except Exception:  # the agent's own code; it is on its way out
            logger.warning("agent %.100r failed to close", str(agent.id), exc_info=True)


def _subscribe(subscription: Subscription) -> pb.AddSubscriptionRequest:
    return pb.AddSubscriptionRequest(subscription=subscription_to_proto(subscription))
