"""Makes the recording of a run that has ended, from its folder."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from creator import __version__
from creator.blueprint import Blueprint, unique_name
from creator.errors import EnvironmentFault, UsageError
from creator.files import digest, read_within
from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME, BirthRow, ComparisonRow, Ledger
from creator.ledger.view import load_run
from creator.modules import load_agent
from creator.outcome import AgentOutcome, RunOutcome
from creator.outputs import COPIED_FILES, idea_path, stored_settings
from creator.record import FIRST_ONE_SHOT
from creator.replaying.recording import CHOICES, MAX_SCHEMA, MAX_TEXT, RecordedSettings, Recording
from creator.reporting.idea_files import render_idea
from creator.reporting.standings import Standings
from creator.text import clean, encodable

HIDDEN: Final = "(hidden)"
"""Stands for what tells of the machine."""
_TALK: Final = re.compile(r"c\d+\.(\d+)", re.ASCII)
_ADDRESS: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


def record_of(directory: Path, *, hide: bool = True) -> Recording:
    """The recording of a run.

    Args:
        directory: The run's folder.
        hide: Whether what tells of this machine is hidden in the texts of errors; not needed where it stays here.

    Raises:
        UsageError: The run cannot be played again: it goes on, has no result, or was made by an earlier release.
        EnvironmentFault: Its files are missing or damaged.
    """
    view = load_run(directory)
    outcome = view.outcome
    if view.state == "running":
        raise UsageError(f"Run {outcome.run_id} is still going on: wait for its end.")
    if view.state == "lost":
        again = f"python -m creator runs resume {outcome.run_id}"
        raise UsageError(f"Run {outcome.run_id} ended without a result: go on with it first: {again}")
    with opened(directory / FILE_NAME) as connection:
        ledger = Ledger(directory / FILE_NAME, connection, has_log=False)  # only read
        facts = ledger.facts()
        if not {"strategy", "judges"} <= facts.keys():
            raise UsageError(
                f"Run {outcome.run_id} was made by an earlier release, which kept too little of it to play it again."
            )
        document = _Recorder(directory, outcome, ledger, connection, hide).document(facts)
    try:
        return Recording.model_validate(document)
    except ValidationError as error:
        raise EnvironmentFault(f"Run {outcome.run_id} cannot be played again: {first_problem(error)}.") from None


def first_problem(error: ValidationError) -> str:
    """What is wrong first, with where it stands, in a few words."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return clean(f"{where}: {first['msg']}" if where else str(first["msg"]), 200)


