"""What models cost: as their providers published it, and as the user says in a file.

Prices are those of single calls at their providers' usual rate: nothing is taken off for batches or for prompts that a
provider remembers, so a bill may be lower.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, field_validator

from creator.errors import UsageError
from creator.text import clean

MAX_BYTES: Final = 200_000
MAX_MODELS: Final = 1_000

_DATED: Final = re.compile(r"-(?:20\d\d-\d\d-\d\d|20\d{6}|latest)$", re.ASCII)
"""What follows a model's name where one of its releases is meant."""
_FREE: Final = frozenset({"embedded", "file", "ollama"})
"""Before the colon of models that run on the user's own machines."""


@dataclass(frozen=True)
class Price:
    """What a model costs.

    Attributes:
        prompt: US dollars for a million tokens read.
        completion: US dollars for a million tokens written.
        as_of: When the published price was last looked at; None where nobody said so.
        reasoning: Whether the model thinks before it answers, and has that paid as tokens written.
    """

    prompt: float
    completion: float
    as_of: date | None = None
    reasoning: bool = False

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost, in US dollars."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1_000_000


FREE: Final = Price(0, 0)

PriceOf = Callable[[str], Price | None]
"""Gives a model's price by its name; None when it is unknown."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: float = Field(ge=0, le=1_000_000, allow_inf_nan=False)
    completion: float = Field(ge=0, le=1_000_000, allow_inf_nan=False)
    as_of: date | None = None
    reasoning: bool = False

    @field_validator("as_of", mode="before")
    @classmethod
    def _is_a_day(cls, value: object) -> object:
        if value is not None and not (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)):
            raise ValueError("write a day such as '2026-01-01'")
        try:
            return date.fromisoformat(value) if value is not None else None
        except ValueError:
            raise ValueError("there is no such day") from None

    def price(self) -> Price:
        return Price(self.prompt, self.completion, self.as_of, self.reasoning)


_Name = Annotated[str, StringConstraints(pattern=r"^[^:\s]+:\S(?:.*\S)?$", max_length=300)]
_ENTRIES: Final = TypeAdapter(Annotated[dict[_Name, _Entry], Field(max_length=MAX_MODELS)])


@cache
def known_prices() -> Mapping[str, Price]:
    """The published prices of ``creator/spending/prices.json``, by model."""
    entries = _ENTRIES.validate_json(files("creator").joinpath("spending/prices.json").read_bytes())
    return {name: entry.price() for name, entry in entries.items()}


def load_prices(path: Path | None) -> Mapping[str, Price]:
    """The prices of a user's file, by model; none without a file.

    Args:
        path: A JSON file: ``{"openai:my-model": {"prompt": 0.5, "completion": 1.5, "as_of": "2026-01-01"}}``, in US
            dollars for a million tokens.

    Raises:
        UsageError: It cannot be read, or is no such JSON; the text says which key is at fault.
    """
    if path is None:
        return {}
    where = f"The prices {str(path)!r}"
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"Cannot read the prices {str(path)!r}: {error.strerror or error}.") from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"{where} are longer than {MAX_BYTES:,} bytes: leave something out.")
    try:
        entries = _ENTRIES.validate_python(json.loads(content.decode("utf-8-sig")))
    except ValidationError as error:
        raise UsageError(f"{where} do not fit: {_problem(error)}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} are no JSON: {clean(str(error), 100)}.") from None
    return {name: entry.price() for name, entry in entries.items()}


def _problem(error: ValidationError) -> str:
    """The first mistake, with the key at which it stands."""
    first = error.errors(include_url=False)[0]
    model, *field = [str(part) for part in first["loc"] if part != "[key]"] or [""]
    if first["loc"][1:] == ("[key]",):
        return f"{clean(model, 100)!r} is no model: write provider and name, such as 'openai:my-model'"
    if not model:
        return f"{clean(first['msg'], 150)}: write an object with a price for each model"
    where = f"{clean(model, 100)!r}, {clean('.'.join(field), 60)!r}" if field else repr(clean(model, 100))
    if first["type"] == "extra_forbidden":
        return f"{where} is unknown, there are: {', '.join(_Entry.model_fields)}"
    what = clean(first["msg"], 150).removeprefix("Value error, ")
    return f"{where}: {what[:1].lower()}{what[1:]}"


def price_of(own: Mapping[str, Price], elsewhere: Collection[str] = ()) -> PriceOf:
    """What gives the price of a model by its name.

    A release, such as ``openai:gpt-4.1-mini-2025-04-14``, costs what its model does, unless it has a price of its own.
    What runs on the user's own machines costs nothing.

    Args:
        own: Prices that the user says; they go before all others.
        elsewhere: Providers whose protocol is spoken by a server of the user's: what they publish says nothing of it.
    """

    def find(name: str) -> Price | None:
        provider = name.partition(":")[0]
        published: Mapping[str, Price] = {} if provider in elsewhere else known_prices()
        for prices in (own, dict.fromkeys([name], FREE) if provider in _FREE else published):
            for one in (name, _DATED.sub("", name)):
                if one in prices:
                    return prices[one]
        return None

    return find
