"""What a backend does not give on this machine: told to the user by `spawn`, and held against it by its own tests.

Nothing is missing from Docker, whose walls the engine puts up. Bubblewrap and a plain process depend on what the kernel
offers and on what this user may do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from sandbox.confinement import landlock_abi
from sandbox.confinement.system_calls import this_architecture

FILES: Final = "the user's files are not hidden (the kernel has no Landlock, or an old one)"
HELPERS: Final = "bubblewrap's own process is not hidden from cells (the kernel has no Landlock, or an old one)"
CALLS: Final = "no system call is filtered (on this processor we have no filter)"
TOTAL: Final = "no limit on all cells together (a control group may not be made here)"
SOCKETS: Final = "other unix sockets can be reached (cells that are shared keep theirs open)"

LEAST_LANDLOCK: Final = 3
"""Before this version files outside can be truncated."""


@dataclass(frozen=True)
class Means:
    """What there is to build walls with.

    Attributes:
        landlock: The version of Landlock that the kernel offers; 0 for none.
        filters: Whether there is a filter of system calls for this processor.
        group: Whether a control group could be made.
        packed: Whether several agents share a cell.
    """

    landlock: int
    filters: bool
    group: bool
    packed: bool

    @classmethod
    def here(cls, *, group: bool, packed: bool) -> Self:
        """On this machine."""
        return cls(landlock_abi(), this_architecture() is not None, group, packed)


def missing(backend: str, means: Means) -> list[str]:
    """What ``bubblewrap`` or ``process`` does not give with these means, each in words for the user."""
    old = means.landlock < LEAST_LANDLOCK
    lacks = {
        FILES: backend == "process" and old,
        HELPERS: backend == "bubblewrap" and old,
        CALLS: not means.filters,
        TOTAL: not means.group,
        SOCKETS: backend == "process" and means.packed,
    }
    return [what for what, lacking in lacks.items() if lacking]
