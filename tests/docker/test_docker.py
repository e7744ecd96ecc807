"""The Docker sandbox: what runs in it, what it cannot do, and what is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from creator.cli import main
from creator.health.sandboxes import docker_checks
from creator.isolation.engine import FIRST_UID
from creator.isolation.image import (
    OWNER_LABEL,
    RUN_LABEL,
    ImageMissing,
    build_context,
    ensure_image,
    find_image,
    image_tag,
)
from creator.isolation.marks import process_mark
from tests.conftest import REPOSITORY
from tests.docker.conftest import BASE_IMAGE
from tests.integration.test_spawn import sabotage

pytestmark = pytest.mark.docker


def containers(engine: Any) -> list[Any]:
    return list(engine.containers.list(all=True, filters={"label": RUN_LABEL}))


async def test_a_run_in_a_container(run: Any, engine: Any) -> None:
    outcome = await run(5, sandbox="docker", base_image=BASE_IMAGE, bounce=1.0)
    assert outcome.exit_code == 0, outcome.reason
    assert outcome.sandbox == "docker"
    assert all(idea.contributors for idea in outcome.ideas)
    assert containers(engine) == []


async def test_a_run_under_a_strict_umask(run: Any, engine: Any) -> None:
    before = os.umask(0o077)
    try:
        outcome = await run(1, sandbox="docker", base_image=BASE_IMAGE)
    finally:
        os.umask(before)
    assert outcome.exit_code == 0, outcome.reason


async def test_each_agent_has_a_user_of_its_own(run: Any, engine: Any) -> None:
    running = asyncio.create_task(
        run(3, sandbox="docker", base_image=BASE_IMAGE, author=sabotage(propose="await asyncio.sleep(600)"))
    )
    users: set[int] = set()
    async with asyncio.timeout(60):
        while len([uid for uid in users if uid >= FIRST_UID]) < 3:
            await asyncio.sleep(0.1)
            for container in containers(engine):
                if container.status == "running":
                    users |= {int(row[0]) for row in container.top(ps_args="-eo uid,pid,comm")["Processes"]}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {uid for uid in users if uid < FIRST_UID} == {0}, "the supervisor's"


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


def test_a_killed_creator_leaves_no_container(serve: Any, engine: Any, scratch: Path) -> None:
    server = serve(fault=lambda number, request: "hang" if number > 3 else None)
    arguments = ["--model", "openai:scripted", "--base-url", server.url, "--sandbox", "docker"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "CREATOR_BASE_IMAGE": BASE_IMAGE,
        "TMPDIR": str(scratch),
    }
    command = [sys.executable, "-m", "creator", "spawn", "2", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stderr is not None
        while b"live" not in (line := process.stderr.readline()):
            assert line
        assert len(containers(engine)) == 1
        process.kill()
    for _ in range(100):
        if not containers(engine):
            break
        subprocess.run(["sleep", "0.1"], check=True)
    assert containers(engine) == []
    # The socket's folder: only the dying process could have removed it, or somebody who cleans up.
    assert list(scratch.iterdir())
    clean_up = [sys.executable, "-m", "creator", "doctor", "--clean"]
    cleaned = subprocess.run(clean_up, env=environment, capture_output=True, text=True, check=True)
    assert "removed" in cleaned.stdout
    assert not list(scratch.iterdir())


def test_the_image_is_built_once_for_its_content(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    ensure_image(engine, BASE_IMAGE, lines.append)
    assert lines == []
    files = build_context()
    assert image_tag(BASE_IMAGE, files) != image_tag(BASE_IMAGE, {**files, "sandbox/kit.py": b"changed"})


def test_doctor_builds_the_image_that_is_missing(engine: Any) -> None:
    base, tag = "creator-base-of-a-test", "once"
    engine.images.get(BASE_IMAGE).tag(base, tag)
    try:
        docker, image = docker_checks(f"{base}:{tag}")
        assert (docker.state, image.state) == ("ok", "missing")
        assert image.mend is not None and "Build the sandbox image now" in image.mend.question
        lines: list[str] = []
        image.mend.run(lines.append)
        assert "building the sandbox image" in lines[0]
        assert [check.state for check in docker_checks(f"{base}:{tag}")] == ["ok", "ok"]
    finally:
        engine.images.remove(f"{base}:{tag}")
        with contextlib.suppress(ImageMissing):
            engine.images.remove(find_image(engine, f"{base}:{tag}"))


def test_the_image_holds_nothing_of_the_trusted_side() -> None:
    names = set(build_context())
    assert "Dockerfile" in names
    assert all(name == "Dockerfile" or Path(name).parts[0] == "sandbox" for name in names)


def test_cleaning_up_removes_what_is_dead_and_nothing_else(
    engine: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CREATOR_BASE_IMAGE", BASE_IMAGE)
    image = ensure_image(engine, BASE_IMAGE, lambda line: None)
    old = f"{image.split(':')[0]}:earlier"
    engine.images.get(image).tag(*old.split(":"))
    owners = {"dead": "999999999-1", "reused id": f"{os.getpid()}-1", "alive": process_mark()}
    made = {
        run: engine.containers.create(image, labels={RUN_LABEL: run, OWNER_LABEL: owner})
        for run, owner in owners.items()
    }
    try:
        assert main(["doctor", "--clean"]) == 0
        out = capsys.readouterr().out
        assert "container dead: removed" in out and "container reused id: removed" in out
        assert f"image {old}: removed" in out
        assert [container.labels[RUN_LABEL] for container in containers(engine)] == ["alive"]
        assert image in [tag for one in engine.images.list() for tag in one.tags]
        assert old not in [tag for one in engine.images.list() for tag in one.tags]
    finally:
        for container in containers(engine):
            container.remove(force=True)
    assert len(made) == 3


@pytest.mark.parametrize("isolation", ["process", "container"])
async def test_code_of_a_model_is_tried_and_lives_in_docker(run: Any, engine: Any, isolation: str) -> None:
    fault = {3: "bad code"}.get
    outcome = await run(
        2,
        author="code",
        sandbox="docker",
        isolation=isolation,
        base_image=BASE_IMAGE,
        bounce=0.0,
        fault=lambda number, request: fault(number),
    )
    assert outcome.exit_code == 0, outcome.reason
    assert [agent.author for agent in outcome.agents] == ["code", "code"]
    assert engine.containers.list(all=True, filters={"label": f"{OWNER_LABEL}={process_mark()}"}) == []
