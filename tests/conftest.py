"""Fixtures: a scripted model server, and runs in a folder of the test's own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck

from creator.outcome import RunOutcome
from creator.settings import SpawnSettings
from creator.spawning import spawn
from tests.scripted_server import Fault, Prefer, ScriptedServer, prefer_alphabetically

# A busy machine makes data slowly; that says nothing of the code.
hypothesis.settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.settings.load_profile("any machine")

REPOSITORY = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Stands here because this file is read before the command line is, however the tests are chosen."""
    choices = ["docker", "bubblewrap", "process", "container"]
    parser.addoption("--backend", choices=choices, help="the only sandbox backend that the conformance suite tests")


class RecordedProgress:
    """Keeps what a run tells of itself."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.agents: list[tuple[str, str, str]] = []
        self.refinements: list[tuple[str, str]] = []
        self.messages: list[tuple[str, str, str]] = []
        self.comparisons: list[tuple[int, int]] = []
        self.spent: list[tuple[int, int, float | None]] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def stage(self, name: str) -> None:
        self.lines.append(name)

    def agent(self, name: str, state: str, reason: str = "") -> None:
        self.agents.append((name, state, reason))

    def idea(self, number: int, author: str, title: str) -> None: ...

    def known(self, ideas: int) -> None: ...

    def refined(self, author: str, refiner: str) -> None:
        self.refinements.append((author, refiner))

    def message(self, source: str, target: str, what: str) -> None:
        self.messages.append((source, target, what))

    def conversation(self, change: int) -> None: ...

    def judged(self, done: int, planned: int) -> None:
        self.comparisons.append((done, planned))

    def tokens(self, prompt: int, completion: int, cost: float | None = None) -> None:
        self.spent.append((prompt, completion, cost))

    def suspend(self) -> AbstractContextManager[None]:
        return nullcontext()

    def finish(self) -> None: ...


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's reaches a test: an empty working directory, and no variable of ours or a key."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if (name.startswith("CREATOR_") and name != "CREATOR_CACHE_DIR") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder for temporary files, with a path that is short enough for sockets; it has to be empty at the end."""
    folder = Path(tempfile.mkdtemp(prefix="scratch-"))
    yield folder
    left = [path.name for path in folder.iterdir()]
    shutil.rmtree(folder)
    assert left == [], "temporary files were left behind"


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedServer]]:
    """Starts scripted servers; they end with the test."""
    servers: list[ScriptedServer] = []

    def start(
        latency: float = 0.0,
        fault: Fault | None = None,
        prefer: Prefer = prefer_alphabetically,
        at_once: int | None = None,
    ) -> ScriptedServer:
        server = ScriptedServer(latency, fault, prefer, at_once)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def run(serve: Callable[..., ScriptedServer], tmp_path: Path) -> Callable[..., Awaitable[RunOutcome]]:
    """Spawns in the process sandbox on a scripted model, with settings that end quickly and no tournament."""

    async def start(
        count: int,
        *,
        fault: Fault | None = None,
        server: ScriptedServer | None = None,
        author: Any = None,
        progress: Any = None,
        reviewer: Any = None,
        **options: Any,
    ) -> RunOutcome:
        server = server or serve(fault=fault)
        if isinstance(author, str):  # the setting of that name, not an author that a test brings along
            options["author"], author = author, None
        settings = SpawnSettings(
            count=count,
            **{
                "model": "openai:scripted",
                "base_url": server.url,
                "sandbox": "process",
                "output": tmp_path / "generated",
                "seed": 1,
                "birth_deadline": 10,
                "reply_deadline": 20,
                "tournament": False,
                **options,
            },
        )
        return await spawn(settings, progress or RecordedProgress(), environ={}, author=author, reviewer=reviewer)

    return start
