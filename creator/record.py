"""The record of a run: what is told to the ledger and the progress display, and what the outcome is made from."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from creator.blueprint import Blueprint
from creator.errors import EnvironmentFault
from creator.exchanges import Conversations, in_words
from creator.ideas.checks import weaknesses
from creator.ideas.form import load_idea_form
from creator.ideas.one_shot import one_shot_outcome
from creator.ledger.store import FILE_NAME, AnswerRow, BirthRow, Ledger
from creator.models.accounts import Account, CallRecord
from creator.models.backend import Completion, Usage
from creator.outcome import (
    AgentOutcome,
    Conclusion,
    Estimate,
    IdeaOutcome,
    RunOutcome,
    contributors_of,
    exit_code_for,
)
from creator.progress import Progress
from creator.reasons import reason_for
from creator.replaying.script import Script
from creator.resuming import row_of
from creator.runtime import Exchange
from creator.settings import SpawnSettings
from creator.wishes import Wish
from sandbox.protocol import CellReport, Idea, Proposal

REASON_CHARACTERS = 500
FIRST_ONE_SHOT: Final = 100_001
"""The number of the first one-shot idea: above those of any population."""


class RunRecord:
    """Keeps what happened. The ledger is written before the progress display hears of it.

    Args:
        settings: What the user asked for.
        progress: Told what happens as it happens.
        directory: The run's folder; its name is the run's id.
        model: The model's name.
        on_fault: Called when the ledger cannot be written: a callback of the runtime must not raise.
        earlier: What the run had come to when it ended before; None for a new run.
        script: What the run is played again from; None for one that nobody has played yet.
    """

    def __init__(
        self,
        settings: SpawnSettings,
        progress: Progress,
        directory: Path,
        model: str,
        on_fault: Callable[[EnvironmentFault], None],
        earlier: RunOutcome | None = None,
        script: Script | None = None,
    ) -> None:
        self.settings = settings
        self._form = load_idea_form(settings.idea_schema)
        self.progress = progress
        self.directory = directory
        self.model = model
        self.started = datetime.now(UTC)
        self.resumed: datetime | None = None
        """When it was gone on with, last."""
        self.ideas: list[IdeaOutcome] = []
        self.one_shots: list[IdeaOutcome] = []
        self.agents: dict[int, AgentOutcome] = {}
        self.births: dict[int, BirthRow] = {}
        """By number: who was wished for."""
        self.delivered: set[int] = set()
        """Numbers of the agents whose idea is there."""
        self.failures: list[str] = []
        self.accounts: dict[str, Account] = {}
        self.ledger = Ledger.open(directory / FILE_NAME)
        self._on_fault = on_fault
        self._places: Mapping[str, int] = script.places if script is not None else {}
        self._replay_of = script.run_id if script is not None else ""
        self._conversations = Conversations()
        self._texts = 0
        self._clock = time.monotonic()
        self._tokens = (0, 0)
        """Of the whole run, read and written."""
        self._cost: float | None = 0.0
        """Of the whole run, in US dollars; None once the price of a call was unknown."""
        self.estimate: Estimate | None = None
        """What the run was expected to take."""
        if earlier is not None:
            self._go_on(earlier)

    def _go_on(self, earlier: RunOutcome) -> None:
        """Take over what the run had come to."""
        self.resumed = self.started
        self.started = earlier.started
        self.ideas = list(earlier.ideas)
        self.agents = {agent.number: agent for agent in earlier.agents}
        self.births = {row.number: row for row in self.ledger.births()}
        authors = {idea.author for idea in self.ideas}
        self.delivered = {number for number, agent in self.agents.items() if agent.name in authors}
        self.one_shots = list(earlier.one_shot)
        self._texts = self.ledger.last_text()
        self._clock -= earlier.elapsed_s
        self.estimate = earlier.estimate
        for row in self.ledger.spent():
            self._cost = None if self._cost is None or row.unknown_cost_calls else self._cost + row.cost
            account = self.accounts.setdefault(row.agent, Account())
            account.calls += row.calls
            account.prompt_tokens += row.prompt_tokens
            account.completion_tokens += row.completion_tokens
        accounts = self.accounts.values()
        self._tokens = sum(one.prompt_tokens for one in accounts), sum(one.completion_tokens for one in accounts)
        self.progress.known(len(self.ideas))

    def wished(self, wishes: Sequence[Wish]) -> None:
        """Agents are to be born; all of them are on record before anybody begins to write one."""
        rows = [row_of(wish) for wish in wishes if wish.number not in self.births]
        self.ledger.record_births(rows)
        self.births |= {row.number: row for row in rows}

    def module(self, name: str, state: Literal["written", "checked"]) -> None:
        """An agent's module was written, or passed the policy."""
        self.ledger.record_event(state, name)
        self.progress.agent(name, state)

    def agent(
        self,
        wish: Wish,
        name: str,
        state: Literal["live", "failed", "pending"],
        *,
        attempts: int,
        reason: str = "",
        sha256: str = "",
        blueprint: Blueprint | None = None,
    ) -> None:
        """An agent came to life, was given up, or waits for a person.

        Args:
            wish: What it was asked to be.
            name: Its name, or one that stands for it when it never got one.
            state: What it came to.
            attempts: How many tries it took.
            reason: Why it failed.
            sha256: Digest of its module in hexadecimal; empty when there is none.
            blueprint: What is known of it; None when it did not come so far.
        """
        self.wished([wish])
        if blueprint is not None and sha256:
            self.ledger.record_blueprint(wish.number, name, sha256, blueprint.model_dump(mode="json"))
        known: dict[str, Any] = {"parents": list(wish.parents)}
        if blueprint is not None:
            known = {"author": blueprint.author, "template": blueprint.template, "parents": blueprint.parents}
        self._set_agent(
            AgentOutcome(
                number=wish.number,
                name=name,
                sector=wish.brief.sector,
                role=wish.brief.role,
                customer=wish.brief.customer,
                technology=wish.brief.technology,
                generation=wish.generation,
                asked_by=wish.asked_by,
                state=state,
                reason=reason,
                attempts=attempts,
                sha256=sha256,
                **known,
            )
        )

    def agent_failed(self, number: int, reason: str) -> None:
        """A live agent died, or gave no idea."""
        self._set_agent(self.agents[number].model_copy(update={"state": "failed", "reason": reason}))

    def _set_agent(self, agent: AgentOutcome) -> None:
        agent = agent.model_copy(update={"reason": agent.reason[:REASON_CHARACTERS]})
        before = self.agents.get(agent.number)
        self.agents[agent.number] = agent
        earlier = agent.name if before is None else before.name
        if earlier != agent.name and all(one.name != earlier for one in self.agents.values()):
            self.ledger.forget_agent(earlier)
        self.ledger.record_agent(
            agent.name,
            agent.sector,
            agent.role,
            agent.state,
            sha256=agent.sha256,
            attempt=agent.attempts,
            reason=agent.reason,
            number=agent.number,
            author=agent.author,
            template=agent.template,
            parents=agent.parents,
            generation=agent.generation,
            asked_by=agent.asked_by,
            customer=agent.customer,
            technology=agent.technology,
        )
        self.ledger.record_event(agent.state, agent.name, {"number": agent.number, "reason": agent.reason})
        self.progress.agent(agent.name, agent.state, agent.reason)

    def attempt(self, number: int, attempt: int, stage: str, finding: str) -> None:
        """Something went wrong, or was mended, on the way to a birth."""
        with self._faults():
            self.ledger.record_attempt(number, attempt, stage, finding)

    def talks(self) -> dict[str, int]:
        """By agent: how many conversations came to no idea."""
        return self.ledger.count_events("no idea")

    def event(self, kind: str, subject: str, **detail: object) -> None:
        """Something worth a line in the ledger happened; for callbacks of the runtime, so it never raises."""
        with self._faults():
            self.ledger.record_event(kind, subject, detail)

    def idea(
        self,
        wish: Wish,
        author: str,
        conversation: str,
        proposal: Proposal,
        check: Callable[[Idea], list[str]] = lambda idea: [],
    ) -> IdeaOutcome:
        """An agent delivered its idea; what others made and said of it is what the host saw.

        Args:
            wish: What the agent was asked to be.
            author: Its name.
            conversation: In which it was delivered.
            proposal: The author's own text.
            check: Says in a few words each what is plainly wrong with an idea's final text.
        """
        taken = [*(one.number for one in self.ideas), *self._places.values()]
        number = self._places.get(conversation, max(taken, default=0) + 1)
        versions, remarks = self._conversations.lineage(conversation, author, proposal.idea, self._texts)
        self._texts += len(versions)
        idea = IdeaOutcome(
            number=number,
            author=author,
            contributors=contributors_of(author, versions, remarks),
            versions=versions,
            remarks=remarks,
            agent_model=self.model,
            conversation=conversation,
            generation=wish.generation,
            weak=check(versions[-1].idea),
        )
        self.ledger.record_idea(idea, wish.number)
        self.ideas.append(idea)
        self.delivered.add(wish.number)
        self.progress.idea(idea.number, author, idea.final.title)
        return idea

    def one_shot(self, place: int, idea: Idea) -> None:
        """The model gave an idea of the baseline, which no agent had a part in.

        Args:
            place: As which it was asked for, from 1; one that is on record already stays as it is.
            idea: What it gave.
        """
        number = FIRST_ONE_SHOT + place - 1
        if any(one.number == number for one in self.one_shots):
            return
        self._texts += 1
        weak = weaknesses(idea, self._form, objective=self.settings.objective)
        outcome = one_shot_outcome(idea, number, self._texts, self.model).model_copy(update={"weak": weak})
        self.ledger.record_idea(outcome, None)
        self.one_shots.append(outcome)

    def exchange(self, exchange: Exchange) -> None:
        """The host saw a request end."""
        with self._faults():
            self.ledger.record_message(
                exchange.source,
                exchange.target,
                type=exchange.type,
                size_bytes=exchange.size,
                latency_s=exchange.latency,
                outcome=exchange.outcome,
                conversation=exchange.conversation,
                hop=len(exchange.chain),
            )
        if (what := in_words(exchange)) is not None:
            self.progress.message(exchange.source, exchange.target, what)
        if self._conversations.observe(exchange):
            self.progress.refined(exchange.source, exchange.target)

    def call(self, call: CallRecord, answer: Completion | None) -> None:
        """A model call ended; the answer is known from now on where the same is asked again."""
        row = None
        if answer is not None and call.key:
            usage = answer.usage
            tokens = usage.prompt_tokens, usage.completion_tokens
            row = AnswerRow(call.key, call.model, answer.text, answer.truncated, *tokens)
        with self._faults():
            self.ledger.record_call(**dataclasses.asdict(call), answer=row)
        if call.source != "model":
            return  # paid for before, or by somebody else
        read, written = self._tokens
        self._tokens = (read + call.prompt_tokens, written + call.completion_tokens)
        if call.prompt_tokens + call.completion_tokens:  # a call that failed has no unknown cost
            self._cost = None if self._cost is None or call.cost is None else self._cost + call.cost
        self.progress.tokens(*self._tokens, self._cost)

    def answer(self, key: str) -> Completion | None:
        """What a model answered when the same was asked before; None when it was not.

        Args:
            key: What was asked; see `creator.models.keys`.
        """
        try:
            row = self.ledger.answer(key)
        except EnvironmentFault as fault:
            self._on_fault(fault)
            return None
        if row is None:
            return None
        return Completion(row.answer, Usage(row.prompt_tokens, row.completion_tokens), row.truncated)

    async def durable(self) -> None:
        """Wait until a power loss cannot take what is on record."""
        try:
            await self.ledger.durable()
        except EnvironmentFault as fault:
            self._on_fault(fault)

    def cell_ended(self, report: CellReport) -> None:
        """A cell ended by itself."""
        self.event("cell ended", report.name, reason=report.reason)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except EnvironmentFault as fault:
            self._on_fault(fault)

    def outcome(
        self,
        sandbox: str,
        isolation_line: str,
        *,
        interrupted: bool,
        fault: str = "",
        conclusion: Conclusion | None = None,
        limit: str = "",
    ) -> RunOutcome:
        """What the run has come to so far.

        Args:
            sandbox: The backend's name.
            isolation_line: What isolation the run has.
            interrupted: Whether the user ended it.
            fault: What ended it before its time, in one line.
            conclusion: What can be said of its ideas taken together.
            limit: The limit that ended it before its end, in one line.
        """
        if conclusion is not None and conclusion.ranking is not None and conclusion.ranking.by == "judge":
            with self._faults():
                self.ledger.record_ratings(conclusion.ranking.places)
        agents = [self._with_tokens(agent) for _, agent in sorted(self.agents.items())]
        failures = [*self.failures, fault] if fault else self.failures
        asked, made = self.settings.asked, len(self.ideas)
        return RunOutcome(
            run_id=self.directory.name,
            objective=self.settings.objective,
            model=self.model,
            sandbox=sandbox,
            isolation_line=isolation_line,
            asked=asked,
            agents=agents,
            ideas=sorted(self.ideas, key=lambda one: one.number),
            failures=failures,
            started=self.started,
            elapsed_s=time.monotonic() - self._clock,
            prompt_tokens=self._tokens[0],
            completion_tokens=self._tokens[1],
            cost=self._cost,
            estimate=self.estimate,
            exit_code=exit_code_for(asked, made, interrupted, bool(limit)),
            reason=reason_for(asked, made, agents, failures, interrupted, limit, self.directory.name),
            interrupted=interrupted,
            limit=limit,
            directory=self.directory,
            replay_of=self._replay_of,
            **dict(conclusion or Conclusion()),
        )

    def spent(self, name: str) -> int:
        """The tokens of one agent, read and written, those of known answers included."""
        return sum(self.accounts.get(name, Account()).tokens)

    def _with_tokens(self, agent: AgentOutcome) -> AgentOutcome:
        account = self.accounts.get(agent.name, Account())
        spent = {"prompt_tokens": account.prompt_tokens, "completion_tokens": account.completion_tokens}
        return agent.model_copy(update=spent)
