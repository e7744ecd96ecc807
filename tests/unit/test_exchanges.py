"""What agents write to each other, in words, as the host saw it."""

from __future__ import annotations

import pytest
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from creator.exchanges import in_words
from creator.outcome import AgentOutcome
from creator.reasons import reason_for
from creator.runtime import Exchange
from sandbox.protocol import ColleagueRequest, Idea, Message, OpinionRequest, RefineRequest, Text

IDEA = Idea(title="t", problem="p")


def told(asked: Message | bytes, source: str = "ada", target: str = "bo", outcome: str = "ok") -> str | None:
    request = pb.RpcRequest()
    request.payload.data = asked if isinstance(asked, bytes) else asked.model_dump_json().encode()
    kind = OpinionRequest.__name__ if isinstance(asked, bytes) else type(asked).__name__
    return in_words(Exchange(source, target, kind, "c1", (), outcome, 0.1, 9, 1, 0, 1, request, None))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (RefineRequest(objective="o", idea=IDEA), "asked for a better version"),
        (OpinionRequest(objective="o", idea=IDEA, kind="critique"), "asked for the weakest point"),
        (OpinionRequest(objective="o", idea=IDEA, kind="pro"), "asked what speaks for it"),
        (OpinionRequest(objective="o", idea=IDEA, kind="contra"), "asked what speaks against it"),
        (Text(content="why?"), "asked a question"),
    ],
)
def test_what_one_agent_wanted_of_another(asked: Message, words: str) -> None:
    assert told(asked) == words
    assert told(asked, outcome="TimeoutError") == f"{words}, and got no answer"


@pytest.mark.parametrize(
    ("source", "target"),
    [("", "bo"), ("ada", "judge"), ("trial_1", "trial_peer"), ("ada", "bo\x1b[2J"), ("ada", "B" * 99)],
)
def test_only_messages_between_generated_agents_are_told(source: str, target: str) -> None:
    assert told(Text(content="why?"), source, target) is None


def test_what_is_no_message_between_colleagues_is_not_told() -> None:
    assert told(ColleagueRequest()) is None
    assert told(b'{"kind": "critique"}') is None, "it has the type of a request for an opinion, and is none"


def test_who_failed_can_be_tried_again() -> None:
    def reason(*agents: AgentOutcome) -> str:
        return reason_for(3, 2, agents, ["the model was slow"], False, "", "RUN")

    live, failed = AgentOutcome(name="ada", state="live"), AgentOutcome(name="bo", state="failed", reason="it broke")
    assert reason(live, failed) == (
        "2 of 3 ideas exist; the model was slow (and 1 more); try them again: python -m creator runs resume RUN"
    )
    assert reason(live) == "2 of 3 ideas exist; the model was slow", "nobody is tried again"
