"""A run on disk as a run leaves it: ledger, modules, blueprints and outcome, made by what a run makes them with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from creator.blueprint import Blueprint
from creator.errors import EnvironmentFault
from creator.modules import Modules
from creator.outcome import RunOutcome
from creator.outputs import new_run_directory, publish_latest, write_outputs
from creator.progress import SilentProgress
from creator.record import RunRecord
from creator.settings import SpawnSettings
from creator.templates.rendering import load_template
from creator.wishes import Wish
from sandbox.protocol import Proposal
from tests.unit.outcomes import idea
from tests.unit.test_rendering import blueprint

TEMPLATE = load_template("idea_agent")
REASON = "it never answered"


def _raise(fault: EnvironmentFault) -> None:
    raise fault


class Recorded:
    """A run in ``generated/``.

    Attributes:
        record: Told what happens.
        modules: Where modules go.
    """

    def __init__(self, output: Path = Path("generated"), asked: int = 3) -> None:
        directory = new_run_directory(output)
        settings = SpawnSettings(count=asked, output=output, objective="ideas for bakeries")
        self.record = RunRecord(settings, SilentProgress(), directory, "openai:gpt-4.1-mini", _raise)
        self.modules = Modules(directory / "agents", _raise)

    def made(self, name: str, **changes: Any) -> tuple[Blueprint, str]:
        """A blueprint, and the module of it."""
        interests = ["daily demand", "surplus sales", "dough planning"]
        made = blueprint(TEMPLATE, interests=interests).model_copy(
            update={"name": name, "run_id": self.record.directory.name, **changes}
        )
        return made, TEMPLATE.render(made)

    def agent(self, number: int, name: str, state: Any = "live", **changes: Any) -> Path:
        """An agent with its files; gives its module's path."""
        made, source = self.made(name, **changes)
        sha256 = self.modules.save(made, source)
        reason = REASON if state == "failed" else ""
        wish = Wish(number, made.brief, made.template)
        self.record.agent(wish, name, state, attempts=number, reason=reason, sha256=sha256, blueprint=made)
        return self.modules.directory / f"{name}.py"

    def attempt(self, number: int, attempt: int, stage: str, finding: str) -> None:
        """A finding on the way to a birth, which is on record before it."""
        made, _ = self.made("nobody")
        self.record.wished([Wish(number, made.brief, made.template)])
        self.record.attempt(number, attempt, stage, finding)

    def idea(self, author: str, title: str) -> None:
        """An idea that nobody refined."""
        number = next(number for number, one in self.record.agents.items() if one.name == author)
        brief = self.modules.load(author).blueprint.brief
        self.record.idea(Wish(number, brief, TEMPLATE.name), author, title, Proposal(idea=idea(title)))

    def end(self) -> RunOutcome:
        """The run has ended."""
        outcome = self.record.outcome("process", "process: no wall", interrupted=False)
        write_outputs(outcome)
        publish_latest(outcome.directory.parent, outcome.directory)
        asyncio.run(self.record.ledger.close())
        return outcome


def recorded(fill: Callable[[Recorded], object] | None = None) -> RunOutcome:
    """A run of three: one live, with a parent and a history, one that waits, one that failed; and what is added."""
    run = Recorded()
    run.attempt(1, 1, "policy", "IMPORT001 at line 3: os is not allowed")
    run.attempt(1, 2, "author", "repaired: a missing import")
    run.agent(1, "ada_freight", parents=["bo_clinics"], author="code")
    sha256 = run.record.agents[1].sha256
    run.record.ledger.record_decision("ada_freight", sha256, "approved", "does what it says")
    run.agent(2, "bo_clinics", "pending")
    run.agent(3, "cy_farms", "failed")
    run.idea("ada_freight", "Dispatch desk")
    if fill is not None:
        fill(run)
    return run.end()
