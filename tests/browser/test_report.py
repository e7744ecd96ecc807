"""The report in a real browser: hostile texts stay text, and no request leaves the page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from creator.outcome import RunOutcome
from creator.reporting.report import render_report
from tests.unit.outcomes import hostile_outcome, ranked_outcome
from tests.unit.test_report import history


def written(run: RunOutcome, *names: str) -> str:
    """The address of a run's report, in which two agents wrote to each other."""
    page_file = run.directory / "report.html"
    page_file.write_text(render_report(run, history(*names)), encoding="utf-8")
    return page_file.as_uri()


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_hostile_texts_run_nothing_and_fetch_nothing(tmp_path: Path, browser: Browser, width: int) -> None:
    address = written(hostile_outcome(tmp_path), "ada_freight", "a" * 64)
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
    drawings = page.locator("svg.drawing:visible")
    assert drawings.count() == 5
    boxes = drawings.evaluate_all("all => all.map(one => one.getBoundingClientRect()).map(at => [at.x, at.right])")
    assert all(0 <= left < right <= width for left, right in boxes)


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
    page.locator(".chains a[href='#idea-12']").click()
    assert page.locator("details.idea[open] > #idea-12:target .parts").first.is_visible(), "the link opens the card"
    critique = page.locator("#idea-12").get_by_text("Nobody pays before the first month ends.")
    assert not critique.is_visible()
    page.locator("#idea-12 summary").click()
    assert critique.is_visible()


def test_a_page_of_a_thousand_ideas_loads_and_is_closed(tmp_path: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(written(ranked_outcome(tmp_path, count=1_000)))
    assert page.locator("article.idea").count() == 3
    assert page.locator("details.idea[open]").count() == 0
    page.locator("details.idea", has=page.locator("#idea-1")).locator("> summary").click()
    assert page.locator("#idea-1 .parts").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_the_page_can_be_used_by_all(
    tmp_path: Path, browser: Browser, width: int, scheme: Literal["light", "dark"]
) -> None:
    # The page forbids scripts, and what looks for faults is one.
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True
    )
    page = context.new_page()
    page.goto(written(ranked_outcome(tmp_path)))
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in grave] == []


def test_on_paper_everything_is_open_and_black_on_white(tmp_path: Path, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 700, "height": 900}, color_scheme="dark")
    page.goto(written(ranked_outcome(tmp_path)))
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("#idea-1 .parts").first.is_visible(), "a closed card is printed open"
    assert page.get_by_text("Requests among agents", exact=True).is_visible()
    assert not page.locator("nav").is_visible()
    assert not page.get_by_text("4 texts, 3 remarks").first.is_visible(), "what is only looked up is left out"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".drawing text:visible").first.evaluate("one => getComputedStyle(one).fill") == "rgb(0, 0, 0)"
    assert page.locator(".on-narrow svg:visible").count() == 0
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.goto(written(ranked_outcome(tmp_path, count=60)))
    assert page.locator("details.idea summary").first.is_visible()
    assert not page.locator("#idea-1 .parts").first.is_visible(), "the lists of a large run stay closed on paper"
