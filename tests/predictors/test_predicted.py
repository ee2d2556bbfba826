"""A saved predictor as a target: its numbers, its deviations, and its mark as predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cosearch.hw_targets.catalog import TARGETS
from cosearch.hw_targets.check_target import check_target
from cosearch.predictors.predicted import Predicted
from cosearch.predictors.ridge import Ridge
from cosearch.spaces.errors import PredictorError
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
