"""A run, from start to finish: the World owns every task, process and file of one `spawn`."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

from autogen_core import AgentId, RoutedAgent

from creator.agents import messages
from creator.agents.creator import CreatorAgent
from creator.agents.model_gateway import ModelGateway
from creator.agents.registry import Population, Registry
from creator.authors import Author, TemplateAuthor
from creator.births import Nursery
from creator.blueprint import Blueprint
from creator.briefs import Brief, draw_briefs
from creator.errors import EnvironmentFault
from creator.isolation import Sandbox, open_sandbox
from creator.isolation.base import SOCKET_FOLDER_PREFIX, SOCKET_NAME
from creator.models.backend import Backend
from creator.models.calls import ModelCalls
from creator.models.choose import filler_for
from creator.outcome import RunOutcome, StartedRun
from creator.outputs import new_run_directory, publish_latest, write_started
from creator.progress import Progress
from creator.record import RunRecord
from creator.rendering import load_template
from creator.runtime import Credentials, Grant, HardenedHost
from creator.settings import SpawnSettings
from sandbox.cell import serializers
from sandbox.errors import MessagingError
from sandbox.protocol import CREATOR, MODEL_GATEWAY, REGISTRY, SUPERVISOR, Proposal, ProposeRequest
from sandbox.runtime import HardenedRuntime

TEMPLATE: Final = "idea_agent"
PROPOSAL_TRIES: Final = 2
MAX_PARENT_BYTES: Final = 70
"""What a unix socket's path of at most 107 bytes leaves for the folder that ours is made in."""

AuthorFactory = Callable[["World"], Author]


