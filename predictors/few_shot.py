"""Latency or energy of a new device from a few measurements: transfer from other devices, and from imagined ones."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..hw_targets.fingerprint import usable_cores
from ..spaces.design import Designs
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .encodings.encoding import Features, encoding_of
from .evidence import fit_evidence_each
from .few_shot_posterior import OFFSET_VARIANCE, Kernels, Posterior, infer
from .most_informative import most_informative
from .pool import Pool
from .pooled import PooledPredictor
from .prediction import FloatArray, Prediction

TRANSFER_RANGE = (-4.5, 0.0)
"""Log10 of the prior variance of a group of features, relative to the squared mean of the metric."""

CHOICE_VARIANCE = 0.145
"""Of a group, where designs to measure are chosen; the mean over the draws is about this."""

REST_RANGE = (-6.0, -2.5)
"""The same of what neither imagined nor real devices show."""

NOISE_RANGE = (-6.0, -1.3)
"""Log10 of the noise's variance, relative to the squared mean of the metric: from exact models to phones."""

CHOICE_NOISE = 1e-3
"""Noise that is reckoned with where designs to measure are chosen."""

CHOICE_CANDIDATES = 3000
"""Designs among which those to measure are looked for, at most."""

OUTLIER = 8.0
"""Values of a source further from its median than so many robust deviations are pulled back to there."""

SMALLEST = 0.5
"""Predictions below this share of the least measurement bend, so that they stay positive and in order."""

BLOCK = 1024
"""Designs that are predicted together, so that memory stays bounded."""

REFERENCE_DESIGNS = 2000
"""Random designs over which features are compared in size."""

Group = tuple[FloatArray, ...]
"""Blocks of features that share a prior variance."""


