"""``doctor``: what works on this machine, what is missing, and what to do about it."""

from __future__ import annotations

import asyncio
import dataclasses
import platform
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import click

from creator.cli._shared import EXIT_USAGE, PROGRAM, output_folder, print_json, reading_options, stdout_console
from creator.errors import CreatorError

State = Literal["ok", "missing", "broken"]
"""``missing``: the main job runs without it. ``broken``: it does not."""

_DOCKER_SECONDS: Final = 10.0
_MODEL_BYTES: Final = 350_000_000
"""Room for the embedded model while it is fetched and prepared."""
_RUN_BYTES: Final = 50_000_000
_PYTHON: Final = ((3, 11), (3, 14))


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    todo: str = ""


@click.command()
@reading_options
@click.option("--clean", "clean_up", is_flag=True, help="Remove what dead runs and earlier versions left behind.")
def doctor(output: str | None, as_json: bool, clean_up: bool) -> int:
    """Tell what works on this machine, what is missing, and what to do about it.

    Exit codes: 0 when "spawn" can do its job, 2 when it cannot; with --clean, 1 when something could not be removed.
    """
    if clean_up:
        return _clean_up(as_json)
    checks = list(_checks(output_folder(output)))
    works = all(check.state != "broken" for check in checks)
    sandbox, facts = _sandbox()
    if as_json:
        told = {"name": sandbox, "facts": facts}
        print_json({"works": works, "checks": [dataclasses.asdict(check) for check in checks], "sandbox": told})
        return 0 if works else EXIT_USAGE
    from rich.table import Table
    from rich.text import Text

    from creator.text import clean

    styles = {"ok": "green", "missing": "yellow", "broken": "bold red"}
    table = Table.grid(padding=(0, 2))
    for check in checks:
        table.add_row(Text(check.state, styles[check.state]), Text(check.name), Text(clean(check.found, 400)))
        if check.todo:
            table.add_row("", "", Text(clean(check.todo, 400), "dim"))
    console = stdout_console()
    console.print(table)
    if facts:
        console.print(f"\nWhat is in force in a cell of the sandbox {sandbox!r}, as the kernel tells it there:")
        rows = Table.grid(padding=(0, 2))
        for name, fact in facts.items():
            rows.add_row(Text(f"  {name}"), Text(clean(fact, 400)))
        console.print(rows)
    else:
        console.print(f"\nNo sandbox was looked at: {clean(sandbox, 400)}")
    if works:
        console.print(f"\nReady: {PROGRAM} spawn 5")
    else:
        console.print('\nMend what is "broken" first.')
    return 0 if works else EXIT_USAGE


def _sandbox() -> tuple[str, dict[str, str]]:
    """The sandbox that a run would get, and what is in force in it; no facts and the reason when there is none."""
    from creator.isolation import inspect_sandbox
    from creator.settings import SpawnSettings

    try:
        return asyncio.run(inspect_sandbox(SpawnSettings.load({"count": 1})))
    except CreatorError as error:
        return _first_line(error), {}


def _checks(output: Path) -> Iterator[Check]:
    from creator.models.choose import KEYS
    from creator.settings import load_environ

    environ = load_environ()
    keys = [variable for variable, _ in KEYS.values() if environ.get(variable)]
    yield _python()
    yield _docker()
    yield _bubblewrap()
    yield _keys(keys, [variable for variable, _ in KEYS.values()])
    cached = _model_cached()
    yield _embedded(cached, needed=not keys)
    yield _price(environ)
    yield _disk("runs", output, _RUN_BYTES, "choose another folder with --output")
    if not cached:
        todo = "free some, or put the cache elsewhere with CREATOR_CACHE_DIR"
        check = _disk("cache", _cache_folder(), _MODEL_BYTES, todo)
        yield dataclasses.replace(check, state="missing") if keys and check.state == "broken" else check


def _clean_up(as_json: bool) -> int:
    """Remove leftovers, one line each."""
    from creator.isolation.engine import connect
    from creator.isolation.leftovers import find_leftovers
    from creator.settings import SpawnSettings
    from creator.text import clean

    try:
        client = connect()
    except CreatorError:
        client = None  # then there is nothing of Docker's to remove
    lines: list[dict[str, str]] = []
    try:
        for leftover in find_leftovers(client, SpawnSettings.load({"count": 1}).base_image):
            try:
                leftover.remove()
                problem = ""
            except Exception as error:  # each engine has its own: the others are removed all the same
                problem = _first_line(error)
            lines.append({"kind": leftover.kind, "name": leftover.name, "problem": problem})
    finally:
        if client is not None:
            client.close()
    if as_json:
        print_json(lines)
    else:
        for line in lines:
            outcome = f"not removed: {clean(line['problem'], 200)}" if line["problem"] else "removed"
            click.echo(f"{line['kind']} {clean(line['name'], 100)}: {outcome}")
        if not lines:
            click.echo("Nothing is left over.")
    return 1 if any(line["problem"] for line in lines) else 0


