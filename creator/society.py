"""The society of a run: its agents' births and ideas, whom they ask for, and who is bred from the best of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final

from creator.agents.messages import Created
from creator.authors import checked
from creator.births import Nursery
from creator.breeding.offspring import breed
from creator.briefs import BriefData
from creator.choices import Choices
from creator.colleagues import Colleagues, Refused
from creator.contest import Contest
from creator.decisions import Decisions
from creator.errors import EnvironmentFault, LimitReached, first_leaf
from creator.files import digest
from creator.house import House, end_tasks
from creator.ideas.checks import idea_check
from creator.ledger.store import WishRow
from creator.modules import Modules
from creator.record import RunRecord
from creator.replaying.script import Script
from creator.requests import Requests
from creator.review.base import Reviewer
from creator.review.gate import Gate
from creator.settings import SpawnSettings
from creator.templates.examples import example_module
from creator.templates.rendering import Template
from creator.wishes import USER, Wish
from creator.work import Work
from sandbox.errors import MessagingError
from sandbox.protocol import Colleague, ColleagueOrder, Proposal, ProposeRequest

PROPOSAL_TRIES: Final = 2
LOOK_SECONDS: Final = 0.5
"""How often the ledger is looked at for what people want."""


class Society:
    """The agents of a run.

    Args:
        settings: What the user asked for.
        seed: The run's seed.
        house: Where they live; open.
        modules: Where their modules are put.
        templates: What they are made from, by name.
        data: What briefs are drawn from.
        taken: The names in use, shared with the author.
        record: Told of everything.
        reviewer: Asks a person about each module; None when nobody wants to be asked.
        contest: Takes in their ideas.
        choices: Where it is put on record what was decided for whom.
        script: What the run is played again from; None for one that nobody has played yet.
    """

    def __init__(
        self,
        settings: SpawnSettings,
        seed: int,
        house: House,
        modules: Modules,
        templates: Mapping[str, Template],
        data: BriefData,
        taken: set[str],
        record: RunRecord,
        reviewer: Reviewer | None,
        contest: Contest,
        choices: Choices,
        script: Script | None = None,
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._house = house
        self._modules = modules
        self._templates = templates
        self._data = data
        self._record = record
        self._contest = contest
        known = [one.number for one in script.wishes] if script is not None else []
        self._numbers = itertools.count(max([settings.count, *record.births, *known]) + 1)
        self._choices = choices
        self._script = script
        self._budget = house.budget
        self._shares = house.budget.shares
        self._unsettled: set[int] = set()
        self._born: dict[int, asyncio.Future[str | None]] = {}
        """By number: the name of who was born, or None, once that is settled."""
        self._work = Work()
        self._decisions = Decisions(record.ledger, self._regenerate)
        self._requests = Requests(record.ledger, self._add_agent)
        self._colleagues = Colleagues(settings, seed, list(templates), record, self._numbers, data, self._budget)
        # More at once would only wait for the model with their deadlines running.
        at_once = 2 * house.backend.max_concurrency
        # In a run that is played again one may have to wait for somebody whom another one orders.
        self._places = asyncio.Semaphore(max(at_once, len(known)))
        self._few_unsettled = asyncio.Event()
        self._budget.on_births_held = self._few_unsettled.set
        self._group: asyncio.TaskGroup
        self._tasks: set[asyncio.Task[None]] = set()
        gate = None
        if reviewer is not None:
            gate = Gate(reviewer, self._decisions, record.ledger, self._judge, self._example, self._work.waiting)
        self._nursery = Nursery(
            settings,
            seed,
            house.trusted,
            house.cells,
            modules,
            taken,
            house.population,
            house.blueprints,
            record,
            gate,
            at_once,
            self._settle,
            self._shares,
        )

    async def live(self, wishes: Sequence[Wish], generations: range) -> None:
        """Births, conversations and comparisons, side by side, until nothing is left but what a person has to decide.

        Args:
            wishes: Who is born, or started again.
            generations: The number of their generation, and of those that are bred after it.

        A limit ends it in order: whoever is under way then has not failed, and can be gone on with.

        Raises:
            EnvironmentFault: It cannot go on.
        """
        self._record.progress.stage("spawning")
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                watch = group.create_task(self._budget.watch())
                await self._contest.begin(group)
                await self._live_on(wishes, generations)
                await end_tasks(watch, *self._tasks)
                await self._contest.end()
        except BaseExceptionGroup as group_error:
            if (faults := group_error.subgroup(EnvironmentFault)) is not None:
                raise first_leaf(faults) from None
            if (others := group_error.split(LimitReached)[1]) is not None:
                raise others from None

    def close(self) -> None:
        """Nobody is born any more; whoever asked for an agent too late is told."""
        self._colleagues.close()
        self._requests.look()

    async def _live_on(self, wishes: Sequence[Wish], generations: range) -> None:
        """One generation after the other."""
        self._shares.plan(len(generations[1:]) * self._settings.bred)
        await self._generation(wishes, generations[0])
        for number in generations[1:]:
            if not self._budget.may_breed(self._settings.bred):
                break
            offspring = await self._offspring(number)
            if not offspring:
                self._record.failures.append(f"generation {number} was not bred: there is no parent")
                break
            self._record.progress.say(f"generation {number}: {len(offspring)} agents are bred from the best")
            self._record.wished(offspring)
            self._shares.plan((generations[-1] - number) * self._settings.bred)
            await self._generation(offspring, number)
        self.close()
        await self._contest.finish()

    async def _generation(self, wishes: Sequence[Wish], number: int) -> None:
        self._unsettled = {wish.number for wish in wishes}
        self._expect(wishes)
        if wishes:
            self._house.population.settled.clear()
            self._few_unsettled.clear()
        self._count_unsettled()
        self._budget.begin_births(wish.number for wish in wishes)
        owing = [wish.number for wish in wishes if wish.number not in self._record.delivered]
        for birth in owing:
            self._shares.expect(birth)
        self._contest.expect(len(owing), number)
        for wish in wishes:
            self._begin_work(self._live(wish))
        if wishes:
            await self._work.resumed()  # by the first of them: nobody is at work before its task has begun
        await self._until_idle(bool(wishes))
        await self._until_settled()

    def _expect(self, wishes: Sequence[Wish]) -> None:
        """Take note of who is to be born, for whoever waits for one of them."""
        for wish in wishes:
            self._born[wish.number] = asyncio.get_running_loop().create_future()

    async def _offspring(self, generation: int) -> list[Wish]:
        """The wishes for the next generation; of those that live only the parents stay."""
        ranking = await self._contest.ranking()
        authors = {idea.number: idea.author for idea in self._record.ideas}
        ranked = dict.fromkeys(authors[number] for number in (ranking.order if ranking is not None else []))
        living = [one.name for _, one in sorted(self._record.agents.items()) if one.name in self._house.population]

        def best() -> dict[str, Any]:
            return {"names": [name for name in ranked if name in living][: self._settings.kept_parents]}

        chosen = self._choices.decide("parents", "", str(generation), best, lambda one: set(one["names"]) <= {*living})
        parents: list[str] = chosen["names"]
        await asyncio.gather(*(self._nursery.end(name) for name in living if name not in parents))
        self._record.event("generation", str(generation), parents=parents)
        if not parents:
            return []
        if self._script is not None:
            return self._script.generation(generation)
        blueprints = self._house.blueprints
        return breed(
            [blueprints[name] for name in parents],
            self._settings.bred,
            numbers=self._numbers,
            generation=generation,
            living=[blueprints[name] for name in living],
            templates=self._templates,
            data=self._data,
            seed=self._seed,
            read_source=self._read_source,
        )

    def _read_source(self, name: str) -> str:
        """The module of an agent, for a model that writes code; nothing where none does."""
        return self._modules.load(name).source if self._settings.author == "code" else ""

    def _begin_work(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(self._work.do(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _until_idle(self, begun: bool) -> None:
        """Wait until nobody does anything but wait for a person, who neither decided nor asked for anything."""
        while begun:
            idle = await self._work.idle(LOOK_SECONDS)
            begun = self._decisions.look() | self._requests.look()
            if begun:
                await self._work.resumed()  # by whoever was decided about, or is to be born
            begun = begun or not idle

    async def _until_settled(self) -> None:
        """Wait for the judges; what people decide or ask for meanwhile is begun, and judged too."""
        judging = asyncio.create_task(self._contest.settled())
        try:
            while not judging.done():
                await asyncio.wait({judging}, timeout=LOOK_SECONDS)
                if not judging.done() and (self._decisions.look() | self._requests.look()):
                    await self._work.resumed()
                    await self._until_idle(True)
            await judging
        finally:
            await end_tasks(judging)

    async def _live(self, wish: Wish) -> None:
        """One agent's life: its birth, and its idea."""
        name = None
        try:
            name = await self._nursery.give_birth(wish)
        finally:
            self._settle(wish.number, name)
        if wish.number in self._record.delivered:
            self._shares.done(wish.number)
            return  # in an earlier life of the run
        if name is None:
            self._house.population.miss(wish.name or "")
            self._contest.miss()
            return
        if wish.fate is not None:
            self._contest.miss()
            self._record.agent_failed(wish.number, wish.fate.reason)
            return  # it came to no idea in the run that is played again
        # Births keep the model busy: who began before would only wait for its colleagues, and hold up theirs.
        await self._few_unsettled.wait()
        async with self._places:
            self._record.progress.conversation(1)
            try:
                await self._discuss(wish, name)
            finally:
                self._shares.done(wish.number)
                self._record.progress.conversation(-1)

    def _settle(self, number: int, name: str | None = None) -> None:
        """Nobody needs to wait for this birth any more: it has come out, or a person is asked."""
        born = self._born[number]
        if not born.done():
            born.set_result(name)
        if name is not None:
            self._shares.born(number, name)
        else:
            self._shares.done(number)
        self._unsettled.discard(number)
        self._count_unsettled()
        if not self._unsettled:
            self._house.population.settled.set()

    def _count_unsettled(self) -> None:
        """Let conversations begin once births alone no longer keep the model busy."""
        if len(self._unsettled) <= self._house.backend.max_concurrency:
            self._few_unsettled.set()

    def _regenerate(self, name: str, why: str) -> bool:
        """A person wants an agent written anew; tells whether there is such an agent."""
        number = next((one.number for one in self._record.agents.values() if one.name == name), None)
        if number is not None:
            self._begin_work(self._nursery.replace(number, name, why, self._house.trials.run))
        return number is not None

    async def create_colleague(self, order: ColleagueOrder, asker: str, conversation: str) -> Colleague:
        """An agent wishes for a colleague: within the limits it is born like any other."""

        def choose() -> dict[str, Any]:
            try:
                wish = self._colleagues.order(asker, order.sector, order.role, order.topic or "")
            except Refused as refused:
                return {"refused": str(refused)}
            self._begin_one(wish)
            return {"number": wish.number, "sector": wish.brief.sector}

        def fits(known: dict[str, Any]) -> bool:
            # A run that is gone on with may have other limits now.
            return known.get("number") in self._born or ("refused" in known and self._script is not None)

        # One agent may want two colleagues at once.
        wanted = f"{conversation}/{digest(order.model_dump_json())[:16]}"
        chosen = self._choices.decide("order", asker, wanted, choose, fits)
        if "refused" in chosen:
            return Colleague(name=None, reason=str(chosen["refused"]))
        with self._shares.waiting_for_birth(asker):
            name = await asyncio.shield(self._born[chosen["number"]])
        return Colleague(name=name, sector=chosen["sector"], reason="" if name else "it is not live, or not yet")

    def _add_agent(self, row: WishRow) -> bool:
        """A person wishes for an agent, which is born like any other; tells whether that is begun."""
        progress = self._record.progress
        try:
            wish = self._colleagues.order(USER, row.sector, row.role, row.topic)
        except Refused as refused:
            progress.say(f"not added: {row.role}, {row.sector}: {refused}")
            return False
        progress.say(f"asked for: {wish.brief.role}, {wish.brief.sector}")
        self._begin_one(wish)
        return True

    def _begin_one(self, wish: Wish) -> None:
        self._record.wished([wish])
        self._expect([wish])
        self._contest.expect(1)
        self._shares.expect(wish.number)
        self._begin_work(self._live(wish))

    async def _judge(self, source: str, name: str) -> str:
        """An edited module goes through what any other went through.

        Raises:
            PolicyViolation: The policy refuses it.
            BirthFailed: It does not work.
        """
        checked(source, name)
        await self._house.trials.run(source)
        return source

    def _example(self, draft: Created) -> str | None:
        """What the template of a module gives for the same brief with no model."""
        template = self._templates.get(draft.blueprint.template)
        return example_module(template, draft.blueprint.brief) if template is not None else None

    async def _discuss(self, wish: Wish, name: str) -> None:
        """Ask one agent for its idea; whoever it shares it with is its own choice."""
        reason = ""
        for attempt in range(wish.talks + 1, wish.talks + PROPOSAL_TRIES + 1):
            conversation = f"c{wish.number:04d}.{attempt}"
            request = ProposeRequest(objective=self._settings.objective, guidance=self._house.form.guidance)
            try:
                await self._nursery.present(name)
                proposal = await self._house.trusted.request(
                    request, name, timeout=self._settings.reply_deadline, conversation=conversation
                )
                if not isinstance(proposal, Proposal):
                    raise MessagingError("it answered with something else than a proposal")
            except MessagingError as error:
                if self._budget.over:
                    return
                reason = await self._house.cells.reason_of(name, error)
                self._record.event("no idea", name, attempt=attempt, reason=reason)
                # An agent that is gone or silent would cost the same wait again.
                if isinstance(error, (ConnectionError, TimeoutError, LookupError)):
                    break
            else:
                check = idea_check(self._house.form, self._house.blueprints.get(name), self._settings.objective)
                idea = self._record.idea(wish, name, conversation, proposal, check)
                self._shares.done(wish.number)
                await self._contest.enter(idea)
                return
        self._contest.miss()
        await self._nursery.end(name)
        self._record.agent_failed(wish.number, reason)
