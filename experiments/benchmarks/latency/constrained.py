"""The most accurate network within a latency, on a device that was measured a few times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....predictors.prediction import FloatArray, Prediction
from .methods import Contender

Measure = Callable[[NDArray[np.int64]], FloatArray]
"""Rows int64 [k] to their latency on the new device, ms, float64 [k]."""


FINALISTS = 3
"""Where accuracies are not known beforehand. Source: Lee et al. 2021, HELP's experiment on NAS-Bench-201."""


@dataclass(frozen=True)
class Rule:
    """How a network is decided on; fixed before any device is seen.

    Args:
        measurements: Of the new device for one constraint, all counted.
        verify: How many of them are kept back to measure candidates; with any, what is chosen has been measured
            within the constraint, if any measured network was.
        confidence: Where nothing is verified, the probability that a network must be predicted to hold with.
        ordered: Whether of the networks' merits only their order is known. Then those that are more likely than not to
            hold are measured in this order, and of the first three that hold the most accurate is taken, as HELP does.
    """

    measurements: int = 10
    verify: int = 3
    confidence: float = 0.95
    ordered: bool = False

    @property
    def finalists(self) -> int:
        """Of how many networks that hold the accuracy is looked at."""
        return FINALISTS if self.ordered else 1


class Device:
    """A new device: what was measured of it, and what is predicted from that.

    Args:
        contender: A predictor that knows other devices.
        measure: Measures networks on the device.
    """

    def __init__(self, contender: Contender, measure: Measure) -> None:
        self._contender = contender
        self._measure = measure
        self.designs = contender.tables.space.designs(contender.tables.codes)
        self.rows: NDArray[np.int64] = np.empty(0, np.int64)
        self.values: FloatArray = np.empty(0)

    def choose(self, k: int, rng: np.random.Generator) -> None:
        """Measure ``k`` networks that the predictor chooses."""
        self.add(self._contender.choose(self.designs, k, rng, at_random=False))

    def add(self, rows: NDArray[np.int64]) -> None:
        """Measure networks and learn from them."""
        self.rows = np.concatenate([self.rows, rows])
        self.values = np.concatenate([self.values, self._measure(rows)])
        known = self.designs.space.designs(self.designs.codes[self.rows])
        self.found: Prediction = self._contender.adapted(known, self.values).predict(self.designs)

    def probability(self, at_most: float) -> FloatArray:
        """That each network holds, float64 [n]: predicted, and 0 or 1 for those that were measured."""
        from scipy.special import ndtr

        spread = np.maximum(self.found.std, 1e-12)
        probability = np.asarray(ndtr((at_most - self.found.mean) / spread), dtype=np.float64)
        probability[self.rows] = self.values <= at_most
        return probability


def decide(
    device: Device, at_most: float, merit: FloatArray, accuracy: FloatArray, rule: Rule, rng: np.random.Generator
) -> int:
    """Choose a network.

    Without verification, the best of those that are predicted to hold with the rule's confidence. With it, networks are
    measured one after another where the gain over the best that holds, times the probability to hold, is greatest; the
    predictor learns from each; the best that was measured to hold is taken. That is constrained expected improvement
    (Gardner et al. 2014, "Bayesian optimization with inequality constraints") with merits that are known.

    Args:
        device: Not measured yet.
        at_most: Latency, ms.
        merit: What is known of each network beforehand, float64 [n], more is better, at least 0; -inf for networks that
            are no candidates.
        accuracy: What training would give, float64 [n]; looked at for the rule's finalists alone.
        rule: The rule.
        rng: Source of randomness.

    Returns:
        Its row.
    """
    device.choose(rule.measurements - rule.verify, rng)
    candidate = np.isfinite(merit)
    for _ in range(rule.verify):
        row, gain = _most_promising(device, at_most, np.where(candidate, merit, 0.0), rule)
        if not gain > 0.0:
            break
        device.add(np.array([row]))
    probability = device.probability(at_most)
    if rule.verify:
        allowed = device.rows[(device.values <= at_most) & candidate[device.rows]]
    else:
        allowed = np.flatnonzero((probability >= rule.confidence) & candidate)
    if not len(allowed):
        return int(np.argmax(np.where(candidate, probability, -1.0)))
    best = allowed[np.argsort(-merit[allowed], kind="stable")][: rule.finalists]
    return int(best[np.argmax(accuracy[best])])


def _most_promising(device: Device, at_most: float, merit: FloatArray, rule: Rule) -> tuple[int, float]:
    """The network that is expected to better the last of the finalists most, and by how much."""
    holding = np.sort(merit[device.rows[device.values <= at_most]])
    beaten = float(holding[-rule.finalists]) if len(holding) >= rule.finalists else 0.0
    probability = device.probability(at_most)
    weight = (probability >= 0.5).astype(np.float64) if rule.ordered else probability
    gain = np.maximum(merit - beaten, 0.0) * weight
    gain[device.rows] = 0.0
    return int(np.argmax(gain)), float(gain.max())