class World:
    """One run.

    Args:
        settings: What the user asked for.
        progress: Told what happens as it happens.
        backend: The language model, not yet opened.
        author: Makes the author of modules; by default one that fills the template.
    """

    def __init__(
        self, settings: SpawnSettings, progress: Progress, backend: Backend, author: AuthorFactory | None = None
    ) -> None:
        self.settings = settings
        self.progress = progress
        self.backend = backend
        self.seed = settings.seed if settings.seed is not None else random.SystemRandom().getrandbits(32)
        self.directory = new_run_directory(settings.output)
        self.modules = self.directory / "agents"
        self.modules.chmod(0o755)  # whatever the umask: the sandbox may run as another user
        try:
            self.record = RunRecord(settings, progress, self.directory, backend.name, self.on_fault)
        except EnvironmentFault:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        self.template = load_template(TEMPLATE)
        self._author = (author or _template_author)(self)
        self._blueprints: dict[str, Blueprint] = {}
        self._population = Population(self.seed)
        self._credentials = Credentials()
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sandbox: Sandbox | None = None
        self._calls: ModelCalls
        self._host: HardenedHost
        self._trusted: HardenedRuntime
        self._nursery: Nursery

    def on_fault(self, fault: EnvironmentFault) -> None:
        """Something happened that ends the whole run, such as a full disk."""
        if not self._fault.done():
            self._fault.set_exception(fault)

    async def run(self) -> None:
        """Everything from the first check to the last idea; cancelling it ends the run in order.

        Raises:
            CreatorError: The run cannot start, or cannot go on.
        """
        try:
            async with AsyncExitStack() as stack:
                self._calls = ModelCalls(self.backend, on_call=self.record.call, timeout=self.settings.model_timeout)
                self.record.accounts = self._calls.accounts
                await self._open(stack)
                await self._first_of(self._populate(), self._watch_sandbox())
        finally:
            if self._fault.done() and not self._fault.cancelled():
                self._fault.exception()  # seen: it must not be reported again as never retrieved
            self._fault.cancel()

    async def _first_of(self, work: Coroutine[Any, Any, None], watch: Coroutine[Any, Any, None]) -> None:
        """Wait for the work, unless the watch or a fault ends it before its time."""
        tasks = asyncio.create_task(work), asyncio.create_task(watch)
        try:
            await asyncio.wait({*tasks, self._fault}, return_when=asyncio.FIRST_COMPLETED)
            for ended in (self._fault, *tasks):
                if ended.done():
                    ended.result()
        finally:
            await _end(*tasks)

    async def _open(self, stack: AsyncExitStack) -> None:
        """Start host, trusted agents and sandbox while the model is being checked."""
        self.progress.stage("starting")
        check = asyncio.create_task(self._open_model(stack))
        opening = asyncio.create_task(self._open_sandbox(stack))
        try:
            await asyncio.wait({check, opening}, return_when=asyncio.FIRST_EXCEPTION)
            if check.done():
                check.result()  # the model first: without one there is no use in a sandbox
            self._sandbox = await opening
            await check
        finally:
            # The stack has its contexts only once this task has ended, so it is never left running.
            await _end(check, opening)
        self.progress.say(f"model: {self.backend.name} ({self.backend.notice})")
        self.progress.say(f"sandbox: {self._sandbox.line}")
        write_started(
            self.directory,
            StartedRun(
                run_id=self.directory.name,
                objective=self.settings.objective,
                model=self.backend.name,
                sandbox=self._sandbox.name,
                isolation_line=self._sandbox.line,
                asked=self.settings.count,
                started=self.record.started,
                pid=os.getpid(),
                host=socket.gethostname(),
            ),
        )
        publish_latest(self.settings.output, self.directory)
        self.record.event("started", self.directory.name, seed=self.seed, model=self.backend.name)

    async def _open_model(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(self.backend)
        await self.backend.check()

    async def _open_sandbox(self, stack: AsyncExitStack) -> Sandbox:
        sockets = stack.enter_context(_socket_folder())
        self._host = await stack.enter_async_context(
            HardenedHost(
                f"unix:{sockets / SOCKET_NAME}",
                credentials=self._credentials,
                hop_limit=self.settings.hop_limit,
                on_exchange=self.record.exchange,
                on_refusal=lambda client, reason: self.record.event("refused", client, reason=reason),
            )
        )
        self._trusted = await stack.enter_async_context(self._trusted_agents())
        sandbox = await stack.enter_async_context(
            open_sandbox(
                self.settings,
                run_id=self.directory.name,
                code=self._author.writes_code,
                modules=self.modules.resolve(),
                sockets=sockets,
                credential=self._credentials.issue(Grant(SUPERVISOR, frozenset({SUPERVISOR}), "supervisor")),
                progress=self.progress.say,
                ready=lambda: self._host.registered(SUPERVISOR),
            )
        )
        # The last one in is the first one out: the counters tell of the run while everyone is still connected.
        stack.callback(lambda: self.record.event("host", "counters", **dataclasses.asdict(self._host.counters)))
        return sandbox

    @asynccontextmanager
    async def _trusted_agents(self) -> AsyncIterator[HardenedRuntime]:
        """Creator, registry and model gateway, registered on the host like any other agent."""
        names = frozenset({CREATOR, REGISTRY, MODEL_GATEWAY})
        runtime = HardenedRuntime(
            self._host.address,
            credential=self._credentials.issue(Grant("world", names, "trusted")),
            reconnect_for=0,
            frozen_after=None,
            default_timeout=self.settings.reply_deadline,
        )
        runtime.add_message_serializer(serializers(messages))
        self._nursery = Nursery(
            self.settings,
            self.seed,
            runtime,
            self._host,
            self._credentials,
            self._population,
            self._blueprints,
            self.record,
        )
        gateway = ModelGateway(
            self._calls,
            filler_for(self.backend.strategy, self._calls),
            {self.template.name: self.template},
            self._blueprints,
            self.settings.objective,
            lambda message_id: self._host.admission(MODEL_GATEWAY, message_id),
            self.seed,
        )
        agents: dict[str, RoutedAgent] = {
            CREATOR: CreatorAgent(self._author, self._nursery.on_cell_report),
            REGISTRY: Registry(self._population, lambda message_id: self._host.admission(REGISTRY, message_id).chain),
            MODEL_GATEWAY: gateway,
        }
        await runtime.start()
        try:
            for name, agent in agents.items():
                await runtime.register_agent_instance(agent, AgentId(name, "default"))
            yield runtime
        finally:
            await runtime.stop(grace=0)

    async def _watch_sandbox(self) -> None:
        assert self._sandbox is not None
        raise EnvironmentFault(await self._sandbox.failure())

    async def _populate(self) -> None:
        """All births and conversations, side by side, as many as keep the model busy.

        More at once would only wait for the model with their deadlines running.
        """
        self.progress.stage("spawning")
        places = asyncio.Semaphore(2 * self.backend.max_concurrency)
        briefs = draw_briefs(self.settings.count, self.seed)
        to_settle = len(briefs)

        async def live(number: int, brief: Brief) -> None:
            nonlocal to_settle
            try:
                async with places:
                    name = await self._nursery.give_birth(number, brief)
            finally:
                to_settle -= 1
                if to_settle == 0:
                    self._population.settled.set()
            if name is not None:
                async with places:
                    await self._discuss(number, name)

        try:
            async with asyncio.timeout(self.settings.deadline), asyncio.TaskGroup() as group:
                for number, brief in enumerate(briefs, start=1):
                    group.create_task(live(number, brief))
        except BaseExceptionGroup as group_error:
            faults = group_error.subgroup(EnvironmentFault)
            raise (group_error if faults is None else _first_leaf(faults)) from None
        except TimeoutError:
            self.record.failures.append(f"the deadline of {self.settings.deadline:g} s passed")

    async def _discuss(self, number: int, name: str) -> None:
        """Ask one agent for its idea; whoever it shares it with is its own choice."""
        reason = ""
        for attempt in range(1, PROPOSAL_TRIES + 1):
            conversation = f"c{number:04d}.{attempt}"
            request = ProposeRequest(objective=self.settings.objective)
            try:
                proposal = await self._trusted.request(
                    request, name, timeout=self.settings.reply_deadline, conversation=conversation
                )
                if not isinstance(proposal, Proposal):
                    raise MessagingError("it answered with something else than a proposal")
            except MessagingError as error:
                reason = await self._nursery.reason_of(name, error)
                self.record.event("no idea", name, attempt=attempt, reason=reason)
                # An agent that is gone or silent would cost the same wait again.
                if isinstance(error, (ConnectionError, TimeoutError, LookupError)):
                    break
            else:
                self.record.idea(name, conversation, proposal)
                return
        await self._nursery.end_cell(name)
        self.record.agent_failed(number, reason)

    def outcome(self, *, interrupted: bool = False, fault: str = "") -> RunOutcome:
        """What the run has come to so far."""
        sandbox = self._sandbox
        return self.record.outcome(
            sandbox.name if sandbox is not None else self.settings.sandbox,
            sandbox.line if sandbox is not None else "",
            interrupted=interrupted,
            fault=fault,
        )


def _template_author(world: World) -> Author:
    return TemplateAuthor(
        world.template, world.modules, world.directory.name, world.backend.name, world.record.module, world.on_fault
    )


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first_leaf(first) if isinstance(first, BaseExceptionGroup) else first


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def _socket_folder() -> Iterator[Path]:
    """A short-lived folder for the host's socket, short in name too: the kernel takes no longer socket path."""
    usual = tempfile.gettempdir()
    parent = usual if len(os.fsencode(usual)) <= MAX_PARENT_BYTES else "/tmp"  # noqa: S108 - mkdtemp makes it private
    folder = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER_PREFIX, dir=parent))
    try:
        folder.chmod(0o755)  # the sandbox may run as another user; what admits a client is its credential
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
