"""One idea: its texts, whose they are, and what was said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from creator.errors import EnvironmentFault, UsageError
from creator.ledger.view import Comparison, RunView, load_comparisons
from creator.outcome import IdeaOutcome
from creator.reporting.lineage import REMARKS, Lineage, Text
from creator.reporting.scale import Scale
from creator.reporting.standings import Standings, wins_in_words
from creator.review.words import Piece, WordChanges
from creator.text import label
from creator.web.html import render
from creator.web.site import linkable, run_of

_MAX_TEXTS: Final = 40
"""Texts of an idea that are shown; the final one is always."""
_MAX_COMPARISONS: Final = 200
_MAX_LIKE: Final = 50


@dataclass(frozen=True)
class _Step:
    """A text on the way to the final one.

    Attributes:
        text: The text.
        changes: By what it is called: what changed in a part since the text that it is drawn under.
        same: The names of the parts that did not change.
    """

    text: Text
    changes: dict[str, list[Piece]]
    same: list[str]


def show(request: Request) -> Response:
    """One idea of a run."""
    view = run_of(request)
    standings = Standings(view.outcome)
    number: int = request.path_params["number"]
    place = next((place for place, one in enumerate(standings.everything) if one.number == number), None)
    if place is None:
        raise UsageError(f"There is no idea {number} in run {view.outcome.run_id}.")
    ideas = standings.everything
    idea = ideas[place]
    lineage = Lineage(idea)
    comparisons, unread = _comparisons(view, idea)
    return render(
        request,
        "idea.html.j2",
        view=view,
        idea=idea,
        standings=standings,
        before=ideas[place - 1] if place else None,
        after=ideas[place + 1] if place + 1 < len(ideas) else None,
        scale=Scale.of(view.outcome.ranking.places if view.outcome.ranking else []),
        lineage=lineage,
        final=lineage.texts[-1],
        steps=_steps(standings, lineage),
        comparisons=comparisons[-_MAX_COMPARISONS:],
        earlier=max(0, len(comparisons) - _MAX_COMPARISONS),
        unread=unread,
        alike=standings.below(number)[:_MAX_LIKE],
        more_alike=max(0, len(standings.below(number)) - _MAX_LIKE),
        titles={one.number: one.final.title for one in ideas},
        sector=next((one.sector for one in view.outcome.agents if one.name == idea.author), ""),
        names=linkable(view.outcome),
        remark_kinds=REMARKS,
        wins_in_words=wins_in_words,
    )


def _steps(standings: Standings, lineage: Lineage) -> list[_Step]:
    """The texts in the order in which they were drawn, with what changed; one that nobody changed needs no steps."""
    if len(lineage.texts) < 2:
        return []
    words = WordChanges()
    texts = {text.place: text for text in lineage.texts}
    shown = sorted(list(lineage.walk())[:_MAX_TEXTS], key=lambda text: text.place)
    return [_step(standings, words, text, texts.get(text.under or 0)) for text in shown]


def _step(standings: Standings, words: WordChanges, text: Text, under: Text | None) -> _Step:
    if under is None:
        return _Step(text, {}, [])
    old, new = ({"title": one.version.idea.title, **standings.parts(one.version.idea)} for one in (under, text))
    found = {name: words.between(old.get(name, ""), new.get(name, "")) for name in dict.fromkeys([*new, *old])}
    changes = {name: pieces for name, pieces in found.items() if any(piece.kind != "kept" for piece in pieces)}
    same = [label(name) for name in found if name not in changes]
    return _Step(text, {label(name): pieces for name, pieces in changes.items()}, same)


def _comparisons(view: RunView, idea: IdeaOutcome) -> tuple[list[Comparison], str]:
    """What judges said of an idea, and why that cannot be read."""
    ranking = view.outcome.ranking
    if view.state == "finished" and (ranking is None or ranking.by != "judge"):
        return [], ""
    try:
        return load_comparisons(view.outcome.directory, idea.number), ""
    except EnvironmentFault as error:
        return [], str(error)


ROUTES = [Route("/runs/{run}/ideas/{number:int}", show, name="idea")]
