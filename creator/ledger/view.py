"""Reading runs back, from their files alone: `run.json` when a run has ended, the ledger while it goes on."""

from __future__ import annotations

import difflib
import json
import os
import socket
import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from creator.errors import EnvironmentFault, UsageError
from creator.files import read_bounded
from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME
from creator.outcome import (
    AgentOutcome,
    IdeaOutcome,
    IdeaVersion,
    Remark,
    RunOutcome,
    StartedRun,
    contributors_of,
    exit_code_for,
)
from creator.outputs import LATEST, RUN_FILE, RUN_ID, latest_name
from creator.text import clean
from sandbox.protocol import AGENT_NAME, Idea

RunState = Literal["running", "finished", "lost"]
"""``lost``: the process of the run is gone and left no result."""

_MAX_RUN_FILE_BYTES: Final = 200_000_000
_STORED: Final[TypeAdapter[StartedRun | dict[str, Any]]] = TypeAdapter(
    Annotated[StartedRun | dict[str, Any], Field(union_mode="left_to_right")]
)


@dataclass(frozen=True)
class RunView:
    """A run as its files tell it."""

    state: RunState
    outcome: RunOutcome


def find_run(output: Path, wanted: str = LATEST) -> Path:
    """The folder of a run.

    Args:
        output: The folder of all runs.
        wanted: A run's id, the beginning of one, or ``latest``.

    Raises:
        UsageError: There is no such run, or there are several.
    """
    names = run_names(output)
    if not names:
        raise UsageError(f"No runs in {str(output)!r}. Start one: python -m creator spawn 5")
    if wanted == LATEST:
        latest = latest_name(output)
        return output / (latest if latest in names else names[-1])
    found = [name for name in names if name.startswith(wanted)] if wanted else []
    if len(found) == 1 or wanted in found:
        return output / (wanted if wanted in found else found[0])
    shown = clean(wanted, 60)
    if found:
        some = ", ".join(found[-3:])
        raise UsageError(f"{shown!r} fits {len(found)} runs ({some}): give more of the id.")
    raise UsageError(f"No run {shown!r} in {str(output)!r}. See: python -m creator runs")


def run_names(output: Path) -> list[str]:
    """The ids of all runs, oldest first."""
    try:
        entries = list(os.scandir(output))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"Cannot read {str(output)!r}: {error.strerror or error}.") from None
    return sorted(e.name for e in entries if RUN_ID.fullmatch(e.name) and e.is_dir(follow_symlinks=False))


def find_agent(outcome: RunOutcome, name: str) -> AgentOutcome:
    """An agent of a run. Its name has the form of one: it may become part of a path.

    Raises:
        UsageError: There is none of this name.
    """
    agent = next((agent for agent in outcome.agents if agent.name == name), None)
    if agent is not None and AGENT_NAME.fullmatch(name):
        return agent
    near = difflib.get_close_matches(name, [agent.name for agent in outcome.agents], n=1, cutoff=0.4)
    hint = f"Did you mean {clean(near[0], 64)!r}?" if near else "See: python -m creator agents"
    raise UsageError(f"No agent {clean(name, 64)!r} in run {outcome.run_id}. {hint}")


def load_run(directory: Path) -> RunView:
    """Read a run.

    Raises:
        EnvironmentFault: Its files are missing, damaged or of another program.
    """
    path = directory / RUN_FILE
    stored = read_record(path)
    if not isinstance(stored, StartedRun):
        try:
            return RunView("finished", RunOutcome.model_validate({**stored, "directory": directory}))
        except ValidationError as error:
            first = error.errors()[0]
            where = clean(".".join(str(part) for part in first["loc"]), 80)
            raise EnvironmentFault(
                f"{str(path)!r} does not fit: {where}: {clean(first['msg'], 120)}. Delete the folder, or use the"
                " release that wrote it."
            ) from None
    state: RunState = "running" if is_alive(stored) else "lost"
    return RunView(state, load_ledger_outcome(directory, stored, state))


def load_started(directory: Path) -> StartedRun | None:
    """What a run wrote when it began; None when it has ended in order.

    Raises:
        EnvironmentFault: Its file is missing or damaged.
    """
    stored = read_record(directory / RUN_FILE)
    return stored if isinstance(stored, StartedRun) else None


def run_state(directory: Path) -> RunState:
    """Whether a run goes on.

    Raises:
        EnvironmentFault: Its file is missing or damaged.
    """
    started = load_started(directory)
    if started is None:
        return "finished"
    return "running" if is_alive(started) else "lost"


