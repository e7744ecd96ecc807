"""Hard limits that are never passed, shares that nobody can take from others, and what is said of both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from creator.errors import LimitReached, ShareUsedUp, TerminalModelError, UsageError
from creator.models.backend import Usage
from creator.spending.allowance import Allowance
from creator.spending.bounds import most_prompt_tokens, most_text_tokens
from creator.spending.budget import Budget
from creator.spending.limits import Limits, Spent, amount, reached_line, way_on
from creator.spending.prices import Price
from creator.spending.shares import Shares, on_behalf_of
from sandbox.errors import BudgetUsedUp
from sandbox.protocol import BASELINE, CREATOR, JUDGE, LIKENESS


def population(*names: str) -> Shares:
    shares = Shares()
    for number, name in enumerate(names, 1):
        shares.born(number, name)
    return shares


def spend(allowance: Allowance, account: str, cost: int) -> None:
    allowance.hold(account, cost)
    allowance.settle(account, cost, cost)


# ---- what may be spent of one thing


def test_a_call_waits_only_while_what_is_under_way_may_give_something_back() -> None:
    allowance = Allowance(100, Shares())
    allowance.hold(CREATOR, 60)
    assert allowance.look(CREATOR, 40) == "fits"
    assert allowance.look(CREATOR, 41) == "waits"
    assert allowance.look(CREATOR, 101) == "limit"
    allowance.settle(CREATOR, 60, 50)
    assert [allowance.look(CREATOR, most) for most in (50, 51)] == ["fits", "limit"]


def test_what_costs_more_than_was_held_counts_as_it_is() -> None:
    allowance = Allowance(100, Shares())
    allowance.hold(CREATOR, 10)
    allowance.settle(CREATOR, 10, 95)
    assert (allowance.spent, allowance.held) == (95, 0)
    assert [allowance.look(CREATOR, most) for most in (5, 6)] == ["fits", "limit"]


def test_an_agent_may_spend_its_share_and_then_only_what_is_kept_for_nobody() -> None:
    shares = population("ada", "bo")
    allowance = Allowance(100, shares)
    spend(allowance, "ada", 50)
    assert allowance.look("ada", 1) == "share"
    assert allowance.look("bo", 50) == "fits"
    shares.done(2)
    allowance.forget()
    assert [allowance.look("ada", most) for most in (50, 51)] == ["fits", "limit"]


def test_a_call_too_large_for_everybody_is_no_reason_to_end_the_run() -> None:
    allowance = Allowance(100, population("ada", "bo"))
    assert allowance.look("ada", 1_000) == "share"


def test_where_shares_are_too_small_for_one_usual_call_who_comes_first_has_its_turn() -> None:
    allowance = Allowance(1_000, population("ada", "bo", "cy", "di"))
    allowance.hold(CREATOR, 400)
    allowance.settle(CREATOR, 400, 398)  # calls cost what they are held at, and 150 are left for each
    assert allowance.look("ada", 801) == "share", "that is no usual call"
    assert allowance.look("ada", 400) == "fits"
    allowance.hold("ada", 400)
    assert allowance.look("bo", 400) == "waits"
    allowance.settle("ada", 400, 398)
    assert allowance.look("ada", 10) == "share"
    assert allowance.look("bo", 400) == "limit"


def test_what_the_creator_spends_makes_every_share_smaller() -> None:
    allowance = Allowance(100, population("ada", "bo"))
    spend(allowance, CREATOR, 40)
    spend(allowance, "ada", 30)
    assert allowance.look("ada", 1) == "share"
    assert allowance.look("bo", 30) == "fits"


@pytest.mark.parametrize("account", [JUDGE, BASELINE, LIKENESS])
def test_what_compares_ideas_waits_for_what_is_kept_until_everybody_has_delivered(account: str) -> None:
    shares = population("ada", "bo")
    allowance = Allowance(100, shares)
    assert allowance.look(account, 10) == "kept"
    spend(allowance, "ada", 20)
    shares.done(1)
    allowance.forget()
    assert [allowance.look(account, most) for most in (30, 31)] == ["fits", "kept"]
    shares.done(2)
    allowance.forget()
    assert [allowance.look(account, most) for most in (80, 81)] == ["fits", "limit"]


def test_agents_leave_their_part_to_generations_to_come_and_judges_need_not() -> None:
    shares = population("ada")
    shares.plan(1)
    allowance = Allowance(100, shares)
    spend(allowance, "ada", 50)
    assert allowance.look("ada", 1) == "share"
    shares.done(1)
    allowance.forget()
    assert allowance.look("ada", 1) == "share"
    assert allowance.look(JUDGE, 50) == "fits", "who is a parent is found by judging"


def test_those_who_are_not_born_yet_have_a_share_too() -> None:
    shares = population("ada")
    shares.expect(2)
    allowance = Allowance(100, shares)
    spend(allowance, "ada", 50)
    assert allowance.look("ada", 1) == "share"
    shares.born(2, "bo")
    allowance.forget()
    assert allowance.look("bo", 50) == "fits"


def test_a_bound_may_be_larger_than_a_share_when_calls_are_known_to_cost_less() -> None:
    allowance = Allowance(1_000, population("ada", "bo", "cy", "di"))
    allowance.hold(CREATOR, 400)
    allowance.settle(CREATOR, 400, 100)  # a call costs a quarter of its bound
    assert allowance.look("ada", 400) == "fits", "100 are to be expected, and 225 are its share"
    allowance.hold("ada", 400)
    assert allowance.look("ada", 400) == "kept", "one at a time"
    allowance.settle("ada", 400, 100)
    assert allowance.look("ada", 1_000) == "share", "250 would be more than what is left of its share"


class Spending(RuleBasedStateMachine):
    """Anybody may ask for anything at any time."""

    names = st.sampled_from([CREATOR, JUDGE, "ada", "bo", "cy"])

    @initialize(limit=st.integers(1, 1_000))
    def begin(self, limit: int) -> None:
        self.shares = population("ada", "bo", "cy")
        self.allowance = Allowance(limit, self.shares)
        self.held: list[tuple[str, int]] = []

    @rule(account=names, most=st.integers(0, 400))
    def ask(self, account: str, most: int) -> None:
        if self.allowance.look(account, most) == "fits":
            self.allowance.hold(account, most)
            self.held.append((account, most))

    @rule(data=st.data())
    def end(self, data: Any) -> None:
        if self.held:
            account, most = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
            self.allowance.settle(account, most, data.draw(st.integers(0, most)))

    @rule(number=st.integers(1, 3))
    def deliver(self, number: int) -> None:
        self.shares.done(number)
        self.allowance.forget()

    @invariant()
    def never_more_than_the_limit(self) -> None:
        if hasattr(self, "allowance"):
            assert self.allowance.spent + self.allowance.held <= self.allowance.limit

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        if hasattr(self, "allowance") and not self.held:
            for account in ("ada", "bo", "cy"):
                for most in (1, 50, 1_000):
                    assert self.allowance.look(account, most) in {"fits", "share", "limit"}
            assert self.allowance.look(CREATOR, 1) in {"fits", "limit"}
            assert self.allowance.look(JUDGE, 1) in {"fits", "kept" if self.shares.awaited else "limit"}


TestSpending = Spending.TestCase


# ---- what a request can have at most


@given(st.lists(st.text(max_size=50), max_size=5))
def test_a_request_has_no_more_tokens_than_bytes(texts: list[str]) -> None:
    messages: list[LLMMessage] = [
        SystemMessage(content="".join(texts)),
        *(UserMessage(content=text, source="user") for text in texts),
        *(AssistantMessage(content=text, source="ada") for text in texts),
    ]
    size = sum(len(str(message.content).encode("utf-8", "surrogatepass")) for message in messages)
    bound = most_prompt_tokens(messages)
    assert bound > size
    assert most_prompt_tokens(messages, {"title": "Idea"}, {"grammar": "root"}) >= bound + len("Idea") + len("root")
    assert most_text_tokens(texts) > sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


# ---- the budget


Told = tuple[list[str], list[str]]


def budget(told: Told | None = None, spent: Spent | None = None, **limits: Any) -> Budget:
    warnings, reached = told or ([], [])
    price = Price(prompt=1_000_000, completion=2_000_000)  # one dollar and two for a token
    return Budget(
        Limits(**limits),
        price_of=lambda model: price if model == "known" else None,
        spent=spent,
        on_warning=warnings.append,
        on_reached=reached.append,
    )


async def call(budget: Budget, account: str, prompt: int, answer: int, usage: Usage | None = None) -> None:
    async with budget.reserve(account, "known", prompt_tokens=prompt, completion_tokens=answer) as reservation:
        reservation.sent()
        reservation.settle(usage or Usage(prompt, answer))


async def test_real_usage_replaces_what_was_held_and_a_try_that_may_have_cost_counts_whole() -> None:
    kept = budget(tokens=100, cost=1_000)
    await call(kept, CREATOR, 20, 20, Usage(5, 5))
    assert kept.left() == [("tokens", 10, 100), ("US dollars", 15, 1_000)]
    with suppress(ConnectionError):
        async with kept.reserve(CREATOR, "known", prompt_tokens=10, completion_tokens=10) as reservation:
            reservation.sent()
            raise ConnectionError
    assert kept.left() == [("tokens", 30, 100), ("US dollars", 45, 1_000)]
    with suppress(ConnectionError):
        async with kept.reserve(CREATOR, "known", prompt_tokens=10, completion_tokens=10) as reservation:
            reservation.sent()
            reservation.release()
            raise ConnectionError
    async with kept.reserve(CREATOR, "known", prompt_tokens=10, completion_tokens=10):
        pass  # never sent
    assert kept.left() == [("tokens", 30, 100), ("US dollars", 45, 1_000)]


async def test_a_limit_is_warned_of_once_and_told_once() -> None:
    warnings, reached = told = list[str](), list[str]()
    kept = budget(told, tokens=20_000)
    await call(kept, CREATOR, 15_999, 0)
    assert warnings == []
    await call(kept, CREATOR, 1, 0)
    await call(kept, CREATOR, 1_000, 0)
    assert warnings == ["16,000 tokens of 20,000 tokens are used (--max-tokens)"]
    for _ in range(2):
        with pytest.raises(LimitReached, match=r"the limit of 20,000 tokens is reached \(--max-tokens\)"):
            await call(kept, CREATOR, 5_000, 0)
    assert reached == [kept.reached] == ["the limit of 20,000 tokens is reached (--max-tokens)"]


async def test_a_refused_agent_is_told_and_the_run_goes_on() -> None:
    kept = budget(tokens=100)
    kept.shares.born(1, "ada")
    kept.shares.born(2, "bo")
    await call(kept, "ada", 50, 0)
    with pytest.raises(ShareUsedUp, match=r"its fair share of 100 tokens is used up \(--max-tokens\)"):
        await call(kept, "ada", 10, 0)
    assert (kept.reached, kept.over) == ("", False)
    await call(kept, "bo", 50, 0)


async def test_what_an_agent_is_asked_to_do_for_another_counts_for_that_one() -> None:
    kept = budget(tokens=100)
    kept.shares.born(1, "ada")
    kept.shares.born(2, "bo")
    with on_behalf_of("ada"):
        await call(kept, "bo", 50, 0)
        with pytest.raises(ShareUsedUp):
            await call(kept, "bo", 10, 0)
        await call(kept, CREATOR, 10, 0)
    await call(kept, "bo", 40, 0)


async def test_whoever_waits_is_served_in_order_and_loses_nothing_by_being_cancelled() -> None:
    kept = budget(tokens=100)
    order: list[str] = []

    async def ask(name: str, most: int, release: asyncio.Event | None = None) -> None:
        async with kept.reserve(CREATOR, "known", prompt_tokens=most, completion_tokens=0):
            order.append(name)
            if release is not None:
                await release.wait()

    ended = asyncio.Event()
    first = asyncio.create_task(ask("first", 60, ended))
    await asyncio.sleep(0)
    second = asyncio.create_task(ask("second", 90))
    third = asyncio.create_task(ask("third", 30))
    await asyncio.sleep(0)
    fourth = asyncio.create_task(ask("fourth", 40))
    await asyncio.sleep(0)
    assert order == ["first"], "nobody passes who waits for what is under way"
    second.cancel()
    await asyncio.gather(second, third, return_exceptions=True)
    assert order[:2] == ["first", "third"]
    fourth.cancel()
    ended.set()
    await asyncio.gather(first, fourth, return_exceptions=True)
    await call(kept, CREATOR, 100, 0)
    assert kept.left() == [("tokens", 100, 100)]


async def test_a_birth_that_no_longer_fits_waits_until_those_who_live_have_delivered() -> None:
    kept, held = budget(tokens=100), list[str]()
    kept.on_births_held = lambda: held.append("held")
    kept.shares.expect(1)
    kept.shares.expect(2)
    kept.shares.born(1, "ada")
    await call(kept, CREATOR, 60, 0)
    with kept.shares.writing():
        birth = asyncio.create_task(call(kept, CREATOR, 41, 0))
        await asyncio.sleep(0)
        assert held and not birth.done()
        with kept.shares.writing():
            kept.shares.done(1)
            await asyncio.sleep(0)
            assert not birth.done(), "another agent is on its way to life"
        kept.shares.born(3, "bo")
        await asyncio.sleep(0)
        assert not birth.done()
        await call(kept, "bo", 10, 0)
        with kept.shares.waiting_for_birth("bo"), pytest.raises(LimitReached):
            await birth


async def test_both_limits_hold_and_the_one_in_the_way_is_named() -> None:
    kept = budget(tokens=1_000, cost=50)
    await call(kept, CREATOR, 30, 10)
    with pytest.raises(LimitReached, match=r"the limit of 50 US dollars is reached \(--max-cost\)"):
        await call(kept, CREATOR, 1, 0)
    assert kept.left()[0] == ("tokens", 40, 1_000)


async def test_costs_can_only_be_limited_where_they_are_known() -> None:
    budget(tokens=10).check("odd")
    kept = budget(cost=10)
    kept.check("known")
    with pytest.raises(UsageError, match="--prices"):
        kept.check("odd")
    with pytest.raises(UsageError, match="before anything could begin"):
        kept.check("known", 10, 1)
    with pytest.raises(TerminalModelError, match="price is unknown"):
        async with kept.reserve(CREATOR, "odd", prompt_tokens=1, completion_tokens=1):
            pass


async def test_an_earlier_life_of_the_run_counts_and_is_not_warned_of_again() -> None:
    warnings, reached = told = list[str](), list[str]()
    before = Spent(tokens={"ada": 85}, cost={JUDGE: 3.0}, messages={"ada": 4}, births=[1, 2], seconds=9)
    kept = budget(told, before, tokens=100, cost=100, messages=5, agents=4, births=4, seconds=60)
    assert kept.left() == [
        ("tokens", 85, 100),
        ("US dollars", 3, 100),
        ("messages", 4, 5),
        ("agents", 2, 4),
        ("seconds", 9, 60),
    ]
    await call(kept, CREATOR, 10, 0)
    kept.message("ada")
    assert (warnings, reached) == ([], [])
    with pytest.raises(BudgetUsedUp, match="--max-messages"):
        kept.message("ada")
    assert kept.over


def test_messages_are_shared_fairly_and_the_last_one_ends_the_run() -> None:
    warnings, reached = told = list[str](), list[str]()
    kept = budget(told, messages=10)
    kept.shares.born(1, "ada")
    kept.shares.born(2, "bo")
    for _ in range(5):
        kept.message("ada")
    with pytest.raises(BudgetUsedUp, match="its fair share of 10 messages is used up"):
        kept.message("ada")
    assert not kept.over
    for _ in range(5):
        kept.message("bo")
    with pytest.raises(BudgetUsedUp, match=r"the limit of 10 messages is reached \(--max-messages\)"):
        kept.message("bo")
    assert kept.over
    assert warnings == ["8 messages of 10 messages are used (--max-messages)"]
    assert reached == ["the limit of 10 messages is reached (--max-messages)"]


def test_births_are_counted_once_and_those_of_generations_to_come_have_their_places() -> None:
    warnings, reached = told = list[str](), list[str]()
    kept = budget(told, agents=10, births=10)
    kept.shares.plan(3)
    kept.begin_births(range(1, 6))
    kept.begin_births(range(1, 6))
    assert kept.colleagues_left == 2
    kept.begin_births([6, 7])
    assert (kept.colleagues_left, warnings) == (0, [])
    assert kept.may_breed(3) and not reached
    kept.begin_births([8, 9])
    assert warnings == ["9 agents of 10 agents are used (--max-agents)"]
    assert not kept.may_breed(2)
    assert reached == [kept.reached] == ["the limit of 10 agents is reached (--max-agents)"]
    assert not kept.over, "what is there is still compared"


@pytest.mark.parametrize("spend_too_much", [lambda kept: kept.message("ada"), None], ids=["messages", "tokens"])
async def test_whoever_watches_hears_of_the_limit_once_nothing_is_under_way(
    spend_too_much: Callable[[Budget], None] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("creator.spending.budget.ARRIVAL_SECONDS", 0)
    kept = budget(tokens=100, messages=0)
    ended = asyncio.Event()

    async def hold() -> None:
        async with kept.reserve(CREATOR, "known", prompt_tokens=50, completion_tokens=0):
            await ended.wait()

    watch, holding = asyncio.create_task(kept.watch()), asyncio.create_task(hold())
    await asyncio.sleep(0)
    if spend_too_much is not None:
        with pytest.raises(BudgetUsedUp):
            spend_too_much(kept)
    waiting = [asyncio.create_task(call(kept, CREATOR, most, 0)) for most in (200, 1)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert kept.over
    assert not watch.done() and not any(task.done() for task in waiting), "who asks now ends with the run"
    ended.set()
    with pytest.raises(LimitReached):
        await watch
    assert holding.done()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_deadline_is_a_limit_like_any_other() -> None:
    warnings, reached = told = list[str](), list[str]()
    with pytest.raises(LimitReached, match=r"the deadline of 0.1 s is reached \(--deadline\)"):
        await budget(told, seconds=0.1).watch()
    assert warnings == ["0.08 s of 0.1 s are used (--deadline)"]
    assert reached == ["the deadline of 0.1 s is reached (--deadline)"]
    with pytest.raises(LimitReached):
        await budget(spent=Spent(seconds=100), seconds=60).watch()


@pytest.mark.parametrize(
    ("kind", "much", "words"),
    [
        ("tokens", 1, "1 token"),
        ("tokens", 1_234_567, "1,234,567 tokens"),
        ("cost", 0.25, "0.25 US dollars"),
        ("cost", 1_000, "1,000 US dollars"),
        ("cost", 0.000_001, "0.000001 US dollars"),
        ("seconds", 1.5, "1.5 s"),
    ],
)
def test_amounts_are_told_in_words(kind: Any, much: float, words: str) -> None:
    assert amount(kind, much) == words


def test_the_way_on_names_the_option() -> None:
    assert way_on(reached_line("cost", 2), "r") == "python -m creator runs resume r --max-cost MORE"
    assert way_on("something else", "r") == "python -m creator runs resume r"
