"""The files of a run's agents, as people are shown them: bounded, no links, a line when it cannot be done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from creator.errors import EnvironmentFault, UsageError
from creator.files import read_within
from creator.text import clean

if TYPE_CHECKING:
    from creator.outcome import AgentOutcome


def read_file(directory: Path, name: str) -> bytes | None:
    """A file of a run; None when there is none.

    Args:
        directory: The run's folder.
        name: The file's path below it.

    Raises:
        EnvironmentFault: It cannot be read, or is no file of ours.
    """
    try:
        return read_within(directory, name)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise EnvironmentFault(f"Cannot read {str(directory / name)!r}: {reason}.") from None


def module_of(directory: Path, agent: AgentOutcome) -> str:
    """The module of an agent of a run, exactly as it is on disk.

    Args:
        directory: The run's folder.
        agent: The agent.

    Raises:
        UsageError: It has none, or one that is no text.
        EnvironmentFault: It cannot be read, or is no file of ours.
    """
    data = read_file(directory, f"agents/{agent.name}.py")
    if data is None:
        raise UsageError(f"Agent {agent.name!r} has no module: {clean(agent.reason, 500) or 'it was never written'}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"The module of {agent.name!r} is not UTF-8 text.") from None
