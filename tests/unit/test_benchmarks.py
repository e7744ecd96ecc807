"""Benchmarks run by hand only: at least their imports have to hold."""

from __future__ import annotations

import importlib

import pytest

from tests.conftest import REPOSITORY

NAMES = sorted(path.stem for path in (REPOSITORY / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_can_be_imported(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").__doc__
