"""The report in a real browser: hostile texts stay text, and no request leaves the page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from creator.outcome import RunOutcome
from creator.reporting.report import render_report
from tests.unit.outcomes import hostile_outcome, ranked_outcome

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Chromium."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def written(run: RunOutcome) -> str:
    """The address of a run's report."""
    page_file = run.directory / "report.html"
    page_file.write_text(render_report(run), encoding="utf-8")
    return page_file.as_uri()


@pytest.mark.parametrize("width", [360, 1280])
def test_hostile_texts_run_nothing_and_fetch_nothing(tmp_path: Path, browser: Browser, width: int) -> None:
    address = written(hostile_outcome(tmp_path))
    page = browser.new_page(viewport={"width": width, "height": 900})
    requests: list[str] = []
    dialogs: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("h1").count() == 1
    assert requests == [address]
    assert dialogs == []
    assert complaints == [], "the page breaks its own content security policy"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_ratings_are_drawn_where_their_numbers_say(
    tmp_path: Path, browser: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(written(ranked_outcome(tmp_path)))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    boxes = page.locator("ol.plot .dot").evaluate_all("all => all.map(one => one.getBoundingClientRect().x)")
    assert len(boxes) == 21
    assert boxes == sorted(boxes, reverse=True)
    assert 0 < boxes[-1] < boxes[0] < width
    assert page.locator(".range .span").first.evaluate("one => getComputedStyle(one).stroke") not in {"none", ""}


def test_a_link_leads_to_an_idea_and_its_texts_open_on_a_click(tmp_path: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(written(ranked_outcome(tmp_path)))
    page.locator(".contents a[href='#idea-18']").click()
    assert page.locator("#idea-18:target").is_visible()
    critique = page.locator("#idea-18").get_by_text("Nobody pays before the first month ends.")
    assert not critique.is_visible()
    page.locator("#idea-18 summary").click()
    assert critique.is_visible()


def test_a_page_of_a_thousand_ideas_loads_and_is_closed(tmp_path: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(written(ranked_outcome(tmp_path, count=1_000)))
    assert page.locator("article.idea").count() == 40
    assert page.locator("details.idea[open]").count() == 0
    page.locator("#idea-1 > summary").click()
    assert page.locator("#idea-1 .parts").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
