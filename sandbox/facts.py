"""What is in force in a cell, as the kernel tells it: ``python -m sandbox.facts``.

It takes the same steps as a cell, looks at itself, tries what must not go, and prints one JSON object of texts.
Nothing in it comes from our own settings.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sandbox.cell import CellPlace, confine_cell
from sandbox.channel import read_first_line
from sandbox.confinement import refuse_system_calls

_CGROUP: Final = Path("/sys/fs/cgroup")
_NO_LIMIT: Final = 1 << 60
"""The first version of control groups says "no limit" with a number above this."""

_LIMITS: Final = {
    "memory of a cell (data)": (resource.RLIMIT_DATA, 1 << 20, "MiB"),
    "processor time of a cell": (resource.RLIMIT_CPU, 1, "s"),
    "processes of a cell": (resource.RLIMIT_NPROC, 1, ""),
    "open files of a cell": (resource.RLIMIT_NOFILE, 1, ""),
    "size of a cell's files": (resource.RLIMIT_FSIZE, 1 << 20, "MiB"),
}

_ATTEMPTS: Final[dict[str, Callable[[], Any]]] = {
    "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "open a connection": lambda: socket.socket(socket.AF_INET),
    "reach another unix socket": lambda: socket.socket(socket.AF_UNIX),
    "signal its parent": lambda: os.kill(os.getppid(), 0),
    "read /etc/passwd": lambda: Path("/etc/passwd").read_bytes(),
}


def gather(place: CellPlace) -> dict[str, str]:
    """Confine this process as a cell, and give by name what is in force."""
    # What lies outside a cell's sight is looked at first.
    facts = {
        "network": ", ".join(sorted(name for _, name in socket.if_nameindex())) or "no interface",
        "memory of the sandbox": _amount(_control("memory.max", "memory/memory.limit_in_bytes"), 1 << 20, "MiB"),
        "processes of the sandbox": _amount(_control("pids.max", "pids/pids.max"), 1, ""),
        "processors of the sandbox": _processors(),
        "environment": ", ".join(sorted(os.environ)),
    }
    folders = _mounted_folders()
    with Path("/proc/self/status").open() as file:
        landlock = confine_cell(place)
        filtered = refuse_system_calls(sockets=False)
        status = {name: value.strip() for name, _, value in (line.partition(":") for line in file)}
    facts["user of a cell"] = str(os.getuid())
    facts["capabilities of a cell"] = "none" if int(status["CapEff"], 16) == 0 else status["CapEff"]
    facts["new privileges"] = "never" if status["NoNewPrivs"] == "1" else "possible"
    facts["system call filters"] = status.get("Seccomp_filters", "?") if filtered else "not ours"
    facts["Landlock"] = f"version {landlock}" if landlock else "not offered here"
    facts["folders that can be written to"] = (
        ", ".join(sorted(filter(_can_write, {*folders, str(Path.cwd())}))) or "none"
    )
    for name, (limit, unit, suffix) in _LIMITS.items():
        facts[name] = _amount(str(resource.getrlimit(limit)[0]), unit, suffix)
    for name, attempt in _ATTEMPTS.items():
        facts[name] = _outcome(attempt)
    return facts


def _mounted_folders() -> list[str]:
    lines = Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()
    return [path for path in (line.split()[1] for line in lines) if Path(path).is_dir()]


def _can_write(folder: str) -> bool:
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _control(second: str, first: str) -> str:
    """A limit of this process's control group, of the second version or the first; empty when it cannot be seen.

    In a container the group's folder is all that is mounted, elsewhere it lies somewhere beneath.
    """
    groups = {}
    for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
        _, controllers, group = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), group.strip("/")))
    controller, _, file = first.partition("/")
    nested = [_CGROUP / controller / groups.get(controller, "") / file, _CGROUP / groups.get("", "") / second]
    for path in (*nested, _CGROUP / first, _CGROUP / second):
        try:
            return path.read_text("ascii").strip()
        except OSError:
            continue
    return ""


def _processors() -> str:
    quota, _, period = _control("cpu.max", "cpu/cpu.cfs_quota_us").partition(" ")
    period = period or _control("cpu.max", "cpu/cpu.cfs_period_us")
    if not quota.isdigit() or not period.isdigit():
        return "no limit"
    return f"{int(quota) / int(period):g}"


def _amount(value: str, unit: int, suffix: str) -> str:
    if not value.isdigit() or int(value) > _NO_LIMIT:
        return "no limit"
    return f"{int(value) / unit:g} {suffix}".strip()


def _outcome(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except OSError as error:
        return f"refused ({error.strerror})"
    return "possible"


def main() -> None:
    """Read a `CellPlace` from standard input, and print the facts."""
    place = CellPlace.model_validate_json(read_first_line())
    out = os.dup(1)  # a cell's own standard output leads nowhere
    os.write(out, json.dumps(gather(place)).encode() + b"\n")


if __name__ == "__main__":
    main()
