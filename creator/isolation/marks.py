"""Marks on what a process of ours made, so that it can be told later whether that process still lives."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_MARK: Final = re.compile(r"(\d+)-(\d+)(?:-|$)", re.ASCII)


def process_mark() -> str:
    """This process's id and its start, which tell it from a later process of the same id."""
    return f"{os.getpid()}-{_started(os.getpid())}"


def is_alive(mark: str) -> bool:
    """Whether the process of a mark lives. The mark may begin a longer name; what has none belongs to the dead."""
    found = _MARK.match(mark)
    return found is not None and _started(int(found[1])) == found[2]


def _started(identity: int) -> str:
    """When a process was started, in clock ticks since the machine was (see proc(5)); empty when there is none."""
    try:
        fields = Path(f"/proc/{identity}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[19]
