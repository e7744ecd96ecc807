"""A container for each agent, and the engine's own runtimes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import docker.errors
import pytest

from creator.isolation import SandboxUnavailable, inspect_sandbox
from creator.isolation.containers import BOUNDS
from creator.isolation.image import OWNER_LABEL
from creator.isolation.leftovers import remove_dead_containers
from creator.isolation.marks import process_mark
from creator.settings import SpawnSettings
from tests.conftest import REPOSITORY
from tests.docker.conftest import BASE_IMAGE
from tests.integration.test_spawn import sabotage

pytestmark = pytest.mark.docker


def containers(engine: Any) -> list[Any]:
    """Those of runs in this process."""
    filters = {"label": f"{OWNER_LABEL}={process_mark()}"}
    return list(engine.containers.list(all=True, filters=filters, ignore_removed=True))


OWN_CONTAINER: dict[str, Any] = {"sandbox": "docker", "isolation": "container", "base_image": BASE_IMAGE}


async def test_a_run_with_a_container_for_each_agent(run: Any, engine: Any) -> None:
    outcome = await run(4, bounce=1.0, **OWN_CONTAINER)
    assert outcome.exit_code == 0, outcome.reason
    assert "a container for each agent" in outcome.isolation_line
    assert all(idea.contributors for idea in outcome.ideas)
    assert containers(engine) == []


async def test_each_agent_is_in_its_own(run: Any, engine: Any) -> None:
    hanging = sabotage(propose="await asyncio.sleep(600)")
    running = asyncio.create_task(run(3, author=hanging, bounce=0.0, **OWN_CONTAINER))
    seen: dict[str, Any] = {}
    async with asyncio.timeout(60):
        while len(seen) < 3:
            await asyncio.sleep(0.05)
            for container in containers(engine):
                with contextlib.suppress(docker.errors.APIError):
                    container.reload()
                    seen[container.id] = container.attrs
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert containers(engine) == []
    assert len({attributes["Config"]["User"] for attributes in seen.values()}) == 3
    for attributes in seen.values():
        limits = attributes["HostConfig"]
        assert limits["Memory"] == limits["MemorySwap"] == BOUNDS.memory
        assert limits["PidsLimit"] == BOUNDS.pids
        assert limits["CapAdd"] in (None, [])
        assert limits["NetworkMode"] == "none"


@pytest.mark.parametrize(
    ("propose", "reason"),
    [
        ("os._exit(5)", "exit code 5"),
        ("os.kill(os.getpid(), 11)", "signal 11"),
        ("while True: pass", "unresponsive for 5 s"),
        ("hoard = [b'x' * (1 << 20) for _ in range(400)]; await asyncio.sleep(60)", "over its memory limit"),
    ],
)
async def test_an_agent_that_ends_its_container_is_named_with_the_reason(
    run: Any, engine: Any, propose: str, reason: str
) -> None:
    outcome = await run(2, author=sabotage(propose=propose), bounce=0.0, **OWN_CONTAINER)
    assert len(outcome.ideas) == 1
    (failed,) = [agent for agent in outcome.agents if agent.state == "failed"]
    assert reason in failed.reason


async def test_a_container_that_the_engine_refuses_costs_one_try(
    run: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from creator.isolation import containers as module

    tries: list[int] = []
    create = module.create_container

    def refuse_the_first(*args: Any, **options: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise SandboxUnavailable("the container cannot be created: no space left")
        return create(*args, **options)

    monkeypatch.setattr(module, "create_container", refuse_the_first)
    outcome = await run(2, bounce=0.0, **OWN_CONTAINER)
    assert outcome.exit_code == 0, outcome.reason
    assert sorted(agent.attempts for agent in outcome.agents) == [1, 2]


async def test_an_interrupted_launch_leaves_no_container(run: Any, engine: Any) -> None:
    for pause in (0.3, 0.5, 0.7, 0.9, 1.2):
        task = asyncio.create_task(run(4, **OWN_CONTAINER))
        await asyncio.sleep(pause)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert containers(engine) == []


async def test_the_engines_runtime_can_be_chosen(run: Any, engine: Any) -> None:
    running = asyncio.create_task(run(1, sandbox="docker", base_image=BASE_IMAGE, runtime="runc", author=sabotage()))
    async with asyncio.timeout(60):
        while not (found := containers(engine)):
            await asyncio.sleep(0.05)
    assert found[0].attrs["HostConfig"]["Runtime"] == "runc"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_runtime_that_the_engine_does_not_know_is_one_line(run: Any, engine: Any) -> None:
    with pytest.raises(SandboxUnavailable, match="nonesuch") as caught:
        await run(1, sandbox="docker", base_image=BASE_IMAGE, runtime="nonesuch")
    assert "\n" not in str(caught.value)
    assert containers(engine) == []


async def test_an_image_that_is_not_built_yet_is_not_built_to_look_at_it(engine: Any) -> None:
    with pytest.raises(SandboxUnavailable, match="not built yet"):
        await inspect_sandbox(SpawnSettings(count=1, base_image="no-such-image:1"))
    assert not [image for image in engine.images.list() if "no-such-image:1" in image.tags]


@pytest.mark.parametrize("isolation", ["process", "container"])
async def test_what_is_in_force_is_told_by_the_container_itself(engine: Any, isolation: str) -> None:
    settings = SpawnSettings(count=1, sandbox="docker", isolation=isolation, base_image=BASE_IMAGE)
    name, facts = await inspect_sandbox(settings)
    assert name == "docker"
    assert facts["network"] == "lo"
    assert facts["capabilities of a cell"] == "none"
    assert facts["new privileges"] == "never"
    assert int(facts["user of a cell"]) >= 20_000
    assert facts["folders that can be written to"] == "/tmp/cell-0"
    assert facts["memory of the sandbox"] == ("704 MiB" if isolation == "process" else "256 MiB")
    assert int(facts["processes of the sandbox"]) <= 160
    assert float(facts["processors of the sandbox"]) >= 1
    for refused in ("start a program", "open a connection", "reach another unix socket", "signal its parent"):
        assert facts[refused] == "refused (Operation not permitted)"
    assert containers(engine) == []


@pytest.mark.parametrize("isolation", ["process", "container"])
@pytest.mark.parametrize("pause", [0.9, 1.2, 1.5, 2.0])
def test_a_creator_that_is_killed_at_any_moment_leaves_no_container_running(
    serve: Any, engine: Any, isolation: str, pause: float
) -> None:
    server = serve(fault=lambda number, request: "hang" if number > 6 else None)
    options = ["--model", "openai:scripted", "--base-url", server.url, "--sandbox", "docker", "--isolation", isolation]
    command = [sys.executable, "-m", "creator", "spawn", "4", *options]
    with tempfile.TemporaryDirectory(prefix="killed-") as scratch:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": scratch, "CREATOR_BASE_IMAGE": BASE_IMAGE}
        with subprocess.Popen(
            command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment
        ) as process:
            time.sleep(pause)
            process.kill()

    def left(status: str | None = None) -> list[Any]:
        filters = {"label": OWNER_LABEL} | ({"status": status} if status else {})
        found = engine.containers.list(all=True, filters=filters, ignore_removed=True)
        return [container for container in found if container.labels[OWNER_LABEL].startswith(f"{process.pid}-")]

    for _ in range(100):
        if not left("running"):
            break
        time.sleep(0.1)
    assert left("running") == []
    remove_dead_containers(engine)  # as the next run does
    assert left() == []
