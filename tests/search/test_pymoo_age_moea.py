import numpy as np
import pytest

from cosearch.search.check_problems import easy, failing
from cosearch.search.pymoo_age_moea import PymooAgeMoea
from cosearch.search.trial import Trials

pytest.importorskip("pymoo")
pytest.importorskip("numba")


def told_to(problem, n=40, scale=1.0, offset=0.0):
    strategy = PymooAgeMoea(problem.problem, 0, population=10)
    codes = problem.problem.space.sample(np.random.default_rng(0), n)
    done = problem.trials(np.arange(n), codes)
    strategy.tell(Trials(done.ids, codes, done.objectives * scale + offset, done.violations), Trials.empty(4, 2))
    return strategy


def test_only_finite_objectives_reach_pymoo(monkeypatch):
    strategy = told_to(failing(2))
    seen = []
    survive = strategy._survival._do

    def spy(problem, pop, *args, **options):
        seen.append(pop.get("F"))
        return survive(problem, pop, *args, **options)

    monkeypatch.setattr(strategy._survival, "_do", spy)
    strategy.ask(3)
    assert len(seen) == 4
    assert all(np.isfinite(f).all() and f.min() >= 0 and f.max() <= 1 for f in seen)


def test_units_do_not_matter():
    reference = told_to(easy()).ask(10)
    # Powers of two, so that scaling loses no digit; pymoo alone rounds to twelve decimals.
    assert np.array_equal(told_to(easy(), scale=2.0**-60).ask(10), reference)
    assert np.array_equal(told_to(easy(), scale=2.0**60).ask(10), reference)


def test_survivors_prefer_feasible_then_small_violations():
    strategy = told_to(easy())
    done = strategy.archive.completed
    violations = np.where(np.arange(40) < 4, 0.0, np.arange(40) / 10)
    strategy.archive.completed.violations[:] = violations
    rows = strategy.survive(np.arange(40), 10)
    assert sorted(rows[:4].tolist()) == [0, 1, 2, 3]
    assert rows[4:].tolist() == [4, 5, 6, 7, 8, 9]
    assert len(done) == 40


def test_survivors_are_nondominated_first():
    strategy = told_to(easy())
    y = strategy.archive.completed.objectives
    rows = strategy.survive(np.arange(40), 10)
    first = [i for i in range(40) if not any((y[j] <= y[i]).all() and (y[j] < y[i]).any() for j in range(40))]
    assert set(first[:10]) <= set(rows.tolist()) or set(rows.tolist()) <= set(first)
