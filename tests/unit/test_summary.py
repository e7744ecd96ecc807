"""`report.md`: what it tells, and that no text of a model's is more than text in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from creator.outcome import Ranking
from creator.reporting.summary import WIDTH, render_summary
from creator.text import clean, markdown_lines
from tests.unit.outcomes import HOSTILE, RUN_ID, hostile_outcome, idea, outcome, ranked_outcome
from tests.unit.test_report import history

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ATTACKS = (
    "[link](http://evil.example)",
    "![image](http://evil.example/x.png)",
    "<https://evil.example> <b>bold</b> <!-- hidden",
    "https://evil.example www.evil.example mail@evil.example",
    "@octocat @team/people #1 GH-1 owner/repo#2",
    "# heading\n\n## heading\n===\n---",
    "a | b\n--|--\n| c |",
    "- item\n1. item\n+ item\n* item",
    "```\ncode\n```\n~~~\n    code `code`",
    "**bold** _lean_ ~~gone~~ $math$",
    "[x]: http://evil.example\n\n[x]",
    "> quoted\n&lt;b&gt; &#60;b&#62;\\",
)


def tokens(text: str) -> list[Token]:
    found = MARKDOWN.parse(text)
    return [*found, *(child for one in found for child in one.children or [])]


def test_a_judged_run_is_told_answer_first(tmp_path: Path) -> None:
    text = render_summary(ranked_outcome(tmp_path / RUN_ID), history())
    headings = re.findall(r"^#+ .*$", text, flags=re.MULTILINE)
    assert headings[:3] == ["# business ideas for agentic AI", "## Top ideas", "### Reading meters for housing co-ops"]
    assert headings[-3:] == ["## How it came about", "## Failures", "## What next"]
    assert len(headings) == 10
    assert "|    1 | Reading meters for housing co-ops         |  1,681 | 1,591 to 1,751 |" in text
    assert "| Rank | Title " in text
    assert "Idea 18, rated 1,643 (95 % interval 1,553 to 1,713), by agent_number_18, with" in text
    assert "**Problem:** Dispatchers lose two hours a day" in text
    assert "- 3 requests among agents: 2 answered, 1 no answer in time" in text
    assert "| working on ideas |     5 |    500 | $0.02 |       0:20 minutes |" in text
    assert max(map(len, text.splitlines())) <= WIDTH
    tables = [one for one in tokens(text) if one.type == "table_open"]
    assert len(tables) == 2


def test_what_limits_a_run_stands_at_its_head_and_what_to_do_at_its_end(tmp_path: Path) -> None:
    run = outcome(tmp_path / RUN_ID)
    run = run.model_copy(update={"ranking": Ranking(by="checks", order=[2, 1, 3]), "interrupted": True})
    text = render_summary(run)
    head, _, rest = text.partition("## Top ideas")
    assert "- 3 of 4 ideas exist; failed_1: it never answered" in head
    assert "- Order: plain checks; a capable model is needed" in head
    assert re.search(r"\| +2 \| Dispatch desk 2 +\| agent_number_2 \|", rest)
    assert "The ledger could not be read" in text
    assert "- failed_1: it never answered\n- the model was slow" in text
    assert f"`python -m creator runs resume {RUN_ID}`" in text
    assert "`--judge-model`" in text
    nothing = run.model_copy(update={"ideas": [], "agents": [], "failures": [], "ranking": None})
    assert "No idea was completed." in render_summary(nothing)


def test_a_large_run_is_told_in_short(tmp_path: Path) -> None:
    text = render_summary(ranked_outcome(tmp_path / RUN_ID, count=1_000))
    assert len(text) < 10_000
    assert "And 990 more" in text


@pytest.mark.parametrize("attack", [HOSTILE, *ATTACKS])
def test_hostile_texts_are_text_and_nothing_else(tmp_path: Path, attack: str) -> None:
    honest = [one.type for one in tokens(render_summary(hostile_outcome(tmp_path / RUN_ID, "harmless")))]
    text = render_summary(hostile_outcome(tmp_path / RUN_ID, attack))
    found = tokens(text)
    harmful = {"link_open", "image", "html_inline", "html_block", "em_open", "s_open", "fence", "code_block", "hr"}
    assert not {one.type for one in found} & harmful
    for kind in ("heading_open", "table_open", "tr_open", "td_open", "list_item_open", "strong_open", "code_inline"):
        assert sum(one.type == kind for one in found) == honest.count(kind), kind
    assert not set("\x1b\x9b\x00\u202e") & set(text)


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from([*ATTACKS, *"#@|-=+*_`~<>[]()!\\:1. \n"]), max_size=30).map("".join)
)
@settings(max_examples=300, deadline=None)
def test_any_text_in_lines_is_one_paragraph_that_calls_nobody(said: str) -> None:
    text = markdown_lines(said, 40)
    assert "\n\n" not in text
    found = tokens(text)
    assert {one.type for one in found} <= {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
        "text_special",
        "softbreak",
    }
    shown = "".join(one.content or "\n" for one in found if one.type in {"text", "text_special", "softbreak"})
    assert not re.search(r"@\w|#\d|(?<![a-zA-Z])(?i:gh-)\d", shown)
    assert not re.search(r"(?i)(https?|ftp)://|www\.", text)
    # Besides what stops links, it reads as it was written.
    assert shown.replace("\u200b", "").replace("\n", " ").split() == clean(said).split()


def test_an_idea_in_few_words_stays_whole(tmp_path: Path) -> None:
    run = outcome(tmp_path / RUN_ID, count=1, failed=0)
    said = "It costs 5 - 7 euros # as of today, see 2024. That is all"
    told = run.ideas[0].versions[0].model_copy(update={"idea": idea("Desk", said)})
    one = run.ideas[0].model_copy(update={"versions": [told]})
    text = render_summary(run.model_copy(update={"ideas": [one]}))
    assert f"**Problem:** {said}" in text.replace("\n", " ").replace("\\", "")


def test_near_duplicates_are_spoken_of_only_where_there_are_some(tmp_path: Path) -> None:
    assert "And 20 more; all are in" in render_summary(outcome(tmp_path, count=30))
    told = render_summary(ranked_outcome(tmp_path))
    assert "more, near-duplicates of these among them; all" in told
