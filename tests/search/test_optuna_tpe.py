import warnings

import numpy as np
import pytest

from cosearch.search.check_problems import conditional, easy, failing
from cosearch.search.check_simulation import Simulation
from cosearch.search.optuna_strategy import STALE
from cosearch.search.optuna_tpe import Tpe
from cosearch.search.trial import Trials

optuna = pytest.importorskip("optuna")


def told_to(problem, n, **options):
    strategy = Tpe(problem.problem, 0, startup=8, **options)
    codes = problem.problem.space.sample(np.random.default_rng(0), n)
    strategy.tell(problem.trials(np.arange(n), codes), Trials.empty(codes.shape[1], 2))
    return strategy


def test_optuna_sees_encoded_integers_only():
    strategy = told_to(conditional(), 20)
    strategy.ask(2)
    cardinalities = strategy.problem.space.cardinalities
    for trial in strategy._study.trials:
        for name, n in zip(strategy.problem.space.names, cardinalities, strict=True):
            assert isinstance(trial.params[name], int)
            assert 0 <= trial.params[name] < n


def test_no_failed_trial_reaches_the_model_as_infinite():
    strategy = told_to(failing(2), 20)
    strategy.ask(1)
    complete = [t for t in strategy._study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert len(complete) == 20
    assert np.isfinite([t.values for t in complete]).all()
    assert sum(t.constraints["violation"] > 0 for t in complete) == int((~strategy.archive.completed.feasible).sum())


def test_it_is_silent(capfd):
    verbosity = optuna.logging.get_verbosity()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told_to(conditional(), 20).ask(3)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == verbosity


def test_running_trials_repel_suggestions():
    problem = easy()
    free, busy = told_to(problem, 30), told_to(problem, 30)
    running = Trials.running(np.arange(30, 33), free.ask(3), 2)
    busy.tell(running[:0], running)
    free.tell(running[:0], Trials.running(np.arange(30, 33), np.zeros((3, 4), np.int64), 2))
    assert not np.array_equal(free.ask(3), busy.ask(3))


def test_withdrawn_trials_do_not_pile_up_or_matter(monkeypatch):
    problem = easy()
    strategy = told_to(problem, 20)
    expected = strategy.ask(2)
    monkeypatch.setattr("cosearch.search.optuna_strategy.STALE", 10)
    for _ in range(12):
        assert np.array_equal(strategy.ask(2), expected)
    assert len(strategy._study.trials) < 2 * 20 + 10 + 10 < STALE


def test_it_improves_on_its_random_start():
    told = Simulation(lambda p, s: Tpe(p, s, startup=10), easy(), 0).run(50).told
    by_id = told.objectives[np.argsort(told.ids)].sum(axis=1)
    assert by_id[-15:].mean() < 0.6 * by_id[:10].mean()
