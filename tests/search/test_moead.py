import numpy as np
import pytest

from cosearch.search import moead
from cosearch.search.check_problems import CheckProblem, easy
from cosearch.search.check_simulation import Simulation
from cosearch.search.decomposition import (
    PENALTY,
    boundary_intersection,
    nearest,
    tchebycheff,
    violation_first,
    weight_vectors,
)
from cosearch.search.front import ParetoFront
from cosearch.search.moead import Moead
from cosearch.search.objective import Objective, Problem
from cosearch.search.random_search import RandomSearch
from cosearch.search.trial import Trials
from cosearch.spaces.errors import StrategyError
from cosearch.spaces.space import Space


def dtlz2(n_objectives):
    """DTLZ2 with four more knobs than objectives (Deb et al. 2002)."""
    space = Space({f"x{i}": {"type": "real", "low": 0.0, "high": 1.0} for i in range(n_objectives + 3)})

    def metrics(codes):
        x = codes / 65_536
        radius = 1 + ((x[:, n_objectives - 1 :] - 0.5) ** 2).sum(axis=1)
        angles = x[:, : n_objectives - 1] * np.pi / 2
        values = {}
        for i in range(n_objectives):
            value = radius * np.cos(angles[:, : n_objectives - 1 - i]).prod(axis=1)
            values[f"f{i}"] = value * np.sin(angles[:, n_objectives - 1 - i]) if i else value
        return values

    return CheckProblem(Problem(space, tuple(Objective(f"f{i}", reference=1.5) for i in range(n_objectives))), metrics)


def hypervolume(factory, problem, budget, seed):
    front = ParetoFront(problem.problem)
    front.add(Simulation(factory, problem, seed, workers=16, batch=16).run(budget).told)
    return front.hypervolume()


def test_tchebycheff_by_hand():
    scaled, weights = np.array([[0.5, 0.2], [0.1, 1.0]]), np.array([[0.5, 0.5], [1.0, 0.0]])
    assert np.allclose(tchebycheff(scaled[None], weights[:, None]), [[0.25, 0.5], [0.5, 0.1]])
    assert np.allclose(tchebycheff(scaled, weights), [0.25, 0.1])


def test_at_an_end_of_the_front_the_other_objective_breaks_ties():
    ends = np.array([[0.0, 0.9], [0.0, 0.1]])
    assert tchebycheff(ends, np.array([1.0, 0.0])).argmin() == 1


def test_boundary_intersection_by_hand():
    # (3, 4) seen along the first axis: 3 along it, 4 beside it; along (3, 4) itself: nothing beside.
    point = np.array([[3.0, 4.0]])
    assert np.allclose(boundary_intersection(point, np.array([[1.0, 0.0]])), 3 + PENALTY * 4)
    assert np.allclose(boundary_intersection(point, np.array([[0.3, 0.4]])), 5)


def test_violations_come_before_costs():
    costs = violation_first(np.array([[5.0, 1.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.2, np.inf]]))
    assert costs[0, 1] < costs[0, 0] < costs[0, 2] < costs[0, 3] == np.inf


@pytest.mark.parametrize(("n_objectives", "n"), [(1, 9), (2, 9), (3, 10), (5, 40)])
def test_neighbourhoods_hold_the_nearest_weights(n_objectives, n):
    weights = weight_vectors(n_objectives, n)
    near = nearest(weights, 4)
    assert near[:, 0].tolist() == list(range(len(weights)))
    distance = np.linalg.norm(weights[:, None] - weights[None], axis=2)
    farthest_in = np.take_along_axis(distance, near, axis=1).max(axis=1)
    np.put_along_axis(distance, near, np.inf, axis=1)
    assert (farthest_in <= distance.min(axis=1) + 1e-9).all()


def test_a_result_serves_the_neighbours_of_its_own_sub_problem_only():
    problem = easy()
    strategy = Moead(problem.problem, 0, population=12, neighbours=3)
    codes = problem.problem.space.sample(np.random.default_rng(0), 13)
    objectives = np.full((13, 2), 5.0)
    objectives[12] = 1.0
    told = Trials(np.arange(13), codes, objectives, np.zeros(13))
    strategy.tell(told, told[:0])
    own = strategy._turn[12 % 12]
    assert sorted(np.flatnonzero(strategy._advance() == 12)) == sorted(strategy.neighbourhoods[own])


