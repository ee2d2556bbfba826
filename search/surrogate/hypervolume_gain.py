"""Batches of candidates by expected gain in hypervolume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..dominance import BoolArray, nondominated
from ..objective import FloatArray
from ..scaling import unit_scaled

FARTHEST = 1e3
"""Guesses farther than this from the box between ideal and reference, in its size, say no more than this far."""

POINTS = 1024
"""Random points that measure volumes of three and more objectives."""

MOST_DRAWS = 16
"""Rounds of drawing until so many of them are undominated; behind a large front few are."""


def boxed(values: FloatArray, ideal: FloatArray, reference: FloatArray) -> FloatArray:
    """Objectives scaled so that ``ideal`` becomes 0 and ``reference`` 1, within :data:`FARTHEST`; NaN counts as worst.

    Args:
        values: float64 [..., n_objectives].
        ideal: Best corner, float64 [n_objectives].
        reference: Worst corner, float64 [n_objectives].
    """
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = unit_scaled(values, ideal, reference)
    return np.clip(np.nan_to_num(scaled, nan=FARTHEST), -FARTHEST, FARTHEST)


def gains(front: FloatArray, values: FloatArray, reference: FloatArray) -> FloatArray:
    """Hypervolume that each of ``values`` would add to a front of two objectives.

    Args:
        front: Non-dominated, float64 [f, 2], minimised; may be empty.
        values: float64 [..., 2].
        reference: The worst corner, float64 [2].

    Returns:
        float64 [...].
    """
    inside = front[(front < reference).all(axis=1)]
    inside = inside[np.argsort(inside[:, 0], kind="stable")]
    # Strips between the front's members; what is undominated in each lies under the height of its left member.
    left = np.concatenate([[-np.inf], inside[:, 0]])
    right = np.concatenate([inside[:, 0], reference[:1]])
    height = np.concatenate([reference[1:], inside[:, 1]])
    width = np.clip(right - np.maximum(left, values[..., :1]), 0.0, None)
    return np.asarray((width * np.clip(height - values[..., 1:], 0.0, None)).sum(axis=-1))


class GreedyGain:
    """Picks candidates one by one, each by its mean gain over samples of what the model holds possible.

    Every sample is a joint guess at all candidates' objectives; a pick joins the front of each sample at its guessed
    place, so that later picks do not crowd around it. One objective counts by improvement over the best, two exactly,
    more by random points in the undominated box.

    Args:
        front: Non-dominated objectives so far, float64 [f, n_objectives].
        samples: float64 [n_samples, n_candidates, n_objectives], finite.
        reference: The worst corner, float64 [n_objectives].
        chance: Probability that a candidate is feasible, float64 [n_candidates]; its gain is weighted with it.
        rng: Draws the points.

    Source: Daulton, Balandat and Bakshy 2020, "Differentiable expected hypervolume improvement for parallel
    multi-objective Bayesian optimization", section 3 (sequential greedy, sampled); the weight: Gardner et al. 2014,
    "Bayesian optimization with inequality constraints".
    """

    def __init__(
        self,
        front: FloatArray,
        samples: FloatArray,
        reference: FloatArray,
        chance: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        self._samples = samples
        self._reference = reference
        self._chance = chance
        self._exact = samples.shape[2] == 2
        self._open = np.ones(samples.shape[1], dtype=bool)
        if self._exact:
            self._fronts = [front] * len(samples)
            self._gain = np.stack([gains(front, sample, reference) for sample in samples])
        else:
            self._covers, self._alive = _covered(front, samples, reference, rng)

    def take(self, candidate: int) -> None:
        """Let a candidate join the front of every sample."""
        self._open[candidate] = False
        if not self._exact:
            self._alive &= self._covers[:, candidate] == 0
            return
        for s, sample in enumerate(self._samples):
            if self._gain[s, candidate] > 0:
                joined = np.concatenate([self._fronts[s], sample[candidate : candidate + 1]])
                self._fronts[s] = joined[nondominated(joined)]
                self._gain[s] = gains(self._fronts[s], sample, self._reference)

    def best(self) -> int | None:
        """The candidate of largest expected gain that was not taken; None when none gains."""
        if not self._open.any():
            return None
        gain = self._gain.mean(axis=0) if self._exact else self._counted()
        gain = np.where(self._open, gain * self._chance, 0.0)
        winner = int(gain.argmax())
        return winner if gain[winner] > 0 else None

    def _counted(self) -> FloatArray:
        """Mean share of the random points that each candidate would newly dominate, float64 [n_candidates]."""
        newly = np.matmul(self._covers, self._alive[:, :, None].astype(np.float32))[:, :, 0]
        return np.asarray(newly.mean(axis=0, dtype=np.float64))


def _covered(
    front: FloatArray, samples: FloatArray, reference: FloatArray, rng: np.random.Generator
) -> tuple[NDArray[np.float32], BoolArray]:
    """Which random undominated points candidates dominate, 0 or 1 [s, c, p], and that all are open yet, [s, p]."""
    low = np.minimum(samples.reshape(-1, len(reference)).min(axis=0), reference)
    points = np.empty((0, len(reference)))
    for _ in range(MOST_DRAWS):
        draw = low + (reference - low) * rng.random((4 * POINTS, len(reference)))
        dominated = np.zeros(len(draw), dtype=bool)
        for start in range(0, len(front), 64):
            dominated |= (front[start : start + 64, None, :] <= draw).all(axis=2).any(axis=0)
        points = np.concatenate([points, draw[~dominated]])[:POINTS]
        if len(points) == POINTS:
            break
    covers: NDArray[np.float32] = np.asarray((samples[:, :, None, :] <= points).all(axis=3), dtype=np.float32)
    return covers, np.ones((len(samples), len(points)), dtype=bool)
