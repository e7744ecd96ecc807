"""The house of a run: model, host, trusted agents and sandbox, opened together and closed together."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from autogen_core import AgentId, RoutedAgent

from creator.agents import messages
from creator.agents.creator import CreatorAgent
from creator.agents.judge import JudgeAgent
from creator.agents.model_gateway import ModelGateway
from creator.agents.registry import Population, Registry
from creator.authors import Author
from creator.blueprint import Blueprint
from creator.cells import Cells
from creator.choices import Choices
from creator.errors import EnvironmentFault
from creator.ideas.form import load_idea_form
from creator.ideas.judging import Judging
from creator.isolation import Sandbox, open_sandbox
from creator.isolation.base import SOCKET_FOLDER_PREFIX, SOCKET_NAME
from creator.models.accounts import Account, CallRecord
from creator.models.backend import CHECK_ANSWER_TOKENS, CHECK_PROMPT_TOKENS, Backend, Completion
from creator.models.calls import ModelCalls
from creator.models.choose import filler_for
from creator.models.filling import Filler
from creator.models.memory import Memory
from creator.panel import RuntimeJudge, seat_names, seated
from creator.progress import Progress
from creator.runtime import Counters, Credentials, Exchange, Grant, HardenedHost
from creator.settings import SpawnSettings
from creator.spending.budget import Budget
from creator.spending.prices import PriceOf
from creator.spending.run_prices import embedding_model
from creator.templates.rendering import Template
from creator.trials import TrialPeer, Trials
from sandbox.cell import serializers
from sandbox.protocol import (
    CREATOR,
    JUDGE,
    MODEL_GATEWAY,
    REGISTRY,
    SUPERVISOR,
    TRIAL_PEER,
    CellReport,
    Colleague,
    ColleagueOrder,
)
from sandbox.runtime import HardenedRuntime

MAX_PARENT_BYTES: Final = 70
"""What a unix socket's path of at most 107 bytes leaves for the folder that ours is made in."""


def _ignore(*_: Any) -> None:
    return None


async def _at_once() -> None:
    return None


async def _refuse(order: ColleagueOrder, asker: str, conversation: str) -> Colleague:
    return Colleague(name=None, reason="nobody can be created here")


@dataclass(frozen=True)
class Listeners:
    """Who is told what happens in the house; none of them may raise.

    Attributes:
        call: A model call ended, with this answer.
        durable: Returns once what was told of calls is safe from a power loss.
        exchange: The host saw a request end.
        refusal: The host refused something to a client, for a reason.
        exited: A cell ended by itself.
        order: An agent wishes for a colleague, in a conversation.
        closing: The host's counters, while everyone is still connected.
        lost: The run's own model is lost for good, and the run with it.
    """

    call: Callable[[CallRecord, Completion | None], None] = _ignore
    durable: Callable[[], Awaitable[None]] = _at_once
    exchange: Callable[[Exchange], None] = _ignore
    refusal: Callable[[str, str], None] = _ignore
    exited: Callable[[CellReport], None] = _ignore
    order: Callable[[ColleagueOrder, str, str], Awaitable[Colleague]] = _refuse
    closing: Callable[[Counters], None] = _ignore
    lost: Callable[[EnvironmentFault], None] = _ignore


