"""Starting a run from the page. Only a few settings can be chosen here; none of them names a file or an address."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from creator.errors import CreatorError, UsageError
from creator.launching import launch
from creator.outcome import Estimate
from creator.planning import has_to_be_agreed_to, plan_run
from creator.settings import MAX_AGENTS, SpawnSettings, load_environ
from creator.spending.words import cost_span, span
from creator.text import clean, clean_lines
from creator.web.html import render
from creator.web.security import form_of
from creator.web.site import site_of

FIELDS: Final = (
    "count",
    "objective",
    "model",
    "pattern",
    "max_cost",
    "max_tokens",
    "deadline",
    "seed",
)
"""What a visitor may set by a text; whatever else a form holds is left alone."""
PATTERNS: Final[Mapping[str, str]] = {
    "": "each agent its own way",
    "bounce": "bounce: one colleague refines it",
    "critique": "critique: a colleague names the weakest point",
    "panel": "panel: three colleagues refine it side by side",
    "relay": "relay: from colleague to colleague, each refines it",
    "pro_contra": "pro and contra: one for it, one against it",
}

_MODEL: Final = re.compile(r"embedded|(openai|anthropic|ollama):[A-Za-z0-9][\w.:/@+-]{0,199}", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{22,64}", re.ASCII)
_MAX_VALUE: Final = 300
_SHORTEST_KEY: Final = 16
_MAX_OBJECTIVE: Final = 10_000
_USUAL_COUNT: Final = "5"


@dataclass(frozen=True)
class _Wanted:
    """What a form asks for.

    Attributes:
        options: Of the run, by the names of its settings.
        problems: What is wrong, by field; with an empty name what is wrong with all of it.
        estimate: What the run may take, where somebody has to agree to that first.
    """

    options: Mapping[str, object]
    problems: Mapping[str, str]
    estimate: Estimate | None = None


def show(request: Request) -> Response:
    """The empty form."""
    return _form(request, {"count": _USUAL_COUNT, "tournament": "yes"}, _default_model())


async def send(request: Request) -> Response:
    """Start a run, after a question where it may cost much."""
    form = await form_of(request)
    values = {name: _value(name, form.get(name, "")) for name in FIELDS}
    values |= {name: "yes" for name in ("tournament", "review") if form.get(name)}
    values["key"] = key = form.get("key", "")
    if not _KEY.fullmatch(key):
        raise UsageError("This form cannot be read: load the page again.")
    site = site_of(request)
    if site.launches.get(key) is None:
        wanted = await to_thread.run_sync(_wanted, values)
        if wanted.problems:
            if "model" in wanted.problems and len(values["model"]) >= _SHORTEST_KEY:
                values["model"] = ""  # it may be a key, which no page repeats
            told = await to_thread.run_sync(_default_model)
            return _form(request, values, told, wanted.problems, status_code=422)
        if wanted.estimate is not None and not form.get("agreed"):
            return _question(request, values, wanted.estimate)
        site.launches.begin(key, partial(launch, site.output, wanted.options), values)
    return RedirectResponse(f"/start/{key}", 303)


async def wait(request: Request) -> Response:
    """A run that is about to begin: its page once it has, the form again when it has not."""
    known = site_of(request).launches.get(request.path_params["key"])
    if known is None:
        raise UsageError("Nothing is being started here any more: see the list of runs.")
    if known.run is not None:
        return RedirectResponse(f"/runs/{known.run.name}", 303)
    if known.problem and not known.values:
        return render(request, "problem.html.j2", status_code=422, problem=known.problem)
    if known.problem:
        told = await to_thread.run_sync(_default_model)
        return _form(request, known.values, told, {"": known.problem})
    return render(request, "starting.html.j2", key=request.path_params["key"])


async def cancel(request: Request) -> Response:
    """Give up a run that is about to begin."""
    await form_of(request)
    await site_of(request).launches.cancel(request.path_params["key"])
    return RedirectResponse("/start", 303)


def _form(
    request: Request,
    values: Mapping[str, str],
    default_model: str,
    problems: Mapping[str, str] | None = None,
    *,
    status_code: int = 200,
) -> Response:
    return render(
        request,
        "start.html.j2",
        status_code=status_code,
        values={name: "" for name in (*FIELDS, "tournament", "review")} | dict(values),
        problems=problems or {},
        patterns=PATTERNS,
        default_model=default_model,
        most_agents=MAX_AGENTS,
        key=secrets.token_urlsafe(24),
    )


def _question(request: Request, values: Mapping[str, str], estimate: Estimate) -> Response:
    assert estimate.cost is not None
    return render(
        request,
        "start_question.html.j2",
        values=values,
        calls=span(estimate.calls),
        tokens=span(estimate.tokens),
        cost=cost_span(estimate.cost),
    )


def _value(name: str, text: str) -> str:
    """A field as it was typed, without what nobody can type."""
    return clean_lines(text, _MAX_OBJECTIVE).strip() if name == "objective" else clean(text, _MAX_VALUE)


def _wanted(values: Mapping[str, str]) -> _Wanted:
    """What a form asks for; reads templates and settings, and asks no model anything."""
    options: dict[str, object] = {name: values[name] for name in FIELDS if values[name]}
    options["tournament"] = bool(values.get("tournament"))
    options["review"] = "later" if values.get("review") else "no"
    problems = SpawnSettings.mistakes(options)
    if not values["count"]:
        problems["count"] = "say how many agents"
    if values["model"] and not _MODEL.fullmatch(values["model"]):
        problems["model"] = "write embedded, openai:NAME, anthropic:NAME or ollama:NAME; never a key"
    others = {f"{name}: {what}" if name else what for name, what in problems.items() if name not in FIELDS}
    problems = {name: what for name, what in problems.items() if name in FIELDS}
    if others:
        problems[""] = "; ".join(sorted(others))
    if problems:
        return _Wanted(options, problems)
    try:
        settings = SpawnSettings.load(options)
        estimate = plan_run(settings, load_environ(), lambda line: None).expected
    except CreatorError as error:
        return _Wanted(options, {"": str(error)})
    if estimate is None or not has_to_be_agreed_to(settings, estimate):
        return _Wanted(options, {})
    return _Wanted(options, {}, estimate)


def _default_model() -> str:
    """The model of a run whose form names none, or why there is none."""
    from creator.models.choose import choose_backend

    try:
        settings = SpawnSettings.load({"count": 1})
        return choose_backend(settings.model, settings.base_url, load_environ(), progress=lambda line: None).name
    except CreatorError as error:
        return str(error)


ROUTES = [
    Route("/start", show, name="start"),
    Route("/start", send, methods=["POST"]),
    Route("/start/{key}", wait, name="starting"),
    Route("/start/{key}/cancel", cancel, methods=["POST"]),
]
