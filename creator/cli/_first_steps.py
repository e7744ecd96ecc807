"""What the command line says when it is called alone: what to do first, or next.

It looks at what costs no time: a few names of files, and variables. Nothing that is slow to import is imported.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from creator.cli._shared import PROGRAM
from creator.models.providers import KEYS
from creator.text import clean

_DOCKER_HOST: Final = "unix:///var/run/docker.sock"
_DOCKER_SECONDS: Final = 0.05

_TITLE: Final = "Agents that write agents, and brainstorm in a sandbox."
_READ: Final = {
    "ideas": "read what they came up with",
    "ideas show N": "one idea, with all that was said",
    "agents": "see who they are",
    "agents ask NAME TEXT": "ask one of them a question",
    "serve": "all of it in a browser",
}
_GO_ON: Final = {
    "runs show": "how far it has come",
    "runs resume": "go on with it, if it was stopped",
}
_MORE: Final = {
    "runs": "all runs",
    "spawn 5": "spawn five more agents",
}
_BEGIN: Final = {"spawn 5": "spawn five agents; needs no key"}
_INIT: Final = {"init": "write a creator.toml to begin with"}
_ALWAYS: Final = {
    "doctor": "what works here; mends what it can",
    "--help": "all commands",
}


@dataclass(frozen=True)
class _Seen:
    """What can be told at once of the settings.

    Attributes:
        environ: The environment over `.env`.
        file: What `creator.toml` says; None when there is none.
    """

    environ: Mapping[str, str | None]
    file: Mapping[str, Any] | None

    def setting(self, name: str) -> str:
        """A setting's value; empty when it is not set. What is wrong is left to the commands that need it."""
        value = self.environ.get(f"CREATOR_{name.upper()}") or (self.file or {}).get(name)
        return clean(value, 50) if isinstance(value, str) else ""


def first_steps() -> str:
    """The page, at most 80 columns wide and 24 lines long."""
    seen = _look()
    output = Path(seen.setting("output") or "generated")
    runs = _runs(output)
    lines = [_TITLE, ""]
    steps = _BEGIN if seen.file is not None else _BEGIN | _INIT
    if runs:
        count = "1 run" if len(runs) == 1 else f"{len(runs):,} runs"
        lines += [f"{count} in {clean(str(output), 30)}, the latest: {clean(runs[-1], 30)}", ""]
        steps = (_READ if (output / runs[-1] / "report.html").is_file() else _GO_ON) | _MORE
    lines += [f"  {PROGRAM} {command:<22}{about}" for command, about in (steps | _ALWAYS).items()]
    return "\n".join([*lines, "", f"The next run's model: {_model(seen)}", f"Its sandbox: {_sandbox(seen)}", ""])


def _look() -> _Seen:
    environ: dict[str, str | None] = dict(os.environ)
    if Path(".env").is_file():
        from dotenv import dotenv_values

        with contextlib.suppress(OSError, UnicodeDecodeError):
            environ = {**dotenv_values(".env", encoding="utf-8", interpolate=False), **environ}
    path = Path("creator.toml")
    if not path.is_file():
        return _Seen(environ, None)
    import tomllib

    with contextlib.suppress(OSError, ValueError):
        return _Seen(environ, tomllib.loads(path.read_text(encoding="utf-8")))
    return _Seen(environ, {})


def _runs(output: Path) -> list[str]:
    """The folders that hold a run, oldest first."""
    with contextlib.suppress(OSError):
        return sorted(path.parent.name for path in output.glob("[0-9]*-*-*/run.json"))
    return []


def _model(seen: _Seen) -> str:
    if seen.setting("model"):
        return seen.setting("model")
    for provider, (variable, name) in KEYS.items():
        if seen.environ.get(variable):
            return f"{provider}:{name}, as {variable} is set"
    return "the embedded one (offline and free, its ideas are rough)"


def _sandbox(seen: _Seen) -> str:
    wanted = seen.setting("sandbox")
    if wanted not in {"", "auto"}:
        return wanted
    return "docker" if _docker_listens() else "the strongest that works here; doctor tells which"


def _docker_listens() -> bool:
    """Whether somebody listens where the engine does, and this user may reach it."""
    import socket

    host = os.environ.get("DOCKER_HOST") or _DOCKER_HOST
    if not host.startswith("unix://"):
        return False
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_DOCKER_SECONDS)
        probe.connect(host.removeprefix("unix://"))
        return True
    return False
