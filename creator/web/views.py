"""The runs that visitors look at, without reading the record of a finished one again for each page."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

from creator.ledger.view import RunView, load_run
from creator.outputs import RUN_FILE

_MOST: Final = 4
"""Runs that are kept; the record of a thousand ideas takes some ten megabytes."""

_Stamp = tuple[int, int, int]


class Views:
    """Reads runs; a finished one again only when its record was changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, tuple[_Stamp, RunView]] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, directory: Path) -> RunView:
        """A run as its files tell it now.

        Args:
            directory: The run's folder.

        Raises:
            EnvironmentFault: Its files are missing, damaged or of another program.
        """
        stamp = _stamp(directory)
        with self._lock:
            kept = self._kept.get(directory)
            if kept is not None and kept[0] == stamp:
                self._kept.move_to_end(directory)
                return kept[1]
        view = load_run(directory)
        if stamp is not None and view.state == "finished":
            with self._lock:
                self._kept[directory] = stamp, view
                self._kept.move_to_end(directory)
                while len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
        return view


def _stamp(directory: Path) -> _Stamp | None:
    """What tells a record from the one that replaces it: records are replaced whole, by another file."""
    try:
        found = (directory / RUN_FILE).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
