"""Who gets a colleague, and which limit keeps others from one."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from creator.briefs import brief_data
from creator.colleagues import Colleagues, Refused, depth_of
from creator.ledger.store import FILE_NAME
from creator.models.accounts import Account
from creator.outcome import AgentOutcome
from creator.progress import SilentProgress
from creator.record import RunRecord
from creator.settings import SpawnSettings
from creator.spending.budget import Budget
from creator.spending.limits import Limits, Spent
from creator.wishes import USER, Wish


class Run:
    """A run of two agents, ``ada`` and ``bo``, as far as its limits see it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.settings = SpawnSettings(count=2, output=folder, **options)
        self.record = RunRecord(self.settings, SilentProgress(), folder, "scripted", self._fail)
        for name in ("ada", "bo"):
            self.live(name)
        self.colleagues = self.open()

    def _fail(self, fault: Exception) -> None:
        raise fault

    def open(self) -> Colleagues:
        numbers = itertools.count(len(self.record.agents) + 1)
        budget = Budget(Limits.of(self.settings), spent=Spent(births=self.record.agents))
        return Colleagues(self.settings, 7, ["idea_agent"], self.record, numbers, brief_data(), budget)

    def live(self, name: str, asked_by: str = "", parents: tuple[str, ...] = ()) -> None:
        number = len(self.record.agents) + 1
        agent = AgentOutcome(name=name, state="live", number=number, asked_by=asked_by, parents=list(parents))
        self.record.agents[number] = agent

    def ask(self, asker: str) -> Wish:
        return self.colleagues.order(asker, "clinics", "pricing expert")

    def refusal(self, asker: str) -> str:
        with pytest.raises(Refused) as caught:
            self.ask(asker)
        return str(caught.value)

    def events(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        with closing(sqlite3.connect(self.folder / FILE_NAME)) as ledger:
            rows = ledger.execute("SELECT subject, detail FROM events WHERE kind = ? ORDER BY id", (kind,)).fetchall()
        return [(subject, json.loads(detail)) for subject, detail in rows]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    runs: list[Run] = []

    def make(**options: Any) -> Run:
        runs.append(Run(tmp_path, **options))
        return runs[-1]

    yield make
    for run in runs:
        run.record.ledger._connection.close()


def test_what_an_agent_asks_for_is_cleaned_counted_and_on_record(start: Any) -> None:
    run = start()
    wish = run.colleagues.order("ada", "clinics\x1b[2J\n" + "x" * 500, " \u202e ", "")
    assert wish.brief.sector.startswith("clinics xxx") and len(wish.brief.sector) <= 120
    assert (wish.brief.role, wish.brief.topic) == ("colleague", "colleague")
    assert (wish.asked_by, wish.parents, wish.number, wish.template) == ("ada", ("ada",), 3, "idea_agent")
    ((asker, detail),) = run.events("colleague ordered")
    assert (asker, detail["number"], detail["role"]) == ("ada", 3, "colleague")


def test_each_may_ask_for_so_many(start: Any) -> None:
    run = start(colleagues_each=1)
    run.ask("ada")
    assert run.refusal("ada") == "the limit of 1 colleague for each agent is reached (--colleagues-each)"
    assert run.ask("bo").number == 4
    assert run.events("colleague refused") == [
        ("ada", {"sector": "clinics", "role": "pricing expert", "reason": run.refusal("ada")})
    ]


def test_the_population_has_a_limit_for_agents_and_people_alike(start: Any) -> None:
    run = start(max_agents=4)
    run.ask("ada")
    run.ask(USER)
    reason = "the limit of 4 agents in this run is reached (--max-agents)"
    assert run.refusal("bo") == run.refusal(USER) == reason
    assert [asker for asker, _ in run.events("colleague refused")] == ["bo", USER]


def test_the_depth_counts_who_asked_whom_and_not_who_was_bred_from_whom(start: Any) -> None:
    run = start(max_depth=2, max_agents=100)
    run.live("cy", asked_by="ada", parents=("ada",))
    run.live("di", asked_by="cy", parents=("cy",))
    run.live("bred", parents=("di", "bo"))
    run.live("added", asked_by=USER)
    agents = {agent.name: agent for agent in run.record.agents.values()}
    depths = {name: depth_of(name, agents) for name in agents}
    assert depths == {"ada": 0, "bo": 0, "cy": 1, "di": 2, "bred": 0, "added": 0}
    assert run.refusal("di") == "the limit of 2 generations of colleagues is reached (--max-depth)"
    for name in ("ada", "cy", "bred", "added"):
        run.ask(name)


def test_whoever_spent_too_much_gets_no_more(start: Any) -> None:
    run = start(colleague_tokens=1_000)
    run.record.accounts = {"ada": Account(prompt_tokens=900, completion_tokens=100)}
    run.ask("ada")
    run.record.accounts["ada"].completion_tokens += 1
    assert run.refusal("ada") == (
        "the limit of 1,000 tokens for whoever asks is passed, 1,001 are spent (--colleague-tokens)"
    )
    run.ask("bo")


def test_people_are_bound_by_the_population_alone(start: Any) -> None:
    run = start(max_depth=0, colleagues_each=0, colleague_tokens=0, max_agents=50)
    assert "--colleagues-each" in run.refusal("ada")
    wishes = [run.ask(USER) for _ in range(20)]
    assert {wish.asked_by for wish in wishes} == {USER}
    assert {wish.parents for wish in wishes} == {()}
    assert len({wish.number for wish in wishes}) == 20


def test_only_a_live_agent_may_ask(start: Any) -> None:
    run = start()
    run.record.agents[1] = run.record.agents[1].model_copy(update={"state": "failed"})
    assert run.refusal("ada") == run.refusal("trial_1") == "only a live agent may ask for a colleague"


def test_those_of_an_earlier_part_of_the_run_count(start: Any) -> None:
    run = start(colleagues_each=1, max_agents=4)
    run.live("cy", asked_by="ada")
    run.live("di", asked_by=USER)
    run.colleagues = run.open()
    assert "--colleagues-each" in run.refusal("ada")
    assert "--max-agents" in run.refusal("bo")


def test_nobody_is_added_while_the_run_ends(start: Any) -> None:
    run = start()
    run.colleagues.close()
    assert run.refusal("ada") == run.refusal(USER) == "the run is ending"


def test_a_record_that_goes_in_circles_ends_the_count() -> None:
    agents = {
        "ada": AgentOutcome(name="ada", state="live", asked_by="bo"),
        "bo": AgentOutcome(name="bo", state="live", asked_by="ada"),
        "cy": AgentOutcome(name="cy", state="live", asked_by="gone"),
    }
    assert [depth_of(name, agents) for name in ("ada", "cy", "nobody")] == [2, 1, 0]
