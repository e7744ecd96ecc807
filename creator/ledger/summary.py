"""A run in a few numbers: quick enough to list hundreds of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from creator.errors import EnvironmentFault
from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME
from creator.ledger.view import RunState, is_alive, read_record
from creator.locks import is_locked
from creator.outcome import StartedRun
from creator.outputs import RUN_FILE

_LISTS: Final = ("agents", "ideas")


_Count = Annotated[int, Field(ge=0, le=10**15)]


class RunSummary(BaseModel):
    """A run in a few numbers."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    run_id: str
    state: RunState
    objective: str
    model: str
    asked: _Count
    started: datetime
    ideas: _Count = 0
    live: _Count = 0
    failed: _Count = 0
    pending: _Count = 0
    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0
    cost: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """US dollars; None when a price is unknown."""
    elapsed_s: float = Field(default=0, ge=0, allow_inf_nan=False)
    exit_code: int | None = None
    """None for a run that has not ended in order."""
    reason: str = ""
    limit: str = ""
    interrupted: bool = False

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.prompt_tokens + self.completion_tokens


def is_beginning(directory: Path) -> bool:
    """Whether a run is so young that there is nothing to tell of it: model and sandbox are being made ready."""
    return not (directory / RUN_FILE).exists() and is_locked(directory)


def load_summary(directory: Path) -> RunSummary:
    """A run in a few numbers: its record is not checked as a whole, which takes a second for a thousand agents.

    Raises:
        EnvironmentFault: Its files cannot be read.
    """
    path = directory / RUN_FILE
    stored = read_record(path)
    try:
        if isinstance(stored, StartedRun):
            return _from_ledger(directory, stored)
        lists = {name: stored.get(name) for name in _LISTS}
        if not all(isinstance(one, list) for one in lists.values()):
            raise ValueError("no lists")
        agents = Counter(one.get("state") for one in lists["agents"] if isinstance(one, dict))  # type: ignore[union-attr]
        counts = {state: agents[state] for state in ("live", "failed", "pending")}
        values: dict[str, Any] = {**stored, **counts, "ideas": len(lists["ideas"] or []), "state": "finished"}
        return RunSummary.model_validate(values)
    except (ValidationError, ValueError, TypeError):
        raise EnvironmentFault(
            f"{str(path)!r} does not fit. Delete the folder, or use the release that wrote it."
        ) from None


def _from_ledger(directory: Path, started: StartedRun) -> RunSummary:
    state: RunState = "running" if is_alive(started) else "lost"
    with opened(directory / FILE_NAME) as connection:
        agents = dict(connection.execute("SELECT state, count(*) FROM agents GROUP BY state").fetchall())
        ideas = connection.execute("SELECT count(*) FROM ideas WHERE source = 'agent'").fetchone()[0]
        read, written, cost, unknown = connection.execute(
            "SELECT total(prompt_tokens), total(completion_tokens), total(cost),"
            " total(cost IS NULL AND prompt_tokens + completion_tokens > 0) FROM calls WHERE source = 'model'"
        ).fetchone()
        last = connection.execute("SELECT max(at) FROM events").fetchone()[0]
    begun = (started.resumed or started.started).timestamp()
    end = datetime.now(UTC).timestamp() if state == "running" else last or begun
    return RunSummary(
        run_id=started.run_id,
        state=state,
        objective=started.objective,
        model=started.model,
        asked=started.asked,
        started=started.started,
        ideas=ideas,
        live=agents.get("live", 0),
        failed=agents.get("failed", 0),
        pending=agents.get("pending", 0),
        prompt_tokens=int(read),
        completion_tokens=int(written),
        cost=None if unknown else cost,
        elapsed_s=started.before_s + max(0.0, end - begun),
    )
