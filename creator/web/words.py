"""What happened in a run, in sentences for a page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from creator.ledger.feed import Happening, is_agent
from creator.text import clean

Tone = Literal["life", "trouble", "message", "idea", "judge", "person", "note"]
"""What a line is about; the page draws a sign for each."""

_ASKED: Final = {
    "RefineRequest": "for a better version of an idea",
    "OpinionRequest": "for an opinion on an idea",
    "Text": "something in words",
}
_REASON: Final = 300
_TITLE: Final = 120


class Part(NamedTuple):
    """A piece of a sentence.

    Attributes:
        text: What is written.
        kind: ``agent`` and ``idea`` lead to a page.
        number: The idea's.
    """

    text: str
    kind: Literal["text", "agent", "idea"] = "text"
    number: int = 0


class Line(NamedTuple):
    """A sentence.

    Attributes:
        at: When it happened.
        tone: What it is about.
        parts: Its pieces, in order.
    """

    at: datetime
    tone: Tone
    parts: list[Part]


def in_words(happening: Happening) -> Line:
    """What happened, in a sentence."""
    tone, pieces = _told(happening)
    parts = [piece if isinstance(piece, Part) else Part(piece) for piece in pieces]
    try:
        at = datetime.fromtimestamp(happening.at, UTC)
    except (ValueError, OverflowError, OSError):  # no clock has shown that; a damaged row may hold it
        at = datetime.fromtimestamp(0, UTC)
    return Line(at, tone, parts)


def _told(happening: Happening) -> tuple[Tone, list[Part | str]]:
    who, detail = _name(happening.subject), happening.detail
    reason = _of(detail, "reason")
    match happening.kind:
        case "message":
            return _message(detail)
        case "idea":
            return _idea(detail)
        case "verdict":
            return _verdict(detail)
        case "decision":
            told = {"approved": "approved", "rejected": "rejected", "edited": "edited", "regenerate": "sent back"}
            what = told.get(str(detail.get("decision")), "decided about")
            return "person", [f"A person {what} ", who, _because(_of(detail, "why"))]
        case "wish":
            return "person", [f"A person asks for one more agent: {_of(detail, 'role')}, {_of(detail, 'sector')}."]
        case "started":
            return "note", [f"The run begins, with {_of(detail, 'model')}."]
        case "live":
            return "life", [who, " is born."]
        case "pending":
            return "person", [who, " waits for your review."]
        case "failed":
            return "trouble", [who, " failed", _because(reason)]
        case "birth failed":
            return "trouble", ["A try to bring ", who, " to life came to nothing", _because(reason)]
        case "module refused":
            return "trouble", ["A module of ", who, " was refused", _because(_of(detail, "finding"))]
        case "cell ended":
            return "trouble", ["The cell of ", who, " ended", _because(reason)]
        case "refused":
            return "trouble", ["The host refused a request of ", who, _because(reason)]
        case "no idea":
            return "trouble", ["A conversation of ", who, " came to no idea", _because(reason)]
        case "no one-shot idea":
            return "trouble", ["A one-shot idea did not come about", _because(reason)]
        case "colleague ordered":
            return "life", [who, f" asks for a colleague: {_of(detail, 'role')}, {_of(detail, 'sector')}."]
        case "colleague refused":
            return "trouble", [who, " asked for a colleague and gets none", _because(reason)]
        case "generation":
            return "life", [f"Generation {clean(happening.subject, 10)} begins."]
        case "regenerated":
            return "life", [who, " was written anew", _because(reason)]
        case "not regenerated":
            return "trouble", [who, " could not be written anew", _because(reason)]
        case "limit near" | "limit reached":
            return "trouble", [f"{_sentence(_of(detail, 'limit'))}"]
        case other:
            return "note", [f"{clean(other, 60)}: ", who, _because(reason)]


def _message(detail: Mapping[str, Any]) -> tuple[Tone, list[Part | str]]:
    kind, outcome = str(detail.get("type")), str(detail.get("outcome"))
    source, target = _name(str(detail.get("source"))), _name(str(detail.get("target")))
    asked = _ASKED.get(kind, f"with {clean(kind, 60)}")
    if outcome == "ok":
        return "message", [source, " asked ", target, f" {asked}."]
    if outcome == "ConversationEnded":
        return "message", [source, " asked ", target, f" {asked}, which the conversation had no room for any more."]
    return "trouble", [source, " asked ", target, f" {asked}, and got no answer: {clean(outcome, 80)}."]


def _idea(detail: Mapping[str, Any]) -> tuple[Tone, list[Part | str]]:
    number = int(detail["number"])
    title = Part(clean(str(detail["title"] or ""), _TITLE) or "(no title)", "idea", number)
    if detail["source"] == "one-shot":
        return "idea", [f"One-shot idea {number}: “", title._replace(kind="text"), "”."]
    others = max(0, int(detail["writers"]) - 1)
    with_whom = f", with {others} colleague{'' if others == 1 else 's'}" if others else ""
    return "idea", [f"Idea {number} is there: “", title, "” by ", _name(str(detail["author"])), f"{with_whom}."]


def _verdict(detail: Mapping[str, Any]) -> tuple[Tone, list[Part | str]]:
    first, second, winner = detail["first"], detail["second"], detail["winner"]
    judge = f"{clean(str(detail['judge']), 64)}, round {detail['round']}: "
    if winner is None:
        return "judge", [judge, "no verdict on ", _numbered(first), " and ", _numbered(second), "."]
    other = second if winner == first else first
    return "judge", [judge, _numbered(winner), " is preferred to ", _numbered(other), "."]


def _numbered(number: int) -> Part:
    return Part(f"idea {number}", "idea", number)


def _name(name: str) -> Part:
    return Part(name, "agent") if is_agent(name) else Part(clean(name, 64))


def _of(detail: Mapping[str, Any], key: str) -> str:
    value = detail.get(key)
    return clean(value, _REASON) if isinstance(value, str) else ""


def _because(reason: str) -> str:
    return f": {_sentence(reason)}" if reason else "."


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
