"""Networks as slots: each slot of a design holds one part, a bag of operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...spaces.knobs import Codes
from ...spaces.operators import Operator

Bag = tuple[tuple[Operator, int], ...]
"""Operators with how often each occurs."""


@dataclass(frozen=True, slots=True)
class Part:
    """What may stand in a slot.

    Args:
        operators: What it runs.
        dead: Whether no result depends on it, so that a compiler may leave it out.
    """

    operators: Bag
    dead: bool = False


class Slots(Protocol):
    """Turns designs into parts; parts are numbered in the order in which they were first met."""

    parts: list[Part]

    def __call__(self, codes: Codes) -> NDArray[np.int64]:
        """Parts of int64 ``codes`` [n, n_knobs]: indices in :attr:`parts`, int64 [n, n_slots]."""
