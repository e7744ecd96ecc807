"""The contest: what becomes of the ideas of a run as they come in.

Near-duplicates are grouped, judges compare the others, one-shot ideas of the same model join in blind. All of it goes
on beside births and conversations; nothing waits for a phase to end.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from contextlib import aclosing
from typing import Final

from creator.house import House, end_tasks
from creator.ideas.diversity import diversity_of
from creator.ideas.duplicates import Groups
from creator.ideas.judging import Verdict
from creator.ideas.likeness import WordLikeness, likeness_for
from creator.ideas.one_shot import OneShots
from creator.ideas.order import NO_JUDGE, order_by_checks, ranking_with
from creator.ideas.self_agreement import chance_note
from creator.ideas.tournament import Tournament
from creator.ledger.store import ComparisonRow
from creator.models.accounts import Account
from creator.outcome import (
    BaselineReport,
    Conclusion,
    GenerationReport,
    IdeaOutcome,
    Ranking,
)
from creator.record import FIRST_ONE_SHOT, RunRecord
from creator.replaying.script import Script
from creator.settings import SpawnSettings
from sandbox.protocol import BASELINE, JUDGE, LIKENESS

MOST_ONE_SHOTS: Final = 10
"""How many one-shot ideas are asked for at most, for each idea that agents were asked for, however cheap they are."""
_SPENT: Final = "tokens"
"""The kind of the choices that hold what the population had spent when a generation had ended."""
OTHER_ACCOUNTS: Final = frozenset({JUDGE, BASELINE, LIKENESS})
"""Whose tokens are not the population's."""
NO_TOURNAMENT: Final = "no tournament was wanted"


def _verdict(row: ComparisonRow) -> Verdict:
    return Verdict(row.judge, row.model, row.round, row.first, row.second, row.winner, row.reason)


