"""How agents are kept apart, and what the user is told and refused about it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from creator.cli import main
from creator.isolation import SandboxUnavailable, inspect_sandbox
from creator.isolation.guarantees import SOCKETS, TOTAL
from creator.settings import SpawnSettings
from tests.conftest import REPOSITORY
from tests.integration.test_spawn import sabotage
from tests.processes import descendants, living

WITHOUT_DOCKER = ("process", "bubblewrap")


def events(outcome: Any, kind: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        return ledger.execute("SELECT subject, detail FROM events WHERE kind = ?", (kind,)).fetchall()


@pytest.mark.parametrize("sandbox", WITHOUT_DOCKER)
async def test_agents_that_share_a_cell_work_as_they_do_alone(run: Any, sandbox: str) -> None:
    outcome = await run(10, sandbox=sandbox, agents_per_cell=4, bounce=1.0)
    assert outcome.exit_code == 0, outcome.reason
    assert all(idea.contributors for idea in outcome.ideas)
    assert (SOCKETS in outcome.isolation_line) == (sandbox == "process")
    assert TOTAL not in outcome.isolation_line or os.getuid() != 0


async def test_agents_that_share_a_cell_share_its_end(run: Any, serve: Any) -> None:
    # The registry answers once everyone is born; the other two then wait longer for their model than the cell lives.
    spoiler = sabotage(propose="await kit.find_colleague(self); await asyncio.sleep(0.5); os._exit(3)")
    outcome = await run(3, agents_per_cell=3, author=spoiler, bounce=0.0, server=serve(latency=2.0))
    assert outcome.ideas == []
    assert len(events(outcome, "cell ended")) == 3
    assert all("exit code 3" in detail for _, detail in events(outcome, "cell ended"))


async def test_a_failed_birth_leaves_those_who_share_the_cell_alone(run: Any) -> None:
    outcome = await run(4, agents_per_cell=4, author=sabotage(constructor="raise KeyError()"), bounce=0.0)
    assert len(outcome.ideas) == 3
    assert [agent.reason for agent in outcome.agents if agent.state == "failed"] == ["KeyError (line 11)"]
    assert events(outcome, "cell ended") == []


async def test_a_failed_agent_of_a_shared_cell_is_disconnected_from_the_host(run: Any) -> None:
    """Its cell goes on for the others."""
    outcome = await run(4, agents_per_cell=4, author=sabotage(propose="raise KeyError()"), bounce=0.0)
    assert len(outcome.ideas) == 3
    assert events(outcome, "cell ended") == []
    ((_, counters),) = events(outcome, "host")
    assert json.loads(counters)["clients"] == 5, "the World, the supervisor and three agents"


@pytest.mark.parametrize("sandbox", WITHOUT_DOCKER)
async def test_what_is_in_force_is_told_by_the_cell_itself(sandbox: str) -> None:
    name, facts = await inspect_sandbox(SpawnSettings(count=1, sandbox=sandbox))
    assert name == sandbox
    assert facts["capabilities of a cell"] == "none"
    assert facts["new privileges"] == "never"
    assert facts["Landlock"].startswith("version ")
    assert facts["folders that can be written to"] == "none"
    assert facts["size of a cell's files"] == "0 MiB"
    for refused in ("start a program", "open a connection", "reach another unix socket", "signal its parent"):
        assert facts[refused] == "refused (Operation not permitted)"
    assert (facts["network"] == "lo") == (sandbox == "bubblewrap")


class WritesCode:
    """An author of code, as far as the sandbox is concerned."""

    def __call__(self, world: Any) -> Any:
        author = sabotage(propose="raise KeyError()")(world)
        author.writes_code = True
        return author


async def test_a_plain_process_takes_no_code_of_a_model(run: Any) -> None:
    with pytest.raises(SandboxUnavailable, match="--unsafe"):
        await run(1, author=WritesCode())


async def test_a_plain_process_takes_code_of_a_model_from_one_who_insists(run: Any) -> None:
    outcome = await run(2, author=WritesCode(), unsafe=True, bounce=0.0)
    assert len(outcome.ideas) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--isolation", "container", "--sandbox", "process"], "--isolation container needs Docker"),
        (["--runtime", "runsc", "--sandbox", "bubblewrap"], "--runtime needs Docker"),
        (["--isolation", "container", "--agents-per-cell", "2"], "leave --agents-per-cell out"),
        (["--isolation", "planet"], "Option --isolation"),
        (["--runtime", "../x"], "Option --runtime"),
        (["--agents-per-cell", "0"], "Option --agents-per-cell"),
    ],
)
def test_options_that_do_not_fit_are_one_line(
    options: list[str], said: str, serve: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve()
    assert main(["spawn", "1", "--model", "openai:scripted", "--base-url", server.url, *options]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert said in line
    assert not Path("generated/latest").exists()


@pytest.mark.parametrize("sandbox", WITHOUT_DOCKER)
@pytest.mark.parametrize("pause", [0.6, 0.9, 1.2, 1.6])
def test_a_creator_that_is_killed_at_any_moment_leaves_nothing_running(serve: Any, sandbox: str, pause: float) -> None:
    server = serve(fault=lambda number, request: "hang" if number > 6 else None)
    with tempfile.TemporaryDirectory(prefix="killed-") as scratch:
        options = ["--model", "openai:scripted", "--base-url", server.url, "--sandbox", sandbox]
        command = [sys.executable, "-m", "creator", "spawn", "4", *options]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": scratch}
        with subprocess.Popen(
            command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment
        ) as process:
            time.sleep(pause)
            process.send_signal(signal.SIGSTOP)  # so that it starts nothing between the look and the kill
            started = descendants(process.pid)
            process.kill()
        for _ in range(100):
            if not living(started):
                break
            time.sleep(0.1)
        assert not living(started)
        clean_up = [sys.executable, "-m", "creator", "doctor", "--clean"]
        subprocess.run(clean_up, env={**environment, "DOCKER_HOST": "unix:///nowhere"}, check=True, capture_output=True)
        left = [path.name for path in Path(scratch).iterdir() if not path.name.startswith("creator-host-")]
        assert left == []


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


async def test_a_zygote_that_dies_ends_the_run_with_a_reason(run: Any) -> None:
    running = asyncio.create_task(run(2, author=sabotage(propose="await asyncio.sleep(600)")))
    async with asyncio.timeout(30):
        while not (found := [pid for pid, _ in descendants(os.getpid()) if b"sandbox.zygote" in command_line(pid)]):
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    for pid in found:
        with contextlib.suppress(ProcessLookupError):  # the zygote's cells have its command line, and die with it
            os.kill(pid, signal.SIGKILL)
    try:
        outcome = await running
        assert outcome.exit_code != 0
        assert "sandbox ended" in outcome.reason
    except SandboxUnavailable as error:
        assert "ended" in str(error)
