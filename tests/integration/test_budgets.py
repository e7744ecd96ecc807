"""Limits of a run: none is ever passed as the server itself counts, and each ends the run in order."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from autogen_core import AgentId
from autogen_core.models import LLMMessage, UserMessage

from creator.authors import TemplateAuthor
from creator.blueprint import Blueprint
from creator.cli import main
from creator.errors import LimitReached, ModelError, RetryableModelError, ShareUsedUp, TerminalModelError, UsageError
from creator.models.backend import Backend, Completion, Usage
from creator.models.calls import ModelCalls
from creator.models.choose import choose_backend
from creator.outcome import RunOutcome
from creator.outputs import read_settings
from creator.spending.budget import Budget
from creator.spending.limits import Limits
from creator.spending.prices import Price
from creator.spending.shares import share_holder
from sandbox.errors import BudgetUsedUp
from sandbox.protocol import CREATOR, JUDGE
from tests.clocks import Waited
from tests.conftest import RecordedProgress
from tests.integration.runtime.conftest import OpenHouse, open_house, socket
from tests.integration.runtime.house import Ask, Worker
from tests.scripted_server import ScriptedServer

__all__ = ["open_house", "socket"]  # fixtures

PRICE = Price(prompt=2.5, completion=10.0)


class Charging(Backend):
    """A model that costs what it pleases within what it was asked for, fails as it pleases, and counts what it charges.

    Args:
        seed: For all of that.
    """

    name = "charging"
    notice = ""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.max_concurrency = self.dice.choice([1, 3, 16])
        self.tokens = 0
        self.dollars = 0.0

    async def complete(
        self,
        messages: Sequence[LLMMessage],
        *,
        temperature: float,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        timeout: float = 60,
    ) -> Completion:
        for _ in range(self.dice.randrange(4)):
            await asyncio.sleep(0)
        size = sum(len(str(message.content).encode()) for message in messages)
        what = self.dice.random()
        if what < 0.1:
            raise RetryableModelError("HTTP 429", retry_after=0)
        if what < 0.15:
            raise TerminalModelError("HTTP 400")
        usage = Usage(self.dice.randint(size // 6, size), self.dice.randint(0, max_tokens))
        self.tokens += usage.prompt_tokens + usage.completion_tokens
        self.dollars += PRICE.cost(usage.prompt_tokens, usage.completion_tokens)
        if what < 0.25:
            raise RetryableModelError("no answer in time", retry_after=0, may_have_cost=True)
        return Completion("Yes.", usage)

    async def check(self) -> None: ...


async def spend_freely(calls: ModelCalls, account: str, dice: random.Random) -> None:
    """Ask until somebody forbids it."""
    for _ in range(60):
        text = dice.choice(["word ", "Wörter ", "🦆"]) * dice.randrange(200)
        try:
            await calls.complete(
                account,
                [UserMessage(content=text, source="user")],
                temperature=0,
                max_tokens=dice.randrange(1, 800),
                json_schema=dice.choice([None, {"title": "Idea"}]),
            )
        except (LimitReached, ShareUsedUp):
            return
        except ModelError:
            pass


@pytest.mark.parametrize("seed", range(90))
async def test_no_budget_is_passed_by_a_token_or_a_cent(seed: int) -> None:
    dice = random.Random(seed)
    backend = Charging(seed)
    limits = Limits(
        tokens=dice.choice([None, dice.randrange(1, 60_000)]),
        cost=dice.choice([None, dice.random() / 10 + 1e-6]),
    )
    budget = Budget(limits, price_of=lambda model: PRICE)
    calls = ModelCalls(backend, budget=budget, clock=Waited().clock)
    agents = [f"agent_{number}" for number in range(dice.randrange(1, 12))]
    budget.shares.plan(dice.choice([0, 0, 3]))
    for number, name in enumerate(agents):
        budget.shares.expect(number)
        budget.shares.born(number, name)

    async def live(number: int, name: str) -> None:
        await spend_freely(calls, name, random.Random(f"{seed}/{name}"))
        budget.shares.done(number)

    async with asyncio.timeout(60):
        await asyncio.gather(
            *(live(number, name) for number, name in enumerate(agents)),
            *(spend_freely(calls, account, random.Random(f"{seed}/{account}")) for account in (CREATOR, JUDGE)),
        )
    assert backend.tokens > 0 or limits.tokens is not None or limits.cost is not None
    assert limits.tokens is None or backend.tokens <= limits.tokens
    assert limits.cost is None or backend.dollars <= limits.cost
    for what, spent, limit in budget.left():
        assert spent <= limit, what


class Counted:
    """Counts what a scripted server charges for."""

    def __init__(self, server: ScriptedServer) -> None:
        self.tokens = 0
        self.dollars = 0.0
        reply = server._reply

        def counting(*arguments: Any) -> tuple[int, dict[str, str], Any]:
            status, headers, body = reply(*arguments)
            usage = body.get("usage") or {}
            self.tokens += usage.get("total_tokens", 0)
            self.dollars += PRICE.cost(usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))
            return status, headers, body

        server._reply = counting  # type: ignore[method-assign]


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The scripted model has a price."""
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"openai:scripted": {"prompt": PRICE.prompt, "completion": PRICE.completion}}))
    monkeypatch.setenv("CREATOR_PRICES", str(prices))


