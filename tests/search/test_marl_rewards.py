import numpy as np
import pytest

from cosearch.search.marl.curriculum import epsilon
from cosearch.search.marl.preferences import preferences
from cosearch.search.marl.rewards import Rewards
from cosearch.search.trial import Trials


def trials(objectives, violations=None):
    objectives = np.asarray(objectives, dtype=float)
    n = len(objectives)
    slack = np.zeros(n) if violations is None else np.asarray(violations, dtype=float)
    return Trials(np.arange(n), np.zeros((n, 1), np.int64), objectives, slack)


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300])
def test_rewards_know_no_unit(scale):
    column = np.array([[3.0], [1.0], [2.0], [1.0]])
    found = Rewards(trials(column * scale)).of(np.ones((1, 1)))[0]
    assert found.argsort(kind="stable").tolist() == [0, 2, 1, 3]
    assert found[1] == found[3]
    np.testing.assert_array_equal(found, Rewards(trials(column)).of(np.ones((1, 1)))[0])


def test_feasible_before_violating_before_failed():
    rewards = Rewards(trials([[9.0], [1.0], [2.0], [np.nan], [np.inf]], [0.0, 0.5, 0.1, 0.0, np.inf]))
    found = rewards.of(np.ones((1, 1)))[0]
    assert found[0] > found[2] > found[1] > found[3] == found[4]
    assert rewards.worst < found.min()


def test_epsilon_lets_small_violations_pass():
    told = trials([[9.0], [1.0], [2.0]], [0.0, 0.5, 0.1])
    strict, lax = Rewards(told).of(np.ones((1, 1)))[0], Rewards(told, 0.2).of(np.ones((1, 1)))[0]
    assert strict.argmax() == 0
    assert lax.argmax() == 2
    assert lax.argmin() == 1


def test_preferences_choose_the_best():
    front = np.array([[0.0, 10.0], [5.0, 5.0], [10.0, 0.0], [10.0, 10.0]])
    found = Rewards(trials(front)).of(np.array([[0.95, 0.05], [0.5, 0.5], [0.05, 0.95]]))
    assert found.argmax(axis=1).tolist() == [0, 1, 2]
    assert (found.argmin(axis=1) == 3).all()


@pytest.mark.parametrize("n_objectives", [2, 3, 5])
def test_preferences_cover_the_simplex(n_objectives):
    weights = preferences(np.arange(400), n_objectives)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    np.testing.assert_allclose(weights.mean(axis=0), 1.0 / n_objectives, atol=0.03)
    assert (weights.max(axis=0) > 0.9 - 0.06 * n_objectives).all()
    np.testing.assert_array_equal(preferences(np.array([7]), n_objectives)[0], weights[7])


def test_epsilon_tightens_to_zero():
    violations = np.array([0.0, 1.0, 2.0, 3.0, 4.0, np.inf])
    levels = [epsilon(violations, n, 100) for n in (0, 30, 60, 99, 100, 200)]
    assert levels[0] == pytest.approx(0.8)
    assert sorted(levels, reverse=True) == levels
    assert levels[-2:] == [0.0, 0.0]
    assert epsilon(np.array([np.inf]), 1, 100) == 0.0
