"""Processes that a program under test has started, however deep, told from later ones of the same id."""

from __future__ import annotations

from pathlib import Path

Mark = tuple[int, str]
"""A process's id, and when it was started."""


def descendants(pid: int) -> set[Mark]:
    """All living processes below one; any user may see them."""
    parents = _processes()
    found: set[Mark] = set()
    size = -1
    while size < len(found):
        size = len(found)
        above = {pid, *(identity for identity, _ in found)}
        found = {mark for mark, parent in parents.items() if parent in above}
    return found


def living(marks: set[Mark]) -> set[Mark]:
    """Those that have not ended."""
    return marks & _processes().keys()


def _processes() -> dict[Mark, int]:
    """The parents of all processes that have not ended."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, *fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue  # it has gone meanwhile
        if state not in "ZX":
            found[int(path.parent.name), fields[17]] = int(parent)
    return found
