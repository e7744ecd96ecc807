"""The record of a run: what is told to the ledger and the progress display, and what the outcome is made from."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from creator.briefs import Brief
from creator.errors import EnvironmentFault
from creator.exchanges import Conversations
from creator.ledger.store import FILE_NAME, Ledger
from creator.models.calls import Account, CallRecord
from creator.outcome import AgentOutcome, IdeaOutcome, RunOutcome, exit_code_for
from creator.progress import Progress
from creator.runtime import Exchange
from creator.settings import SpawnSettings
from sandbox.protocol import CellReport, Proposal

REASON_CHARACTERS = 500


class RunRecord:
    """Keeps what happened. The ledger is written before the progress display hears of it.

    Args:
        settings: What the user asked for.
        progress: Told what happens as it happens.
        directory: The run's folder; its name is the run's id.
        model: The model's name.
        on_fault: Called when the ledger cannot be written: a callback of the runtime must not raise.
    """

    def __init__(
        self,
        settings: SpawnSettings,
        progress: Progress,
        directory: Path,
        model: str,
        on_fault: Callable[[EnvironmentFault], None],
    ) -> None:
        self.settings = settings
        self.progress = progress
        self.directory = directory
        self.model = model
        self.started = datetime.now(UTC)
        self.ideas: list[IdeaOutcome] = []
        self.agents: dict[int, AgentOutcome] = {}
        self.failures: list[str] = []
        self.accounts: dict[str, Account] = {}
        self.ledger = Ledger.open(directory / FILE_NAME)
        self._on_fault = on_fault
        self._conversations = Conversations()
        self._texts = 0
        self._clock = time.monotonic()

    def module(self, name: str, state: Literal["written", "checked"]) -> None:
        """An agent's module was written, or passed the policy."""
        self.ledger.record_event(state, name)
        self.progress.agent(name, state)

    def agent(
        self,
        number: int,
        name: str,
        brief: Brief,
        state: Literal["live", "failed"],
        *,
        attempts: int,
        reason: str = "",
        sha256: str = "",
    ) -> None:
        """An agent came to life, or was given up."""
        reason = reason[:REASON_CHARACTERS]
        self.agents[number] = AgentOutcome(
            name=name, sector=brief.sector, role=brief.role, state=state, reason=reason, attempts=attempts
        )
        self.ledger.record_agent(name, brief.sector, brief.role, state, sha256=sha256, attempt=attempts, reason=reason)
        self.progress.agent(name, state, reason)

    def agent_failed(self, number: int, reason: str) -> None:
        """A live agent died, or gave no idea."""
        reason = reason[:REASON_CHARACTERS]
        agent = self.agents[number].model_copy(update={"state": "failed", "reason": reason})
        self.agents[number] = agent
        self.ledger.record_agent(agent.name, agent.sector, agent.role, "failed", attempt=agent.attempts, reason=reason)
        self.progress.agent(agent.name, "failed", reason)

    def event(self, kind: str, subject: str, **detail: object) -> None:
        """Something worth a line in the ledger happened; for callbacks of the runtime, so it never raises."""
        with self._faults():
            self.ledger.record_event(kind, subject, detail)

    def idea(self, author: str, conversation: str, proposal: Proposal) -> None:
        """An agent delivered its idea; the refinements are those that the host saw."""
        versions = self._conversations.versions(conversation, author, proposal.idea)
        number = len(self.ideas) + 1
        parent: int | None = None
        for version in versions:
            self._texts += 1
            contributor = version.author if version.hop else None
            self.ledger.record_idea(
                self._texts,
                conversation=conversation,
                author=author,
                contributor=contributor,
                parent=parent,
                hop=version.hop,
                idea=version.idea.model_dump(),
            )
            parent = self._texts
        idea = IdeaOutcome(
            number=number,
            author=author,
            refiners=[version.author for version in versions[1:]],
            versions=versions,
            agent_model=self.model,
        )
        self.ideas.append(idea)
        self.progress.idea(number, author, idea.final.title)

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
            self.ledger.record_call(**dataclasses.asdict(call))
        accounts = self.accounts.values()
        self.progress.tokens(
            sum(account.prompt_tokens for account in accounts),
            sum(account.completion_tokens for account in accounts),
        )

    def cell_ended(self, report: CellReport) -> None:
        """A cell ended by itself."""
        self.event("cell ended", report.name, reason=report.reason)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except EnvironmentFault as fault:
            self._on_fault(fault)

    def outcome(self, sandbox: str, isolation_line: str, *, interrupted: bool, fault: str = "") -> RunOutcome:
        """What the run has come to so far.

        Args:
            sandbox: The backend's name.
            isolation_line: What isolation the run has.
            interrupted: Whether the user ended it.
            fault: What ended it before its time, in one line.
        """
        agents = [self._with_tokens(agent) for _, agent in sorted(self.agents.items())]
        failures = [*self.failures, fault] if fault else self.failures
        asked, made = self.settings.count, len(self.ideas)
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
            prompt_tokens=sum(account.prompt_tokens for account in self.accounts.values()),
            completion_tokens=sum(account.completion_tokens for account in self.accounts.values()),
            exit_code=exit_code_for(asked, made, interrupted),
            reason=_reason(asked, made, agents, failures, interrupted),
            interrupted=interrupted,
            directory=self.directory,
        )

    def _with_tokens(self, agent: AgentOutcome) -> AgentOutcome:
        account = self.accounts.get(agent.name)
        if account is None:
            return agent
        return agent.model_copy(
            update={"prompt_tokens": account.prompt_tokens, "completion_tokens": account.completion_tokens}
        )


def _reason(asked: int, made: int, agents: list[AgentOutcome], failures: list[str], interrupted: bool) -> str:
    """Why the exit code is not 0, in one line."""
    if interrupted:
        return f"interrupted: {made} of {asked} ideas are written"
    if made >= asked:
        return ""
    reasons = [*failures, *(f"{agent.name}: {agent.reason}" for agent in agents if agent.state == "failed")]
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{made} of {asked} ideas exist; {reasons[0] if reasons else 'no reason known'}{more}"
