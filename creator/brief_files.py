"""Lists for briefs from a file of the user's, added to the shipped ones or in their place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from creator.briefs import BriefData, Sector, brief_data
from creator.errors import UsageError
from creator.text import clean

MAX_BYTES: Final = 1_000_000
MAX_PHRASE: Final = 80
"""Characters of a sector, customer, technology and so on."""
MAX_NAME: Final = 40
"""Characters of a first name, and of the word that stands for a sector in a persona."""
MAX_ITEMS: Final = 1_000
"""Of each list, the sectors included."""
MAX_ITEMS_OF_SECTOR: Final = 50
"""Topics of a sector, and its customers."""


def _cleaned(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        text = clean(text)
        if not 1 <= len(text) <= limit:
            raise ValueError(f"write 1 to {limit} characters, not {len(text):,}")
        return text

    return AfterValidator(check)


_Phrase = Annotated[str, _cleaned(MAX_PHRASE)]
_Name = Annotated[str, _cleaned(MAX_NAME)]
_Phrases = Annotated[list[_Phrase], Field(min_length=1, max_length=MAX_ITEMS)]
_SectorPhrases = Annotated[list[_Phrase], Field(min_length=1, max_length=MAX_ITEMS_OF_SECTOR)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _SectorOfFile(_Part):
    sector: _Phrase
    topics: _SectorPhrases
    word: _Name | None = None
    customers: _SectorPhrases | None = None

    def sector_of_data(self) -> Sector:
        """With a word and customers where the file names none; those of a shipped sector stay."""
        letters = re.findall(r"[^\W\d_]+", self.sector)
        return Sector(
            sector=self.sector,
            word=self.word or (letters[-1][:MAX_NAME].capitalize() if letters else "Field"),
            topics=_distinct(self.topics),
            customers=_distinct(self.customers) if self.customers else brief_data().customers_in(self.sector),
        )


class _File(_Part):
    replace: bool = False
    sectors: Annotated[list[_SectorOfFile], Field(min_length=1, max_length=MAX_ITEMS)] | None = None
    technologies: _Phrases | None = None
    roles: _Phrases | None = None
    temperaments: _Phrases | None = None
    first_names: Annotated[list[_Name], Field(min_length=1, max_length=MAX_ITEMS)] | None = None


def load_brief_data(path: Path | None, needed: int = 0) -> BriefData:
    """What briefs are drawn from.

    Args:
        path: A JSON file with any of ``sectors``, ``technologies``, ``roles``, ``temperaments`` and ``first_names``.
            Its items come after the shipped ones, a sector that is shipped, too, in its place; with
            ``"replace": true`` each list of the file takes the place of the shipped one. None for the shipped lists.
        needed: How many distinct briefs the lists have to allow.

    Raises:
        UsageError: The file cannot be read, is no such JSON, or allows too few briefs; the text says what to write.
    """
    if path is None:
        return brief_data()
    data = _merged(_read(path))
    if data.combinations < needed:
        raise UsageError(
            f"The briefs {str(path)!r} allow only {data.combinations:,} combinations of sector, customer, technology "
            f"and temperament for {needed:,} agents: add some, or leave out 'replace'."
        )
    return data


def _read(path: Path) -> _File:
    where = f"The briefs {str(path)!r}"
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"Cannot read the briefs {str(path)!r}: {error.strerror or error}.") from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"{where} are longer than {MAX_BYTES:,} bytes: leave something out.")
    try:
        return _File.model_validate(json.loads(content.decode("utf-8-sig")))
    except ValidationError as error:
        raise UsageError(f"{where} do not fit: {_problem(error)}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} are no JSON: {clean(str(error), 100)}.") from None


def _problem(error: ValidationError) -> str:
    """The first mistake, with where it stands."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known: Any = _SectorOfFile if len(first["loc"]) > 1 else _File
        return f"{clean(where, 100)!r} is unknown, there are: {', '.join(known.model_fields)}"
    what = clean(first["msg"], 150).removeprefix("Value error, ")
    return f"{clean(where, 100)!r}: {what[:1].lower()}{what[1:]}" if where else "write an object with lists"


def _merged(file: _File) -> BriefData:
    shipped = brief_data()
    sectors = {} if file.replace and file.sectors else {one.sector.casefold(): one for one in shipped.sectors}
    sectors |= {one.sector.casefold(): one.sector_of_data() for one in file.sectors or ()}
    lists = {}
    for name in ("technologies", "roles", "temperaments", "first_names"):
        own, known = getattr(file, name) or [], getattr(shipped, name)
        lists[name] = _distinct(own if file.replace and own else [*known, *own])
    return BriefData(sectors=tuple(sectors.values()), **lists)


def _distinct(items: list[str]) -> tuple[str, ...]:
    return tuple({one.casefold(): one for one in reversed(items)}.values())[::-1]
