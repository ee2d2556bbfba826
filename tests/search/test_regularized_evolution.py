import numpy as np
import pytest

from cosearch.search.check_problems import easy
from cosearch.search.regularized_evolution import RegularizedEvolution
from cosearch.search.trial import Trials
from cosearch.spaces.errors import StrategyError


def test_parents_come_from_the_newest_trials_only():
    problem = easy()
    space = problem.problem.space
    old_best = np.full((1, 4), 4, np.int64)
    newest = np.array([[15, 15, 15, 15 - i] for i in range(10)], np.int64)
    codes = np.concatenate([old_best, newest])
    strategy = RegularizedEvolution(problem.problem, 0, population=10, sample=10, mutation_rate=0.0)
    strategy.tell(problem.trials(np.arange(11), codes), Trials.empty(4, 2))
    children = strategy.ask(30)
    changed = np.array([[(child != parent).sum() for parent in newest] for child in children]).min(axis=1)
    assert (changed <= 1).all()
    assert space.is_valid(children).all()


def test_one_objective_tournaments_pick_the_best_contestant():
    problem = easy()
    codes = np.array([[i, i, i, i] for i in range(10)], np.int64)
    done = problem.trials(np.arange(10), codes)
    strategy = RegularizedEvolution(problem.problem, 0, population=10, sample=60, mutation_rate=0.0)
    strategy.tell(Trials(done.ids, codes, done.ids[:, None] * 1.0 + [[0.0, 0.0]], done.violations), Trials.empty(4, 2))
    # With sixty contestants out of ten the best takes part in practically every tournament.
    assert ((strategy.ask(8) == codes[0]).sum(axis=1) == 3).all()


def test_wrong_population_is_refused():
    with pytest.raises(StrategyError, match="population 0"):
        RegularizedEvolution(easy().problem, 0, population=0)
