"""What kind of work an agent could do about a topic, told by the topic's words.

A small model continues a good beginning, but it does not find one: asked what an agent could do about missed
appointments or customs paperwork, it analyses data and finds patterns. So our code chooses the kind of work, and gives
the beginnings of the sentences that the model then ends.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from creator.models.hints import with_facts

TITLE_CHARACTERS: Final = 60

_WORD: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_AFTER_HEAD: Final = re.compile(r"(?<=\w) (?:after|at|before|between|by|for|from|in|of|on|to|with) ")

_STATES: Final = frozenset(
    {"broken", "empty", "fake", "idle", "lost", "misplaced", "sick", "stolen", "surplus", "unsold", "unused"}
)


class Work(BaseModel):
    """One kind of work."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stems: str = Field(description="Beginnings of words of the topics that it fits.")
    problems: tuple[str, ...] = Field(
        description='What is wrong where nobody does it, each after "the biggest problem with {topic} is that".'
    )
    solutions: tuple[str, ...] = Field(
        description='What an agent does about it, each after "An AI agent could"; in the order of the problems.'
    )
    names: tuple[str, ...] = Field(description="What such an agent is called, each after the topic.")
    why_now: tuple[str, ...] = Field(description="Why that works today, each a sentence.")
    risks: tuple[str, ...] = Field(description="What may make it fail, each a sentence.")


_WORKS: Final = TypeAdapter(dict[str, Work])


@cache
def works() -> Mapping[str, Work]:
    """The kinds of work in ``creator/data/agent_work.json``; of two that fit equally well the first counts.

    ``any`` is for topics that fit none of the others.
    """
    return _WORKS.validate_json(files("creator").joinpath("data/agent_work.json").read_bytes())


def work_for(topic: str) -> Work:
    """The kind of work that fits a topic.

    The last word that says anything decides, as in "insurance claims", but none after a preposition, as in "practice
    at home"; and a state goes before the thing that is in it, as in "unsold plants".
    """
    head = _AFTER_HEAD.split(topic.lower(), maxsplit=1)[0]
    words = _WORD.findall(head)
    for word in [*(word for word in words if word in _STATES), *reversed(words)]:
        # A longer stem fits more closely; of "after-hours" each half counts, as well as the whole.
        fitting = [
            (len(stem), work)
            for work in works().values()
            for stem in work.stems.split()
            if any(one.startswith(stem) for one in (word, *word.split("-")))
        ]
        if fitting:
            return max(fitting, key=lambda one: one[0])[1]
    return works()["any"]


def work_facts(facts: Mapping[str, str], draw: random.Random) -> dict[str, str]:
    """Beginnings for the sentences of an idea, as further facts.

    Args:
        facts: What is known: topic and sector.
        draw: Chooses among beginnings that fit equally well.
    """
    topic = facts.get("topic", "")
    work = work_for(topic)
    problem, solution = draw.choice(list(zip(work.problems, work.solutions, strict=True)))
    chosen = {
        "work_problem": problem,
        "work_solution": solution,
        "work_title": f"{_titled(topic)} {_named(draw.choice(work.names), work, topic)}".strip(),
        "work_topic": topic[:1].upper() + topic[1:],
        "work_why_now": draw.choice(work.why_now),
        "work_risk": draw.choice(work.risks),
    }
    # A topic is a fact already: braces in it are no names of facts.
    return {
        name: text if name in ("work_title", "work_topic") else with_facts(text, facts) for name, text in chosen.items()
    }


def _named(name: str, work: Work, topic: str) -> str:
    """What the agent is called: the name that was drawn, or another one where the topic says it already."""
    return next((one for one in (name, *work.names) if one[:4].lower() not in topic.lower()), name)


def _titled(topic: str) -> str:
    """A topic as the beginning of a title: ``late returns`` becomes ``Late Return``."""
    words = topic[:TITLE_CHARACTERS].split()
    return " ".join(word[:1].upper() + word[1:] for word in [*words[:-1], *map(_singular, words[-1:])])


def _singular(word: str) -> str:
    """An English noun without its plural's ending; what is unclear stays as it is."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is", "ics")) else word
