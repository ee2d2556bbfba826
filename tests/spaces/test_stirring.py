from __future__ import annotations

import numpy as np
import pytest

from cosearch.spaces.feasibility.stirring import stir
from cosearch.spaces.space import Space

NAMES = [f"k{i}" for i in range(8)]
MILLION = 1_000_000


@pytest.mark.parametrize(("bound", "mean"), [("equals", MILLION / 8), ("at_most", MILLION / 9)])
def test_a_simplex_of_a_million_values_is_sampled_evenly(bound, mean):
    """By symmetry every knob has the same mean; proposals alone are off by up to half of it."""
    knobs = {name: {"type": "integer", "low": 0, "high": MILLION} for name in NAMES}
    space = Space(knobs, constraints=[{"sum": NAMES, bound: MILLION}])
    codes = space.sample(np.random.default_rng(0), 1000)
    assert space.is_valid(codes).all()
    noise = codes.std(axis=0) / np.sqrt(len(codes))
    assert (np.abs(codes.mean(axis=0) - mean) < 5 * noise).all()


def test_stirring_keeps_the_uniform_distribution():
    """From all designs, each equally often, to all designs, each equally often."""
    knobs = {name: {"type": "integer", "low": 1, "high": 12} for name in "abc"} | {"d": [2, 4, 6, 8]}
    constraints = [
        {"divides": ["a", "b"]},
        {"product": ["b", "c"], "at_most": 60},
        {"sum": ["a", "c"], "at_least": "d"},
    ]
    space = Space(knobs, constraints=constraints)
    listed = space.enumerate()
    (component,) = space.feasible.components
    rows = np.repeat(listed, 200, axis=0)
    stirred = stir(component.propagator, component.columns, rows, np.random.default_rng(1))
    assert space.is_valid(stirred).all()
    assert (stirred != rows).any(axis=1).mean() > 0.9
    unique, counts = np.unique(stirred, axis=0, return_counts=True)
    assert len(unique) == len(listed)
    ratio = ((counts - 200) ** 2 / 200).sum() / (len(listed) - 1)
    assert abs(ratio - 1) < 6 * np.sqrt(2 / len(listed))
