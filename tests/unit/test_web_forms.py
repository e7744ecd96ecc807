"""The pages that begin and decide something: what their forms take, what they refuse, and what comes of it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from creator.errors import EnvironmentFault, UsageError
from creator.ledger.decided import load_people
from creator.ledger.store import FILE_NAME, Ledger
from creator.ledger.view import load_run
from creator.outcome import RunOutcome
from creator.outputs import write_settings
from creator.settings import SpawnSettings
from creator.talk import NoAnswer
from creator.web import conversations, make_app, review, start
from creator.web.conversations import Conversations
from tests.unit.outcomes import HOSTILE
from tests.unit.recorded import Recorded, recorded

ADDRESS = "http://127.0.0.1"


class Visitor:
    """A browser that fills in forms.

    Attributes:
        client: What it talks by.
    """

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def read(self, path: str) -> httpx.Response:
        """A page."""
        return self.client.get(path)

    def send(self, path: str, page: str = "/start", **fields: str) -> httpx.Response:
        """Send a form of a page; where that leads to is not followed."""
        hidden = dict(re.findall(r'<input type="hidden" name="(csrf|key)" value="([^"]*)">', self.read(page).text))
        return self.client.post(path, data={**hidden, **fields}, headers={"origin": ADDRESS}, follow_redirects=False)


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    """Somebody who looks at the runs in ``generated/``, which one server shows as long as the test lasts."""
    with TestClient(make_app(Path("generated"), hosts=["127.0.0.1"]), base_url=ADDRESS) as client:
        yield Visitor(client)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, object]]:
    """The options of each run that is started; it begins at once, in a folder that holds one already."""
    options: list[Mapping[str, object]] = []

    async def launch(output: Path, given: Mapping[str, object]) -> Path:
        options.append(given)
        return output / "20260101-000000-abcd"

    monkeypatch.setattr(start, "launch", launch)
    return options


@pytest.fixture
def reopened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folder of each run that is opened again for those about whom was decided."""
    folders: list[Path] = []

    async def launch_resume(directory: Path, *, decided_only: bool) -> Path:
        assert decided_only
        folders.append(directory)
        return directory

    monkeypatch.setattr(review, "launch_resume", launch_resume)
    return folders


