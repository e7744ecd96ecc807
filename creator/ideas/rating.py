"""Ratings from comparisons: a Bradley-Terry fit on Elo's scale, with intervals from resampled matches.

The strengths are the most likely ones under independent normal priors, as ``choix.opt_pairwise`` gives them; that takes
six seconds for a thousand ideas, and an interval needs hundreds of fits. So all of them are solved here side by side,
by Newton's method, which takes about as long as one. Whoever imports this module waits for numpy and scipy, so it is
imported where something is rated.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit

Floats = NDArray[np.float64]

ELO: Final = 400 / math.log(10)
"""Points of Elo's scale for one unit of strength: 400 points more are odds of ten to one."""
MEAN: Final = 1500.0
PRIOR_DEVIATION: Final = 2.0
"""Of an idea's strength before anybody compared it: 350 points. Weak, but it keeps a winner of all matches finite."""
SAMPLES: Final = 400
SHARE: Final = 95.0
"""Per cent of the samples that lie within an interval."""

_NEWTON_STEPS: Final = 30
_LONGEST_STEP: Final = 2.0
_PRECISE: Final = 1e-4
"""Units of strength: a hundredth of a point."""
_SOLVER_STEPS: Final = 60


class Result(NamedTuple):
    """One match: its verdicts, all on the same two ideas.

    Attributes:
        first: Number of one idea.
        second: Number of the other.
        won: Verdicts that preferred the first.
        lost: Verdicts that preferred the second.
    """

    first: int
    second: int
    won: int
    lost: int


class Estimate(NamedTuple):
    """A value, and the interval that 95 % of the bootstrap samples lie in."""

    value: float
    low: float
    high: float


class Ratings:
    """The ratings of ideas, from their matches.

    For the intervals each match is counted anew in each sample: as often as a Poisson draw of mean one says, with all
    its verdicts. So a match stands or falls as a whole, as its verdicts are not independent of each other. Each prior
    is drawn anew too, since without that an idea of few matches would seem to be known exactly. An idea that nobody
    compared gets the mean rating, and the interval of the prior: about 700 points either way.

    Args:
        numbers: Of all ideas, those that nobody compared included.
        results: The matches among them.
        seed: For the samples.
        samples: How many.
    """

    def __init__(self, numbers: Sequence[int], results: Sequence[Result], *, seed: int, samples: int = SAMPLES) -> None:
        self._index = {number: index for index, number in enumerate(numbers)}
        random = np.random.default_rng(seed % 2**63)
        fit = _Fit(len(self._index), [(self._index[one.first], self._index[one.second], *one[2:]) for one in results])
        size = (samples, len(self._index))
        own = fit.solve(np.ones((1, len(results))), np.zeros((1, size[1])), np.zeros((1, size[1])))
        weights = random.poisson(1.0, (samples, len(results))).astype(float)
        sampled = fit.solve(weights, random.normal(0, PRIOR_DEVIATION, size), np.repeat(own, samples, axis=0))
        self._strengths = _centred(own)[0]
        self._samples = _centred(sampled)

    def rating(self, number: int) -> Estimate:
        """The rating of one idea, on Elo's scale."""
        return self.mean([number])

    def mean(self, numbers: Collection[int]) -> Estimate:
        """The mean rating of some ideas, on Elo's scale."""
        indexes = [self._index[number] for number in numbers]
        value = float(self._strengths[indexes].mean())
        estimate = _estimate(value, self._samples[:, indexes].mean(axis=1))
        return Estimate(*(MEAN + ELO * one for one in estimate))

    def preferred(self, ours: Collection[int], theirs: Collection[int]) -> Estimate:
        """How likely a random idea of ours is preferred to a random one of theirs: the mean over all pairs."""
        left, right = ([self._index[number] for number in side] for side in (ours, theirs))
        shares = (_share(one[left], one[right]) for one in self._samples)
        return _estimate(_share(self._strengths[left], self._strengths[right]), np.fromiter(shares, float))


def _centred(strengths: Floats) -> Floats:
    centred: Floats = strengths - strengths.mean(axis=1, keepdims=True) if strengths.shape[1] else strengths
    return centred


def _share(ours: Floats, theirs: Floats) -> float:
    return float(expit(ours[:, None] - theirs[None, :]).mean())


def _estimate(value: float, samples: Floats) -> Estimate:
    low, high = np.percentile(samples, [50 - SHARE / 2, 50 + SHARE / 2])
    return Estimate(value, min(value, float(low)), max(value, float(high)))


class _Fit:
    """Many fits of the same matches at once, each with weights and prior means of its own.

    Args:
        count: How many ideas there are.
        results: By index: two ideas, verdicts for the first, verdicts for the second.
    """

    def __init__(self, count: int, results: Sequence[tuple[int, int, int, int]]) -> None:
        table = np.array(results, dtype=float).reshape(-1, 4)
        rows = np.arange(len(table))
        self._first, self._second = table[:, 0].astype(int), table[:, 1].astype(int)
        self._won, self._verdicts = table[:, 2], table[:, 2] + table[:, 3]
        ones, shape = np.ones(len(table)), (len(table), count)
        first = csr_array((ones, (rows, self._first)), shape=shape)
        second = csr_array((ones, (rows, self._second)), shape=shape)
        self._difference: Any = first - second
        self._either: Any = first + second

    def solve(self, weights: Floats, prior: Floats, start: Floats) -> Floats:
        """The most likely strengths of each fit.

        Args:
            weights: How often each match counts; fits by matches.
            prior: The means of the priors; fits by ideas.
            start: Strengths to start from; fits by ideas.
        """
        precision = 1 / PRIOR_DEVIATION**2
        strengths = start.copy()
        for _ in range(_NEWTON_STEPS):
            chance = expit(strengths[:, self._first] - strengths[:, self._second])
            slope = (weights * (self._won - self._verdicts * chance)) @ self._difference
            slope -= precision * (strengths - prior)
            step = self._newton_step(weights * self._verdicts * chance * (1 - chance), precision, slope)
            longest = np.abs(step).max(axis=1, initial=0.0, keepdims=True)
            strengths += step * np.minimum(1, _LONGEST_STEP / np.maximum(longest, _PRECISE))
            if longest.max(initial=0.0) < _PRECISE:
                break
        return strengths

    def _newton_step(self, curvature: Floats, precision: float, slope: Floats) -> Floats:
        """Solve the Newton equations of all fits by conjugate gradients, with the diagonal as preconditioner."""
        diagonal = curvature @ self._either + precision
        step = np.zeros_like(slope)
        rest = slope
        scaled = rest / diagonal
        direction = scaled
        size = (rest * scaled).sum(axis=1, keepdims=True)
        for _ in range(_SOLVER_STEPS):
            if size.max(initial=0.0) < _PRECISE**2:
                break
            along = curvature * (direction[:, self._first] - direction[:, self._second])
            image = along @ self._difference + precision * direction
            length = size / np.maximum((direction * image).sum(axis=1, keepdims=True), np.finfo(float).tiny)
            step = step + length * direction
            rest = rest - length * image
            scaled = rest / diagonal
            before, size = size, (rest * scaled).sum(axis=1, keepdims=True)
            direction = scaled + size / np.maximum(before, np.finfo(float).tiny) * direction
        return step
