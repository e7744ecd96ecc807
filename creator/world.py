"""A run, from start to finish: it owns every task, process and file of one `spawn`."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import random
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from autogen_core import AgentId

from creator.agents.creator import CreatorAgent
from creator.agents.messages import CreateAgent, Created
from creator.agents.model_gateway import ModelGateway
from creator.agents.registry import Population, Registry
from creator.authors import Author, TemplateAuthor
from creator.blueprint import Blueprint
from creator.briefs import Brief, draw_briefs
from creator.errors import EnvironmentFault
from creator.exchanges import Conversations
from creator.isolation import Sandbox, open_sandbox
from creator.isolation.base import SOCKET_NAME
from creator.ledger.store import Ledger
from creator.models.backend import Backend
from creator.models.calls import ModelCalls
from creator.models.choose import choose_backend
from creator.models.filling import filler_for
from creator.outcome import AgentOutcome, IdeaOutcome, RunOutcome, StartedRun, exit_code_for
from creator.outputs import new_run_directory, publish_latest, write_outputs, write_started
from creator.progress import Progress
from creator.rendering import Template, load_template
from creator.runtime import Credentials, Exchange, Grant, HardenedHost
from creator.settings import SpawnSettings, load_environ
from sandbox.cell import all_serializers
from sandbox.errors import MessagingError, describe
from sandbox.protocol import (
    CREATOR,
    MODEL_GATEWAY,
    REGISTRY,
    SUPERVISOR,
    CellReport,
    Hello,
    Introduction,
    Proposal,
    ProposeRequest,
    StartCell,
    StopCell,
)
from sandbox.runtime import CellRuntime

TEMPLATE: Final = "idea_agent"
BIRTH_TRIES: Final = 3
PROPOSAL_TRIES: Final = 2
CANARY_SECONDS: Final = 10.0
EXIT_REPORT_SECONDS: Final = 1.0
"""How long a lost agent's exit reason may take to arrive after its connection broke."""

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
        self,
        settings: SpawnSettings,
        progress: Progress,
        backend: Backend,
        author: AuthorFactory | None = None,
    ) -> None:
        self.settings = settings
        self.progress = progress
        self.backend = backend
        self.seed = settings.seed if settings.seed is not None else random.SystemRandom().getrandbits(32)
        self.directory = new_run_directory(settings.output)
        self.run_id = self.directory.name
        self.modules = self.directory / "agents"
        self.template: Template = load_template(TEMPLATE)
        self.ledger = Ledger.open(self.directory / "ledger.sqlite")
        self.blueprints: dict[str, Blueprint] = {}
        self.population = Population(self.seed)
        self.conversations = Conversations()
        self.ideas: list[IdeaOutcome] = []
        self._texts = 0
        self.agents: dict[int, AgentOutcome] = {}
        self.failures: list[str] = []
        self.calls: ModelCalls
        self._author = (author or _template_author)(self)
        self._credentials = Credentials()
        self._exit_reasons: dict[str, asyncio.Future[str]] = {}
        self._fault: asyncio.Future[None]
        self._host: HardenedHost
        self._trusted: CellRuntime
        self._sandbox: Sandbox | None = None
        self._started = datetime.now(UTC)
        self._clock = time.monotonic()

    def on_state(self, name: str, state: str) -> None:
        """An agent's module was written or checked."""
        self.progress.agent(name, "written" if state == "written" else "checked")
        self.ledger.record_event(state, name, {})

    def on_fault(self, fault: EnvironmentFault) -> None:
        """Something that ends the whole run, such as a full disk."""
        if not self._fault.done():
            self._fault.set_exception(fault)

    async def run(self) -> None:
        """Everything from the first check to the last idea; cancelling it ends the run in order.

        Raises:
            CreatorError: The run cannot start, or cannot go on.
        """
        self._fault = asyncio.get_running_loop().create_future()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.backend)
            self.calls = ModelCalls(self.backend, on_call=self._record_call)
            await self._open(stack)
            births = asyncio.create_task(self._populate())
            watch = asyncio.create_task(self._watch_sandbox())
            try:
                await asyncio.wait({births, watch, self._fault}, return_when=asyncio.FIRST_COMPLETED)
                for ended in (self._fault, watch, births):
                    if ended.done():
                        ended.result()
            finally:
                for task in (births, watch):
                    task.cancel()
                await asyncio.gather(births, watch, return_exceptions=True)
                self._fault.cancel()

    async def _open(self, stack: AsyncExitStack) -> None:
        """Start host, trusted agents and sandbox while the model is being checked."""
        self.progress.stage("starting")
        check = asyncio.create_task(self.backend.check())
        try:
            sockets = stack.enter_context(_socket_folder())
            self._host = await stack.enter_async_context(
                HardenedHost(
                    sockets / SOCKET_NAME,
                    self._credentials,
                    hop_limit=self.settings.hop_limit,
                    on_exchange=self._on_exchange,
                    on_refusal=self._on_refusal,
                )
            )
            self._trusted = await stack.enter_async_context(self._trusted_agents())
            supervisor = self._credentials.issue(Grant(SUPERVISOR, frozenset({SUPERVISOR}), "supervisor"))
            opening = asyncio.create_task(
                stack.enter_async_context(
                    open_sandbox(
                        self.settings.sandbox,
                        cells=self.settings.count,
                        run_id=self.run_id,
                        base_image=self.settings.base_image,
                        modules=self.modules,
                        sockets=sockets,
                        credential=supervisor,
                        progress=self.progress.say,
                        ready=lambda: self._host.registered(SUPERVISOR),
                    )
                )
            )
            try:
                await asyncio.wait({check, opening}, return_when=asyncio.FIRST_EXCEPTION)
                if check.done():
                    check.result()
                self._sandbox = await opening
            finally:
                # Its context is on the stack once it is entered, so it has to be entered or cancelled, not left.
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)
            await check
        finally:
            check.cancel()
            await asyncio.gather(check, return_exceptions=True)
        self.progress.say(f"model   {self.backend.name}: {self.backend.notice}")
        self.progress.say(f"sandbox {self._sandbox.line}")
        write_started(
            self.directory,
            StartedRun(
                run_id=self.run_id,
                objective=self.settings.objective,
                model=self.backend.name,
                sandbox=self._sandbox.name,
                isolation_line=self._sandbox.line,
                asked=self.settings.count,
                started=self._started,
                pid=os.getpid(),
                host=socket.gethostname(),
            ),
        )
        publish_latest(self.settings.output, self.directory)
        self.ledger.record_event("started", self.run_id, {"seed": self.seed, "model": self.backend.name})

    @asynccontextmanager
    async def _trusted_agents(self) -> AsyncIterator[CellRuntime]:
        """Creator, registry and model gateway, registered on the host like any other agent."""
        names = (CREATOR, REGISTRY, MODEL_GATEWAY)
        runtime = CellRuntime(
            self._host.address,
            self._credentials.issue(Grant("world", frozenset(names), "trusted")),
            default_timeout=self.settings.reply_deadline,
        )
        runtime.add_message_serializer(all_serializers())
        await runtime.start()
        try:
            agents = {
                CREATOR: CreatorAgent(self._author, self._on_cell_report),
                REGISTRY: Registry(
                    self.population, lambda message_id: self._host.admission(REGISTRY, message_id).chain
                ),
                MODEL_GATEWAY: ModelGateway(
                    self.calls,
                    filler_for(self.backend.strategy, self.calls),
                    {self.template.name: self.template},
                    self.blueprints,
                    self.settings.objective,
                    lambda message_id: self._host.admission(MODEL_GATEWAY, message_id),
                    self.seed,
                ),
            }
            for name, agent in agents.items():
                for _, serializer in agent._handles_types():
                    runtime.add_message_serializer(serializer)
                await runtime.register_agent_instance(agent, AgentId(name, "default"))
            yield runtime
        finally:
            await runtime.stop()

    async def _watch_sandbox(self) -> None:
        assert self._sandbox is not None
        raise EnvironmentFault(await self._sandbox.failure())

    async def _populate(self) -> None:
        """All births and conversations, side by side; nothing limits them but the model's concurrency."""
        self.progress.stage("spawning")
        briefs = draw_briefs(self.settings.count, self.seed)
        to_settle = len(briefs)

        def settle() -> None:
            nonlocal to_settle
            to_settle -= 1
            if to_settle == 0:
                self.population.settled.set()

        try:
            async with asyncio.timeout(self.settings.deadline), asyncio.TaskGroup() as group:
                for number, brief in enumerate(briefs, start=1):
                    group.create_task(self._live(number, brief, settle))
        except TimeoutError:
            self.failures.append(f"the deadline of {self.settings.deadline:g} s passed")

    async def _live(self, number: int, brief: Brief, settle: Callable[[], None]) -> None:
        """One agent's life: its birth, then its idea."""
        try:
            created = await self._give_birth(number, brief)
        finally:
            settle()
        if created is not None:
            await self._discuss(number, created.blueprint.name)

    async def _give_birth(self, number: int, brief: Brief) -> Created | None:
        feedback, name, attempt = "", None, 0
        for attempt in range(1, BIRTH_TRIES + 1):
            try:
                created = await self._try_birth(number, brief, attempt, feedback, name)
            except _FailedTry as failed:
                name, feedback = failed.name or name, failed.reason
                self.ledger.record_event("birth failed", name or brief.role, {"attempt": attempt, "reason": feedback})
                if failed.terminal:
                    break
                continue
            blueprint = created.blueprint
            self._note_agent(number, blueprint.name, brief, "live", attempt, sha256=created.sha256)
            return created
        self._note_agent(number, name or f"agent_{number}", brief, "failed", attempt, feedback)
        return None

    async def _try_birth(self, number: int, brief: Brief, attempt: int, feedback: str, replaces: str | None) -> Created:
        seed = _derived_seed(self.seed, number, attempt)
        order = CreateAgent(brief=brief, seed=seed, attempt=attempt, feedback=feedback[:500], replaces=replaces)
        try:
            created: Created = await self._trusted.request(order, CREATOR, timeout=self.settings.reply_deadline)
        except MessagingError as error:
            raise _FailedTry(None, str(error), terminal="TerminalModelError" in str(error)) from error
        name = created.blueprint.name
        self.blueprints[name] = created.blueprint
        client = f"cell:{name}:{number}.{attempt}"
        credential = self._credentials.issue(Grant(client, frozenset({name}), "cell"))
        self._exit_reasons[name] = asyncio.get_running_loop().create_future()
        try:
            report: CellReport = await self._trusted.request(
                StartCell(
                    name=name,
                    sha256=created.sha256,
                    credential=credential,
                    seed=seed,
                    bounce=self.settings.bounce,
                    deadline=self.settings.birth_deadline,
                ),
                SUPERVISOR,
                timeout=self.settings.birth_deadline + 10,
            )
            if report.state != "registered":
                raise _FailedTry(name, report.reason)
            hello = await self._trusted.request(
                Hello(), name, timeout=min(CANARY_SECONDS, self.settings.birth_deadline)
            )
            if not isinstance(hello, Introduction):
                raise _FailedTry(name, "it did not introduce itself")
        except (MessagingError, _FailedTry) as error:
            self._credentials.revoke(client)
            await self._end_cell(name)
            if isinstance(error, _FailedTry):
                raise
            raise _FailedTry(name, await self._reason_of(name, error)) from error
        slots = created.blueprint.slots
        # What an agent says of itself is not the record: sector and skills come from its blueprint.
        self.population.announce(
            Introduction(name=name, sector=slots.sector[:200], skills=[item[:200] for item in slots.interests])
        )
        return created

    async def _end_cell(self, name: str) -> None:
        self.population.remove(name)
        with contextlib.suppress(MessagingError):
            await self._trusted.request(StopCell(name=name), SUPERVISOR, timeout=5)

    def _note_agent(
        self,
        number: int,
        name: str,
        brief: Brief,
        state: Literal["live", "failed"],
        attempts: int,
        reason: str = "",
        sha256: str = "",
    ) -> None:
        self.agents[number] = AgentOutcome(
            name=name,
            sector=brief.sector,
            role=brief.role,
            state=state,
            reason=reason[:500],
            attempts=attempts,
        )
        self.ledger.record_agent(
            name=name,
            sector=brief.sector,
            role=brief.role,
            state=state,
            sha256=sha256,
            attempt=attempts,
            reason=reason[:500],
        )
        self.progress.agent(name, state, reason[:500])

    async def _discuss(self, number: int, name: str) -> None:
        """Ask one agent for its idea; what its colleagues made of it is taken from what the host saw."""
        conversation = f"c{number:04d}"
        reason = ""
        for attempt in range(1, PROPOSAL_TRIES + 1):
            try:
                proposal = await self._trusted.request(
                    ProposeRequest(objective=self.settings.objective),
                    name,
                    timeout=self.settings.reply_deadline,
                    conversation=f"{conversation}.{attempt}",
                )
                if not isinstance(proposal, Proposal):
                    raise MessagingError("it answered with something else than a proposal")
            except MessagingError as error:
                reason = await self._reason_of(name, error)
                self.ledger.record_event("no idea", name, {"reason": reason})
                # An agent that is gone or silent would cost the same wait again.
                if isinstance(error, (ConnectionError, TimeoutError, LookupError)):
                    break
            else:
                self._deliver(name, f"{conversation}.{attempt}", proposal)
                return
        await self._end_cell(name)
        agent = self.agents[number]
        self.agents[number] = agent.model_copy(update={"state": "failed", "reason": reason[:500]})
        self.ledger.record_event("agent failed", name, {"reason": reason[:500]})
        self.progress.agent(name, "failed", reason[:500])

    def _deliver(self, author: str, conversation: str, proposal: Proposal) -> None:
        versions = self.conversations.versions(conversation, author, proposal.idea)
        number = len(self.ideas) + 1
        idea = IdeaOutcome(
            number=number,
            author=author,
            refiners=[version.author for version in versions[1:]],
            versions=versions,
            agent_model=self.backend.name,
        )
        parent: int | None = None
        for version in versions:
            self._texts += 1
            self.ledger.record_idea(
                id=self._texts,
                conversation=conversation,
                author=author,
                contributor=version.author if version.hop else None,
                parent=parent,
                hop=version.hop,
                idea=version.idea.model_dump(),
            )
            parent = self._texts
        self.ideas.append(idea)
        self.progress.idea(number, author, idea.final.title)

    async def _reason_of(self, name: str, error: MessagingError) -> str:
        """Why an agent did not answer; for one that went away, how its process ended."""
        if not isinstance(error, ConnectionError):
            return str(error) or describe(error)
        future = self._exit_reasons.get(name)
        if future is not None:
            with contextlib.suppress(TimeoutError):
                reason = await asyncio.wait_for(asyncio.shield(future), EXIT_REPORT_SECONDS)
                return f"its process ended: {reason}"
        return str(error)

    def _on_cell_report(self, report: CellReport) -> None:
        self.population.remove(report.name)
        future = self._exit_reasons.get(report.name)
        if future is not None and not future.done():
            future.set_result(report.reason)
        with self._faults():
            self.ledger.record_event("cell ended", report.name, {"reason": report.reason})

    def _on_exchange(self, exchange: Exchange) -> None:
        with self._faults():
            self._record_exchange(exchange)

    def _on_refusal(self, client: str, reason: str) -> None:
        with self._faults():
            self.ledger.record_event("refused", client, {"reason": reason})

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """For callbacks from the runtime: a full disk must end the run, not the runtime's own loop."""
        try:
            yield
        except EnvironmentFault as fault:
            self.on_fault(fault)

    def _record_exchange(self, exchange: Exchange) -> None:
        self.ledger.record_message(
            source=exchange.source,
            target=exchange.target,
            type=exchange.type,
            size_bytes=len(exchange.request),
            latency_s=exchange.latency,
            outcome=exchange.outcome,
            conversation=exchange.conversation,
            hop=len(exchange.chain),
        )
        if self.conversations.observe(exchange):
            self.progress.refined(exchange.source, exchange.target)

    def _record_call(self, call: Any) -> None:
        with self._faults():
            self.ledger.record_call(**dataclasses.asdict(call))
        totals = self.calls.accounts.values()
        self.progress.tokens(
            sum(account.prompt_tokens for account in totals),
            sum(account.completion_tokens for account in totals),
        )

    def outcome(self, *, interrupted: bool = False, fault: str = "") -> RunOutcome:
        """What the run has come to so far."""
        accounts = getattr(self, "calls", None)
        spent = accounts.accounts if accounts is not None else {}
        agents = [
            agent.model_copy(
                update={
                    "prompt_tokens": spent[agent.name].prompt_tokens,
                    "completion_tokens": spent[agent.name].completion_tokens,
                }
            )
            if agent.name in spent
            else agent
            for _, agent in sorted(self.agents.items())
        ]
        asked, made = self.settings.count, len(self.ideas)
        failures = [*self.failures, fault] if fault else self.failures
        code = exit_code_for(asked, made, interrupted)
        return RunOutcome(
            run_id=self.run_id,
            objective=self.settings.objective,
            model=self.backend.name,
            sandbox=self._sandbox.name if self._sandbox is not None else self.settings.sandbox,
            isolation_line=self._sandbox.line if self._sandbox is not None else "",
            asked=asked,
            agents=agents,
            ideas=self.ideas,
            failures=failures,
            started=self._started,
            elapsed_s=time.monotonic() - self._clock,
            prompt_tokens=sum(account.prompt_tokens for account in spent.values()),
            completion_tokens=sum(account.completion_tokens for account in spent.values()),
            exit_code=code,
            reason=_reason(asked, made, agents, failures, interrupted),
            interrupted=interrupted,
            directory=self.directory,
        )


