"""The cache on disk: answers of models, shared by all runs of a user.

It is a convenience and never a reason to stop: what goes wrong with it costs one line and the answers in it. Everything
that touches the disk runs in a thread of its own, so that a slow disk holds up no agent.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from creator.models.backend import Completion, Usage
from creator.text import clean

FILE_NAME: Final = "answers.sqlite"
MAX_BYTES: Final = 500 << 20
"""Of the file; when it is full, those answers go that were not used for the longest time."""
MAX_ANSWER_BYTES: Final = 1 << 20
"""A longer answer is not kept. A vector of the most dimensions that are taken has a third of that."""
MAX_TOKENS: Final = 1_000_000_000
MAX_WAITING: Final = 1_000
"""Answers that wait to be written; while a disk is so slow, further ones are not kept."""

_VERSION: Final = 1
_SHARE_KEPT: Final = 0.9
"""How much of a full cache stays, so that not each further answer makes room for itself alone."""
_BUSY_SECONDS: Final = 0.5
"""How long another process may be writing until an answer of ours is not kept."""
_CLOSE_SECONDS: Final = 1.0
_SECONDS_UNNOTED: Final = 3_600.0
"""An answer that is used again within this time is not written anew for it."""
_ROW_BYTES: Final = 100
"""What a row holds beside its text."""
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, text BLOB NOT NULL, truncated INTEGER NOT NULL,"
    " prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, bytes INTEGER NOT NULL, used REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used, bytes)",
    f"PRAGMA user_version = {_VERSION}",
)

Tokens = Annotated[StrictInt, Field(ge=0, le=MAX_TOKENS)]


class Answer(BaseModel):
    """An answer as it is read from the disk."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[bytes, Field(strict=True, max_length=MAX_ANSWER_BYTES)]
    truncated: bool
    prompt_tokens: Tokens
    completion_tokens: Tokens

    @property
    def completion(self) -> Completion:
        """The same as the model gave it.

        Raises:
            UnicodeDecodeError: The text is damaged.
        """
        usage = Usage(self.prompt_tokens, self.completion_tokens)
        return Completion(self.text.decode("utf-8", "surrogatepass"), usage, self.truncated)


