"""Ratings: the fit, its scale, and intervals that hold the truth."""

from __future__ import annotations

import choix
import numpy as np
import pytest

from creator.ideas.rating import ELO, MEAN, PRIOR_DEVIATION, Ratings, Result

IDEAS = 16


def strengths(seed: int, count: int = IDEAS) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(0, 1, count)
    return drawn - drawn.mean()


def matches(true: np.ndarray, rounds: int, seed: int) -> list[Result]:
    """Rounds of matches between random pairs, with two noisy verdicts each."""
    random = np.random.default_rng(seed)
    results = []
    for _ in range(rounds):
        order = random.permutation(len(true)).tolist()
        for first, second in zip(order[::2], order[1::2], strict=True):
            won = int(random.binomial(2, 1 / (1 + np.exp(true[second] - true[first]))))
            results.append(Result(first, second, won, 2 - won))
    return results


def width(ratings: Ratings) -> float:
    estimates = [ratings.rating(number) for number in range(IDEAS)]
    return float(np.mean([one.high - one.low for one in estimates]))


@pytest.mark.parametrize("seed", range(3))
def test_the_fit_is_that_of_choix(seed: int) -> None:
    results = matches(strengths(seed), 6, seed)
    verdicts = [
        pair for one in results for pair in [(one.first, one.second)] * one.won + [(one.second, one.first)] * one.lost
    ]
    known = choix.opt_pairwise(IDEAS, verdicts, alpha=1 / (2 * PRIOR_DEVIATION**2))
    ratings = Ratings(range(IDEAS), results, seed=1)
    assert [ratings.rating(number).value for number in range(IDEAS)] == pytest.approx(
        (MEAN + ELO * (known - known.mean())).tolist(), abs=0.1
    )


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held = total = 0
    for seed in range(40):
        true = strengths(seed)
        ratings = Ratings(range(IDEAS), matches(true, 6, seed), seed=seed)
        for number, strength in enumerate(true):
            estimate = ratings.rating(number)
            held += estimate.low <= MEAN + ELO * strength <= estimate.high
            total += 1
    assert 0.92 <= held / total <= 0.995


def test_intervals_shrink_with_more_matches() -> None:
    true = strengths(5)
    widths = [width(Ratings(range(IDEAS), matches(true, rounds, 5), seed=1)) for rounds in (3, 12, 48)]
    assert widths[0] > 1.3 * widths[1] > 1.3**2 * widths[2]


def test_the_same_seed_gives_the_same_intervals() -> None:
    results = matches(strengths(1), 5, 1)
    one, same, other = (Ratings(range(IDEAS), results, seed=seed) for seed in (7, 7, 8))
    assert one.rating(3) == same.rating(3)
    assert one.rating(3).value == other.rating(3).value
    assert one.rating(3) != other.rating(3)


def test_verdicts_of_one_match_stand_or_fall_together() -> None:
    """Eight judges that echo each other on every pair know no more than one."""
    results = matches(strengths(2), 8, 2)
    one = width(Ratings(range(IDEAS), results, seed=1))
    echoed = width(Ratings(range(IDEAS), [Result(*r[:2], 8 * r.won, 8 * r.lost) for r in results], seed=1))
    apart = width(Ratings(range(IDEAS), results * 8, seed=1))
    assert apart < 0.6 * one
    assert echoed > 1.5 * apart


def test_who_met_nobody_is_in_the_middle_and_unknown() -> None:
    ratings = Ratings([1, 2, 3, 4], [Result(1, 2, 2, 0)], seed=1)
    unknown = ratings.rating(4)
    assert unknown.value == pytest.approx(MEAN)
    assert 800 < unknown.low < 1200 < 1800 < unknown.high < 2200
    assert ratings.rating(1).value > MEAN > ratings.rating(2).value


def test_one_match_proves_nothing() -> None:
    ratings = Ratings([1, 2], [Result(1, 2, 2, 0)], seed=1)
    share = ratings.preferred([1], [2])
    assert share.low < 0.5 < share.value < share.high


def test_a_winner_of_everything_stays_finite() -> None:
    results = [Result(a, b, 2, 0) for a in range(10) for b in range(a + 1, 10)]
    ratings = Ratings(range(10), results, seed=1)
    values = [ratings.rating(number).value for number in range(10)]
    assert values == sorted(values, reverse=True)
    assert np.isfinite([ratings.rating(0), ratings.rating(9)]).all()


def test_nobody_and_nothing_to_go_by() -> None:
    assert Ratings([9], [], seed=1).rating(9).value == MEAN
    Ratings([], [], seed=1)
    alike = Ratings([1, 2, 3], [Result(1, 2, 0, 0)], seed=-1)
    assert alike.rating(1).value == pytest.approx(MEAN)


def test_the_share_is_the_mean_over_all_pairs() -> None:
    true = np.array([1.5] * 8 + [-1.5] * 8)
    ratings = Ratings(range(IDEAS), matches(true, 20, 3), seed=1)
    ours, theirs = range(8), range(8, 16)
    share, back = ratings.preferred(ours, theirs), ratings.preferred(theirs, ours)
    assert share.low > 0.85 and share.high < 1
    assert share.value == pytest.approx(1 - back.value)
    assert share.low == pytest.approx(1 - back.high)
    pairs = [ratings.preferred([a], [b]).value for a in ours for b in theirs]
    assert share.value == pytest.approx(np.mean(pairs))
    assert ratings.preferred(ours, ours).value == pytest.approx(0.5)


def test_a_mean_is_known_better_than_its_parts() -> None:
    ratings = Ratings(range(IDEAS), matches(strengths(4), 8, 4), seed=1)
    mean, parts = ratings.mean(range(8)), [ratings.rating(number) for number in range(8)]
    assert mean.value == pytest.approx(np.mean([one.value for one in parts]))
    assert mean.high - mean.low < min(one.high - one.low for one in parts)
