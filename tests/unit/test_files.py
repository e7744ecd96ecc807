import os
from pathlib import Path

import pytest

from creator.files import digest, read_bounded, read_within


def test_a_file_is_read_to_the_byte(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.py").write_bytes(b"x = 1\r\n\xff")
    assert read_within(tmp_path, "in/a.py") == b"x = 1\r\n\xff"
    assert read_within(tmp_path, "in/a.py", limit=8) == b"x = 1\r\n\xff"


def test_what_is_larger_than_its_bound_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"12345")
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        read_within(tmp_path, "a.py", limit=4)


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder, outside = tmp_path / "run", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "key.py").write_text("KEY", encoding="utf-8")
    (folder / "key.py").symlink_to(outside / "key.py")
    (folder / "agents").symlink_to(outside, target_is_directory=True)
    for name in ("key.py", "agents/key.py"):
        with pytest.raises(ValueError, match="is a link"):
            read_within(folder, name)
    assert read_bounded(folder / "key.py") == b"KEY", "what a user names may be a link"
    with pytest.raises(OSError, match="symbolic links"):
        read_bounded(folder / "key.py", follow=False)


def test_a_pipe_is_not_waited_for_and_a_folder_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    for name in ("pipe.py", "folder.py"):
        with pytest.raises(ValueError, match="no regular file"):
            read_within(tmp_path, name)


def test_what_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_within(tmp_path, "agents/a.py")


def test_a_text_has_the_digest_of_its_file() -> None:
    assert digest("é\r\n") == digest("é\r\n".encode()) != digest("é\n")