class Contest:
    """Takes in ideas, and puts them in order.

    Args:
        settings: What the user asked for.
        house: Where the judges are, and the model.
        record: Told of everything; what it knows of an earlier life of the run takes part, too.
        seed: For what is drawn by chance.
        generation: The number of the first generation that is still to be ended.
        script: What the run is played again from; None for one that nobody has played yet.
    """

    def __init__(
        self,
        settings: SpawnSettings,
        house: House,
        record: RunRecord,
        seed: int,
        *,
        generation: int = 0,
        script: Script | None = None,
    ) -> None:
        self._settings = settings
        self._house = house
        self._record = record
        self._script = script
        self._likeness = likeness_for(settings, house.backend, house.calls, record.progress.say)
        self._groups = Groups(self._likeness)
        self._held: list[IdeaOutcome] = []
        """Ideas of a run that is played again: they take part by number, in whatever order they come this time."""
        self._baseline: list[IdeaOutcome] = []
        """The one-shot ideas that take part."""
        self._spent = [row.chosen["tokens"] for row in record.ledger.choices(_SPENT)][:generation]
        """By generation: the tokens of the population when it had ended."""
        self._tasks: list[asyncio.Task[None]] = []
        self._asking: asyncio.Task[None] | None = None
        self._tournament: Tournament | None = None
        if house.panel:
            earlier = [_verdict(row) for row in record.ledger.comparisons()]
            self._tournament = Tournament(
                house.panel,
                seed=seed,
                on_verdict=self._note,
                on_progress=record.progress.judged,
                at_once=max(1, house.backend.max_concurrency // 2),
                deadline=settings.reply_deadline,
                again=script.pairs if script is not None else [(one.first, one.second) for one in earlier],
                known=earlier,
                only_again=script is not None,
            )
        self._source: OneShots | None = None
        wanted = settings.generations > 0 and bool(house.panel) if settings.baseline is None else settings.baseline
        if wanted and house.backend.strategy == "object":
            self._source = OneShots(house.filler, house.calls, house.form, settings.objective, seed=seed)

    async def begin(self, group: asyncio.TaskGroup) -> None:
        """Begin to compare, and to ask for one-shot ideas; the tasks are the group's, and end with `end`."""
        for idea in self._record.ideas:
            await self._enter(idea)
        if self._tournament is not None:
            self._tasks.append(group.create_task(self._tournament.play()))
        if self._source is not None:
            self._asking = group.create_task(self._ask_first(self._source))
            self._tasks.append(self._asking)

    async def end(self) -> None:
        """Compare no more."""
        await end_tasks(*self._tasks)

    def expect(self, count: int, generation: int = 0) -> None:
        """So many more ideas are to come."""
        if self._tournament is not None:
            self._tournament.expect(count, generation=generation)

    def miss(self) -> None:
        """One that was expected does not come."""
        if self._tournament is not None:
            self._tournament.miss()

    async def enter(self, idea: IdeaOutcome) -> None:
        """Take in an idea: under the one that it nearly repeats, or among those that judges compare."""
        if self._script is not None:
            self._held.append(idea)
        else:
            await self._enter(idea)

    async def _enter(self, idea: IdeaOutcome) -> None:
        placement = await self._groups.add(idea.number, idea.final, idea.weak)
        if self._tournament is None:
            return
        if placement.replaces is not None:
            self._tournament.withdraw(placement.replaces)
        if placement.under is None:
            self._tournament.enter(idea.number, idea.final, generation=idea.generation)
        else:
            self._tournament.miss()

    async def settled(self) -> None:
        """A generation has no more ideas to give: wait until all that are there have been compared."""
        if self._asking is not None:
            await self._asking
        held, self._held = sorted(self._held, key=lambda one: one.number), []
        for idea in held:
            await self._enter(idea)
        await self._judged()
        self._spent.append(self._population_tokens())
        self._record.ledger.record_choice(_SPENT, "", "", len(self._spent), {"tokens": self._spent[-1]})

    async def finish(self) -> None:
        """Ask for further one-shot ideas until as many tokens went into them as into the population; compare the best.

        Of all of them as many take part as agents have ideas: those in which plain checks find least, and that are
        least like the others.
        """
        if self._source is None:
            return
        room, until = MOST_ONE_SHOTS * self._settings.asked - len(self._record.one_shots), self._population_tokens()
        if self._script is not None:  # nothing is spent then
            room, until = max(0, self._script.one_shots - self._settings.count), sys.maxsize
        async with aclosing(self._source.more(until, room)) as ideas:
            async for place, idea in ideas:
                self._record.one_shot(place, idea)
        for reason in self._source.failures:
            self._record.event("no one-shot idea", BASELINE, reason=reason)
        groups = Groups(self._likeness)
        one_shots = sorted(self._record.one_shots, key=lambda one: one.number)  # who came first makes no difference
        for one in one_shots:
            await groups.add(one.number, one.final, one.weak)
        ranking = order_by_checks(one_shots, groups)
        order = sorted(ranking.order, key=ranking.under.__contains__)  # near-duplicates last
        chosen = set(order[: len(self._record.ideas)])
        self._baseline = [one for one in one_shots if one.number in chosen]
        if self._tournament is not None:
            self.expect(len(self._baseline))
            for one in self._baseline:
                self._tournament.enter(one.number, one.final)
        await self._judged()

    async def _judged(self) -> None:
        if self._tournament is not None:
            self._record.progress.stage("judging")
            self._tournament.expect_nobody()
            await self._tournament.settled()

    async def _ask_first(self, source: OneShots) -> None:
        async with aclosing(source.first(self._settings.count)) as ideas:
            async for place, idea in ideas:
                self._record.one_shot(place, idea)

    def _note(self, verdict: Verdict) -> None:
        self._record.ledger.record_comparison(*dataclasses.astuple(verdict))

    def _population_tokens(self) -> int:
        """What went into the population so far, read and written: births, ideas, and what agents said of them."""
        accounts = self._house.calls.accounts.items()
        return sum(sum(one.tokens) for name, one in accounts if name not in OTHER_ACCOUNTS)

    async def ranking(self) -> Ranking | None:
        """The order of the population's ideas as it is now; None when there is no idea."""
        ideas = self._record.ideas
        if not ideas:
            return None
        if self._tournament is None:
            return order_by_checks(ideas, self._groups, note=NO_JUDGE if self._settings.tournament else NO_TOURNAMENT)
        places = await asyncio.to_thread(self._tournament.places)
        reports = self._tournament.reports()
        account = self._house.calls.accounts.get(JUDGE, Account())
        return ranking_with(
            [one for one in places if one.number < FIRST_ONE_SHOT],
            ideas,
            self._groups,
            judges=reports,
            rounds=self._tournament.rounds,
            comparisons=self._tournament.comparisons,
            tokens=account.prompt_tokens + account.completion_tokens,
            note=chance_note(reports),
        )

    async def conclusion(self) -> Conclusion:
        """What can be said of all ideas together, as it is now."""
        ranking = await self.ranking()  # first, as it does the fit in a thread that the rest needs too
        ideas, tournament = self._record.ideas, self._tournament
        one_shots = [one.number for one in self._baseline]
        baseline = None
        if self._source is not None:
            baseline = BaselineReport(
                made=len(self._record.one_shots),
                ideas=len(one_shots),
                population_tokens=self._population_tokens(),
                baseline_tokens=self._source.tokens,
                preferred=tournament.preferred([one.number for one in ideas], one_shots) if tournament else None,
            )
        agents = list(self._record.agents.values())
        return Conclusion(
            idea_fields=self._house.form.fields,
            ranking=ranking,
            diversity=await diversity_of(agents, ideas, WordLikeness()) if agents else None,
            baseline=baseline,
            one_shot=self._baseline,
            generations=self._generations() if self._settings.generations else [],
        )

    def _generations(self) -> list[GenerationReport]:
        """What each generation came to, against the first one and against one-shot ideas."""
        reports: list[GenerationReport] = []
        one_shots = [one.number for one in self._baseline]
        spent = [0, *self._spent]
        members: dict[int, list[int]] = {}
        for idea in self._record.ideas:
            members.setdefault(idea.generation, []).append(idea.number)
        for generation, numbers in sorted(members.items()):
            report = GenerationReport(generation=generation, ideas=len(numbers))
            if generation + 1 < len(spent):
                report = report.model_copy(update={"tokens": spent[generation + 1] - spent[generation]})
            if self._tournament is not None and (mean := self._tournament.mean_rating(numbers)) is not None:
                places = {one.number: one.rank for one in self._tournament.places()}
                report = report.model_copy(
                    update={
                        "mean_rating": mean[0],
                        "low": mean[1],
                        "high": mean[2],
                        "best": min((one for one in numbers if one in places), key=places.__getitem__),
                        "over_first": self._tournament.preferred(numbers, members[0]) if generation else None,
                        "over_one_shots": self._tournament.preferred(numbers, one_shots),
                    }
                )
            reports.append(report)
        return reports