def test_every_sub_problem_keeps_its_best_however_long_the_blocks(monkeypatch):
    problem = dtlz2(2)
    told = Simulation(RandomSearch, problem, 0).run(120).told
    costs = None
    for block in (8, 64, 1000):
        monkeypatch.setattr(moead, "BLOCK", block)
        strategy = Moead(problem.problem, 0, population=10, neighbours=10)
        strategy.tell(told, told[:0])
        best = strategy._advance()
        y = told.objectives
        scaled = (y - y[strategy._after(120)[1]].min(axis=0)) / np.ptp(y[strategy._after(120)[1]], axis=0)
        costs = tchebycheff(scaled[None], strategy.weights[:, None])
        # Blocks are scaled by the front of their time: almost always the best of all, never far from it.
        regret = costs[np.arange(10), best] - costs.min(axis=1)
        assert (regret == 0).mean() >= 0.6
        assert regret.max() < 0.2
    assert (regret == 0).all()


def test_the_number_of_a_trial_tells_whose_child_it_is():
    problem = easy()
    strategy = Moead(problem.problem, 0, population=8, neighbours=2, crossover=0.0, mutation_rate=0.0)
    codes = problem.problem.space.sample(np.random.default_rng(0), 21)
    strategy.tell(problem.trials(np.arange(21), codes), Trials.empty(4, 2))
    children = strategy.ask(60)
    assert len(np.unique(children, axis=0)) == 60
    best = codes[strategy._advance()]
    own = strategy.neighbourhoods[strategy._turn[np.arange(21, 81) % 8]]
    steps = (best[own] != children[:, None, :]).sum(axis=2).min(axis=1)
    # A few children were seen before too often, and random designs stand in.
    assert (steps == 1).mean() > 0.9


@pytest.mark.parametrize("decomposition", ["tchebycheff", "pbi"])
@pytest.mark.parametrize("n_objectives", [2, 3])
def test_beats_random_search(decomposition, n_objectives):
    problem = dtlz2(n_objectives)
    ours = [
        hypervolume(lambda p, s: Moead(p, s, population=28, decomposition=decomposition), problem, 500, seed)
        for seed in range(2)
    ]
    random = [hypervolume(RandomSearch, problem, 500, seed) for seed in range(2)]
    assert min(ours) > max(random) + 0.05


def test_one_objective_is_minimised():
    problem = easy()
    one = CheckProblem(Problem(problem.problem.space, problem.problem.objectives[:1]), problem.metrics)
    told = Simulation(lambda p, s: Moead(p, s, population=10, neighbours=4), one, 0).run(200).told
    assert told.objectives.min() < 0.6


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_sub_problems_are_spread_up_to_the_reference(goal):
    base, sign = easy().problem, 1 if goal == "minimize" else -1
    codes = base.space.sample(np.random.default_rng(0), 12)
    x = np.linspace(0, 10, 11)
    front = np.concatenate([np.column_stack([x, 10 - x]), [[-0.1, 100.0]]])
    widths = {}
    for reference in (None, 10.0 * sign):
        objectives = (Objective("loss"), Objective("cost", goal, reference))
        strategy = Moead(Problem(base.space, objectives), 0, population=11)
        told = Trials(np.arange(12), codes, front, np.zeros(12))
        strategy.tell(told, told[:0])
        widths[reference] = len(np.unique(strategy._advance()))
    assert widths[None] < widths[10.0 * sign]


def test_values_far_outside_the_front_do_no_harm():
    problem = easy()
    strategy = Moead(problem.problem, 0, population=6)
    codes = problem.problem.space.sample(np.random.default_rng(0), 6)
    objectives = np.array([[0, 1e-300], [1e-300, 0], [1.7e308, -0.0], [-0.0, 1.7e308], [1, 1], [2, 2]])
    told = Trials(np.arange(6), codes, objectives, np.zeros(6))
    strategy.tell(told, told[:0])
    assert len(strategy.ask(5)) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 1}, "population 1"),
        ({"neighbours": 1}, "1 neighbours"),
        ({"decomposition": "sum"}, "decomposition 'sum'"),
        ({"crossover": 2.0}, "crossover 2.0"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(StrategyError, match=message):
        Moead(easy().problem, 0, **options)
