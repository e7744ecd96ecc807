"""What a sandbox's processes hold in memory, as the kernel tells root: see proc(5), smaps_rollup."""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.processes import ProcessFailed
from creator.isolation.base import CELL, SUPERVISOR, SandboxUnavailable
from creator.isolation.engine import connect
from creator.isolation.image import RUN_LABEL

ZYGOTE = "sandbox.zygote"


def memory_of(run_id: str, agents: int) -> dict[str, float | None]:
    """Memory of a run's sandbox in MB; blocking.

    Returns:
        ``cell_mb``: what a cell has to itself (its unique set size, the median over the cells); ``supervisor_mb`` and
        ``zygote_mb``: the same of these, where they are processes of their own; ``beside_mb``: all that the sandbox
        holds (each page that processes share counted once, in proportional shares) less what the cells have to
        themselves; ``cgroup_mb``: what the control groups of all its containers count, without what the kernel can
        drop at any time.

    Raises:
        ProcessFailed: There are not as many cells as agents.
    """
    containers = containers_of(run_id)
    cgroup = sum(map(_counted, containers)) if containers else None
    parents = _parents()
    # A container's first process is a child of the engine's shim, which is there for it alone.
    roots = [parents[container.attrs["State"]["Pid"]] for container in containers] or [os.getpid()]
    sizes: dict[str, list[float]] = defaultdict(list)
    total = 0.0
    for pid in _below(roots, parents) | {root for root in roots if root != os.getpid()}:
        unique, proportional = _sizes(pid)
        sizes[_role(pid, parents)].append(unique)
        total += proportional
    if len(sizes["cell"]) != agents:
        raise ProcessFailed(f"{agents} agents in {len(sizes['cell'])} cells")
    return {
        "cell_mb": statistics.median(sizes["cell"]),
        "supervisor_mb": sum(sizes["supervisor"]) or None,
        "zygote_mb": sum(sizes["zygote"]) or None,
        "beside_mb": total - sum(sizes["cell"]),
        "cgroup_mb": cgroup,
    }


def containers_of(run_id: str) -> list[Any]:
    """The run's containers; none where no engine answers."""
    try:
        client = connect()
    except SandboxUnavailable:
        return []
    filters = {"label": f"{RUN_LABEL}={run_id}"}
    return list(client.containers.list(all=True, filters=filters, ignore_removed=True))


def _counted(container: Any) -> float:
    memory = container.stats(stream=False, one_shot=True)["memory_stats"]
    # The first version of control groups counts with all groups below, the second has no other way.
    inactive = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
    return float(memory["usage"] - inactive) / 1e6


def _parents() -> dict[int, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            except OSError:
                continue  # it has ended meanwhile
            found[int(entry.name)] = int(fields[1])
    return found


def _below(roots: list[int], parents: dict[int, int]) -> set[int]:
    """All descendants."""
    found: set[int] = set()
    new = set(roots)
    while new:
        new = {pid for pid, parent in parents.items() if parent in new}
        found |= new
    return found


def _role(pid: int, parents: dict[int, int]) -> str:
    program = _program(pid)
    if program == CELL or (program == ZYGOTE and _program(parents[pid]) == ZYGOTE):
        return "cell"
    return {SUPERVISOR: "supervisor", ZYGOTE: "zygote"}.get(program, "other")


def _program(pid: int) -> str:
    """Which of our programs a process runs; empty when none, as bwrap, which has ours among its arguments."""
    words = Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").split("\0")
    return words[words.index("-m") + 1] if "python" in Path(words[0]).name and "-m" in words else ""


def _sizes(pid: int) -> tuple[float, float]:
    """Unique and proportional set size in MB; only root may ask this of a cell."""
    values: dict[str, float] = defaultdict(float)
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii", "replace")
    except PermissionError:
        raise ProcessFailed("root alone can tell what a cell holds in memory: run it as root") from None
    for line in text.splitlines()[1:]:
        name, _, value = line.partition(":")
        values[name] = int(value.split()[0]) * 1_024 / 1e6
    return values["Private_Clean"] + values["Private_Dirty"], values["Pss"]