def messages_of(outcome: RunOutcome) -> int:
    """Requests of agents that the host has let pass."""
    names = {agent.name for agent in outcome.agents}
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        rows = ledger.execute("SELECT source FROM messages WHERE outcome != 'BudgetUsedUp'").fetchall()
    return sum(source in names for (source,) in rows)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.usefixtures("priced")
async def test_no_budget_of_a_whole_run_is_passed(run: Any, serve: Any, seed: int) -> None:
    dice = random.Random(seed)
    server = serve(fault=lambda number, asked: dice.choice([None] * 8 + ["429", "truncated", "nonsense"]))
    counted = Counted(server)
    limits = {
        "max_tokens": dice.choice([None, dice.randrange(1_000, 40_000)]),
        "max_cost": dice.choice([None, dice.random() / 8 + 0.001]),
        "max_messages": dice.choice([None, dice.randrange(1, 40)]),
    }
    outcome = await run(
        4, server=server, bounce=dice.choice([0.0, 1.0]), tournament=dice.random() < 0.5, seed=seed, **limits
    )
    assert limits["max_tokens"] is None or counted.tokens <= limits["max_tokens"]
    assert limits["max_cost"] is None or counted.dollars <= limits["max_cost"]
    assert limits["max_messages"] is None or messages_of(outcome) <= limits["max_messages"]
    assert bool(outcome.limit) <= (outcome.exit_code == 3)
    assert len(list((outcome.directory / "ideas").glob("*.md"))) == len(outcome.ideas)


# ---- fair shares


def greedy(loop: str) -> Callable[[Any], TemplateAuthor]:
    """The first agent does something again and again before it proposes, whatever it is told; the others are honest."""
    code = f"""\
        for _ in range(300):
            try:
                {loop}
            except (kit.MessagingError, ValueError):
                continue
"""

    class Greedy(TemplateAuthor):
        greedy = ""

        def _source(self, blueprint: Blueprint) -> str:
            source = super()._source(blueprint)
            if Greedy.greedy not in {"", blueprint.name}:
                return source
            Greedy.greedy = blueprint.name
            first_line = "        draft = await self._ask_for_idea(kit.proposal_task(message), ctx)\n"
            assert first_line in source
            return source.replace(first_line, code + first_line)

    return lambda world: Greedy(world.templates, world.directory.name, "scripted", world.taken, world.record.module)


async def test_an_agent_that_calls_the_model_again_and_again_keeps_nobody_from_delivering(run: Any, serve: Any) -> None:
    server = serve()
    counted = Counted(server)
    author = greedy('await self._ask_for_text("Tell me more.", ctx)')
    outcome = await run(4, server=server, author=author, max_tokens=40_000, bounce=0.0, template=["idea_agent"])
    assert len(outcome.ideas) == 3
    assert counted.tokens <= 40_000
    assert outcome.exit_code == 3
    assert [agent.name for agent in outcome.failed] == [] or "its fair share of 40,000 tokens" in outcome.reason


async def test_an_agent_that_sends_again_and_again_keeps_nobody_from_delivering(run: Any) -> None:
    author = greedy("await kit.find_colleague(self)")
    outcome = await run(4, author=author, max_messages=40, bounce=0.0, template=["idea_agent"])
    assert len(outcome.ideas) == 3
    assert messages_of(outcome) <= 40
    assert outcome.exit_code == 3


