from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosearch.hw_targets.catalog import TARGETS
from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.function import FIDELITIES, FunctionTarget
from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.target import Columns, HardwareTarget, Seeds
from cosearch.spaces.design import Designs
from cosearch.spaces.errors import CosearchError, TargetError
from cosearch.spaces.space import Space

SPACE = Space({"rows": [8, 16, 32], "cols": [8, 16]})

MODULE = '''
def score(design):
    """Area of an array."""
    return {"area_mm2": 0.01 * design["rows"] * design["cols"], "pe_count": design["rows"] * design["cols"]}
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "array_cost_for_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "array_cost_for_test:score"
    sys.modules.pop("array_cost_for_test", None)


def test_a_function_named_by_its_path_is_a_conforming_target(module: str) -> None:
    factory = TARGETS.get("function")
    check_target(lambda space: factory(space, function=module, metrics=["area_mm2", "pe_count"]), SPACE)
    target = factory(SPACE, function=module, metrics=["area_mm2"], version="7")
    assert target.metrics()[0].description == "Area of an array."
    assert target.fingerprint()["version"] == "7"
    columns = target.evaluate(SPACE.designs(SPACE.encode([{"rows": 8, "cols": 16}])), np.zeros(1, np.uint64))
    assert columns.values["area_mm2"][0] == pytest.approx(1.28)


def test_what_goes_wrong_is_a_failure_of_that_design() -> None:
    def score(design: dict[str, object]) -> dict[str, float]:
        if design["rows"] == 8:
            raise ZeroDivisionError("no rows")
        return {"latency_ms": float("nan")} if design["rows"] == 16 else {"latency_ms": 2.0}

    designs = SPACE.designs(SPACE.encode([{"rows": r, "cols": 8} for r in (8, 16, 32)]))
    columns = FunctionTarget(SPACE, score, ["latency_ms"]).evaluate(designs, np.zeros(3, np.uint64))
    assert sorted(columns.failures) == [0, 1]
    assert "ZeroDivisionError: no rows" in columns.failures[0]
    assert "not finite" in columns.failures[1]
    assert columns.values["latency_ms"][2] == 2.0
    missing = FunctionTarget(SPACE, score, ["energy_mj"]).evaluate(designs[2:], np.zeros(1, np.uint64))
    assert "energy_mj" in missing.failures[0]


def test_wrong_declarations_are_refused(module: str) -> None:
    with pytest.raises(TargetError, match="carries no unit"):
        FunctionTarget(SPACE, module, ["latency"])
    with pytest.raises(TargetError, match="metrics"):
        FunctionTarget(SPACE, module, [])
    with pytest.raises(CosearchError, match="no_such_module"):
        FunctionTarget(SPACE, "no_such_module:score", ["latency_ms"])


class Broken(HardwareTarget):
    """Breaks one rule of the contract, named by ``how``."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.calls = 0

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("latency_ms", "measured" if self.how == "no spread" else "modelled", "x"),)

    def held_out_metrics(self) -> tuple[Metric, ...]:
        return self.metrics() if self.how == "held out is searched" else ()

    def fingerprint(self) -> dict[str, str]:
        number: Any = 1
        return {"threads": number} if self.how == "fingerprint" else {}

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        self.calls += 1
        values = designs.column("rows").astype(float)
        if self.how == "depends on the batch":
            values = values - values.mean()
        if self.how == "remembers":
            values = values + self.calls
        if self.how == "shape":
            values = values[:, None]
        if self.how == "nan":
            values = values * np.nan
        if self.how == "empty" and not len(designs):
            raise ValueError("no designs")
        return Columns({"cycles" if self.how == "name" else "latency_ms": values})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "how",
    ["name", "shape", "nan", "depends on the batch", "remembers", "no spread", "fingerprint", "held out is searched"],
)
def test_the_conformance_check_finds_each_broken_rule(how: str) -> None:
    with pytest.raises(AssertionError):
        check_target(lambda space: Broken(how), SPACE)


def test_the_conformance_check_accepts_a_sound_target_and_tries_an_empty_batch() -> None:
    check_target(lambda space: Broken("nothing"), SPACE)
    with pytest.raises(ValueError, match="no designs"):
        check_target(lambda space: Broken("empty"), SPACE)


def steps(design: dict[str, object], fidelity: float = 1.0) -> dict[str, float]:
    """A simulation that rises with its length."""
    return {"latency_ms": float(design["rows"]) * fidelity}


def test_a_function_may_take_a_fidelity() -> None:
    check_target(lambda space: FunctionTarget(space, steps, ["latency_ms"]), SPACE)
    assert FunctionTarget(SPACE, steps, ["latency_ms"]).fidelities() == FIDELITIES
    target = FunctionTarget(SPACE, steps, ["latency_ms"], fidelities=[0.25, 1])
    designs = SPACE.designs(SPACE.encode([{"rows": 8, "cols": 8}, {"rows": 32, "cols": 8}]))
    seeds = np.zeros(2, np.uint64)
    assert target.fidelities() == (0.25, 1.0)
    assert target.evaluate_at(designs, seeds, 0.25).values["latency_ms"].tolist() == [2.0, 8.0]
    assert target.evaluate(designs, seeds).values["latency_ms"].tolist() == [8.0, 32.0]


@pytest.mark.parametrize("fidelities", [[], [0.5], [1, 0.5], [0, 1], [0.5, 0.5, 1], [0.5, 2]])
def test_fidelities_must_rise_to_the_full_effort(fidelities: list[float]) -> None:
    with pytest.raises(TargetError, match="fidelities"):
        FunctionTarget(SPACE, steps, ["latency_ms"], fidelities=fidelities)


def test_fidelities_need_a_function_that_takes_them(module: str) -> None:
    assert FunctionTarget(SPACE, module, ["area_mm2"]).fidelities() == (1.0,)
    with pytest.raises(TargetError, match=r"takes no fidelity; write def score\(design, fidelity\)"):
        FunctionTarget(SPACE, module, ["area_mm2"], fidelities=[0.5, 1])


def test_a_target_offers_the_full_effort_alone_unless_it_says_otherwise() -> None:
    target = Broken("nothing")
    designs = SPACE.designs(SPACE.encode([{"rows": 8, "cols": 8}]))
    assert target.fidelities() == (1.0,)
    assert target.evaluate_at(designs, np.zeros(1, np.uint64), 1.0).values["latency_ms"].tolist() == [8.0]
    with pytest.raises(TargetError, match=r"no fidelity 0\.5"):
        target.evaluate_at(designs, np.zeros(1, np.uint64), 0.5)


class Partial(Broken):
    """Offers fidelities and breaks one of their rules, named by ``how``."""

    def fidelities(self) -> tuple[float, ...]:
        return {"falls": (1.0, 0.5), "is not full": (0.5,), "is zero": (0.0, 1.0)}.get(self.how, (0.5, 1.0))

    def evaluate_at(self, designs: Designs, seeds: Seeds, fidelity: float) -> Columns:
        values = self.evaluate(designs, seeds).values["latency_ms"] * fidelity
        if self.how == "full differs":
            values = values * 2.0
        if fidelity < 1.0 and self.how == "depends on the batch at half":
            values = values - values.mean()
        if fidelity < 1.0 and self.how == "no numbers at half":
            values = values * np.nan
        return Columns({"latency_ms": values})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "how",
    ["falls", "is not full", "is zero", "full differs", "depends on the batch at half", "no numbers at half"],
)
def test_the_conformance_check_finds_each_broken_rule_of_fidelities(how: str) -> None:
    check_target(lambda space: Partial("nothing"), SPACE)
    with pytest.raises(AssertionError):
        check_target(lambda space: Partial(how), SPACE)
