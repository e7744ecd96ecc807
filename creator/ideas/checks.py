"""Plain checks that mark weak ideas: what is wrong with a text that nobody needs to understand to see it.

They find degenerate ideas, as small models write them. An idea that passes is not a good one, and an idea that does
not may be: it is marked, and never hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Final

from creator.briefs import brief_data
from creator.ideas.form import IdeaForm
from creator.text import label
from creator.wording import is_cut_off, is_english, repeats_itself, say_the_same, words_of
from sandbox.protocol import Idea

if TYPE_CHECKING:
    from creator.blueprint import Blueprint

STEM: Final = 4
"""Letters at a word's beginning by which it is known again: "dental" and "dentist" have four in common."""
FEWEST_WORDS: Final = 30
"""Of an idea that says nothing of its sector; a shorter one may leave it to be understood."""

_PLACEHOLDERS: Final = frozenset(("", "na", "n a", "none", "null", "tbd", "todo", "string", "text", "lorem ipsum"))
_ABOUT: Final = ("title", "problem", "solution", "customer")
_COMMON_WORDS: Final = (
    "agent agents agentic business businesses company companies customer customers client clients data digital "
    "industry industries idea ideas management manager managers operation operations people process product "
    "products sector sectors service services small solution staff system systems team teams time user users "
    "work with from that this what which their"
)
_ANYWHERE: Final = frozenset(_COMMON_WORDS.split())
"""Words that fit every sector, and so tell of none."""


def weaknesses(idea: Idea, form: IdeaForm, *, sector: str = "", topic: str = "", objective: str = "") -> list[str]:
    """What is plainly wrong with an idea.

    Args:
        idea: Whatever a model or a cell wrote.
        form: Which parts it should have.
        sector: Of its author, in English; empty where no sector is known, or another's idea is made better.
        topic: What else its author knows about; any of these words will do as well as the sector's.
        objective: What the population works on; likewise.

    Returns:
        A few words for each weakness, such as "problem is empty"; none for an idea that passes.
    """
    texts = {"title": idea.title, **{name: str(getattr(idea, name, "")) for name in form.fields}}
    found = []
    for name, text in texts.items():
        said = _said(name)
        if " ".join(words_of(text)) in _PLACEHOLDERS:
            found.append(f"{said} is empty")
            continue
        if repeats_itself(text):
            found.append(f"{said} repeats itself")
        if is_cut_off(text):
            found.append(f"{said} is cut off")
    for (one, text), (other, others_text) in combinations(texts.items(), 2):
        if say_the_same(text, others_text):
            found.append(f"{_said(one)} and {_said(other)} say the same")
    if sector and _is_off(texts, (sector, topic, objective)):
        found.append("says nothing of its sector")
    return found


def idea_check(form: IdeaForm, blueprint: Blueprint | None, objective: str) -> Callable[[Idea], list[str]]:
    """The checks of one agent's ideas: `weaknesses`, with what is known of the agent.

    Args:
        form: Which parts an idea should have.
        blueprint: The agent's; None when nothing is known of it.
        objective: What the population works on.
    """
    if blueprint is None:
        return lambda idea: weaknesses(idea, form)
    brief = blueprint.brief
    # An idea for legal aid may speak of deadlines and forms, and never of law.
    topics = [topic for one in brief_data().sectors if one.sector == brief.sector for topic in one.topics]
    about = " ".join((brief.sector, brief.topic, brief.customer, *blueprint.skills, *topics))
    return lambda idea: weaknesses(idea, form, sector=blueprint.sector, topic=about, objective=objective)


def _said(name: str) -> str:
    return label(name).lower()


def _is_off(texts: Mapping[str, str], about: Iterable[str]) -> bool:
    """Whether an idea names nothing of what it should be about. Only English is judged, as sectors are named in it."""
    text = " \n".join(texts.get(name, "") for name in _ABOUT) if texts.keys() & set(_ABOUT[1:]) else ""
    text = text or " \n".join(texts.values())
    stems = {stem for one in about for stem in _stems(one)}
    return len(words_of(text)) >= FEWEST_WORDS and is_english(text) and bool(stems) and not stems & _stems(text)


def _stems(text: str) -> set[str]:
    words = (part for word in words_of(text) for part in word.split("-"))
    return {word[:STEM] for word in words if len(word) >= 3 and word not in _ANYWHERE}
