"""Pages from templates. Every text is escaped by Jinja2, and cleaned by the filters that print it."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from creator.progress.counts import duration
from creator.spending.words import dollars
from creator.text import clean, clean_lines, encodable, label
from creator.web.standing import state_in_words


def render(request: Request, template: str, *, status_code: int = 200, **values: object) -> HTMLResponse:
    """A page.

    Args:
        request: What is answered.
        template: A file of ``creator/web/pages``.
        status_code: Of the answer.
        values: What the template takes.
    """
    text = fragment(template, csrf=request.state.csrf, path=request.url.path, **values)
    return HTMLResponse(text, status_code)


def fragment(template: str, **values: object) -> str:
    """A piece of a page, as text.

    Args:
        template: A file of ``creator/web/pages``.
        values: What the template takes.
    """
    return encodable(_environment().get_template(template).render(**values))


@lru_cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_page), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "line": clean,
        "state": state_in_words,
        "lines": clean_lines,
        "duration": duration,
        "label": label,
        "number": lambda value: f"{value:,}",
        "dollars": dollars,
        "moment": lambda when: f"{when:%Y-%m-%d %H:%M}",
        "clock": lambda when: f"{when:%H:%M:%S}",
        "rounded": lambda value: f"{value:,.0f}",
    }
    return environment


def _page(name: str) -> str:
    return resources.files("creator").joinpath("web", "pages", name).read_text(encoding="utf-8")
