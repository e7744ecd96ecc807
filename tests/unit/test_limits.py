"""What a cell may use of the machine."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys

import pytest

from sandbox.zygote import exit_reason

LIMITED = """
import resource
from sandbox.confinement import limits
limits.CPU_SECONDS = 1
limits.limit_resources(may_write={may_write})
{then}
"""


def limited(then: str, may_write: bool = False) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LIMITED.format(then=then, may_write=may_write)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("then", ["while True: pass", "import signal; signal.signal(24, 1)\nwhile True: pass"])
def test_processor_time_comes_to_an_end(then: str) -> None:
    ended = limited(then)
    assert -ended.returncode in (signal.SIGXCPU, signal.SIGKILL)
    if "signal.signal" not in then:
        assert exit_reason(ended.returncode) == "over its limit of 300 s of processor time"


@pytest.mark.parametrize(
    ("may_write", "size", "said"),
    [(False, 1, "File too large"), (True, 1 << 20, ""), (True, 17 << 20, "File too large")],
)
def test_a_file_grows_no_larger_than_allowed(may_write: bool, size: int, said: str) -> None:
    ended = limited(f"with open('file', 'wb') as f: f.write(b'x' * {size})", may_write)
    assert said in ended.stderr
    assert bool(ended.returncode) == bool(said)


@pytest.mark.parametrize(("filtered", "ended"), [(True, "PermissionError: the kernel does not take"), (False, "")])
def test_a_cell_whose_wall_is_the_filter_does_not_begin_without_it(filtered: bool, ended: str) -> None:
    code = f"""
import sys
from pathlib import Path
from sandbox import cell
cell.refuse_system_calls = lambda **_: False
cell.ignore_terminal = lambda: None
cell.confine_cell(cell.CellPlace(address="unix:/x/y", directory=Path("/"), filtered={filtered}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended in done.stderr
    assert bool(done.returncode) == filtered, done.stderr


def test_memory_comes_to_an_end() -> None:
    assert "MemoryError" in limited("bytearray(600 << 20)").stderr


def test_no_limit_can_be_raised_again_by_a_process_without_privileges() -> None:
    ended = limited(
        "import os; from sandbox.confinement import drop_all_capabilities; drop_all_capabilities()\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))"
    )
    assert "not allowed to raise" in ended.stderr


@pytest.mark.parametrize(
    ("status", "reason"),
    [(0, "exit code 0"), (7, "exit code 7"), (-9, "signal 9"), (-signal.SIGXCPU, "over its limit of 300 s")],
)
def test_an_end_is_told_by_its_status(status: int, reason: str) -> None:
    assert exit_reason(status).startswith(reason)


def test_a_lower_limit_that_is_there_already_stays() -> None:
    code = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n" + LIMITED.format(
        may_write=False, then="print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "(64, 64)"
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] != 64
