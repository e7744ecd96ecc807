"""What an agent's module came from: the module that it replaced, or what its template gives without a model."""

from __future__ import annotations

import re
from pathlib import Path

from creator.agent_files import read_file
from creator.certificate import read_blueprint
from creator.errors import UsageError
from creator.modules import EARLIER
from creator.outcome import AgentOutcome
from creator.outputs import read_settings
from creator.templates.examples import example_module
from creator.templates.finding import named, scan


def origin_of(directory: Path, agent: AgentOutcome, source: str) -> tuple[str, str]:
    """The module to compare an agent's with, and what to call it.

    Args:
        directory: The run's folder.
        agent: The agent; its name has the form of one.
        source: Its module.

    Raises:
        UsageError: There is nothing to compare it with.
        EnvironmentFault: A file cannot be read, or is no file of ours.
    """
    return _predecessor(directory, agent.name, source) or _example(directory, agent)


def _predecessor(directory: Path, name: str, source: str) -> tuple[str, str] | None:
    """The module that an agent's replaced, and what to call it: the latest one that is different.

    One that is the same was put back because its successor did not come to life.
    """
    form = re.compile(rf"{name}\.([0-9]{{1,6}})\.py")
    try:
        found = [form.fullmatch(path.name) for path in (directory / EARLIER).iterdir()]
    except OSError:
        return None
    for number in sorted((int(match[1]) for match in found if match), reverse=True):
        data = read_file(directory, f"{EARLIER}/{name}.{number}.py")
        text = (data or b"").decode("utf-8", "replace")
        if data is not None and text != source:
            return text, f"{name}, replaced ({EARLIER}/{name}.{number}.py)"
    return None


def _example(directory: Path, agent: AgentOutcome) -> tuple[str, str]:
    """What the template of an agent gives for its brief without a model, and what to call that."""
    blueprint = read_blueprint(directory, agent.name)
    if blueprint is None:
        raise UsageError(f"The blueprint of {agent.name!r} is missing or damaged: name another agent to compare with.")
    try:
        template = named(blueprint.template, scan(read_settings(directory).templates))
        text = example_module(template, blueprint.brief)
    except UsageError as error:
        raise UsageError(f"Name another agent to compare {agent.name!r} with, because {error}") from None
    return text, f"template {blueprint.template}, for the same brief without a model"
