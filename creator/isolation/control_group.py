"""A control group for backends without an engine: the kernel's limit on the memory and processes of all cells together.

It is made beside the group that this process is in, which the first version of control groups allows to root, and the
second to whoever the parent group was handed to (systemd does that for a user's services). Where it is not allowed the
sandbox goes without, and says so.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from creator.isolation.marks import is_alive, process_mark

ROOT: Final = Path("/sys/fs/cgroup")
PREFIX: Final = "creator-cells-"
"""Of a group's name; the mark of the process that it belongs to is the rest."""

_REMOVE_SECONDS: Final = 1.0
_numbers = itertools.count()

# Joins the groups named before "--", then becomes the rest: whatever that starts is in them from the beginning.
_JOIN: Final = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"'


class ControlGroup:
    """A group of its own for one sandbox.

    Args:
        folders: Its folders, one for each hierarchy, by what a sandbox would see them as beneath ``/sys/fs/cgroup``.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders

    def joining(self, command: list[str]) -> list[str]:
        """The command, run inside the group."""
        return ["/bin/sh", "-c", _JOIN, "sh", *map(str, self._folders.values()), "--", *command]

    def binds(self) -> list[tuple[str, str]]:
        """Its folders and where a sandbox may see them, so that it can tell its own limits."""
        return [(str(folder), str(ROOT / name)) for name, folder in self._folders.items()]

    def remove(self) -> None:
        """Remove it; its processes have been killed, but may take a moment to be gone."""
        end = time.monotonic() + _REMOVE_SECONDS
        for folder in self._folders.values():
            while folder.exists() and time.monotonic() < end:
                with contextlib.suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.01)


def make_control_group(memory: int, pids: int, root: Path = ROOT, membership: str | None = None) -> ControlGroup | None:
    """Make a group with limits, or None where this is not allowed.

    Args:
        memory: Bytes of memory, without any swap beside it where the kernel counts that.
        pids: Processes and threads.
        root: Where control groups are mounted.
        membership: What groups this process is in, as ``/proc/self/cgroup`` gives it; by default that file.
    """
    groups = _groups(membership)
    name = f"{PREFIX}{process_mark()}-{next(_numbers)}"
    made: dict[str, Path] = {}
    try:
        if "memory" in groups and "pids" in groups:
            for controller in ("memory", "pids"):
                made[controller] = _beside(root / controller, groups[controller]) / name
                made[controller].mkdir()
            (made["memory"] / "memory.limit_in_bytes").write_text(str(memory))
            with contextlib.suppress(FileNotFoundError):  # the kernel may not count swap
                (made["memory"] / "memory.memsw.limit_in_bytes").write_text(str(memory))
            (made["pids"] / "pids.max").write_text(str(pids))
        elif "" in groups:
            parent = _beside(root, groups[""])
            if not {"memory", "pids"} <= set((parent / "cgroup.subtree_control").read_text().split()):
                return None
            made[""] = parent / name
            made[""].mkdir()
            (made[""] / "memory.max").write_text(str(memory))
            with contextlib.suppress(FileNotFoundError):
                (made[""] / "memory.swap.max").write_text("0")
            (made[""] / "pids.max").write_text(str(pids))
        else:
            return None
        for folder in made.values():
            if not os.access(folder / "cgroup.procs", os.W_OK):
                raise PermissionError
    except OSError:
        ControlGroup(made).remove()
        return None
    return ControlGroup(made)


def dead_control_groups() -> list[Path]:
    """Folders of groups whose process is gone."""
    groups = _groups(None)
    parents = [_beside(ROOT / name, groups[name]) for name in ("memory", "pids") if name in groups]
    if "" in groups:
        parents.append(_beside(ROOT, groups[""]))
    found = {folder for parent in parents for folder in parent.glob(f"{PREFIX}*")}
    return sorted(folder for folder in found if not is_alive(folder.name.removeprefix(PREFIX)))


def _groups(membership: str | None) -> dict[str, str]:
    """The group of this process for each controller; that of the second version is named by nothing."""
    try:
        lines = (Path("/proc/self/cgroup").read_text("utf-8") if membership is None else membership).splitlines()
    except OSError:
        return {}
    parts = (line.split(":", 2) for line in lines)
    return {controller: path for _, names, path in parts for controller in names.split(",")}


def _beside(mount: Path, group: str) -> Path:
    """Where siblings of a group go: its parent, or the root of the hierarchy for a group that is the root."""
    return mount / group.strip("/").rpartition("/")[0]