def read_record(path: Path) -> StartedRun | dict[str, Any]:
    """`run.json` as it stands: of a run that began, or, unchecked, what a run came to.

    Raises:
        EnvironmentFault: It is missing or damaged.
    """
    try:
        if path.stat().st_size > _MAX_RUN_FILE_BYTES:
            raise EnvironmentFault(f"{str(path)!r} is too large to be a run's record.")
        return _STORED.validate_json(read_bounded(path, _MAX_RUN_FILE_BYTES))
    except FileNotFoundError:
        raise EnvironmentFault(
            f"{str(path)!r} does not exist: the run ended before it began, or its folder is another program's."
        ) from None
    except OSError as error:
        raise EnvironmentFault(f"Cannot read {str(path)!r}: {error.strerror or error}.") from None
    except ValueError:
        raise EnvironmentFault(
            f"{str(path)!r} is damaged, or not a run's record. Choose another run: python -m creator runs"
        ) from None


def is_alive(info: StartedRun) -> bool:
    """Whether the run's process is there; a run of another machine gets the benefit of the doubt."""
    if info.pid is None or info.host != socket.gethostname():
        return True
    try:
        os.kill(info.pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


@dataclass(frozen=True)
class Birth:
    """How an agent came to be: what was found on the way, and what people decided.

    Attributes:
        attempts: Try, stage and finding, in order.
        decisions: Decision and reason, in order.
        history: When it came to which state, and what else happened to it, in order.
    """

    attempts: list[tuple[int, str, str]]
    decisions: list[tuple[str, str]]
    history: list[tuple[datetime, str]]


def load_birth(directory: Path, agent: AgentOutcome) -> Birth:
    """What the ledger tells of an agent's birth.

    Raises:
        EnvironmentFault: The ledger is missing, damaged or of another version.
    """
    with opened(directory / FILE_NAME) as connection:
        attempts = connection.execute(
            "SELECT attempt, stage, finding FROM attempts WHERE number = ? ORDER BY id", (agent.number,)
        ).fetchall()
        decisions = connection.execute(
            "SELECT decision, why, at FROM decisions WHERE name = ?"
            " UNION ALL SELECT 'edit refused', refused, at FROM edits WHERE name = ? AND refused IS NOT NULL"
            " ORDER BY at",
            (agent.name, agent.name),
        ).fetchall()
        # A name that one birth gave up may be another's now: states tell whose they are.
        history = connection.execute(
            "SELECT at, kind FROM events WHERE subject = ?"
            " AND (kind IN ('regenerated', 'not regenerated', 'cell ended')"
            "      OR (kind IN ('pending', 'live', 'failed') AND json_extract(detail, '$.number') = ?)) ORDER BY id",
            (agent.name, agent.number),
        ).fetchall()
        return Birth(
            [tuple(row) for row in attempts],
            [(row["decision"], row["why"]) for row in decisions],
            [(datetime.fromtimestamp(row["at"], UTC), row["kind"]) for row in history],
        )


@dataclass(frozen=True)
class Comparison:
    """A judge's verdict on an idea beside another.

    Attributes:
        judge: Who.
        round: Of the tournament, from 1.
        other: The number of the other idea.
        shown_first: Whether the judge saw the idea before the other.
        preferred: Whether it preferred the idea to the other; None when it gave no verdict.
        reason: Why, in the judge's words.
    """

    judge: str
    round: int
    other: int
    shown_first: bool
    preferred: bool | None
    reason: str


def load_comparisons(directory: Path, number: int) -> list[Comparison]:
    """What judges said of an idea beside others, in order.

    Args:
        directory: The run's folder.
        number: The idea's number.

    Raises:
        EnvironmentFault: The ledger is missing, damaged or of another version.
    """
    with opened(directory / FILE_NAME) as connection:
        rows = connection.execute("SELECT * FROM comparisons WHERE ? IN (first, second) ORDER BY id", (number,))
        return [
            Comparison(
                judge=row["judge"],
                round=row["round"],
                other=row["second"] if row["first"] == number else row["first"],
                shown_first=row["first"] == number,
                preferred=None if row["winner"] is None else row["winner"] == number,
                reason=row["reason"],
            )
            for row in rows
        ]


def load_ledger_outcome(directory: Path, started: StartedRun, state: RunState = "lost") -> RunOutcome:
    """A run as its ledger alone tells it, whatever `run.json` says.

    Args:
        directory: The run's folder.
        started: What was known of the run when it started.
        state: Whether it goes on.

    Returns:
        All agents that came to something, and all ideas with their texts and remarks; ``one_shot`` holds every
        one-shot idea. Tokens are those that models were paid for.

    Raises:
        EnvironmentFault: The ledger is missing or damaged, or of a later release.
    """
    with opened(directory / FILE_NAME) as connection:
        spent = {
            row["agent"]: (row["read"], row["written"])
            for row in connection.execute(
                "SELECT agent, sum(prompt_tokens) AS read, sum(completion_tokens) AS written FROM calls"
                " WHERE source = 'model' GROUP BY agent"
            )
        }
        unknown, cost = connection.execute(
            "SELECT total(cost IS NULL AND prompt_tokens + completion_tokens > 0), total(cost) FROM calls"
            " WHERE source = 'model'"
        ).fetchone()
        agents = [_agent(row, spent) for row in connection.execute("SELECT * FROM agents ORDER BY number")]
        ideas = _ideas(connection, started.model)
        last = connection.execute(
            "SELECT max(at) FROM (SELECT max(at) AS at FROM events UNION SELECT max(at) FROM calls)"
        ).fetchone()[0]
        made = [idea for idea in ideas if idea.source == "agent"]
        begun = (started.resumed or started.started).timestamp()
        end = datetime.now(UTC).timestamp() if state == "running" else last or begun
        going = "the run is still going on" if state == "running" else "the run ended without a result"
        then = "" if state == "running" else f"; go on: python -m creator runs resume {started.run_id}"
        return RunOutcome(
            **started.model_dump(exclude={"schema_version", "state", "pid", "host", "resumed", "before_s"}),
            agents=[agent for agent in agents if agent is not None],
            ideas=made,
            one_shot=[idea for idea in ideas if idea.source == "one-shot"],
            elapsed_s=started.before_s + max(0.0, end - begun),
            cost=None if unknown else cost,
            prompt_tokens=sum(read for read, _ in spent.values()),
            completion_tokens=sum(written for _, written in spent.values()),
            exit_code=exit_code_for(started.asked, len(made), interrupted=state == "lost"),
            reason=f"{going}: {len(made)} of {started.asked} ideas so far{then}",
            interrupted=state == "lost",
            directory=directory,
        )


def _agent(row: sqlite3.Row, spent: dict[str, tuple[int, int]]) -> AgentOutcome | None:
    if row["state"] not in {"live", "failed", "pending"}:
        return None
    read, written = spent.get(row["name"], (0, 0))
    return AgentOutcome(
        name=row["name"],
        sector=row["sector"],
        role=row["role"],
        state=row["state"],
        reason=row["reason"],
        attempts=row["attempt"],
        number=row["number"],
        author=row["author"],
        template=row["template"],
        parents=json.loads(row["parents"]),
        generation=row["generation"],
        asked_by=row["asked_by"],
        customer=row["customer"],
        technology=row["technology"],
        sha256=row["sha256"],
        prompt_tokens=read,
        completion_tokens=written,
    )


def _ideas(connection: sqlite3.Connection, model: str) -> list[IdeaOutcome]:
    """All ideas by number, each with its texts in order and what was said about them."""
    parents: dict[int, list[int]] = defaultdict(list)
    for row in connection.execute("SELECT text, parent FROM lineage ORDER BY text, place"):
        parents[row["text"]].append(row["parent"])
    versions: dict[int, list[IdeaVersion]] = defaultdict(list)
    for row in connection.execute("SELECT * FROM texts ORDER BY id"):
        versions[row["number"]].append(
            IdeaVersion(
                author=row["writer"],
                idea=Idea.model_validate_json(row["idea"]),
                hop=row["hop"],
                id=row["id"],
                parents=parents[row["id"]],
            )
        )
    remarks: dict[int, list[Remark]] = defaultdict(list)
    for row in connection.execute("SELECT author, kind, about, content FROM remarks ORDER BY id"):
        remarks[row["about"]].append(Remark(**dict(row)))
    rows = connection.execute("SELECT * FROM ideas ORDER BY number")
    return [_idea(row, versions[row["number"]], remarks, model) for row in rows]


def _idea(row: sqlite3.Row, versions: list[IdeaVersion], remarks: dict[int, list[Remark]], model: str) -> IdeaOutcome:
    said = [remark for text in versions for remark in remarks[text.id]]
    return IdeaOutcome(
        number=row["number"],
        author=row["author"],
        contributors=contributors_of(row["author"], versions, said),
        versions=versions,
        remarks=said,
        agent_model=row["model"] or model,
        conversation=row["conversation"],
        generation=row["generation"],
        weak=json.loads(row["weak"]),
        source=row["source"],
    )
