"""Designs as counts of values over knobs alike, such as operators over layers."""

from __future__ import annotations

import numpy as np

from ..spaces.knobs import Codes
from ..spaces.space import Space
from .prediction import FloatArray


def value_counts(space: Space, codes: Codes) -> FloatArray:
    """How often each value is taken among knobs of the same values.

    Args:
        space: The space.
        codes: int64 [n, n_knobs].

    Returns:
        float64 [n, n_columns], a column for each value of each group of two or more such knobs.
    """
    groups: dict[str, list[int]] = {}
    for column, name in enumerate(space.names):
        groups.setdefault(repr(space.knob(name).spec()), []).append(column)
    counts = [
        (codes[:, columns, None] == np.arange(size)).sum(axis=1).astype(np.float64)
        for columns in groups.values()
        if len(columns) > 1
        for size in (int(space.cardinalities[columns[0]]),)
    ]
    return np.hstack(counts) if counts else np.empty((len(codes), 0))
