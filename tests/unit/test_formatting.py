"""A module is laid out as the house's own; whatever hinders that leaves it as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import ruff

from creator.authors.formatting import format_module
from creator.policy import MAX_SOURCE_BYTES
from creator.templates.literals import LINE_LENGTH


def in_folder(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_module_is_laid_out() -> None:
    source = "X = {'a':1,\n 'b' : [ 1,2 ]}\nTEXT = f('" + "a" * 50 + "', '" + "b" * 50 + "')\n"
    formatted = await format_module(source)
    assert 'X = {"a": 1, "b": [1, 2]}\n' in formatted
    assert max(map(len, formatted.splitlines())) <= LINE_LENGTH
    assert await format_module(formatted) == formatted


@pytest.mark.parametrize(
    "source",
    ["x = = 1\n", "x =  '\ud800'\n", "x =  1\n" * MAX_SOURCE_BYTES, "\x00", "x = " + "(" * 100_000, ""],
    ids=["no Python", "half a character", "too large", "null byte", "nested", "empty"],
)
async def test_what_cannot_be_laid_out_stays_as_it_is(source: str) -> None:
    assert await format_module(source) == source


async def test_settings_of_the_folder_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text("line-length = 20\n[format]\nquote-style = 'single'\n")
    assert await format_module("x = f('aaaaaaaaaa',  'bbbbbbbbbbbb')\n") == 'x = f("aaaaaaaaaa", "bbbbbbbbbbbb")\n'
    assert in_folder(tmp_path) == ["ruff.toml"]


@pytest.mark.parametrize("program", ["#!/bin/sh\ncat\nexit 2\n", "#!/bin/sh\necho half\nkill -9 $$\n", None])
async def test_without_a_working_ruff_a_module_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None
) -> None:
    binary = tmp_path / "ruff"
    if program is not None:
        binary.write_text(program)
        binary.chmod(0o755)
    monkeypatch.setattr(ruff, "find_ruff_bin", lambda: str(binary))
    assert await format_module("x =  1\n") == "x =  1\n"


async def test_a_ruff_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = tmp_path / "ruff"
    binary.write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    binary.chmod(0o755)
    monkeypatch.setattr(ruff, "find_ruff_bin", lambda: str(binary))
    monkeypatch.setattr("creator.authors.formatting.FORMAT_SECONDS", 0.2)
    assert await format_module("x =  1\n") == "x =  1\n"
