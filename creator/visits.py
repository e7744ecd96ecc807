"""Visits: a house that is opened for modules that are there already, to try them or to talk to them."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from creator.agents.messages import Created
from creator.errors import BirthFailed
from creator.house import House, Listeners
from creator.isolation.base import TRIALS_AT_ONCE
from creator.models.backend import Backend
from creator.models.no_model import NoModel
from creator.modules import write_module
from creator.progress import Progress, SilentProgress
from creator.settings import SpawnSettings
from creator.spending.budget import Budget
from sandbox.protocol import Introduction


async def try_modules(
    settings: SpawnSettings, modules: Mapping[str, str], progress: Progress | None = None, *, own: bool = False
) -> dict[str, str]:
    """Put modules through a trial, each in a throw-away cell with a scripted model.

    Args:
        settings: Which sandbox, and what holds in it.
        modules: By any name; the policy must have let them pass.
        progress: Told about a sandbox that has to be built.
        own: Whether their code is the user's own, so that any sandbox will do.

    Returns:
        By name, an empty text or the reason why it failed.

    Raises:
        EnvironmentFault: There is no sandbox.
    """
    found: dict[str, str] = {}
    settings = settings.model_copy(update={"count": max(settings.count, TRIALS_AT_ONCE)})
    async with _house(settings, NoModel(), progress or SilentProgress(), writes_code=not own) as house:

        async def one(name: str, source: str) -> None:
            try:
                await house.trials.run(source)
                found[name] = ""
            except BirthFailed as error:
                found[name] = str(error)

        async with asyncio.TaskGroup() as group:
            for name, source in modules.items():
                group.create_task(one(name, source))
    return {name: found[name] for name in modules}


@asynccontextmanager
async def revive(
    settings: SpawnSettings,
    backend: Backend,
    progress: Progress,
    agents: list[Created],
    budget: Budget | None = None,
) -> AsyncIterator[House]:
    """Bring agents of an earlier run back to life, from their modules, in a sandbox.

    Args:
        settings: Of their run.
        backend: The language model, not yet opened.
        progress: Told about a model or a sandbox that has to be fetched or built.
        agents: Who; each module must be the one that was approved.
        budget: What they may spend; None for no limit.

    Raises:
        UsageError: The budget is too small for anything.
        EnvironmentFault: There is no sandbox or no model.
        StartFailed: An agent does not come up.
    """
    code = any(agent.blueprint.author != "fill" for agent in agents)
    async with _house(settings, backend, progress, writes_code=code, budget=budget) as house:
        for seed, agent in enumerate(agents):
            blueprint = agent.blueprint
            digest = write_module(house.modules, blueprint.name, agent.source)
            await house.cells.start(blueprint.name, digest, seed)
            house.blueprints[blueprint.name] = blueprint
            house.population.announce(
                Introduction(name=blueprint.name, sector=blueprint.sector, skills=blueprint.skills)
            )
        house.population.settled.set()
        yield house


@asynccontextmanager
async def _house(
    settings: SpawnSettings, backend: Backend, progress: Progress, *, writes_code: bool, budget: Budget | None = None
) -> AsyncIterator[House]:
    with tempfile.TemporaryDirectory(prefix="creator-visit-") as folder:
        modules = Path(folder) / "agents"
        modules.mkdir()
        for path in (modules.parent, modules):
            path.chmod(0o755)  # the sandbox may read it as another user
        async with House(
            settings,
            progress,
            backend,
            modules,
            modules.parent.name,
            templates={},
            author=None,
            writes_code=writes_code,
            seed=settings.seed or 0,
            listeners=Listeners(),
            budget=budget,
        ) as house:
            yield house
