"""What a delegate is asked: the texts of its tasks, for any objective and any parts of an idea."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.protocol import Idea, OpinionRequest, ProposeRequest, RefineRequest, Text

MAX_MERGED = 8
"""Ideas that are merged into one."""
MAX_MERGED_CHARACTERS = 32_000
"""Of all of these: a model reads so much at once and no more."""

_OPINIONS = {
    "critique": "Name its weakest point in one or two sentences: what is most likely to make it fail, and why. Don't "
    "mend it yet.",
    "pro": "Speak for it in two or three sentences: what is its strongest point, and why will it work? What speaks "
    "against it, others will say.",
    "contra": "Speak against it in two or three sentences: what is most likely to make it fail, and why? What speaks "
    "for it, others will say.",
    "verdict": "Who is right? Say in two or three sentences whether its author shall leave it as it is, or revise it, "
    "and why.",
}


def proposal_task(message: ProposeRequest) -> str:
    """The task that asks a delegate for one idea."""
    return (
        f"{message.objective}\n\nPropose one idea that fits your sector, your interests and your goal."
        f"{_guidance(message)}"
    )


def refinement_task(message: RefineRequest) -> str:
    """The task that asks a delegate for a better version of a colleague's idea."""
    return (
        f"{message.objective}\n\nA colleague proposes this idea. It may not be your speciality, but make it "
        "better: sharpen what is vague, and mend its weakest point.\n\n"
        f"{_told(message.idea)}"
    )


def critique_task(message: RefineRequest | OpinionRequest) -> str:
    """The task that asks a delegate for the weakest point of a colleague's idea, in free text."""
    return f"{message.objective}\n\nA colleague proposes this idea. {_OPINIONS['critique']}\n\n{_told(message.idea)}"


def opinion_task(message: OpinionRequest) -> str:
    """The task that asks a delegate for the opinion that a colleague wants, in free text."""
    if message.kind == "critique":
        return critique_task(message)
    said = "".join(f"\n\nSomebody says: {argument}" for argument in message.arguments)
    return (
        f"{message.objective}\n\nA colleague proposes this idea.\n\n{_told(message.idea)}{said}\n\n"
        f"{_OPINIONS[message.kind]}"
    )


def answer_task(message: ProposeRequest, idea: Idea, remarks: Sequence[str]) -> str:
    """The task that asks a delegate for a better version of its own idea, in answer to what was said about it.

    Args:
        message: What was asked for.
        idea: The agent's own.
        remarks: What was said, each at most 4,000 characters.
    """
    said = "\n\n".join(remarks)
    return (
        f"{message.objective}\n\nThis is your idea.\n\n{_told(idea)}\n\nThis was said about it.\n\n{said}\n\n"
        "Answer with a better version of your idea: mend what is rightly said against it, keep what is good, and say "
        f"it in your own words.{_guidance(message)}"
    )


def merge_task(message: ProposeRequest, ideas: Sequence[Idea]) -> str:
    """The task that asks a delegate to make one idea of several.

    Args:
        message: What was asked for.
        ideas: The agent's own idea first, then its colleagues' versions of it, at most eight in all.
    """
    own, *others = ideas = ideas[:MAX_MERGED]
    limit = MAX_MERGED_CHARACTERS // sum(1 + len(one.parts) for one in ideas)
    versions = "\n\n".join(f"Version {number}\n{_told(one, limit)}" for number, one in enumerate(others, 1))
    return (
        f"{message.objective}\n\nThis is your idea.\n\n{_told(own, limit)}\n\n"
        f"Your colleagues improved it, each in a way of their own.\n\n{versions}\n\n"
        "Make one idea of them: keep what is better than yours, drop what weakens it, and say it in your own words."
        f"{_guidance(message)}"
    )


def question_task(message: Text) -> str:
    """The task that asks a delegate to go on with a conversation."""
    if not message.earlier:
        return message.content
    turns = "\n".join(f"{'You' if number % 2 else 'They'}: {text}" for number, text in enumerate(message.earlier))
    return f"So far:\n{turns}\n\nThey: {message.content}\n\nAnswer the last line, as yourself."


def _guidance(message: ProposeRequest) -> str:
    """What makes a good idea, after a space; empty where nothing is said of it."""
    return f" {message.guidance}" if message.guidance else ""


def _told(idea: Idea, limit: int | None = None) -> str:
    """An idea in lines, each part within a limit of characters."""
    parts = (f"{part_label(name)}: {text[:limit]}" for name, text in idea.parts.items())
    return "\n".join([f"Title: {idea.title[:limit]}", *parts])


def part_label(name: str) -> str:
    """The name of an idea's part as people write it."""
    return name.replace("_", " ").capitalize()
