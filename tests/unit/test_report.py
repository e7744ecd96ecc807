import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from creator.ledger.accounts import IDEAS, Accounts, Share
from creator.ledger.history import History
from creator.ledger.traffic import Edge, Traffic
from creator.outcome import Ranking
from creator.reporting.report import NO_HISTORY, render_report
from tests.unit.outcomes import ONE_SHOT_FROM, RUN_ID, hostile_outcome, idea, outcome, ranked_outcome

DRAWN = re.compile(r"<svg.*?</svg>", flags=re.DOTALL)


NO_TRAFFIC = Traffic([], 0, 0, 0, {}, {}, [])
NO_ACCOUNTS = Accounts([], [], [], None)


def history(
    first: str = "agent_number_1", second: str = "agent_number_2", begun: float = 1_000.0, ended: float = 1_020.0
) -> History:
    """A run of two agents that wrote to each other."""
    edges = [Edge(first, second, 2, 1), Edge(second, first, 1, 0)]
    endings = {"ok": 2, "DeadlineExceeded": 1}
    traffic = Traffic(edges, 2, 3, 1, endings, {"RefineRequest": 3}, [Edge("", "model_gateway", 7, 0)])
    spent = Share(IDEAS, 5, 400, 100, 0.02, begun, ended)
    agent = Share(first, 5, 400, 100, 0.02, begun, ended)
    return History(traffic, Accounts([spent], [agent], [], 7))


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
    assert sections == ["ideas", "how", "likeness", "agents", "messages", "contributions", "cost", "failures"]
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
    harmless = render_report(hostile_outcome(tmp_path / RUN_ID, "harmless"))
    page = Page(text)
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in page.text
    assert "{{ 7*7 }}" in page.text
    # Only the number of paragraphs is a text's own; where a name goes in a figure depends on how long it is.
    tags, honest_tags = (
        [tag for tag, _ in Page(DRAWN.sub("", one)).elements if tag != "p"] for one in (text, harmless)
    )
    assert tags == honest_tags
    drawn = [tag for one in DRAWN.findall(text) for tag, _ in Page(one).elements]
    assert set(drawn) <= {"svg", "title", "g", "text", "circle", "rect", "line", "path"}
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
    assert sections[:6] == ["ideas", "how", "preference", "baseline", "likeness", "generations"]
    cards = [found["id"] for _, found in page.elements if (found.get("id") or "").startswith("idea-")]
    assert cards[:6] == ["idea-20", "idea-19", "idea-18", "idea-17", "idea-16", "idea-15"]
    assert [found["id"] for tag, found in page.elements if tag == "article"] == cards[:3]
    assert "Stock counts for market gardens 1,624, agent_number_17" in page.text
    assert "agent_number_15, like 16" in page.text
    assert "Near-duplicate, listed under idea 16" in page.text
    assert "Near-duplicate listed under it: idea 15" in page.text
    assert "Weak by plain checks: it names no customer; its first step says the same as its title" in page.text
    assert "Text 4: merged text by agent_number_18 , hop 2, from texts 2 and 3" in page.text
    assert "Critique, by agent_number_3 Nobody pays before the first month ends." in page.text
    assert "preferred the population's idea over a one-shot idea in 63 % of pairs (95 % interval 52-73 %)" in page.text
    assert "15 customers, 9 technologies, mean similarity of ideas 0.21 by words" in page.text
    assert "40 82 % 56 % 1" in page.text  # pairs, same preference, first one preferred, no verdict
    assert "put in order by a model as judge (openai:gpt-x) in 81 comparisons of two" in page.text
    assert "The order is a judge's preference, which is no measure of what they are worth" in page.text
    assert not re.search(r"(?i)quality|\bbest\b", page.text)
    rated = Page(text.partition('id="preference"')[2].partition('id="likeness"')[0])
    drawn = [found for tag, found in rated.elements if tag == "circle"]
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
    assert page.count('<p class="notice">Order: plain checks; a capable model is needed for a ranking') == 1
    assert "put in order by plain checks: no model judged them" in page
    assert "Plain checks say nothing of what they are worth" in page
    assert 'id="preference"' not in page
    assert page.index('id="idea-2"') < page.index('id="idea-1"')


def test_an_idea_like_a_one_shot_idea_stays_among_the_first(tmp_path: Path) -> None:
    run = ranked_outcome(tmp_path / RUN_ID)
    ranking = run.ranking.model_copy(update={"under": {20: ONE_SHOT_FROM, 19: 18}})
    page = Page(render_report(run.model_copy(update={"ranking": ranking})))
    assert [found["id"] for tag, found in page.elements if tag == "article"] == ["idea-20", "idea-18", "idea-17"]
    cards = [found["id"] for _, found in page.elements if (found.get("id") or "").startswith("idea-")]
    assert sorted(cards) == sorted({*cards})
    assert len(cards) == 24


def test_without_a_ledger_the_page_says_what_it_cannot_draw(tmp_path: Path) -> None:
    run = ranked_outcome(tmp_path / RUN_ID)
    assert Page(render_report(run)).text.count(NO_HISTORY) == 2
    page = Page(render_report(run, history()))
    assert NO_HISTORY not in page.text
    assert "2 agents exchanged 3 requests in 2 pairings" in page.text
    assert "no answer in time 1" in page.text
    assert "all agents model_gateway 7 0" in page.text
    assert "working on ideas 5 400 100 $0.02 0:20 minutes" in page.text
    assert "agent_number_1 alone used tokens: 500" in page.text
    nothing = History(NO_TRAFFIC, NO_ACCOUNTS)
    page = Page(render_report(run, nothing))
    assert "No agent wrote to another." in page.text
    assert "No call of a model was paid for." in page.text


def test_a_run_that_stood_still_says_so_beside_its_phases(tmp_path: Path) -> None:
    run = ranked_outcome(tmp_path / RUN_ID)
    assert "stood still" not in render_report(run, history())
    assert "stood still" in render_report(run, history(begun=1_000.0, ended=9_000.0))


def test_a_page_of_a_thousand_ideas_is_closed_and_bounded(tmp_path: Path) -> None:
    run = ranked_outcome(tmp_path / RUN_ID, count=1_000)
    text = render_report(run)
    assert len(text) < 4_000_000
    page = Page(text)
    assert len([found for tag, found in page.elements if (tag, found.get("class")) == ("article", "idea")]) == 3
    closed = [found for tag, found in page.elements if tag == "details" and "idea" in found["class"].split()]
    assert len(closed) == 997 + len(run.one_shot)
    assert "The other 997 in order" in page.text
    long = idea("Long", "words " * 600).model_copy(update={"solution": "more " * 700, "risks": "yet " * 900})
    ideas = [
        one.model_copy(update={"versions": [text.model_copy(update={"idea": long}) for text in one.versions]})
        for one in run.ideas
    ]
    text = render_report(run.model_copy(update={"ideas": ideas}))
    assert len(text) < 8_000_000
    assert "the files in the folder “ideas” hold them whole" in text
