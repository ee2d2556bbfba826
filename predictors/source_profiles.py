"""How the metric of designs varies on the devices of a pool, for any design: linear models over their encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..hw_targets.measuring import MAD_TO_STD
from ..spaces.space import Space
from .encodings.encoding import Features, encoding_of
from .evidence import fit_evidence_each
from .pool import Pool
from .prediction import FloatArray

OUTLIER = 8.0
"""Values of a device further from its median than so many robust deviations are pulled back to there."""

REFERENCE_DESIGNS = 2000
"""Random designs over which devices are brought to one level."""

ROOFLINE = 3.0
"""Weight of imagined devices' profiles among the features: how much more of the metric they are expected to explain."""

FLAT = 1e-6
"""Spread below which devices tell designs apart by rounding errors alone, so that it is not scaled to one."""

LEARNT = ("weights", "offset", "level", "error", "modelled")
"""What is kept of a pool; the rest follows from it."""


@dataclass(frozen=True, slots=True)
class SourceProfiles:
    """Ridge regressions of the metric, divided by its mean on each device, over the features of designs.

    Attributes:
        weights: float64 [n_columns, n_devices].
        offset: float64 [n_devices].
        level: Mean of the metric on each device, float64 [n_devices].
        error: Leave-one-out error of the metric over its level, root mean square, float64 [n_devices].
        modelled: 1 for a device that nobody measured, else 0, float64 [n_devices].
        mean: Of the predicted relative metric over random designs, float64 [n_devices].
        spread: Root mean square of the profiles' rows over random designs, of each of :attr:`kinds`.
    """

    weights: FloatArray
    offset: FloatArray
    level: FloatArray
    error: FloatArray
    modelled: FloatArray
    mean: FloatArray
    spread: tuple[float, ...]

    @classmethod
    def of(cls, pool: Pool) -> Self:
        """Fit every device of a pool on the designs that it measured; penalties by evidence."""
        blocks = _blocks(encoding_of(pool.space)(pool.codes))
        x = np.concatenate([factor * block for block, factor in blocks], axis=1)
        weights, offset = np.empty((x.shape[1], len(pool))), np.empty(len(pool))
        level, error = np.empty(len(pool)), np.empty(len(pool))
        for rows, devices in pool.measured_alike():
            y = _without_outliers(pool.values[np.ix_(rows, devices)])
            level[devices] = y.mean(axis=0)
            y = y / level[devices]
            weights[:, devices], offset[devices], left_out = fit_evidence_each(x[rows], y)
            error[devices] = np.sqrt(np.mean((y - left_out) ** 2, axis=0))
        found = {"weights": weights, "offset": offset, "level": level, "error": error}
        return cls.restored(pool.space, found | {"modelled": pool.modelled.astype(np.float64)})

    @classmethod
    def restored(cls, space: Space, arrays: Mapping[str, FloatArray]) -> Self:
        """Back from :meth:`arrays`."""
        features = encoding_of(space)(space.sample(np.random.default_rng(2), REFERENCE_DESIGNS))
        profiles = _predict(features, arrays["weights"], arrays["offset"])
        mean = profiles.mean(axis=0)
        relative = profiles / mean - 1.0
        kinds = _kinds(arrays["modelled"])
        root = [float(np.sqrt((relative[:, kind] ** 2).sum(axis=1).mean())) for kind in kinds]
        spread = tuple(one if one > FLAT else 1.0 for one in root)
        return cls(**{name: arrays[name] for name in LEARNT}, mean=mean, spread=spread)

    def arrays(self) -> dict[str, FloatArray]:
        """What was learnt, as arrays by name."""
        return {name: getattr(self, name) for name in LEARNT}

    @property
    def kinds(self) -> list[NDArray[np.int64]]:
        """Columns of the devices that were measured, and of those that were not; int64 [m] each, none empty."""
        return _kinds(self.modelled)

    def relative(self, features: Features) -> tuple[list[FloatArray], FloatArray]:
        """The metric on each device over its mean there, less 1.

        Returns:
            For each of :attr:`kinds`, its devices' profiles over their spread, float64 [n, m]; and the mean profile of
            the first kind, float64 [n], so that many models do not outweigh one measured device.
        """
        profiles = _predict(features, self.weights, self.offset) / self.mean - 1.0
        kinds = self.kinds
        groups = [profiles[:, kind] / spread for kind, spread in zip(kinds, self.spread, strict=True)]
        return groups, profiles[:, kinds[0]].mean(axis=1)

    def typical(self, features: Features) -> tuple[FloatArray, FloatArray]:
        """Mean of the metric over the devices, measured ones if any, and the spread of all about it; float64 [n] each.

        The spread holds the errors of the regressions, too.
        """
        each = self.level * _predict(features, self.weights, self.offset)
        mean = each[:, self.kinds[0]].mean(axis=1)
        variance = np.mean((each - mean[:, None]) ** 2, axis=1) + np.mean((self.level * self.error) ** 2)
        return mean, np.sqrt(np.maximum(variance, 1e-18 * np.mean(self.level) ** 2))


def _kinds(modelled: FloatArray) -> list[NDArray[np.int64]]:
    return [kind for kind in (np.flatnonzero(modelled == 0), np.flatnonzero(modelled)) if len(kind)]


def _predict(features: Features, weights: FloatArray, offset: FloatArray) -> FloatArray:
    found, row = np.tile(offset, (len(features.choices), 1)), 0
    for block, factor in _blocks(features):
        width = block.shape[1]
        found += block @ (factor * weights[row : row + width])
        row += width
    return found


def _blocks(features: Features) -> list[tuple[FloatArray, float]]:
    """All features, with the proportion in which they are expected to explain the metric."""
    return [(features.roofline, ROOFLINE), (features.layers, 1.0), (features.counts, 1.0), (features.choices, 1.0)]


def _without_outliers(y: FloatArray) -> FloatArray:
    """Values of float64 [n, m] at most :data:`OUTLIER` robust deviations from their column's median."""
    median = np.median(y, axis=0)
    deviation = MAD_TO_STD * np.median(np.abs(y - median), axis=0)
    reach = np.where(deviation > 0, OUTLIER * deviation, np.inf)
    return np.clip(y, median - reach, median + reach)
