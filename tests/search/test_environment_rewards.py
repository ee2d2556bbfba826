"""What environments pay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosearch.search.environments.reward import FAILED, FEASIBLE_FLOOR, Reward
from cosearch.search.marl.preferences import check_preference
from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.spaces.space import Space


@pytest.mark.parametrize("scaling", ["reference", "running"])
@pytest.mark.parametrize("scalarization", ["chebyshev", "linear"])
def test_rewards_order_designs(scalarization, scaling) -> None:
    """Better in every objective earns more, feasible more than infeasible, less violation more than more."""
    rng = np.random.default_rng(0)
    objectives = (Objective("a_ms", reference=10.0), Objective("b_pct", "maximize", reference=50.0))
    problem = Problem(Space({"x": [1, 2]}), objectives, (Constraint("a_ms", at_most=30.0),))
    reward = Reward(problem, scalarization=scalarization, scaling=scaling)
    values = {"a_ms": rng.uniform(0.1, 60, 200), "b_pct": rng.uniform(0.1, 100, 200)}
    values["a_ms"][0] = np.nan
    minimised, violations = problem.score(values)
    reward.observe(minimised)
    preferences = np.broadcast_to([0.3, 0.7], minimised.shape)
    rewards = reward(minimised, violations, preferences)
    assert rewards[0] == FAILED
    feasible = violations == 0
    assert rewards[feasible].min() >= FEASIBLE_FLOOR > rewards[~feasible].max()
    i, j = np.nonzero((minimised[:, None] < minimised[None]).all(axis=2) & feasible[:, None] & feasible[None])
    assert len(i) > 100
    assert (rewards[i] > rewards[j]).all()
    i, j = np.nonzero((violations[:, None] < violations[None]) & ~feasible[:, None])
    assert (rewards[i] > rewards[j]).all()


SCALE_VALUES = st.floats(-50.0, 50.0)


@settings(max_examples=200, deadline=None)
@given(
    worse=st.lists(SCALE_VALUES, min_size=3, max_size=3),
    gains=st.lists(st.floats(1e-3, 20.0), min_size=3, max_size=3),
    weights=st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).filter(lambda w: sum(w) > 0.1),
    scaling=st.sampled_from(["reference", "running"]),
    scalarization=st.sampled_from(["chebyshev", "linear"]),
)
def test_better_in_every_objective_always_earns_more(worse, gains, weights, scaling, scalarization) -> None:
    """Also where the reference is beaten by far, so that scaled objectives are negative."""
    objectives = tuple(Objective(name, "maximize", reference=1.0) for name in ("a_pct", "b_pct", "c_pct"))
    reward = Reward(Problem(Space({"x": [1, 2]}), objectives), scaling=scaling, scalarization=scalarization)
    reward.observe(np.random.default_rng(0).normal(0.0, 1.0, (100, 3)))
    pair = np.array([worse, np.subtract(worse, gains)])
    preferences = np.broadcast_to(check_preference(weights, 3), (2, 3))
    low, high = reward(pair, np.zeros(2), preferences)
    assert high > low >= FEASIBLE_FLOOR


def test_a_reward_is_no_distance_to_a_wanted_value() -> None:
    problem = Problem(Space({"x": [1, 2]}), (Objective("a_ms", reference=10.0),))
    better = np.array([[1e6], [10.0], [9.0], [1.0], [1e-3], [0.0]])
    rewards = Reward(problem)(better, np.zeros(6), np.ones((6, 1)))
    assert (np.diff(rewards) > 0).all()


def test_running_scale_is_mean_and_spread_of_what_was_observed() -> None:
    problem = Problem(Space({"x": [1, 2]}), (Objective("a_ms"),))
    values = np.random.default_rng(0).normal(3.0, 2.0, (500, 1))
    one, many = Reward(problem), Reward(problem)
    one.observe(values)
    for part in np.array_split(values, 37):
        many.observe(part)
    expected = 0.5 + (values - values.mean()) / (4 * values.std())
    expected = np.where(expected > 1, 2 - 1 / np.maximum(expected, 1), expected)
    assert np.allclose(one.scaled(values), expected)
    assert np.allclose(many.scaled(values), expected)
