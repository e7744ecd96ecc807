"""The difference between two texts of an idea, word by word, bounded in work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from creator.review.difference import Matcher, TooDifferent
from creator.text import clean_lines

MAX_COMPARISONS: Final = 2_000_000
"""Characters read, and words compared with each other, for all texts that are shown together: about a second."""

_WORD: Final = re.compile(r"(?:\w+|[^\w\s])\s*|\s+")
"""A word or a mark, with the white space after it, which is no part of what is compared."""


@dataclass(frozen=True)
class Piece:
    """Words of a text.

    Attributes:
        kind: ``kept`` in both texts, ``removed`` from the old one, or ``added`` in the new one.
        text: The words, safe to show.
    """

    kind: Literal["kept", "removed", "added"]
    text: str


class WordChanges:
    """Compares texts until it was enough work; from then on it tells the old text and the new one whole.

    Args:
        most: How many characters may be read and words be compared with each other, for all texts.
    """

    def __init__(self, most: int = MAX_COMPARISONS) -> None:
        self._left = most

    def between(self, old: str, new: str) -> list[Piece]:
        """The pieces of both texts, in order."""
        old, new = clean_lines(old).strip(), clean_lines(new).strip()
        if old == new:
            return _pieces(("kept", new))
        self._left -= len(old) + len(new)
        if self._left <= 0:
            return _pieces(("removed", old), ("added", new))
        before, after = _WORD.findall(old), _WORD.findall(new)
        matcher = Matcher([word.rstrip() for word in before], [word.rstrip() for word in after], self._left)
        try:
            found = matcher.get_opcodes()
        except TooDifferent:
            return _pieces(("removed", old), ("added", new))
        finally:
            self._left = matcher.left
        pieces: list[Piece] = []
        for kind, i, j, k, m in found:
            gone, come = "".join(before[i:j]), "".join(after[k:m])
            pieces += _pieces(("kept", come)) if kind == "equal" else _pieces(("removed", gone), ("added", come))
        return pieces


def _pieces(*found: tuple[Literal["kept", "removed", "added"], str]) -> list[Piece]:
    return [Piece(kind, text) for kind, text in found if text]
