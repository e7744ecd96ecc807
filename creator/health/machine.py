"""All that is looked at on this machine, in the order in which it is told."""

from __future__ import annotations

import dataclasses
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from creator.health.check import Check
from creator.health.files import disk_check, runs_check
from creator.health.models import embedded_check, key_check, price_check
from creator.health.sandboxes import bubblewrap_check, docker_checks, leftovers_check
from creator.models.embedded import cache_folder
from creator.models.embedded_model import is_cached
from creator.models.providers import KEYS
from creator.settings import SpawnSettings, load_environ

_MODEL_BYTES: Final = 350_000_000
"""Room for the embedded model while it is fetched and prepared."""
_RUN_BYTES: Final = 50_000_000
_PYTHON: Final = ((3, 11), (3, 14))


def look(output: Path) -> Iterator[Check]:
    """Look at everything.

    Args:
        output: The folder of all runs.

    Raises:
        UsageError: A setting does not fit.
    """
    environ = load_environ()
    settings = SpawnSettings.load({"count": 1})
    keys = any(environ.get(variable) for variable, _ in KEYS.values())
    embedded = not keys if settings.model is None else settings.model == "embedded"
    engine, *image = docker_checks(settings.base_image)
    yield _python()
    yield engine
    yield bubblewrap_check()
    yield key_check(environ)
    yield embedded_check(cache_folder(), needed=embedded)
    yield price_check(settings, environ)
    yield disk_check("runs", output, _RUN_BYTES, "choose another folder with --output")
    if not is_cached(cache_folder()):
        todo = "free some, or put the cache elsewhere with CREATOR_CACHE_DIR"
        check = disk_check("cache", cache_folder(), _MODEL_BYTES, todo)
        yield check if embedded or check.state == "ok" else dataclasses.replace(check, state="missing")
    if settings.sandbox in {"auto", "docker"}:
        yield from image
    yield runs_check(output)
    yield leftovers_check(settings.base_image, engine=engine.state == "ok")


def _python() -> Check:
    version = platform.python_version()
    low, high = _PYTHON
    if low <= sys.version_info[:2] < high:
        return Check("Python", "ok", version)
    wanted = f"{low[0]}.{low[1]} to {high[0]}.{high[1] - 1}"
    return Check("Python", "broken", version, f"make the virtual environment with Python {wanted}")
