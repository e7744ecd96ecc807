"""Runs that are started as processes of their own: begun, refused, stopped, gone on with, and given up."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creator import launching
from creator.errors import EnvironmentFault, UsageError
from creator.ledger.view import load_run, run_names
from creator.locks import is_locked
from creator.outcome import RunOutcome, StartedRun
from tests.processes import descendants, living


@pytest.fixture
def model(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """A scripted model that the environment names; what goes wrong with it is the test's parameter."""
    fault = getattr(request, "param", None)
    server = serve(fault=lambda number, asked: fault)
    for name, value in {
        "MODEL": "openai:scripted",
        "BASE_URL": server.url,
        "SANDBOX": "process",
        "BOUNCE": "0",
    }.items():
        monkeypatch.setenv(f"CREATOR_{name}", value)
    return server


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def ended(directory: Path) -> RunOutcome:
    await until(lambda: load_run(directory).state == "finished" and not is_locked(directory))
    return load_run(directory).outcome


@pytest.fixture
def misleading() -> None:
    """A module of our name in the working directory, which is not the one to run."""
    Path("creator.py").write_text("raise SystemExit('not me')", "utf-8")


@pytest.mark.usefixtures("misleading")
async def test_a_run_is_started_stopped_and_gone_on_with(model: Any, tmp_path: Path) -> None:
    def hang_on_ideas(number: int, request: dict[str, Any]) -> str | None:
        return "hang" if not model.released.is_set() and "Propose one idea" in str(request["messages"]) else None

    model.fault = hang_on_ideas
    objective = "--review=now --output=/nowhere; $(touch x) `id`\n\u202e<b>"
    directory = await launching.launch(
        tmp_path / "generated", {"count": 2, "objective": objective, "seed": -1, "tournament": False, "keep": None}
    )
    view = load_run(directory)
    assert view.state == "running"
    assert view.outcome.objective == objective
    assert launching.stop(directory)
    outcome = await ended(directory)
    assert (outcome.exit_code, outcome.interrupted) == (130, True)
    assert not launching.stop(directory), "it has ended"

    model.released.set()
    assert await launching.launch_resume(directory) == directory
    outcome = await ended(directory)
    assert outcome.exit_code == 0, outcome.reason
    assert await launching.launch_resume(directory) == directory, "nothing is left to do, which is no mistake"
    assert run_names(tmp_path / "generated") == [directory.name]
    await until(lambda: not launching._children)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"count": "--help"}, "Argument N"),
        ({"count": 2, "pattern": "--dance"}, "Option --pattern"),
        ({"count": 2, "objective": "nul \0"}, "NUL"),
        ({"count": 2, "unknown_setting": "x"}, "No such option"),
    ],
)
async def test_a_refusal_is_the_line_that_says_why(
    model: Any, tmp_path: Path, options: dict[str, object], told: str
) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        await launching.launch(tmp_path / "generated", options)
    assert "\n" not in str(caught.value)
    assert run_names(tmp_path / "generated") == []


@pytest.mark.parametrize("model", ["401 no such key"], indirect=True)
async def test_a_run_that_dies_before_it_begins_says_why(model: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such key"):
        await launching.launch(tmp_path / "generated", {"count": 2})
    assert run_names(tmp_path / "generated") == []


@pytest.mark.parametrize("model", ["hang"], indirect=True)
async def test_a_run_that_is_given_up_while_it_starts_leaves_nothing(model: Any, tmp_path: Path) -> None:
    before = descendants(os.getpid())
    starting = asyncio.create_task(launching.launch(tmp_path / "generated", {"count": 2}))
    await until(lambda: model.calls)
    started = descendants(os.getpid()) - before
    assert started
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await until(lambda: not living(started))
    left = [load_run(tmp_path / "generated" / name) for name in run_names(tmp_path / "generated")]
    assert [(view.state, view.outcome.exit_code) for view in left] == [("finished", 130)], (
        "ended in order, as by Ctrl-C"
    )

    with pytest.raises(EnvironmentFault, match=r"did not begin within 0\.1 seconds"):
        await launching.launch(tmp_path / "generated", {"count": 2}, seconds=0.1)
    await until(lambda: not descendants(os.getpid()) - before)


async def test_only_a_run_that_goes_on_here_is_stopped(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = await run(1)
    assert not launching.stop(outcome.directory)
    record = outcome.directory / "run.json"
    started = load_run(outcome.directory).outcome.model_dump(
        mode="json", include={"run_id", "objective", "model", "sandbox", "isolation_line", "asked", "started"}
    )

    def left(**changes: Any) -> None:
        record.write_text(StartedRun.model_validate({**started, **changes}).model_dump_json(), "utf-8")

    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append(number))
    left(pid=os.getpid(), host=os.uname().nodename)
    assert not launching.stop(outcome.directory), "the process of that number is another one: it does not hold the run"
    left(pid=os.getpid(), host="elsewhere")
    with pytest.raises(UsageError, match="another machine"):
        launching.stop(outcome.directory)
    assert killed == []
