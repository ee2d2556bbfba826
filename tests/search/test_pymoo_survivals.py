import numpy as np
import pytest

from cosearch.search.check_problems import CheckProblem, constant, easy, failing
from cosearch.search.check_simulation import Simulation
from cosearch.search.nsga2 import Nsga2
from cosearch.search.objective import Objective, Problem
from cosearch.search.pymoo_nsga2 import PymooNsga2
from cosearch.search.pymoo_unsga3 import PymooUnsga3
from cosearch.search.trial import Trials

pytest.importorskip("pymoo")


def with_objectives(n):
    """Distances of the easy problem's codes to ``n`` points."""
    space = easy().problem.space

    def metrics(codes):
        return {f"f{i}": ((codes - 3.0 * i) ** 2).mean(axis=1) for i in range(n)}

    return CheckProblem(Problem(space, tuple(Objective(f"f{i}") for i in range(n))), metrics)


def told_to(strategy, problem, n=40):
    codes = problem.problem.space.sample(np.random.default_rng(0), n)
    strategy.tell(problem.trials(np.arange(n), codes), Trials.empty(4, problem.problem.n_objectives))
    return strategy


@pytest.mark.parametrize("mode", ["steady_state", "generational"])
def test_pymoo_and_our_nsga2_walk_the_same_way(mode):
    # Two implementations of one survival; only ties, of which a continuous-like problem has few, may part them.
    runs = [
        Simulation(lambda p, s, make=make: make(p, s, population=16, mode=mode), with_objectives(2), 1).run(64).told
        for make in (Nsga2, PymooNsga2)
    ]
    same = (runs[0].codes == runs[1].codes).all(axis=1)
    assert same[:32].all()
    assert abs(runs[0].objectives.mean() - runs[1].objectives.mean()) < 0.1 * runs[0].objectives.mean()


@pytest.mark.parametrize("n_objectives", [1, 2, 3, 4])
def test_unsga3_takes_any_number_of_objectives(n_objectives):
    strategy = told_to(
        PymooUnsga3(with_objectives(n_objectives).problem, 0, population=12), with_objectives(n_objectives)
    )
    assert len(strategy._directions) <= 12
    assert np.allclose(strategy._directions.sum(axis=1), 1)
    y = strategy.archive.completed.objectives
    rows = strategy.survive(np.arange(40), 12)
    assert len(set(rows.tolist())) == 12
    dominated = np.array([((y <= p).all(axis=1) & (y < p).any(axis=1)).any() for p in y])
    assert set(np.flatnonzero(~dominated)) <= set(rows.tolist()) or not dominated[rows].any()


@pytest.mark.parametrize("make", [PymooNsga2, PymooUnsga3])
@pytest.mark.parametrize("problem", [constant(), failing(2), failing(1)], ids=["constant", "half", "all"])
def test_survival_is_a_function_of_the_trials(make, problem):
    # Survivals that draw lots get their numbers from the moment, not from pymoo's global generator.
    a, b = (told_to(make(problem.problem, 0, population=8), problem) for _ in range(2))
    rows = a.survive(np.arange(40), 8)
    assert np.array_equal(rows, a.survive(np.arange(40), 8))
    assert np.array_equal(rows, b.survive(np.arange(40), 8))
    feasible = int(a.archive.completed.feasible.sum())
    assert int(a.archive.completed.feasible[rows].sum()) == min(8, feasible)


def test_unsga3_keeps_both_ends_of_the_front():
    strategy = told_to(PymooUnsga3(with_objectives(2).problem, 0, population=10), with_objectives(2), 200)
    y = strategy.archive.completed.objectives
    kept = y[strategy.survive(np.arange(200), 10)]
    first = y[[not ((y <= p).all(axis=1) & (y < p).any(axis=1)).any() for p in y]]
    assert np.array_equal(kept.min(axis=0), first.min(axis=0))
