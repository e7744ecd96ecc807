"""One run with hostile and honest agents, and everything that can be seen of it from outside."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from creator.agents.messages import CreateAgent, Created
from creator.authors import TemplateAuthor
from creator.blueprint import Blueprint
from creator.modules import Modules
from creator.outcome import RunOutcome
from creator.progress.plain import PlainProgress
from creator.runtime import Credentials, Grant
from creator.settings import SpawnSettings
from creator.spawning import spawn
from creator.world import World
from tests.conformance import findings
from tests.conformance.findings import ADA, DIARIST, HONEST, LATE
from tests.conformance.hostile import Hostile, shared
from tests.conformance.lures import VARIABLE, Lures
from tests.conftest import RecordedProgress
from tests.scripted_server import ScriptedServer

BASE_IMAGE: Final = os.environ.get("CREATOR_BASE_IMAGE", "python:3.12-slim")

PATIENCE: Final = 0.6
"""The part of a reply's deadline that the honest agents wait for the attacks to end."""


@dataclass
class Result:
    """What came of a run.

    Attributes:
        outcome: As the user gets it.
        verdicts: What became of each hostile agent, by stem.
        damage: What each attack did, as seen from outside, by stem.
        general: What must not be and cannot be laid to one attack.
        refusals: What the host refused, by stem.
        seconds: How long the run took.
    """

    outcome: RunOutcome
    verdicts: dict[str, str]
    damage: dict[str, list[str]]
    general: list[str]
    refusals: dict[str, list[str]]
    seconds: float

    def problems(self, hostile: Hostile) -> list[str]:
        """Why one attack does not count as contained; empty when it does."""
        found = list(self.damage[hostile.stem])
        verdict = self.verdicts[hostile.stem]
        if verdict.startswith("ESCAPED") or not re.search(hostile.expect, verdict):
            found.insert(0, f"{verdict!r} instead of {hostile.expect!r}")
        if hostile.refused and not any(re.search(hostile.refused, text) for text in self.refusals[hostile.stem]):
            found.append(f"no refusal of it is on record, only {self.refusals[hostile.stem]}")
        return found


class Population(RecordedProgress):
    """Casts the parts of a run, and lets the honest agents answer only once the attacks are over.

    Args:
        hostiles: The attacks of this run.
        lures: What they are after.
        patience: Seconds until an attack that does not end is no longer waited for.
        issued: The credentials of this run as they are issued, each with its client.
    """

    def __init__(
        self, hostiles: Sequence[Hostile], lures: Lures, patience: float, issued: Sequence[tuple[str, str]]
    ) -> None:
        super().__init__()
        self.hostiles = list(hostiles)
        self.stems = {one.stem for one in hostiles}
        self.names: dict[str, str] = {}
        self.placed: dict[str, Hostile] = {}
        self.marks = {one.stem: f"x{secrets.token_hex(4)}{number:02}" for number, one in enumerate(hostiles)}
        self.released = threading.Event()
        self.screen = io.StringIO()
        self._plain = PlainProgress(self.size, self.screen)
        self._lures = lures
        self._issued = issued
        self._patience = patience
        self._awaited = {"honest_ada", "honest_diarist"}
        self._attacking = {one.stem for one in hostiles}
        self._parts: Iterator[Any] = iter([ADA, DIARIST, *hostiles, LATE])
        self._cast: dict[str, Any] = {}
        self._victims_live = asyncio.Event()
        self._attacks_over = asyncio.Event()
        self._module_folder = Path()

    @property
    def size(self) -> int:
        return len(self.hostiles) + len(HONEST)

    def targets(self, hostile: Hostile) -> dict[str, Any]:
        return {
            **self._lures.targets(),
            "me": hostile.stem,
            "mark": self.marks[hostile.stem],
            "honest": HONEST[0],
            "diarist": HONEST[1],
            "digests": [hashlib.sha256(credential.encode()).hexdigest() for _, credential in self._issued],
        }

    def part(self, order: CreateAgent) -> Any:
        """Whom a brief is for: parts are given out in the order in which the briefs come."""
        key = order.brief.model_dump_json()
        if key not in self._cast:
            self._cast[key] = next(self._parts)
        return self._cast[key]

    async def turn(self, part: Any) -> None:
        """Wait until an agent may be written: victims first, then attackers, then the latecomer."""
        if isinstance(part, Hostile):
            await self._victims_live.wait()
        elif part == LATE:
            await self._attacks_over.wait()

    def agent(self, name: str, state: str, reason: str = "") -> None:
        super().agent(name, state, reason)
        self._plain.agent(name, state, reason)  # type: ignore[arg-type]
        if state == "live":
            self._awaited.discard(name)
            if not self._awaited and not self._victims_live.is_set():
                self._victims_live.set()
                asyncio.get_running_loop().call_later(self._patience, self._release)
        elif state == "failed":
            self._over(name)

    def idea(self, number: int, author: str, title: str) -> None:
        self._plain.idea(number, author, title)
        self._over(author)

    def _over(self, name: str) -> None:
        self._attacking -= {stem for stem, given in self.names.items() if given == name}
        if not self._attacking:
            self._release()

    def _release(self) -> None:
        self.released.set()
        self._attacks_over.set()

    def answer(self, number: int, request: dict[str, Any]) -> str | None:
        """The scripted model's part: honest agents are kept waiting."""
        text = json.dumps(request["messages"])
        if "You are Honest" in text or "You are honest" in text:
            self.released.wait(60)
        return None

    def author(self, world: World) -> TemplateAuthor:
        """Makes the author of this run's modules."""
        world.modules = _Modules(self, world)
        return _Author(self, world)


