"""A run that goes on: a folder with a ledger that is written step by step, as a run writes it."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from creator.ledger.births import BirthRow
from creator.ledger.store import FILE_NAME, Ledger
from creator.ledger.view import load_run
from creator.outcome import IdeaOutcome, IdeaVersion, RunOutcome, StartedRun
from creator.outputs import new_run_directory, write_outputs, write_started
from sandbox.protocol import BASELINE, Idea

MODEL = "openai:gpt-4.1-mini"


class LivingRun:
    """A run that goes on in this process.

    Args:
        output: The folder of all runs.
        asked: How many ideas it shall come to.
        objective: What it works on.
        settings: What stands in its settings.json beside that, as JSON text.
    """

    def __init__(self, output: Path, asked: int = 3, objective: str = "ideas for bakeries", settings: str = "") -> None:
        self.directory = new_run_directory(output)
        self.ledger = Ledger.open(self.directory / FILE_NAME)
        self.asked = asked
        self._texts = 0
        self._births = 0
        self.started = StartedRun(
            run_id=self.directory.name,
            objective=objective,
            model=MODEL,
            sandbox="process",
            asked=asked,
            started=datetime.now(UTC),
            pid=os.getpid(),
            host=socket.gethostname(),
        )
        write_started(self.directory, self.started)
        if settings:
            (self.directory / "settings.json").write_text(settings, encoding="utf-8")
        self.ledger.record_event("started", self.directory.name, {"model": MODEL, "seed": 1})

    def close(self) -> None:
        """Close its ledger, where nobody can wait for it."""
        self.ledger._connection.close()

    @property
    def name(self) -> str:
        return self.directory.name

    def wished(self, count: int = 1) -> None:
        """So many agents are to be born."""
        first = self._births + 1
        self._births += count
        rows = [BirthRow(number, 0, "", "idea_agent", {}, [], None, "") for number in range(first, first + count)]
        self.ledger.record_births(rows)

    def written(self, name: str) -> None:
        """A module was written, and passed the policy."""
        self.ledger.record_event("written", name)
        self.ledger.record_event("checked", name)

    def agent(self, number: int, name: str, state: Any = "live", reason: str = "", role: str = "baker") -> None:
        """An agent came to a state."""
        self.ledger.record_agent(name, "bakeries", role, state, number=number, reason=reason)
        self.ledger.record_event(state, name, {"number": number, "reason": reason})

    def message(self, source: str, target: str, outcome: str = "ok", type: str = "RefineRequest") -> None:
        """A request between two agents ended."""
        self.ledger.record_message(
            source, target, type, size_bytes=900, latency_s=0.1, outcome=outcome, conversation=f"c-{source}", hop=1
        )

    def call(self, agent: str, read: int = 100, written: int = 20, cost: float | None = 0.001) -> None:
        """A call of a model."""
        self.ledger.record_call(
            agent,
            MODEL,
            prompt_tokens=read,
            completion_tokens=written,
            prompt_characters=4 * read,
            latency=0.5,
            cost=cost,
        )

    def idea(self, number: int, author: str, title: str = "Bread forecast", refiner: str = "", birth: int = 1) -> None:
        """An agent delivered its idea."""
        versions = [IdeaVersion(author=author, idea=Idea(title=title), id=self._texts + 1)]
        if refiner:
            parents = [self._texts + 1]
            versions.append(
                IdeaVersion(author=refiner, idea=Idea(title=title), hop=1, id=self._texts + 2, parents=parents)
            )
        self._texts += len(versions)
        source = "one-shot" if author == BASELINE else "agent"
        idea = IdeaOutcome.model_validate({"number": number, "author": author, "versions": versions, "source": source})
        self.ledger.record_idea(idea, birth if idea.source == "agent" else None)

    def verdict(self, first: int, second: int, winner: int | None) -> None:
        """A judge compared two ideas."""
        self.ledger.record_comparison("judge", MODEL, 1, first, second, winner, "clearer")

    def end(self, **changes: Any) -> RunOutcome:
        """The run has ended, with all its files."""
        outcome = load_run(self.directory).outcome
        outcome = outcome.model_copy(update={"reason": "", **changes})
        write_outputs(outcome)
        return outcome
