"""The agents of the conformance suite that write hostile texts, read on the live page in a real browser."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.conftest import ServePage
from tests.conformance.hostile import GROUPS
from tests.conformance.population import run_population

WRITERS = [one for members in GROUPS.values() for one in members if one.topic == "texts"]


def test_what_they_write_runs_nothing_and_fetches_nothing(
    browser: Browser, serve_page: ServePage, tmp_path: Path
) -> None:
    assert {"writes_markup", "titles_an_idea_like_a_path"} <= {one.stem for one in WRITERS}
    with ThreadPoolExecutor(1) as thread:  # in this one Playwright has an event loop already
        told = thread.submit(run_population, "process", WRITERS, tmp_path, birth=10.0, reply=30.0).result()
    run = told.outcome.directory
    address = serve_page(run.parent)
    page = browser.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    assert any("<script>" in idea.final.title for idea in told.outcome.ideas)
    paths = ["", "/ideas", "/agents", "/review", "/report"]
    paths += [f"/ideas/{idea.number}" for idea in told.outcome.ideas]
    paths += [f"/agents/{agent.name}" for agent in told.outcome.agents if agent.state == "live"]
    for path in ["/", *(f"/runs/{run.name}{one}" for one in paths)]:
        page.goto(address + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.locator("h1").count() == 1, path
        assert page.locator("main :is(style, img, iframe), a[href^='javascript:']").count() == 0, path
    assert complaints == []
    assert [url for url in requests if not url.startswith((address, "data:,"))] == []
    page.close()