class _Author(TemplateAuthor):
    """Writes each part's module, past the policy."""

    def __init__(self, population: Population, world: World) -> None:
        super().__init__(world.templates, world.directory.name, "scripted", world.taken, world.record.module)
        self._population = population
        self._parts: dict[str, Any] = {}

    async def write(self, order: CreateAgent, pen: Any) -> Created:
        part = self._population.part(order)
        await self._population.turn(part)
        persona = part.persona if isinstance(part, Hostile) else part
        self._parts[order.brief.model_dump_json()] = part

        class Named:
            async def fill(self, request: Any) -> str:
                return json.dumps({**json.loads(await pen.fill(request)), "persona": persona})

            complete = pen.complete

        created = await super().write(order, Named())
        if isinstance(part, Hostile):
            self._population.names[part.stem] = created.blueprint.name
            self._population.placed[created.blueprint.name] = part
        return created

    def _source(self, blueprint: Blueprint) -> str:
        part = self._parts[blueprint.brief.model_dump_json()]
        if isinstance(part, Hostile):
            self._population.names[part.stem] = blueprint.name
            text = part.render(self._population.targets(part))
            return text + "#" * 400_000 if part.placed == "padded" else text
        return shared("_diarist") if part == DIARIST else super()._source(blueprint)

    def _check(self, source: str, name: str) -> None: ...


class _Modules(Modules):
    """Puts something else where checked modules lie."""

    def __init__(self, population: Population, world: World) -> None:
        super().__init__(world.modules.directory, world.on_fault)
        self._population = population

    def save(self, blueprint: Blueprint, source: str) -> str:
        digest = super().save(blueprint, source)
        part = self._population.placed.get(blueprint.name)
        if part is not None:
            place(self.directory / f"{blueprint.name}.py", part.placed, self._population.targets(part))
        return digest


