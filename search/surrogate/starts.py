"""Quasi-random first designs."""

from __future__ import annotations

import numpy as np

from ...spaces.knobs import Codes
from ...spaces.space import Space

SPREAD = 0.25
"""How far the knobs of a graded design stray from its level, as a share of their range."""


def latin_hypercube(space: Space, n: int, rng: np.random.Generator) -> Codes:
    """Designs that use the values of every knob equally often, as far as constraints allow; int64 [n, n_knobs].

    Source: McKay, Beckman and Conover 1979, "A comparison of three methods for selecting values of input variables".
    """
    strata = rng.permuted(np.tile(np.arange(n)[:, None], (1, space.n_knobs)), axis=0)
    return _settled(space, (strata + rng.random(strata.shape)) / n, rng)


def graded(space: Space, n: int, rng: np.random.Generator) -> Codes:
    """Designs whose ordered knobs all lie near one level, from lowest to highest; int64 [n, n_knobs].

    Sizes, depths and widths pull cost and quality the same way, so independent draws of many knobs crowd in the middle
    of both; these reach the ends of the front. Unordered knobs are drawn at random.
    """
    level = rng.permutation((np.arange(n) + rng.random(n)) / n)[:, None]
    place = level + SPREAD * (2.0 * rng.random((n, space.n_knobs)) - 1.0)
    return _settled(space, np.where(space.ordered, place, rng.random(place.shape)), rng)


def _settled(space: Space, place: np.ndarray, rng: np.random.Generator) -> Codes:
    """Valid designs near places 0..1 in the range of each knob."""
    raw = np.clip(place * space.cardinalities, 0, space.cardinalities - 1)
    return space.repair(raw.astype(np.int64), rng)
