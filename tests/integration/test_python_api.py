"""A run from a Python program: side by side, in any thread, cancelled, and as the documentation shows it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

import creator
from creator import RunOutcome, SilentProgress, SpawnOptions, UsageError, open_run, resume, run_ids, spawn
from tests.conftest import REPOSITORY
from tests.processes import descendants, living
from tests.scripted_server import ScriptedServer

PAGE = REPOSITORY / "docs/reference/python.md"


def options(server: ScriptedServer) -> SpawnOptions:
    return {"model": "openai:scripted", "base_url": server.url, "sandbox": "process", "tournament": False}


async def test_two_runs_go_on_side_by_side_and_say_nothing(serve: Any, capfd: pytest.CaptureFixture[str]) -> None:
    server = serve()
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    one, other = await asyncio.gather(*(spawn(2, objective=text, **options(server)) for text in ("bread", "boats")))
    assert [len(run.ideas) for run in (one, other)] == [2, 2]
    assert run_ids() == sorted([one.run_id, other.run_id]) and one.run_id != other.run_id
    assert open_run(one.run_id).outcome == one.model_copy(update={"directory": Path("generated") / one.run_id})
    assert {open_run(run.run_id).outcome.objective for run in (one, other)} == {"bread", "boats"}
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert tuple(capfd.readouterr()) == ("", "")
    assert await resume(one.run_id) == open_run(one.run_id).outcome, "nothing is left to do"


def test_a_run_goes_on_in_the_event_loop_of_a_thread(serve: Any) -> None:
    server, outcomes = serve(), list[RunOutcome]()
    thread = threading.Thread(target=lambda: outcomes.append(asyncio.run(spawn(1, **options(server)))))
    thread.start()
    thread.join()
    assert outcomes[0].exit_code == 0, outcomes[0].reason


async def test_whoever_is_cancelled_finds_what_there_was_and_goes_on(serve: Any) -> None:
    born = asyncio.Event()

    class Told(SilentProgress):
        def agent(self, name: str, state: str, reason: str = "") -> None:
            if state == "live":
                born.set()

    held = threading.Event()

    def fault(number: int, request: dict[str, Any]) -> str | None:
        wants_idea = "first_step" in str(request.get("response_format", ""))
        return "hang" if wants_idea and not held.is_set() else None

    server = serve(fault=fault)
    before = descendants(os.getpid())
    task = asyncio.create_task(spawn(2, progress=Told(), **options(server)))
    await born.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert living(descendants(os.getpid()) - before) == set()
    view = open_run()
    assert (view.state, view.outcome.interrupted, view.outcome.ideas) == ("finished", True, [])
    held.set()
    outcome = await resume(view, max_tokens=1_000_000)
    assert (outcome.exit_code, outcome.run_id, len(outcome.ideas)) == (0, view.outcome.run_id, 2)


async def test_a_mistake_is_told_before_anything_is_made() -> None:
    with pytest.raises(UsageError, match=r"bounce.*1\.5"):
        await spawn(2, bounce=1.5)
    with pytest.raises(TypeError, match=r"spawn\(\) has no option 'modle'; did you mean 'model'\?"):
        await spawn(2, modle="openai:x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"resume\(\) has no option 'objective'"):
        await resume(objective="x")  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="No runs in"):
        open_run(output="nowhere")
    with pytest.raises(AttributeError, match="'spwan'"):
        creator.spwan  # type: ignore[attr-defined]  # noqa: B018
    assert run_ids() == []


async def test_a_program_can_call_a_run_off_and_review_it(serve: Any) -> None:
    estimates: list[creator.Estimate] = []

    async def consent(estimate: creator.Estimate) -> None:
        estimates.append(estimate)
        raise UsageError("not today")

    class Reviewing:
        async def review(self, candidate: creator.Candidate) -> creator.Verdict:
            return creator.Verdict("approved")

        async def tell(self, candidate: creator.Candidate, problem: str) -> None: ...

    server = serve()
    with pytest.raises(UsageError, match="not today"):
        await spawn(2, consent=consent, **options(server))
    assert estimates[0].calls.low > 0 and run_ids() == []
    outcome = await spawn(1, reviewer=Reviewing(), environ={}, **options(server))
    assert outcome.exit_code == 0, outcome.reason


@pytest.mark.parametrize("number", range(PAGE.read_text("utf-8").count("```python")))
def test_the_documentation_runs(serve: Any, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    block = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)[number]
    server = serve()
    for name, value in {"MODEL": "openai:gpt-4.1-mini", "BASE_URL": server.url, "SANDBOX": "process"}.items():
        monkeypatch.setenv(f"CREATOR_{name}", value)
    Path("prices.json").write_text('{"openai:gpt-4.1-mini": {"prompt": 0.1, "completion": 0.1}}', "utf-8")
    monkeypatch.setenv("CREATOR_PRICES", "prices.json")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block, f"{PAGE.name}[{number}]", "exec"), {"__name__": "__main__"})
    assert out.getvalue().strip()
