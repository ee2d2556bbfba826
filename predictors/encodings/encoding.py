"""Features of designs for predictors that learn from little: imagined devices, layers, choices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...spaces.knobs import Codes
from ...spaces.space import Space
from ..choice_encoding import ChoiceEncoding
from ..prediction import FloatArray
from ..value_counts import value_counts
from .profiles import POPULATION, Profiles, slots_of

MOST_SPACES = 8
"""Spaces whose encodings are kept, some MiB each."""


@dataclass(frozen=True, slots=True)
class Features:
    """Blocks of features of ``n`` designs, each centred and scaled over random designs of the space.

    Rows of a block have a mean square of 1, so that an inner product of rows is a covariance of unit mean variance.

    Attributes:
        roofline: Principal profiles of imagined devices, with their share of the variance, float64 [n, r]; ``r`` is 0
            in spaces without workloads.
        flattened: The same with the square roots of their deviations, float64 [n, r].
        layers: The profiles of each slot, float64 [n, l].
        counts: How often each value is taken among knobs alike, float64 [n, c].
        choices: Indicators of values, with their products in small spaces, float64 [n, p].
        typical: Mean over imagined devices of the relative metric, less 1, float64 [n]; not scaled.
    """

    roofline: FloatArray
    flattened: FloatArray
    layers: FloatArray
    counts: FloatArray
    choices: FloatArray
    typical: FloatArray


class Encoding:
    """Features of the designs of one space.

    Args:
        space: The space.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._choices = ChoiceEncoding(space)
        slots = slots_of(space)
        self._profiles = Profiles(space, slots) if slots is not None else None
        raw = self._raw(space.sample(np.random.default_rng(1), POPULATION))
        self._centre = [block.mean(axis=0) for block in raw]
        centred = [block - centre for block, centre in zip(raw, self._centre, strict=True)]
        self._scale = [_root_mean_square(block) for block in centred]
        deviation = centred[0].std(axis=0)
        self._flatten = np.divide(1.0, np.sqrt(deviation), out=np.zeros_like(deviation), where=deviation > 0)
        self._flatten *= self._scale[0] / _root_mean_square(centred[0] * self._flatten)

    def __call__(self, codes: Codes) -> Features:
        """Features of int64 ``codes`` [n, n_knobs]."""
        raw = self._raw(codes)
        typical = raw[0] @ self._profiles.typical if self._profiles is not None else np.zeros(len(codes))
        # In place: in large batches these arrays are most of the work.
        for i, (centre, scale) in enumerate(zip(self._centre, self._scale, strict=True)):
            raw[i] -= centre
            raw[i] /= scale
        whole, each, counts, choices = raw
        return Features(whole, whole * self._flatten, each, counts, choices, typical)

    def _raw(self, codes: Codes) -> list[FloatArray]:
        nothing = np.empty((len(codes), 0))
        whole, each = self._profiles(codes) if self._profiles is not None else (nothing, nothing)
        return [whole, each, value_counts(self.space, codes), self._choices(codes)]


def _root_mean_square(block: FloatArray) -> float:
    return float(np.sqrt((block**2).sum() / max(len(block), 1))) or 1.0


_ENCODINGS: dict[Space, Encoding] = {}
"""Not by weak references: an encoding holds its space, so that none would ever be dropped."""


def encoding_of(space: Space) -> Encoding:
    """The encoding of a space, made once per space object: in large spaces of networks it takes seconds.

    The last :data:`MOST_SPACES` are kept.
    """
    found = _ENCODINGS.get(space)
    if found is None:
        found = _ENCODINGS[space] = Encoding(space)
        for oldest in list(_ENCODINGS)[:-MOST_SPACES]:
            _ENCODINGS.pop(oldest, None)
    return found