async def test_what_a_colleague_does_for_an_idea_counts_for_its_author(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: list[tuple[str, str]] = []

    class Recording(Budget):
        def reserve(self, agent: str, *arguments: Any, **options: Any) -> Any:
            spent.append((agent, share_holder(agent)))
            return super().reserve(agent, *arguments, **options)

    monkeypatch.setattr("creator.world.Budget", Recording)
    progress = RecordedProgress()
    outcome = await run(3, progress=progress, bounce=1.0, pattern="bounce", hop_limit=1, template=["idea_agent"])
    assert outcome.exit_code == 0, outcome.reason
    refined = [(refiner, author) for author, refiner in progress.refinements]
    assert sorted(pair for pair in spent if pair[0] != pair[1]) == sorted(refined) != []
    assert {holder for agent, holder in spent if agent == CREATOR} == {CREATOR}


# ---- the end


def limit_events(outcome: RunOutcome) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(outcome.directory / "ledger.sqlite")) as ledger:
        rows = ledger.execute("SELECT kind, detail FROM events WHERE kind LIKE 'limit%' ORDER BY id").fetchall()
    return [(kind, json.loads(detail)["limit"]) for kind, detail in rows]


@pytest.mark.parametrize(
    ("limit", "option", "line"),
    [
        ({"max_tokens": 6_000}, "--max-tokens", "the limit of 6,000 tokens is reached (--max-tokens)"),
        ({"max_cost": 0.025}, "--max-cost", "the limit of 0.025 US dollars is reached (--max-cost)"),
        ({"max_messages": 2}, "--max-messages", "the limit of 2 messages is reached (--max-messages)"),
        ({"deadline": 4}, "--deadline", "the deadline of 4 s is reached (--deadline)"),
    ],
    ids=["tokens", "cost", "messages", "deadline"],
)
@pytest.mark.usefixtures("priced")
async def test_each_limit_ends_the_run_in_order_with_what_there_is(
    run: Any, serve: Any, limit: dict[str, Any], option: str, line: str
) -> None:
    def slow_at_last(number: int, asked: dict[str, Any]) -> str | None:
        return "hang" if "deadline" in limit and number > 5 else None

    progress = RecordedProgress()
    outcome = await run(3, server=serve(fault=slow_at_last), progress=progress, bounce=0.0, **limit)
    assert outcome.limit == line
    assert outcome.exit_code == 3
    assert outcome.reason == (
        f"{len(outcome.ideas)} of 3 ideas exist; {line}; "
        f"go on with: python -m creator runs resume {outcome.run_id} {option} MORE"
    )
    assert [agent for agent in outcome.agents if agent.state == "failed"] == []
    assert 0 < len(outcome.ideas) < 3
    assert progress.lines.count(line) == 1
    assert ("limit reached", line) in limit_events(outcome)
    assert len(list((outcome.directory / "ideas").glob("*.md"))) == len(outcome.ideas)
    assert (outcome.directory / "report.html").is_file()
    assert json.loads((outcome.directory / "run.json").read_text("utf-8"))["limit"] == line
    kept = read_settings(outcome.directory)
    assert {name: getattr(kept, name) for name in limit} == limit


@pytest.mark.parametrize(
    ("most", "near"), [(4, []), (3, ["3 messages of 3 messages are used (--max-messages)"])], ids=["far", "near"]
)
async def test_a_limit_that_is_near_is_told_once(run: Any, most: int, near: list[str]) -> None:
    progress = RecordedProgress()
    outcome = await run(3, progress=progress, bounce=0.0, max_messages=most, template=["idea_agent"])
    assert outcome.exit_code == 0, outcome.reason
    assert [line for line in progress.lines if "--max" in line] == near


async def test_a_limit_while_judges_compare_leaves_all_ideas_and_the_order_so_far(run: Any, serve: Any) -> None:
    server = serve()
    counted = Counted(server)
    first = await run(4, server=server, bounce=0.0)
    needed = counted.tokens
    counted.tokens = 0
    outcome = await run(4, server=server, bounce=0.0, tournament=True, max_tokens=needed + 4_000)
    assert len(first.ideas) == len(outcome.ideas) == 4
    assert outcome.limit == f"the limit of {needed + 4_000:,} tokens is reached (--max-tokens)"
    assert outcome.exit_code == 3
    assert outcome.ranking is not None and len(outcome.ranking.order) == 4
    assert counted.tokens <= needed + 4_000


