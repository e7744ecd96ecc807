"""The part of the runtime that answers: a request comes in, its agent handles it, and whatever happens is told."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from autogen_core import (
    JSON_DATA_CONTENT_TYPE,
    Agent,
    AgentId,
    CancellationToken,
    MessageContext,
    MessageHandlerContext,
)
from autogen_core._serialization import UnknownPayload
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from sandbox.errors import NO_HANDLER, DeadlineExceeded, HandlerFailed, MessagingError, failure_of
from sandbox.runtime import current
from sandbox.runtime.asking import AskingRuntime
from sandbox.runtime.current import Answering
from sandbox.runtime.deadlines import Deadlines
from sandbox.runtime.wire import set_error


class AnsweringRuntime(AskingRuntime):
    """Handles requests. `HardenedRuntime` is the whole."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._answering: dict[str, Answering] = {}
        self._working: Deadlines[Answering] = Deadlines(Answering.expire)

    async def _process_request(self, request: pb.RpcRequest) -> None:
        timeout = float(request.metadata.get("timeout", self._default_timeout))
        deadline = asyncio.get_running_loop().time() + timeout
        answering = Answering(
            request.request_id,
            request.target.type,
            deadline,
            current.current_task(),
            request.metadata.get("conversation", ""),
            request.payload.data,
        )
        self._answering[request.request_id] = answering
        current.answering.set(answering)
        self._working.add(answering, answering.deadline)
        outgoing = pb.Message()
        outgoing.response.request_id = request.request_id
        try:
            data_type, data = self._serialized(await self._answer(request, answering))
            payload = outgoing.response.payload
            payload.data_type, payload.data, payload.data_content_type = data_type, data, JSON_DATA_CONTENT_TYPE
        except asyncio.CancelledError:
            if answering.expired:
                error: MessagingError = DeadlineExceeded(f"{answering.recipient!r} was stopped at its deadline")
            elif answering.task.cancelling():
                raise  # nobody waits for the answer any more
            else:
                error = HandlerFailed("what the handler waited for was cancelled", asyncio.CancelledError.__name__)
            set_error(outgoing.response, error)
        except MessagingError as known:
            set_error(outgoing.response, known)
        except Exception as other:
            set_error(outgoing.response, failure_of(other))
        finally:
            self._working.discard(answering)
            self._answering.pop(request.request_id, None)
            self._background_tasks.discard(answering.task)
        if self._connected:
            self._connection().put(outgoing)

    async def _answer(self, request: pb.RpcRequest, answering: Answering) -> Any:
        message = self._serialization_registry.deserialize(
            request.payload.data,
            type_name=request.payload.data_type,
            data_content_type=request.payload.data_content_type,
        )
        if isinstance(message, UnknownPayload):
            raise HandlerFailed(f"{answering.recipient!r} does not know messages of type {message.type_name!r}")
        try:
            if self._spans is None:
                result = await self._call_agent(message, request, answering.token)
            else:
                recipient = AgentId(request.target.type, request.target.key)
                with self._spans.process(recipient, request.payload.data_type, request.metadata):
                    result = await self._call_agent(message, request, answering.token)
        except Exception as error:
            # Whatever the handler raises is its own failure, even when it is an error of ours from further on.
            raise failure_of(error) from None
        if result is None:
            kind, handlers = request.payload.data_type, getattr(await self._agent(request), "_handlers", None)
            if isinstance(handlers, dict) and type(message) not in handlers:  # AutoGen only logs that
                raise HandlerFailed(f"{answering.recipient!r} has no handler for {kind}", NO_HANDLER)
            raise HandlerFailed(f"{answering.recipient!r} answered {kind} with None")
        return result

    async def _agent(self, request: pb.RpcRequest) -> Agent:
        recipient = _agent_id(request.target.type, request.target.key)
        return self._instantiated_agents.get(recipient) or await self._get_agent(recipient)

    async def _call_agent(self, message: Any, request: pb.RpcRequest, token: CancellationToken) -> Any:
        agent = await self._agent(request)
        context = MessageContext(
            sender=_agent_id(request.source.type, request.source.key) if request.HasField("source") else None,
            topic_id=None,
            is_rpc=True,
            cancellation_token=token,
            message_id=request.request_id,
        )
        with MessageHandlerContext.populate_context(agent.id):
            return await agent.on_message(message, ctx=context)


@functools.lru_cache(maxsize=512)
def _agent_id(type: str, key: str) -> AgentId:
    """AutoGen checks an id's form whenever it makes one."""
    return AgentId(type, key)
