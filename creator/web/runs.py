"""All runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from creator.errors import CreatorError
from creator.ledger.store import FILE_NAME
from creator.ledger.summary import RunSummary, is_beginning, load_summary
from creator.ledger.view import run_names
from creator.outputs import RUN_FILE
from creator.web.html import render
from creator.web.site import site_of
from creator.web.standing import state_in_words

_MOST: Final = 500
_KEPT: Final = 2_000
"""Runs whose numbers are remembered."""
_REFRESH: Final = 2
"""Seconds between two looks of a browser."""


class Listed(NamedTuple):
    """A run of the list; instead of one that cannot be read, why."""

    name: str
    summary: RunSummary | None
    problem: str
    state: str


class _Known:
    """Remembers the numbers of runs until their files change."""

    def __init__(self) -> None:
        self._found: dict[Path, tuple[Sequence[object], Listed]] = {}
        self._lock = threading.Lock()

    def listed(self, directory: Path) -> Listed:
        """A run of the list."""
        mark = _mark(directory)
        with self._lock:
            before = self._found.get(directory)
        # The end of a process leaves no mark on a file.
        if before is not None and before[0] == mark and (one := before[1].summary) and one.state != "running":
            return before[1]
        if is_beginning(directory):
            return Listed(directory.name, None, "", "going on")
        try:
            summary = load_summary(directory)
            found = Listed(directory.name, summary, "", state_in_words(summary))
        except (CreatorError, OSError) as error:
            return Listed(directory.name, None, str(error), "unreadable")
        with self._lock:
            if len(self._found) >= _KEPT:
                self._found.clear()
            self._found[directory] = (mark, found)
        return found


def _mark(directory: Path) -> Sequence[object]:
    marks: list[object] = []
    for name in (RUN_FILE, FILE_NAME):
        try:
            status = (directory / name).stat()
            marks.append((status.st_mtime_ns, status.st_size, status.st_ino))
        except OSError:
            marks.append(None)
    return marks


_known = _Known()


def show(request: Request) -> Response:
    """The runs, newest first."""
    output = site_of(request).output
    names = run_names(output)[::-1]
    runs = [_known.listed(output / name) for name in names[:_MOST]]
    return render(request, "runs.html.j2", runs=runs, more=max(0, len(names) - _MOST), refresh=_REFRESH)


ROUTES = [Route("/", show, name="runs")]
