import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from creator.outcome import Ranking
from creator.reporting.report import render_report
from tests.unit.outcomes import ONE_SHOT_FROM, RUN_ID, hostile_outcome, idea, outcome, ranked_outcome


class Page(HTMLParser):
    """The elements and the visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_the_ideas_come_first_then_agents_refinements_failures_and_cost(tmp_path: Path) -> None:
    page = Page(render_report(outcome(tmp_path / RUN_ID)))
    sections = [attributes["id"] for tag, attributes in page.elements if tag == "h2"]
    assert sections == ["ideas", "agents", "contributions", "failures", "cost"]
    assert "3 of 4 ideas exist" in page.text
    assert "failed_1 it never answered" in page.text
    assert "12,345 read, 6,789 written" in page.text
    assert "process: no wall; install Docker for a real sandbox" in page.text
    assert re.search(r"agent_number_3 → agent_number_1 Better dispatch desk 3", page.text)
    assert "Text 1: author's own text by agent_number_3" in page.text


@pytest.mark.parametrize("make", [outcome, hostile_outcome, ranked_outcome])
def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path, make) -> None:
    text = render_report(make(tmp_path / RUN_ID))
    page = Page(text)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "img", "iframe", "link", "form", "object", "base"})
    attributes = {name for _, found in page.elements for name in found}
    assert not [name for name in attributes if name.startswith("on") or name in {"src", "style", "srcset"}]
    links = [found["href"] for tag, found in page.elements if tag == "a"]
    assert links
    assert all(re.fullmatch(r"#(idea-\d+|[a-z]+)", link) for link in links)
    targets = [found["id"] for _, found in page.elements if "id" in found]
    assert len(targets) == len(set(targets))
    assert {link[1:] for link in links} - {"idea-4711"} <= set(targets)


def test_the_policy_allows_the_pages_own_style_and_nothing_else(tmp_path: Path) -> None:
    text = render_report(outcome(tmp_path / RUN_ID))
    policy = next(
        found["content"]
        for tag, found in Page(text).elements
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.search(r"<style>(.*?)</style>", text, flags=re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_hostile_texts_are_shown_as_texts(tmp_path: Path) -> None:
    text = render_report(hostile_outcome(tmp_path / RUN_ID))
    honest = Page(render_report(hostile_outcome(tmp_path / RUN_ID, "harmless")))
    page = Page(text)
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in page.text
    assert "{{ 7*7 }}" in page.text
    # Only the number of paragraphs is a text's own.
    assert [tag for tag, _ in page.elements if tag != "p"] == [tag for tag, _ in honest.elements if tag != "p"]
    assert not set("\x1b\x9b\x00\u202e") & set(text)


def test_a_run_without_anything_is_still_a_page(tmp_path: Path) -> None:
    empty = outcome(tmp_path / RUN_ID).model_copy(update={"agents": [], "ideas": [], "failures": [], "reason": ""})
    page = Page(render_report(empty))
    assert "No idea was completed" in page.text
    assert "No agent came to life" in page.text


def test_a_judged_run_is_told_in_order_with_all_that_limits_it(tmp_path: Path) -> None:
    run = ranked_outcome(tmp_path / RUN_ID)
    text = render_report(run)
    page = Page(text)
    sections = [attributes["id"] for tag, attributes in page.elements if tag == "h2"]
    assert sections[:5] == ["ideas", "preference", "baseline", "generations", "agents"]
    cards = [found["id"] for _, found in page.elements if (found.get("class") or "") == "idea"]
    assert cards[:6] == ["idea-20", "idea-19", "idea-18", "idea-17", "idea-16", "idea-15"]
    assert "Near-duplicate, listed under idea 16" in page.text
    assert "Near-duplicate listed under it: idea 15" in page.text
    assert "Weak by plain checks: it names no customer; its first step says the same as its title" in page.text
    assert "Text 4: merged text by agent_number_18 , hop 2, from texts 2 and 3" in page.text
    assert "Critique, by agent_number_3 Nobody pays before the first month ends." in page.text
    assert "preferred the population's idea over a one-shot idea in 63 % of pairs (95 % interval 52-73 %)" in page.text
    assert "15 customers, 9 technologies, mean similarity of ideas 0.21 by words" in page.text
    assert "40 82 % 56 % 1" in page.text  # pairs, same preference, first one preferred, no verdict
    assert "in the order of a judge's preference, which is no measure of" in page.text
    assert not re.search(r"(?i)quality|\bbest\b", page.text)
    drawn = [found for tag, found in page.elements if tag == "circle"]
    assert len(drawn) == len(run.ranking.places) + 1
    assert all(0 <= float(found["cx"].rstrip("%")) <= 100 for found in drawn)
    assert "at chance level" not in page.text


def test_a_judge_at_chance_and_an_order_by_plain_checks_are_told_loudly(tmp_path: Path) -> None:
    run = ranked_outcome(tmp_path / RUN_ID)
    judge = run.ranking.judges[0].model_copy(update={"agreed": 22, "at_chance": True})
    page = render_report(run.model_copy(update={"ranking": run.ranking.model_copy(update={"judges": [judge]})}))
    assert page.count('<p class="notice alarm">judge at chance level: judge had the same preference') == 2
    checked = Ranking(by="checks", order=[2, 1], under={1: 2})
    page = render_report(run.model_copy(update={"ranking": checked, "ideas": run.ideas[:2]}))
    assert page.count('<p class="notice">Order: plain checks; a capable model is needed for a ranking') == 2
    assert "in the order of plain checks" in page
    assert page.index('id="idea-2"') < page.index('id="idea-1"')
    assert "<circle" not in page.partition('id="preference"')[2].partition("</section>")[0]


def test_an_idea_like_a_one_shot_idea_stays_in_the_contents(tmp_path: Path) -> None:
    run = ranked_outcome(tmp_path / RUN_ID)
    ranking = run.ranking.model_copy(update={"under": {3: ONE_SHOT_FROM}})
    contents = render_report(run.model_copy(update={"ranking": ranking})).partition('<ol class="contents">')[2]
    assert contents.partition("</ol>")[0].count("<a href=") == 20


def test_a_page_of_a_thousand_ideas_is_closed_and_bounded(tmp_path: Path) -> None:
    run = ranked_outcome(tmp_path / RUN_ID, count=1_000)
    text = render_report(run)
    assert len(text) < 4_000_000
    page = Page(text)
    assert len([found for tag, found in page.elements if (tag, found.get("class")) == ("article", "idea")]) == 40
    assert len([found for tag, found in page.elements if (tag, found.get("class")) == ("details", "idea")]) == 964
    long = idea("Long", "words " * 600).model_copy(update={"solution": "more " * 700, "risks": "yet " * 900})
    ideas = [
        one.model_copy(update={"versions": [text.model_copy(update={"idea": long}) for text in one.versions]})
        for one in run.ideas
    ]
    text = render_report(run.model_copy(update={"ideas": ideas}))
    assert len(text) < 8_000_000
    assert "the files in the folder “ideas” hold them whole" in text
