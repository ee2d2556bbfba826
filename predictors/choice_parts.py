"""Designs as indicators of their knobs' values, and of the parts that values' names share."""

from __future__ import annotations

import numpy as np

from ..spaces.knobs import Categorical, Codes, Knob
from ..spaces.space import Space
from .one_hot import OneHot
from .prediction import FloatArray

BETWEEN = "_"
"""Separates the first part of a name from the rest."""


class ChoiceParts:
    """:class:`~.one_hot.OneHot`, but for a value named ``k3_e6`` one indicator of its ``k3`` and one of its ``e6``.

    What two values of a knob have in common is then learnt from both. Values whose names have one part keep an
    indicator of their own, and so do those of knobs whose names have no parts, numbers among them.

    Args:
        space: The space.

    Source: for FBNet, the encoding of the code published with Lee et al. 2021, "HELP", arXiv 2106.08630, where
    ``skip`` alone has no indicator.
    """

    def __init__(self, space: Space) -> None:
        self._one_hot = OneHot(space)
        owner = self._one_hot.owner
        knobs = [space.knob(name) for name in space.names]
        place: dict[tuple[int, int, str], int] = {}
        hits: list[tuple[int, int]] = []
        seen = dict.fromkeys(range(space.n_knobs), 0)
        for column, j in enumerate(owner.tolist()):
            parts = _parts(knobs[j], seen[j])
            seen[j] += 1
            hits += [(column, place.setdefault((j, *part), len(place))) for part in parts]
        self._has = np.zeros((len(owner), len(place)))
        self._has[tuple(np.array(hits).T)] = 1.0

    @property
    def width(self) -> int:
        """Columns."""
        return self._has.shape[1]

    def __call__(self, codes: Codes) -> FloatArray:
        """Columns of int64 ``codes`` [n, n_knobs], float64 [n, width]."""
        return np.asarray(self._one_hot(codes) @ self._has)


def _parts(knob: Knob, column: int) -> list[tuple[int, str]]:
    """What a knob's column stands for: its number alone, or for a name of two parts first and rest."""
    name = knob.values[column] if isinstance(knob, Categorical) and column < knob.n else ""
    if not isinstance(name, str) or BETWEEN not in name:
        return [(0, str(column))]
    first, _, rest = name.partition(BETWEEN)
    return [(1, first), (2, rest)]
