"""Features of designs: positions of ordered knobs, choices of unordered ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..spaces.knobs import INACTIVE, Codes
from ..spaces.space import Space

FloatArray = NDArray[np.float64]


def features(space: Space, codes: Codes, degree: int = 2) -> FloatArray:
    """Real features of encoded designs.

    An ordered knob gives the powers of its code's position in -1..1, an unordered one a column for each value, a knob
    that can be inactive a column for being active. Inactive knobs give zeros.

    Args:
        space: The space.
        codes: int64 [n, n_knobs].
        degree: Highest power for ordered knobs with enough values.

    Returns:
        float64 [n, n_features].
    """
    columns = []
    for j, high in enumerate(space.cardinalities.tolist()):
        code = codes[:, j]
        active = code != INACTIVE
        if space.ordered[j]:
            position = np.where(active, 2.0 * code / max(high - 1, 1) - 1.0, 0.0)
            columns += [position**power for power in range(1, min(degree, high - 1) + 1)]
        else:
            columns += [(code == value).astype(float) for value in range(high)]
        if space.is_conditional:
            columns.append(active.astype(float))
    return np.column_stack(columns) if columns else np.empty((len(codes), 0))
