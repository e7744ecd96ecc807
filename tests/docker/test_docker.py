"""The Docker sandbox: what runs in it, what it cannot do, and what is left of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from creator.isolation.docker import RUN_LABEL
from creator.isolation.image import build_context, ensure_image, image_tag
from tests.docker.conftest import BASE_IMAGE
from tests.integration.test_spawn import sabotage

pytestmark = pytest.mark.docker

PROBE = """
import asyncio, glob, json, os, socket
from autogen_core import MessageContext, RoutedAgent, message_handler
from sandbox import kit

def tried(action):
    try:
        return repr(action())[:80]
    except BaseException as error:
        return type(error).__name__

FOUND = {
    "interfaces": tried(lambda: sorted(name for _, name in socket.if_nameindex())),
    "dns": tried(lambda: socket.gethostbyname("example.org")),
    "uid": tried(os.getuid),
    "write root": tried(lambda: open("/x", "w")),
    "write modules": tried(lambda: open("/run/agents/x.py", "w")),
    "environment": tried(lambda: sorted(name for name in os.environ if "KEY" in name or "CREATOR" in name)),
    "supervisor memory": tried(lambda: open("/proc/%d/mem" % os.getppid(), "rb")),
    "creator": tried(lambda: __import__("creator")),
    "docker socket": tried(lambda: os.path.exists("/var/run/docker.sock")),
    "capabilities": tried(lambda: [l for l in open("/proc/self/status") if l.startswith("CapEff")][0].split()[1]),
}

class Agent(RoutedAgent):
    def __init__(self, name: str) -> None:
        super().__init__("probe")
        self._name = name

    @message_handler
    async def introduce(self, message: kit.Hello, ctx: MessageContext) -> kit.Introduction:
        return kit.Introduction(name=self._name, sector="x")

    @message_handler
    async def propose(self, message: kit.ProposeRequest, ctx: MessageContext) -> kit.Proposal:
        text = json.dumps(FOUND)
        return kit.Proposal(idea=kit.Idea(
            title="probe", problem=text, customer="x", solution="x", revenue_model="x", first_step="x"))
"""


class Probing:
    """An author whose first agent is the probe."""

    def __call__(self, world: Any) -> Any:
        author = sabotage()(world)
        kind = type(author)
        original = kind._source

        def source(this: Any, blueprint: Any) -> str:
            text = original(this, blueprint)
            return PROBE if "handmade" in text else text

        kind._source = source
        return author


def containers(engine: Any) -> list[Any]:
    return list(engine.containers.list(all=True, filters={"label": RUN_LABEL}))


async def test_a_run_in_a_container(run: Any, engine: Any) -> None:
    outcome = await run(5, sandbox="docker", base_image=BASE_IMAGE, bounce=1.0)
    assert outcome.exit_code == 0, outcome.reason
    assert outcome.sandbox == "docker"
    assert all(idea.refiners for idea in outcome.ideas)
    assert containers(engine) == []


async def test_what_a_module_finds_in_the_container(run: Any, engine: Any) -> None:
    import json

    outcome = await run(2, sandbox="docker", base_image=BASE_IMAGE, author=Probing(), bounce=0.0)
    assert outcome.exit_code == 0, outcome.reason
    found = json.loads(next(idea for idea in outcome.ideas if idea.final.title == "probe").final.problem)
    assert found["interfaces"] == "['lo']"
    assert found["dns"] == "gaierror"
    assert found["uid"] != "0"
    assert found["write root"] == "OSError"
    assert found["write modules"] == "OSError"
    assert found["environment"] == "[]"
    assert found["supervisor memory"] == "PermissionError"
    assert found["creator"] == "ModuleNotFoundError"
    assert found["docker socket"] == "False"
    assert found["capabilities"] == "'0000000000000000'"


async def test_a_module_that_exits_in_the_container_is_named(run: Any, engine: Any) -> None:
    outcome = await run(
        3, sandbox="docker", base_image=BASE_IMAGE, author=sabotage(propose="os._exit(5)"), reply_deadline=10
    )
    assert outcome.exit_code == 3
    assert [agent.reason for agent in outcome.agents if agent.state == "failed"] == ["its process ended: exit code 5"]


async def test_an_interrupted_start_leaves_no_container(run: Any, engine: Any) -> None:
    for pause in (0.05, 0.2, 0.4, 0.6):
        task = asyncio.create_task(run(2, sandbox="docker", base_image=BASE_IMAGE))
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert containers(engine) == []


def test_the_image_is_built_once_for_its_content(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    ensure_image(engine, BASE_IMAGE, lines.append)
    assert lines == []
    files = build_context()
    assert image_tag(BASE_IMAGE, files) != image_tag(BASE_IMAGE, {**files, "sandbox/kit.py": b"changed"})


def test_the_image_holds_nothing_of_the_trusted_side() -> None:
    names = set(build_context())
    assert "Dockerfile" in names
    assert all(name == "Dockerfile" or Path(name).parts[0] == "sandbox" for name in names)
