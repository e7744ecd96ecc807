"""What the user is told that a backend does not give."""

from __future__ import annotations

import pytest

from creator.isolation.base import Capacity
from creator.isolation.bubblewrap import BubblewrapSandbox
from creator.isolation.guarantees import CALLS, FILES, HELPERS, SOCKETS, TOTAL, Means, missing
from creator.isolation.process import ProcessSandbox

EVERYTHING = Means(landlock=7, filters=True, group=True, packed=False)


@pytest.mark.parametrize("backend", ["bubblewrap", "process"])
def test_nothing_is_missing_where_the_kernel_offers_everything(backend: str) -> None:
    assert missing(backend, EVERYTHING) == []


@pytest.mark.parametrize(
    ("backend", "means", "told"),
    [
        ("process", Means(0, True, True, False), [FILES]),
        ("process", Means(2, True, True, False), [FILES]),
        ("process", Means(3, True, True, True), [SOCKETS]),
        ("process", Means(0, False, False, True), [FILES, CALLS, TOTAL, SOCKETS]),
        ("bubblewrap", Means(0, True, True, True), [HELPERS]),
        ("bubblewrap", Means(7, False, False, True), [CALLS, TOTAL]),
    ],
)
def test_what_is_missing_is_named(backend: str, means: Means, told: list[str]) -> None:
    assert missing(backend, means) == told


@pytest.mark.parametrize("sandbox", [BubblewrapSandbox(Capacity(1)), ProcessSandbox(Capacity(1))])
def test_the_line_for_the_user_holds_it(sandbox: BubblewrapSandbox | ProcessSandbox) -> None:
    assert sandbox.line.startswith(f"{sandbox.name}: ")
    assert sandbox.line.endswith(TOTAL), "not started yet: there is no control group"
    assert "\n" not in sandbox.line
