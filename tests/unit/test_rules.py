"""Who may ask whom: what a cell may send to the judge, and how far a conversation goes."""

from __future__ import annotations

import pytest

from creator.runtime.credentials import Grant
from creator.runtime.records import Admission
from creator.runtime.rules import chain_after
from sandbox.errors import ConversationEnded, PermissionDenied
from sandbox.protocol import JUDGE

CELL = Grant("cell:ada:1", frozenset({"ada"}), "cell")


def after(target: str, kind: str, before: Admission | None, hop_limit: int = 1) -> tuple[str, ...]:
    return chain_after(CELL, "ada", target, kind, before, hop_limit)


def test_the_judge_is_asked_for_an_opinion_while_an_agent_answers() -> None:
    assert after(JUDGE, "OpinionRequest", Admission("c", ())) == ("ada",)


@pytest.mark.parametrize("kind", ["RefineRequest", "ProposeRequest", "Text", "Hello", ""])
def test_the_judge_is_asked_nothing_else(kind: str) -> None:
    with pytest.raises(PermissionDenied, match="for an opinion only"):
        after(JUDGE, kind, Admission("c", ()))


def test_the_judge_is_not_asked_out_of_nowhere() -> None:
    with pytest.raises(PermissionDenied, match="while it answers a request"):
        after(JUDGE, "OpinionRequest", None)


@pytest.mark.parametrize("kind", ["RefineRequest", "OpinionRequest"])
def test_opinions_go_no_further_than_refinements(kind: str) -> None:
    assert after("bo", kind, Admission("c", ())) == ("ada",)
    with pytest.raises(ConversationEnded, match="already took part"):
        after("bo", kind, Admission("c", ("bo",)), 3)
    with pytest.raises(ConversationEnded, match="limit of 1 hops"):
        after("cy", kind, Admission("c", ("bo",)))
    with pytest.raises(PermissionDenied, match="only while it answers"):
        after("bo", kind, None)


def test_the_judge_is_no_hop() -> None:
    assert after(JUDGE, "OpinionRequest", Admission("c", ("bo", "cy")), 0) == ("bo", "cy", "ada")
