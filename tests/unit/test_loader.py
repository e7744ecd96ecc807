"""Modules are loaded only when they are the files that the Creator wrote."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.loader import MAX_MODULE_BYTES, LoadRefused, load_module

SOURCE = "VALUE = 7\n"
DIGEST = hashlib.sha256(SOURCE.encode()).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ada.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "ada.py").chmod(0o644)
    return tmp_path


def test_what_was_checked_is_loaded_under_a_private_name(folder: Path) -> None:
    module = load_module(folder, "ada", DIGEST)
    assert module.VALUE == 7
    assert module.__name__ == "generated_agents.ada"
    assert "ada" not in sys.modules
    assert str(folder) not in sys.path


def linked(path: Path) -> None:
    path.rename(path.with_name("other"))
    path.symlink_to("other")


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def anothers(path: Path) -> None:
    os.chown(path, 12_345, -1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Path.unlink, "cannot be opened"),
        (linked, "cannot be opened"),
        (piped, "no regular file"),
        (lambda path: os.link(path, path.with_name("other")), "no regular file of its own"),
        (lambda path: path.chmod(0o664), "others may write"),
        (lambda path: path.chmod(0o646), "others may write"),
        pytest.param(
            anothers,
            "another user's",
            marks=pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away"),
        ),
        (lambda path: path.write_text(SOURCE + "#"), "not the file that was checked"),
        (lambda path: path.write_bytes(b"#" * (MAX_MODULE_BYTES + 1)), "larger than"),
    ],
    ids=["missing", "link", "pipe", "hard link", "group", "world", "owner", "content", "size"],
)
def test_anything_else_is_refused(folder: Path, change: Callable[[Path], object], reason: str) -> None:
    change(folder / "ada.py")
    with pytest.raises(LoadRefused, match=reason):
        load_module(folder, "ada", DIGEST)


@pytest.mark.parametrize("name", ["", "../ada", "Ada", "ad\u0430", "ada\n", "a" * 65, "ada.py", "/etc/passwd"])
def test_a_name_that_no_agent_can_have_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(LoadRefused, match="no agent name"):
        load_module(folder, name, DIGEST)
