"""What `creator` gives to a Python program."""

from __future__ import annotations

import ast
import inspect
from typing import get_type_hints

import creator
from creator.api import OF_A_TERMINAL, Limits, SpawnOptions
from creator.cli._runs_resuming import resume as resume_command
from creator.settings import SpawnSettings
from tests.unit.test_cli import python


def test_everything_public_is_there_under_its_name() -> None:
    assert creator.__all__ == sorted(creator.__all__)
    assert set(creator.__all__) == {*creator._HOMES, "__version__"}
    for name in creator._HOMES:
        assert getattr(creator, name) is not None
    assert set(creator.__all__) <= set(dir(creator))


def test_type_checkers_see_the_same() -> None:
    imports = [node for node in ast.walk(ast.parse(inspect.getsource(creator))) if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names if (node.module or "").startswith("c")}
    assert seen == {name: f"creator.{home}" for name, home in creator._HOMES.items()}


def test_importing_it_imports_nothing_heavy() -> None:
    loaded = set(python("-c", "import creator, sys; print(*sys.modules)").stdout.split())
    assert "creator" in loaded
    assert loaded.isdisjoint({"autogen_core", "pydantic", "grpc", "asyncio", "opentelemetry", "creator.api"})


def test_the_options_are_the_settings() -> None:
    assert SpawnOptions.__optional_keys__ == SpawnSettings.model_fields.keys() - OF_A_TERMINAL - {"count"}
    assert not SpawnOptions.__required_keys__
    assert set(SpawnSettings.model_fields) > OF_A_TERMINAL


def test_the_limits_are_those_of_the_command_line() -> None:
    offered = {parameter.name for parameter in resume_command.params if parameter.name is not None}
    assert offered - {"run", "output"} - OF_A_TERMINAL - {"debug", "decided_only"} == Limits.__optional_keys__


def test_every_option_has_the_type_of_its_setting() -> None:
    hints = get_type_hints(SpawnOptions)
    for name in ("sandbox", "isolation", "author", "review", "pattern"):
        assert hints[name] == get_type_hints(SpawnSettings)[name], name


def test_every_public_function_says_what_it_takes() -> None:
    for name in ("spawn", "resume", "talking", "open_run", "run_ids", "ranked_ideas"):
        function = inspect.unwrap(getattr(creator, name))
        text = inspect.getdoc(function) or ""
        for parameter in inspect.signature(function).parameters:
            assert f"{parameter}: " in text, f"{name}: {parameter}"
