import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from creator.report import render_report
from tests.unit.outcomes import RUN_ID, hostile_outcome, outcome


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
    assert sections == ["ideas", "agents", "refined", "failures", "cost"]
    assert "3 of 4 ideas exist" in page.text
    assert "failed_1 it never answered" in page.text
    assert "12,345 read, 6,789 written" in page.text
    assert "process: no wall; install Docker for a real sandbox" in page.text
    assert re.search(r"agent_number_3 → agent_number_1 Better dispatch desk 3", page.text)
    assert "Author\u2019s own text, by agent_number_3" in page.text


@pytest.mark.parametrize("make", [outcome, hostile_outcome])
def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path, make) -> None:
    text = render_report(make(tmp_path / RUN_ID))
    page = Page(text)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "img", "iframe", "link", "form", "object", "base"})
    attributes = {name for _, found in page.elements for name in found}
    assert not [name for name in attributes if name.startswith("on") or name in {"src", "style", "srcset"}]
    links = [found["href"] for tag, found in page.elements if tag == "a"]
    assert links
    assert all(re.fullmatch(r"#idea-\d+", link) for link in links)


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
    honest = Page(render_report(outcome(tmp_path / RUN_ID)))
    page = Page(text)
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in honest.elements}
    assert not set("\x1b\x9b\x00\u202e") & set(text)


def test_a_run_without_anything_is_still_a_page(tmp_path: Path) -> None:
    empty = outcome(tmp_path / RUN_ID).model_copy(update={"agents": [], "ideas": [], "failures": [], "reason": ""})
    page = Page(render_report(empty))
    assert "No idea was completed" in page.text
    assert "No agent came to life" in page.text
