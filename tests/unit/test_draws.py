"""What an agent draws by chance: the same in the same conversation, whatever else it does meanwhile."""

from __future__ import annotations

import asyncio
from contextvars import copy_context

from sandbox.draws import Draws
from sandbox.runtime.current import Answering, answering


class Request:
    """A request that is being answered, in a context of its own."""

    def __init__(self, draws: Draws, conversation: str, asked: bytes = b"propose") -> None:
        self.draws = draws
        self.context = copy_context()
        task = asyncio.current_task()
        assert task is not None
        self.context.run(answering.set, Answering("r1", "ada", 0.0, task, conversation, asked))

    def draw(self, count: int = 1) -> list[float]:
        return [self.context.run(self.draws.random) for _ in range(count)]


async def test_conversations_that_overlap_do_not_change_each_others_draws() -> None:
    draws = Draws(1)
    alone = [Request(draws, conversation).draw(10) for conversation in ("c1", "c2", "c3")]
    others = Draws(1)
    requests = [Request(others, conversation) for conversation in ("c3", "c1", "c2")]
    rounds = [[request.draw()[0] for request in requests] for _ in range(10)]
    third, first, second = (list(column) for column in zip(*rounds, strict=True))
    assert [first, second, third] == alone
    assert len({*first, *second, *third}) == 30


async def test_requests_of_one_conversation_are_told_apart_by_what_is_asked() -> None:
    draws, again = Draws(1), Draws(1)
    refine, propose = Request(draws, "c1", b"refine").draw(), Request(draws, "c1", b"propose").draw()
    assert refine != propose
    assert [Request(again, "c1", b"propose").draw(), Request(again, "c1", b"refine").draw()] == [propose, refine]


async def test_whoever_is_asked_the_same_again_may_decide_otherwise() -> None:
    draws, again = Draws(1), Draws(1)
    decided = [Request(draws, "c1").draw()[0] for _ in range(5)]
    assert len(set(decided)) == 5
    assert [Request(again, "c1").draw()[0] for _ in range(5)] == decided


async def test_agents_draw_differently() -> None:
    assert Request(Draws(1), "c1").draw(5) != Request(Draws(2), "c1").draw(5)


async def test_outside_of_conversations_each_draw_is_a_new_one() -> None:
    draws = Draws(1)
    drawn = [Request(draws, "").draw()[0] for _ in range(5)] + [draws.random()]
    assert len(set(drawn)) == 6
