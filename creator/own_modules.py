"""Modules of ours that run as processes of their own, whatever lies in the working directory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import creator


def own_module(name: str, *arguments: str) -> list[str]:
    """A module of ours as a command; ``-P``, because the user's folder may hold a ``creator`` of its own."""
    return [sys.executable, "-P", "-m", name, *arguments]


def own_environment() -> dict[str, str]:
    """Our environment, in which this package is found from any working directory."""
    paths = [str(Path(creator.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
