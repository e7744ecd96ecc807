"""The list of runs and the page of a run, as they come from the server."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from creator.ledger.feed import head
from creator.ledger.store import FILE_NAME, Ledger
from creator.ledger.view import load_run
from creator.outputs import write_outputs
from creator.web import make_app
from tests.living import LivingRun
from tests.unit.outcomes import HOSTILE, hostile_outcome

MARKUP = re.compile(r"<(script|img|b|a href=.javascript)[ >]")


def client(output: Path) -> TestClient:
    return TestClient(make_app(output, hosts=["127.0.0.1"]), base_url="http://127.0.0.1")


@pytest.fixture
async def living(tmp_path: Path) -> AsyncIterator[LivingRun]:
    limits = {"max_tokens": 1_000, "max_cost": 2.0, "max_messages": 10, "deadline": 10_000.0}
    run = LivingRun(tmp_path, asked=4, settings=json.dumps(limits))
    yield run
    await run.ledger.close()


def text_of(page: str) -> str:
    """What a reader sees of a page, in one line."""
    return " ".join(re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL).split())


async def test_the_page_tells_what_is_going_on_from_the_first_birth_to_the_end(living: LivingRun) -> None:
    page = client(living.directory.parent)
    here = f"/runs/{living.name}"

    def told() -> str:
        answer = page.get(here)
        assert answer.status_code == 200
        return text_of(answer.text)

    assert "Going on. The run begins" in told()
    living.wished(4)
    living.written("ada")
    living.agent(2, "bo")
    assert "3 agents are being written and brought to life, 1 of 4 live already" in told()
    living.agent(1, "ada")
    living.agent(3, "cy", "failed", "it never answered")
    living.agent(4, "dee", "pending")
    living.call("ada", 700, 120, 1.25)
    for _ in range(9):
        living.message("ada", "bo")
    living.message("bo", "nobody", "UnknownRecipient")
    living.idea(1, "ada", "Bread forecast", refiner="bo")
    text = told()
    assert "1 agent waits for your review. The agents work on their ideas: 1 of 4 are there." in text
    for line in (
        "ada asked bo for a better version of an idea.",
        "bo asked nobody for a better version of an idea, and got no answer: UnknownRecipient.",
        "Idea 1 is there: “ Bread forecast ” by ada , with 1 colleague.",
        "cy failed : it never answered.",
        "Tokens 820 180 of 1,000 left, nearly used up",
        "Cost $1.25 $0.75 of $2.00 left",
        "Messages of agents 10 0 of 10 left, nearly used up",
        "Live 2",
        "Failed 1",
        "Conversations 2",
        "Ideas refined 1",
        "Newest ideas Bread forecast ada",
    ):
        assert line.replace(" ", "") in text.replace(" ", ""), line
    assert re.search(r"Time \d:\d\d \d:\d\d:\d\d of 2:46:40 left", text)

    living.idea(2, "bo", "Stock of flour")
    living.verdict(1, 2, 2)
    text = told()
    assert "Judges compare the ideas, in round 1." in text
    assert "judge, round 1: idea 2 is preferred to idea 1 ." in text
    assert "Ahead so far Stock of flour bo, preferred in 1 of 1" in text

    going_on = page.get(here).text
    assert f'data-cursor="{head(living.directory)}"' in going_on
    living.end(exit_code=3, reason="2 of 4 ideas exist; cy: it never answered")
    ended = page.get(here).text
    assert "data-cursor" not in ended and "data-feed" not in ended
    text = text_of(ended)
    assert "Complete in part. The run has ended. 2 of 4 ideas exist" in text
    assert "What next Read the ideas (2) Review the waiting agents (1) Open the report" in text
    answer = page.get(f"{here}/feed", params={"after": "0-0-0-0-0-0-0"})  # of a browser that comes back too late
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = re.findall(r"^event: (\w+)$", answer.text, re.MULTILINE)
    assert events == ["step", "ended"]
    assert f"id: {head(living.directory)}" in answer.text


async def test_ways_to_end_are_told_apart_and_say_how_to_go_on(living: LivingRun) -> None:
    page = client(living.directory.parent)
    here = f"/runs/{living.name}"
    go_on = f"python -m creator runs resume {living.name}"
    living.end(exit_code=130, interrupted=True)
    text = text_of(page.get(here).text)
    assert "Interrupted." in text and go_on in text
    living.end(exit_code=3, limit="the limit of 1,000 tokens is reached (--max-tokens)")
    text = text_of(page.get(here).text)
    assert "Ended by a limit." in text and f"{go_on} --max-tokens MORE" in text
    assert "ended by a limit" in text_of(page.get("/").text)


async def test_the_feed_wants_a_cursor_of_ours(living: LivingRun) -> None:
    page = client(living.directory.parent)
    for after in ("", "1", "1-2-3", "a-b", "-" * 40):
        assert page.get(f"/runs/{living.name}/feed", params={"after": after}).status_code == 404
    living.end(exit_code=0)
    assert page.head(f"/runs/{living.name}/feed", params={"after": "0-0-0-0-0-0-0"}).text == ""


async def test_all_runs_are_listed_newest_first_whatever_has_become_of_them(living: LivingRun, tmp_path: Path) -> None:
    for name, content in (
        ("20250101-000000-aaaa", "no json"),
        ("20250102-000000-aaaa", json.dumps({"agents": 3, "ideas": []})),
        ("20250103-000000-aaaa", ""),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(content, encoding="utf-8")
    (tmp_path / "20250104-000000-aaaa").mkdir()
    (tmp_path / "something else").mkdir()
    page = client(tmp_path)
    living.wished(2)
    living.agent(1, "ada")
    text = text_of(page.get("/").text)
    assert f"{living.name}" in text and "going on ideas for bakeries 0 of 4 1 live" in text
    assert text.count("cannot be read") == 4 and "something else" not in text
    assert text.index(living.name) < text.index("20250104") < text.index("20250101")
    living.idea(1, "ada")
    assert "1 of 4" in text_of(page.get("/").text)
    living.end(exit_code=0)
    assert "complete ideas for bakeries 1 of 4" in text_of(page.get("/").text)
    living.end(exit_code=130, interrupted=True)
    assert "interrupted ideas for bakeries" in text_of(page.get("/").text)
    assert "cannot be read" not in text_of(client(tmp_path / "nowhere").get("/").text)


def hostile_run(output: Path) -> Path:
    """A run that has ended, and one that goes on, in which every text is an attack; gives the folder of the second."""
    directory = output / "20261121-064512-3f2a"
    directory.mkdir()
    (directory / "ideas").mkdir()
    outcome = hostile_outcome(directory)
    Ledger.open(directory / FILE_NAME)._connection.close()
    write_outputs(outcome)
    living = LivingRun(output, objective=HOSTILE)
    living.wished(3)
    living.written("ada")
    living.agent(1, "ada", role=HOSTILE)
    living.agent(2, "bo", "failed", HOSTILE)
    living.agent(3, "a" * 64, "pending")
    living.idea(1, "ada", HOSTILE[:190], refiner=HOSTILE)
    living.message("ada", HOSTILE, HOSTILE, HOSTILE)
    living.message("ada", "bo", "ok", "<script>alert(1)</script>")
    for kind in ("no idea", "refused", "colleague refused", "cell ended", "limit reached", HOSTILE):
        living.ledger.record_event(kind, HOSTILE, {"reason": HOSTILE, "limit": HOSTILE, "role": {"a": HOSTILE}})
    living.ledger.record_decision("ada", "", "rejected", HOSTILE)
    living.ledger.record_wish(HOSTILE, HOSTILE)
    living.ledger.record_comparison(HOSTILE, HOSTILE, 1, 1, 1, None, HOSTILE)
    living.ledger.record_call("ada", HOSTILE, prompt_tokens=1, completion_tokens=1, prompt_characters=1, latency=1)
    living.close()
    return living.directory


def test_hostile_texts_stay_texts_and_the_report_may_nothing(tmp_path: Path) -> None:
    directory = hostile_run(tmp_path)
    page = client(tmp_path)
    for path in ("/", f"/runs/{directory.name}", "/runs/20261121-064512-3f2a"):
        answer = page.get(path)
        assert answer.status_code == 200, path
        body = re.sub(r"<script (defer|type)[^>]*>|<meta[^>]*>", "", answer.text)
        assert not MARKUP.search(body), path
        assert "\x1b" not in body and "\u202e" not in body
        assert path == "/" or "{{ 7*7 }}" in body, "a template in a text stays a text"
    (graph,) = re.findall(r'id="graph-data">(.*?)</script>', page.get(f"/runs/{directory.name}").text)
    assert {name for name, _ in json.loads(graph)["agents"]} == {"ada", "bo", "a" * 64}

    report = page.get("/runs/20261121-064512-3f2a/report")
    policy = report.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("frame-ancestors 'none'; sandbox")
    assert "script" not in policy and "'self'" not in policy
    assert load_run(tmp_path / "20261121-064512-3f2a").outcome.reason
