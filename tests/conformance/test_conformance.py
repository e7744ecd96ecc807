"""Hostile modules in every sandbox backend: each attack is contained, and nobody else notices it.

A hostile module says itself what came of its attack. Where the test can look from outside, it does not believe it:
files, listeners, secrets and a process are held by the test, honest agents work beside the attackers, and one of
them is born only after the attacks.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from tests.conformance.gaps import WITHOUT, gaps
from tests.conformance.hostile import ALL, CONTROLS, GROUPS, MOMENTS, PLACINGS, Hostile, group_of
from tests.conformance.lures import Lures
from tests.conformance.population import Result

pytestmark = pytest.mark.timeout(300)

each_attack = pytest.mark.parametrize("hostile", [pytest.param(one, id=f"{one.topic}/{one.stem}") for one in ALL])
each_run = pytest.mark.parametrize("label", list(GROUPS))


@each_attack
def test_an_attack_is_contained(backend: str, hostile: Hostile, result_of: Callable[[str], Result]) -> None:
    problems = result_of(group_of(hostile)).problems(hostile)
    gap = gaps(backend).get(hostile.stem)
    if gap is None:
        assert not problems, hostile.tries
    elif hostile.certain and (hostile.control != "root" or os.geteuid() == 0):  # else it may fail by itself
        assert problems, f"the backend contains it: take it out of the table, which says {gap!r}"


@each_run
def test_nobody_else_notices_an_attack(backend: str, label: str, result_of: Callable[[str], Result]) -> None:
    """Honest ideas exist, in their authors' own words; no secret is in a file; nothing is left behind."""
    result = result_of(label)
    assert not result.general
    made = len(result.outcome.ideas)
    assert result.outcome.exit_code == (0 if made == result.outcome.asked else 3)


@pytest.mark.parametrize("hostile", [pytest.param(one, id=one.stem) for one in ALL if one.control])
def test_an_attack_succeeds_where_nothing_confines_it(hostile: Hostile, tmp_path: object) -> None:
    if hostile.control == "root" and os.geteuid() != 0:
        pytest.skip("the attack needs root to succeed")
    if "syscall" in hostile.text and platform.machine() != "x86_64":
        pytest.skip("the attack is written for another processor")
    with Lures() as lures:
        targets = {**lures.targets(), "me": hostile.stem, "mark": "control"}
        done = subprocess.run(
            [sys.executable, "-c", hostile.render_control(targets)],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PATH": os.environ["PATH"], lures.variable: lures.variable_secret},
            check=False,
        )
        assert done.stdout.strip(), done.stderr[-2_000:]
        assert lures.victim.poll() is None


def test_every_hostile_module_says_what_it_tries_and_what_is_expected() -> None:
    assert len(ALL) >= 75
    stems = Counter(one.stem for one in ALL)
    assert [stem for stem, number in stems.items() if number > 1] == []
    for one in ALL:
        assert re.fullmatch(r"[a-z][a-z0-9_]{2,50}", one.stem), one.stem
        first = one.text.splitlines()[0]
        assert first == f'"""{one.tries}"""' and len(first) > 20, f"{one.stem}: one docstring line comes first"
        assert set(one.when) <= MOMENTS and one.placed in PLACINGS and one.control in CONTROLS, one.stem
        assert one.expect and re.compile(one.expect), one.stem
        assert "async def attack(agent, message, ctx, targets):" in one.text, one.stem
        assert one.text.isascii(), f"{one.stem}: strange characters are written as escapes"


def test_every_gap_names_a_check_and_gives_a_reason() -> None:
    stems = {one.stem for one in ALL}
    for missing in WITHOUT.values():
        for what, checks in missing.items():
            assert set(checks) <= stems, what
