"""Latency or energy of a new device from a few measurements: transfer from other devices, and from imagined ones."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..hw_targets.fingerprint import usable_cores
from ..spaces.design import Designs
from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .encodings.encoding import encoding_of
from .few_shot_posterior import OFFSET_VARIANCE, Kernels, Posterior, infer
from .most_informative import most_informative
from .pool import Pool
from .pooled import PooledPredictor
from .positive import check_positive
from .prediction import FloatArray, Prediction
from .source_profiles import SourceProfiles

TRANSFER_RANGE = (-4.5, 0.0)
"""Log10 of the prior variance of a group of features, relative to the squared mean of the metric."""

CHOICE_VARIANCE = 0.145
"""Of a group, where designs to measure are chosen; the mean over the draws is about this."""

REST_RANGE = (-6.0, -2.5)
"""The same of what neither imagined nor real devices show."""

NOISE_RANGE = (-6.0, -1.0)
"""Log10 of the noise's variance, relative to the squared mean of the metric: from exact models to phones."""

CHOICE_NOISE = 1e-3
"""Noise that is reckoned with where designs to measure are chosen."""

CHOICE_CANDIDATES = 3000
"""Designs among which those to measure are looked for, at most."""

SMALLEST = 0.5
"""Predictions below this share of the least measurement bend, so that they stay positive and in order."""

BLOCK = 1024
"""Designs that are predicted together, so that memory stays bounded."""

MOST_ALONE = 150
"""Measurements of a single table that are learnt from as a device's own; of more, a linear model suffices."""

Group = tuple[FloatArray, ...]
"""Blocks of features that share a prior variance."""


class FewShot(PooledPredictor):
    """A Gaussian process over the relative metric, whose covariance says how devices differ.

    Its groups of features: principal profiles of imagined devices (random rooflines per kind of operator, see
    :mod:`.encodings.imagined_devices`), once in proportion and once flattened, so that a device unlike any of the pool
    is still a device; the profiles of the pool's devices, which carry what is common to real ones, those that are
    modelled or simulated in a group of their own; and the layers and choices for the rest. The prior mean is the mean
    profile of the pool's measured devices, if it has any. The variances of the groups and of the noise
    are averaged over, and outliers lose weight, see :func:`~.few_shot_posterior.infer`. The metric itself is modelled,
    not its logarithm, because operators' times add up.

    In spaces without workloads, choices stand for the imagined devices. Without a pool, :meth:`fit` learns from a
    device's own measurements and the imagined devices alone. One configuration serves all spaces, devices and metrics.
    :meth:`choose` takes the designs that tell most about the device (D-optimal, by the prior covariance).

    Args:
        space: The design space.
        metric: Metric name, with its unit.

    Source: transfer by a Gaussian process over tasks as Bonilla, Chai and Williams, "Multi-task Gaussian process
    prediction", NeurIPS 2007; devices as HELP (Lee et al., NeurIPS 2021) poses the problem.
    """

    kind: ClassVar[str] = "few_shot"

    def __init__(self, space: Space, metric: str) -> None:
        super().__init__(space, metric)
        self._sources: SourceProfiles | None = None
        self._posterior: Posterior | None = None

    def options(self) -> dict[str, Any]:
        return {}

    def choose(self, candidates: Designs, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Designs of largest remaining variance, one after the other; what was adapted to already counts as known.

        Without a pool and before :meth:`fit` it chooses by the imagined devices; then what was fitted counts as known.
        """
        drawn = rng.permutation(len(candidates))[: max(CHOICE_CANDIDATES, 2 * k)]
        groups, _ = self._groups(np.concatenate([candidates.codes[drawn], self._known_codes()]))
        every = [np.sqrt(CHOICE_VARIANCE) * block for group in groups[:-1] for block in group]
        every.append(np.full((len(every[0]), 1), np.sqrt(OFFSET_VARIANCE)))
        stacked = np.concatenate(every, axis=1)
        return drawn[most_informative(stacked[: len(drawn)], stacked[len(drawn) :], k, CHOICE_NOISE)]

    def _fit_pool(self, pool: Pool) -> None:
        self._sources, self._posterior = SourceProfiles.of(pool), None

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        super()._fit(codes, y)
        if len(y) <= MOST_ALONE:
            self._sources = None
            self._condition(codes, y)

    def _adapt(self, codes: Codes, y: FloatArray) -> None:
        if self._sources is None:
            self._sources = SourceProfiles.of(self.pool)
        self._condition(codes, y)

    def _condition(self, codes: Codes, y: FloatArray) -> None:
        """Learn from the device's own ``y``, float64 [k], of int64 ``codes`` [k, n_knobs].

        Raises:
            PredictorError: When a value is not positive.
        """
        check_positive(self.metric, y)
        self._unit = float(y.mean())
        self._floor = SMALLEST * float(y.min()) / self._unit
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
            return self.sources.typical(encoding_of(self.space)(codes))
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
        rest = (features.layers, features.counts, features.choices)
        first: list[Group] = [(features.choices,)]
        if features.roofline.shape[1]:
            first = [(features.roofline,), (features.flattened,)]
        if self._sources is None:
            return [*first, rest], features.typical
        profiles, prior = self._sources.relative(features)
        return [*first, *((block,) for block in profiles), rest], prior

    @property
    def sources(self) -> SourceProfiles:
        """What was learnt of the pool's devices.

        Raises:
            PredictorError: When it was fitted without a pool, or not at all.
        """
        if self._sources is None:
            raise PredictorError("the predictor knows no other devices", "call fit_pool first")
        return self._sources

    def _known_codes(self) -> Codes:
        first = 0 if self._sources is None else len(self.codes) - self.n_adapted
        return self.codes[first:]

    def _learnt(self) -> dict[str, FloatArray]:
        return {} if self._sources is None else self._sources.arrays()

    def _restore_learnt(self, state: Mapping[str, FloatArray]) -> None:
        if state:
            self._sources = SourceProfiles.restored(self.space, state)
        else:
            kept = len(self.observed) - self.n_adapted
            self._condition(self.codes[:kept], self.observed[:kept])


def _products(new: Group, old: Group) -> FloatArray:
    """Inner products of two sets of designs, float64 [n, k], of blocks that share one unit of variance."""
    return np.asarray(sum(a @ b.T for a, b in zip(new, old, strict=True))) / len(new)


def _squares(group: Group) -> FloatArray:
    """Inner products of designs with themselves, float64 [n]."""
    return np.asarray(sum(np.einsum("ij,ij->i", block, block) for block in group)) / len(group)


def _positive(mean: FloatArray, floor: float) -> FloatArray:
    """Means, float64 [n], of which those below the floor fall off exponentially instead of below zero."""
    return np.where(mean < floor, floor * np.exp(np.clip((mean - floor) / floor, -500.0, 0.0)), mean)
