"""A run's lock: one process at a time works on a run, and its end, however it comes, frees the run."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from creator.errors import EnvironmentFault, UsageError
from creator.files import read_within

LOCK_FILE: Final = ".lock"
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.02


class RunLock:
    """Holds a run; a context manager. The kernel lets go of it when the process ends.

    Args:
        directory: The run's folder.

    Raises:
        UsageError: On entering, when another process holds it.
        EnvironmentFault: On entering, when the file cannot be made.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: int | None = None

    def __enter__(self) -> Self:
        path = self._directory / LOCK_FILE
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise EnvironmentFault(f"Cannot open {str(path)!r}: {error.strerror or error}.") from None
        try:
            self._take(self._file)
        except OSError:
            self._close()
            raise UsageError(
                f"Run {self._directory.name} is going on in another process: wait for its end, or stop it."
            ) from None
        os.truncate(self._file, 0)
        os.write(self._file, b"%d\n" % os.getpid())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @staticmethod
    def _take(file: int) -> None:
        # Whoever only asks whether somebody holds it (`is_locked`) holds it for a moment.
        for _ in range(_TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE_SECONDS)
            else:
                return
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def is_locked(directory: Path) -> bool:
    """Whether a process of this machine works on a run."""
    try:
        file = os.open(directory / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False


def holder(directory: Path) -> int | None:
    """The process that worked on a run last, by its id; None when nobody knows."""
    try:
        return int(read_within(directory, LOCK_FILE, 20))
    except (OSError, ValueError):
        return None
