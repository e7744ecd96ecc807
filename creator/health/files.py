"""Room on the disk, and the files of runs that can be made again."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from creator.errors import CreatorError
from creator.health.check import Check, Mend
from creator.ledger.view import load_run, run_names
from creator.outputs import LATEST, REPORT_FILE, RUN_FILE, latest_name, renew_latest, write_outputs
from creator.text import clean


def disk_check(name: str, folder: Path, wanted: int, todo: str) -> Check:
    """Whether a folder can be written, and how much room it has.

    Args:
        name: What is kept there.
        folder: The folder, or where it will be made.
        wanted: Bytes that are needed.
        todo: What to do when it does not fit.
    """
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


def runs_check(output: Path) -> Check:
    """Whether each run that has ended has its report, and ``latest`` names a run.

    Args:
        output: The folder of all runs.
    """
    try:
        names = run_names(output)
    except CreatorError as error:
        return Check("runs", "missing", str(error))
    bare = [name for name in names if _lacks_report(output / name)]
    lost = bool(latest_name(output)) and latest_name(output) not in names
    if not bare and not lost:
        return Check("runs", "ok", f"{len(names):,} in {output}")

    def mend(say: Callable[[str], None]) -> None:
        if lost:
            renew_latest(output, names)
        for name in bare:
            write_outputs(load_run(output / name).outcome)

    what = [f"{clean(name, 40)} lacks its report" for name in bare]
    what += [f"{output / LATEST} names a run that is gone"] if lost else []
    question = f"Write {'it' if lost + len(bare) == 1 else 'them'} again?"
    return Check("runs", "missing", "; ".join(what), "", Mend(f"{what[0][0].upper()}{what[0][1:]}. {question}", mend))


def _lacks_report(directory: Path) -> bool:
    """Whether a run has ended, can be read, and has no report."""
    if (directory / REPORT_FILE).is_file() or not (directory / RUN_FILE).is_file():
        return False
    try:
        return load_run(directory).state == "finished"
    except CreatorError:
        return False
