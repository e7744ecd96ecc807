"""A run, from start to finish: the World owns every task, process and file of one `spawn`."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import os
import random
import shutil
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from creator.agents.messages import Created
from creator.authors import Author, CodeAuthor, TemplateAuthor, checked
from creator.births import Nursery
from creator.briefs import Brief, brief_data, draw_briefs
from creator.colleagues import Colleagues
from creator.decisions import Decisions
from creator.errors import EnvironmentFault
from creator.house import House, Listeners, end_tasks
from creator.ideas.checks import idea_check
from creator.models.backend import Backend
from creator.modules import Modules
from creator.outcome import RunOutcome, StartedRun
from creator.outputs import new_run_directory, publish_latest, write_settings, write_started
from creator.progress import Progress
from creator.record import RunRecord
from creator.review.base import Reviewer
from creator.review.gate import Gate
from creator.settings import SpawnSettings
from creator.templates.examples import example_module
from creator.templates.mix import draw_templates
from creator.templates.rendering import Template
from creator.templates.slots import clean_text
from creator.wishes import Wish
from creator.work import Work
from sandbox.errors import MessagingError
from sandbox.protocol import Colleague, ColleagueOrder, Proposal, ProposeRequest

PROPOSAL_TRIES: Final = 2

AuthorFactory = Callable[["World"], Author]


class World:
    """One run.

    Args:
        settings: What the user asked for.
        progress: Told what happens as it happens.
        backend: The language model, not yet opened.
        templates: What agents are made from, by name: those of the settings' mix.
        author: Makes the author of modules; by default the one that the settings ask for.
        reviewer: Asks a person about each module; None when nobody wants to be asked.
        kept: Agents of the library that are part of the population.
        earlier: A run that has ended, whose pending agents are brought to life as far as a person approved them.
    """

    def __init__(
        self,
        settings: SpawnSettings,
        progress: Progress,
        backend: Backend,
        templates: dict[str, Template],
        *,
        author: AuthorFactory | None = None,
        reviewer: Reviewer | None = None,
        kept: Sequence[Created] = (),
        earlier: RunOutcome | None = None,
    ) -> None:
        self.settings = settings
        self.progress = progress
        self.backend = backend
        self.seed = settings.seed if settings.seed is not None else random.SystemRandom().getrandbits(32)
        self.directory = earlier.directory if earlier is not None else new_run_directory(settings.output)
        folder = self.directory / "agents"
        folder.chmod(0o755)  # whatever the umask: the sandbox may run as another user
        try:
            self.record = RunRecord(settings, progress, self.directory, backend.name, self.on_fault, earlier)
        except EnvironmentFault:
            if earlier is None:
                shutil.rmtree(self.directory, ignore_errors=True)
            raise
        self.modules = Modules(folder, self.on_fault)
        self.templates = templates
        self.taken = {agent.name for agent in self.record.agents.values()} | {one.blueprint.name for one in kept}
        self._reviewer = reviewer
        self._author = (author or default_author)(self)
        self._kept = kept
        self._earlier = earlier
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._numbers = itertools.count(max(self.record.agents, default=settings.count if earlier is None else 0) + 1)
        self._unsettled: set[int] = set()
        self._awaited: dict[int, asyncio.Future[str | None]] = {}
        self._work = Work()
        self._decisions = Decisions(self.record.ledger, self._regenerate)
        self._colleagues = Colleagues(settings.count, settings.most_agents)
        self._house: House | None = None
        self._nursery: Nursery
        self._places: asyncio.Semaphore
        self._group: asyncio.TaskGroup
        self._tasks: set[asyncio.Task[None]] = set()

    def on_fault(self, fault: EnvironmentFault) -> None:
        """Something happened that ends the whole run, such as a full disk."""
        if not self._fault.done():
            self._fault.set_exception(fault)

    async def try_out(self, source: str) -> None:
        """Put a module through everything in a throw-away cell.

        Raises:
            BirthFailed: It failed.
        """
        await self.house.trials.run(source)

    @property
    def house(self) -> House:
        """Where the agents live; open while the run goes on."""
        assert self._house is not None
        return self._house

    async def run(self) -> None:
        """Everything from the first check to the last idea; cancelling it ends the run in order.

        Raises:
            CreatorError: The run cannot start, or cannot go on.
        """
        wishes = self._pending() if self._earlier is not None else self._first_wishes()
        house = House(
            self.settings,
            self.progress,
            self.backend,
            self.modules.directory,
            self.directory.name,
            templates=self.templates,
            author=self._author,
            writes_code=self._author.writes_code or any(map(_is_code, wishes)),
            seed=self.seed,
            listeners=Listeners(
                call=self.record.call,
                exchange=self.record.exchange,
                refusal=lambda client, reason: self.record.event("refused", client, reason=reason),
                exited=self.record.cell_ended,
                order=self._create_colleague,
                closing=lambda counters: self.record.event("host", "counters", **dataclasses.asdict(counters)),
            ),
        )
        self.record.accounts = house.calls.accounts
        try:
            self.progress.stage("starting")
            async with house:
                self._house = house
                self._begin()
                await self._first_of(self._populate(wishes), self._watch_sandbox())
        finally:
            if self._fault.done() and not self._fault.cancelled():
                self._fault.exception()  # seen: it must not be reported again as never retrieved
            self._fault.cancel()

    def _begin(self) -> None:
        """Everything is open: say so, on disk first."""
        house, places = self.house, 2 * self.backend.max_concurrency
        # More at once would only wait for the model with their deadlines running.
        self._places = asyncio.Semaphore(places)
        gate = None
        if self._reviewer is not None:
            gate = Gate(
                self._reviewer, self._decisions, self.record.ledger, self._judge, self._example, self._work.waiting
            )
        self._nursery = Nursery(
            self.settings,
            self.seed,
            house.trusted,
            house.cells,
            self.modules,
            self.taken,
            house.population,
            house.blueprints,
            self.record,
            gate,
            self._places,
            self._settle,
        )
        self.progress.say(f"model: {self.backend.name} ({self.backend.notice})")
        self.progress.say(f"sandbox: {house.sandbox.line}")
        write_settings(self.directory, self.settings)
        write_started(
            self.directory,
            StartedRun(
                run_id=self.directory.name,
                objective=self.settings.objective,
                model=self.backend.name,
                sandbox=house.sandbox.name,
                isolation_line=house.sandbox.line,
                asked=self.settings.count,
                started=self.record.started,
                pid=os.getpid(),
                host=socket.gethostname(),
            ),
        )
        if self._earlier is None:
            publish_latest(self.settings.output, self.directory)
        self.record.event("started", self.directory.name, seed=self.seed, model=self.backend.name)

    async def _first_of(self, work: Coroutine[Any, Any, None], watch: Coroutine[Any, Any, None]) -> None:
        """Wait for the work, unless the watch or a fault ends it before its time."""
        tasks = asyncio.create_task(work), asyncio.create_task(watch)
        try:
            await asyncio.wait({*tasks, self._fault}, return_when=asyncio.FIRST_COMPLETED)
            for ended in (self._fault, *tasks):
                if ended.done():
                    ended.result()
        finally:
            await end_tasks(*tasks)

    async def _watch_sandbox(self) -> None:
        raise EnvironmentFault(await self.house.sandbox.failure())

    async def _populate(self, wishes: Sequence[Wish]) -> None:
        """All births and conversations, side by side, until nothing is left but what a person has to decide."""
        self.progress.stage("spawning")
        self._unsettled = {wish.number for wish in wishes}
        try:
            async with asyncio.timeout(self.settings.deadline), asyncio.TaskGroup() as group:
                self._group = group
                watching = group.create_task(self._decisions.watch())
                for wish in wishes:
                    self._begin_work(self._live(wish))
                await self._until_idle(bool(wishes))
                await end_tasks(watching, *self._tasks)
        except BaseExceptionGroup as group_error:
            faults = group_error.subgroup(EnvironmentFault)
            raise (group_error if faults is None else _first_leaf(faults)) from None
        except TimeoutError:
            self.record.failures.append(f"the deadline of {self.settings.deadline:g} s passed")

    def _begin_work(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(self._work.do(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _until_idle(self, begun: bool) -> None:
        """Wait until nobody does anything but wait for a person who has not decided yet."""
        while begun:
            await self._work.idle()
            begun = self._decisions.look()
            if begun:
                await self._work.resumed()  # by whoever was decided about

    def _first_wishes(self) -> list[Wish]:
        """The agents of the library, and new ones up to the number that was asked for."""
        wishes = [Wish(n, one.blueprint.brief, one.blueprint.template, (), one) for n, one in enumerate(self._kept, 1)]
        new = self.settings.count - len(wishes)
        which = draw_templates(self.settings.template, new, self.seed)
        pairs = zip(draw_briefs(new, self.seed), which, strict=True)
        return wishes + [Wish(n, brief, template) for n, (brief, template) in enumerate(pairs, len(wishes) + 1)]

    def _pending(self) -> list[Wish]:
        """The agents of an earlier run that wait for a decision, with their modules as they are on disk."""
        wishes = []
        for agent in self.record.agents.values():
            if agent.state == "pending":
                draft = self.modules.load(agent.name)
                blueprint = draft.blueprint
                parents = tuple(blueprint.parents)
                known = (blueprint.brief, blueprint.template, parents, draft, agent.generation, agent.asked_by)
                wishes.append(Wish(agent.number, *known))
        return wishes

    async def _live(self, wish: Wish) -> None:
        """One agent's life: its birth, and its idea."""
        name = None
        try:
            name = await self._nursery.give_birth(wish)
        finally:
            self._settle(wish.number, name)
        if name is not None:
            async with self._places:
                await self._discuss(wish.number, name)

    def _settle(self, number: int, name: str | None = None) -> None:
        """Nobody needs to wait for this birth any more: it has come out, or a person is asked."""
        born = self._awaited.pop(number, None)
        if born is not None and not born.done():
            born.set_result(name)
        self._unsettled.discard(number)
        if not self._unsettled:
            self.house.population.settled.set()

    def _regenerate(self, name: str, why: str) -> bool:
        """A person wants an agent written anew; tells whether there is such an agent."""
        number = next((one.number for one in self.record.agents.values() if one.name == name), None)
        if number is not None:
            replacing = self._nursery.replace(number, name, why, self.try_out)
            self._begin_work(replacing)
        return number is not None

    async def _create_colleague(self, order: ColleagueOrder, asker: str) -> Colleague:
        """An agent wishes for a colleague: within the limits it is born like any other."""
        reason = self._colleagues.grant(asker, {agent.name: agent for agent in self.record.agents.values()})
        if reason:
            self.record.event("colleague refused", asker, reason=reason)
            return Colleague(name=None, reason=reason)
        number = next(self._numbers)
        dice = random.Random(f"{self.seed}/{number}")
        brief = Brief(
            sector=clean_text(order.sector, 120) or "business",
            role=clean_text(order.role, 120) or "colleague",
            temperament=dice.choice(brief_data().temperaments),
            topic=clean_text(order.topic, 120) or clean_text(order.role, 120) or "what its colleagues miss",
        )
        self.record.event("colleague ordered", asker, sector=brief.sector, role=brief.role, number=number)
        born = self._awaited[number] = asyncio.get_running_loop().create_future()
        wish = Wish(number, brief, dice.choice(list(self.templates)), (asker,), asked_by=asker)
        self._begin_work(self._live(wish))
        name = await asyncio.shield(born)
        return Colleague(name=name, sector=brief.sector, reason="" if name else "it is not live, or not yet")

    async def _judge(self, source: str, name: str) -> str:
        """An edited module goes through what any other went through.

        Raises:
            PolicyViolation: The policy refuses it.
            BirthFailed: It does not work.
        """
        checked(source, name)
        await self.try_out(source)
        return source

    def _example(self, draft: Created) -> str | None:
        """What the template of a module gives for the same brief with no model."""
        template = self.templates.get(draft.blueprint.template)
        return example_module(template, draft.blueprint.brief) if template is not None else None

    async def _discuss(self, number: int, name: str) -> None:
        """Ask one agent for its idea; whoever it shares it with is its own choice."""
        reason = ""
        for attempt in range(1, PROPOSAL_TRIES + 1):
            conversation = f"c{number:04d}.{attempt}"
            request = ProposeRequest(objective=self.settings.objective, guidance=self.house.form.guidance)
            try:
                await self._nursery.present(name)
                proposal = await self.house.trusted.request(
                    request, name, timeout=self.settings.reply_deadline, conversation=conversation
                )
                if not isinstance(proposal, Proposal):
                    raise MessagingError("it answered with something else than a proposal")
            except MessagingError as error:
                reason = await self.house.cells.reason_of(name, error)
                self.record.event("no idea", name, attempt=attempt, reason=reason)
                # An agent that is gone or silent would cost the same wait again.
                if isinstance(error, (ConnectionError, TimeoutError, LookupError)):
                    break
            else:
                check = idea_check(self.house.form, self.house.blueprints.get(name), self.settings.objective)
                self.record.idea(name, conversation, proposal, check=check)
                return
        await self._nursery.end(name)
        self.record.agent_failed(number, reason)

    def outcome(self, *, interrupted: bool = False, fault: str = "") -> RunOutcome:
        """What the run has come to so far."""
        sandbox = getattr(self._house, "sandbox", None)
        return self.record.outcome(
            sandbox.name if sandbox is not None else self.settings.sandbox,
            sandbox.line if sandbox is not None else "",
            interrupted=interrupted,
            fault=fault,
        )


def _is_code(wish: Wish) -> bool:
    """Whether its module is there already, and more than a filled template."""
    return wish.draft is not None and wish.draft.blueprint.author != "fill"


def default_author(world: World) -> Author:
    """The author that the settings ask for."""
    known = (world.directory.name, world.backend.name, world.taken, world.record.module)
    filling = TemplateAuthor(world.templates, *known)
    if world.settings.author == "fill":
        return filling
    return CodeAuthor(
        lambda name, brief: example_module(world.templates.get(name, next(iter(world.templates.values()))), brief),
        filling,
        world.try_out,
        *known,
        lambda name, number, stage, finding: world.record.event(
            "module refused", name, number=number, stage=stage, finding=finding
        ),
    )


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first_leaf(first) if isinstance(first, BaseExceptionGroup) else first
