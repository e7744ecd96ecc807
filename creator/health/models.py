"""Models: keys, the embedded one, and what a call of the model costs that a run would get."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path

from creator.errors import CreatorError
from creator.health.check import Check, Mend, first_line
from creator.models.choose import choose_backend
from creator.models.embedded import fetched_model
from creator.models.embedded_model import FILE_NAME, MODEL_NAME, is_cached, is_whole
from creator.models.providers import KEYS
from creator.settings import SpawnSettings
from creator.spending.run_prices import prices_for
from creator.spending.words import dollars
from creator.text import clean


def key_check(environ: Mapping[str, str]) -> Check:
    """Which keys are set. Names only: a value never leaves the environment."""
    known = [variable for variable, _ in KEYS.values()]
    found = [variable for variable in known if environ.get(variable)]
    if found:
        return Check("key", "ok", f"{', '.join(found)} is set" if len(found) == 1 else f"{', '.join(found)} are set")
    todo = f"for better ideas set {' or '.join(known)}, in the environment or in .env"
    return Check("key", "missing", "none: the embedded model will be used", todo)


def embedded_check(cache: Path, *, needed: bool) -> Check:
    """The embedded model.

    Args:
        cache: Where it is kept.
        needed: Whether a run would take it.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        todo = "pip install xllamacpp, or set a key, or name a model with --model"
        return Check("model", "broken" if needed else "missing", "the embedded model's engine is missing", todo)
    mend = Mend(f"Fetch {MODEL_NAME} now, 93 MB?", lambda say: fetch_model(cache, say)) if needed else None
    if not is_cached(cache):
        todo = "the first run that takes it fetches it: 93 MB, once"
        return Check("model", "missing", f"{MODEL_NAME} is not in the cache", todo, mend)
    if not is_whole(cache):
        found = f"{MODEL_NAME} is damaged in the cache"
        again = Mend(f"Fetch {MODEL_NAME} again, 93 MB?", lambda say: fetch_model(cache, say))
        return Check("model", "broken" if needed else "missing", found, f"remove {cache / FILE_NAME}", again)
    return Check("model", "ok", f"{MODEL_NAME} is in the cache")


def fetch_model(cache: Path, say: Callable[[str], None]) -> None:
    """Fetch the embedded model unless it is there and whole; blocking.

    Args:
        cache: Where it is kept.
        say: Called with a line for each step.

    Raises:
        EnvironmentFault: It cannot be fetched.
    """
    if not is_whole(cache):
        (cache / FILE_NAME).unlink(missing_ok=True)
    asyncio.run(fetched_model(cache, say))


def price_check(settings: SpawnSettings, environ: Mapping[str, str]) -> Check:
    """What the model costs that a run would get."""
    try:
        model = choose_backend(settings.model, settings.base_url, environ, progress=lambda line: None).name
        price = prices_for(settings, environ)(model)
    except CreatorError as error:
        return Check("price", "missing", first_line(error))
    if price is None:
        todo = "name it in a file, and that file with --prices: then runs say what they cost"
        return Check("price", "missing", f"of {clean(model, 100)} unknown", todo)
    if not price.prompt and not price.completion:
        return Check("price", "ok", f"{clean(model, 100)} costs nothing")
    rates = f"{dollars(price.prompt)} for a million tokens read, {dollars(price.completion)} written"
    looked = f", as of {price.as_of}" if price.as_of is not None else ""
    return Check("price", "ok", f"{clean(model, 100)}: {rates}{looked}")
