"""The folder of a run's modules: each agent's module, its blueprint beside it, and what it replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from creator.agents.messages import Created
from creator.blueprint import Blueprint
from creator.errors import BirthFailed, EnvironmentFault, UsageError
from creator.files import digest, read_within
from creator.ledger.view import find_agent
from creator.outcome import RunOutcome
from creator.text import clean

EARLIER: Final = "earlier"
"""Where modules go that were replaced while their run went on."""


class Modules:
    """Writes, replaces and removes the modules of a run.

    Args:
        directory: Where they are.
        on_fault: Called when the disk refuses one: the whole run is over then.
    """

    def __init__(self, directory: Path, on_fault: Callable[[EnvironmentFault], None]) -> None:
        self.directory = directory
        self._on_fault = on_fault

    def save(self, blueprint: Blueprint, source: str) -> str:
        """Write an agent's module and blueprint, and give the module's SHA-256 in hexadecimal.

        Raises:
            BirthFailed: The disk refuses.
        """
        try:
            sha256 = write_module(self.directory, blueprint.name, source)
            text = blueprint.model_dump_json(indent=2) + "\n"
            (self.directory / f"{blueprint.name}.json").write_text(text, encoding="utf-8")
        except OSError as error:
            fault = EnvironmentFault(f"cannot write to {self.directory.name!r}: {error.strerror}")
            self._on_fault(fault)
            raise BirthFailed(str(fault)) from error
        return sha256

    def load(self, name: str) -> Created:
        """An agent's blueprint and module as they are on disk.

        Raises:
            EnvironmentFault: They are missing or damaged.
        """
        return load_agent(self.directory, name)

    def remove(self, name: str) -> None:
        """Remove an agent's files; no error when there are none."""
        for suffix in (".py", ".json"):
            (self.directory / f"{name}{suffix}").unlink(missing_ok=True)

    def keep_earlier(self, name: str) -> Path:
        """Copy an agent's module to where replaced ones go, and give the copy's path.

        Raises:
            OSError: It cannot be copied.
        """
        folder = self.directory.parent / EARLIER
        folder.mkdir(exist_ok=True)
        number = 1 + sum(1 for _ in folder.glob(f"{name}.*.py"))
        kept = folder / f"{name}.{number}.py"
        kept.write_bytes((self.directory / f"{name}.py").read_bytes())
        return kept


def load_agent(directory: Path, name: str) -> Created:
    """An agent's blueprint and module.

    Args:
        directory: A run's folder of modules, or the library.
        name: The agent.

    Raises:
        EnvironmentFault: They are missing or damaged.
    """
    try:
        texts = [read_within(directory, f"{name}{suffix}").decode("utf-8") for suffix in (".json", ".py")]
        return Created(blueprint=Blueprint.model_validate_json(texts[0]), source=texts[1])
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else "it does not fit"
        raise EnvironmentFault(f"the agent {name!r} in {str(directory)!r} cannot be read: {what}") from None


def load_live(outcome: RunOutcome, name: str) -> Created:
    """A live agent of a run, exactly as the run has it on record.

    Raises:
        UsageError: There is no such agent, it is not live, or its files were changed since it was checked.
        EnvironmentFault: Its files are missing or damaged.
    """
    agent = find_agent(outcome, name)
    if agent.state == "pending":
        raise UsageError(f"{name!r} waits for your decision: python -m creator agents approve {name}")
    if agent.state == "failed":
        raise UsageError(f"{name!r} failed: {clean(agent.reason, 300) or 'no reason given'}")
    loaded = load_agent(outcome.directory / "agents", name)
    blueprint = loaded.blueprint
    found = (blueprint.name, blueprint.author, blueprint.template, digest(loaded.source))
    # Runs of earlier releases recorded neither template nor digest.
    on_record = (name, agent.author, agent.template or blueprint.template, agent.sha256 or found[-1])
    if found != on_record:
        raise UsageError(f"The files of {name!r} were changed since it was checked: they are not what lived.")
    return loaded


def write_module(directory: Path, name: str, source: str) -> str:
    """Write a module whole or not at all, readable by the sandbox's user, and give its SHA-256 in hexadecimal."""
    data = source.encode("utf-8")
    path, partial = directory / f"{name}.py", directory / f".{name}.partial"
    try:
        partial.write_bytes(data)
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return digest(data)
