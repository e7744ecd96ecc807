"""The page of a run in a real browser: it follows the run, draws it, and hostile texts stay text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import ServePage
from tests.living import LivingRun
from tests.unit.test_page_runs import hostile_run

FOLLOWED = """() => {
  window.told = [];
  document.addEventListener("creator:step", (event) => window.told.push(...event.detail.messages));
}"""


class Watched:
    """A page, and what it did that no page of ours shall do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.elsewhere: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.elsewhere.append(request.url))
        page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def is_clean(self, address: str) -> None:
        assert self.complaints == []
        assert [url for url in self.elsewhere if not url.startswith((address, "data:,"))] == []


@pytest.fixture
def living(tmp_path: Path) -> Iterator[LivingRun]:
    limits = {"max_tokens": 1_000, "max_cost": 2.0, "deadline": 10_000.0}
    run = LivingRun(tmp_path, asked=4, settings=json.dumps(limits))
    yield run
    run.close()


def sums(found: list[list[Any]]) -> Counter[tuple[str, str]]:
    total: Counter[tuple[str, str]] = Counter()
    for source, target, count, _ in found:
        total[source, target] += count
    return total


def test_it_follows_a_run_through_a_broken_connection_to_its_end(
    browser: Browser, serve_page: ServePage, living: LivingRun
) -> None:
    address = serve_page(living.directory.parent)
    living.wished(4)
    living.agent(1, "ada")
    living.message("ada", "bo")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    watched = Watched(context.new_page())
    page = watched.page
    page.goto(f"{address}/runs/{living.name}")
    page.evaluate(FOLLOWED)
    page.locator("summary").click()
    page.locator("#lines a").first.focus()

    living.written("bo")
    page.locator("#agent-bo").get_by_text("being born").wait_for()
    living.agent(2, "bo")
    living.agent(3, "cy", "failed", "it never answered")
    living.agent(4, "dee", "pending")
    for number in range(300):
        living.message(*(("ada", "bo") if number % 3 else ("bo", "ada")))
    page.locator(".numbers").get_by_text("301").wait_for()
    page.locator("#agent-cy").get_by_text("it never answered").wait_for()
    page.get_by_role("link", name="Review 1 waiting").wait_for()
    page.locator("#lines").get_by_text("more before these").wait_for()
    assert page.locator("details").evaluate("one => one.open"), "what a reader has opened stays open"
    assert page.evaluate("document.activeElement.tagName") == "A", "the focus stays where it was"

    port = serve_page.stop(address)
    page.get_by_text("The page has lost its server").wait_for()
    living.idea(1, "ada", "Bread forecast", refiner="bo")
    for _ in range(50):
        living.message("bo", "cy")
    serve_page(living.directory.parent, port=port)
    page.locator("#best").get_by_text("Bread forecast").wait_for()
    page.locator(".numbers").get_by_text("351").wait_for()
    page.get_by_text("The page has lost its server").wait_for(state="detached")
    assert sums(page.evaluate("window.told")) == {("ada", "bo"): 200, ("bo", "ada"): 100, ("bo", "cy"): 50}

    watched.complaints[:] = [one for one in watched.complaints if not one.startswith("Failed to load resource: net::")]
    living.end(exit_code=3, reason="1 of 4 ideas exist")
    page.get_by_role("heading", name="What next").wait_for()
    assert page.locator("#lines li").count() > 30
    watched.is_clean(address)
    context.close()


def test_hostile_texts_run_nothing_and_fetch_nothing(browser: Browser, serve_page: ServePage, tmp_path: Path) -> None:
    directory = hostile_run(tmp_path)
    address = serve_page(tmp_path)
    context = browser.new_context(viewport={"width": 390, "height": 900})
    for path in ("/", f"/runs/{directory.name}", "/runs/20261121-064512-3f2a", "/runs/20261121-064512-3f2a/report"):
        watched = Watched(context.new_page())
        watched.page.goto(address + path)
        watched.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert watched.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        strange = "main img, main iframe, main form:not([action^='/runs/']), body script:not([type])"
        assert watched.page.locator(strange).count() == 0, path
        if "graph" in watched.page.content():
            watched.page.locator("canvas").hover()
            watched.page.keyboard.press("Tab")
        watched.is_clean(address)
    context.close()


def test_an_agent_of_the_graph_is_met_by_a_click(browser: Browser, serve_page: ServePage, living: LivingRun) -> None:
    address = serve_page(living.directory.parent)
    living.wished()
    living.agent(1, "ada")
    page = browser.new_page(viewport={"width": 800, "height": 900}, reduced_motion="reduce")
    page.goto(f"{address}/runs/{living.name}")
    canvas = page.locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    middle = {"x": box["width"] / 2, "y": box["height"] / 2}
    page.get_by_role("button", name="Show all").click()
    canvas.hover(position=middle)
    page.get_by_text("ada: live, talks with 0").wait_for()
    canvas.click(position=middle)
    page.wait_for_url(f"{address}/runs/{living.name}/agents/ada")
    page.close()


def test_the_token_of_the_address_opens_the_page_and_leaves_it(
    browser: Browser, serve_page: ServePage, living: LivingRun
) -> None:
    address = serve_page(living.directory.parent, "sixteen-or-more-of-them")
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/runs/{living.name}")
    page.get_by_label("Token").fill("not-this-one")
    page.get_by_role("button", name="Enter").click()
    page.get_by_text("That is not the token").wait_for()
    page.goto(f"{address}/runs/{living.name}?token=sixteen-or-more-of-them")
    assert page.url == f"{address}/runs/{living.name}"
    assert page.locator("h1").inner_text() == "ideas for bakeries"
    assert "sixteen" not in page.evaluate("document.cookie + document.referrer + location.href")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_can_be_read_by_everybody(
    browser: Browser, serve_page: ServePage, living: LivingRun, scheme: Literal["light", "dark"]
) -> None:
    address = serve_page(living.directory.parent)
    living.wished(3)
    living.agent(1, "ada")
    living.agent(2, "bo", "failed", "it never answered")
    living.agent(3, "cy", "pending")
    living.call("ada", 700, 200)
    living.idea(1, "ada")
    page = browser.new_page(bypass_csp=True, color_scheme=scheme, viewport={"width": 390, "height": 900})
    for path in ("/", f"/runs/{living.name}"):
        page.goto(address + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()
