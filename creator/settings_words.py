"""What settings are called outside of this program, and what is wrong with one, in words that say where it stands."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from creator.masking import public_url
from creator.text import clean

ENV_PREFIX: Final = "CREATOR_"
DOTENV: Final = ".env"
TOML: Final = "creator.toml"

_OUTSIDE_NAMES: Final = {"json_output": "json", "with_agents": "with"}
"""Fields whose outside name (option, variable, key) differs: ``json`` is a method of pydantic's, ``with`` Python's."""
ALIASES: Final = {field: f"{ENV_PREFIX}{name.upper()}" for field, name in _OUTSIDE_NAMES.items()}


def outside_name(field: str) -> str:
    """What a setting is called in `creator.toml`, and as an option and a variable but for hyphens and capitals."""
    return _OUTSIDE_NAMES.get(field, field)


def explain(error: ValidationError, given: Mapping[str, Any]) -> str:
    """The first mistake in one line; several at once would only hide which to mend first."""
    first = error.errors()[0]
    field, value, what = mistake(first)
    if not field:
        return what
    if first["type"] == "missing" and field == "count":
        return "Say how many agents, for example: python -m creator spawn 20"
    return f"{_origin(field, outside_name(field), given)}: {value} does not fit, {what}."


def mistake(error: ErrorDetails) -> tuple[str, str, str]:
    """Field, value and what is wrong with it, the last without a full stop; no field where several are at odds."""
    if not error["loc"]:
        return "", "", clean(error["msg"], 500).removeprefix("Value error, ")
    located = str(error["loc"][0])
    field = next((field for field, alias in ALIASES.items() if alias == located.upper()), located)
    value = error["input"]
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        value = ",".join(value)
    what = clean(error["msg"], 200).removeprefix("Value error, ")
    what = {
        "int_parsing": "it has to be a whole number",
        "int_from_float": "it has to be a whole number",
        "float_parsing": "it has to be a number",
    }.get(error["type"], what)
    if error["type"] == "string_pattern_mismatch":
        what = {
            "base_url": "it has to begin with http:// or https:// and hold no blanks",
            "base_image": "it has to be an image name such as 'python:3.12-slim'",
            "runtime": "it has to be a runtime's name such as 'runsc'",
        }.get(field, what)
    what = what[:1].lower() + what[1:]
    if field == "base_url" and isinstance(value, str):
        value = public_url(value)
    return field, clean(repr(value), 80), what


def _origin(field: str, outside: str, given: Mapping[str, Any]) -> str:
    """Where the value stands that took part: the same order as the sources."""
    if field in given:
        return "Argument N" if field == "count" else f"Option --{outside.replace('_', '-')}"
    variable = f"{ENV_PREFIX}{outside.upper()}"
    if any(name.upper() == variable and value for name, value in os.environ.items()):
        return f"Environment variable {variable}"
    if any(name.upper() == variable and value for name, value in dotenv_values(DOTENV, encoding="utf-8").items()):
        return f"{variable} in {DOTENV}"
    return f"Key {outside!r} in {TOML}"
