"""The cache of answers on disk: what it gives back, what it refuses, and how large it gets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creator.models.backend import Completion, Usage
from creator.models.cache import MAX_ANSWER_BYTES, Answer, AnswerCache

ADDRESS = "http://127.0.0.1:1/v1"
OTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from creator.models.backend import Completion, Usage
from creator.models.cache import AnswerCache

async def main():
    cache = AnswerCache(Path(sys.argv[1]), print)
    found = await cache.get("", "theirs")
    cache.put("", "ours", Completion("from the other process", Usage(1, 2)))
    await cache.close()
    print(found.text)

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "answers.sqlite"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def size(path: Path) -> int:
    return path.stat().st_size


def open_to_all(path: Path) -> None:
    path.chmod(0o666)


@pytest.fixture
def said() -> list[str]:
    return []


@asynccontextmanager
async def opened(path: Path, said: list[str], **options: Any) -> AsyncIterator[AnswerCache]:
    cache = AnswerCache(path, said.append, **options)
    yield cache
    await cache.close()


def answer(text: str = "yes", **changes: Any) -> Completion:
    return Completion(**{"text": text, "usage": Usage(3, 4), "truncated": False, **changes})


async def stored(path: Path, **answers: Completion) -> None:
    async with opened(path, []) as cache:
        for key, completion in answers.items():
            cache.put(ADDRESS, key, completion)


async def read(path: Path, said: list[str], *keys: str, address: str = ADDRESS) -> list[str | None]:
    async with opened(path, said) as cache:
        found = [await cache.get(address, key) for key in keys]
    return [one.text if one is not None else None for one in found]


@settings(max_examples=20)
@given(text=st.text(st.characters(), max_size=50), truncated=st.booleans(), tokens=st.integers(0, 10**9))
async def test_an_answer_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, text: str, truncated: bool, tokens: int
) -> None:
    path = tmp_path_factory.mktemp("cache") / "answers.sqlite"
    given_answer = answer(text, truncated=truncated, usage=Usage(tokens, 0))
    await stored(path, key=given_answer)
    async with opened(path, []) as cache:
        assert await cache.get(ADDRESS, "key") == given_answer


async def test_half_a_surrogate_pair_comes_back_as_it_was(path: Path, said: list[str]) -> None:
    await stored(path, key=answer("\ud83d"))
    assert await read(path, said, "key") == ["\ud83d"] and said == []


async def test_another_question_or_another_server_is_not_answered(path: Path, said: list[str]) -> None:
    await stored(path, key=answer())
    assert await read(path, said, "key", "other") == ["yes", None]
    assert await read(path, said, "key", address="http://127.0.0.1:2/v1") == [None]


async def test_only_its_owner_may_read_it(path: Path) -> None:
    async with opened(path, []) as cache:
        cache.put(ADDRESS, "key", answer())
        assert await cache.get(ADDRESS, "key") is not None
        files = list(path.parent.iterdir())
        assert len(files) == 3, "the write-ahead log and its index stand beside it"
        assert {mode(one) & 0o077 for one in [path.parent, *files]} == {0}
    open_to_all(path)
    await read(path, [], "key")
    assert mode(path) == 0o600


async def test_processes_share_it_while_both_have_it_open(path: Path, said: list[str]) -> None:
    async with opened(path, said) as cache:
        cache.put("", "theirs", answer("from this process"))
        assert await cache.get("", "theirs") is not None
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OTHER_PROCESS, str(path), stdout=asyncio.subprocess.PIPE
        )
        told, _ = await other.communicate()
        found = await cache.get("", "ours")
    assert (told, other.returncode, said) == (b"from this process\n", 0, [])
    assert found == Completion("from the other process", Usage(1, 2))


async def test_while_another_process_writes_for_long_answers_are_read_and_new_ones_not_kept(
    path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("creator.models.cache._BUSY_SECONDS", 0.01)
    await stored(path, key=answer())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with opened(path, said) as cache:
            cache.put(ADDRESS, "new", answer())
            assert await cache.get(ADDRESS, "key") == answer()
            assert await cache.get(ADDRESS, "new") is None
            other.execute("ROLLBACK")
            cache.put(ADDRESS, "newer", answer())
            assert await cache.get(ADDRESS, "newer") == answer()
    assert said == []


async def test_it_stays_within_its_bound_and_keeps_what_is_used(path: Path, said: list[str]) -> None:
    clock = iter(range(0, 10**9, 10_000))
    limit, text = 300_000, "x" * 10_000
    async with opened(path, said, limit=limit, now=lambda: float(next(clock))) as cache:
        for number in range(200):
            cache.put(ADDRESS, f"key {number}", answer(f"{number} {text}"))
            assert await cache.get(ADDRESS, "key 0") is not None, f"it was used just before {number} came"
        kept = [number for number in range(200) if await cache.get(ADDRESS, f"key {number}") is not None]
    assert said == []
    assert kept[0] == 0 and kept[1:] == list(range(kept[1], 200)), "of the others the newest stay"
    assert 10 < len(kept) < 30
    assert size(path) < limit + 3 * len(text)


@pytest.mark.parametrize(
    "unfit",
    [
        answer("x" * (MAX_ANSWER_BYTES + 1)),
        answer(usage=Usage(-1, 0)),
        answer(usage=Usage(0, 10**12)),
    ],
)
async def test_what_would_not_be_taken_back_is_not_kept(path: Path, said: list[str], unfit: Completion) -> None:
    await stored(path, key=unfit)
    assert await read(path, said, "key") == [None] and said == []


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is no database " * 1_000)


def cut_off(path: Path) -> None:
    os.truncate(path, 5_000)


def scribble(path: Path) -> None:
    """Everything behind the first page, which holds the schema."""
    data = path.read_bytes()
    path.write_bytes(data[:4_096] + b"\xff" * (len(data) - 4_096))


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def sql(*statements: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()

    return damage


DAMAGES = {
    "overwritten": overwrite,
    "cut off": cut_off,
    "scribbled over": scribble,
    "a folder": become_a_folder,
    "of another version": sql("PRAGMA user_version = 99"),
    "without its table": sql("DROP TABLE answers"),
    "with a text that is no text": sql("UPDATE answers SET text = x'ff'"),
    "with a text that is a number": sql("UPDATE answers SET text = 7"),
    "with a text that is too long": sql(f"UPDATE answers SET text = zeroblob({MAX_ANSWER_BYTES + 1})"),
    "with a text that is far too long": sql(f"UPDATE answers SET text = zeroblob({100 * MAX_ANSWER_BYTES})"),
    "with tokens below zero": sql("UPDATE answers SET prompt_tokens = -1"),
    "with tokens that are words": sql("UPDATE answers SET completion_tokens = 'many'"),
    "with endlessly many tokens": sql("UPDATE answers SET prompt_tokens = 9000000000000000000"),
    "neither cut off nor whole": sql("UPDATE answers SET truncated = 'perhaps'"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
async def test_a_damaged_file_is_passed_over_and_said_once(
    path: Path, said: list[str], damage: Callable[[Path], None]
) -> None:
    await stored(path, key=answer("x" * 9_000))
    damage(path)
    async with opened(path, said) as cache:
        for _ in range(2):
            assert await cache.get(ADDRESS, "key") is None
            cache.put(ADDRESS, "key", answer())
    (line,) = said
    assert line.startswith(f"answers of earlier runs are not used: {path} cannot be read (") and "\n" not in line
    assert line.endswith("delete it")


async def test_a_folder_that_cannot_be_made_is_passed_over(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "file").write_text("")
    assert await read(tmp_path / "file" / "answers.sqlite", said, "key") == [None]
    assert len(said) == 1


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of this process grows beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_on_a_full_disk_what_is_there_is_still_read(path: Path, said: list[str]) -> None:
    await stored(path, key=answer())
    async with opened(path, said, now=lambda: 1e10) as cache:
        assert await cache.get(ADDRESS, "key") == answer()
        with full_disk(50_000):
            for number in range(20):
                cache.put(ADDRESS, f"key {number}", answer("x" * 30_000))
            assert await cache.get(ADDRESS, "key") == answer()
    (line,) = said
    assert line.startswith(f"answers of models are no longer kept: {path}: ")


async def test_nothing_is_made_where_nothing_is_asked(path: Path, said: list[str]) -> None:
    async with opened(path, said):
        pass
    assert not path.parent.exists()


def test_an_answer_has_no_other_fields() -> None:
    with pytest.raises(ValueError, match="extra"):
        Answer(text=b"", truncated=False, prompt_tokens=0, completion_tokens=0, cost=1)  # type: ignore[call-arg]
