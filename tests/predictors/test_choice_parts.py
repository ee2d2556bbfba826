"""Indicators of what values' names have in common."""

from __future__ import annotations

import numpy as np

from cosearch.predictors.choice_parts import ChoiceParts
from cosearch.predictors.one_hot import OneHot
from cosearch.spaces.catalog import SPACES
from cosearch.spaces.space import Space


def test_a_block_of_fbnet_is_told_by_its_kernel_and_its_expansion():
    space = SPACES.get("fbnet")()
    parts = ChoiceParts(space)
    # Two kernels and four expansions; a block that skips has neither.
    assert parts.width == 22 * (2 + 4)
    names = ["k3_e1", "k3_e1_g2", "k5_e1_g2", "k5_e6", "skip"]
    designs = [dict.fromkeys(space.names, "skip") | {"block_1": name} for name in names]
    found = parts(space.encode(designs))
    shared = (found @ found.T).astype(int).tolist()
    assert shared == [[2, 1, 0, 0, 0], [1, 2, 1, 0, 0], [0, 1, 2, 1, 0], [0, 0, 1, 2, 0], [0, 0, 0, 0, 0]]


def test_skipping_and_being_inactive_differ():
    block = {"type": "categorical", "values": ["k3_e1", "k5_e1", "skip"], "active_if": {"depth": 2}}
    space = Space({"depth": [1, 2], "block": block})
    codes = space.encode([{"depth": 1}, *({"depth": 2, "block": name} for name in ("k3_e1", "k5_e1", "skip"))])
    assert len(np.unique(ChoiceParts(space)(codes)[:, 2:], axis=0)) == 4


def test_values_without_parts_keep_indicators_of_their_own():
    knobs = {"op": ["conv", "pool"], "width": [8, 16, 24], "fine": {"type": "integer", "low": 1, "high": 99}}
    space = Space(knobs | {"depth": {"type": "ordinal", "values": [1, 2], "active_if": {"op": "conv"}}})
    codes = space.sample(np.random.default_rng(0), 40)
    np.testing.assert_array_equal(ChoiceParts(space)(codes), OneHot(space)(codes))


def test_knobs_of_many_named_values_keep_their_position():
    space = Space({"many": ["skip", *(f"k{i}_e{i % 3}" for i in range(40))], "b": ["x_1", "x_2"]})
    codes = space.enumerate()
    assert codes is not None
    assert len(np.unique(ChoiceParts(space)(codes), axis=0)) == len(codes) == 82


def test_different_designs_differ():
    space = Space({"a": ["x_1", "x_2", "y_1", "y_2_1", "x", "1"], "b": ["x_1", "x"], "c": ["x", 1], "d": ["x"]})
    codes = space.enumerate()
    assert codes is not None
    assert len(np.unique(ChoiceParts(space)(codes), axis=0)) == len(codes) == 24
