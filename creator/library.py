"""The library: good agents of runs, kept for others.

An agent is three files: its module, its blueprint, and where it comes from, with the digests of the other two.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from creator.agents.messages import Created
from creator.authors import checked
from creator.blueprint import AuthorMode, Blueprint, unique_name
from creator.errors import EnvironmentFault, PolicyViolation, UsageError
from creator.files import digest, read_within
from creator.ledger.view import find_agent, load_run
from creator.modules import load_live
from creator.outcome import RunOutcome
from creator.outputs import reported, write_atomically
from creator.settings import SpawnSettings
from creator.text import clean
from sandbox.protocol import AGENT_NAME, AgentName

_MODULE: Final = ".py"
_BLUEPRINT: Final = ".json"
_ORIGIN: Final = ".origin.json"
_OPTION: Final = "--library"
_SHOWN_NAMES: Final = 12

_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Origin(BaseModel):
    """Where a kept agent comes from.

    Attributes:
        name: Its name there.
        run_id: Its run; empty when it is of none.
        objective: What it worked on there.
        model: What it thought with there.
        author: How its module came to be.
        parents: The agents of that run that it stems from.
        idea: The title of its best-known idea, the one that most colleagues refined; empty when it has none.
        kept: When it was kept.
        sha256: Digest of its module in hexadecimal, as its run has it on record.
        blueprint_sha256: Digest of its blueprint's file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    name: AgentName
    run_id: str = Field(default="", max_length=120)
    objective: str = Field(default="", max_length=4_000)
    model: str = Field(default="", max_length=300)
    author: AuthorMode
    parents: list[AgentName] = Field(default_factory=list, max_length=8)
    idea: str = Field(default="", max_length=200)
    kept: datetime
    sha256: _Digest
    blueprint_sha256: _Digest


@dataclass(frozen=True)
class Kept:
    """An agent of the library.

    Attributes:
        name: Its name there.
        blueprint: What its module was made from, under that name; None when it cannot be used.
        origin: Where it comes from; None when it cannot be used.
        problem: Why it cannot be used; empty when it can.
    """

    name: str
    blueprint: Blueprint | None = None
    origin: Origin | None = None
    problem: str = ""


def keep(directory: Path, name: str, library: Path, *, as_name: str | None = None, force: bool = False) -> Kept:
    """Keep a live agent of a run.

    Args:
        directory: The run's folder.
        name: The agent's name in the run.
        library: The folder of the library; made when there is none.
        as_name: The agent's name in the library; None for the same.
        force: Replace an agent that is kept under that name.

    Raises:
        UsageError: There is no such agent, it is not live, it is not what was checked any more, or the name in the
            library is taken or no name.
        EnvironmentFault: The run cannot be read, or the library not be written.
    """
    outcome = load_run(directory).outcome
    if not find_agent(outcome, name).sha256:
        raise UsageError(f"The record of {name!r} has no digest of its module: nobody can say that it is the same.")
    agent = load_live(outcome, name)
    if as_name is not None:
        _check_name(as_name)
        agent = agent.model_copy(update={"blueprint": agent.blueprint.model_copy(update={"name": as_name})})
    return store(
        agent,
        library,
        name=name,
        run_id=outcome.run_id,
        objective=outcome.objective,
        model=outcome.model,
        idea=_best_known_idea(outcome, name),
        force=force,
    )


def store(
    agent: Created,
    library: Path,
    *,
    name: str,
    run_id: str = "",
    objective: str = "",
    model: str = "",
    idea: str = "",
    force: bool = False,
) -> Kept:
    """Put an agent into a library, under its blueprint's name. Its module has to be one that was checked.

    Args:
        agent: The agent.
        library: The folder of the library; made when there is none.
        name: The agent's name where it comes from.
        run_id: Its run; empty when it is of none.
        objective: What it worked on there.
        model: What it thought with there.
        idea: The title of its best-known idea.
        force: Replace an agent that is kept under its name.

    Raises:
        UsageError: Its name is taken or none that an agent may have.
        EnvironmentFault: The library cannot be written.
    """
    blueprint = agent.blueprint
    _check_name(blueprint.name)
    files = [library / f"{blueprint.name}{suffix}" for suffix in (_MODULE, _BLUEPRINT, _ORIGIN)]
    if not force and any(os.path.lexists(file) for file in files):
        raise UsageError(
            f"{str(library)!r} has an agent {blueprint.name!r} already: give another name with --as, or replace it"
            " with --force."
        )
    text = blueprint.model_dump_json(indent=2) + "\n"
    origin = Origin(
        name=name,
        run_id=clean(run_id, 120),
        objective=clean(objective, 4_000),
        model=clean(model, 300),
        author=blueprint.author,
        parents=blueprint.parents,
        idea=clean(idea, 200),
        kept=datetime.now(UTC),
        sha256=digest(agent.source),
        blueprint_sha256=digest(text),
    )
    with reported(library, _OPTION):
        library.mkdir(parents=True, exist_ok=True)
    # The origin comes last: an agent of which it is missing was never kept.
    for file, content in zip(files, (agent.source, text, origin.model_dump_json(indent=2) + "\n"), strict=True):
        write_atomically(file, content, _OPTION)
    return Kept(blueprint.name, blueprint, origin)