class _FailedTry(Exception):
    """One try at a birth failed."""

    def __init__(self, name: str | None, reason: str, *, terminal: bool = False) -> None:
        super().__init__(reason)
        self.name = name
        self.reason = reason
        self.terminal = terminal


def _template_author(world: World) -> Author:
    return TemplateAuthor(
        world.template, world.modules, world.run_id, world.backend.name, world.on_state, world.on_fault
    )


def _derived_seed(seed: int, number: int, attempt: int) -> int:
    return random.Random(f"{seed}/{number}/{attempt}").getrandbits(32)


def _reason(asked: int, made: int, agents: list[AgentOutcome], failures: list[str], interrupted: bool) -> str:
    """Why the exit code is not 0, in one line."""
    if interrupted:
        return f"interrupted: {made} of {asked} ideas are written"
    if made >= asked:
        return ""
    reasons = failures or [f"{agent.name}: {agent.reason}" for agent in agents if agent.state == "failed"]
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{made} of {asked} ideas exist; {reasons[0] if reasons else 'no reason known'}{more}"


@contextmanager
def _socket_folder() -> Iterator[Path]:
    """A short-lived folder for the host's socket; unix socket paths have to be short, so not the run's own."""
    folder = Path(tempfile.mkdtemp(prefix="creator-"))
    try:
        folder.chmod(0o755)  # the sandbox may run as another user; what admits a client is its credential
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def spawn(
    settings: SpawnSettings,
    progress: Progress,
    *,
    environ: Mapping[str, str] | None = None,
    author: AuthorFactory | None = None,
) -> RunOutcome:
    """Spawn a population, let it brainstorm, and write what came of it.

    Ctrl-C and SIGTERM end the run in order; the outcome then holds what exists.

    Raises:
        UsageError: The settings don't fit together.
        EnvironmentFault: Something that the run needs is missing; nothing was spawned then.
    """
    backend = choose_backend(
        settings.model,
        settings.base_url,
        load_environ() if environ is None else environ,
        max_concurrency=settings.model_concurrency,
        progress=progress.say,
    )
    world = World(settings, progress, backend, author)
    work = asyncio.create_task(world.run())
    loop = asyncio.get_running_loop()
    stopped_by: list[signal.Signals] = []

    def stop(received: signal.Signals) -> None:
        stopped_by.append(received)
        work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    fault = ""
    try:
        await asyncio.wait({work})
        try:
            work.result()
        except asyncio.CancelledError:
            pass
        except EnvironmentFault as error:
            if not world.agents:
                raise
            fault = str(error)
        outcome = world.outcome(interrupted=bool(stopped_by), fault=fault)
        write_outputs(outcome)
        return outcome
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await world.ledger.close()
        progress.finish()
        if not (world.directory / "run.json").exists():
            shutil.rmtree(world.directory, ignore_errors=True)  # nothing was spawned: leave no empty run