class AnswerCache:
    """Answers by server and question.

    Args:
        path: The file; it and its folder are made at first use.
        warn: Called with one line when the cache, or a part of it, cannot be used.
        limit: Bytes that the file may take.
        now: The time in seconds.
    """

    def __init__(
        self,
        path: Path,
        warn: Callable[[str], None],
        *,
        limit: int = MAX_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._warn = warn
        self._file = _File(path, limit, now)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._writing: set[asyncio.Future[None]] = set()
        self._reads = self._writes = True

    async def get(self, address: str, key: str) -> Completion | None:
        """An answer; None when it is not there, or cannot be read.

        Args:
            address: Where the model is served.
            key: The question's; see `creator.models.keys`.
        """
        if not self._reads:
            return None
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._thread, self._file.get, _key(address, key))
            return answer.completion if answer is not None else None
        except (sqlite3.Error, OSError, ValueError) as error:
            if not _is_busy(error):
                self._give_up(error)
            return None

    def put(self, address: str, key: str, completion: Completion) -> None:
        """Keep an answer; returns at once.

        Args:
            address: Where the model is served.
            key: The question's.
            completion: The answer.
        """
        text = completion.text.encode("utf-8", "surrogatepass")
        usage = completion.usage
        if not self._writes or len(self._writing) >= MAX_WAITING or len(text) > MAX_ANSWER_BYTES:
            return
        if not (0 <= usage.prompt_tokens <= MAX_TOKENS and 0 <= usage.completion_tokens <= MAX_TOKENS):
            return  # whatever the server counts: it would not be taken when it is read
        row = (text, completion.truncated, usage.prompt_tokens, usage.completion_tokens)
        writing = asyncio.get_running_loop().run_in_executor(self._thread, self._file.put, _key(address, key), row)
        self._writing.add(writing)
        writing.add_done_callback(self._written)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing.discard(writing)
        error = writing.exception() if not writing.cancelled() else None
        if error is not None and _is_busy(error):
            self._drop_waiting()
        elif error is not None and self._writes:
            self._writes = False
            if self._reads:
                self._warn(f"answers of models are no longer kept: {self._path}: {_said(error)}")

    def _drop_waiting(self) -> None:
        """Keep none of those that wait to be written: each would hold up whoever reads as long as the one before."""
        for writing in list(self._writing):
            writing.cancel()

    def _give_up(self, error: Exception) -> None:
        """Use nothing of the cache any more: who knows what else is wrong with it."""
        if self._reads:
            self._warn(
                f"answers of earlier runs are not used: {self._path} cannot be read ({_said(error)}); "
                "if that stays so, delete it"
            )
        self._reads = self._writes = False

    async def close(self) -> None:
        """Write what waits to be written, unless that takes long, and close the file."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=_CLOSE_SECONDS)
        self._drop_waiting()
        with contextlib.suppress(sqlite3.Error):
            await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        self._thread.shutdown(wait=False)


class _File:
    """The SQLite file; everything here may wait for the disk, and raises what SQLite raises."""

    def __init__(self, path: Path, limit: int, now: Callable[[], float]) -> None:
        self._path = path
        self._limit = limit
        self._now = now
        self._connection: sqlite3.Connection | None = None

    def get(self, key: bytes) -> Answer | None:
        db = self._opened()
        row = db.execute(
            "SELECT text, truncated, prompt_tokens, completion_tokens, used FROM answers WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        *values, used = row
        answer = Answer(**dict(zip(Answer.model_fields, values, strict=True)))
        now = self._now()
        if not isinstance(used, float) or used < now - _SECONDS_UNNOTED:
            # On a full disk, or while somebody else is writing, it is not noted.
            with contextlib.suppress(sqlite3.Error):
                db.execute("UPDATE answers SET used = ? WHERE key = ?", (now, key))
        return answer

    def put(self, key: bytes, row: tuple[bytes, bool, int, int]) -> None:
        db = self._opened()
        with db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
                (key, *row, len(row[0]) + _ROW_BYTES, self._now()),
            )
            self._make_room(db)

    def _make_room(self, db: sqlite3.Connection) -> None:
        """Delete what was not used for the longest time, where the file is full."""
        pages, free, size = (
            int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
        )
        taken = (pages - free) * size
        if taken > self._limit:
            db.execute(
                "DELETE FROM answers WHERE rowid IN (SELECT rowid FROM (SELECT rowid, sum(bytes) OVER"
                " (ORDER BY used DESC, rowid DESC) AS newer FROM answers)"
                " WHERE newer > ? * (SELECT total(bytes) FROM answers))",
                (_SHARE_KEPT * self._limit / taken,),
            )

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Before SQLite makes it, as that would ask the umask; its companions take over the mode.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * MAX_ANSWER_BYTES)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA trusted_schema = OFF")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError("another version of this program wrote it")
            if version == 0:
                with db:
                    db.execute("BEGIN IMMEDIATE")  # whoever else makes it at this moment makes the same
                    for statement in _SCHEMA:
                        db.execute(statement)
        except BaseException:
            db.close()
            raise
        self._connection = db
        return db

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _key(address: str, key: str) -> bytes:
    return hashlib.sha256(f"{address}\n{key}".encode("utf-8", "surrogatepass")).digest()


def _is_busy(error: BaseException) -> bool:
    """Whether another process was writing for too long, which passes."""
    code = getattr(error, "sqlite_errorcode", 0)
    return isinstance(error, sqlite3.OperationalError) and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _said(error: BaseException) -> str:
    if isinstance(error, (ValidationError, UnicodeError)):
        return "it holds something else than answers"
    return clean(str(error), 200)
