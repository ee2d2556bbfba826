import numpy as np
import pytest

from cosearch.search.check_problems import CheckProblem, easy
from cosearch.search.check_simulation import Simulation
from cosearch.search.local_search import LocalSearch
from cosearch.search.objective import Objective, Problem
from cosearch.search.trial import Trials
from cosearch.spaces.errors import StrategyError
from cosearch.spaces.space import Space


def binary(n, loss):
    """``n`` binary knobs and one objective."""
    space = Space({f"b{i}": [0, 1] for i in range(n)})
    return CheckProblem(Problem(space, (Objective("loss"),)), lambda codes: {"loss": loss(codes)})


def one_at_a_time(problem, budget, **options):
    run = Simulation(lambda p, s: LocalSearch(p, s, **options), problem, 0, workers=1, batch=1)
    return run.run(budget).told


def distance(a, b):
    return int((a != b).sum())


@pytest.mark.parametrize("improvement", ["first", "best"])
def test_one_objective_is_hill_climbing(improvement):
    # The number of ones has no local optimum but 0, at most 12 steps of at most 12 neighbours away.
    told = one_at_a_time(binary(12, lambda c: c.sum(axis=1)), 145, starts=1, improvement=improvement)
    assert told.objectives.min() == 0
    end = int(told.objectives[:, 0].argmin())
    assert all(min(distance(told.codes[i], codes) for codes in told.codes[:i]) == 1 for i in range(1, end))


def test_first_improvement_moves_at_once_and_best_finishes_the_neighbourhood():
    problem = binary(12, lambda c: c.sum(axis=1))
    first = one_at_a_time(problem, 13, starts=1)
    best = one_at_a_time(problem, 13, starts=1, improvement="best")
    assert max(distance(codes, first.codes[0]) for codes in first.codes) > 1
    assert [distance(codes, best.codes[0]) for codes in best.codes[1:]] == [1] * 12


def test_it_restarts_when_all_neighbours_are_known():
    # Every design is a local optimum: a restart after each neighbourhood of 8.
    told = one_at_a_time(binary(8, lambda c: np.ones(len(c))), 36, starts=1)
    roots = [i for i in range(36) if not any(distance(told.codes[i], told.codes[j]) == 1 for j in range(i))]
    assert roots[0] == 0
    assert len(roots) >= 2
    assert roots[1] == 9


def test_all_nondominated_designs_are_explored_before_a_restart():
    problem = easy()
    told = one_at_a_time(problem, 400, starts=1)
    y = told.objectives
    beaten = [((y <= p).all(axis=1) & (y < p).any(axis=1)).any() for p in y]
    first = np.unique(y, axis=0, return_index=True)[1]
    front = [i for i in first if not beaten[i]]
    known = {tuple(c) for c in told.codes}
    # The front of this problem is connected, so that the first search finds it all.
    assert {tuple(c) for c in told.codes[front]} >= {(i, i, i, i) for i in (3, 4, 5)}
    for i in front:
        assert all(tuple(c) in known for c in problem.problem.space.neighbours(told.codes[i]))


def test_failed_starts_are_not_explored():
    problem = binary(10, lambda c: np.full(len(c), np.nan))
    told = one_at_a_time(problem, 30, starts=1)
    steps = [distance(a, b) for a, b in zip(told.codes, told.codes[1:], strict=False)]
    assert np.mean(steps) > 3


def test_infeasible_designs_are_climbed_by_their_violation():
    strategy = LocalSearch(easy().problem, 0, starts=2)
    codes = np.array([[0, 0, 0, 0], [9, 9, 9, 9]])
    told = Trials(np.arange(2), codes, np.array([[1.0, 1.0], [0.0, 0.0]]), np.array([0.2, 0.5]))
    strategy.tell(told, told[:0])
    assert all(distance(c, codes[0]) == 1 for c in strategy.ask(4))


def test_starts_are_asked_for_at_once_and_counted_while_they_run():
    problem = easy()
    strategy = LocalSearch(problem.problem, 0, starts=6)
    codes = strategy.ask(4)
    done = problem.trials(np.arange(1), codes[:1])
    strategy.tell(done, Trials.running(np.arange(1, 4), codes[1:], 2))
    asked = strategy.ask(4)
    steps = [min(distance(a, b) for b in codes) for a in asked]
    # Two starts are missing; the rest are neighbours of the one that is known.
    assert (np.array(steps) == 1).sum() >= 2
    assert all(distance(a, codes[0]) == 1 for a in asked[2:])


@pytest.mark.parametrize(
    ("options", "message"), [({"starts": 0}, "starts 0"), ({"improvement": "any"}, "improvement 'any'")]
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(StrategyError, match=message):
        LocalSearch(easy().problem, 0, **options)
