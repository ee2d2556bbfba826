"""Masks of legal values against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosearch.search.check_problems import conditional, single, tiny
from cosearch.spaces.feasibility import components
from cosearch.spaces.feasibility.masks import UNSET, ActionMasks
from cosearch.spaces.gemm_tile import gemm_tile
from cosearch.spaces.joint import JointSpace
from cosearch.spaces.space import Space


def nested() -> Space:
    """Conditions on conditional knobs, one of them tied by constraints."""
    return Space(
        {
            "kind": ["a", "b", "c"],
            "n": {"type": "integer", "low": 1, "high": 6, "active_if": {"kind": ["a", "b"]}},
            "m": {"type": "integer", "low": 1, "high": 6},
            "deep": {"type": "integer", "low": 0, "high": 3, "active_if": {"kind": "a", "n": {"at_least": 4}}},
            "free": {"type": "integer", "low": 0, "high": 1, "active_if": {"deep": [1, 2]}},
            "loose": [1, 2],
        },
        forbid=[{"kind": "c", "m": 3}],
        constraints=[{"divides": ["n", "m"]}, {"sum": ["n", "deep"], "at_most": 7}],
    )


def joint() -> Space:
    parts = {"one": nested(), "two": Space({"x": {"type": "integer", "low": 1, "high": 5}, "y": [1, 2]})}
    return JointSpace(parts, constraints=[{"product": ["one.m", "two.x"], "at_most": 12}])


SPACES = {
    "plain": lambda: Space({"p": [1, 2], "q": {"type": "integer", "low": 0, "high": 3}}),
    "tiny": lambda: tiny().problem.space,
    "single": lambda: single().problem.space,
    "conditional": lambda: conditional().problem.space,
    "nested": nested,
    "joint": joint,
    "gemm": lambda: gemm_tile(max_block_tile=64, max_warp_tile=32, max_stages=3),
}


@pytest.fixture(params=sorted(SPACES))
def space(request: pytest.FixtureRequest) -> Space:
    built: Space = SPACES[request.param]()
    return built


def everything(masks: ActionMasks) -> np.ndarray:
    """All designs that taking legal values can give, by following every one."""
    space = masks.space
    codes = np.full((1, space.n_knobs), UNSET)
    for column in masks.order.tolist():
        active, legal = masks.active(codes, column), masks.legal(codes, column)
        assert not legal[~active].any()
        rows, values = np.nonzero(legal)
        more = codes[rows]
        more[:, column] = values
        off = codes[~active]
        off[:, column] = -1
        codes = np.concatenate([more, off])
    return codes[np.lexsort(codes.T[::-1])]


def test_legal_values_give_all_designs_and_nothing_else(space: Space) -> None:
    masks = ActionMasks(space)
    assert masks.exact
    assert sorted(masks.order.tolist()) == list(range(space.n_knobs))
    listed = space.enumerate()
    assert listed is not None
    assert np.array_equal(everything(masks), listed)


def test_conditions_come_first(space: Space) -> None:
    rank = {c: i for i, c in enumerate(ActionMasks(space).order.tolist())}
    for column, condition in space.feasible.active_if.items():
        assert all(rank[parent] < rank[column] for parent in condition.columns)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_any_assigned_knobs_agree_with_brute_force(space: Space, seed: int) -> None:
    """Random designs, unset in random knobs (with a knob, those that depend on it)."""
    rng = np.random.default_rng(seed)
    designs = space.enumerate()
    assert designs is not None
    masks = ActionMasks(space)
    codes = designs[rng.integers(0, len(designs), 4)].copy()
    column = int(rng.integers(space.n_knobs))
    unset = rng.random(codes.shape) < 0.5
    unset[:, column] = True
    for child in masks.order.tolist():
        for parent in space.feasible.active_if[child].columns if child in space.feasible.active_if else ():
            unset[:, child] |= unset[:, parent]
    parents = [*space.feasible.active_if[column].columns] if column in space.feasible.active_if else []
    # A free knob with a condition is asked for when what it tests is assigned.
    unset[unset[:, parents].any(axis=1)] = True
    codes[unset] = UNSET
    legal = masks.legal(codes, column)
    for row, partial in enumerate(codes):
        fixed = (partial != UNSET) & (np.arange(space.n_knobs) != column)
        matching = designs[(designs[:, fixed] == partial[fixed]).all(axis=1), column]
        assert set(np.flatnonzero(legal[row])) == set(matching[matching >= 0].tolist())


def test_rows_are_answered_independently() -> None:
    masks = ActionMasks(nested())
    designs = masks.space.enumerate()
    assert designs is not None
    partial = np.full(designs.shape, UNSET)
    steps = np.arange(len(designs)) % (masks.space.n_knobs + 1)
    for step, column in enumerate(masks.order.tolist()):
        partial[steps > step, column] = designs[steps > step, column]
    for column in masks.order.tolist():
        together = masks.legal(partial, column)
        alone = np.concatenate([masks.legal(partial[i : i + 1], column) for i in range(len(partial))])
        assert np.array_equal(together, alone)


def test_an_infeasible_space_has_no_legal_value() -> None:
    space = Space({"a": [1, 2], "b": [1, 2]}, constraints=[{"sum": ["a", "b"], "at_most": 1}])
    masks = ActionMasks(space)
    assert not masks.legal(np.full((3, 2), UNSET), int(masks.order[0])).any()


@pytest.mark.parametrize("make", [SPACES["nested"], SPACES["joint"], SPACES["gemm"]])
def test_groups_too_large_to_list_are_propagated(make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a design needs is ruled out, and whoever gets to the end has a design."""
    monkeypatch.setattr(components, "MAX_ROWS", 3)
    masks = ActionMasks(make())
    assert not masks.exact
    reached = everything(masks)
    monkeypatch.undo()
    listed = make().enumerate()
    assert listed is not None
    assert np.array_equal(reached, listed)


def test_propagation_rules_little_out_before_conditions_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(components, "MAX_ROWS", 3)
    space = nested()
    assert ActionMasks(space).legal(np.full((2, space.n_knobs), UNSET), space.index("n")).all()


def test_random_walks_in_the_whole_gemm_space_end_in_designs() -> None:
    space = gemm_tile()
    masks = ActionMasks(space)
    rng = np.random.default_rng(0)
    codes = np.full((200, space.n_knobs), UNSET)
    for column in masks.order.tolist():
        legal = masks.legal(codes, column)
        alive = legal.any(axis=1)
        codes, legal = codes[alive], legal[alive]
        codes[:, column] = np.where(legal, rng.random(legal.shape), -1.0).argmax(axis=1)
    assert len(codes) >= (200 if masks.exact else 1)
    assert space.is_valid(codes).all()
