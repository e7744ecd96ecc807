"""How an agent is born, and how one that lives is replaced by a successor of its name.

It is written by the Creator, approved where somebody asked for that, started in a cell, and counted as live once it has
answered.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from creator.agents.messages import CreateAgent, Created
from creator.agents.registry import Population
from creator.blueprint import Blueprint
from creator.breeding.heritage import Heritage
from creator.breeding.novelty import novelty_problem
from creator.cells import MAX_REASON, Cells, StartFailed
from creator.errors import BirthFailed, CreatorError, EnvironmentFault, TerminalModelError
from creator.modules import Modules
from creator.record import RunRecord
from creator.review.gate import Gate, Rejected, Wait
from creator.settings import SpawnSettings
from creator.spending.shares import Shares
from creator.telemetry.spans import birth, birth_try, came_to_life, failed_try
from creator.text import clean
from creator.wishes import Wish
from sandbox.errors import MessagingError
from sandbox.protocol import CREATOR, Introduction
from sandbox.runtime import HardenedRuntime

TRIES: Final = 3
MAX_REJECTIONS: Final = 20
"""How often a person may send one birth back before it is given up."""


class _FailedTry(Exception):
    """Nothing was written.

    Attributes:
        reason: Why, in one line; the Creator gets it with the next try.
        stage: Where it failed.
        terminal: Whether another try would fail the same way.
    """

    def __init__(self, reason: str, *, stage: str = "model", terminal: bool = False) -> None:
        super().__init__(reason)
        self.reason = clean(reason, MAX_REASON)
        self.stage = stage
        self.terminal = terminal


class Nursery:
    """Gives birth to agents, and replaces them.

    Args:
        settings: Deadlines.
        seed: The run's seed.
        trusted: The trusted side's runtime.
        cells: Where agents live.
        modules: Where modules are put.
        taken: The names in use, shared with the author.
        population: Where a live agent is announced.
        blueprints: Where a live agent's blueprint is kept, by name.
        record: Told of every try.
        gate: Asks a person first; None where nobody wants to be asked.
        at_once: How many agents are written at once, and how many are started; those that a person is waited for are
            not counted.
        settle: Called with a birth's number when a person is waited for: nobody else needs to.
        shares: Told who is being written, and who is on its way to life.
    """

    def __init__(
        self,
        settings: SpawnSettings,
        seed: int,
        trusted: HardenedRuntime,
        cells: Cells,
        modules: Modules,
        taken: set[str],
        population: Population,
        blueprints: dict[str, Blueprint],
        record: RunRecord,
        gate: Gate | None,
        at_once: int,
        settle: Callable[[int], None],
        shares: Shares,
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._trusted = trusted
        self._cells = cells
        self._modules = modules
        self._taken = taken
        self._population = population
        self._blueprints = blueprints
        self._record = record
        self._gate = gate
        self._writing = asyncio.Semaphore(at_once)
        # Places of its own: who is written need not wait until all others are, too.
        self._starting = asyncio.Semaphore(at_once)
        self._settle = settle
        self._shares = shares
        self._offspring: dict[str, Created] = {}
        """Bred agents that were found new, and are on their way to life."""
        self._replacing: set[str] = set()
        self._changing: dict[str, asyncio.Event] = {}

    async def give_birth(self, wish: Wish) -> str | None:
        """The name of a new live agent, or None when it was given up; recorded either way.

        Three tries may fail. What a person rejects is written anew with the reason, and counts as none of them. A bred
        agent that is too much like one that lives is a failed try, too, and inherits less at the next. In a run that
        is played again there is one try: the last one of then.
        """
        with birth(wish.number, wish.generation, wish.template) as made:
            name = await self._born(wish)
            came_to_life(made, name)
        return name

    async def _born(self, wish: Wish) -> str | None:
        reason = wish.feedback
        if wish.restart:
            try:
                with birth_try(max(1, wish.tries)):
                    return await self._restart(wish)
            except StartFailed as failed:
                reason = failed.reason
        if wish.fate is not None and not wish.fate.written:
            self._give_up(wish, wish.name, wish.tries + 1, wish.fate.reason)
            return None
        number = wish.number
        given = None if wish.restart else wish.draft
        name: str | None = None
        attempt, failures, rejections = wish.tries, 0, 0
        tries = 1 if given is not None or wish.name is not None else TRIES
        while failures < tries and rejections < MAX_REJECTIONS:
            attempt += 1
            with birth_try(attempt):
                self._shares.expect(number)
                try:
                    draft = given or await self._write(self._order(wish, attempt, reason, wish.name))
                    if wish.heritage is not None and wish.name is None:
                        self._found_new(draft)
                except _FailedTry as failed:
                    reason, failures = failed.reason, failures + 1
                    self._note(wish, attempt, failed.stage, reason, name)
                    if failed.terminal:
                        break
                    continue
                self._give_up_name(name, draft.blueprint.name)
                name = draft.blueprint.name
                for note in draft.notes:
                    self._record.attempt(number, attempt, "author", note)
                self._shares.born(number, name)
                try:
                    await self._bring_to_life(wish, attempt, draft)
                    return name
                except Rejected as rejected:
                    self._taken.discard(name)  # the next try may have it
                    reason, rejections = f"a person rejected it: {rejected.why}", rejections + 1
                    self._note(wish, attempt, "review", reason, name)
                    if given is not None:
                        break
                except StartFailed as failed:
                    self._taken.discard(name)
                    reason, failures = failed.reason, failures + 1
                    self._note(wish, attempt, "cell", reason, name)
                finally:
                    self._offspring.pop(name, None)
        if name in self._taken:
            name = None  # another agent has it by now
        self._give_up(wish, name or wish.name, attempt, reason)
        return None

    def _give_up(self, wish: Wish, name: str | None, attempts: int, reason: str) -> None:
        name = name or f"agent_{wish.number}"
        self._taken.add(name)
        self._record.agent(wish, name, "failed", attempts=attempts, reason=reason)

    async def _restart(self, wish: Wish) -> str:
        """Start an agent that lived in an earlier life of the run, and give its name.

        Raises:
            StartFailed: It does not start, which is on record.
        """
        assert wish.draft is not None
        blueprint = wish.draft.blueprint
        try:
            async with self._starting:
                sha256 = self._saved(wish.draft)
                await self._cells.start(blueprint.name, sha256, self._dice(wish.number, wish.tries))
        except StartFailed as failed:
            self._note(wish, max(1, wish.tries), "cell", failed.reason, blueprint.name)
            self._taken.discard(blueprint.name)
            raise
        self._announce(blueprint)
        self._record.agent(wish, blueprint.name, "live", attempts=wish.tries, sha256=sha256, blueprint=blueprint)
        return blueprint.name

    def _note(self, wish: Wish, attempt: int, stage: str, reason: str, name: str | None) -> None:
        failed_try(stage)
        self._record.attempt(wish.number, attempt, stage, reason)
        self._record.event("birth failed", name or wish.brief.persona, attempt=attempt, reason=reason)

    def _order(self, wish: Wish, attempt: int, feedback: str, name: str | None = None) -> CreateAgent:
        heritage = wish.heritage or Heritage()
        return CreateAgent(
            brief=wish.brief,
            template=wish.template,
            seed=self._dice(wish.number, attempt),
            attempt=attempt,
            feedback=feedback,
            name=name,
            parents=list(wish.parents),
            heritage=heritage.for_try(attempt, self._dice(wish.number, attempt)),
        )

    def _dice(self, number: int, attempt: int) -> int:
        return random.Random(f"{self._seed}/{number}/{attempt}").getrandbits(32)

    async def _write(self, order: CreateAgent) -> Created:
        async with self._writing:
            try:
                with self._shares.writing():
                    draft: Created = await self._trusted.request(order, CREATOR, timeout=self._settings.author_deadline)
            except MessagingError as error:
                hopeless: tuple[type[Exception], ...] = (TerminalModelError, *TerminalModelError.__subclasses__())
                terminal = any(one.__name__ in str(error) for one in hopeless)
                raise _FailedTry(str(error), terminal=terminal) from error
        return draft

    def _found_new(self, draft: Created) -> None:
        """Take note of a bred agent that differs enough from those that live, and from those bred at the same time.

        Raises:
            _FailedTry: It does not.
        """
        blueprint = draft.blueprint
        living = {name: one for name, one in self._blueprints.items() if name in self._population}
        bred = {name: one.blueprint for name, one in self._offspring.items()}
        sources = None
        if blueprint.author == "code":
            sources = {name: self._source(name) for name in living}
            sources |= {one.blueprint.name: one.source for one in (*self._offspring.values(), draft)}
        problem = novelty_problem(blueprint, {**living, **bred}.values(), sources)
        if problem:
            self._taken.discard(blueprint.name)
            raise _FailedTry(problem, stage="novelty")
        self._offspring[blueprint.name] = draft

    def _source(self, name: str) -> str:
        """The module of a live agent; empty when its file is gone, which is no reason to end the run here."""
        try:
            return self._modules.load(name).source
        except EnvironmentFault:
            return ""

    def _give_up_name(self, old: str | None, new: str) -> None:
        """The next try has another name: the files of the one before go, unless they are somebody else's by now."""
        if old is not None and old != new and old not in self._taken:
            self._modules.remove(old)

    async def _bring_to_life(self, wish: Wish, attempt: int, draft: Created) -> None:
        """Ask for approval, put the module on disk, and start it.

        Raises:
            Rejected: A person does not want it.
            StartFailed: It does not come up.
        """
        draft = await self._admitted(draft, lambda pending: self._pend(wish, attempt, pending))
        name = draft.blueprint.name
        async with self._starting:
            sha256 = self._saved(draft)
            if wish.fate is not None and not wish.fate.lived:
                raise StartFailed(wish.fate.reason)
            await self._cells.start(name, sha256, self._dice(wish.number, attempt))
        self._announce(draft.blueprint)
        self._record.agent(wish, name, "live", attempts=attempt, sha256=sha256, blueprint=draft.blueprint)

    async def _admitted(self, draft: Created, pend: Wait) -> Created:
        return draft if self._gate is None else await self._gate.admit(draft, pend)

    async def _pend(self, wish: Wish, attempt: int, draft: Created) -> None:
        name = draft.blueprint.name
        sha256 = self._saved(draft)
        self._record.agent(wish, name, "pending", attempts=attempt, sha256=sha256, blueprint=draft.blueprint)
        self._settle(wish.number)

    def _saved(self, draft: Created) -> str:
        try:
            return self._modules.save(draft.blueprint, draft.source)
        except BirthFailed as error:
            raise StartFailed(str(error)) from error

    def _announce(self, blueprint: Blueprint) -> None:
        """Let colleagues find it. What an agent says of itself is not the record: its blueprint is."""
        self._blueprints[blueprint.name] = blueprint
        self._population.announce(Introduction(name=blueprint.name, sector=blueprint.sector, skills=blueprint.skills))

    async def end(self, name: str) -> None:
        """End an agent; it can no longer be chosen as a colleague."""
        self._population.remove(name)
        await self._cells.end(name)

    async def replace(self, number: int, name: str, why: str, trial: Callable[[str], Awaitable[None]]) -> None:
        """Write an agent anew and put the successor in its place, under its name, while everything goes on.

        The successor is tried before its predecessor ends. When anything goes wrong the predecessor stays; it is
        all on record.

        Args:
            number: Of its birth.
            name: Its name, which stays.
            why: What shall be different, in a person's words.
            trial: Puts a module through everything in a throw-away cell; raises BirthFailed.
        """
        if name in self._replacing:
            return
        self._replacing.add(name)
        try:
            await self._replace(number, name, why, trial)
        except (_FailedTry, StartFailed, Rejected, CreatorError, OSError) as error:
            self._record.attempt(number, 1, "regenerate", str(error))
            self._record.event("not regenerated", name, reason=str(error))
            self._record.progress.say(f"{name} stays as it was: {error}")
        finally:
            self._replacing.discard(name)
            self._shares.on_change()

    async def _replace(self, number: int, name: str, why: str, trial: Callable[[str], Awaitable[None]]) -> None:
        before = self._blueprints.get(name)
        if before is None or name not in self._population:
            raise StartFailed(f"no agent {name!r} is live")
        known = self._record.agents[number]
        wish = Wish(
            number,
            before.brief,
            before.template,
            tuple(before.parents),
            generation=known.generation,
            asked_by=known.asked_by,
        )
        feedback = f"{name} is written anew{f', because: {why}' if why else ''}; make it clearly different"
        # Each try draws anew: the same question would get the same answer, as that is known.
        failed = self._record.ledger.count_events("not regenerated").get(name, 0)
        draft = await self._write(self._order(wish, before.attempt + 1 + failed, feedback, name))
        await trial(draft.source)
        draft = await self._admitted(draft, self._wait_unsaved)
        source = (self._modules.directory / f"{name}.py").read_text("utf-8")
        self._modules.keep_earlier(name)
        changed = self._changing[name] = asyncio.Event()
        try:
            self._population.remove(name)
            await self._cells.quiet(name)
            await self._cells.end(name)
            sha256 = await self._succeed(number, draft, Created(blueprint=before, source=source))
        finally:
            changed.set()
            del self._changing[name]
        self._record.agent(
            wish,
            name,
            "live",
            attempts=draft.blueprint.attempt,
            sha256=sha256,
            blueprint=draft.blueprint,
        )
        self._record.event("regenerated", name, reason=why)
        self._record.progress.say(f"{name} has a successor of its name")

    async def _succeed(self, number: int, draft: Created, before: Created) -> str:
        """Start a successor, or its predecessor once more; gives the digest of the successor."""
        name = draft.blueprint.name
        try:
            sha256 = self._saved(draft)
            await self._cells.start(name, sha256, self._dice(number, draft.blueprint.attempt))
        except StartFailed:
            await self._cells.start(name, self._saved(before), self._dice(number, before.blueprint.attempt))
            self._announce(before.blueprint)
            raise
        self._announce(draft.blueprint)
        return sha256

    async def present(self, name: str) -> None:
        """Wait until an agent that is being replaced has its successor."""
        if (changed := self._changing.get(name)) is not None:
            await changed.wait()

    async def _wait_unsaved(self, draft: Created) -> None:
        raise Rejected("a successor is decided about at once: use --review without =later")
