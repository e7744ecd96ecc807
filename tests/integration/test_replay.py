"""Runs that are played again from their recorded model calls: the same files, byte for byte, with no model."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
import zipfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from autogen_core.models import LLMMessage

from creator.cli import main
from creator.errors import EnvironmentFault, UsageError
from creator.isolation import SandboxUnavailable
from creator.ledger.view import find_run, load_run
from creator.library import keep
from creator.models.backend import Backend, Completion, Usage
from creator.outcome import RunOutcome
from creator.replaying.archive import pack, unpack
from creator.replaying.player import Replayed, replay
from creator.replaying.recorder import record_of
from creator.replaying.recording import Recording
from creator.review.base import Candidate, Verdict
from creator.settings import SpawnSettings
from creator.spawning import let_work, resume
from creator.templates.finding import choose_templates
from creator.world import World
from tests.conftest import RecordedProgress
from tests.integration.test_resume import Killer, environment, go_on, read, spawn_command
from tests.scripted_server import Fault, ScriptedServer

Run = Callable[..., Awaitable[RunOutcome]]
Serve = Callable[..., ScriptedServer]
LIKE_OTHERS = json.dumps(
    {
        "title": "Night watch for cold rooms",
        "problem": "Cold rooms fail at night and nobody is there to see it.",
        "customer": "Small bakeries",
        "solution": "An agent that watches the temperature and calls whoever is on duty.",
        "why_now": "Sensors are cheap.",
        "revenue_model": "A fee each month.",
        "cost_to_try": "Two weeks.",
        "first_step": "Ask five bakeries.",
        "risks": "Nobody answers at night.",
    }
)


def uneven(fault: Callable[[int, dict[str, Any]], str | None] | None = None) -> Fault:
    """Answers that take their time, so that no run goes in the order of another, and the faults of another script."""
    dice = random.Random(5)

    def answer(number: int, request: dict[str, Any]) -> str | None:
        time.sleep(0.03 * dice.random())
        return fault(number, request) if fault is not None else None

    return answer


def asks_for_an_idea(request: dict[str, Any]) -> bool:
    schema = request.get("response_format", {}).get("json_schema", {}).get("schema", {})
    return "solution" in schema.get("properties", {})


def files_of(directory: Path) -> dict[str, str]:
    """All modules and ideas of a run, by their paths."""
    paths = [*directory.glob("agents/*.py"), *directory.glob("ideas/**/*.md")]
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


async def played(directory: Path, output: Path, **options: Any) -> Replayed:
    return await replay(record_of(directory), {"output": output, "sandbox": "process", **options}, RecordedProgress())


async def assert_same(outcome: RunOutcome, output: Path, **options: Any) -> Replayed:
    """A run is played again elsewhere, to the same files."""
    again = await played(outcome.directory, output, **options)
    assert again.differences == []
    assert again.outcome.replay_of == outcome.run_id
    assert files_of(again.outcome.directory) == files_of(outcome.directory)
    assert again.ideas == len(outcome.ideas)
    assert again.one_shots == len(outcome.one_shot)
    return again


@pytest.mark.parametrize(
    "options",
    [
        {"count": 12, "tournament": True},
        {"count": 6, "tournament": True, "judges": 3, "baseline": True},
        {"count": 6, "pattern": "bounce", "bounce": 1.0},
        {"count": 6, "pattern": "critique", "bounce": 1.0},
        {"count": 6, "pattern": "panel", "bounce": 1.0},
        {"count": 6, "pattern": "relay", "bounce": 1.0},
        {"count": 6, "pattern": "pro_contra", "bounce": 1.0},
        {"count": 6, "generations": 1, "tournament": True},
        {"count": 5, "embeddings": "small-embedder", "tournament": True},
        {"count": 5, "template": {"idea_agent": 2.0, "critic_agent": 1.0, "researcher_agent": 1.0}},
        {"count": 3, "template": {"founder_agent": 1.0}, "max_depth": 2},
    ],
    ids=lambda options: "-".join(str(one) for one in options if one != "count"),
)
async def test_a_run_comes_out_the_same(run: Run, tmp_path: Path, options: dict[str, Any]) -> None:
    outcome = await run(fault=uneven(), **options)
    assert outcome.exit_code == 0, outcome.reason
    again = await assert_same(outcome, tmp_path / "elsewhere")
    assert again.outcome.prompt_tokens == again.outcome.completion_tokens == 0, "nothing was paid for"


async def test_agents_that_agents_order_are_born_again(run: Run, tmp_path: Path) -> None:
    """Each founder hires twice, and is refused the third time."""
    outcome = await run(3, template={"founder_agent": 1.0}, fault=uneven(), bounce=0.5, max_agents=12)
    asked = [agent for agent in outcome.agents if agent.asked_by]
    assert asked, "nobody was hired: the test shows nothing"
    again = await assert_same(outcome, tmp_path / "elsewhere")
    assert {(one.name, one.asked_by) for one in again.outcome.agents} == {
        (one.name, one.asked_by) for one in outcome.agents
    }


async def test_near_duplicates_are_grouped_the_same_way(run: Run, tmp_path: Path) -> None:
    """Whichever of them comes first this time."""
    wrong = uneven(lambda number, request: LIKE_OTHERS if asks_for_an_idea(request) and number % 2 else None)
    outcome = await run(10, fault=wrong, tournament=True, bounce=0.0)
    assert outcome.ranking is not None and outcome.ranking.under
    again = await assert_same(outcome, tmp_path / "elsewhere")
    assert again.outcome.ranking is not None
    assert again.outcome.ranking.under == outcome.ranking.under
    assert again.outcome.ranking.places == outcome.ranking.places


@pytest.mark.parametrize("seed", range(2))
async def test_what_went_wrong_goes_wrong_again(run: Run, tmp_path: Path, seed: int) -> None:
    """Births that failed, ideas that never came, answers that had to be asked for once more."""
    dice = random.Random(seed)
    kinds = ["400 no", "nonsense", "truncated", "refusal", "empty", "fenced"]

    def wrong(number: int, request: dict[str, Any]) -> str | None:
        return dice.choice(kinds) if number > 3 and dice.random() < 0.25 else None

    mix = {"founder_agent": 2.0, "idea_agent": 1.0, "critic_agent": 1.0}
    outcome = await run(10, fault=uneven(wrong), tournament=True, template=mix)
    again = await played(outcome.directory, tmp_path / "elsewhere")
    assert again.differences == []
    assert files_of(again.outcome.directory) == files_of(outcome.directory)
    assert {(one.name, one.state) for one in again.outcome.agents} == {(one.name, one.state) for one in outcome.agents}


async def test_a_birth_that_failed_in_its_cell_leaves_the_module_that_it_left(run: Run, tmp_path: Path) -> None:
    def wrong_for_one(number: int, request: dict[str, Any]) -> str | None:
        return "400 no" if number == 3 else None

    outcome = await run(4, fault=wrong_for_one)
    assert len(outcome.failed) == 1
    again = await assert_same(outcome, tmp_path / "elsewhere")
    assert [one.name for one in again.outcome.failed] == [one.name for one in outcome.failed]


async def test_code_that_was_mended_is_written_the_same_way(run: Run, tmp_path: Path) -> None:
    faults = {2: "bad import", 4: "bad code", 5: "prose"}
    wrong = uneven(lambda number, request: faults.get(number))
    outcome = await run(3, fault=wrong, author="code", sandbox="bubblewrap", bounce=0.0)
    assert {agent.author for agent in outcome.agents} == {"code"}
    await assert_same(outcome, tmp_path / "elsewhere", sandbox="bubblewrap")


async def test_code_needs_a_sandbox_that_holds(run: Run, tmp_path: Path) -> None:
    outcome = await run(1, author="code", sandbox="bubblewrap", bounce=0.0)
    with pytest.raises(SandboxUnavailable, match="--unsafe"):
        await played(outcome.directory, tmp_path / "elsewhere")
    assert not list((tmp_path / "elsewhere").glob("2*")), "no empty run is left"


class Editor:
    """A person who rejects the first module, edits the second and approves the others."""

    def __init__(self) -> None:
        self.shown: list[Candidate] = []

    async def review(self, candidate: Candidate) -> Verdict:
        self.shown.append(candidate)
        if len(self.shown) == 1:
            return Verdict("rejected", "too shy by half")
        if len(self.shown) == 2:
            return Verdict("edited", source=candidate.source.replace("plain sentences", "plain short sentences"))
        return Verdict("approved")

    async def tell(self, candidate: Candidate, line: str) -> None:
        raise AssertionError(line)


async def test_what_a_person_decided_is_decided_again(run: Run, tmp_path: Path) -> None:
    outcome = await run(3, review="now", reviewer=Editor(), bounce=0.5)
    assert outcome.exit_code == 0, outcome.reason
    await assert_same(outcome, tmp_path / "elsewhere", sandbox="bubblewrap")


async def test_kept_agents_take_part_again_without_the_library(run: Run, tmp_path: Path) -> None:
    first = await run(2)
    library = tmp_path / "library"
    keep(first.directory, first.agents[0].name, library, as_name="ada_again")
    outcome = await run(3, with_agents=["ada_again"], library=library)
    assert "ada_again" in {agent.name for agent in outcome.agents}
    (library / "ada_again.py").unlink()
    await assert_same(outcome, tmp_path / "elsewhere", sandbox="bubblewrap")
    with pytest.raises(SandboxUnavailable, match="--unsafe"):
        await played(outcome.directory, tmp_path / "elsewhere")


async def test_a_run_that_was_played_again_is_played_again(run: Run, tmp_path: Path) -> None:
    outcome = await run(4, tournament=True, generations=1)
    again = await assert_same(outcome, tmp_path / "second")
    third = await played(again.outcome.directory, tmp_path / "third")
    assert third.differences == []
    assert third.outcome.replay_of == outcome.run_id
    assert files_of(third.outcome.directory) == files_of(outcome.directory)
    last = load_run(third.outcome.directory).outcome
    assert last.replay_of == outcome.run_id
    with pytest.raises(UsageError, match="played again"):
        await resume(third.outcome.directory, SpawnSettings(count=4), RecordedProgress(), environ={})


async def test_ideas_of_a_form_of_ones_own_come_with_it(run: Run, tmp_path: Path) -> None:
    schema = tmp_path / "recipe.json"
    properties = {name: {"type": "string", "description": f"The {name}."} for name in ("title", "taste", "steps")}
    schema.write_text(json.dumps({"type": "object", "description": "A dish.", "properties": properties}), "utf-8")
    outcome = await run(2, idea_schema=schema, objective="dishes")
    schema.unlink()
    again = await assert_same(outcome, tmp_path / "elsewhere")
    assert "taste" in again.outcome.ideas[0].final.parts


@pytest.mark.parametrize("point", [12, 80])
def test_a_run_that_was_killed_and_gone_on_with_comes_out_the_same(serve: Serve, tmp_path: Path, point: int) -> None:
    killer = Killer(point)
    server = serve()
    server.fault = killer.strike(server)
    killer.process = subprocess.Popen(
        spawn_command(server, tmp_path, 10), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    killer.process.communicate(timeout=300)
    assert killer.process.returncode == -signal.SIGKILL
    assert main(["runs", "replay", "latest", "--output", str(tmp_path)]) == 2, "it has no result yet"
    assert go_on(tmp_path, "--quiet").returncode == 0
    calls = server.calls
    first = find_run(tmp_path)
    assert main(["runs", "replay", "latest", "--output", str(tmp_path), "--sandbox", "process", "--quiet"]) == 0
    second = find_run(tmp_path)
    assert second != first and files_of(second) == files_of(first)
    assert server.calls == calls, "a model was asked"


def test_births_that_were_given_up_and_tried_again_later(serve: Serve, tmp_path: Path) -> None:
    """The model refuses some, then everybody; once it is back, who was given up hears why, and is born."""
    server = serve()
    server.fault = lambda number, request: "401 lost" if number > 40 else "400 no" if number in (3, 5) else None
    subprocess.run(spawn_command(server, tmp_path, 8), env=environment(), capture_output=True, check=False)
    server.fault = None
    assert go_on(tmp_path, "--quiet").returncode == 0
    first = find_run(tmp_path)
    assert {agent.attempts for agent in load_run(first).outcome.agents} > {1}
    assert main(["runs", "replay", "latest", "--output", str(tmp_path), "--sandbox", "process", "--quiet"]) == 0
    assert files_of(find_run(tmp_path)) == files_of(first)


def test_a_killed_generation_comes_out_the_same(serve: Serve, tmp_path: Path) -> None:
    killer = Killer(110)  # of about 160
    server = serve()
    server.fault = killer.strike(server)
    more = ("--generations", "1", "--baseline")
    killer.process = subprocess.Popen(
        spawn_command(server, tmp_path, 5, *more), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    killer.process.communicate(timeout=300)
    assert killer.process.returncode == -signal.SIGKILL
    assert max(read(tmp_path).births) > 5, "it was killed before the second generation"
    assert go_on(tmp_path, "--quiet").returncode == 0
    first = find_run(tmp_path)
    assert main(["runs", "replay", "latest", "--output", str(tmp_path), "--sandbox", "process", "--quiet"]) == 0
    assert files_of(find_run(tmp_path)) == files_of(first)


@pytest.mark.parametrize("point", [42])
def test_what_an_interrupted_run_came_to_comes_out_the_same(serve: Serve, tmp_path: Path, point: int) -> None:
    """Interrupted among births, ideas and comparisons."""
    server = serve()
    process: list[subprocess.Popen[bytes]] = []

    def interrupt(number: int, request: dict[str, Any]) -> str | None:
        if number == point:
            process[0].send_signal(signal.SIGINT)
        return None

    server.fault = interrupt
    command = spawn_command(server, tmp_path, 10)
    process.append(subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    process[0].communicate(timeout=300)
    assert process[0].returncode == 130
    first = find_run(tmp_path)
    assert files_of(first), "it was interrupted before anything was there"
    assert main(["runs", "replay", "latest", "--output", str(tmp_path), "--sandbox", "process", "--quiet"]) == 0
    assert files_of(find_run(tmp_path)) == files_of(first)


async def test_the_archive_is_played_elsewhere_and_nobody_is_asked(
    run: Run, serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    outcome = await run(5, server=server, tournament=True)
    archive = tmp_path / "run.zip"
    pack(record_of(outcome.directory), archive)
    calls = server.calls
    monkeypatch.setenv("CREATOR_BOUNCE", "1")
    monkeypatch.setenv("CREATOR_GENERATIONS", "3")
    monkeypatch.setenv("CREATOR_MODEL", "openai:another")
    again = await replay(unpack(archive), {"output": tmp_path / "new", "sandbox": "process"}, RecordedProgress())
    assert again.differences == []
    assert files_of(again.outcome.directory) == files_of(outcome.directory)
    assert server.calls == calls


async def test_the_command_tells_what_came_of_it(
    run: Run, serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve()
    outcome = await run(3, server=server)
    server.stop()
    archive, elsewhere = tmp_path / "a.run.zip", str(tmp_path / "elsewhere")
    output = str(outcome.directory.parent)

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*spawn_command(server, tmp_path)[:3], "runs", *arguments],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    packed = command("pack", outcome.run_id, "--to", str(archive), "--output", output)
    assert packed.returncode == 0, packed.stderr
    assert "runs replay" in packed.stdout
    refused = command("pack", outcome.run_id, "--to", str(archive), "--output", output)
    assert refused.returncode == 2 and "--force" in refused.stderr
    replayed = command("replay", str(archive), "--output", elsewhere, "--sandbox", "process", "--json")
    assert replayed.returncode == 0, replayed.stderr
    told = json.loads(replayed.stdout)
    assert (told["identical"], told["modules"], told["ideas"]) == (True, 3, 3)
    replayed = command("replay", "latest", "--output", elsewhere, "--sandbox", "process")
    assert replayed.returncode == 0, replayed.stderr
    assert "identical: 3 modules, 3 ideas" in replayed.stdout


async def test_an_archive_tells_nothing_of_the_machine(
    run: Run, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "canary")
    server = serve()
    server.fault = lambda number, request: f"400 no at {server.url} of canary in {tmp_path}" if number == 4 else None
    outcome = await run(3, server=server)
    archive = tmp_path / "run.zip"
    pack(record_of(outcome.directory), archive)
    with zipfile.ZipFile(archive) as file:
        everything = "\n".join(file.read(name).decode("utf-8") for name in file.namelist())
    assert "(hidden)" in everything
    assert (outcome.directory / "run.json").read_text("utf-8").count("canary") > 1, "nothing was to be hidden"
    host = server.url.removeprefix("http://").removesuffix("/v1")
    for telling in (str(tmp_path), str(Path.home()), "canary", server.url, host, "127.0.0.1", "pid", "token_file"):
        assert telling not in everything, telling
    assert not re.search(rf"\b{os.getpid()}\b", everything)


async def test_the_same_run_gives_the_same_archive(run: Run, tmp_path: Path) -> None:
    outcome = await run(2)
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    pack(record_of(outcome.directory), first)
    pack(record_of(outcome.directory), second)
    assert first.read_bytes() == second.read_bytes()


# What a stranger may have made of an archive


def tampered(recording: Recording, change: Callable[[dict[str, Any]], None]) -> Recording:
    document = recording.model_dump(mode="json")
    change(document)
    return Recording.model_validate(document)


async def test_an_answer_that_was_changed_is_told(run: Run, tmp_path: Path) -> None:
    outcome = await run(4, bounce=0.0)

    def change(document: dict[str, Any]) -> None:
        answer = next(one for one in document["answers"] if '"solution"' in one["answer"])
        answer["answer"] = LIKE_OTHERS

    recording = tampered(record_of(outcome.directory), change)
    again = await replay(recording, {"output": tmp_path / "new", "sandbox": "process"}, RecordedProgress())
    assert len(again.outcome.ideas) == 4
    assert any("is missing" in line for line in again.differences)
    assert any("night-watch-for-cold-rooms" in line and "is new" in line for line in again.differences)


async def test_answers_that_were_left_out_break_nothing(run: Run, tmp_path: Path) -> None:
    outcome = await run(3, tournament=True)
    recording = tampered(
        record_of(outcome.directory), lambda document: document.update(answers=document["answers"][::2])
    )
    again = await replay(recording, {"output": tmp_path / "new", "sandbox": "process"}, RecordedProgress())
    assert again.differences
    assert again.outcome.run_id != outcome.run_id


async def test_numbers_that_fit_nothing_break_nothing(run: Run, tmp_path: Path) -> None:
    """Births that were never ordered, choices of agents that are not there, ideas under other numbers."""
    outcome = await run(4, tournament=True, template={"founder_agent": 1.0}, bounce=1.0, max_agents=9)

    def change(document: dict[str, Any]) -> None:
        document["places"] = {talk: 900_000 - number for talk, number in document["places"].items()}
        document["births"][-1].update(number=77, asked_by="nobody_here")
        for choice in document["choices"]:
            if choice["kind"] == "colleague":
                choice["chosen"] = {"name": None}
            elif "number" in choice["chosen"]:
                choice["chosen"]["number"] = 77

    recording = tampered(record_of(outcome.directory), change)
    again = await replay(recording, {"output": tmp_path / "new", "sandbox": "process"}, RecordedProgress())
    assert again.differences


async def test_a_module_that_was_made_hostile_is_refused_by_the_policy(run: Run, tmp_path: Path) -> None:
    first = await run(2)
    library = tmp_path / "library"
    keep(first.directory, first.agents[0].name, library, as_name="ada_again")
    outcome = await run(3, with_agents=["ada_again"], library=library)

    def change(document: dict[str, Any]) -> None:
        module = next(one["module"] for one in document["births"] if one["module"] is not None)
        module["source"] += "\nimport os\nos.system('touch /tmp/owned')\n"

    recording = tampered(record_of(outcome.directory), change)
    again = await replay(recording, {"output": tmp_path / "new", "sandbox": "process"}, RecordedProgress())
    assert any("agents/ada_again.py is missing: the policy refuses its module" in line for line in again.differences)
    assert len(again.outcome.ideas) == 2


async def test_a_strangers_module_of_a_later_generation_needs_a_strong_sandbox_too(run: Run, tmp_path: Path) -> None:
    outcome = await run(4, tournament=True, generations=1)
    late = next(agent for agent in outcome.agents if agent.generation == 1)
    source = (outcome.directory / "agents" / f"{late.name}.py").read_text("utf-8")
    blueprint = json.loads((outcome.directory / "agents" / f"{late.name}.json").read_text("utf-8"))

    def change(document: dict[str, Any]) -> None:
        birth = next(one for one in document["births"] if one["name"] == late.name)
        birth["module"] = {"blueprint": blueprint, "source": source}

    recording = tampered(record_of(outcome.directory), change)
    with pytest.raises(SandboxUnavailable, match="--unsafe"):
        await replay(recording, {"output": tmp_path / "new", "sandbox": "process"}, RecordedProgress())


async def test_a_template_that_is_not_here_is_named(run: Run, tmp_path: Path) -> None:
    outcome = await run(1)

    def change(document: dict[str, Any]) -> None:
        document["settings"]["template"] = {"my_own_agent": 1.0}
        document["births"][0]["template"] = "my_own_agent"

    recording = tampered(record_of(outcome.directory), change)
    with pytest.raises(UsageError, match="'my_own_agent', which is not here: name its folder with --templates"):
        await replay(recording, {"output": tmp_path / "new"}, RecordedProgress())


# A small model, slot by slot


class SmallModel(Backend):
    """Continues sentences with words of its own, which depend on what it is asked alone."""

    name = "scripted:small"
    notice = "scripted"
    strategy = "slots"
    max_concurrency = 4

    def __init__(self) -> None:
        self.calls = 0

    async def complete(
        self,
        messages: Sequence[LLMMessage],
        *,
        temperature: float,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        timeout: float = 60,
    ) -> Completion:
        self.calls += 1
        dice = random.Random(self.calls)  # as a model that never says the same twice
        words = ["crews", "routes", "stock", "bread", "orders", "drivers", "shifts", "invoices", "tours", "repairs"]
        text = " ".join(dice.sample(words, 9))
        grammar = str((extra or {}).get("grammar", ""))
        if "," in grammar and "&" in grammar:
            text = ", ".join(dice.sample(words, 5))
        elif "&" in grammar:
            text = " ".join(dice.sample(words, 3))
        return Completion(f" they lose {text} each week." if "&" not in grammar else f" {text}", Usage(9, 5))

    async def check(self) -> None: ...


async def test_a_small_model_that_fills_slot_by_slot(tmp_path: Path) -> None:
    settings = SpawnSettings(count=4, sandbox="process", output=tmp_path / "generated", seed=3)
    templates = choose_templates(settings.template)
    backend = SmallModel()
    outcome = await let_work(World(settings, RecordedProgress(), backend, templates), RecordedProgress())
    assert outcome.exit_code == 0, outcome.reason
    assert record_of(outcome.directory).strategy == "slots"
    calls = backend.calls
    await assert_same(outcome, tmp_path / "elsewhere")
    assert backend.calls == calls


# What cannot be played


async def test_a_run_of_an_earlier_release_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    outcome = await run(1)
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("DELETE FROM meta WHERE key = 'strategy'")
    with pytest.raises(UsageError, match="earlier release"):
        record_of(outcome.directory)


async def test_a_damaged_ledger_is_told(run: Run) -> None:
    outcome = await run(1)
    (outcome.directory / "ledger.sqlite").write_bytes(b"nonsense" * 100)
    with pytest.raises(EnvironmentFault):
        record_of(outcome.directory)


def test_there_is_no_such_run_or_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "replay", "nothing.zip"]) == 2
    assert re.search(r"There is no file 'nothing\.zip'", capsys.readouterr().err)
    assert main(["runs", "replay", "20260101"]) == 2
    assert "No runs" in capsys.readouterr().err