async def test_a_generation_that_no_longer_fits_is_not_bred(run: Any) -> None:
    outcome = await run(3, generations=2, keep=1, max_agents=5, tournament=True, bounce=0.0)
    assert outcome.limit == "the limit of 5 agents is reached (--max-agents)"
    assert outcome.exit_code == 3
    assert [agent.generation for agent in outcome.agents] == [0, 0, 0, 1, 1]
    assert len(outcome.ideas) == 5
    assert outcome.baseline is not None, "what there is is still compared"
    assert "--max-agents MORE" in outcome.reason


def test_fewer_agents_than_are_asked_for_are_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spawn", "20", "--max-agents", "10"]) == 2
    assert capsys.readouterr().err == (
        "creator: Option --max-agents: '10' does not fit, the run begins with 20 agents.\n"
    )


@pytest.mark.parametrize(
    ("limit", "line"),
    [
        ({"max_tokens": 50}, r"the limit of 50 tokens is reached \(--max-tokens\) before anything could begin"),
        ({"max_cost": 5}, "--max-cost needs the price of openai:scripted"),
    ],
)
async def test_a_run_that_cannot_begin_is_a_mistake(run: Any, tmp_path: Path, limit: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError, match=line):
        await run(2, **limit)
    assert not list((tmp_path / "generated").glob("2*")), "no empty run is left"


async def test_one_shot_ideas_wait_for_what_agents_may_need(run: Any, serve: Any) -> None:
    accounts: list[str] = []
    server = serve(fault=lambda number, asked: accounts.append(str(asked["messages"])))
    outcome = await run(2, server=server, baseline=True, tournament=True, bounce=0.0, max_tokens=200_000)
    assert outcome.exit_code == 0, outcome.reason
    one_shot = [place for place, text in enumerate(accounts) if "expert at finding ideas" in text]
    first_idea = next(place for place, text in enumerate(accounts) if "Stay in character" in text)
    assert one_shot and min(one_shot) > first_idea


# ---- messages, as the host counts them


async def test_the_host_asks_before_it_passes_on_what_a_cell_sends(open_house: OpenHouse) -> None:
    asked: list[str] = []

    def admit(name: str) -> None:
        asked.append(name)
        if len(asked) > 2:
            raise BudgetUsedUp("no more")

    async with open_house(admit=admit) as house:
        await house.worker("bob")
        eve = await house.worker("eve")
        registry = await house.connect("registry", role="trusted")
        await registry.register_agent_instance(Worker(), AgentId("registry", "default"))
        for _ in range(3):
            await house.trusted.request(Ask(), "bob", timeout=5)
        sender = AgentId("eve", "default")
        for _ in range(2):
            await eve.request(Ask(), "registry", timeout=5, sender=sender)
        with pytest.raises(BudgetUsedUp, match="no more"):
            await eve.request(Ask(), "registry", timeout=5, sender=sender)
        assert asked == ["eve"] * 3, "what the trusted side sends is not counted"
        assert [one.outcome for one in house.exchanges][-1] == "BudgetUsedUp"


async def test_a_try_costs_what_the_server_may_charge_for_and_no_more(serve: Any) -> None:
    faults = ["429", "500", "hang", None]
    server = serve(fault=lambda number, asked: faults[number - 1])
    budget = Budget(Limits(tokens=10_000))
    async with choose_backend("openai:scripted", server.url, {}, progress=print) as backend:
        calls = ModelCalls(backend, budget=budget, timeout=1)
        ask: list[LLMMessage] = [UserMessage(content="x" * 1_000, source="user")]
        await calls.complete(CREATOR, ask, temperature=0, max_tokens=100)
    ((_, spent, _),) = budget.left()
    assert 1_100 <= spent < 2_200, "all of what hung, as it may have been charged for, and little of what answered"
    nowhere = Budget(Limits(tokens=10_000))
    async with choose_backend("openai:scripted", "http://127.0.0.1:9/v1", {}, progress=print) as backend:
        with pytest.raises(RetryableModelError) as caught:
            calls = ModelCalls(backend, budget=nowhere, clock=Waited().clock)
            await calls.complete(CREATOR, ask, temperature=0, max_tokens=1)
    assert not caught.value.may_have_cost
    assert nowhere.left() == [("tokens", 0, 10_000)]
