import warnings

import numpy as np
import pytest

from cosearch.search.check_problems import conditional, easy, failing, infeasible
from cosearch.search.check_simulation import Simulation
from cosearch.search.optuna_gp import OptunaGp
from cosearch.search.trial import Trials
from cosearch.spaces.errors import StrategyError

optuna = pytest.importorskip("optuna")
pytest.importorskip("torch")


def told_to(problem, n, **options):
    strategy = OptunaGp(problem.problem, 0, startup=8, **options)
    codes = problem.problem.space.sample(np.random.default_rng(0), n)
    strategy.tell(problem.trials(np.arange(n), codes), Trials.empty(codes.shape[1], 2))
    return strategy


def complete(strategy):
    return [t for t in strategy._study.trials if t.state == optuna.trial.TrialState.COMPLETE]


def test_failed_trials_are_worst_and_infeasible():
    strategy = told_to(failing(2), 20)
    strategy.ask(1)
    trials = complete(strategy)
    failed = ~strategy.archive.completed.feasible
    values = np.array([t.values for t in trials])
    assert len(trials) == 20
    assert (values[failed] == 1).all()
    assert values.min() == 0
    assert values.max() == 1
    assert [t.constraints["violation"] for t in trials] == np.where(failed, 1.0, -1.0).tolist()


@pytest.mark.parametrize("problem", [easy(), failing(1)], ids=["feasible", "failed"])
def test_no_constraint_while_all_trials_are_alike(problem):
    strategy = told_to(problem, 10)
    strategy.ask(1)
    assert all(not t.constraints for t in complete(strategy))


def test_violations_keep_their_order():
    strategy = told_to(infeasible(), 20)
    _, levels = strategy.outcomes(strategy.archive.completed)
    violations = strategy.archive.completed.violations
    assert np.array_equal(np.argsort(levels, kind="stable"), np.argsort(violations, kind="stable"))
    assert levels.min() > 0
    assert levels.max() < 1


def test_huge_objectives_reach_optuna_scaled():
    problem = easy()
    strategy = OptunaGp(problem.problem, 0, startup=8)
    codes = problem.problem.space.sample(np.random.default_rng(0), 10)
    objectives = np.repeat(np.linspace(-1.0, 1.0, 10)[:, None] * 1.7e308, 2, axis=1)
    strategy.tell(Trials(np.arange(10), codes, objectives, np.zeros(10)), Trials.empty(4, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(strategy.ask(1)) == 1
    assert np.allclose([t.values for t in complete(strategy)], np.linspace(0, 1, 10)[:, None])


def test_it_is_silent(capfd):
    verbosity = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told_to(conditional(), 12, noisy=False).ask(2)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == verbosity


def test_running_trials_repel_suggestions():
    problem = easy()
    strategy = told_to(problem, 12)
    alone = strategy.ask(1)
    strategy.tell(strategy.archive.running[:0], Trials.running(np.arange(12, 13), alone, 2))
    assert not np.array_equal(strategy.ask(1), alone)


def test_large_asks_are_filled_with_mutants():
    problem = easy()
    strategy = told_to(problem, 10, batch=1)
    many = strategy.ask(20)
    assert len(np.unique(many, axis=0)) == 20
    assert (many[0] == strategy.ask(1)).all()
    # At least one knob, on average about one and a half of four.
    assert ((many[1:] != many[0]).sum(axis=1).mean()) < 2.5


def test_it_improves_on_its_random_start():
    told = Simulation(lambda p, s: OptunaGp(p, s, startup=8), easy(), 0, workers=1, batch=1).run(14).told
    total = told.objectives.sum(axis=1)
    assert total[8:].mean() < 0.6 * total[:8].mean()


def test_wrong_options_are_refused():
    with pytest.raises(StrategyError, match="startup 1"):
        OptunaGp(easy().problem, 0, startup=1)
    with pytest.raises(StrategyError, match="batch 0"):
        OptunaGp(easy().problem, 0, batch=0)
