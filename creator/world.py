"""A run, from start to finish: the World owns every task, process and file of one `spawn`."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import random
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from creator.agents.messages import Created
from creator.authors import Author, CodeAuthor, TemplateAuthor
from creator.brief_files import load_brief_data
from creator.briefs import draw_briefs
from creator.choices import Choices
from creator.contest import Contest
from creator.errors import EnvironmentFault
from creator.house import House, Listeners, end_tasks
from creator.ideas.form import load_idea_form
from creator.models.backend import Backend
from creator.models.cache import FILE_NAME, AnswerCache
from creator.models.embedded import cache_folder
from creator.models.memory import Memory
from creator.modules import Modules
from creator.outcome import Conclusion, Estimate, RunOutcome, StartedRun
from creator.outputs import new_run_directory, publish_latest, write_settings, write_started
from creator.progress import Progress
from creator.record import RunRecord
from creator.replaying.script import Script
from creator.resuming import last_generation, wishes_again
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
from sandbox.protocol import Colleague, ColleagueOrder

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
        earlier: What the run came to before, when it is gone on with.
        pending_only: Whether, of what it left, only those who wait for a person's decision are gone on with.
        script: What the run is played again from; None for one that nobody has played yet.
        memory: Knows answers of models; None for what the run's own record knows, and the cache if one is wanted.
        price_of: What models cost.
        estimate: What the run is expected to take; None where no estimate can be made.
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
        pending_only: bool = False,
        script: Script | None = None,
        memory: Memory | None = None,
        price_of: PriceOf = lambda model: None,
        estimate: Estimate | None = None,
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
            self.record = RunRecord(settings, progress, self.directory, backend.name, self.on_fault, earlier, script)
        except EnvironmentFault:
            if earlier is None:
                shutil.rmtree(self.directory, ignore_errors=True)
            raise
        if estimate is not None:
            self.record.estimate = estimate
        self.modules = Modules(folder, self.on_fault)
        cache = AnswerCache(cache_folder() / FILE_NAME, progress.say) if settings.cache else None
        self.memory = memory or Memory(self.record.answer, cache)
        self.price_of = price_of
        self.budget = Budget(
            Limits.of(settings),
            price_of=self.price_of,
            spent=self._spent_before(earlier) if earlier is not None else None,
            on_warning=lambda line: self._tell_limit("limit near", line),
            on_reached=lambda line: self._tell_limit("limit reached", line),
        )
        self.templates = templates
        self.taken = {agent.name for agent in self.record.agents.values()} | {one.blueprint.name for one in kept}
        self.taken |= script.names if script is not None else set()
        self._reviewer = reviewer
        self._judges = judges
        self.origin = script.run_id if script is not None else self.directory.name
        """The run that is named in each module as the one that it is of."""
        self._author = (author or default_author)(self)
        self._kept = kept
        self._earlier = earlier
        self._pending_only = pending_only
        self._script = script
        self._choices = Choices(self.record.ledger, self.on_fault, script.choice if script is not None else None)
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
        """What the run has spent in its earlier life."""
        tokens: Counter[str] = Counter()
        cost: dict[str, float] = {}
        for row in self.record.ledger.spent():
            tokens[row.agent] += row.prompt_tokens + row.completion_tokens
            cost[row.agent] = cost.get(row.agent, 0.0) + row.cost
        names = {agent.name for agent in earlier.agents}
        messages = {name: number for name, number in self.record.ledger.count_messages().items() if name in names}
        births = [row.number for row in self.record.ledger.births()]
        return Spent(tokens=tokens, cost=cost, messages=messages, births=births, seconds=earlier.elapsed_s)

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
        wishes = self._wishes()
        newest = last_generation(self.record.births.values())
        house = House(
            self.settings,
            self.progress,
            self.backend,
            self.modules.directory,
            self.directory.name,
            templates=self.templates,
            author=self._author,
            writes_code=self._author.writes_code or any(map(self._is_code, self._script_wishes() or wishes)),
            seed=self.seed,
            judges=self._judges,
            memory=self.memory,
            budget=self.budget,
            price_of=self.price_of,
            choices=self._choices,
            accounts=self.record.accounts,
            listeners=Listeners(
                call=self.record.call,
                durable=self.record.durable,
                exchange=self.record.exchange,
                refusal=lambda client, reason: self.record.event("refused", client, reason=reason),
                exited=self.record.cell_ended,
                order=self._create_colleague,
                lost=self.on_fault,
                closing=lambda counters: self.record.event("host", "counters", **dataclasses.asdict(counters)),
            ),
        )
        try:
            self.progress.stage("starting")
            async with self.memory, house:
                self._house = house
                self._begin(newest)
                self.record.wished(wishes)
                last = newest if self._pending_only else max(newest, self.settings.generations)
                work = self._society.live(wishes, range(newest, last + 1))
                await self._first_of(work, self._watch_sandbox())
                self._society.close()
                await self._conclude()
        finally:
            if self._fault.done() and not self._fault.cancelled():
                self._fault.exception()  # seen: it must not be reported again as never retrieved
            self._fault.cancel()

    def _begin(self, generation: int) -> None:
        """Everything is open: say so, on disk first."""
        house = self.house
        self._contest = Contest(
            self.settings, house, self.record, self.seed, generation=generation, script=self._script
        )
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
            self._choices,
            self._script,
        )
        self.progress.say(f"model: {self.backend.name} ({self.backend.notice})")
        self.progress.say(f"sandbox: {house.sandbox.line}")
        # What the environment decided, or chance, is decided when the run is gone on with.
        model: str | None = None  # nothing of what is played again chooses which model is asked later
        if self._script is None:
            model = self.settings.model or ("embedded" if self.backend.strategy == "slots" else self.backend.name)
        for fact, value in (("strategy", self.backend.strategy), ("judges", [one.name for one in self._judges])):
            self.record.ledger.record_fact(fact, json.dumps(value))
        write_settings(self.directory, self.settings.model_copy(update={"seed": self.seed, "model": model}))
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
                resumed=self.record.resumed,
                before_s=self._earlier.elapsed_s if self._earlier is not None else 0.0,
                pid=os.getpid(),
                host=socket.gethostname(),
                estimate=self.record.estimate,
                replay_of=self._script.run_id if self._script is not None else "",
            ),
        )
        if self._earlier is None:
            publish_latest(self.settings.output, self.directory)
        self.record.event("started", self.directory.name, seed=self.seed, model=self.backend.name)

    async def _create_colleague(self, order: ColleagueOrder, asker: str, conversation: str) -> Colleague:
        return await self._society.create_colleague(order, asker, conversation)

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

    def _wishes(self) -> list[Wish]:
        """Whom the run begins with."""
        if self._script is not None:
            return self._script.generation(0)
        return self._first_wishes() if self._earlier is None else self._wishes_again()

    def _script_wishes(self) -> list[Wish]:
        """Everybody that a run is played again with, later generations included."""
        return list(self._script.wishes) if self._script is not None else []

    def _is_code(self, wish: Wish) -> bool:
        """Whether its module is there already, and may be more than a filled template."""
        stranger = self._script is not None
        return wish.draft is not None and (stranger or wish.draft.blueprint.author != "fill")

    def _first_wishes(self) -> list[Wish]:
        """The agents of the library, and new ones up to the number that was asked for."""
        wishes = [Wish(n, one.blueprint.brief, one.blueprint.template, (), one) for n, one in enumerate(self._kept, 1)]
        new = self.settings.count - len(wishes)
        which = draw_templates(self.settings.template, new, self.seed)
        pairs = zip(draw_briefs(new, self.seed, self.brief_data), which, strict=True)
        return wishes + [Wish(n, brief, template) for n, (brief, template) in enumerate(pairs, len(wishes) + 1)]

    def _wishes_again(self) -> list[Wish]:
        """Whoever is started or written again in a run that is gone on with."""
        record = self.record
        known = set(record.births)
        missing = [] if self._pending_only else [one for one in self._first_wishes() if one.number not in known]
        births = [row for _, row in sorted(record.births.items())]
        choice = record.ledger.choice("parents", "", str(last_generation(births)), 1)
        parents = choice["names"] if choice is not None else []
        agents = record.agents.values()
        again = wishes_again(
            births,
            agents,
            record.delivered,
            parents,
            self.modules,
            self._kept,
            record.talks(),
            record.ledger.findings(),
        )
        if self._pending_only:
            pending = {agent.number for agent in agents if agent.state == "pending"}
            done = {agent.number for agent in agents if agent.state == "live"} & record.delivered
            again = [wish for wish in again if wish.number in pending | done]
        return again + missing

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


def default_author(world: World) -> Author:
    """The author that the settings ask for."""
    known = (world.origin, world.backend.name, world.taken, world.record.module)
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