def place(path: Path, placed: str, targets: dict[str, Any]) -> None:
    """Put something else where a checked module lies."""
    original = path.read_bytes()
    if placed in {"symlink", "hard link", "fifo"}:
        path.unlink()
    if placed == "symlink":
        other = path.with_name(f".{path.name}")
        other.write_bytes(original)
        path.symlink_to(other.name)
    elif placed == "hard link":
        path.hardlink_to(targets["secret_file"])
    elif placed == "fifo":
        os.mkfifo(path)
    elif placed == "replaced":
        path.write_bytes(original + b"\n# changed after it was checked\n")
    elif placed == "truncated":
        path.write_bytes(original[: len(original) // 2])


def run_population(
    backend: str, hostiles: Sequence[Hostile], output: Path, *, birth: float, reply: float, engine: Any = None
) -> Result:
    """Run hostile and honest agents together, and look at everything afterwards.

    Args:
        backend: ``docker``, ``container``, ``bubblewrap`` or ``process``.
        hostiles: The attacks.
        output: Where the run's folder goes.
        birth: Seconds that a birth may take.
        reply: Seconds that an answer may take.
        engine: A client of the Docker engine, for the backends that use one.
    """
    issued: list[tuple[str, str]] = []
    scratch = Path(tempfile.mkdtemp(prefix="scratch-"))
    with Lures() as lures, pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if (name.startswith("CREATOR_") and name != "CREATOR_CACHE_DIR") or name.endswith("_API_KEY"):
                patch.delenv(name)
        patch.setenv(VARIABLE, lures.variable_secret)
        patch.setenv("OPENAI_API_KEY", lures.key_secret)
        patch.chdir(output)
        patch.setattr(tempfile, "tempdir", str(scratch))
        patch.setattr(Credentials, "issue", _recording(Credentials.issue, issued))
        started = time.monotonic()
        outcome, population = asyncio.run(_spawn(backend, hostiles, lures, output, birth, reply, issued))
        seconds = time.monotonic() - started
        lingering = findings.lingering(population.marks)
        refusals = findings.refusals(outcome)
        damage = {
            one.stem: [
                *lures.damage(one.stem),
                *findings.leaks(population.names.get(one.stem, ""), outcome, lures, issued),
            ]
            + [f"its process {pid} lives on" for pid in lingering[one.stem]]
            for one in hostiles
        }
        general = [
            *lures.strangers(population.stems),
            *findings.of_the_honest(outcome),
            *findings.on_the_screen(population.screen.getvalue()),
            *findings.in_files(outcome, [lures.file_secret, lures.variable_secret, lures.key_secret], issued, damage),
            *(f"{path.name!r} was left in the folder of temporary files" for path in scratch.iterdir()),
            *findings.containers(engine, outcome.run_id),
        ]
        for pid in (pid for pids in lingering.values() for pid in pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
    shutil.rmtree(scratch, ignore_errors=True)
    return Result(
        outcome,
        {one.stem: findings.verdict(population.names.get(one.stem, ""), outcome) for one in hostiles},
        damage,
        general,
        {one.stem: refusals.get(population.names.get(one.stem, ""), []) for one in hostiles},
        seconds,
    )


async def _spawn(
    backend: str,
    hostiles: Sequence[Hostile],
    lures: Lures,
    output: Path,
    birth: float,
    reply: float,
    issued: Sequence[tuple[str, str]],
) -> tuple[RunOutcome, Population]:
    population = Population(hostiles, lures, PATIENCE * reply, issued)
    server = ScriptedServer(fault=population.answer)
    server.start()
    options: dict[str, Any] = {"sandbox": backend}
    if backend == "container":
        options = {"sandbox": "docker", "isolation": "container"}
    settings = SpawnSettings(
        count=population.size,
        model="openai:scripted",
        base_url=server.url,
        base_image=BASE_IMAGE,
        output=output / "generated",
        seed=1,
        bounce=0.0,
        model_concurrency=population.size,
        birth_deadline=birth,
        reply_deadline=reply,
        deadline=90 + 3 * reply,
        **options,
    )
    try:
        environ = {"OPENAI_API_KEY": lures.key_secret}
        return await spawn(settings, population, environ=environ, author=population.author), population
    finally:
        population.released.set()
        server.stop()


def _recording(issue: Callable[[Credentials, Grant], str], issued: list[tuple[str, str]]) -> Any:
    def recorded(self: Credentials, grant: Grant) -> str:
        credential = issue(self, grant)
        issued.append((grant.client, credential))
        return credential

    return recorded
