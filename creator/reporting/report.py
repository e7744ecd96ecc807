"""`report.html`: the run on one page, to be opened from disk or sent to someone.

Self-contained and without scripts: a strict content security policy allows the page's own style sheet and nothing
else, and every text of a model's is cleaned and then escaped by Jinja2.
"""

from __future__ import annotations

import base64
import hashlib
import math
import zlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from creator.family import described, family_of
from creator.ledger.history import History
from creator.outcome import IdeaOutcome, Ranking, RunOutcome
from creator.progress.counts import duration
from creator.reporting.conclusions import (
    NEEDS_A_JUDGE,
    Sentence,
    against_baseline,
    agreement,
    conclusions,
    gains,
    honesty,
    order,
    origin,
    summary,
)
from creator.reporting.figures.drawing import style as figure_style
from creator.reporting.figures.messages import ending_in_words
from creator.reporting.figures.phases import cost_of, time_of
from creator.reporting.history_figures import Figures, top_of
from creator.reporting.lineage import REMARKS, Lineage
from creator.reporting.scale import Scale
from creator.reporting.standings import Standings, rating_in_words
from creator.spending.words import cost_beside, dollars, tokens_beside
from creator.text import clean, clean_lines, encodable, label

TOP: Final = 3
"""Ideas that come first, open; the others are closed, so that a page of a thousand can be read."""
NO_HISTORY: Final = "The ledger of the run could not be read: what only it tells is not drawn."

_HUES: Final = 10
"""How many colours the style sheet has for agents."""
_FEW: Final = 40
"""Rows of a list that is shown open, or on paper in full."""
_MAX_CARDS: Final = 1_000
_BUDGET: Final = 4_000_000
"""Characters of models' texts that the page holds at most, about."""
_MIN_PART: Final = 200
_MAX_TEXTS: Final = 200
_FEW_TEXTS: Final = 12
"""Texts of an idea that are named where there is no room for them."""
_PAUSE: Final = 60.0
"""Seconds by which the calls of a run may seem to take longer than the run."""


def render_report(outcome: RunOutcome, history: History | None = None) -> str:
    """The page as HTML text.

    Args:
        outcome: The run.
        history: How it went, of which several figures are made; None when that is not known, which the page says.
    """
    style = _data("report.css") + figure_style()
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    page = _environment().get_template("page.html.j2")
    ideas_of: dict[str, list[IdeaOutcome]] = {}
    for idea in outcome.ideas:
        ideas_of.setdefault(idea.author, []).append(idea)
    standings = Standings(outcome)
    shown = standings.ideas[:_MAX_CARDS]
    one_shot = standings.one_shot[:_MAX_CARDS]
    top = top_of(standings, TOP)
    first = {idea.number for idea in top}
    titles = {idea.number: idea.final.title for idea in (*shown, *one_shot)}
    plot = [place for place in (outcome.ranking.places if outcome.ranking else []) if place.number in titles]
    return encodable(
        page.render(
            run=outcome,
            history=history,
            no_history=NO_HISTORY,
            figures=Figures.of(outcome, standings, history),
            paused=_paused(outcome, history),
            summary=summary(outcome),
            honesty=honesty(outcome),
            how=origin(outcome),
            standings=standings,
            shown=shown,
            top=top,
            others=[idea for idea in shown if idea.number not in first],
            listed={idea.number for idea in shown},
            few=_FEW,
            titles=titles,
            one_shots={idea.number for idea in one_shot},
            lineages=Lineage,
            remark_kinds=REMARKS,
            bounds=_Bounds.of([*shown, *one_shot]),
            findings=conclusions(outcome),
            baseline=against_baseline(outcome.baseline, outcome.ranking) if outcome.baseline else None,
            gains=gains(outcome.generations),
            needs_a_judge=NEEDS_A_JUDGE,
            plot=plot,
            scale=Scale.of(plot),
            ideas_of=ideas_of,
            shared=[idea for idea in shown if idea.contributors],
            refinements=sum(len(idea.versions) - 1 for idea in outcome.ideas),
            sectors={agent.name: agent.sector for agent in outcome.agents},
            family=family_of(outcome.agents) if any(one.asked_by or one.parents for one in outcome.agents) else [],
            paid="\u2013" if outcome.cost is None else dollars(outcome.cost),
            cost=cost_beside(outcome),
            tokens=tokens_beside(outcome),
            policy=policy,
            style=Markup(style),  # noqa: S704 - our own files, and the digest above covers exactly these bytes
        )
    )


def _paused(outcome: RunOutcome, history: History | None) -> bool:
    """Whether the run was interrupted and gone on with later, so that its calls span more time than it took."""
    phases = history.accounts.phases if history else []
    if not phases:
        return False
    return max(one.ended for one in phases) - min(one.begun for one in phases) > outcome.elapsed_s + _PAUSE


@dataclass(frozen=True)
class _Bounds:
    """How much of the models' texts the page holds.

    Attributes:
        part: Most characters of one part of an idea, or of one remark; None for all of it.
        whole: Whether earlier texts are shown with their parts, not by their titles alone.
        texts: How many texts of an idea are shown.
        cards: How many ideas are shown at all, of a kind.
    """

    part: int | None
    whole: bool
    texts: int = _FEW_TEXTS
    cards: int = _MAX_CARDS

    @classmethod
    def of(cls, ideas: list[IdeaOutcome]) -> _Bounds:
        delivered = [text for idea in ideas for text in idea.final.parts.values()]
        said = [remark.content for idea in ideas for remark in idea.remarks]
        earlier = [text for idea in ideas for one in idea.versions[:-1] for text in one.idea.parts.values()]
        if sum(map(len, (*delivered, *said, *earlier))) <= _BUDGET:
            return cls(part=None, whole=True, texts=_MAX_TEXTS)
        kept = (*delivered, *said)
        if sum(map(len, kept)) <= _BUDGET:
            return cls(part=None, whole=False)
        return cls(part=max(_BUDGET // len(kept), _MIN_PART), whole=False)


def _order_findings(ranking: Ranking) -> list[Sentence]:
    return [order(ranking), *map(agreement, ranking.judges)]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "none"


def _hue(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "replace")) % _HUES


def _paragraphs(text: str, limit: int | None = None) -> list[str]:
    blocks = (clean(block) for block in clean_lines(text, limit).split("\n\n"))
    return [block for block in blocks if block]


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(lambda name: _data(f"report/{name}")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "line": clean,
        "paragraphs": _paragraphs,
        "hue": _hue,
        "duration": duration,
        "label": label,
        "described": lambda branch, begins: described(branch, begins=begins),
        "number": lambda value: f"{value:,}",
        "rounded": lambda value: f"{value:,.0f}",
        "percent": lambda value: f"{100 * value:.1f}%",
        "share": _share,
        "rating": rating_in_words,
        "order_findings": _order_findings,
        "ending": ending_in_words,
        "cost": cost_of,
        "period": lambda seconds: time_of(max(seconds, 0.0)) if math.isfinite(seconds) else "",
    }
    return environment


def _data(name: str) -> str:
    return resources.files("creator").joinpath("data", name).read_text(encoding="utf-8")
