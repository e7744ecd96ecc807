"""The layout of a module that somebody else wrote: what `ruff format` makes of it.

The text is hostile, so it is formatted by another process, with bounds and without an environment, and only after the
policy let it pass: its limits on nesting hold for that process's parser as well.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Final

from creator.policy import MAX_SOURCE_BYTES
from creator.templates.literals import LINE_LENGTH

FORMAT_SECONDS: Final = 10.0
MEMORY_BYTES: Final = 1 << 30
"""Address space that formatting may take."""

_ARGUMENTS: Final = (
    *("format", "--isolated", "--no-cache", "--line-length", str(LINE_LENGTH), "--target-version", "py311"),
    *("--stdin-filename", "agent.py", "-"),
)


async def format_module(source: str) -> str:
    """The module laid out as this house's own modules are.

    Args:
        source: A module that passed the policy.

    Returns:
        The same code, formatted; the source as it is when it is too large, or when ``ruff`` is missing or fails.
    """
    try:
        data = source.encode("utf-8")
        if len(data) > MAX_SOURCE_BYTES:
            return source
        from ruff import find_ruff_bin  # type: ignore[import-untyped]

        process = await asyncio.create_subprocess_exec(
            find_ruff_bin(), *_ARGUMENTS, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}
        )
    except (ImportError, OSError, UnicodeError):
        return source
    try:
        _bound(process)
        async with asyncio.timeout(FORMAT_SECONDS):
            output, _ = await process.communicate(data)
        text = output.decode("utf-8")
    except (TimeoutError, OSError, UnicodeError):
        return source
    finally:
        await _ended(process)
    return text if process.returncode == 0 and text.strip() else source


def _bound(process: Process) -> None:
    """Bounds the memory of a process that is still waiting for its input."""
    if sys.platform == "linux":
        import resource

        resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


async def _ended(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
