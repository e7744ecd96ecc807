"""Whose words an idea is made of, from what the host saw."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2 as pb

from creator.exchanges import MAX_EXCHANGES, Conversations
from creator.outcome import IdeaVersion, Remark, contributors_of
from creator.runtime import Exchange
from sandbox.protocol import (
    Idea,
    Message,
    Opinion,
    OpinionRequest,
    Pattern,
    Refinement,
    RefineRequest,
    Text,
)

A, B, C, D = "ada", "bo", "cy", "di"
CONVERSATION = "c0001.1"


def idea(title: str) -> Idea:
    return Idea(title=title, problem="p")


class Seen:
    """The host: numbers requests as they come, and tells of them as they end."""

    def __init__(self) -> None:
        self.conversations = Conversations()
        self.numbers = itertools.count(2)  # the author answers request 1
        self.newest = 1

    def begin(self) -> int:
        self.newest = next(self.numbers)
        return self.newest

    def end(
        self, number: int, source: str, target: str, asked: Message, answer: Message, answering: int = 1, **fields: Any
    ) -> bool:
        request, response = pb.RpcRequest(), pb.RpcResponse()
        request.payload.data = asked.model_dump_json().encode()
        response.payload.data = answer.model_dump_json().encode()
        told = {"type": type(asked).__name__, "conversation": CONVERSATION, "outcome": "ok", **fields}
        return self.conversations.observe(
            Exchange(
                source=source,
                target=target,
                chain=(),
                latency=0,
                size=0,
                number=number,
                answering=answering,
                until=self.newest,
                _request=request,
                _response=response,
                **told,
            )
        )

    def refined(self, source: str, target: str, before: str, after: str, pattern: Pattern = "bounce") -> bool:
        asked = RefineRequest(objective="o", idea=idea(before), pattern=pattern)
        return self.end(self.begin(), source, target, asked, Refinement(idea=idea(after)))

    def relayed(self, names: list[str], titles: list[str], pattern: Pattern = "bounce", answering: int = 1) -> None:
        """From the first of the names to the second and so on, each with the next title; the last one ends first."""
        number = self.begin()
        if len(names) > 2:
            self.relayed(names[1:], titles[1:], pattern, number)
        asked = RefineRequest(objective="o", idea=idea(titles[0]), pattern=pattern)
        self.end(number, names[0], names[1], asked, Refinement(idea=idea(titles[1])), answering)

    def said(self, target: str, kind: Any, about: str, source: str = A) -> bool:
        asked = OpinionRequest(objective="o", idea=idea(about), kind=kind)
        return self.end(self.begin(), source, target, asked, Opinion(content=f"{kind} of {target}"))

    def delivered(self, title: str, last: int = 0) -> tuple[list[IdeaVersion], list[Remark]]:
        versions, remarks = self.conversations.lineage(CONVERSATION, A, idea(title), last)
        check(versions, remarks, last)
        assert self.conversations.lineage(CONVERSATION, A, idea(title), 0)[0][1:] == [], "it is told once"
        return versions, remarks

    def texts(self, title: str) -> list[tuple[str, str, list[int], int]]:
        """Title, author, parents and hop of each version."""
        return [(one.idea.title, one.author, one.parents, one.hop) for one in self.delivered(title)[0]]


def check(versions: list[IdeaVersion], remarks: list[Remark], last: int) -> None:
    """What holds of every lineage."""
    assert [one.id for one in versions] == list(range(last + 1, last + 1 + len(versions)))
    assert versions[0].author == A and versions[0].hop == 0
    for version in versions:
        assert all(parent < version.id for parent in version.parents), "nothing is made from what came later"
    assert all(last < one.about <= last + len(versions) for one in remarks)
    assert not any(versions[-1].id in one.parents for one in versions)


@pytest.fixture
def seen() -> Seen:
    return Seen()


def test_an_idea_that_nobody_saw_is_its_authors(seen: Seen) -> None:
    assert seen.texts("draft") == [("draft", A, [], 0)]


def test_a_bounce_ends_with_the_colleagues_version(seen: Seen) -> None:
    assert seen.refined(A, B, "draft", "better"), "it was a refinement"
    assert seen.texts("draft") == [("draft", A, [], 0), ("better", B, [1], 1)]


@pytest.mark.parametrize("pattern", ["bounce", "relay"])
def test_a_relay_ends_with_the_last_ones_version(seen: Seen, pattern: Pattern) -> None:
    seen.relayed([A, B, C, D], ["draft", "second", "third", "fourth"], pattern)
    assert seen.texts("draft") == [
        ("draft", A, [], 0),
        ("second", B, [1], 1),
        ("third", C, [2], 2),
        ("fourth", D, [3], 3),
    ]


def test_a_merged_panel_has_the_draft_and_all_refinements_as_parents(seen: Seen) -> None:
    for name in (B, C, D):
        seen.refined(A, name, "draft", f"version of {name}", "panel")
    versions, remarks = seen.delivered("merged", last=10)
    assert [(one.idea.title, one.author, one.parents) for one in versions] == [
        ("draft", A, []),
        (f"version of {B}", B, [11]),
        (f"version of {C}", C, [11]),
        (f"version of {D}", D, [11]),
        ("merged", A, [11, 12, 13, 14]),
    ]
    assert contributors_of(A, versions, remarks) == [B, C, D]


def test_a_panel_that_was_not_merged_ends_with_the_draft(seen: Seen) -> None:
    seen.refined(A, B, "draft", "better", "panel")
    seen.refined(A, C, "draft", "other", "panel")
    assert seen.texts("draft") == [
        ("draft", A, [], 0),
        ("better", B, [1], 1),
        ("other", C, [1], 1),
        ("draft", A, [1], 1),
    ]


def test_colleagues_that_write_the_same_both_count(seen: Seen) -> None:
    seen.refined(A, B, "draft", "same", "panel")
    seen.refined(A, C, "draft", "same", "panel")
    assert [author for _, author, _, _ in seen.texts("merged")] == [A, B, C, A]


def test_a_critique_is_a_remark_about_the_draft_and_the_answer_is_made_from_it(seen: Seen) -> None:
    assert not seen.said(B, "critique", "draft"), "it was no refinement"
    versions, remarks = seen.delivered("answer")
    assert [(one.idea.title, one.author, one.parents, one.hop) for one in versions] == [
        ("draft", A, [], 0),
        ("answer", A, [1], 1),
    ]
    assert remarks == [Remark(author=B, kind="critique", about=1, content="critique of bo")]
    assert contributors_of(A, versions, remarks) == [B]


def test_pro_and_contra_are_remarks_and_a_kept_draft_stays_one_text(seen: Seen) -> None:
    for name, kind in ((B, "contra"), (C, "pro"), ("judge", "verdict")):
        seen.said(name, kind, "draft")
    versions, remarks = seen.delivered("draft", last=4)
    assert [one.idea.title for one in versions] == ["draft"]
    assert [(one.author, one.kind, one.about) for one in remarks] == [
        (B, "contra", 5),
        (C, "pro", 5),
        ("judge", "verdict", 5),
    ]


def test_whoever_changes_nothing_has_written_nothing(seen: Seen) -> None:
    seen.refined(A, B, "draft", "draft")
    assert seen.texts("draft") == [("draft", A, [], 0)]


def test_words_that_are_passed_on_stay_those_of_their_writer(seen: Seen) -> None:
    seen.relayed([A, B, C], ["draft", "draft", "third"])  # bo hands the draft on, and answers with what it got
    assert seen.texts("draft") == [("draft", A, [], 0), ("third", C, [1], 2)]


def test_an_author_that_delivers_a_colleagues_words_delivers_the_colleagues_text(seen: Seen) -> None:
    seen.refined(A, B, "draft", "better", "panel")
    seen.refined(A, C, "draft", "other", "panel")
    assert seen.texts("better") == [("draft", A, [], 0), ("other", C, [1], 1), ("better", B, [1], 1)]


def test_a_refiner_that_merges_what_it_got_has_that_as_parents(seen: Seen) -> None:
    outer = seen.begin()
    inner = seen.begin()
    asked = RefineRequest(objective="o", idea=idea("sketch"))
    seen.end(inner, B, C, asked, Refinement(idea=idea("third")), outer)
    asked = RefineRequest(objective="o", idea=idea("draft"))
    seen.end(outer, A, B, asked, Refinement(idea=idea("second")))
    assert seen.texts("draft") == [
        ("draft", A, [], 0),
        ("sketch", B, [1], 1),
        ("third", C, [2], 2),
        ("second", B, [2, 3], 2),
    ]


def test_what_was_asked_one_after_the_other_builds_on_each_other(seen: Seen) -> None:
    seen.said(B, "critique", "draft")
    seen.refined(A, C, "second", "third")
    assert seen.texts("second") == [("draft", A, [], 0), ("second", A, [1], 1), ("third", C, [2], 2)]


def test_drafts_that_were_sent_side_by_side_do_not(seen: Seen) -> None:
    first, second = seen.begin(), seen.begin()
    for number, name, title in ((second, C, "two"), (first, B, "one")):
        asked = RefineRequest(objective="o", idea=idea(title))
        seen.end(number, A, name, asked, Refinement(idea=idea(f"better {title}")))
    assert seen.texts("two") == [
        ("one", A, [], 0),
        ("better one", B, [1], 1),
        ("two", A, [], 0),
        ("better two", C, [3], 1),
    ]


def test_who_is_asked_twice_wrote_each_text_for_what_it_was_made_from(seen: Seen) -> None:
    seen.relayed([A, B, C], ["one", "one b", "one c"])
    seen.relayed([A, B, C], ["two", "two b", "two c"])
    assert [(title, parents) for title, _, parents, _ in seen.texts("one")] == [
        ("one", []),
        ("one b", [1]),
        ("two", [1, 2]),
        ("two b", [3]),
        ("two c", [4]),
        ("one c", [2]),
    ], "and the final one comes of the text that was delivered"


@pytest.mark.parametrize(
    "fields",
    [{"outcome": "HandlerFailed"}, {"outcome": "DeadlineExceeded"}, {"conversation": ""}, {"type": "Text"}],
)
def test_a_refinement_that_failed_is_no_version(seen: Seen, fields: dict[str, str]) -> None:
    asked = RefineRequest(objective="o", idea=idea("draft"))
    assert not seen.end(seen.begin(), A, B, asked, Refinement(idea=idea("better")), **fields)
    assert seen.texts("draft") == [("draft", A, [], 0)]


def test_what_is_no_message_of_ours_is_left_out(seen: Seen) -> None:
    asked = RefineRequest(objective="o", idea=idea("draft"))
    assert not seen.end(seen.begin(), A, B, asked, Text(content="no"))
    assert seen.texts("draft") == [("draft", A, [], 0)]


def test_what_colleagues_did_with_a_failed_refinement_is_left_out(seen: Seen) -> None:
    outer, inner = seen.begin(), seen.begin()
    asked = RefineRequest(objective="o", idea=idea("second"))
    seen.end(inner, B, C, asked, Refinement(idea=idea("third")), outer)
    failed = RefineRequest(objective="o", idea=idea("draft"))
    seen.end(outer, A, B, failed, Text(content="it failed"), outcome="HandlerFailed")
    assert seen.texts("draft") == [("draft", A, [], 0)]


def test_conversations_do_not_mix(seen: Seen) -> None:
    asked = RefineRequest(objective="o", idea=idea("draft"))
    seen.end(seen.begin(), A, C, asked, Refinement(idea=idea("elsewhere")), conversation="c0002.1")
    seen.refined(A, B, "draft", "better")
    assert [title for title, *_ in seen.texts("draft")] == ["draft", "better"]


def test_an_agent_that_asks_without_end_is_told_of_so_often_and_no_more(seen: Seen) -> None:
    for number in range(3 * MAX_EXCHANGES):
        seen.said(B, "critique", f"draft {number}")
    versions, remarks = seen.delivered("last")
    assert len(remarks) == MAX_EXCHANGES and len(versions) == MAX_EXCHANGES + 1


def test_giant_texts_are_kept_within_bounds(seen: Seen) -> None:
    parts = {f"part_{number}": "x" * 4_000 for number in range(16)}
    for number in range(100):
        asked = RefineRequest(objective="o", idea=Idea(title=f"draft {number}", **parts))
        seen.end(seen.begin(), A, B, asked, Refinement(idea=Idea(title=f"better {number}", **parts)))
    versions, _ = seen.delivered("last")
    assert sum(len(one.idea.model_dump_json()) for one in versions) < 2_500_000
