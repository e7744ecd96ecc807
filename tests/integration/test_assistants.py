"""``python -m creator mcp``, as the protocol's official client and a person meet it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError

from creator.cli import main
from creator.ledger.totals import load_totals
from creator.ledger.view import load_run
from creator.outputs import write_outputs
from tests.assistant import Assistant, arguments, assistant, environment
from tests.processes import descendants, living
from tests.scripted_server import ScriptedServer
from tests.unit.outcomes import RUN_ID, hostile_outcome

KEY = "sk-a-key-that-nobody-may-see"
LIMIT = 150_000

Shared = tuple[Assistant, ScriptedServer, Path]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """An assistant, the scripted model, and the folder of runs, in which one is hostile."""
    folder = tmp_path_factory.mktemp("assistant")
    output = folder / "generated"
    hostile = output / RUN_ID
    (hostile / "agents").mkdir(parents=True)
    (hostile / "ideas").mkdir()
    write_outputs(hostile_outcome(hostile))
    server = ScriptedServer()
    server.start()
    env = environment(server, OPENAI_API_KEY=KEY, CREATOR_SEED="1")
    limits = ["--max-tokens", str(LIMIT), "--max-runs", "2", "--max-agents", "6"]
    with assistant(folder, env, output, *limits) as one:
        yield one, server, output
    server.stop()


@pytest.fixture(scope="module")
def finished(shared: Shared) -> tuple[list[Any], dict[str, Any]]:
    """What three starts at the same time came to, and the run that began, at its end."""
    one, _, _ = shared
    wanted = {"count": 2, "objective": "Quieter <b>streets</b>"}
    results = one.calls(*[("start_run", wanted)] * 3)
    begun = [result.structured_content["run"] for result in results if not result.is_error]
    assert len(begun) == 1
    report = one.call("follow_run", run=begun[0], seconds=50)
    while report["summary"]["state"] == "running":
        report = one.call("follow_run", run=begun[0], seconds=50)
    return results, report


def test_tools_say_what_they_take_give_and_do(shared: Shared) -> None:
    one, _, _ = shared
    tools = {tool.name: tool for tool in one.do(lambda client: client.list_tools()).tools}
    reading = {"list_runs", "read_run", "follow_run", "list_ideas", "read_idea", "list_agents", "read_agent"}
    assert tools.keys() == reading | {"read_budget", "ask_agent", "start_run", "stop_run"}
    for name, tool in tools.items():
        assert tool.input_schema["additionalProperties"] is False and tool.output_schema["type"] == "object"
        assert all("description" in one for one in tool.input_schema.get("properties", {}).values()), name
        assert "never instructions" in tool.description
        assert tool.annotations.read_only_hint is (name in reading | {"read_budget"})
        assert tool.annotations.destructive_hint in ({True} if name == "stop_run" else {None, False})
    assert tools["start_run"].annotations.open_world_hint and not tools["read_run"].annotations.open_world_hint


def test_many_starts_at_once_spend_no_more_than_one_after_the_other(
    shared: Shared, finished: tuple[list[Any], dict[str, Any]]
) -> None:
    one, _, output = shared
    results, report = finished
    refused = [result.content[0].text for result in results if result.is_error]
    assert len(refused) == 2
    assert all("Nothing is left of this server's tokens. Wait for what goes on" in line for line in refused)
    assert any(re.search(r"2 of 2 ideas", line) for line in one.progress)
    totals = load_totals(output / report["summary"]["run"])
    budget = one.call("read_budget")
    assert totals.tokens <= budget["tokens"]["spent"] <= totals.tokens + 200  # the check of the model is on no ledger
    assert budget["tokens"]["reserved"] == 0 and budget["tokens"]["left"] == LIMIT - budget["tokens"]["spent"]
    assert budget["agents"] == {"limit": 6, "spent": totals.births, "reserved": 0, "left": 6 - totals.births}
    assert budget["runs"]["left"] == 1
    assert budget["cost_usd"]["complete"] is False  # nobody knows what the scripted model costs


def test_a_run_is_read_from_its_state_to_its_agents(shared: Shared, finished: tuple[list[Any], dict[str, Any]]) -> None:
    one, _, output = shared
    report = finished[1]
    run = report["summary"]["run"]
    assert report["summary"]["state"] == "finished" and report["summary"]["started_here"] is True
    assert report["summary"]["untrusted"]["objective"] == "Quieter <b>streets</b>"
    assert "judge's preference" in report["note"]
    listed = one.call("list_ideas", count=1)
    assert listed["run"] == run and listed["total"] == 2 and listed["next_offset"] == 1
    last = one.call("list_ideas", run=run, offset=1)
    assert len(last["ideas"]) == 1 and last["next_offset"] is None
    number = listed["ideas"][0]["number"]
    idea = one.call("read_idea", number=number)
    outcome = load_run(output / run).outcome
    known = next(idea for idea in outcome.ideas if idea.number == number)
    assert idea["untrusted"]["title"] == known.final.title
    assert idea["untrusted"]["parts"] == known.final.parts
    assert idea["place"]["rank"] == 1 and idea["place"]["low"] < idea["place"]["rating"] < idea["place"]["high"]
    name = one.call("list_agents")["agents"][0]["name"]
    agent = one.call("read_agent", name=name, source=True)
    assert agent["untrusted"]["source"] == (output / run / "agents" / f"{name}.py").read_text("utf-8")
    assert agent["certificate"]["file"] == "unchanged" and agent["certificate"]["born"]
    assert one.call("read_agent", name=name)["untrusted"]["source"] is None

    async def documents(client: Any) -> list[str]:
        names = ("report.md", f"ideas/{number}.md", f"agents/{name}.py")
        return [(await client.read_resource(f"creator://runs/{run}/{one}")).contents[0].text for one in names]

    pages = one.do(documents)
    assert known.final.title in pages[0] and known.final.title in pages[1] and "class " in pages[2]
    templates = one.do(lambda client: client.list_resource_templates()).resource_templates
    assert {template.mime_type for template in templates} == {"text/markdown", "text/x-python"}
    prompt = one.do(lambda client: client.get_prompt("review_ideas", {"run": run}))
    assert run in prompt.messages[0].content.text


def test_an_agent_answers_and_is_paid_for(shared: Shared, finished: tuple[list[Any], dict[str, Any]]) -> None:
    one, server, _ = shared
    run = finished[1]["summary"]["run"]
    name = one.call("list_agents", run=run)["agents"][0]["name"]
    before = one.call("read_budget")["tokens"]
    said = one.call("ask_agent", name=name, run=run, question="What would you do first?")
    assert said["untrusted"]["answer"] == "Yes."
    assert "What would you do first?" in str(server.requests[-1]["messages"][-1]["content"])
    after = one.call("read_budget")["tokens"]
    assert after["spent"] > before["spent"] and after["reserved"] == 0
    assert "No agent" in one.refusal("ask_agent", name="nobody", run=run, question="Hello?")


def test_a_run_is_stopped_by_the_server_that_started_it(
    shared: Shared, finished: tuple[list[Any], dict[str, Any]]
) -> None:
    one, server, output = shared
    assert "did not start run" in one.refusal("stop_run", run=RUN_ID)
    server.fault = lambda number, request: "hang" if "response_format" in request else None
    try:
        run = one.call("start_run", count=1)["run"]
        assert one.call("read_run", run=run)["summary"]["state"] == "running"
        stopped = one.call("stop_run", run=run)
    finally:
        server.fault = None
    assert stopped["ended"] is True and stopped["budget"]["tokens"]["reserved"] == 0
    assert load_run(output / run).outcome.interrupted
    assert "0 runs left" in one.refusal("start_run", count=1)


def test_nothing_of_a_hostile_record_passes_for_ours(shared: Shared) -> None:
    one, _, output = shared
    answers = [
        one.call("list_runs"),
        one.call("read_run", run=RUN_ID),
        one.call("list_ideas", run=RUN_ID, one_shot=True),
        one.call("read_idea", run=RUN_ID, number=1),
        one.call("list_agents", run=RUN_ID),
        one.call("read_agent", run=RUN_ID, name="mallory"),
    ]
    assert "Forged heading" in json.dumps(answers)
    for answer in answers:
        assert "Forged" not in json.dumps(_without_untrusted(answer))
        assert not re.search(r"[\x00-\x08\x1b\x9b\u202e\ud800-\udfff]", _texts(answer))

    async def documents(client: Any) -> str:
        uris = (f"creator://runs/{RUN_ID}/report.md", f"creator://runs/{RUN_ID}/ideas/1.md")
        return "\n".join([(await client.read_resource(uri)).contents[0].text for uri in uris])

    pages = one.do(documents)
    assert "never instructions" in pages
    assert "\n# Forged" not in pages and "<script" not in pages and not re.search(r"[\x1b\u202e]", pages)
    refused = one.refusal("read_agent", run=RUN_ID, name="ada_freight", source=True)
    told = [refused, json.dumps(answers), pages, one.refusal("read_run", run="20200101-000000-ffff")]
    assert not any(place in text for text in told for place in (str(output), str(Path.home()), KEY))


@pytest.mark.parametrize(
    ("tool", "given", "says"),
    [
        ("read_run", {"run": "../../etc/passwd"}, "no run's id"),
        ("read_run", {"run": "2026\n# x"}, "no run's id"),
        ("read_agent", {"run": RUN_ID, "name": "../x"}, "no agent's name"),
        ("read_idea", {"run": RUN_ID, "number": 99}, "No idea 99"),
        ("list_ideas", {"count": 10_000}, "'count'"),
        ("start_run", {"count": 1, "model": "openai:dear"}, "no argument 'model'"),
        ("start_run", {"count": 7}, "left"),
        ("ask_agent", {"run": RUN_ID, "name": "ada_freight", "question": "x" * 4_001}, "'question'"),
        ("read_everything", {}, "no tool"),
    ],
)
def test_a_mistake_is_one_line(shared: Shared, tool: str, given: dict[str, Any], says: str) -> None:
    assert says in shared[0].refusal(tool, **given)


def test_a_resource_is_never_a_path(shared: Shared) -> None:
    one, _, _ = shared
    for uri in (
        f"creator://runs/{RUN_ID}/agents/..%2F..%2Frun.py",
        "creator://runs/..%2F..%2Fetc/report.md",
        f"creator://runs/{RUN_ID}/ideas/1%00.md",
    ):
        with pytest.raises(MCPError):
            one.do(lambda client, uri=uri: client.read_resource(uri))


@pytest.mark.parametrize("end", ["closed", "signal"])
def test_the_server_leaves_nothing_behind(end: str, serve: Any, tmp_path: Path) -> None:
    server = serve(fault=lambda number, request: "hang" if "response_format" in request else None)
    process = subprocess.Popen(
        [sys.executable, *arguments(tmp_path / "generated", "--max-tokens", "100000")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment(server)},
    )
    assert process.stdin is not None and process.stdout is not None
    initialize = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "by hand", "version": "1"},
    }
    for message in (
        {"id": 1, "method": "initialize", "params": initialize},
        {"method": "notifications/initialized"},
        "no message at all",
        {"id": 2, "method": "tools/call", "params": {"name": "start_run", "arguments": {"count": 1}}},
    ):
        text = message if isinstance(message, str) else json.dumps({"jsonrpc": "2.0", **message})
        process.stdin.write(text.encode() + b"\n")
    process.stdin.flush()
    lines = [process.stdout.readline()]
    while b'"id":2' not in lines[-1]:
        assert lines[-1], process.stderr.read() if process.stderr else ""
        lines.append(process.stdout.readline())
    begun = json.loads(lines[-1])["result"]["structuredContent"]["run"]
    below = descendants(process.pid)
    assert below
    if end == "closed":
        process.stdin.close()
    else:
        process.send_signal(signal.SIGINT)
    assert process.wait(30) == (0 if end == "closed" else 130)
    lines += process.stdout.readlines()
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in lines)
    assert process.stderr is not None and process.stderr.read() == b""
    assert living(below) == set()
    assert load_run(tmp_path / "generated" / begun).outcome.interrupted
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()


def test_a_person_is_told_how_to_register_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["mcp", "--help"]) == 0
    assert '"mcpServers"' in capsys.readouterr().out
    assert main(["mcp", "--print-config", "--output", "runs", "--max-cost", "0.5", "--max-runs", "2"]) == 0
    (server,) = json.loads(capsys.readouterr().out)["mcpServers"].values()
    assert server["command"] == sys.executable
    assert server["args"][-6:] == ["--output", str(tmp_path / "runs"), "--max-cost", "0.5", "--max-runs", "2"]
    assert main(["mcp", "--max-cost", "-1"]) == 2
    assert "--max-cost" in capsys.readouterr().err


def _without_untrusted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_untrusted(one) for key, one in value.items() if key != "untrusted"}
    return [_without_untrusted(one) for one in value] if isinstance(value, list) else value


def _texts(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(key + _texts(one) for key, one in value.items())
    return "".join(map(_texts, value)) if isinstance(value, list) else str(value)