class House:
    """Everything that agents need to live; whom it holds is its user's business. An async context manager.

    Args:
        settings: Of the run.
        progress: Told about models and sandboxes that have to be fetched or built.
        backend: The language model, not yet opened.
        modules: The folder that the sandbox reads modules from.
        run_id: Labels what the sandbox makes.
        templates: By name, for the gateway.
        author: Writes agents; None where nobody is to be written.
        writes_code: Whether a model wrote code of modules that will be started.
        seed: For what is drawn by chance.
        listeners: Who is told what happens.
        judges: Models that judge, not yet opened, the run's own among them if it shall; none for the run's own alone.
        memory: Knows answers of models already.
        budget: What may be spent; None for no limit.
        price_of: What models cost.
        choices: Where it is put on record who was chosen as whose colleague; None where no record is kept.
        accounts: By agent: what was spent before; it goes on being counted there. None for empty ones.
    """

    def __init__(
        self,
        settings: SpawnSettings,
        progress: Progress,
        backend: Backend,
        modules: Path,
        run_id: str,
        *,
        templates: dict[str, Template],
        author: Author | None,
        writes_code: bool,
        seed: int,
        listeners: Listeners,
        judges: Sequence[Backend] = (),
        memory: Memory | None = None,
        budget: Budget | None = None,
        price_of: PriceOf = lambda model: None,
        choices: Choices | None = None,
        accounts: dict[str, Account] | None = None,
    ) -> None:
        self.settings = settings
        self.form = load_idea_form(settings.idea_schema)
        self.backend = backend
        self.population = Population(seed)
        self.blueprints: dict[str, Blueprint] = {}
        self.credentials = Credentials()
        self._progress = progress
        self._memory = memory
        self.budget = budget or Budget()
        self._price_of = price_of
        self._choices = choices
        accounts = {} if accounts is None else accounts
        self.calls = self._open_book(backend, listeners, accounts)
        self.panel: list[Judging] = []
        """The judges of the tournament, once the house is open; nobody where no model is capable of judging."""
        self._judges = judges
        self._calls_of = {backend: self.calls}
        for judge in judges:
            if judge not in self._calls_of:
                self._calls_of[judge] = self._open_book(judge, listeners, accounts)
        self.host: HardenedHost
        self.trusted: HardenedRuntime
        self.cells: Cells
        self.trials: Trials
        self.sandbox: Sandbox
        self.modules = modules
        self._run_id = run_id
        self._templates = templates
        self._author = author
        self._writes_code = writes_code
        self._seed = seed
        self._listeners = listeners
        self._stack = AsyncExitStack()

    def _open_book(self, backend: Backend, listeners: Listeners, accounts: dict[str, Account]) -> ModelCalls:
        """The calls to a model, on the accounts that all models share."""
        embeddings = embedding_model(self.settings, backend.name)
        return ModelCalls(
            backend,
            on_call=listeners.call,
            timeout=self.settings.model_timeout,
            accounts=accounts,
            memory=self._memory,
            budget=self.budget,
            price=self._price_of(backend.name),
            say=self._progress.say,
            on_fault=listeners.lost if backend is self.backend else None,
            durable=listeners.durable,
            embedding_price=None if embeddings is None else self._price_of(embeddings),
        )

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    async def _open(self) -> None:
        """Start host, trusted agents and sandbox while the model is being checked."""
        for backend in self._calls_of:
            self.budget.check(backend.name, CHECK_PROMPT_TOKENS, CHECK_ANSWER_TOKENS)
        if (embeddings := embedding_model(self.settings, self.backend.name)) is not None:
            self.budget.check(embeddings)
        check = asyncio.create_task(self._open_models())
        opening = asyncio.create_task(self._open_sandbox())
        try:
            await asyncio.wait({check, opening}, return_when=asyncio.FIRST_EXCEPTION)
            if check.done():
                check.result()  # the model first: without one there is no use in a sandbox
            self.sandbox = await opening
            await check
        finally:
            # The stack has its contexts only once these tasks have ended, so they are never left running.
            await end_tasks(check, opening)

    async def _open_models(self) -> None:
        for backend in self._calls_of:
            await self._stack.enter_async_context(backend)
            await self._check(backend)

    async def _check(self, backend: Backend) -> None:
        """Find out that a model answers; that is paid for like any other call."""
        async with self.budget.reserve(
            CREATOR, backend.name, prompt_tokens=CHECK_PROMPT_TOKENS, completion_tokens=CHECK_ANSWER_TOKENS
        ) as reservation:
            reservation.sent()
            await backend.check()

    async def _open_sandbox(self) -> Sandbox:
        stack = self._stack
        sockets = stack.enter_context(_socket_folder())
        self.host = await stack.enter_async_context(
            HardenedHost(
                f"unix:{sockets / SOCKET_NAME}",
                credentials=self.credentials,
                hop_limit=self.settings.hop_limit,
                on_exchange=self._listeners.exchange,
                on_refusal=self._listeners.refusal,
                admit=self._admit,
            )
        )
        self.trusted = await stack.enter_async_context(self._trusted_agents())
        sandbox = await stack.enter_async_context(
            open_sandbox(
                self.settings,
                run_id=self._run_id,
                code=self._writes_code,
                modules=self.modules.resolve(),
                sockets=sockets,
                credential=self.credentials.issue(Grant(SUPERVISOR, frozenset({SUPERVISOR}), "supervisor")),
                progress=self._progress.say,
                ready=lambda: self.host.registered(SUPERVISOR),
            )
        )
        # The last one in is the first one out: the counters tell of the run while everyone is still connected.
        stack.callback(lambda: self._listeners.closing(self.host.counters))
        return sandbox

    @asynccontextmanager
    async def _trusted_agents(self) -> AsyncIterator[HardenedRuntime]:
        """Creator, registry, model gateway and judge, registered on the host like any other agent."""
        names = frozenset({CREATOR, REGISTRY, MODEL_GATEWAY, JUDGE, TRIAL_PEER})
        runtime = HardenedRuntime(
            self.host.address,
            credential=self.credentials.issue(Grant("world", names, "trusted")),
            reconnect_for=0,
            frozen_after=None,
            default_timeout=self.settings.author_deadline,
        )
        runtime.add_message_serializer(serializers(messages))
        self.cells = Cells(self.settings, runtime, self.host, self.credentials)
        self.trials = Trials(self.modules, self.cells, runtime, self.settings.objective)
        on_trial = self.trials.names
        gateway = ModelGateway(
            self.calls,
            self.filler,
            self._templates,
            self.blueprints,
            self.settings.objective,
            self.form,
            lambda message_id: self.host.admission(MODEL_GATEWAY, message_id),
            self._seed,
            on_trial,
        )
        agents: dict[str, RoutedAgent] = {
            CREATOR: CreatorAgent(
                self._author,
                self._exited,
                self._listeners.order,
                lambda message_id: self.host.admission(CREATOR, message_id),
            ),
            REGISTRY: Registry(
                self.population,
                lambda message_id: self.host.admission(REGISTRY, message_id),
                on_trial,
                self._choices,
            ),
            MODEL_GATEWAY: gateway,
            JUDGE: self._judge(runtime),
            TRIAL_PEER: TrialPeer(),
        }
        await runtime.start()
        try:
            for name, agent in agents.items():
                await runtime.register_agent_instance(agent, AgentId(name, "default"))
            yield runtime
        finally:
            await runtime.stop(grace=0)

    def _judge(self, runtime: HardenedRuntime) -> JudgeAgent:
        """The judge, with a seat for each of the panel."""
        models = seated(self.settings, self.backend, self._judges)
        deadline = self.settings.reply_deadline
        self.panel = [
            RuntimeJudge(name, model.name, seat, self.form, runtime, deadline)
            for seat, (name, model) in enumerate(zip(seat_names(len(models)), models, strict=True))
        ]
        adviser = next((one for one in (*self._judges, self.backend) if one.judges), None)
        return JudgeAgent(
            [self._filler(model) for model in models],
            self._filler(adviser) if adviser is not None else None,
            self.settings.objective,
            self.form,
            self.trials.names,
        )

    @property
    def filler(self) -> Filler:
        """How the run's own model gives structured answers."""
        return self._filler(self.backend)

    def _filler(self, backend: Backend) -> Filler:
        return filler_for(backend.strategy, self._calls_of[backend])

    def _admit(self, agent: str) -> None:
        """An agent sends a request; a trial tells of the code alone, and is nobody's idea."""
        if agent not in self.trials.names:
            self.budget.message(agent)

    def _exited(self, report: CellReport) -> None:
        if report.name in self.trials.names:
            self.cells.exited(report)
            return
        self.population.remove(report.name)
        self.cells.exited(report)
        self._listeners.exited(report)


async def end_tasks(*tasks: asyncio.Future[Any]) -> None:
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
