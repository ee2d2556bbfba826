import numpy as np
import pytest

from cosearch.spaces.errors import InfeasibleError
from cosearch.spaces.feasibility import components
from cosearch.spaces.space import Space

TIED = {
    "knobs": {name: {"type": "integer", "low": 1, "high": 12} for name in "abcd"},
    "constraints": [
        {"divides": ["a", "b"]},
        {"sum": ["a", "b", "c", "d"], "at_most": 25},
        {"product": ["c", "d"], "at_least": "b"},
    ],
}


def chi_square_per_degree(codes, listed):
    key = 100 ** np.arange(codes.shape[1])
    position = np.searchsorted(listed[:, ::-1] @ key, codes[:, ::-1] @ key)
    counts = np.bincount(position, minlength=len(listed))
    expected = len(codes) / len(listed)
    return float(((counts - expected) ** 2 / expected).sum() / (len(listed) - 1))


@pytest.fixture
def too_large_to_list(monkeypatch):
    monkeypatch.setattr(components, "MAX_ROWS", 100)


def test_listed_components_are_sampled_uniformly():
    space = Space(**TIED)
    listed = space.enumerate()
    assert len(listed) == space.size() == 2478
    ratio = chi_square_per_degree(space.sample(np.random.default_rng(3), 100_000), listed)
    assert abs(ratio - 1) < 6 * np.sqrt(2 / len(listed))


def test_components_too_large_to_list_are_sampled_uniformly(too_large_to_list):
    listed = np.unique(Space(TIED["knobs"]).enumerate(), axis=0)
    space = Space(**TIED)
    listed = listed[space.is_valid(listed)]
    assert space.size() is None
    assert space.enumerate() is None
    codes = space.sample(np.random.default_rng(3), 100_000)
    assert space.is_valid(codes).all()
    assert abs(chi_square_per_degree(codes, listed) - 1) < 6 * np.sqrt(2 / len(listed))


def test_conditional_components_too_large_to_list(too_large_to_list):
    knobs = {
        "mode": ["x", "y", "z"],
        "a": {"type": "integer", "low": 1, "high": 10, "active_if": {"mode": ["x", "y"]}},
        "b": {"type": "integer", "low": 1, "high": 10, "active_if": {"mode": ["y", "z"]}},
        "c": {"type": "integer", "low": 1, "high": 10},
    }
    constraints = [{"divides": ["a", "b"]}, {"sum": ["a", "c"], "at_most": 12}, {"expr": "c", "at_most": "b"}]
    space = Space(knobs, constraints=constraints)
    everything = Space(knobs).enumerate()
    listed = everything[space.is_valid(everything)]
    codes = space.sample(np.random.default_rng(0), 50_000)
    assert space.is_valid(codes).all()
    assert abs(chi_square_per_degree(codes + 1, listed + 1) - 1) < 6 * np.sqrt(2 / len(listed))
    wild = np.random.default_rng(1).integers(-1, 10, (500, 4))
    assert space.is_valid(space.repair(wild)).all()


def test_guided_repair_keeps_what_is_valid_and_mutation_moves_on(too_large_to_list):
    space = Space(**TIED)
    rng = np.random.default_rng(0)
    codes = space.sample(rng, 500)
    assert np.array_equal(space.repair(codes), codes)
    mutants = space.mutate(codes, rng)
    assert space.is_valid(mutants).all()
    assert (mutants != codes).any(axis=1).all()


def test_a_huge_space_is_sampled_by_propagation():
    knobs = {f"k{i}": {"type": "integer", "low": 0, "high": 100_000} for i in range(5)}
    space = Space(knobs, constraints=[{"sum": list(knobs), "equals": 100_000}])
    codes = space.sample(np.random.default_rng(0), 50)
    assert (codes.sum(axis=1) == 100_000).all()
    assert space.is_valid(space.mutate(codes, np.random.default_rng(0))).all()


