"""A run belongs to one process at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from creator.errors import EnvironmentFault, UsageError
from creator.locks import LOCK_FILE, RunLock


def test_nobody_else_gets_a_run_that_is_going_on(tmp_path: Path) -> None:
    with RunLock(tmp_path), pytest.raises(UsageError, match="is going on in another process"):
        RunLock(tmp_path).__enter__()


def test_its_end_frees_a_run(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        pass
    with RunLock(tmp_path):
        pass


def test_a_process_that_was_killed_frees_its_run(tmp_path: Path) -> None:
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        with RunLock(tmp_path):
            os.write(told, b"x")
            os.read(os.pipe()[0], 1)  # until it is killed
    os.read(ready, 1)
    with pytest.raises(UsageError):
        RunLock(tmp_path).__enter__()
    os.kill(child, 9)
    os.waitpid(child, 0)
    with RunLock(tmp_path):
        pass


def test_a_lock_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EnvironmentFault, match="Cannot open"):
        RunLock(tmp_path).__enter__()
    assert not (tmp_path / "elsewhere").exists()
