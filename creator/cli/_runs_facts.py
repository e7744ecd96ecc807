"""What the commands about runs tell of each: its state, its numbers, and what it was asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from creator.run_states import state_of

if TYPE_CHECKING:
    from creator.ledger.view import RunView

UNREADABLE: Final = "unreadable"
_SHOWN_ELSEWHERE: Final = frozenset({"count", "objective", "model", "seed"})
_MOST_SETTINGS: Final = 100


def read_run(folder: Path, name: str) -> RunView | str:
    """A run, or in one line why it cannot be read.

    Args:
        folder: The folder of all runs.
        name: The run's id.
    """
    from creator.errors import CreatorError
    from creator.ledger.view import load_run

    try:
        return load_run(folder / name)
    except (CreatorError, OSError) as error:
        return str(error)


def summary(name: str, view: RunView | str) -> dict[str, Any]:
    """A run in numbers, for programs."""
    if isinstance(view, str):
        return {"run_id": name, "state": UNREADABLE, "reason": view}
    outcome = view.outcome
    return {
        "run_id": name,
        "state": state_of(view),
        "objective": outcome.objective,
        "model": outcome.model,
        "sandbox": outcome.sandbox,
        "asked": outcome.asked,
        "ideas": len(outcome.ideas),
        "live": len(outcome.live),
        "failed": len(outcome.failed),
        "pending": len(outcome.pending),
        "started": outcome.started.isoformat(),
        "elapsed_s": outcome.elapsed_s,
        "prompt_tokens": outcome.prompt_tokens,
        "completion_tokens": outcome.completion_tokens,
        "cost": outcome.cost,
        "exit_code": None if view.state == "running" else outcome.exit_code,
        "reason": outcome.reason,
        "limit": outcome.limit,
        "directory": str(outcome.directory),
    }


def changed_settings(directory: Path) -> dict[str, Any]:
    """The settings of a run that are not the usual ones, by name; without those that its outcome tells.

    Args:
        directory: The run's folder.

    Raises:
        EnvironmentFault: The file is damaged.
    """
    from pydantic_core import to_jsonable_python

    from creator.masking import public_url
    from creator.outputs import stored_settings
    from creator.settings import SpawnSettings

    fields = SpawnSettings.model_fields
    usual = {
        name: to_jsonable_python(field.get_default(call_default_factory=True))
        for name, field in fields.items()
        if not field.is_required()
    }
    stored = stored_settings(directory)
    if isinstance(stored.get("base_url"), str):
        stored["base_url"] = public_url(stored["base_url"])  # earlier releases kept more of it
    found = {name: value for name, value in stored.items() if name not in _SHOWN_ELSEWHERE and value != usual.get(name)}
    return dict(list(found.items())[:_MOST_SETTINGS])


def size_of(directory: Path) -> int:
    """Bytes of all files below a folder; links are not followed, and what cannot be read counts nothing."""
    size = 0
    for folder, _, files in os.walk(directory):
        for name in files:
            try:
                size += Path(folder, name).lstat().st_size
            except OSError:
                continue
    return size