@pytest.mark.parametrize("rng", [None, np.random.default_rng(5)], ids=["first", "random"])
def test_repair_takes_a_nearest_design(rng):
    knobs = TIED["knobs"] | {"kind": ["p", "q", "r"]}
    space = Space(knobs, constraints=TIED["constraints"], forbid=[{"kind": "q", "c": {"at_least": 3}}])
    listed = space.enumerate()
    wild = np.random.default_rng(7).integers(0, space.cardinalities, (200, 5))
    repaired = space.repair(wild, rng)

    def distance(rows, goal):
        return np.abs(rows[..., :4] - goal[..., :4]).sum(axis=-1) / 11 + (rows[..., 4] != goal[..., 4])

    best = distance(listed[None], wild[:, None]).min(axis=1)
    assert distance(repaired, wild) == pytest.approx(best, abs=1e-4)


def test_free_knobs_keep_their_values_in_repair():
    space = Space(
        {"a": [1, 2, 3], "b": [1, 2, 3], "free": list(range(50))}, constraints=[{"sum": ["a", "b"], "equals": 4}]
    )
    wild = np.column_stack([np.zeros(50), np.zeros(50), np.arange(50)]).astype(np.int64)
    repaired = space.repair(wild)
    assert repaired[:, 2].tolist() == list(range(50))
    assert space.is_valid(repaired).all()


def test_untied_knobs_of_one_space_stay_independent():
    space = Space(
        {"a": [1, 2], "b": [1, 2], "x": {"type": "integer", "low": 1, "high": 100, "log": True}},
        constraints=[{"expr": "a", "at_most": "b"}],
    )
    codes = space.sample(np.random.default_rng(0), 30_000)
    assert np.bincount(2 * codes[:, 0] + codes[:, 1])[[0, 1, 3]] / 30_000 == pytest.approx([1 / 3] * 3, abs=0.02)
    assert (codes[:, 2] < 9).mean() == pytest.approx(np.log(9.5 / 0.5) / np.log(100.5 / 0.5), abs=0.02)


def test_one_feasible_design():
    space = Space({"a": [1, 2, 3], "b": [1, 2, 3]}, constraints=[{"product": ["a", "b"], "at_least": 9}])
    rng = np.random.default_rng(0)
    assert space.size() == 1
    assert (space.sample(rng, 4) == 2).all()
    assert (space.mutate(space.sample(rng, 4), rng) == 2).all()
    assert (space.repair(np.zeros((3, 2), np.int64)) == 2).all()
    assert len(space.neighbours(np.array([2, 2]))) == 0


def test_infeasible_spaces_name_a_smallest_contradiction():
    space = Space(
        {"a": [1, 2], "b": [1, 2], "c": [1, 2]},
        constraints=[{"expr": "c", "at_most": "a"}, {"sum": ["a", "b"], "at_least": 4}, {"expr": "a", "at_most": 1}],
        forbid=[{"b": 1, "c": 2}],
    )
    assert space.size() == 0
    assert len(space.enumerate()) == 0
    with pytest.raises(InfeasibleError) as caught:
        space.sample(np.random.default_rng(0), 1)
    message = str(caught.value)
    assert "constraints[1]" in message
    assert "constraints[2]" in message
    assert "constraints[0]" not in message
    assert "forbid" not in message
    with pytest.raises(InfeasibleError):
        space.repair(np.zeros((1, 3), np.int64))


def test_infeasible_and_too_large_to_list(too_large_to_list):
    parity = [{"divides": [2, {"sum": [n, m]}]} for n, m in ("ab", "bc", "cd")] + [
        {"divides": [2, {"sum": ["a", "d", 1]}]}
    ]
    space = Space(TIED["knobs"], constraints=parity)
    assert space.size() is None
    with pytest.raises(InfeasibleError, match="no feasible design in"):
        space.sample(np.random.default_rng(0), 1)


def test_building_a_space_lists_nothing():
    space = Space(**TIED)
    assert "table" not in space.feasible.components[0].__dict__
    assert len(space.sample(np.random.default_rng(0), 1)) == 1
    assert "table" in space.feasible.components[0].__dict__
