"""The record of a run: what is told to the ledger and the progress display, and what the outcome is made from."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from creator.blueprint import Blueprint
from creator.errors import EnvironmentFault
from creator.exchanges import Conversations
from creator.ideas.checks import weaknesses
from creator.ideas.form import load_idea_form
from creator.ideas.one_shot import one_shot_outcome
from creator.ledger.store import FILE_NAME, Ledger
from creator.models.calls import Account, CallRecord
from creator.outcome import (
    AgentOutcome,
    Conclusion,
    IdeaOutcome,
    RunOutcome,
    contributors_of,
    exit_code_for,
)
from creator.progress import Progress
from creator.runtime import Exchange
from creator.settings import SpawnSettings
from creator.spending.limits import way_on
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
    """

    def __init__(
        self,
        settings: SpawnSettings,
        progress: Progress,
        directory: Path,
        model: str,
        on_fault: Callable[[EnvironmentFault], None],
        earlier: RunOutcome | None = None,
    ) -> None:
        self.settings = settings
        self._form = load_idea_form(settings.idea_schema)
        self.progress = progress
        self.directory = directory
        self.model = model
        self.started = datetime.now(UTC)
        self.ideas: list[IdeaOutcome] = []
        self.one_shots: list[IdeaOutcome] = []
        self.agents: dict[int, AgentOutcome] = {}
        self.failures: list[str] = []
        self.accounts: dict[str, Account] = {}
        self.ledger = Ledger.open(directory / FILE_NAME)
        self._on_fault = on_fault
        self._conversations = Conversations()
        self._texts = 0
        self._clock = time.monotonic()
        self._before: dict[str, tuple[int, int]] = {}
        self._tokens = (0, 0)
        """Of the whole run, read and written."""
        if earlier is not None:
            self._go_on(earlier)

    def _go_on(self, earlier: RunOutcome) -> None:
        """Take over what the run had come to."""
        self.started = earlier.started
        self.ideas = list(earlier.ideas)
        self.agents = {agent.number or place: agent for place, agent in enumerate(earlier.agents, start=1)}
        self.one_shots = list(earlier.one_shot)
        self._texts = self.ledger.last_text()
        self._clock -= earlier.elapsed_s
        self._before = {agent.name: (agent.prompt_tokens, agent.completion_tokens) for agent in earlier.agents}
        self._tokens = (earlier.prompt_tokens, earlier.completion_tokens)

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
        versions, remarks = self._conversations.lineage(conversation, author, proposal.idea, self._texts)
        self._texts += len(versions)
        idea = IdeaOutcome(
            number=len(self.ideas) + 1,
            author=author,
            contributors=contributors_of(author, versions, remarks),
            versions=versions,
            remarks=remarks,
            agent_model=self.model,
            conversation=conversation,
            generation=wish.generation,
            weak=check(versions[-1].idea),
        )
        self._write_texts(idea)
        self.ideas.append(idea)
        self.progress.idea(idea.number, author, idea.final.title)
        return idea

    def one_shot(self, idea: Idea) -> IdeaOutcome:
        """The model gave an idea of the baseline, which no agent had a part in."""
        number = FIRST_ONE_SHOT + len(self.one_shots)
        self._texts += 1
        weak = weaknesses(idea, self._form, objective=self.settings.objective)
        outcome = one_shot_outcome(idea, number, self._texts, self.model).model_copy(update={"weak": weak})
        self._write_texts(outcome)
        self.one_shots.append(outcome)
        return outcome

    def _write_texts(self, idea: IdeaOutcome) -> None:
        for version in idea.versions:
            self.ledger.record_idea(
                version.id,
                idea.number,
                idea.conversation,
                idea.author,
                writer=version.author,
                parents=version.parents,
                hop=version.hop,
                idea=version.idea.model_dump(),
                weak=idea.weak if version is idea.versions[-1] else [],
                source=idea.source,
            )
        for remark in idea.remarks:
            self.ledger.record_remark(remark.author, remark.kind, remark.about, remark.content)

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
        if self._conversations.observe(exchange):
            self.progress.refined(exchange.source, exchange.target)

    def call(self, call: CallRecord) -> None:
        """A model call ended."""
        with self._faults():
            fields = dataclasses.asdict(call)
            for name in ("key", "source", "cost"):
                del fields[name]
            self.ledger.record_call(**fields)
        read, written = self._tokens
        self._tokens = (read + call.prompt_tokens, written + call.completion_tokens)
        self.progress.tokens(*self._tokens)

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
            ideas=self.ideas,
            failures=failures,
            started=self.started,
            elapsed_s=time.monotonic() - self._clock,
            prompt_tokens=self._tokens[0],
            completion_tokens=self._tokens[1],
            exit_code=exit_code_for(asked, made, interrupted, bool(limit)),
            reason=_reason(asked, made, agents, failures, interrupted, limit, self.directory.name),
            interrupted=interrupted,
            limit=limit,
            directory=self.directory,
            **dict(conclusion or Conclusion()),
        )

    def spent(self, name: str) -> int:
        """The tokens of one agent, read and written."""
        account = self.accounts.get(name, Account())
        return sum(self._before.get(name, (0, 0))) + account.prompt_tokens + account.completion_tokens

    def _with_tokens(self, agent: AgentOutcome) -> AgentOutcome:
        read, written = self._before.get(agent.name, (0, 0))
        account = self.accounts.get(agent.name, Account())
        return agent.model_copy(
            update={
                "prompt_tokens": read + account.prompt_tokens,
                "completion_tokens": written + account.completion_tokens,
            }
        )


def _reason(
    asked: int,
    made: int,
    agents: list[AgentOutcome],
    failures: list[str],
    interrupted: bool,
    limit: str,
    run_id: str,
) -> str:
    """Why the exit code is not 0, in one line."""
    if interrupted:
        return f"interrupted: {made} of {asked} ideas are written"
    if limit:
        return f"{made} of {asked} ideas exist; {limit}; go on with: {way_on(limit, run_id)}"
    if made >= asked:
        return ""
    pending = [agent.name for agent in agents if agent.state == "pending"]
    if pending:
        wait = f"{pending[0]} waits" if len(pending) == 1 else f"{pending[0]} and {len(pending) - 1} more wait"
        return f"{made} of {asked} ideas exist; {wait} for your decision: python -m creator agents approve {pending[0]}"
    reasons = [*failures, *(f"{agent.name}: {agent.reason}" for agent in agents if agent.state == "failed")]
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{made} of {asked} ideas exist; {reasons[0] if reasons else 'no reason known'}{more}"
