"""`report.html`: the run on one page, to be opened from disk or sent to someone.

Self-contained and without scripts: a strict content security policy allows the page's own style sheet and nothing
else, and every text of a model's is cleaned and then escaped by Jinja2.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from functools import lru_cache
from importlib import resources
from typing import Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from creator.family import described, family_of
from creator.outcome import IdeaOutcome, RunOutcome
from creator.progress.counts import duration
from creator.text import clean, clean_lines, encodable, label

_HUES: Final = 10
"""How many colours the style sheet has for agents."""


def render_report(outcome: RunOutcome) -> str:
    """The page as HTML text."""
    style = _data("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    page = _environment().get_template("report.html.j2")
    ideas_of: dict[str, list[IdeaOutcome]] = {}
    for idea in outcome.ideas:
        ideas_of.setdefault(idea.author, []).append(idea)
    return encodable(
        page.render(
            run=outcome,
            ideas_of=ideas_of,
            refined=[idea for idea in outcome.ideas if idea.contributors],
            refinements=sum(len(idea.versions) - 1 for idea in outcome.ideas),
            sectors={agent.name: agent.sector for agent in outcome.agents},
            family=family_of(outcome.agents) if any(one.asked_by or one.parents for one in outcome.agents) else [],
            policy=policy,
            style=Markup(style),  # noqa: S704 - our own file, and the digest above covers exactly these bytes
        )
    )


def _hue(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "replace")) % _HUES


def _paragraphs(text: str) -> list[str]:
    blocks = (clean(block) for block in clean_lines(text).split("\n\n"))
    return [block for block in blocks if block]


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_data),
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
    }
    return environment


def _data(name: str) -> str:
    return resources.files("creator").joinpath("data", name).read_text(encoding="utf-8")
