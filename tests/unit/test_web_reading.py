"""The pages to read in, as a browser gets them: ideas, one idea, agents, one agent."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import pytest
from pygments.token import STANDARD_TYPES
from starlette.testclient import TestClient

from creator.ledger.accounts import load_calls
from creator.ledger.letters import load_letters
from creator.outcome import AgentOutcome, RunOutcome, StartedRun
from creator.outputs import write_outputs, write_started
from creator.web import make_app
from creator.web.code import highlighted
from tests.unit.outcomes import ONE_SHOT_FROM, RUN_ID, hostile_outcome, outcome, ranked_outcome
from tests.unit.recorded import Recorded, recorded


def client(output: Path) -> TestClient:
    return TestClient(make_app(output, hosts=["127.0.0.1"]), base_url="http://127.0.0.1")


def written(run: RunOutcome) -> RunOutcome:
    for folder in ("agents", "ideas"):
        (run.directory / folder).mkdir(parents=True, exist_ok=True)
    write_outputs(run)
    return run


def shown(pages: TestClient, address: str, status: int = 200) -> str:
    """What a reader of a page sees: its text, white space as blanks."""
    answer = pages.get(address)
    assert answer.status_code == status, answer.text
    apart = re.sub(r"</(?:td|th|li|dt|dd|p|h[1-6])>", " ", answer.text)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", apart)).split())


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """The pages of a run with all that can be told of one."""
    folder = tmp_path_factory.mktemp("ranked")
    written(ranked_outcome(folder / RUN_ID))
    return client(folder)


IDEAS = f"/runs/{RUN_ID}/ideas"
AGENTS = f"/runs/{RUN_ID}/agents"


def titles(page: str) -> list[str]:
    """The addresses of the listed ideas, in order."""
    return re.findall(rf'<span class="title"><a href="{IDEAS}/(\d+)"', page)


def test_the_best_idea_stands_first_with_its_interval_and_what_a_rank_is(ranked: TestClient) -> None:
    page = ranked.get(IDEAS).text
    assert titles(page)[:6] == ["20", "19", "18", "17", "16", "14"], "idea 15 stands under 16"
    text = shown(ranked, IDEAS)
    assert "Order: judge's preference (openai:gpt-x), 81 comparisons" in text
    assert "says nothing of what an idea is worth" in text
    assert "rated 1,681 95 % interval 1,591 to 1,751" in text
    assert "weak: it names no customer; its first step says the same as its title" in text
    assert "one-shot by no agent" in text
    assert "24 in all, 3 of them near-duplicates" in text
    alike = page.split('<details class="alike" open>')[1].split("</details>")[0]
    assert f"{IDEAS}/15" in alike


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("text=VET+night", ["18", "10", "2", "100003"]),
        ("agent=number_20", ["20"]),
        ("generation=0", ["7", "6", "4", "3", "2", "1"]),
        ("source=one-shot", ["100004", "100003", "100002", "100001"]),
        ("source=one-shot&generation=1", []),
        ("text=nowhere", []),
        ("source=nonsense&generation=x&page=99&agent=number_20", ["20"]),
    ],
)
def test_ideas_are_found_by_what_the_address_says(ranked: TestClient, query: str, found: list[str]) -> None:
    page = ranked.get(f"{IDEAS}?{query}").text
    assert titles(page) == found
    assert ("No idea fits" in page) == (not found)
    assert "Show all" in page


def test_a_near_duplicate_whose_best_is_not_found_stands_alone(ranked: TestClient) -> None:
    page = ranked.get(f"{IDEAS}?text=school+buses").text
    assert titles(page) == ["15", "7"]
    assert "like <a" in page


def test_a_thousand_ideas_and_agents_are_shown_in_pages(tmp_path: Path) -> None:
    written(ranked_outcome(tmp_path / RUN_ID, count=1_000))
    pages = client(tmp_path)
    seen: list[str] = []
    address = IDEAS
    while True:
        page = pages.get(address).text
        seen += re.findall(rf'<(?:span class="title"|li)><a href="{IDEAS}/(\d+)"', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        address = IDEAS + html.unescape(following[1])
    assert len(seen) == len(set(seen)) == 1_004
    page = pages.get(f"{AGENTS}?text=number_99").text
    assert page.count("<tr>") == 12, "a head, number_99 and number_990 to number_999"
    assert "1 of 10" in shown(pages, AGENTS)


def test_a_finished_run_is_read_once_and_again_when_it_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from creator.web import views

    run = written(outcome(tmp_path / RUN_ID))
    read: list[Path] = []
    load: Callable[[Path], object] = views.load_run
    monkeypatch.setattr(views, "load_run", lambda directory: (read.append(directory), load(directory))[1])
    pages = client(tmp_path)
    for _ in range(3):
        assert "3 ideas" in shown(pages, IDEAS)
    assert len(read) == 1
    written(run.model_copy(update={"ideas": run.ideas[:2]}))
    assert "2 ideas" in shown(pages, IDEAS)
    for number in range(9):
        written(outcome(tmp_path / f"2026120{number}-064512-3f2a"))
        shown(pages, f"/runs/2026120{number}-064512-3f2a/ideas")
    assert "2 ideas" in shown(pages, IDEAS)
    assert len(read) == 12, "not all runs are kept"


def test_while_a_run_goes_on_its_pages_say_so_and_show_what_there_is(tmp_path: Path) -> None:
    run = Recorded(tmp_path)
    directory = run.record.directory
    pages = client(tmp_path)
    started = StartedRun(**{**_known(run), "host": "elsewhere", "pid": 1})
    write_started(directory, started)
    assert "There is no idea yet" in shown(pages, f"/runs/{directory.name}/ideas")
    assert "There is no agent yet" in shown(pages, f"/runs/{directory.name}/agents")
    run.agent(1, "ada_freight")
    run.idea("ada_freight", "Dispatch desk")
    text = shown(pages, f"/runs/{directory.name}/ideas")
    assert "The run goes on: 1 of 3 ideas so far" in text
    assert "Dispatch desk" in text
    assert "The run goes on" in shown(pages, f"/runs/{directory.name}/agents")
    assert "Dispatch desk" in shown(pages, f"/runs/{directory.name}/ideas/1")
    assert "is the module on record" in shown(pages, f"/runs/{directory.name}/agents/ada_freight")
    run.end()
    assert "The run goes on" not in shown(pages, f"/runs/{directory.name}/ideas")


def _known(run: Recorded) -> dict[str, object]:
    outcome = run.record.outcome("process", "process: no wall", interrupted=False)
    return {name: getattr(outcome, name) for name in ("run_id", "objective", "model", "sandbox", "asked", "started")}


def test_an_idea_is_told_with_its_texts_and_what_changed(ranked: TestClient) -> None:
    page = ranked.get(f"{IDEAS}/18").text
    text = shown(ranked, f"{IDEAS}/18")
    assert (
        "Rank 3 in the judge\u2019s preference: rated 1,643 (95 % interval 1,553 to 1,713), preferred in 4.5 of 8"
        in text
    )
    assert page.index("The final text") < page.index("How it came about")
    assert "Text 4 final: merged text by agent_number_18 hop 2, from texts 2 and 3" in text
    assert "Night calls of a vet practice, answered<ins>, text 2</ins>" in page
    assert "<del>3</del><ins>4</ins>" in page
    assert "Unchanged since text 1: problem, customer, solution, revenue model, first step." in text
    for said in (
        "Critique, by agent_number_3 Nobody pays",
        "In favour, by agent_number_1",
        "Verdict, by judge Keep it",
    ):
        assert said in text
    assert re.search(rf'rel="prev" href="{IDEAS}/19"', page)
    assert re.search(rf'rel="next" href="{IDEAS}/17"', page)
    assert f'href="{AGENTS}/agent_number_1"' in page


def test_an_idea_tells_what_it_is_like_and_who_had_no_part_in_it(ranked: TestClient) -> None:
    assert "A near-duplicate, listed under" in shown(ranked, f"{IDEAS}/15")
    assert "Near-duplicates listed under it" in shown(ranked, f"{IDEAS}/16")
    one_shot = shown(ranked, f"{IDEAS}/{ONE_SHOT_FROM}")
    assert "one-shot by no agent" in one_shot
    assert "One text: nobody changed it." in one_shot
    assert "There is no idea 4711" in shown(ranked, f"{IDEAS}/4711", 404)
    assert ranked.get(f"{IDEAS}/one").status_code == 404


def test_the_judge_is_quoted(tmp_path: Path) -> None:
    run = Recorded(tmp_path)
    run.agent(1, "ada_freight")
    run.agent(2, "bo_clinics")
    run.idea("ada_freight", "Dispatch desk")
    run.idea("bo_clinics", "Night calls")
    known = {"judge": "judge", "model": "m", "round": 1, "first": 1, "second": 2}
    run.record.ledger.record_comparison(**known, winner=1, reason="It names a price.")
    run.record.ledger.record_comparison(**known, winner=2, reason="It is cheaper to try.")
    run.record.ledger.record_comparison(**known, winner=None, reason="")
    ended = run.end()
    ranking = ranked_outcome(ended.directory).ranking
    written(ended.model_copy(update={"ranking": ranking}))
    text = shown(client(tmp_path), f"/runs/{ended.run_id}/ideas/1")
    assert "preferred Night calls It names a price. judge 1 first" in text
    assert "the other preferred Night calls It is cheaper to try." in text
    assert "no verdict Night calls none given" in text


def test_agents_are_found_and_sorted_by_what_the_address_says(tmp_path: Path) -> None:
    run = outcome(tmp_path / RUN_ID, count=4, failed=2)
    agents = [one.model_copy(update={"prompt_tokens": 100 * place}) for place, one in enumerate(run.agents)]
    agents[1] = agents[1].model_copy(update={"author": "code", "parents": [agents[0].name], "generation": 1})
    agents.append(AgentOutcome(name="wanted_one", sector="ports", state="pending", asked_by=agents[1].name))
    written(run.model_copy(update={"agents": agents}))
    pages = client(tmp_path)

    def listed(query: str) -> list[str]:
        body = pages.get(f"{AGENTS}?{query}").text.partition("<tbody>")[2].partition("</tbody>")[0]
        return re.findall(rf'<td><a class="agent" href="{AGENTS}/([a-z0-9_]+)"', body)

    numbers = [f"agent_number_{n}" for n in range(1, 5)]
    assert listed("") == [*numbers, "failed_1", "failed_2", "wanted_one"]
    assert listed("sort=tokens")[:3] == ["failed_2", "failed_1", "agent_number_4"]
    assert listed("sort=ideas&state=live") == numbers
    assert listed("sort=state")[:3] == ["wanted_one", "failed_1", "failed_2"]
    assert listed("state=failed") == ["failed_1", "failed_2"]
    assert listed("sector=ports") == ["wanted_one"]
    assert listed("author=code") == listed("generation=1") == ["agent_number_2"]
    assert listed("text=NEVER+answered") == ["failed_1", "failed_2"]
    assert listed("sort=__class__") == listed("")
    assert "No agent fits" in shown(pages, f"{AGENTS}?text=nobody")
    text = shown(pages, AGENTS)
    assert "7 agents 4 live, 2 failed, 1 waiting for a decision" in text
    assert "failed it never answered (1 try)" in text
    assert "Decide about 1 that waits" in text
    assert "What else went wrong the model was slow" in text
    family = pages.get(AGENTS).text.partition('class="family"')[2]
    assert family.index("agent_number_1") < family.index("agent_number_2") < family.index("wanted_one")
    assert "waits for a decision" in family
    assert 'aria-sort="descending"' in pages.get(f"{AGENTS}?sort=tokens").text


def _with_messages(run: Recorded) -> None:
    ledger = run.record.ledger
    ledger.record_message("world", "ada_freight", "Hello", size_bytes=112, latency_s=0.002, outcome="ok")
    ledger.record_message("cy_farms", "bo_clinics", "Hello", size_bytes=1, latency_s=1.0, outcome="ok")
    ledger.record_message(
        "ada_freight", "bo_clinics", "RefineRequest", size_bytes=2_345, latency_s=None, outcome="AgentGone", hop=2
    )
    for source, error, cost in (("model", None, 0.5), ("model", "429", 0.25), ("cache", None, None)):
        ledger.record_call(
            "ada_freight",
            "m",
            prompt_tokens=1_000,
            completion_tokens=20,
            prompt_characters=1,
            latency=2.5,
            error=error,
            source=source,
            cost=cost,
        )


def test_an_agent_is_told_from_its_birth_to_its_last_message() -> None:
    run = recorded(_with_messages)
    pages = client(run.directory.parent)
    address = f"/runs/{run.run_id}/agents/ada_freight"
    text = shown(pages, address)
    assert "code by a model, template idea_agent" in text
    assert "1 policy IMPORT001 at line 3: os is not allowed" in text
    assert "approved: does what it says" in text
    assert "is the module on record" in text
    assert "Dispatch desk idea 1" in text
    assert "Interests daily demand surplus sales dough planning" in text
    assert "class Agent(RoutedAgent):" in text
    assert "From template idea_agent, for the same brief without a model:" in text
    assert '-INTERESTS: Final = ["' in text
    assert "world ada_freight Hello answered 2 ms 112" in text
    assert "ada_freight bo_clinics Refine request hop 2 Agent gone no answer 2,345" in text
    assert "2, 1 of them failed, and 1 answers that were known already; 2,000 tokens read, 40 written" in text
    assert "5 s of waiting; $0.75" in text
    page = pages.get(address).text
    assert f'href="{address}/ask"' in page
    assert f'href="/runs/{run.run_id}/agents/bo_clinics"' in page, "its parent"
    assert "no difference" in shown(pages, f"{address}?against=ada_freight")
    assert "INTERESTS" in shown(pages, f"{address}?against=bo_clinics")
    assert "It cannot be compared with 'nobody'" in shown(pages, f"{address}?against=nobody")
    assert "It cannot be compared with '../../x'" in shown(pages, f"{address}?against=../../x")


def test_an_agent_that_waits_or_failed_says_so() -> None:
    run = recorded()
    pages = client(run.directory.parent)
    waiting = pages.get(f"/runs/{run.run_id}/agents/bo_clinics").text
    assert f'href="/runs/{run.run_id}/review/bo_clinics"' in waiting
    assert "/ask" not in waiting
    assert "It failed: it never answered" in shown(pages, f"/runs/{run.run_id}/agents/cy_farms")
    assert "No agent 'nobody'" in shown(pages, f"/runs/{run.run_id}/agents/nobody", 404)


def test_files_that_were_tampered_with_are_told() -> None:
    run = recorded()
    pages = client(run.directory.parent)
    address = f"/runs/{run.run_id}/agents/ada_freight"
    module = run.directory / "agents" / "ada_freight.py"
    module.write_text("import os\n# \u202eevil\n", encoding="utf-8")
    text = shown(pages, address)
    assert "Its file was changed after it was checked: what stands below is not what lived." in text
    assert "It holds characters that are not shown" in text
    assert "\u202e" not in text
    module.write_bytes(b"\xff\xfe")
    assert "is not UTF-8 text" in shown(pages, address)
    module.unlink()
    module.symlink_to("/etc/passwd")
    text = shown(pages, address)
    assert "was changed after it was checked" in text
    assert "root:" not in text
    module.unlink()
    (run.directory / "agents" / "ada_freight.json").write_text("{}")
    text = shown(pages, address)
    assert "Its file is not there" in text
    assert "blueprint is missing or damaged" in text
    (run.directory / "ledger.sqlite").write_bytes(b"no ledger")
    assert "The ledger cannot be read" in shown(pages, address)


def test_a_source_is_coloured_by_classes_that_its_style_sheet_gets_from_pygments() -> None:
    sheet = resources.files("creator").joinpath("web", "static", "code.css").read_text(encoding="utf-8")
    styled = set(re.findall(r"\.py-([a-z0-9]+)", sheet))
    assert styled <= set(STANDARD_TYPES.values())
    made, source = Recorded().made("ada_freight")
    used = set(re.findall(r'class="py-([a-z0-9]+)"', highlighted(source)))
    assert {"k", "kn", "sd", "s2", "mf", "nc", "nf", "nd"} <= used & styled, made.name


def test_a_source_that_would_take_long_to_colour_stays_plain() -> None:
    assert "py-" not in highlighted("\n " * 20_000 + "x = 1\n")
    assert "py-" not in highlighted("x = 1\n" * 20_000)


def test_only_the_last_messages_of_an_agent_are_read() -> None:
    def fill(run: Recorded) -> None:
        for number in range(30):
            run.record.ledger.record_message(
                "ada_freight", f"to_{number}", "Hello", size_bytes=1, latency_s=0.1, outcome="ok"
            )

    run = recorded(fill)
    letters = load_letters(run.directory, "ada_freight", most=10)
    assert letters.total == 30
    assert [one.target for one in letters.latest] == [f"to_{number}" for number in range(20, 30)]
    assert load_letters(run.directory, "nobody").total == 0
    assert not any(asdict(load_calls(run.directory, "nobody")).values())


def test_nothing_that_a_model_wrote_becomes_markup_or_an_address(tmp_path: Path) -> None:
    run = written(hostile_outcome(tmp_path / RUN_ID))
    pages = client(tmp_path)
    for address in (IDEAS, f"{IDEAS}/1", f"{IDEAS}/2", f"{IDEAS}/{ONE_SHOT_FROM}", AGENTS, f"{AGENTS}/ada_freight"):
        page = pages.get(f"{address}?text=%3Cscript%3E&agent=%22%3E%3Cimg%20src=x%3E&against=%3Cb%3E").text
        page += pages.get(address).text
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>#" not in page
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
        allowed = (
            rf"/(?:start|static/[a-z.]+|runs/{RUN_ID}(?:/[a-z0-9_/]+)?)?(?:#[a-z]+)?|\?[^\"<>]*|#[a-z0-9-]+|data:,"
        )
        for link in re.findall(r'(?:href|src|action)="([^"]*)"', page):
            assert re.fullmatch(allowed, link), link
    assert run.ideas