class FewShot(PooledPredictor):
    """A Gaussian process over the relative metric, whose covariance says how devices differ.

    Its groups of features: principal profiles of imagined devices (random rooflines per kind of operator, see
    :mod:`.encodings.imagined_devices`), once in proportion and once flattened, so that a device unlike any of the pool
    is still a device; the profiles of the pool's devices, which carry what is common to real ones; and the layers and
    choices for the rest. The prior mean is the mean profile of the pool. The variances of the groups and of the noise
    are averaged over, and outliers lose weight, see :func:`~.few_shot_posterior.infer`. The metric itself is modelled,
    not its logarithm, because operators' times add up.

    In spaces without workloads, choices stand for the imagined devices. One configuration serves all spaces, devices
    and metrics. :meth:`choose` takes the designs that tell most about the device (D-optimal, by the prior covariance).

    Args:
        space: The design space.
        metric: Metric name, with its unit.

    Source: transfer by a Gaussian process over tasks as Bonilla, Chai and Williams, "Multi-task Gaussian process
    prediction", NeurIPS 2007; devices as HELP (Lee et al., NeurIPS 2021) poses the problem.
    """

    kind: ClassVar[str] = "few_shot"

    def __init__(self, space: Space, metric: str) -> None:
        super().__init__(space, metric)
        self._posterior: Posterior | None = None

    def options(self) -> dict[str, Any]:
        return {}

    def choose(self, candidates: Designs, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Designs of largest remaining variance, one after the other; what was adapted to already counts as known."""
        self._check_fitted()
        drawn = rng.permutation(len(candidates))[: max(CHOICE_CANDIDATES, 2 * k)]
        groups, _ = self._groups(np.concatenate([candidates.codes[drawn], self._adapted_codes()]))
        every = [np.sqrt(CHOICE_VARIANCE) * block for group in groups[:-1] for block in group]
        every.append(np.full((len(every[0]), 1), np.sqrt(OFFSET_VARIANCE)))
        stacked = np.concatenate(every, axis=1)
        return drawn[most_informative(stacked[: len(drawn)], stacked[len(drawn) :], k, CHOICE_NOISE)]

    def _fit_pool(self, pool: Pool) -> None:
        blocks = self._blocks(encoding_of(self.space)(pool.codes))
        x = np.concatenate([factor * block for block, factor in blocks], axis=1)
        self._weights, self._offset = np.empty((x.shape[1], len(pool))), np.empty(len(pool))
        self._level, self._error = np.empty(len(pool)), np.empty(len(pool))
        measured = np.isfinite(pool.values)
        _, group = np.unique(measured, axis=1, return_inverse=True)
        for same in range(int(group.max()) + 1):
            devices = np.flatnonzero(group.reshape(-1) == same)
            rows = measured[:, devices[0]]
            y = _without_outliers(pool.values[np.ix_(rows, devices)])
            level = y.mean(axis=0)
            self._weights[:, devices], self._offset[devices], left_out = fit_evidence_each(x[rows], y / level)
            self._level[devices] = level
            self._error[devices] = np.sqrt(np.mean((y / level - left_out) ** 2, axis=0))
        self._prepare()

    def _prepare(self) -> None:
        """Scales that follow from what was learnt; the adaptation is forgotten."""
        self._posterior = None
        codes = self.space.sample(np.random.default_rng(2), REFERENCE_DESIGNS)
        features = encoding_of(self.space)(codes)
        deviation = features.roofline.std(axis=0)
        self._flatten = np.divide(1.0, np.sqrt(deviation), out=np.zeros_like(deviation), where=deviation > 0)
        self._flatten /= _row_norm(features.roofline * self._flatten)
        profiles = self._profiles(features)
        self._means = profiles.mean(axis=0)
        self._spread = _row_norm(profiles / self._means - 1.0)

    def _adapt(self, codes: Codes, y: FloatArray) -> None:
        self._unit = float(np.mean(np.abs(y))) or 1.0
        self._floor = SMALLEST * float(np.abs(y).min()) / self._unit
        self._measured, prior = self._groups(codes)
        grams = np.stack([_products(group, group) for group in self._measured])
        residual = y / self._unit - 1.0 - prior
        ranges = [TRANSFER_RANGE] * (len(grams) - 1) + [REST_RANGE, NOISE_RANGE]
        self._posterior = infer(grams, residual, ranges)

    def _predict(self, codes: Codes) -> Prediction:
        pieces = [codes[i : i + BLOCK] for i in range(0, len(codes), BLOCK)]
        if len(pieces) > 1:
            from threadpoolctl import threadpool_limits

            # Most of the work is in array operations, which let other threads run; products have none of their own.
            with threadpool_limits(1, "blas"), ThreadPoolExecutor(usable_cores()) as pool:
                blocks = list(pool.map(self._predict_block, pieces))
        else:
            blocks = [self._predict_block(piece) for piece in pieces]
        mean, std = (np.concatenate(part) for part in zip(*[*blocks, (np.empty(0), np.empty(0))], strict=True))
        return Prediction(mean, std)

    def _predict_block(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        if self._posterior is None:
            each = self._level * self._profiles(encoding_of(self.space)(codes))
            spread = each.var(axis=1) + np.mean((self._level * self._error) ** 2)
            return each.mean(axis=1), np.sqrt(np.maximum(spread, 1e-18 * np.mean(self._level) ** 2))
        groups, prior = self._groups(codes)
        cross = np.stack([_products(new, old) for new, old in zip(groups, self._measured, strict=True)])
        kernels = Kernels(cross, np.stack([_squares(group) for group in groups]))
        mean, variance = self._posterior.predict(kernels)
        relative = _positive(1.0 + prior + mean, self._floor)
        return self._unit * relative, self._unit * np.sqrt(variance)

    def _groups(self, codes: Codes) -> tuple[list[Group], FloatArray]:
        """Features of int64 ``codes`` [n, n_knobs] in groups of unit mean variance, and the prior mean, float64 [n].

        What is least expected comes last.
        """
        features = encoding_of(self.space)(codes)
        profiles = self._profiles(features) / self._means - 1.0
        imagined: list[Group] = [(features.roofline,), (features.roofline * self._flatten,)]
        first = imagined if features.roofline.shape[1] else [(features.choices,)]
        rest = (features.layers, features.counts, features.choices)
        return [*first, (profiles / self._spread,), rest], profiles.mean(axis=1)

    def _profiles(self, features: Features) -> FloatArray:
        """The metric on each device of the pool over its mean there, float64 [n, n_devices]."""
        blocks, row = self._blocks(features), 0
        found = np.tile(self._offset, (len(features.choices), 1))
        for block, factor in blocks:
            width = block.shape[1]
            found += block @ (factor * self._weights[row : row + width])
            row += width
        return found

    def _blocks(self, features: Features) -> list[tuple[FloatArray, float]]:
        """All features, with the proportion in which they are expected to explain the metric."""
        return [(features.roofline, 3.0), (features.layers, 1.0), (features.counts, 1.0), (features.choices, 1.0)]

    def _adapted_codes(self) -> Codes:
        return self.codes[len(self.codes) - self.n_adapted :]

    def _learnt(self) -> dict[str, FloatArray]:
        return {"weights": self._weights, "offset": self._offset, "level": self._level, "error": self._error}

    def _restore_learnt(self, state: Mapping[str, FloatArray]) -> None:
        self._weights, self._offset = state["weights"], state["offset"]
        self._level, self._error = state["level"], state["error"]
        self._prepare()


def _products(new: Group, old: Group) -> FloatArray:
    """Inner products of two sets of designs, float64 [n, k], of blocks that share one unit of variance."""
    return np.asarray(sum(a @ b.T for a, b in zip(new, old, strict=True))) / len(new)


def _squares(group: Group) -> FloatArray:
    """Inner products of designs with themselves, float64 [n]."""
    return np.asarray(sum(np.einsum("ij,ij->i", block, block) for block in group)) / len(group)


def _without_outliers(y: FloatArray) -> FloatArray:
    """Values of float64 [n, m] at most :data:`OUTLIER` robust deviations from their column's median."""
    median = np.median(y, axis=0)
    deviation = 1.4826 * np.median(np.abs(y - median), axis=0)
    reach = np.where(deviation > 0, OUTLIER * deviation, np.inf)
    return np.clip(y, median - reach, median + reach)


def _positive(mean: FloatArray, floor: float) -> FloatArray:
    """Means, float64 [n], of which those below the floor fall off exponentially instead of below zero."""
    return np.where(mean < floor, floor * np.exp(np.minimum(mean - floor, 0.0) / max(floor, 1e-12)), mean)


def _row_norm(block: FloatArray) -> float:
    return float(np.sqrt((block**2).sum(axis=1).mean())) or 1.0
