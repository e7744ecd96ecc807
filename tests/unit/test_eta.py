import random
import re
from itertools import pairwise

import pytest

from creator.progress.counts import Counts
from creator.progress.eta import BASIS, HOLD, Countdown, Estimator, Remaining, in_words


def test_nothing_is_said_before_there_is_a_basis() -> None:
    estimator = Estimator(100.0)
    assert estimator.remaining({"births": 10, "ideas": 10}, 100.0) is None
    for number in range(1, BASIS):
        estimator.note("births", 100.0 + number)
    assert estimator.remaining({"births": 10 - BASIS + 1, "ideas": 10}, 102.0) is None


def test_a_phase_of_which_nothing_is_known_leaves_the_end_open() -> None:
    estimator = Estimator(0.0)
    for number in range(1, 5):
        estimator.note("births", 10.0 * number)
    left = estimator.remaining({"births": 16, "ideas": 20, "judging": None}, 40.0)
    assert left is not None
    assert left.low == pytest.approx(160 / 1.5)
    assert left.high is None
    assert Countdown().words(left, 40.0) == "at least 2 minutes to go"


def test_what_is_left_takes_as_long_as_what_was_done() -> None:
    estimator = Estimator(0.0)
    for number in range(1, 101):
        estimator.note("births", 2.0 * number)
    left = estimator.remaining({"births": 100, "ideas": 0}, 200.0)
    assert left is not None and left.high is not None
    assert left.low < 200 < left.high
    assert left.high < 250


def test_phases_side_by_side_are_not_counted_twice() -> None:
    """Births, ideas and comparisons take turns at one model, a second each."""
    estimator = Estimator(0.0)
    for number in range(30):
        for place, phase in enumerate(("births", "ideas", "judging"), start=1):
            estimator.note(phase, 3.0 * number + place)  # type: ignore[arg-type]
    left = estimator.remaining({"births": 20, "ideas": 20, "judging": 20}, 90.0)
    assert left is not None and left.high is not None
    assert left.low < 60 < left.high < 80


def test_judging_counts_with_the_comparisons_that_are_still_to_be_planned() -> None:
    now = [0.0]
    counts = Counts(20, clock=lambda: now[0])
    counts.stage = "spawning"
    counts.judge(0, 0)
    for number in range(20):
        now[0] += 1
        counts.note(f"a{number}", "live")
    for number in range(10):
        now[0] += 1
        counts.add_idea()
        counts.judge(0, 5 * number + 5)
    assert counts.to_go == "", "no comparison was made yet: nobody knows how long one takes"
    for number in range(1, 11):
        now[0] += 12
        counts.judge(number, 50)
    # 18 minutes: 90 of the 100 comparisons that 20 ideas need, and 10 ideas of a second
    assert counts.to_go == "about 14 to 24 minutes to go"


def test_a_stall_makes_it_longer_and_never_negative() -> None:
    estimator = Estimator(0.0)
    for number in range(1, 10):
        estimator.note("ideas", float(number))
    soon, late = (estimator.remaining({"ideas": 1}, now) for now in (9.0, 300.0))
    assert soon is not None and soon.high is not None and soon.high < 2
    assert late == Remaining(0.0, 291.0)


def test_a_countdown_does_not_jump() -> None:
    """Things that come in bursts, as models answer, with the display looking eight times a second."""
    chance = random.Random(4)
    estimator, countdown = Estimator(0.0), Countdown()
    due = sorted(chance.uniform(0, 600) for _ in range(100))
    changes: list[float] = []
    done, words, right, seen = 0, "", 0, 0
    for tick in range(8 * 600):
        now = tick / 8
        while done < 100 and due[done] <= now:
            done += 1
            estimator.note("ideas", now)
        said = countdown.words(estimator.remaining({"ideas": 100 - done}, now), now)
        if said != words:
            changes.append(now)
            words = said
        if numbers := [int(number) for number in re.findall(r"\d+", said)]:
            seen += 1
            right += numbers[0] - 0.5 <= (600 - now) / 60 <= numbers[-1] + 0.5
    assert all(later - earlier >= HOLD for earlier, later in pairwise(changes[1:-1]))
    assert len(changes) < 60
    assert seen > 8 * 400
    assert right / seen > 0.8, "the end lies within what was said"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0, 5, "less than a minute to go"),
        (30, 59.9, "less than a minute to go"),
        (20, 70, "up to 1 minute to go"),
        (61, 80, "about 1 minute to go"),
        (70, 170, "about 1 to 3 minutes to go"),
        (290, 310, "about 5 minutes to go"),
        (3_000, 5_000, "about 50 to 83 minutes to go"),
        (3_000, 7_200, "about 1 to 2 hours to go"),
        (9_000, 12_600, "about 2.5 to 3.5 hours to go"),
        (30, None, ""),
        (65, None, "at least 1 minute to go"),
        (7_200, None, "at least 2 hours to go"),
    ],
)
def test_spans_in_words(low: float, high: float | None, said: str) -> None:
    assert in_words(low, high) == said
