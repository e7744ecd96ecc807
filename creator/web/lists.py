"""Long lists: what a visitor asks of one in the address, and its pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request

from creator.text import clean, encodable

Row = TypeVar("Row")

MAX_TEXT: Final = 120
"""Characters of a text that is looked for."""
MAX_CHOICES: Final = 200
"""Choices that a form offers for one field."""


@dataclass(frozen=True)
class Page(Generic[Row]):
    """A part of a long list.

    Attributes:
        rows: What is on it.
        number: Which page it is, from 1.
        pages: How many there are, at least 1.
        first: Which of all rows its first one is, from 1.
        total: How many rows there are.
    """

    rows: Sequence[Row]
    number: int
    pages: int
    first: int
    total: int

    @classmethod
    def of(cls, rows: Sequence[Row], wanted: int | None, size: int) -> Page[Row]:
        """The page that is wanted, or the one nearest to it.

        Args:
            rows: The whole list.
            wanted: Which page, from 1; None for the first.
            size: How many rows a page has.
        """
        pages = max(1, -(-len(rows) // size))
        number = min(max(wanted or 1, 1), pages)
        start = (number - 1) * size
        return cls(rows[start : start + size], number, pages, start + 1, len(rows))


class Query:
    """What a visitor asks for in the address.

    Args:
        request: Whose address.
    """

    def __init__(self, request: Request) -> None:
        self._given = {name: clean(encodable(value), MAX_TEXT) for name, value in request.query_params.items()}

    def text(self, name: str) -> str:
        """A text on one line; empty when none was given."""
        return self._given.get(name, "")

    def number(self, name: str) -> int | None:
        """A whole number of a few digits; None when none was given."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    def one_of(self, name: str, choices: Sequence[str]) -> str:
        """One of the choices; the first when another was given, or none."""
        text = self.text(name)
        return text if text in choices else choices[0]

    def address(self, **changes: object) -> str:
        """The same address with other values; those that are empty are left out."""
        values = {**self._given, **{name: str(value) for name, value in changes.items()}}
        return "?" + urlencode({name: value for name, value in values.items() if value})


def fits(text: str, *where: str) -> bool:
    """Whether one of several texts holds every word that is looked for, whatever the case."""
    found = "\n".join(where).casefold()
    return all(word in found for word in text.casefold().split())


def choices(values: Sequence[str]) -> list[str]:
    """What a form offers, in order, each once."""
    cleaned = {clean(value, MAX_TEXT) for value in values}
    return sorted(cleaned - {""}, key=str.casefold)[:MAX_CHOICES]
