"""Closed forms are known to strategies, and are what a study records."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from cosearch.experiments.api import experiment
from cosearch.experiments.configuration.build import build
from cosearch.experiments.configuration.load import from_dict, load
from cosearch.experiments.study import Study
from cosearch.hw_targets.function import FunctionTarget
from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.target import Columns, HardwareTarget, Needs
from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.spaces.space import Space

SHIPPED = Path(__file__).parents[2] / "experiments"


class Half(HardwareTarget):
    """One closed form, one metric by training; designs with ``a = 2`` fail and with ``a = 3`` raise."""

    needs = Needs(cheap=True)

    def __init__(self, space: Space) -> None:
        self.calls = 0

    def metrics(self):
        return (Metric("area_mm2", "modelled", "a"), Metric("top1_pct", "trained", "b"))

    def evaluate(self, designs, seeds):
        self.calls += 1
        a = designs.column("a").astype(float)
        if (a == 3).any():
            raise RuntimeError("three")
        area = np.where(a == 2, np.nan, 10 * a)
        return Columns({"area_mm2": area, "top1_pct": a})


SPACE = Space({"a": [0, 1, 2, 3, 4], "b": [0, 1]})
CODES = np.array([[0, 0], [1, 1], [2, 0], [3, 1], [4, 0]])


def test_a_closed_form_of_a_cheap_target_is_exact_and_nothing_else():
    slow = FunctionTarget(SPACE, lambda design: {"cost_ms": 1.0}, ["cost_ms"])
    made = experiment(SPACE, {"half": Half(SPACE), "slow": slow}, [Objective("area_mm2"), Objective("cost_ms")])
    assert set(made.problem.exact) == {"area_mm2"}
    assert made.problem.exact_objectives.tolist() == [True, False]
    np.testing.assert_array_equal(made.problem.exact["area_mm2"](CODES), [0, 10, np.nan, np.nan, 40])


def test_designs_that_are_scored_twice_are_scored_once():
    target = Half(SPACE)
    exact = experiment(SPACE, target, [Objective("area_mm2")]).problem.exact["area_mm2"]
    rows = CODES[[0, 4]]
    first = exact(rows)
    first[:] = -1
    assert exact(rows).tolist() == [0, 40]
    assert target.calls == 1
    assert exact(rows[::-1]).tolist() == [40, 0]


def test_shipped_closed_forms_are_the_numbers_that_targets_give():
    made = build(load(SHIPPED / "systolic_mobilenet.yaml"))
    assert made.problem.exact_objectives.all()
    assert made.problem.has_exact_constraints
    codes = made.problem.space.sample(np.random.default_rng(0), 50)
    designs = made.problem.space.designs(codes)
    truth = made.targets["accelerator"].evaluate(designs, np.zeros(50, np.uint64)).values
    copied = pickle.loads(pickle.dumps(made.problem))  # noqa: S301  what was just pickled here
    for metric in made.problem.metric_names():
        np.testing.assert_array_equal(made.problem.exact[metric](codes), truth[metric])
        np.testing.assert_array_equal(copied.exact[metric](codes), truth[metric])
    objectives, violations = made.problem.foreknow(codes)
    scored = made.problem.score(truth)
    np.testing.assert_array_equal(objectives, scored[0])
    np.testing.assert_array_equal(violations, scored[1])


def test_nothing_measured_or_trained_is_exact():
    pytest.importorskip("torch")
    made = build(load(SHIPPED / "quickstart.yaml"))
    assert not made.problem.exact_objectives[:2].any()
    assert not made.problem.has_exact_constraints


JOINT = {
    "version": 1,
    "name": "joint",
    "space": {
        "name": "joint",
        "tile": {"knobs": {"a": [0, 1]}},
        "hardware": {"name": "systolic_array", "rows": [8, 16], "cols": [8, 16]},
    },
    "targets": {"array": {"name": "systolic", "part": "hardware", "workload": "mobilenet_v1"}},
    "objectives": [{"metric": "cycles", "reference": 1.0e9}],
    "constraints": [{"metric": "area_pe", "at_most": 700}],
    "budget": {"trials": 12},
    "tracking": {"name": "none"},
    "output": {"report": False, "formats": ["json"]},
}


def test_a_part_of_a_joint_space_has_exact_metrics_as_recorded(tmp_path):
    made = build(from_dict(JOINT))
    study = Study.create(made, tmp_path / "study")
    study.run()
    ledger = study.results.ledger
    told = ledger.trials(np.arange(ledger.n))
    objectives, violations = made.problem.foreknow(told.codes)
    np.testing.assert_array_equal(objectives, told.objectives)
    np.testing.assert_array_equal(violations, told.violations)


def _minus(codes):
    return np.where(codes[:, 0] == 2, np.nan, -1.0 * codes[:, 0])


def test_foreknowledge_is_signed_and_leaves_the_rest_open():
    objectives = (Objective("top1_pct", "maximize"), Objective("gain_ratio", "maximize"))
    limits = (Constraint("gain_ratio", at_least=-3.0), Constraint("top1_pct", at_least=1.0))
    problem = Problem(SPACE, objectives, limits, {"gain_ratio": _minus, "unread_ms": _minus})
    assert not problem.has_exact_constraints
    found, violations = problem.foreknow(CODES)
    assert np.isnan(found[:, 0]).all()
    assert found[:, 1].tolist() == [0, 1, np.inf, 3, 4]
    assert violations.tolist() == [0, 0, np.inf, 0, pytest.approx(1 / 3)]
    assert problem == Problem(SPACE, objectives, limits)
    hash(problem)


def test_without_closed_forms_nothing_is_foreknown():
    problem = Problem(SPACE, (Objective("top1_pct"),))
    found, violations = problem.foreknow(CODES)
    assert np.isnan(found).all()
    assert not violations.any()
    assert problem.has_exact_constraints