def test_only_settings_of_the_list_reach_a_run(
    visitor: Visitor, launched: list[Mapping[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREATOR_MODEL", "embedded")
    answer = visitor.send(
        "/start",
        count="7",
        objective="--output=/tmp\r\nsecond line",
        pattern="panel",
        seed="-3",
        review="yes",
        base_url="http://169.254.169.254/",
        output="/tmp/elsewhere",
        templates="/etc",
        sandbox="process",
        unsafe="yes",
        model="",
    )
    assert answer.status_code == 303
    assert visitor.read(answer.headers["location"]).url.path == "/runs/20260101-000000-abcd"
    assert launched == [
        {
            "count": "7",
            "objective": "--output=/tmp\nsecond line",
            "pattern": "panel",
            "seed": "-3",
            "tournament": False,
            "review": "later",
        }
    ]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("count", "", "say how many agents"),
        ("count", "0", "greater than or equal to 1"),
        ("count", "x", "a whole number"),
        ("model", "/etc/passwd.yaml", "never a key"),
        ("model", "../model.gguf", "never a key"),
        ("model", "openai:a b", "never a key"),
        ("pattern", "dance", "relay"),
        ("deadline", "nan", "finite number"),
        ("max_cost", "-1", "greater than 0"),
        ("seed", "1.5", "a whole number"),
    ],
)
def test_a_mistake_stands_beside_its_field(
    visitor: Visitor, launched: list[Mapping[str, object]], field: str, value: str, told: str
) -> None:
    answer = visitor.send("/start", **{"count": "2", "objective": "kept & whole", field: value})
    assert answer.status_code == 422
    wrong = re.findall(r'id="(\w+)-wrong">([^<]*)<', answer.text)
    assert [one for one, _ in wrong] == [field]
    assert told in wrong[0][1]
    assert "kept &amp; whole" in answer.text
    assert launched == []


def test_what_may_be_a_key_is_never_repeated(visitor: Visitor, launched: list[Mapping[str, object]]) -> None:
    answer = visitor.send("/start", count="2", model="sk-proj-abcdefghijklmnop0123456789")
    assert answer.status_code == 422
    assert "abcdefghijklmnop" not in answer.text


def test_a_missing_key_is_told_on_the_form(visitor: Visitor, launched: list[Mapping[str, object]]) -> None:
    answer = visitor.send("/start", count="2", model="openai:gpt-4.1-mini")
    assert answer.status_code == 422
    assert "OPENAI_API_KEY" in answer.text
    assert launched == []


def test_a_run_that_may_cost_much_is_asked_about_first(
    visitor: Visitor, launched: list[Mapping[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    wanted = {"count": "2000", "model": "openai:gpt-4.1"}
    question = visitor.send("/start", **wanted)
    assert question.status_code == 200
    assert "may cost $" in question.text
    assert launched == []
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', question.text))
    assert fields.pop("agreed") == "yes"
    agreed = visitor.client.post(
        "/start", data={**fields, "agreed": "yes"}, headers={"origin": ADDRESS}, follow_redirects=False
    )
    assert agreed.status_code == 303
    assert [one["count"] for one in launched] == ["2000"]
    assert visitor.send("/start", **wanted, max_cost="2").status_code == 303, "a limit agrees to that much"


def test_a_form_that_is_sent_twice_starts_one_run(visitor: Visitor, launched: list[Mapping[str, object]]) -> None:
    key = "k" * 32
    first, second = (visitor.send("/start", count="2", model="embedded", key=key) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert len(launched) == 1
    assert visitor.send("/start", count="2", key="../../runs").status_code == 422


def test_a_run_that_was_refused_gives_the_form_back(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def launch(output: Path, given: Mapping[str, object]) -> Path:
        raise EnvironmentFault("there is no <sandbox>\x1b[2J")

    monkeypatch.setattr(start, "launch", launch)
    answer = visitor.send("/start", count="2", model="embedded", objective="bakeries")
    page = visitor.read(answer.headers["location"])
    assert "Not started: there is no &lt;sandbox&gt;<" in page.text
    assert ">\nbakeries</textarea>" in page.text


def test_a_run_that_is_starting_can_be_cancelled_and_ends_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    async def launch(output: Path, given: Mapping[str, object]) -> Path:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(str(given["objective"]))
        raise AssertionError

    monkeypatch.setattr(start, "launch", launch)
    with TestClient(make_app(Path("generated"), hosts=["127.0.0.1"]), base_url=ADDRESS) as client:
        visitor = Visitor(client)
        first = visitor.send("/start", count="2", model="embedded", objective="one").headers["location"]
        visitor.send("/start", count="2", model="embedded", objective="two")
        waiting = visitor.read(first).text
        assert "data-live" in waiting
        assert visitor.send(f"{first}/cancel").status_code == 303
        assert ended == ["one"]
        assert "cancelled before it began" in visitor.read(first).text
        for number in range(3):
            visitor.send("/start", count="2", model="embedded", objective=f"more {number}")
        full = visitor.send("/start", count="2", model="embedded")
        assert (full.status_code, "started already" in full.text) == (422, True)
    assert set(ended) == {"one", "two", "more 0", "more 1", "more 2"}
    assert visitor.read("/start/nothing").status_code == 404


@pytest.mark.parametrize("path", ["/start", "/runs/{run}/review", "/runs/{run}/stop", "/runs/{run}/resume"])
def test_a_form_of_another_site_changes_nothing(visitor: Visitor, path: str) -> None:
    path = path.format(run=recorded().directory.name)
    assert visitor.client.post(path, data={}, headers={"origin": "http://evil.example"}).status_code == 403
    assert visitor.client.post(path, data={"csrf": "0" * 64}, headers={"origin": ADDRESS}).status_code == 422


# The review queue.


def waiting_run(*names: str, fill: Callable[[Recorded], object] | None = None) -> RunOutcome:
    """A run that has ended, in which these agents wait."""
    run = Recorded(asked=len(names))
    for number, name in enumerate(names, 1):
        run.agent(number, name, "pending")
    if fill is not None:
        fill(run)
    outcome = run.end()
    write_settings(outcome.directory, SpawnSettings(count=len(names), model="embedded"))
    return outcome


def decided(outcome: RunOutcome) -> list[tuple[str, str, str]]:
    people = load_people(outcome.directory)
    return [(one.name, one.decision, one.why) for one in people.decisions]


def queue(outcome: RunOutcome, name: str = "") -> str:
    return f"/runs/{outcome.directory.name}/review{'/' if name else ''}{name}"


def test_the_page_of_an_agent_shows_all_that_the_terminal_does(visitor: Visitor) -> None:
    def fill(run: Recorded) -> None:
        run.record.attempt(1, 1, "author", "repaired: a missing import")

    outcome = waiting_run("ada_freight", fill=fill)
    page = visitor.read(queue(outcome, "ada_freight")).text
    for shown in (
        "repaired: a missing import",
        "daily demand",
        "idea_agent",
        outcome.agents[0].sha256,
        "without a model",
    ):
        assert shown in page
    assert 'class="py-k">class</span>' in page, "the source, with colours"
    assert '<span class="row removed">-' in page and '<span class="row added">+' in page
    assert visitor.read(queue(outcome, "nobody")).status_code == 404


def test_approving_is_about_exactly_the_module_that_was_shown(visitor: Visitor, reopened: list[Path]) -> None:
    outcome = waiting_run("ada_freight", "bo_clinics")
    ada, bo = outcome.agents
    page = queue(outcome, "ada_freight")
    stale = visitor.send(page, page, action="approve", sha256="0" * 64)
    assert (stale.status_code, "another module by now" in stale.text) == (422, True)
    assert decided(outcome) == [] and reopened == []

    path = outcome.directory / "agents" / "ada_freight.py"
    path.write_text(path.read_text("utf-8") + "# sneaked in\n", "utf-8")
    assert "was changed since it was checked" in visitor.read(page).text
    changed = visitor.send(page, page, action="approve", sha256=ada.sha256)
    assert (changed.status_code, "was changed since it was checked" in changed.text) == (422, True)
    assert decided(outcome) == []

    right = visitor.send(queue(outcome, "bo_clinics"), page, action="approve", sha256=bo.sha256)
    assert right.headers["location"] == f"{page}?after=bo_clinics", "on to who waits next"
    assert "bo_clinics: approved. 1 waits." in visitor.read(right.headers["location"]).text
    assert decided(outcome) == [("bo_clinics", "approved", "")]
    assert reopened == [outcome.directory]
    assert "approved, comes to life" in visitor.read(queue(outcome)).text


def test_all_that_were_shown_are_approved_together_and_no_other(visitor: Visitor, reopened: list[Path]) -> None:
    def fill(run: Recorded) -> None:
        run.agent(3, "cy_code", "pending", author="code")

    outcome = waiting_run("ada_freight", "bo_clinics", fill=fill)
    forms = re.findall(r'name="modules" value="([^"]*)"', visitor.read(queue(outcome)).text)
    assert [len(one.split()) for one in forms] == [2, 3]
    wrong = forms[0].replace(outcome.agents[0].sha256, "0" * 64)
    assert visitor.send(queue(outcome), action="approve", modules=wrong).status_code == 422
    assert visitor.send(queue(outcome), action="approve", modules="").status_code == 422
    assert decided(outcome) == [], "all of them or none"
    assert visitor.send(queue(outcome), action="approve", modules=forms[0]).status_code == 303
    assert [name for name, _, _ in decided(outcome)] == ["ada_freight", "bo_clinics"]
    assert len(reopened) == 1


def test_a_rejection_takes_a_reason_and_gives_up_where_the_run_has_ended(
    visitor: Visitor, reopened: list[Path]
) -> None:
    outcome = waiting_run("ada_freight")
    page = queue(outcome, "ada_freight")
    sha256 = outcome.agents[0].sha256
    assert visitor.send(page, page, action="reject", sha256=sha256, why=" \x1b[2J ").status_code == 422
    assert visitor.send(page, page, action="reject", sha256=sha256, why="too\nloud").headers["location"] == queue(
        outcome
    )
    (agent,) = load_run(outcome.directory).outcome.agents
    assert (agent.state, agent.reason) == ("failed", "a person rejected it: too loud")
    assert reopened == []
    told = visitor.read(queue(outcome)).text
    assert "Nobody waits for your decision." in told and "too loud" in told
    assert visitor.send(page, action="approve", sha256=sha256).status_code == 422


def test_an_edit_is_checked_at_once_and_put_on_record(visitor: Visitor, reopened: list[Path]) -> None:
    outcome = waiting_run("ada_freight")
    (agent,) = outcome.agents
    page = queue(outcome, "ada_freight")
    source = (outcome.directory / "agents" / "ada_freight.py").read_text("utf-8")
    bad = source + "\n</textarea><script>alert(1)</script>\nimport os\n"

    def edit(text: str, sha256: str = agent.sha256) -> httpx.Response:
        return visitor.send(page, page, action="edit", sha256=sha256, source=text.replace("\n", "\r\n"))

    refused = edit(bad)
    assert refused.status_code == 422
    assert re.search(r"line \d+, column \d+: \w+", refused.text)
    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;\nimport os\n</textarea>" in refused.text, "kept"
    assert "<script>alert" not in refused.text
    assert "Nothing was changed" in edit(source).text
    assert "another module by now" in edit(source + "# a\n", "0" * 64).text
    assert load_people(outcome.directory).edits == {}

    taken = edit(source + "# mine\n")
    assert taken.status_code == 303
    (edited,) = load_people(outcome.directory).edits.values()
    assert (edited.source, edited.refused) == (source + "# mine\n", None)
    assert reopened == [outcome.directory]
    assert "your version is checked" in visitor.read(queue(outcome)).text

    with closing(sqlite3.connect(outcome.directory / FILE_NAME)) as ledger, ledger:
        ledger.execute("UPDATE edits SET refused = 'it fails when it is asked to propose'")
    again = visitor.read(page).text
    assert "it fails when it is asked to propose" in again and "# mine\n</textarea>" in again
    assert "your version was refused" in visitor.read(queue(outcome)).text


def test_hostile_texts_of_a_run_stay_texts(visitor: Visitor) -> None:
    def fill(run: Recorded) -> None:
        made, source = run.made("eve_hostile")
        made = made.model_copy(update={"slots": dict.fromkeys(("persona", "sector", "voice"), HOSTILE)})
        run.modules.save(made, source + f"# {HOSTILE!r} </pre><script>alert(1)</script>\u202e\n")
        run.record.attempt(1, 1, "author", HOSTILE)

    outcome = waiting_run("eve_hostile", fill=fill)
    for page in (queue(outcome), queue(outcome, "eve_hostile")):
        answer = visitor.read(page)
        text = answer.text
        assert answer.status_code == 200
        assert not re.search(r"<script(?! src=\"/static/)|<img|<i>|onerror=\"|\u202e|\x1b", text), page
    assert "turn the direction" in visitor.read(queue(outcome, "eve_hostile")).text


def test_what_was_decided_too_late_is_opened_again_for(visitor: Visitor, reopened: list[Path]) -> None:
    outcome = waiting_run("ada_freight")
    ledger = Ledger.open(outcome.directory / FILE_NAME)
    ledger.record_decision("ada_freight", outcome.agents[0].sha256, "approved")
    asyncio.run(ledger.close())
    assert "Open the run again" in visitor.read(queue(outcome)).text
    assert visitor.send(queue(outcome), action="go on").status_code == 303
    assert reopened == [outcome.directory]


# Asking.


class Talks:
    """Agents that answer by a script.

    Attributes:
        alive: Who lives at this moment.
        earlier: What each was reminded of when it came to life.
        answer: Held back until it is set.
    """

    def __init__(self) -> None:
        self.alive: list[str] = []
        self.earlier: list[list[str]] = []
        self.answer = asyncio.Event()
        self.answer.set()

    @asynccontextmanager
    async def talking(self, view: Any, name: str, *, earlier: list[str]) -> AsyncIterator[Any]:
        if name == "mute":
            raise NoAnswer("mute did not come to life: no <wall>")
        self.alive.append(name)
        self.earlier.append(earlier)
        try:
            yield self
        finally:
            await asyncio.sleep(0)
            self.alive.remove(name)

    async def ask(self, question: str) -> str:
        await self.answer.wait()
        if question == "fail":
            raise NoAnswer("it gave no answer")
        return f"about {question}"


@pytest.fixture
def talks(monkeypatch: pytest.MonkeyPatch) -> Talks:
    talks = Talks()
    monkeypatch.setattr(conversations, "talking", talks.talking)
    return talks


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that other tasks bring about."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


def key(name: str, whose: str = "me") -> tuple[str, str, str]:
    return whose, "run", name


VIEW: Any = None


async def test_a_conversation_goes_on_and_its_agent_remembers_across_lives(talks: Talks) -> None:
    every = Conversations()
    for question in ("one", "fail", "two"):
        every.ask(key("ada"), VIEW, "ada", question)
        await until(lambda: not every.of(key("ada")).is_answering)
    assert [(one.answer, one.problem) for one in every.of(key("ada")).turns] == [
        ("about one", ""),
        (None, "it gave no answer"),
        ("about two", ""),
    ]
    assert talks.alive == ["ada"] and talks.earlier == [[]], "one life for all of them"
    await every.close()
    assert talks.alive == []
    every.ask(key("ada"), VIEW, "ada", "three")
    await until(lambda: not every.of(key("ada")).is_answering)
    assert talks.earlier[1] == ["one", "about one", "two", "about two"]
    assert every.of(key("ada", "somebody else")).turns == []
    await every.close()


async def test_few_are_alive_and_who_is_idle_makes_room(talks: Talks) -> None:
    every = Conversations()
    every.ask(key("ada"), VIEW, "ada", "one")
    await until(lambda: not every.of(key("ada")).is_answering)
    talks.answer.clear()
    every.ask(key("bo"), VIEW, "bo", "one")
    with pytest.raises(UsageError, match="still answering"):
        every.ask(key("bo"), VIEW, "bo", "two")
    every.ask(key("cy"), VIEW, "cy", "one")
    await until(lambda: talks.alive == ["bo", "cy"])
    with pytest.raises(UsageError, match="2 agents are answering"):
        every.ask(key("di"), VIEW, "di", "one")
    every.end(key("bo"))
    every.ask(key("di"), VIEW, "di", "one")
    await until(lambda: sorted(talks.alive) == ["cy", "di"])
    await every.close()
    assert talks.alive == []
    assert every.of(key("cy")).turns[0].problem == "The conversation was ended."


async def test_nobody_waits_for_ever(talks: Talks, monkeypatch: pytest.MonkeyPatch) -> None:
    every = Conversations()
    monkeypatch.setattr(conversations, "ANSWER_SECONDS", 0.01)
    talks.answer.clear()
    every.ask(key("ada"), VIEW, "ada", "one")
    await until(lambda: not every.of(key("ada")).is_answering)
    assert "did not answer within" in every.of(key("ada")).turns[0].problem
    talks.answer.set()
    monkeypatch.setattr(conversations, "ANSWER_SECONDS", 20)
    monkeypatch.setattr(conversations, "IDLE_SECONDS", 0.01)
    every.ask(key("ada"), VIEW, "ada", "two")
    await until(lambda: not every.of(key("ada")).is_alive and talks.alive == [])
    assert every.of(key("ada")).turns[1].answer == "about two"
    every.ask(key("mute"), VIEW, "mute", "one")
    await until(lambda: not every.of(key("mute")).is_answering)
    assert every.of(key("mute")).turns[0].problem == "mute did not come to life: no <wall>"
    monkeypatch.setattr(conversations, "MOST_QUESTIONS", 3)
    with pytest.raises(UsageError, match="3 questions were asked"):
        every.ask(key("ada"), VIEW, "ada", "three")
    await every.close()


def test_only_one_who_lived_is_asked_and_the_answer_stays_text(visitor: Visitor, talks: Talks) -> None:
    outcome = recorded()
    page = f"/runs/{outcome.directory.name}/agents/ada_freight/ask"
    assert "openai:gpt-4.1-mini" in visitor.read(page).text, "whose tokens it takes"
    empty = visitor.send(page, page, question=" ")
    assert (empty.status_code, "Ask in 1 to 4,000 characters" in empty.text) == (422, True)
    sent = visitor.send(page, page, question="<b>why</b>\x1b[2J")
    assert sent.headers["location"] == page
    told = ""
    while "about" not in told:
        told = visitor.read(page).text
    assert "about &lt;b&gt;why&lt;/b&gt;" in told and "data-live" not in told
    other = TestClient(visitor.client.app, base_url=ADDRESS)
    assert "about" not in other.get(page).text, "visitors don't read each other's"
    assert visitor.send(page, page, action="end").status_code == 303
    assert "about" not in visitor.read(page).text
    for name, said in (("bo_clinics", "waits for your decision"), ("cy_farms", "failed"), ("nobody", "No agent")):
        missing = visitor.read(f"/runs/{outcome.directory.name}/agents/{name}/ask")
        assert (missing.status_code, said in missing.text) == (404, True), name
