"""Designs as indicators of their knobs' values, and of the parts that values' names share."""

from __future__ import annotations

import numpy as np

from ..spaces.knobs import Categorical, Codes, Knob
from ..spaces.space import Space
from .one_hot import MOST_VALUES, OneHot
from .prediction import FloatArray

BETWEEN = "_"
"""Separates the first part of a name from the rest."""


class ChoiceParts:
    """:class:`~.one_hot.OneHot`, but for a value named ``k3_e6`` one indicator of its ``k3`` and one of its ``e6``.

    What two values of a knob have in common is then learnt from both. Where the names of all values but one have two
    parts, as of blocks that may also ``skip``, that one is told by having neither. Other values keep indicators of
    their own, numbers among them.

    Args:
        space: The space.

    Source: for FBNet, the encoding of the code published with Lee et al. 2021, "HELP", arXiv 2106.08630.
    """

    def __init__(self, space: Space) -> None:
        self._one_hot = OneHot(space)
        owner = self._one_hot.owner
        each = [iter(_parts(space.knob(name), unnamed=not space.is_conditional)) for name in space.names]
        place: dict[tuple[int, int, str], int] = {}
        hits = [
            (column, place.setdefault((j, *part), len(place)))
            for column, j in enumerate(owner.tolist())
            for part in next(each[j])
        ]
        self._has = np.zeros((len(owner), len(place)))
        self._has[tuple(np.array(hits).T)] = 1.0

    @property
    def width(self) -> int:
        """Columns."""
        return self._has.shape[1]

    def __call__(self, codes: Codes) -> FloatArray:
        """Columns of int64 ``codes`` [n, n_knobs], float64 [n, width]."""
        return np.asarray(self._one_hot(codes) @ self._has)


def _parts(knob: Knob, *, unnamed: bool) -> list[list[tuple[int, str]]]:
    """What each of a knob's columns stands for: its number alone, or for a name of two parts first and rest.

    The only name of one part stands for nothing where ``unnamed``; an inactive knob must not look the same.
    """
    if knob.n > MOST_VALUES or not isinstance(knob, Categorical):
        # Of many values there are two columns alone.
        return [[(0, str(column))] for column in range(knob.n if knob.n <= MOST_VALUES else 2)]
    split = [name.partition(BETWEEN) if isinstance(name, str) else ("", "", "") for name in knob.values]
    lone = unnamed and sum(not between for _, between, _ in split) == 1 < len(split)
    found: list[list[tuple[int, str]]] = []
    for column, (first, between, rest) in enumerate(split):
        own = [] if lone else [(0, str(column))]
        found.append([(1, first), (2, rest)] if between else own)
    return found
