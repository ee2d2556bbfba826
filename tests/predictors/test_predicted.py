"""A saved predictor as a target: its numbers, its deviations, and its mark as predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosearch.hw_targets.catalog import TARGETS
from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.function import FunctionTarget
from cosearch.hw_targets.target import Needs
from cosearch.predictors.predicted import Predicted, rests_on
from cosearch.predictors.ridge import Ridge
from cosearch.spaces.errors import PredictorError, TargetError
from cosearch.spaces.space import Space

SPACE = Space({"a": [1, 2, 3, 4], "b": {"type": "integer", "low": 0, "high": 20}, "c": ["x", "y"]})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(0), 40))
    y = 2.0 * designs.column("a") + 0.1 * designs.column("b")
    Ridge(SPACE, "latency_ms").fit(designs, y).save(tmp_path / "ridge")
    return tmp_path / "ridge"


def test_contract_of_targets(saved: Path) -> None:
    check_target(lambda space: Predicted(space, str(saved)), SPACE)


def test_numbers_are_marked_as_predicted_and_carry_a_deviation(saved: Path) -> None:
    target = TARGETS.get("predicted")(SPACE, path=str(saved))
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(1), 30))
    columns = target.evaluate(designs, np.zeros(30, dtype=np.uint64))
    assert [(m.name, m.source) for m in target.metrics()] == [("latency_ms", "predicted")]
    np.testing.assert_allclose(
        columns.values["latency_ms"], 2.0 * designs.column("a") + 0.1 * designs.column("b"), atol=0.05
    )
    assert (columns.std["latency_ms"] > 0).all()


def test_fingerprint_follows_what_was_learnt(saved: Path) -> None:
    before = Predicted(SPACE, str(saved)).fingerprint()
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(2), 30))
    Ridge(SPACE, "latency_ms").fit(designs, np.linspace(1.0, 2.0, 30)).save(saved)
    after = Predicted(SPACE, str(saved)).fingerprint()
    assert before["predictor"] == after["predictor"]
    assert before["predictor_digest"] != after["predictor_digest"]
    assert "predictor_coverage_90" in before


def test_another_space_or_no_folder(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(PredictorError, match="another space"):
        Predicted(Space({"a": [1, 2]}), str(saved))
    with pytest.raises(PredictorError, match="holds no readable predictor"):
        Predicted(SPACE, str(tmp_path / "nowhere"))


def true_latency(design: dict[str, Any]) -> dict[str, float]:
    """Twice what was fitted; one kind of design does not run."""
    if design["c"] == "y" and design["a"] == 4:
        raise RuntimeError("out of memory")
    return {"latency_ms": 2.0 * (2.0 * design["a"] + 0.1 * design["b"])}


def simulator() -> FunctionTarget:
    return FunctionTarget(SPACE, true_latency, ["latency_ms"], source="simulated")


def test_the_front_is_compared_with_a_target_that_gives_the_metric_itself(saved: Path) -> None:
    target = Predicted(SPACE, str(saved), measure=simulator())
    check_target(lambda space: Predicted(space, str(saved), measure=simulator()), SPACE, seed=3)
    names = [(m.name, m.source) for m in target.held_out_metrics()]
    assert names == [("simulated_latency_ms", "simulated"), ("latency_prediction_error_pct", "simulated")]
    designs = SPACE.designs(SPACE.encode([{"a": 2, "b": 5, "c": "x"}, {"a": 4, "b": 5, "c": "y"}]))
    columns = target.confirm(designs, np.zeros(2, dtype=np.uint64))
    assert columns.values["simulated_latency_ms"][0] == 9.0
    assert columns.values["latency_prediction_error_pct"][0] == pytest.approx(-50.0, abs=1.0)
    assert list(columns.failures) == [1]
    assert "out of memory" in columns.failures[1]


def test_while_searching_nothing_is_measured_and_no_device_is_needed(saved: Path) -> None:
    device = simulator()
    device.needs = Needs(device="board", program="adb")
    target = Predicted(SPACE, str(saved), measure=device)
    assert target.needs == Needs(program="adb", cheap=True, ready=True)
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(1), 30))
    alone = Predicted(SPACE, str(saved)).evaluate(designs, np.zeros(30, dtype=np.uint64))
    np.testing.assert_array_equal(
        target.evaluate(designs, np.zeros(30, dtype=np.uint64)).values["latency_ms"], alone.values["latency_ms"]
    )
    assert target.fingerprint()["measure_function"].endswith("true_latency")


def test_without_a_device_nothing_is_held_out(saved: Path) -> None:
    target = Predicted(SPACE, str(saved))
    assert target.held_out_metrics() == ()
    with pytest.raises(TargetError, match="no held-out metrics"):
        target.confirm(SPACE.designs(SPACE.sample(np.random.default_rng(0), 1)), np.zeros(1, dtype=np.uint64))


def test_a_device_that_gives_another_metric(saved: Path) -> None:
    other = FunctionTarget(SPACE, true_latency, ["energy_mj"])
    with pytest.raises(TargetError, match="gives energy_mj, not the predicted latency_ms"):
        Predicted(SPACE, str(saved), measure=other)


def test_what_a_prediction_rests_on_is_its_description(saved: Path) -> None:
    assert Predicted(SPACE, str(saved)).metrics()[0].description == "ridge, 40 measurements"
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(3), 10))
    adapted = Ridge.load(saved).adapt(designs, 4.0 * designs.column("a") + 1.0)
    assert rests_on(adapted) == "ridge, 10 measurements and 40 of other devices"
