import itertools

import hypothesis.strategies as st
import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from cosearch.search.front import REFERENCE_TRIALS, ParetoFront
from cosearch.search.objective import Objective, Problem
from cosearch.search.trial import Trials
from cosearch.spaces.errors import StrategyError
from cosearch.spaces.space import Space

SPACE = Space({"k": {"type": "integer", "low": 0, "high": 9999}})


def problem(m=2, reference=10.0, goals=None):
    goals = goals or ["minimize"] * m
    return Problem(SPACE, tuple(Objective(f"m{i}", goals[i], reference) for i in range(m)))


def trials(objectives, violations=None, start=0):
    objectives = np.asarray(objectives, float)
    n = len(objectives)
    violations = np.zeros(n) if violations is None else np.asarray(violations, float)
    ids = np.arange(start, start + n)
    return Trials(ids, ids[:, None].astype(np.int64), objectives, violations)


@st.composite
def histories(draw):
    m, n = draw(st.integers(1, 4)), draw(st.integers(0, 30))
    objectives = draw(hnp.arrays(float, (n, m), elements=st.integers(0, 6).map(float)))
    violations = draw(hnp.arrays(float, n, elements=st.sampled_from([0.0, 0.0, 0.0, 1.0, 3.0, np.inf])))
    objectives[np.isinf(violations)] = np.inf
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    return trials(objectives, violations), [0, *cuts, n]


def brute_force(told):
    rows = [i for i in range(len(told)) if told.violations[i] == 0]
    y = told.objectives
    keep = []
    for i in rows:
        beaten = any((y[j] <= y[i]).all() and (y[j] < y[i]).any() for j in rows)
        repeat = any(j < i and (y[j] == y[i]).all() for j in rows)
        if not beaten and not repeat:
            keep.append(i)
    return keep


@settings(max_examples=150, deadline=None)
@given(histories(), st.booleans())
def test_front_in_batches_equals_brute_force(history, ask_between):
    told, cuts = history
    m = told.objectives.shape[1]
    front = ParetoFront(problem(m))
    for a, b in itertools.pairwise(cuts):
        joined = front.add(told[a:b])
        now = set(front.trials.ids.tolist())
        assert {int(i) for i in told.ids[a:b][joined]} == {i for i in range(a, b) if i in now}
        if ask_between:
            front.hypervolume()
    expected = brute_force(told)
    assert front.trials.ids.tolist() == expected
    direct = moocore.hypervolume(told.objectives[expected], ref=[10.0] * m) if expected else 0.0
    assert front.hypervolume() == pytest.approx(direct, rel=1e-12)
    infeasible = [i for i in range(len(told)) if 0 < told.violations[i] < np.inf]
    by_violation = sorted(infeasible, key=lambda i: told.violations[i])
    assert front.least_violating(5).ids.tolist() == by_violation[:5]


def test_hypervolume_by_hand():
    front = ParetoFront(problem(2, reference=4.0))
    assert front.hypervolume() == 0.0
    front.add(trials([[1.0, 3.0], [3.0, 1.0]]))
    assert front.hypervolume() == 5.0  # two 3 x 1 rectangles that share one square
    front.add(trials([[2.0, 2.0]], start=2))
    assert front.hypervolume() == 6.0
    front.add(trials([[9.0, 0.0]], start=3))
    assert front.hypervolume() == 6.0  # beyond the reference


def test_maximised_objectives_use_their_own_reference():
    two = Problem(SPACE, (Objective("acc_pct", "maximize", 50.0), Objective("latency_ms", "minimize", 10.0)))
    objectives, violations = two.score({"acc_pct": np.array([70.0]), "latency_ms": np.array([4.0])})
    front = ParetoFront(two)
    front.add(Trials(np.array([0]), np.array([[1]]), objectives, violations))
    assert front.hypervolume() == pytest.approx(20.0 * 6.0)


def test_many_objectives_are_approximated_quickly_and_repeatably():
    points = np.random.default_rng(0).random((40, 7))
    volumes = []
    for _ in range(2):
        front = ParetoFront(problem(7, reference=1.1))
        front.add(trials(points))
        volumes.append(front.hypervolume())
    assert volumes[0] == volumes[1]
    assert volumes[0] == pytest.approx(moocore.hypervolume(points, ref=[1.1] * 7), rel=0.01)


def test_open_reference_is_frozen_by_the_first_feasible_trials():
    front = ParetoFront(problem(2, reference=None))
    assert np.isnan(front.reference).all()
    front.add(trials([[np.inf, np.inf], [7.0, 7.0]], [np.inf, 1.0]))
    assert np.isnan(front.reference).all()
    first = np.column_stack([np.linspace(0, 10, REFERENCE_TRIALS), np.full(REFERENCE_TRIALS, 5.0)])
    front.add(trials(first[:3]))
    assert front.hypervolume() > 0
    front.add(trials(first[3:]))
    # A tenth of the range beyond the worst; of the value itself where there is no range.
    assert front.reference.tolist() == pytest.approx([11.0, 5.5])
    front.add(trials([[1000.0, -1000.0]]))
    assert front.reference.tolist() == pytest.approx([11.0, 5.5])


def test_open_reference_does_not_depend_on_batches():
    points = np.random.default_rng(1).random((60, 2))
    whole, single = ParetoFront(problem(2, None)), ParetoFront(problem(2, None))
    whole.add(trials(points))
    for i in range(60):
        single.add(trials(points[i : i + 1], start=i))
        single.hypervolume()
    assert whole.hypervolume() == single.hypervolume()
    assert whole.trials.ids.tolist() == single.trials.ids.tolist()


def test_without_feasible_trials_the_least_violating_are_returned_and_flagged():
    front = ParetoFront(problem())
    front.add(trials([[1, 1], [2, 2], [np.inf, np.inf], [3, 3]], [2.0, 0.5, np.inf, 1.0]))
    best, feasible = front.best(2)
    assert not feasible
    assert best.ids.tolist() == [1, 3]
    assert not best.feasible.any()
    front.add(trials([[9.0, 9.0]], start=4))
    best, feasible = front.best()
    assert feasible
    assert best.ids.tolist() == [4]


def test_knee_is_the_bulge():
    front = ParetoFront(problem())
    assert len(front.knee()) == 0
    front.add(trials([[0.0, 100.0], [1.0, 20.0], [5.0, 10.0], [10.0, 0.0]]))
    assert front.knee().ids.tolist() == [1]


def test_nearest_is_in_metric_units():
    two = Problem(SPACE, (Objective("acc_pct", "maximize"), Objective("latency_ms")))
    front = ParetoFront(two)
    assert len(front.nearest(latency_ms=3.0)) == 0
    objectives, violations = two.score(
        {"acc_pct": np.array([60.0, 70.0, 75.0]), "latency_ms": np.array([1.0, 3.2, 9.0])}
    )
    front.add(Trials(np.arange(3), np.arange(3)[:, None], objectives, violations))
    assert front.nearest(latency_ms=3.0).ids.tolist() == [1]
    assert front.nearest(acc_pct=90.0).ids.tolist() == [2]
    with pytest.raises(StrategyError, match=r"energy.*use acc_pct, latency_ms"):
        front.nearest(energy_mj=1.0)


def test_huge_plateaus_stay_small():
    front = ParetoFront(problem())
    front.add(trials(np.ones((5000, 2))))
    assert front.trials.ids.tolist() == [0]
