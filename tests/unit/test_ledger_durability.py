"""What is on record stays on record: killed processes, readers beside a writer, and what the disk has confirmed."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import creator
from creator.errors import EnvironmentFault
from creator.ledger import Ledger
from creator.ledger.export import export_ledger
from creator.ledger.reading import opened
from creator.ledger.store import FILE_NAME

ROOT = Path(creator.__file__).parent.parent

IDEAS = """
import os, sys
from pathlib import Path
from creator.ledger import Ledger
from creator.ledger.store import BirthRow
from creator.outcome import IdeaOutcome, IdeaVersion, Remark
from sandbox.protocol import Idea

def whole(number):
    ids = range(10 * number, 10 * number + 3)
    texts = [
        IdeaVersion(author="ada", idea=Idea(title=f"Text {id}"), id=id, hop=hop, parents=list(ids[:hop]))
        for hop, id in enumerate(ids)
    ]
    remarks = [Remark(author="bo", kind="pro", about=id, content="Yes.") for id in ids[:2]]
    return IdeaOutcome(number=number, author="ada", versions=texts, remarks=remarks)
"""
KILLED = """
path = Path(sys.argv[1])
ledger = Ledger.open(path)
ledger.record_births([BirthRow(1, 0, "", "", {}, [], None, "")])
ledger._connection.close()
for last in range(1, 100):
    child = os.fork()
    if child == 0:
        ledger, begun = Ledger.open(path), []
        def die_at_the_last(statement):
            begun.append(statement)
            if len(begun) == last:
                os.kill(os.getpid(), 9)
        ledger._connection.set_trace_callback(die_at_the_last)
        ledger.record_idea(whole(last), 1)
        os._exit(7)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7:
        print(last)
        break
"""
WRITING = """
ledger = Ledger.open(Path(sys.argv[1]))
ledger.record_births([BirthRow(1, 0, "", "", {}, [], None, "")])
number = 0
print("begun", flush=True)
os.set_blocking(0, False)
while sys.stdin.buffer.read(1) != b"":
    number += 1
    ledger.record_idea(whole(number), 1)
ledger._connection.close()
print(number)
"""
COUNTS = (
    "SELECT number, (SELECT count(*) FROM texts WHERE texts.number = ideas.number),"
    " (SELECT count(*) FROM lineage JOIN texts ON texts.id = lineage.text WHERE texts.number = ideas.number),"
    " (SELECT count(*) FROM remarks JOIN texts ON texts.id = remarks.about WHERE texts.number = ideas.number)"
    " FROM ideas"
)
LOOSE = "SELECT count(*) FROM texts WHERE number NOT IN (SELECT number FROM ideas)"
WHOLE = [3, 3, 2]


def test_a_process_killed_at_any_statement_leaves_an_idea_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    done = subprocess.run(
        [sys.executable, "-c", IDEAS + KILLED, path], cwd=ROOT, check=True, capture_output=True, text=True
    )
    survivor = int(done.stdout)
    assert survivor > 10, "it was killed at every statement of an idea with its texts, their lineage and remarks"
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(COUNTS).fetchall()
        assert found == [(survivor, *WHOLE)], "all others were killed before they had committed"
        assert connection.execute(LOOSE).fetchone() == (0,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_who_reads_while_another_process_writes_sees_whole_ideas_only(tmp_path: Path) -> None:
    path, copy = tmp_path / FILE_NAME, tmp_path / "copy.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", IDEAS + WRITING, path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin is not None and writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        seen: list[int] = []
        while len(set(seen)) < 5:  # it has written between our looks
            with opened(path) as connection:
                found = [tuple(row) for row in connection.execute(COUNTS)]
                assert connection.execute(LOOSE).fetchone()[0] == 0
            seen.append(len(found))
            assert all(counts == WHOLE for _, *counts in found)
            export_ledger(path, copy)
            told = copy.read_text("utf-8")
            assert told.count('"table": "texts"') == 3 * told.count('"table": "ideas"')
        writer.stdin.close()
        assert int(writer.stdout.read()) >= max(seen)
    assert seen == sorted(seen)


@contextmanager
def watched_flushes(
    monkeypatch: pytest.MonkeyPatch, begun: threading.Event, go_on: threading.Event
) -> Iterator[list[int]]:
    """The files that are flushed, each once it may be; ``begun`` is set when the first has begun."""
    files: list[int] = []
    flush = os.fsync

    def slow(descriptor: int) -> None:
        begun.set()
        assert go_on.wait(30)
        files.append(os.fstat(descriptor).st_ino)
        flush(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", slow)
        yield files


async def test_those_who_wait_for_the_disk_share_a_flush_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    async with Ledger.open(tmp_path / FILE_NAME) as ledger:
        with watched_flushes(monkeypatch, begun, go_on) as files:
            await ledger.durable()
            assert files == [], "nothing was written"
            ledger.record_event("first", "run")
            log = (tmp_path / f"{FILE_NAME}-wal").stat().st_ino
            first = asyncio.create_task(ledger.durable())
            await asyncio.to_thread(begun.wait, 30)
            ledger.record_event("second", "run")
            others = [asyncio.create_task(ledger.durable()) for _ in range(20)]
            go_on.set()
            await asyncio.gather(first, *others)
            assert files.count(log) == 2, "one that was under way, and one for all who came meanwhile"
            await ledger.durable()
            assert files.count(log) == 2
    await ledger.durable()


async def test_a_disk_that_refuses_to_flush_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    async with Ledger.open(tmp_path / FILE_NAME) as ledger:
        ledger.record_event("first", "run")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            with pytest.raises(EnvironmentFault, match="cannot be flushed to the disk: Input/output error"):
                await ledger.durable()
        await ledger.durable()
