"""Every setting of a run in words: what it means, what it may be, and its default, as the settings themselves say.

`creator.toml` as ``init`` writes it and the page of the settings are made from this.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from creator.models.providers import KEYS
from creator.settings import SpawnSettings
from creator.settings_words import DOTENV, TOML, outside_name

_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "To begin with": ("model", "sandbox", "objective", "count", "review", "max_cost", "output"),
    "What agents work on, and how": ("objective_file", "idea_schema", "briefs", "pattern", "bounce", "hop_limit"),
    "Models": ("base_url", "embeddings", "seed", "cache", "prices", "model_concurrency", "model_timeout"),
    "How agents are made": ("author", "template", "templates", "with_agents", "library"),
    "How many there may be": ("max_agents", "max_depth", "colleagues_each", "colleague_tokens", "generations", "keep"),
    "How ideas are compared": ("tournament", "judge_model", "judges", "baseline"),
    "Limits of time and cost": (
        *("max_tokens", "max_messages", "deadline", "birth_deadline", "reply_deadline"),
        *("confirm_above", "yes"),
    ),
    "The sandbox": ("isolation", "runtime", "agents_per_cell", "unsafe", "base_image"),
}
"""The fields by what they are about, those that a newcomer wants first. All others follow in a group of their own."""
_LAST_GROUP: Final = "Other"
_WIDTH: Final = 96

_TYPES: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: As it stands in `creator.toml`.
        meaning: What it does; names and values stand in backticks.
        values: What it may be, in words.
        default: As TOML; ``""`` where there is none.
    """

    name: str
    meaning: str
    values: str
    default: str


def grouped_settings() -> dict[str, list[Setting]]:
    """All settings of a run, by the title of their group."""
    meanings = _docstrings(SpawnSettings)
    kinds = SpawnSettings.model_json_schema(by_alias=False)["properties"]
    others = [name for name in SpawnSettings.model_fields if not any(name in group for group in _GROUPS.values())]
    return {
        title: [_setting(name, meanings[name], kinds[name]) for name in names]
        for title, names in {**_GROUPS, _LAST_GROUP: others}.items()
    }


def settings_file() -> str:
    """The text of a `creator.toml` that holds every setting with its default, commented out."""
    variables = " and ".join(variable for variable, _ in KEYS.values())
    lines = [
        f"# Settings of `python -m creator spawn`, which reads {TOML} in the folder where it is started.",
        '# To set one, take away the # in front of it. What stands there is its default; "" is none.',
        f"# The command line wins over the environment (CREATOR_MODEL=...), that over {DOTENV}, that over this file.",
        f"# Keys ({variables}) don't belong here: they go into the environment, or into {DOTENV}.",
    ]
    for title, settings in grouped_settings().items():
        lines += ["", "", f"# --- {title} ---"]
        for setting in settings:
            about = f"{setting.meaning} ({setting.values})"
            lines += ["", *textwrap.wrap(about, _WIDTH, initial_indent="# ", subsequent_indent="# ")]
            lines.append(f"#{setting.name} = {setting.default}")
    return "\n".join(lines) + "\n"


def _setting(field: str, meaning: str, kind: Mapping[str, Any]) -> Setting:
    meaning = re.sub(r"\bNone\b", "empty", " ".join(meaning.split())).replace("``", "`")
    return Setting(outside_name(field), meaning.rstrip("."), _values(kind), _default(field))


def _values(kind: Mapping[str, Any]) -> str:
    """A JSON Schema in words."""
    for one in kind.get("anyOf", ()):
        if one.get("type") != "null":
            return _values(one)
    if "enum" in kind:
        return ", ".join(kind["enum"][:-1]) + f" or {kind['enum'][-1]}"
    match kind["type"]:
        case "array":
            return f"list of {_values(kind['items'])}s"
        case "object":
            return "names with weights, such as idea_agent:3,critic_agent"
        case "string" if kind.get("format") == "path":
            return "path"
    words = [_TYPES[kind["type"]]]
    if "exclusiveMinimum" in kind:
        words.append(f"above {kind['exclusiveMinimum']:g}")
    elif "minimum" in kind and "maximum" in kind:
        words.append(f"{kind['minimum']:g} to {kind['maximum']:g}")
    elif "minimum" in kind:
        words.append(f"{kind['minimum']:g} or more")
    return ", ".join(words)


def _default(field: str) -> str:
    info = SpawnSettings.model_fields[field]
    if info.is_required() or info.default is None:
        return '""'
    if info.default_factory is not None:  # a list, or what depends on the machine
        return "[]" if info.default_factory is list else '""'
    match value := info.default:
        case Path():
            return json.dumps(str(value))
        case Mapping():
            return json.dumps(",".join(name if weight == 1 else f"{name}:{weight:g}" for name, weight in value.items()))
        case tuple():
            return json.dumps([str(one) for one in value])
    return json.dumps(value)


def _docstrings(model: type) -> dict[str, str]:
    """The text under each field of a class and of those that it stems from."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__ == model.__module__:
            found.update(_described(ast.parse(inspect.getsource(base)).body[0]))
    return found


def _described(node: ast.AST) -> Iterator[tuple[str, str]]:
    body = node.body if isinstance(node, ast.ClassDef) else []
    for one, after in itertools.pairwise(body):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
            match after:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield one.target.id, text
