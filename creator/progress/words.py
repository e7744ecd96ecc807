"""A run's activities and what agents write to each other, as a newcomer understands them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from creator.progress import Stage
from creator.progress.counts import Activity

HEADLINES: Final[Mapping[Activity, tuple[str, str]]] = {
    "starting": ("Starting", "the model and the sandbox are being opened"),
    "writing": ("Writing agents", "a model thinks up who each of them is"),
    "life": ("Bringing agents to life", "each in a cell of the sandbox"),
    "conversations": ("Conversations", "agents think up ideas and ask each other for help"),
    "judging": ("Judging", "a model compares the ideas two by two"),
    "reporting": ("Writing the report", "ideas, agents and costs on one page"),
}
"""What goes on, and what that means."""

STEPS: Final[Mapping[Activity, str]] = {
    "writing": "writing",
    "life": "bringing to life",
    "conversations": "conversations",
    "judging": "judging",
    "reporting": "report",
}
"""The same in short, side by side."""

STAGES: Final[Mapping[Stage, str]] = {
    "starting": "starting: the model and the sandbox are being opened",
    "spawning": "spawning: agents are written, brought to life, and think up ideas together",
    "judging": "judging: a model compares the ideas two by two",
    "reporting": "writing the report",
}
"""A stage as a line of its own."""