class _Recorder:
    """Reads one run.

    Args:
        directory: Its folder.
        outcome: What it came to.
        ledger: Its ledger, to be read.
        connection: The same, for what no one else asks of it.
        hide: Whether what tells of this machine is hidden.
    """

    def __init__(
        self, directory: Path, outcome: RunOutcome, ledger: Ledger, connection: sqlite3.Connection, hide: bool
    ) -> None:
        self._directory = directory
        self._outcome = outcome
        self._ledger = ledger
        self._settings = stored_settings(directory)
        self._hidden = _telling(directory, self._settings) if hide else None
        self._agents = {agent.number: agent for agent in outcome.agents}
        self._findings = ledger.findings()
        self._lived = {row[0] for row in connection.execute(_LIVED)}
        self._edited = {row[0] for row in connection.execute(_EDITED)}
        self._blueprints = {row[0]: row[1] for row in connection.execute(_BLUEPRINTS)}
        self._talks = {
            idea.author: int(found[1])
            for idea in outcome.ideas
            if (found := _TALK.fullmatch(idea.conversation)) is not None
        }
        self._last_one_shot: int = connection.execute(_LAST_ONE_SHOT).fetchone()[0]
        self._names: set[str] = {agent.name for agent in outcome.agents}

    def document(self, facts: dict[str, str]) -> dict[str, Any]:
        """The recording as JSON values."""
        outcome, ledger = self._outcome, self._ledger
        kept = RecordedSettings.model_fields
        return {
            "release": __version__,
            "run_id": outcome.replay_of or outcome.run_id,
            "model": outcome.model,
            "strategy": json.loads(facts["strategy"]),
            "judge_models": json.loads(facts["judges"]),
            "seed": self._settings.get("seed"),
            "settings": {
                **{name: value for name, value in self._settings.items() if name in kept},
                "objective": outcome.objective,
            },
            "idea_schema": self._idea_schema(),
            "births": [self._birth(row) for row in ledger.births()],
            "choices": [row._asdict() for kind in CHOICES for row in ledger.choices(kind)],
            "pairs": _whole_pairs(ledger.comparisons()),
            "places": {idea.conversation: idea.number for idea in outcome.ideas},
            "one_shots": max(0, self._last_one_shot - FIRST_ONE_SHOT + 1),
            "answers": [row._asdict() for row in ledger.answers()],
            "failures": {key: self._told(text, addresses=True) for key, text in ledger.failures().items() if key},
            "files": self._files(),
        }

    def _idea_schema(self) -> str:
        if "idea_schema" not in self._settings:
            return ""
        try:
            return read_within(self._directory, COPIED_FILES["idea_schema"], MAX_SCHEMA).decode("utf-8")
        except (OSError, ValueError):
            raise EnvironmentFault(f"The schema of the ideas of run {self._outcome.run_id} cannot be read.") from None

    def _birth(self, row: BirthRow) -> dict[str, Any]:
        """One birth; what a run of today can decide by itself is left out."""
        agent = self._agents.get(row.number)
        name = agent.name if agent is not None else self._stand_in(row.number)
        attempt = agent.attempts if agent is not None else 1
        talk = self._talks.get(name, 0)
        fate, module = None, None
        if talk == 0:
            fate = self._fate(row.number, agent)
        if agent is not None and self._is_given(row, agent) and (fate is None or fate["written"]):
            module = self._module(agent)
        elif fate is not None and fate["written"] and not fate["lived"]:
            attempt = self._on_disk(name).attempt  # later tries may have come to nothing at all
        return {
            "number": row.number,
            "generation": row.generation,
            "asked_by": row.asked_by,
            "template": row.template,
            "brief": row.brief,
            "parents": row.parents,
            "heritage": row.heritage,
            "name": name,
            "attempt": max(1, attempt),
            "feedback": self._told(self._findings.get((row.number, attempt - 1), "")),
            "talk": talk,
            "fate": fate,
            "module": module,
        }

    def _stand_in(self, number: int) -> str:
        name = unique_name(f"agent_{number}", self._names)
        self._names.add(name)
        return name

    def _fate(self, number: int, agent: AgentOutcome | None) -> dict[str, Any]:
        if agent is None:
            return {"reason": "it was not born when the run ended"}
        waits = "it waited for a person's decision when the run ended" if agent.state == "pending" else ""
        return {
            "reason": self._told(agent.reason or waits or "it came to no idea", addresses=True),
            "written": (self._directory / "agents" / f"{agent.name}.py").is_file(),
            "lived": number in self._lived,
        }

    def _is_given(self, row: BirthRow, agent: AgentOutcome) -> bool:
        """Whether the module of an agent is not what its last try comes to."""
        if row.kept or agent.author == "adopted" or agent.name in self._edited:
            return True
        written = self._blueprints.get(row.number)
        return (
            bool(agent.sha256)
            and written is not None
            and Blueprint.model_validate_json(written).attempt != (agent.attempts)
        )

    def _module(self, agent: AgentOutcome) -> dict[str, Any]:
        draft = load_agent(self._directory / "agents", agent.name)
        if agent.sha256 and digest(draft.source) != agent.sha256:
            raise EnvironmentFault(
                f"The module of {agent.name!r} was changed since it lived: run {self._outcome.run_id} cannot be played"
                " again without it."
            )
        return {"blueprint": draft.blueprint.model_dump(mode="json"), "source": draft.source}

    def _on_disk(self, name: str) -> Blueprint:
        return load_agent(self._directory / "agents", name).blueprint

    def _files(self) -> dict[str, str]:
        """The digest of each module and idea: of those that lived as the ledger has it, and of others as they are."""
        standings = Standings(self._outcome)
        files = {}
        for agent in self._outcome.agents:
            path = self._directory / "agents" / f"{agent.name}.py"
            if path.is_file():
                files[f"agents/{agent.name}.py"] = agent.sha256 or digest(read_within(path.parent, path.name))
        for idea in (*self._outcome.ideas, *self._outcome.one_shot):
            files[idea_path(idea, self._outcome)] = digest(render_idea(idea, standings))
        return files

    def _told(self, text: str, *, addresses: bool = False) -> str:
        """A text of an error, within bounds; of one that is part of no question no address has to stay."""
        if self._hidden is not None:
            text = self._hidden.sub(HIDDEN, _ADDRESS.sub(HIDDEN, text) if addresses else text)
        return encodable(text)[:MAX_TEXT]


_LIVED: Final = "SELECT DISTINCT json_extract(detail, '$.number') FROM events WHERE kind = 'live'"
_EDITED: Final = (
    "SELECT name FROM decisions WHERE decision = 'edited' UNION SELECT subject FROM events WHERE kind = 'regenerated'"
)
_LAST_ONE_SHOT: Final = "SELECT coalesce(max(number), 0) FROM ideas WHERE source = 'one-shot'"
_BLUEPRINTS: Final = "SELECT number, blueprint FROM blueprints ORDER BY id"


def _telling(directory: Path, settings: dict[str, Any]) -> re.Pattern[str]:
    """Finds what would tell of this machine in the text of an error: its name, its folders, its model's server."""
    found = {str(directory.absolute().parent), str(Path.home()), str(Path.cwd()), socket.gethostname()}
    address = settings.get("base_url")
    if isinstance(address, str):
        found |= {address, _quiet(lambda: urlsplit(address).netloc), _quiet(lambda: urlsplit(address).hostname or "")}
    longest_first = sorted(found - {"", "/"}, key=lambda one: (-len(one), one))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")


def _quiet(part: Callable[[], str]) -> str:
    try:
        return part()
    except ValueError:
        return ""


def _whole_pairs(rows: Iterable[ComparisonRow]) -> list[tuple[int, int]]:
    """The pairs that every judge was asked about in both orders; of others no match came."""
    orders: dict[tuple[int, int], set[tuple[str, int]]] = defaultdict(set)
    judges = set()
    for row in rows:
        judges.add(row.judge)
        orders[min(row.first, row.second), max(row.first, row.second)].add((row.judge, row.first))
    return [pair for pair, seen in orders.items() if len(seen) == 2 * len(judges)]
