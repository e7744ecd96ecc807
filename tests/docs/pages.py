"""The Markdown pages of the project, and the blocks in them.

A block without a language, or with ``console``, holds commands, one a line; what follows two blanks and a ``#`` is a
comment. In a block with a line that begins with ``$ ``, such lines are the commands and the others what they print. A
block that follows a line which ends in a file's name in backticks and a colon is that file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "templates/*.md", "benchmarks/*.md", "generated/README.md")
    for path in REPOSITORY.glob(pattern)
)

_BLOCK = re.compile(r"^(?P<before>[^\n]*)\n+```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w/-]+\.[\w.]+)`[^`]*:$")
_COMMENT = re.compile(r"\s{2,}#.*")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: What stands behind the fence.
        text: Its lines.
        file: The file that it shows; empty when it shows none.
    """

    language: str
    text: str
    file: str

    @property
    def commands(self) -> list[str]:
        """What is typed, a command each."""
        if self.language not in {"", "console"} or self.file:
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        if any(line.startswith("$ ") for line in lines):
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found = [part.strip() for line in lines for part in _COMMENT.sub("", line).split(" && ")]
        return [" ".join(one.split()) for one in found if one]


def name_of(path: Path) -> str:
    """A page's path in the repository."""
    return path.relative_to(REPOSITORY).as_posix()


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    for match in _BLOCK.finditer(path.read_text("utf-8")):
        file = _FILE.search(match["before"].rstrip())
        yield Block(match["language"], match["text"], file[1] if file else "")
