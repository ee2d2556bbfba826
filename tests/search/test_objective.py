import numpy as np
import pytest

from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.spaces.errors import StrategyError
from cosearch.spaces.space import Space

SPACE = Space({"k": [1, 2]})
PROBLEM = Problem(
    SPACE,
    (Objective("top1_pct", "maximize"), Objective("latency_ms")),
    (Constraint("latency_ms", at_most=10.0), Constraint("area_mm2", at_least=2.0, at_most=4.0)),
)


def test_signs_flip_once_and_back():
    values = {"top1_pct": np.array([70.0]), "latency_ms": np.array([5.0]), "area_mm2": np.array([3.0])}
    objectives, violations = PROBLEM.score(values)
    assert objectives.tolist() == [[-70.0, 5.0]]
    assert violations.tolist() == [0.0]
    assert PROBLEM.unscore(objectives).tolist() == [[70.0, 5.0]]


def test_violations_are_shares_of_the_bounds_and_add_up():
    values = {"top1_pct": np.zeros(2), "latency_ms": np.array([15.0, 5.0]), "area_mm2": np.array([1.0, 5.0])}
    assert PROBLEM.score(values)[1].tolist() == pytest.approx([0.5 + 0.5, 0.25])


@pytest.mark.parametrize("metric", ["top1_pct", "area_mm2"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_metrics_fail_the_trial(metric, value):
    values = {"top1_pct": np.zeros(1), "latency_ms": np.ones(1), "area_mm2": np.array([3.0]), metric: np.array([value])}
    objectives, violations = PROBLEM.score(values)
    assert np.isinf(objectives).all()
    assert np.isinf(violations).all()


def test_bound_of_zero_measures_in_units():
    assert Constraint("slack_ns", at_least=0.0).violation(np.array([-0.25, 1.0])).tolist() == [0.25, 0.0]


def test_metrics_are_named_once():
    assert PROBLEM.metric_names() == ("top1_pct", "latency_ms", "area_mm2")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Objective("a", "maximise"), "use 'minimize' or 'maximize'"),
        (lambda: Objective("a", reference=float("nan")), "finite"),
        (lambda: Constraint("a"), "no bound"),
        (lambda: Constraint("a", at_most=1, at_least=2), "at_least 2 > at_most 1"),
        (lambda: Problem(SPACE, ()), "no objective"),
        (lambda: Problem(SPACE, (Objective("a"), Objective("a", "maximize"))), "repeats"),
    ],
)
def test_wrong_declarations_are_refused(make, message):
    with pytest.raises(StrategyError, match=message):
        make()
