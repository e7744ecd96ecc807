"""Mixed populations, and the check of templates in real cells."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from creator.cli import main

SHIPPED = ("critic_agent", "founder_agent", "idea_agent", "researcher_agent")


async def test_a_mixed_population_has_its_shares_and_all_its_ideas(run: Any) -> None:
    outcome = await run(8, template=["idea_agent:3", "critic_agent,researcher_agent:2"], bounce=1.0)
    assert outcome.exit_code == 0, outcome.reason
    shares = Counter(agent.template for agent in outcome.agents)
    assert shares == {"idea_agent": 4, "researcher_agent": 3, "critic_agent": 1}
    for agent in outcome.agents:
        blueprint = json.loads((outcome.directory / "agents" / f"{agent.name}.json").read_text("utf-8"))
        assert blueprint["template"] == agent.template


async def test_founders_get_the_colleagues_that_they_miss(run: Any) -> None:
    outcome = await run(4, template=["founder_agent"], max_agents=7, seed=2)
    assert outcome.exit_code == 0, outcome.reason
    colleagues = [agent for agent in outcome.agents if agent.parents]
    assert colleagues and len(outcome.agents) <= 7
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        asked = ledger.execute("SELECT count(*) FROM messages WHERE type = 'ColleagueOrder'").fetchone()[0]
    assert asked >= len(colleagues)
    assert len(outcome.ideas) == len(outcome.agents)


@pytest.mark.parametrize("sandbox", ["process", "bubblewrap"])
def test_all_shipped_templates_work_in_real_cells(sandbox: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "check", "--sandbox", sandbox, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["templates"]
    assert {one["name"] for one in told} == set(SHIPPED)


def test_a_template_whose_agents_fail_is_named_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = Path(__file__).parents[2] / "templates"
    folder = tmp_path / "mine"
    folder.mkdir()
    source = (shipped / "idea_agent.py.j2").read_text("utf-8")
    broken = source.replace("return kit.Proposal(idea=idea)", "return kit.Refinement(idea=idea)")
    assert broken != source
    (folder / "muddled.py.j2").write_text(broken, "utf-8")
    (folder / "muddled.schema.json").write_text((shipped / "idea_agent.schema.json").read_text("utf-8"), "utf-8")
    assert main(["templates", "check", str(folder), "--sandbox", "process"]) == 1
    said = capsys.readouterr().out
    assert "Refinement" in said and "propose" in said
