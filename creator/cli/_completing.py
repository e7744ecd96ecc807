"""What a shell offers when Tab is pressed: names of what there is, from the names of files alone.

A file in a folder of runs may have any name; only names of the right form are offered, which no shell takes for
anything else than a word. Nothing here fails, asks anybody or imports anything heavy: a person waits for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

# The forms are those of `creator.outputs` and `sandbox.protocol`, which would take a second to import.
RUN_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}", re.ASCII)
AGENT_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_IDEA: Final = re.compile(r"0*([1-9]\d{0,8})-[a-z0-9-]{1,100}\.md", re.ASCII)
_LATEST: Final = "latest"
_TEMPLATES: Final = Path(__file__).resolve().parents[2] / "templates"
_TEMPLATE: Final = ".py.j2"
_MAX_TOML_BYTES: Final = 64_000
_MOST: Final = 2_000
"""Names that are looked at."""

_MODELS: Final = ("embedded", "openai:", "anthropic:", "ollama:")


def words(*offered: str) -> Completer:
    """Offers these words, in this order."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _fitting(offered, incomplete)

    return complete


models: Final = words(*_MODELS)
sandboxes: Final = words("auto", "docker", "bubblewrap", "process")


def files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leaves it to the shell to offer files."""
    return [CompletionItem(incomplete, type="file")]


def folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leaves it to the shell to offer folders."""
    return [CompletionItem(incomplete, type="dir")]


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offers the ids of runs, newest first, and ``latest``."""
    ids = sorted(filter(RUN_ID.fullmatch, _names(_output(ctx))), reverse=True)
    return _fitting([*ids, _LATEST] if ids else [], incomplete)


def agents(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offers the names of a run's agents: of the one that ``--run`` names, else of the latest."""
    return _fitting(_modules(_in_run(ctx, "agents")), incomplete)


def kept_agents(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offers the names of the agents of the library."""
    return _fitting(_modules(_names(_library(ctx))), incomplete)


def ideas(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offers the numbers of a run's ideas."""
    found = (_IDEA.fullmatch(name) for name in _in_run(ctx, "ideas"))
    return _fitting([str(number) for number in sorted(int(one[1]) for one in found if one)], incomplete)


def templates(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offers the names of the shipped templates, and of those in the folders that ``--templates`` names."""
    given = ctx.params.get("templates") or ()
    places = [_TEMPLATES, *(Path(str(folder)).expanduser() for folder in given)]
    stems = {name.removesuffix(_TEMPLATE) for place in places for name in _names(place) if name.endswith(_TEMPLATE)}
    return _fitting(sorted(filter(AGENT_NAME.fullmatch, stems)), incomplete)


def _fitting(offered: Sequence[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(one) for one in offered if one.startswith(incomplete)]


def _modules(names: Sequence[str]) -> list[str]:
    stems = (name.removesuffix(".py") for name in names if name.endswith(".py"))
    return sorted(filter(AGENT_NAME.fullmatch, stems))


def _names(folder: Path) -> list[str]:
    """The names of what lies in a folder; none when it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry, _ in zip(entries, range(_MOST), strict=False)]
    except (OSError, ValueError):
        return []


def _in_run(ctx: click.Context, folder: str) -> list[str]:
    """The names in a folder of the run that the command is about."""
    output, wanted = _output(ctx), str(ctx.params.get("run") or _LATEST)
    ids = sorted(filter(RUN_ID.fullmatch, _names(output)))
    if wanted == _LATEST:
        try:
            wanted = (output / _LATEST).readlink().name
        except OSError:
            wanted = ids[-1] if ids else ""
    found = next((one for one in ids if wanted and one.startswith(wanted)), None)
    return _names(output / found / folder) if found is not None else []


def _output(ctx: click.Context) -> Path:
    """The folder of all runs, as the options, the environment or ``creator.toml`` name it."""
    return _folder(ctx, "output") or Path("generated")


def _library(ctx: click.Context) -> Path:
    """The folder of kept agents."""
    if (folder := _folder(ctx, "library")) is not None:
        return folder
    import platformdirs

    return platformdirs.user_data_path("agent-creator-sandbox") / "agents"


def _folder(ctx: click.Context, name: str) -> Path | None:
    named = ctx.params.get(name) or os.environ.get(f"CREATOR_{name.upper()}") or _in_toml(name)
    return Path(named).expanduser() if isinstance(named, str) and "\0" not in named else None


def _in_toml(name: str) -> object:
    import tomllib  # here: every command imports this module

    try:
        with Path("creator.toml").open("rb") as file:
            return tomllib.loads(file.read(_MAX_TOML_BYTES).decode()).get(name)
    except (OSError, ValueError):
        return None
