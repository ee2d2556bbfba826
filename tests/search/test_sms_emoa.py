from itertools import combinations

import numpy as np
import pytest

from cosearch.search.check_problems import CheckProblem, conditional, easy
from cosearch.search.check_simulation import Simulation
from cosearch.search.front import ParetoFront, hypervolume
from cosearch.search.objective import Objective, Problem
from cosearch.search.random_search import RandomSearch
from cosearch.search.sms_emoa import REFERENCE, SmsEmoa, by_contribution
from cosearch.search.trial import Trials


def sphere(n, n_objectives, seed=0):
    points = np.abs(np.random.default_rng(seed).normal(size=(n, n_objectives)))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def scaled(points):
    return (points - points.min(axis=0)) / np.ptp(points, axis=0)


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_the_least_contributor_goes(n_objectives):
    points = sphere(12, n_objectives)
    kept = by_contribution(points, 11, np.random.default_rng(0))
    corner = np.full(n_objectives, REFERENCE)
    volumes = {left: hypervolume(np.delete(scaled(points), left, axis=0), corner) for left in range(12)}
    assert set(range(12)) - set(kept.tolist()) == {max(volumes, key=volumes.get)}


@pytest.mark.parametrize("n_objectives", [2, 3])
def test_what_is_kept_is_close_to_the_best_subset(n_objectives):
    points = sphere(10, n_objectives, seed=3)
    corner = np.full(n_objectives, REFERENCE)
    kept = by_contribution(points, 5, np.random.default_rng(0))
    best = max(hypervolume(scaled(points)[list(rows)], corner) for rows in combinations(range(10), 5))
    # Greedy removal from below is not optimal, but near.
    assert hypervolume(scaled(points)[kept], corner) > 0.98 * best


def test_estimates_beyond_three_objectives_agree_with_exact_ones():
    points = sphere(30, 4)
    corner = np.full(4, REFERENCE)
    kept = by_contribution(points, 15, np.random.default_rng(0))
    blind = [np.random.default_rng(s).permutation(30)[:15] for s in range(20)]
    assert len(set(kept.tolist())) == 15
    assert hypervolume(scaled(points)[kept], corner) > max(hypervolume(scaled(points)[rows], corner) for rows in blind)


def test_largest_contribution_comes_first():
    points = np.array([[0.0, 1.0], [0.45, 0.55], [0.5, 0.5], [0.55, 0.45], [1.0, 0.0]])
    order = by_contribution(points, 5, np.random.default_rng(0)).tolist()
    assert set(order[:2]) == {0, 4}
    assert order[-1] == 2


def test_of_equal_rows_one_stays():
    points = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    assert sorted(by_contribution(points, 2, np.random.default_rng(0)).tolist()) == [0, 3]


def test_units_do_not_matter():
    points = sphere(20, 3)
    stretched = points * [1e-200, 1.0, 1e200] + [0.0, 5.0, 0.0]
    rng = np.random.default_rng
    assert set(by_contribution(points, 8, rng(0))) == set(by_contribution(stretched, 8, rng(0)))


def test_survivors_prefer_fronts_then_small_violations():
    problem = easy()
    strategy = SmsEmoa(problem.problem, 0, population=6)
    codes = problem.problem.space.sample(np.random.default_rng(0), 10)
    objectives = np.array([[1, 4], [4, 1], [2, 2], [5, 5], [6, 6], [0, 0], [0, 0], [0, 0], [np.inf, 0], [9, 9]], float)
    violations = np.array([0, 0, 0, 0, 0, 0.3, 0.1, 0.2, np.inf, 0.0])
    told = Trials(np.arange(10), codes, objectives, violations)
    strategy.tell(told, told[:0])
    assert set(strategy.survive(np.arange(10), 3)) == {0, 1, 2}
    assert strategy.survive(np.arange(10), 10)[3:].tolist() == [3, 4, 9, 6, 7, 5, 8]


@pytest.mark.parametrize("n_objectives", [1, 2, 4])
def test_beats_random_search(n_objectives):
    base = easy()

    def metrics(codes):
        return {f"f{i}": ((codes - 3.0 * i) ** 2).mean(axis=1) for i in range(n_objectives)}

    objectives = tuple(Objective(f"f{i}", reference=120.0) for i in range(n_objectives))
    problem = CheckProblem(Problem(base.problem.space, objectives), metrics)
    volumes = []
    for factory in (SmsEmoa, RandomSearch):
        fronts = []
        for seed in range(2):
            front = ParetoFront(problem.problem)
            front.add(Simulation(factory, problem, seed).run(150).told)
            fronts.append(front.hypervolume())
        volumes.append(fronts)
    assert min(volumes[0]) > max(volumes[1])


def test_the_population_is_a_function_of_the_trials():
    problem = conditional()
    told = Simulation(RandomSearch, problem, 0).run(100).told
    strategy = SmsEmoa(problem.problem, 0, population=8)
    strategy.tell(told, told[:0])
    rows = np.arange(100)
    assert np.array_equal(strategy.survive(rows, 8), strategy.survive(rows, 8))
