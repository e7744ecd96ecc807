import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from creator.cli import main
from creator.ledger import Ledger
from creator.ledger.store import FILE_NAME
from creator.outcome import IdeaOutcome, IdeaVersion, Ranking, RunOutcome
from tests.unit.outcomes import HOSTILE, ONE_SHOT_FROM, idea, outcome, ranked_outcome
from tests.unit.test_cli import CONTROL, page_of_80_columns, store

__all__ = ["page_of_80_columns"]

Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """What a command prints; it has to succeed, within 80 columns."""

    def run(*arguments: str) -> str:
        assert main(["ideas", *arguments]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert "--json" in arguments or all(len(line) <= 80 for line in out.splitlines())
        return out

    return run


def with_verdicts(run: RunOutcome, reason: str = "It names who pays.") -> None:
    """Judges compared idea 18 with the first ten, and preferred it to every other of them."""
    ledger = Ledger.open(run.directory / FILE_NAME)
    for one in run.ideas:
        ledger.record_idea(one, None)
    for other in range(1, 11):
        winner = 18 if other % 2 else other
        ledger.record_comparison("judge", "m", 1, 18, other, winner, f"{reason} Beside {other}.")
    asyncio.run(ledger.close())


def rows(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines() if re.match(r" +(\d+ +)?\d+ +\S", line)]


def test_a_list_follows_the_judges_preference(told: Told) -> None:
    store(ranked_outcome)
    out = told()
    assert out.splitlines()[0] == "Order: judge's preference (openai:gpt-x), 81 comparisons"
    found = rows(out)
    assert [row[:2] for row in found[:5]] == [["1", "20"], ["2", "19"], ["3", "18"], ["4", "17"], ["5", "16"]]
    assert found[5][0] == "15"
    assert found[5][-2:] == ["like", "16"]
    assert found[0][-2:] == ["1,681", "±80"]
    assert found[6][-1] == "weak"
    assert "Weak by plain checks:\n  14  it names no customer; its first step says the same as its title" in out
    assert "Ranks count 4 one-shot ideas too: --one-shot lists them." in out
    assert "Plain" not in out
    assert "Read one: python -m creator ideas show 20\n" in out
    assert not re.search(r"(?i)quality|\bbest\b", out)


def test_one_shot_ideas_are_listed_when_asked_for_and_in_json(told: Told) -> None:
    store(ranked_outcome)
    out = told("--one-shot")
    assert [row[:2] for row in rows(out) if row[1].startswith("1000")] == [
        [str(18 + n), str(ONE_SHOT_FROM + 3 - n)] for n in range(4)
    ]
    assert out.count(" one-shot ") == 4
    document = json.loads(told("--json"))
    assert [one["number"] for one in document["ideas"]][:6] == [20, 19, 18, 17, 16, 15]
    assert {one["number"] for one in document["one_shot"]} == {ONE_SHOT_FROM + n for n in range(4)}
    assert document["ranking"]["under"]["5"] == 6


def test_a_list_by_plain_checks_says_so_and_has_no_ranks(told: Told) -> None:
    run = ranked_outcome(Path("generated"), count=3, one_shots=0)
    checked = Ranking(by="checks", order=[3, 2, 1], under={1: 2}, note="the model is too small to judge")
    store(lambda directory: run.model_copy(update={"directory": directory, "ranking": checked}))
    out = told()
    assert out.splitlines()[0] == "Order: plain checks; the model is too small to judge"
    assert "Rank" not in out
    assert [row[0] for row in rows(out)] == ["3", "2", "1"]
    assert rows(out)[2][-2:] == ["like", "2"]


def test_a_list_without_a_ranking_is_by_number(told: Told) -> None:
    store(outcome)
    out = told()
    assert "Order" not in out
    assert "Rating" not in out
    assert [row[0] for row in rows(out)] == ["1", "2", "3"]


def test_one_idea_tells_its_place_the_judges_reasons_and_whose_each_text_is(told: Told) -> None:
    with_verdicts(store(ranked_outcome))
    out = told("show", "18")
    words = " ".join(out.split())
    assert "Rank 3 in the judge's preference: 1,643 (95 % interval 1,553 to 1,713), preferred in 4.5 of 8" in words
    assert "Conversation: c-18" in out
    assert "Below is text 4, merged text by agent_number_18, hop 2, from texts 2 and 3" in out
    assert re.findall(r"beside (\d+): It names who pays\. Beside \1\.", out) == ["5", "7", "9", "6", "8", "10"]
    order = [
        "Verdict, by judge",
        "Preferred to others, the judge's last reasons",
        "Others were preferred, the judge's last reasons",
        "Text 1, author's own text by agent_number_18, hop 0",
        "Critique, by agent_number_3",
        "Text 2, refinement by agent_number_1, hop 1, from text 1",
        "In favour, by agent_number_1",
        "Text 3, refinement by agent_number_2, hop 1, from text 1",
    ]
    places = [out.index(line) for line in order]
    assert places == sorted(places)
    assert "Text 4" not in out
    document = json.loads(told("show", "18", "--json"))
    assert document["place"]["rank"] == 3
    assert len(document["comparisons"]) == 10


def test_one_idea_tells_why_it_is_weak_and_what_it_is_like(told: Told) -> None:
    store(ranked_outcome)
    assert "Weak by plain checks: it names no customer; its first step says the same" in told("show", "14")
    assert "Near-duplicate, listed under idea 16" in told("show", "15")
    out = told("show", "16")
    assert "Near-duplicates listed under it: 15" in out
    assert "What the judge said cannot be read: The ledger" in out
    assert "Rank 21" in told("show", str(ONE_SHOT_FROM))


def test_an_idea_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    store(ranked_outcome)
    for command in ("show", "lineage"):
        assert main(["ideas", command, "21"]) == 2
        assert capsys.readouterr().err.rstrip().endswith("No idea '21' in run 20261121-064512-3f2a: it has 1 to 20.")


def test_reasons_of_a_judge_are_plain_text(told: Told) -> None:
    with_verdicts(store(ranked_outcome), HOSTILE)
    out = told("show", "18")
    assert not CONTROL.search(out)
    assert "\n## Origin" not in out


def test_a_lineage_is_drawn_with_remarks_as_leaves(told: Told) -> None:
    store(ranked_outcome)
    lines = told("lineage", "18").splitlines()
    assert lines[0].startswith("Idea 18  Night calls")
    assert lines[1].startswith("text 1 · author's own text by agent_number_18 · hop 0 · Night calls")
    assert lines[2] == "├── agent_number_3: critique: Nobody pays before the first month ends."
    assert lines[3].startswith("├── text 2 · refinement by agent_number_1 · hop 1 · Night")
    assert lines[4] == "│   └── agent_number_1: pro: Dispatchers ask for it by name."
    assert lines[5].startswith("└── text 3 · refinement by agent_number_2 · hop 1 · Night")
    assert lines[6].startswith("    └── text 4 · final · merged text by agent_number_18 · hop 2 · with text 2")
    assert lines[7] == "        └── judge: verdict: Keep it: the price is stated."
    assert "Dispatchers lose" not in "\n".join(lines)
    whole = told("lineage", "18", "--full")
    assert whole.count("Dispatchers lose two hours a day to calls") == 4
    document = json.loads(told("lineage", "18", "--json"))
    assert document["number"] == 18
    assert len(document["nodes"]) == 7
    assert len(document["edges"]) == 7


def test_a_long_remark_is_one_line_unless_all_is_asked_for(told: Told) -> None:
    def long(directory: Path) -> RunOutcome:
        run = ranked_outcome(directory, count=3)
        remarks = [run.ideas[2].remarks[0].model_copy(update={"content": "and so on " * 100 + "END"})]
        return run.model_copy(update={"ideas": [*run.ideas[:2], run.ideas[2].model_copy(update={"remarks": remarks})]})

    store(long)
    assert "END" not in told("lineage", "3")
    assert "END" in told("lineage", "3", "--full")


def test_a_relay_through_a_hundred_hands_stays_readable(told: Told) -> None:
    def relay(directory: Path) -> RunOutcome:
        versions = [
            IdeaVersion(author=f"agent_{n}", idea=idea("Relay"), hop=n, id=n + 1, parents=[n] if n else [])
            for n in range(100)
        ]
        return outcome(directory).model_copy(
            update={"ideas": [IdeaOutcome(number=1, author="agent_0", versions=versions)]}
        )

    store(relay)
    out = told("lineage", "1")
    assert all(f"text {n} " in out for n in range(1, 101))
    assert "text 100 from text 99 · final · refinement by agent_99" in out
