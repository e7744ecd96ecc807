"""What people ask for while a run goes on: one more agent, from any terminal, by way of the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from creator.ledger.store import Ledger, WishRow
from creator.text import clean

ANY_SECTOR: Final = "business"
"""The sector of an agent of whom nobody says what it shall work in."""

_TEXT_CHARACTERS: Final = 400
_ARTICLE: Final = re.compile(r"^(?:an?|the)\s+(?=\S)", re.IGNORECASE)
_PARTS: Final = re.compile(r"(?P<role>.*\S)\s(?:for|in)\s(?P<sector>.+)", re.IGNORECASE)


def split_request(text: str) -> tuple[str, str]:
    """Role and sector of a wish in a person's words, at its last "for" or "in".

    Args:
        text: Such as ``a pricing expert for clinics``.

    Returns:
        Such as ``("pricing expert", "clinics")``; both cleaned, and the role empty when the text says nothing.
    """
    line = _bare(clean(text, _TEXT_CHARACTERS))
    parts = _PARTS.fullmatch(line)
    return (_bare(parts["role"]), _bare(parts["sector"])) if parts is not None else (line, ANY_SECTOR)


def _bare(words: str) -> str:
    """Words without an article in front of them and marks around them."""
    return _ARTICLE.sub("", words.strip(" .,;:!?\"'"))


class Requests:
    """Hands over each wish of a person once.

    Args:
        ledger: Where they are; those that are there already were answered, or came too late for an earlier run.
        on_wish: Called with a wish; tells whether an agent is begun.
    """

    def __init__(self, ledger: Ledger, on_wish: Callable[[WishRow], bool]) -> None:
        self._ledger = ledger
        self._on_wish = on_wish
        self._seen = max((row.id for row in ledger.wishes_after(0)), default=0)

    def look(self) -> bool:
        """Read what is new, and tell whether somebody has something to do now.

        Raises:
            EnvironmentFault: The ledger cannot be read any more.
        """
        begun = False
        for row in self._ledger.wishes_after(self._seen):
            self._seen = row.id
            begun |= self._on_wish(row)
        return begun