def _python() -> Check:
    version = platform.python_version()
    low, high = _PYTHON
    if low <= sys.version_info[:2] < high:
        return Check("Python", "ok", version)
    wanted = f"{low[0]}.{low[1]} to {high[0]}.{high[1] - 1}"
    return Check("Python", "broken", version, f"make the virtual environment with Python {wanted}")


def _docker() -> Check:
    """Asked in a thread of its own: an engine that hangs must not hang us."""
    answer: list[Check] = []

    def ask() -> None:
        from creator.isolation.engine import connect

        try:
            client = connect()
        except CreatorError as error:
            answer.append(Check("Docker", "missing", _first_line(error), "the strongest sandbox: install and start it"))
            return
        try:
            version = str(client.version().get("Version", "of unknown version"))
        except Exception as error:
            answer.append(Check("Docker", "missing", f"the engine fails: {_first_line(error)}", "restart it"))
            return
        finally:
            client.close()
        answer.append(Check("Docker", "ok", f"engine {version} answers"))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_DOCKER_SECONDS)
    if answer:
        return answer[0]
    return Check("Docker", "missing", f"the engine did not answer within {_DOCKER_SECONDS:g} s", "restart it")


def _bubblewrap() -> Check:
    from creator.isolation.bubblewrap import probe

    try:
        return Check("bubblewrap", "ok", asyncio.run(probe()))
    except CreatorError as error:
        return Check("bubblewrap", "missing", _first_line(error), "the second strongest sandbox, without a daemon")


def _keys(found: list[str], known: list[str]) -> Check:
    """Names only: a value never leaves the environment."""
    if found:
        return Check("key", "ok", f"{', '.join(found)} is set" if len(found) == 1 else f"{', '.join(found)} are set")
    todo = f"for better ideas set {' or '.join(known)}, in the environment or in .env"
    return Check("key", "missing", "none: the embedded model will be used", todo)


def _cache_folder() -> Path:
    from creator.models.embedded import cache_folder

    return cache_folder()


def _model_cached() -> bool:
    from creator.models.embedded_model import is_cached

    return is_cached(_cache_folder())


def _embedded(cached: bool, *, needed: bool) -> Check:
    import importlib.util

    from creator.models.embedded_model import MODEL_NAME

    if importlib.util.find_spec("xllamacpp") is None:
        todo = "install xllamacpp, or set a key, or name a model with --model"
        return Check("model", "broken" if needed else "missing", "the embedded model's engine is missing", todo)
    if cached:
        return Check("model", "ok", f"{MODEL_NAME} is in the cache")
    return Check("model", "missing", f"{MODEL_NAME} is not in the cache", "the first run fetches it: 93 MB, once")


def _price(environ: Mapping[str, str]) -> Check:
    """What the model costs that a run would get."""
    from creator.models.choose import choose_backend
    from creator.settings import SpawnSettings
    from creator.spending.run_prices import prices_for
    from creator.spending.words import dollars
    from creator.text import clean

    try:
        settings = SpawnSettings.load({"count": 1})
        model = choose_backend(settings.model, settings.base_url, environ, progress=lambda line: None).name
        price = prices_for(settings, environ)(model)
    except CreatorError as error:
        return Check("price", "missing", _first_line(error))
    if price is None:
        todo = "name it in a file, and that file with --prices: then runs say what they cost"
        return Check("price", "missing", f"of {clean(model, 100)} unknown", todo)
    if not price.prompt and not price.completion:
        return Check("price", "ok", f"{clean(model, 100)} costs nothing")
    rates = f"{dollars(price.prompt)} for a million tokens read, {dollars(price.completion)} written"
    looked = f", as of {price.as_of}" if price.as_of is not None else ""
    return Check("price", "ok", f"{clean(model, 100)}: {rates}{looked}")


def _disk(name: str, folder: Path, wanted: int, todo: str) -> Check:
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    what = f"disk for {name}"
    if not place.is_dir():
        return Check(what, "broken", f"{place} is not a folder", todo)
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as error:
        return Check(what, "broken", f"{place.absolute()} cannot be written: {error.strerror or error}", todo)
    found = f"{free / 1e9:.1f} GB free in {place.absolute()}"
    if free < wanted:
        return Check(what, "broken", f"{found}, {wanted / 1e6:.0f} MB are needed", todo)
    return Check(what, "ok", found)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
