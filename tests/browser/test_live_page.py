"""What is decided and begun on the live page, in a real browser: start, review, ask, stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from creator.ledger.view import load_run
from creator.locks import is_locked
from creator.outcome import RunOutcome

SECONDS = 30_000
"""Milliseconds that anything may take; none of it takes a tenth of that on an idle machine."""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window of a visitor's own, in which every dialog and every complaint of the browser is a failure."""
    context = browser.new_context(bypass_csp=True, viewport={"width": 390, "height": 900})
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    wrong: list[str] = []
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert wrong == []


def sound(page: Page) -> None:
    """The page is one that everybody can use, at the width of a telephone."""
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in {"serious", "critical"}]
    assert found == [], [(one["id"], one["nodes"][0]["html"]) for one in found]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "it scrolls sideways"


@pytest.fixture
def model(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A scripted model, which the environment of the server names."""
    server = serve()
    for name, value in {
        "CREATOR_MODEL": "openai:scripted",
        "CREATOR_BASE_URL": server.url,
        "CREATOR_SANDBOX": "process",
        "CREATOR_BOUNCE": "0",
    }.items():
        monkeypatch.setenv(name, value)
    return server


def test_a_run_is_started_reviewed_and_asked_from_the_page(
    page: Page, serve_page: Callable[..., str], model: Any, tmp_path: Path
) -> None:
    output = tmp_path / "generated"
    address = serve_page(output)

    # Starting: a mistake stands beside its field, and nothing that was typed is lost.
    page.goto(f"{address}/start")
    sound(page)
    page.get_by_label("Agents").fill("none")
    page.get_by_label("What they work on").fill("--objective=of a <script>alert(1)</script> harbour")
    page.get_by_label("Review").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Not started: mend what is marked below.")).to_be_visible()
    expect(page.get_by_label("Agents")).to_have_attribute("aria-invalid", "true")
    sound(page)
    page.get_by_label("Agents").fill("3")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(f"{address}/runs/*")
    (directory,) = output.glob("2*")
    assert load_run(directory).outcome.objective == "--objective=of a <script>alert(1)</script> harbour"

    # The queue, once all of them wait.
    queue = f"{address}/runs/{directory.name}/review"
    page.goto(queue)
    expect(page.get_by_text("3 of 3 agents wait for your decision.")).to_be_visible(timeout=SECONDS)
    sound(page)
    first, second, third = [agent.name for agent in load_run(directory).outcome.agents]

    # Rejecting takes a reason.
    page.get_by_role("link", name=first, exact=True).click()
    sound(page)
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Nothing was decided: Give a reason")).to_be_visible()
    page.get_by_label("Why not").fill("too <b>loud</b>")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("heading", name=second)).to_be_visible()
    expect(page.get_by_text(f"{first}: rejected, too <b>loud</b>")).to_be_visible()

    # Editing: what the policy refuses is told with its place, and the text is kept.
    page.get_by_text("Edit its module").click()
    source = page.get_by_label("The module", exact=True)
    written = source.input_value()
    source.fill(f"import os\n{written}")
    page.get_by_role("button", name="Take this instead").click()
    expect(page.get_by_text("line 1, column 1: IMPORT001")).to_be_visible()
    assert source.input_value() == f"import os\n{written}"
    sound(page)
    source.fill(f"{written}# </textarea><script>alert(2)</script>\n")
    page.get_by_role("button", name="Take this instead").click()
    expect(page.get_by_role("heading", name=third)).to_be_visible()

    # Approving, by the keyboard alone.
    page.get_by_role("link", name="Decide").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Approve")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(queue)
    expect(page.get_by_text("Nobody waits for your decision.")).to_be_visible()
    sound(page)

    # Both come to life in the run, which is opened again for them. What comes too late for it takes a click.
    again = page.get_by_role("button", name="Open the run again")
    for _ in range(2):
        expect(again.or_(page.get_by_text("Agents wait here when"))).to_be_visible(timeout=SECONDS)
        if again.is_visible():
            again.click()
    found = ended(directory)
    assert {one.name: one.state for one in found.agents} == {first: "failed", second: "live", third: "live"}
    assert {one.author for one in found.ideas} == {second, third}
    assert (
        (directory / "agents" / f"{second}.py").read_text("utf-8").endswith("# </textarea><script>alert(2)</script>\n")
    )
    assert found.agents[0].reason == "a person rejected it: too <b>loud</b>"

    # Reading the idea that is ahead, from the page of the run.
    page.goto(f"{address}/runs/{directory.name}")
    expect(page.locator("#graph canvas")).to_be_visible()
    sound(page)
    page.get_by_role("link", name="Read the ideas (2)").click()
    best = next(one for one in found.ideas if one.number == (found.ranking.order if found.ranking else [1])[0])
    page.get_by_role("link", name=best.final.title, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(best.final.title)
    expect(page.get_by_text(best.final.problem, exact=True).first).to_be_visible()

    # Asking the agent whose module a person wrote, twice; it remembers.
    page.goto(f"{address}/runs/{directory.name}/agents/{second}/ask")
    sound(page)
    page.get_by_label("Your question").fill("What is <script>alert(3)</script> 41?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".said").first).to_have_text("Yes.", timeout=SECONDS)
    page.get_by_label("Your question").fill("And what did I ask?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".said").nth(1)).to_have_text("Yes.", timeout=SECONDS)
    assert "</script> 41?" in str(model.requests[-1]["messages"])
    sound(page)
    page.get_by_role("button", name="End the conversation").click()
    expect(page.locator(".said")).to_have_count(0)


def ended(directory: Path) -> RunOutcome:
    """What a run has come to, once it has ended."""
    until = time.monotonic() + SECONDS / 1_000
    while (view := load_run(directory)).state == "running" or is_locked(directory):
        assert time.monotonic() < until, view.outcome.reason
        time.sleep(0.05)
    return view.outcome
