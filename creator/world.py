"""A run, from start to finish: the World owns every task, process and file of one `spawn`."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import shutil
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from creator.agents.messages import Created
from creator.authors import Author, CodeAuthor, TemplateAuthor
from creator.brief_files import load_brief_data
from creator.briefs import draw_briefs
from creator.contest import Contest
from creator.errors import EnvironmentFault
from creator.house import House, Listeners, end_tasks
from creator.ideas.form import load_idea_form
from creator.models.backend import Backend
from creator.models.memory import Memory
from creator.modules import Modules
from creator.outcome import Conclusion, RunOutcome, StartedRun
from creator.outputs import new_run_directory, publish_latest, write_settings, write_started
from creator.progress import Progress
from creator.record import RunRecord
from creator.review.base import Reviewer
from creator.settings import SpawnSettings
from creator.society import Society
from creator.spending.budget import Budget
from creator.spending.limits import Limits, Spent
from creator.spending.prices import PriceOf
from creator.templates.examples import example_module
from creator.templates.mix import draw_templates
from creator.templates.rendering import Template
from creator.wishes import Wish
from sandbox.protocol import CREATOR, Colleague, ColleagueOrder

AuthorFactory = Callable[["World"], Author]


class World:
    """One run.

    Args:
        settings: What the user asked for.
        progress: Told what happens as it happens.
        backend: The language model, not yet opened.
        templates: What agents are made from, by name: those of the settings' mix.
        judges: Models that judge, not yet opened; none for the run's own.
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
        judges: Sequence[Backend] = (),
        author: AuthorFactory | None = None,
        reviewer: Reviewer | None = None,
        kept: Sequence[Created] = (),
        earlier: RunOutcome | None = None,
    ) -> None:
        self.settings = settings
        self.progress = progress
        self.backend = backend
        load_idea_form(settings.idea_schema)  # a mistake in it is told before there is a folder
        self.brief_data = load_brief_data(settings.briefs, settings.count)
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
        self.memory = Memory()
        self.price_of: PriceOf = lambda model: None
        self.budget = Budget(
            Limits.of(settings),
            price_of=self.price_of,
            spent=self._spent_before(earlier) if earlier is not None else None,
            on_warning=lambda line: self._tell_limit("limit near", line),
            on_reached=lambda line: self._tell_limit("limit reached", line),
        )
        self.templates = templates
        self.taken = {agent.name for agent in self.record.agents.values()} | {one.blueprint.name for one in kept}
        self._reviewer = reviewer
        self._judges = judges
        self._author = (author or default_author)(self)
        self._kept = kept
        self._earlier = earlier
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._house: House | None = None
        self._society: Society
        self._contest: Contest | None = None
        self._conclusion: Conclusion | None = None

    def on_fault(self, fault: EnvironmentFault) -> None:
        """Something happened that ends the whole run, such as a full disk."""
        if not self._fault.done():
            self._fault.set_exception(fault)

    def _tell_limit(self, kind: str, line: str) -> None:
        self.record.event(kind, self.directory.name, limit=line)
        self.progress.say(line)

    def _spent_before(self, earlier: RunOutcome) -> Spent:
        """What the run has spent in its earlier life, as far as its outcome tells."""
        tokens = {agent.name: agent.prompt_tokens + agent.completion_tokens for agent in earlier.agents}
        tokens[CREATOR] = earlier.prompt_tokens + earlier.completion_tokens - sum(tokens.values())
        price = self.price_of(self.backend.name)
        cost = price.cost(earlier.prompt_tokens, earlier.completion_tokens) if price is not None else 0.0
        return Spent(tokens=tokens, cost={CREATOR: cost}, births=self.record.agents, seconds=earlier.elapsed_s)

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
            judges=self._judges,
            memory=self.memory,
            budget=self.budget,
            price_of=self.price_of,
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
                await self._first_of(self._society.live(wishes), self._watch_sandbox())
                self._society.close()
                await self._conclude()
        finally:
            if self._fault.done() and not self._fault.cancelled():
                self._fault.exception()  # seen: it must not be reported again as never retrieved
            self._fault.cancel()

    def _begin(self) -> None:
        """Everything is open: say so, on disk first."""
        house = self.house
        if self._earlier is None:
            self._contest = Contest(self.settings, house, self.record, self.seed)
        self._society = Society(
            self.settings,
            self.seed,
            house,
            self.modules,
            self.templates,
            self.brief_data,
            self.taken,
            self.record,
            self._reviewer,
            self._contest,
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
                asked=self.settings.asked,
                started=self.record.started,
                pid=os.getpid(),
                host=socket.gethostname(),
            ),
        )
        if self._earlier is None:
            publish_latest(self.settings.output, self.directory)
        self.record.event("started", self.directory.name, seed=self.seed, model=self.backend.name)

    async def _create_colleague(self, order: ColleagueOrder, asker: str) -> Colleague:
        return await self._society.create_colleague(order, asker)

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

    def _first_wishes(self) -> list[Wish]:
        """The agents of the library, and new ones up to the number that was asked for."""
        wishes = [Wish(n, one.blueprint.brief, one.blueprint.template, (), one) for n, one in enumerate(self._kept, 1)]
        new = self.settings.count - len(wishes)
        which = draw_templates(self.settings.template, new, self.seed)
        pairs = zip(draw_briefs(new, self.seed, self.brief_data), which, strict=True)
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

    async def _conclude(self) -> None:
        if self._contest is not None:
            self._conclusion = await self._contest.conclusion()
        elif self._earlier is not None:
            self._conclusion = self._earlier.conclusion

    async def outcome(self, *, interrupted: bool = False, fault: str = "") -> RunOutcome:
        """What the run has come to so far."""
        if self._conclusion is None:
            await self._conclude()
        sandbox = getattr(self._house, "sandbox", None)
        return self.record.outcome(
            sandbox.name if sandbox is not None else self.settings.sandbox,
            sandbox.line if sandbox is not None else "",
            interrupted=interrupted,
            fault=fault,
            conclusion=self._conclusion,
            limit=self.budget.reached,
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
