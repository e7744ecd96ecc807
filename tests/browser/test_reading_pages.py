"""The pages to read in, in a real browser: for everybody, by keyboard, and safe with texts of any origin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from creator.outcome import RunOutcome
from creator.outputs import write_outputs
from tests.unit.outcomes import HOSTILE, hostile_outcome, ranked_outcome
from tests.unit.recorded import Recorded

PAGES = ["ideas", "ideas/1", "agents", "agents/ada_freight"]


def _recorded(output: Path, text: str, tell: Callable[[Path], RunOutcome]) -> str:
    """A run whose files and ledger hold the text wherever a model, a cell or another program writes; gives its id."""
    run = Recorded(output)
    directory = run.record.directory
    run.attempt(1, 1, text, text)
    slots = dict(run.made("ada_freight")[0].slots)
    slots = {
        name: [text, text] if isinstance(one, list) else text if isinstance(one, str) else one
        for name, one in slots.items()
    }
    module = run.agent(1, "ada_freight", slots=slots, model=text[:150])
    run.agent(2, "mallory", "failed")
    run.idea("ada_freight", "Dispatch desk")
    run.idea("ada_freight", "Night calls")
    ledger = run.record.ledger
    sha256 = run.record.agents[1].sha256
    ledger.record_decision("ada_freight", sha256, "approved", text)
    ledger.record_message("ada_freight", text, text, size_bytes=1, latency_s=None, outcome=text, hop=3)
    ledger.record_message("world", "ada_freight", "Hello", size_bytes=1, latency_s=0.5, outcome="ok")
    known = {"judge": text, "model": text, "round": 1, "first": 1, "second": 2}
    ledger.record_comparison(**known, winner=1, reason=text)
    asyncio.run(ledger.close())
    module.write_text(f"{module.read_text()}\nTEXT = '''{text}'''\n# </pre></span>{text}\n", encoding="utf-8")
    told = tell(directory)
    agents = [one.model_copy(update={"number": 1}) if one.name == "ada_freight" else one for one in told.agents]
    write_outputs(told.model_copy(update={"agents": agents}))
    return directory.name


def _ranked(directory: Path) -> RunOutcome:
    run = ranked_outcome(directory)
    agents = [run.agents[0].model_copy(update={"name": "ada_freight", "sha256": "0" * 64})]
    agents += [
        one.model_copy(
            update={"parents": ["ada_freight"] if place % 2 else [], "asked_by": "" if place % 3 else "user"}
        )
        for place, one in enumerate(run.agents[1:])
    ]
    first, *others = run.ideas
    return run.model_copy(
        update={"agents": agents, "ideas": [first.model_copy(update={"author": "ada_freight"}), *others]}
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder of two runs, and their ids by what they are."""
    output = tmp_path_factory.mktemp("runs")
    texts = {"ranked": ("A sentence of a model.", _ranked), "hostile": (HOSTILE, hostile_outcome)}
    # Not in this thread, which has a running event loop while Playwright is there.
    with ThreadPoolExecutor(1) as other:
        made = {kind: other.submit(_recorded, output, text, tell) for kind, (text, tell) in texts.items()}
    return output, {kind: one.result() for kind, one in made.items()}


@pytest.fixture
def site(runs: tuple[Path, dict[str, str]], serve_page: Callable[..., str]) -> dict[str, str]:
    """By what a run is: the address of its pages."""
    address = serve_page(runs[0])
    return {name: f"{address}/runs/{run}" for name, run in runs[1].items()}


@pytest.mark.parametrize("kind", ["ranked", "hostile"])
def test_everybody_can_use_the_pages(browser: Browser, site: dict[str, str], kind: str) -> None:
    # The policy of the pages would keep the checker out.
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="light", bypass_csp=True)
    found: dict[str, Any] = {}
    for name in PAGES:
        page.emulate_media(color_scheme="light")
        page.goto(f"{site[kind]}/{name}")
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert page.locator("h1").count() == 1
        results = [Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})]
        page.emulate_media(color_scheme="dark")
        results.append(Axe().run(page, options={"runOnly": ["color-contrast"]}))
        found |= {
            f"{name}: {one['id']}": one["nodes"][0]["failureSummary"]
            for result in results
            for one in result.response["violations"]
            if one["impact"] in {"serious", "critical"}
        }
    page.close()
    assert found == {}


def test_hostile_texts_run_nothing_and_fetch_nothing(browser: Browser, site: dict[str, str]) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    requests: list[str] = []
    dialogs: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: complaints.append(message.text))
    for name in [*PAGES, "ideas/2", "ideas/100001", "agents/mallory", "ideas?text=%3Cscript%3Ealert(1)%3C/script%3E"]:
        page.goto(f"{site['hostile']}/{name}")
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert (
            page.evaluate("document.querySelectorAll('main script, main img, main [onerror], main [style]').length")
            == 0
        )
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    page.close()
    address = site["hostile"].partition("/runs/")[0]
    assert all(request.startswith((f"{address}/runs/", f"{address}/static/", "data:,")) for request in requests)
    assert dialogs == []
    assert complaints == [], "a page breaks its own content security policy"


def test_numbers_of_lines_are_seen_but_not_copied(browser: Browser, site: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(f"{site['ranked']}/agents/ada_freight")
    source = page.locator("#source ~ details pre")
    source.evaluate("one => getSelection().selectAllChildren(one)")
    copied = page.evaluate("getSelection().toString()")
    assert "class Agent(RoutedAgent):" in copied.splitlines()
    counted = source.locator(".row").nth(4).evaluate("one => getComputedStyle(one, '::before').content")
    assert "counter" in counted
    keyword, name = (
        source.locator(one).first.evaluate("one => getComputedStyle(one).color") for one in (".py-k", ".row")
    )
    assert keyword != name
    page.close()


def test_a_reader_finds_the_way_by_keyboard(browser: Browser, site: dict[str, str]) -> None:
    page = browser.new_page()
    page.goto(f"{site['ranked']}/ideas")
    page.get_by_label("Words").focus()
    page.keyboard.type("museums")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ideas?text=museums**")
    assert page.locator(".ideas .title").count() == 2
    _press_until(page, "Grant letters")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ideas/14")
    _press_until(page, "agent_number_14")
    page.keyboard.press("Enter")
    page.wait_for_url("**/agents/agent_number_14")
    assert "agent_number_14" in page.locator("h1").inner_text()
    page.close()


def _press_until(page: Page, wanted: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "[document.activeElement.innerText, getComputedStyle(document.activeElement).outlineStyle]"
        )
        if wanted in focused[0]:
            assert focused[1] != "none", "the focus is not seen"
            return
    raise AssertionError(f"nobody gets to {wanted!r} by keyboard")