def _check_name(name: str) -> None:
    legal = unique_name(name, set())
    if name != legal:
        raise UsageError(f"{clean(name, 64)!r} is no name for an agent: use --as {legal}, for example.")


def _best_known_idea(outcome: RunOutcome, name: str) -> str:
    ideas = [idea for idea in outcome.ideas if idea.author == name]
    return max(ideas, key=lambda idea: len(idea.contributors)).final.title if ideas else ""


def kept(library: Path) -> list[Kept]:
    """All agents of a library, by name; one that cannot be used says why and hides no other.

    Raises:
        EnvironmentFault: The library cannot be read.
    """
    return [_kept(library, name) for name in _names(library)]


def _names(library: Path) -> list[str]:
    try:
        files = [path.name for path in library.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EnvironmentFault(
            f"The library {str(library)!r} cannot be read: {error.strerror or error}. Choose another with --library."
        ) from None
    names = (file.removesuffix(_ORIGIN) for file in files if file.endswith(_ORIGIN))
    return sorted(name for name in names if AGENT_NAME.fullmatch(name))


def _kept(library: Path, name: str) -> Kept:
    try:
        created, origin = _load(library, name)
    except (UsageError, EnvironmentFault) as error:
        return Kept(name, problem=str(error))
    return Kept(name, created.blueprint, origin)


def load_kept(library: Path, name: str) -> Created:
    """An agent of a library, with where it comes from among its notes. It has no parents outside of its run.

    Raises:
        UsageError: There is none of this name, it was changed since it was kept, or the policy refuses it by now.
        EnvironmentFault: Its files are missing or damaged.
    """
    names = _names(library)
    if name not in names:
        raise UsageError(_not_kept(library, name, names))
    created, _ = _load(library, name)
    try:
        checked(created.source, name)
    except PolicyViolation as violation:
        raise UsageError(f"The policy does not let the kept agent {name!r} pass any more: {violation}") from None
    return created


def _load(library: Path, name: str) -> tuple[Created, Origin]:
    remedy = f"Remove it: python -m creator agents forget {name}"
    try:
        data, text, about = (read_within(library, f"{name}{suffix}") for suffix in (_MODULE, _BLUEPRINT, _ORIGIN))
        origin = Origin.model_validate_json(about)
        blueprint = Blueprint.model_validate_json(text)
        source = data.decode("utf-8")
    except FileNotFoundError:
        raise EnvironmentFault(f"The kept agent {name!r} lacks a file. {remedy}") from None
    except (OSError, ValueError):
        raise EnvironmentFault(f"The kept agent {name!r} is damaged. {remedy}") from None
    if (digest(data), digest(text), blueprint.name) != (origin.sha256, origin.blueprint_sha256, name):
        raise UsageError(f"The kept agent {name!r} was changed since it was kept. {remedy}")
    facts = [
        origin.name,
        f"of run {clean(origin.run_id, 120)}" if origin.run_id else origin.author,
        f"made with {clean(origin.model, 100)}" if origin.model else "",
        f"kept {origin.kept:%Y-%m-%d}",
    ]
    note = f"from the library: {', '.join(fact for fact in facts if fact)}"
    return Created(blueprint=blueprint.model_copy(update={"parents": []}), source=source, notes=[note]), origin


def kept_for(settings: SpawnSettings) -> list[Created]:
    """The kept agents that the settings ask for, in their order. Nothing has to be running.

    Raises:
        UsageError: There is no such agent, one is named twice, there are more than agents asked for, or one cannot be
            used.
        EnvironmentFault: One cannot be read.
    """
    wanted = settings.with_agents
    twice = next((name for number, name in enumerate(wanted) if name in wanted[:number]), None)
    if twice is not None:
        raise UsageError(f"--with names {clean(twice, 64)!r} twice: keep a copy under another name with --as.")
    if len(wanted) > settings.count:
        raise UsageError(
            f"--with names {len(wanted)} agents, which is more than {settings.count}: ask for {len(wanted)} agents."
        )
    return [load_kept(settings.library, name) for name in wanted]


def forget(library: Path, name: str) -> None:
    """Remove an agent from a library.

    Raises:
        UsageError: There is none of this name.
        EnvironmentFault: Its files cannot be removed.
    """
    names = _names(library)
    if name not in names:
        raise UsageError(_not_kept(library, name, names))
    with reported(library, _OPTION):
        for suffix in (_MODULE, _BLUEPRINT, _ORIGIN):  # what is half removed still shows up, and can be removed
            (library / f"{name}{suffix}").unlink(missing_ok=True)


def _not_kept(library: Path, name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    there = f"There are: {', '.join(names[:_SHOWN_NAMES])}{more}." if names else "It is empty."
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"No agent {clean(name, 64)!r} is kept in {clean(str(library), 200)!r}. {hint}{there}"
