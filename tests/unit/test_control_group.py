"""Control groups for backends without an engine: both versions, on a made-up file system and on the real one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from creator.isolation.control_group import PREFIX, ROOT, dead_control_groups, make_control_group
from creator.isolation.marks import is_alive, process_mark

FIRST = "4:memory:/user/1000\n3:pids:/\n1:cpu,cpuacct:/user\n"
SECOND = "0::/user.slice/app.scope\n"


def hierarchy(root: Path, *folders: str, controllers: str = "") -> Path:
    for folder in folders:
        (root / folder).mkdir(parents=True)
    if controllers:
        (root / folders[0] / "cgroup.subtree_control").write_text(controllers)
    return root


def made(root: Path) -> list[Path]:
    return sorted(root.rglob(f"{PREFIX}*"))


def test_the_second_version_gets_one_group_beside_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = hierarchy(tmp_path, "user.slice", controllers="cpu memory pids")
    monkeypatch.setattr(os, "access", lambda path, mode: True)  # the kernel makes cgroup.procs, a test cannot
    group = make_control_group(1_000, 20, root, SECOND)
    assert group is not None
    (folder,) = made(root)
    assert folder.parent == root / "user.slice"
    assert (folder / "memory.max").read_text() == "1000"
    assert (folder / "memory.swap.max").read_text() == "0"
    assert (folder / "pids.max").read_text() == "20"
    assert group.binds() == [(str(folder), str(ROOT))]


@pytest.mark.parametrize(
    ("membership", "controllers"),
    [
        (SECOND, "cpu"),  # not handed down
        (SECOND, ""),
        ("", "memory pids"),
        ("4:memory:/\n", ""),  # no pids beside it
        (FIRST, ""),  # not mounted
    ],
)
def test_where_it_is_not_allowed_there_is_none_and_nothing_is_left(
    tmp_path: Path, membership: str, controllers: str
) -> None:
    root = hierarchy(tmp_path, "user.slice", controllers=controllers)
    assert make_control_group(1_000, 20, root, membership) is None
    assert made(root) == []


@pytest.mark.skipif(os.getuid() != 0, reason="root may always make one")
def test_what_joins_the_group_is_bounded_by_the_kernel() -> None:
    group = make_control_group(64 << 20, 20)
    assert group is not None
    try:
        hoard = "x = bytearray(200 << 20); print(len(x))"
        hoarded = subprocess.run(group.joining([sys.executable, "-c", hoard]), capture_output=True, check=False)
        assert hoarded.returncode == -9
        threads = "import threading, time\nfor _ in range(40): threading.Thread(target=time.sleep, args=(9,)).start()"
        threaded = subprocess.run(
            group.joining([sys.executable, "-c", threads]), capture_output=True, text=True, check=False, timeout=60
        )
        assert "can't start new thread" in threaded.stderr
    finally:
        group.remove()
    assert not any(Path(folder).exists() for folder, _ in group.binds())


@pytest.mark.skipif(os.getuid() != 0, reason="root may always make one")
def test_a_dead_process_leaves_its_group_to_be_cleaned_up() -> None:
    make = "from creator.isolation.control_group import make_control_group as m; print(m(1 << 30, 9).binds()[0][0])"
    folder = Path(
        subprocess.run([sys.executable, "-c", make], capture_output=True, text=True, check=True).stdout.strip()
    )
    living = make_control_group(1 << 30, 9)
    assert living is not None
    try:
        found = dead_control_groups()
        assert folder in found
        assert not {Path(path) for path, _ in living.binds()} & set(found)
    finally:
        living.remove()
        for path in dead_control_groups():
            path.rmdir()


def test_a_mark_tells_a_process_from_a_later_one_of_the_same_id() -> None:
    assert is_alive(process_mark())
    assert is_alive(f"{process_mark()}-and-more")
    assert not is_alive(f"{os.getpid()}-1")
    assert not is_alive("999999999-1")
    assert not is_alive("")
