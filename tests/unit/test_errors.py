"""Exceptions of any kind become one bounded line."""

from __future__ import annotations

import pytest

from sandbox.errors import MAX_ERROR_CHARACTERS, MAX_TYPE_CHARACTERS, describe, failure_of
from sandbox.protocol import CellReport


class Mute(Exception):
    def __str__(self) -> str:
        raise self


Named = type("Several\nlines " * 100, (Exception,), {})


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (KeyError(), "KeyError"),
        (ValueError("a\n\tb"), "ValueError: a b"),
        (Mute(), "Mute"),
        (RuntimeError("half \ud83d a character"), "RuntimeError: half ? a character"),
        (Named(), ("Several lines " * 100)[:MAX_TYPE_CHARACTERS]),
        (RuntimeError("x" * 3_000_000), "RuntimeError: " + "x" * MAX_ERROR_CHARACTERS),
    ],
)
def test_an_exception_is_described_in_one_line_that_can_be_sent(error: Exception, line: str) -> None:
    assert describe(error) == line
    assert CellReport(name="ada", state="failed", reason=describe(error)[:2_000]).model_dump_json()
    failure = failure_of(error)
    assert len(failure.text) <= MAX_ERROR_CHARACTERS
    assert "\n" not in failure.type_name
