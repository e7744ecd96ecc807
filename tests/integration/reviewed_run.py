"""A run in small that reviews candidates on the terminal it is given: ``python -m tests.integration.reviewed_run``.

Writes the decisions into the file ``decisions``. Like a run, it ends in order when it is interrupted: exit code 130.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
import termios
from pathlib import Path

from rich.console import Console

from creator.progress import make_progress
from creator.review import Candidate
from creator.review.programs import find_editor
from creator.review.terminal import TerminalReviewer


def candidate(name: str) -> Candidate:
    source = '"""Ada."""\n' + "".join(f"LINE_{n} = {n}\n" for n in range(100)) + "# \x1b]0;owned\x07\u202edesrever\n"
    return Candidate(
        name=name,
        persona="Ada",
        sector="freight",
        role="founder",
        author="fill",
        template="idea_agent",
        attempt=1,
        source=source,
        template_source=source.replace("Ada", "Nobody"),
        slots={"persona": "Ada"},
        findings=(),
        sha256="0" * 64,
    )


async def review(decisions: dict[str, str]) -> int:
    progress = make_progress(2, quiet=False, stream=sys.stderr)
    console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
    reviewer = TerminalReviewer(console, sys.stdin, find_editor(os.environ), progress.suspend)
    progress.stage("spawning")

    async def born(name: str) -> None:
        verdict = await reviewer.review(candidate(name))
        decisions[name] = verdict.decision

    async def tell() -> None:
        progress.say("told meanwhile")

    work = asyncio.gather(born("ada"), born("bo"), tell())
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        return 130
    finally:
        progress.finish()
    return 0


def main() -> int:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C comes from the terminal
    decisions: dict[str, str] = {}
    code = asyncio.run(review(decisions))
    Path("decisions").write_text(json.dumps(decisions), "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
