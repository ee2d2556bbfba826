"""Targets that answer badly: one study each, which must record the bad designs and go on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cosearch.experiments.execution.scoring import MAX_MESSAGE
from cosearch.experiments.experiment import Experiment
from cosearch.experiments.settings import Budget
from cosearch.experiments.status import status
from cosearch.experiments.store import TrialStore
from cosearch.experiments.study import Study
from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.target import Columns, HardwareTarget, Seeds
from cosearch.spaces.design import Designs

MakeExperiment = Callable[..., Experiment]


class Answering(HardwareTarget):
    """Gives plain numbers, changed by ``answer(a, columns)`` with the values of knob ``a``."""

    def __init__(self, answer: Callable[[np.ndarray, Columns], Columns]) -> None:
        self.answer = answer

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("latency_ms", "modelled", "a"), Metric("energy_mj", "modelled", "b"))

    def held_out_metrics(self) -> tuple[Metric, ...]:
        return (Metric("power_w", "modelled", "held out"),)

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        a, b = (designs.column(k).astype(float) for k in ("a", "b"))
        return self.answer(a, Columns({"latency_ms": a, "energy_mj": (40 - a) ** 2 + b}))

    def confirm(self, designs: Designs, seeds: Seeds) -> Columns:
        return Columns({"power_w": np.full(len(designs), np.nan)}, failures={0: "no held-out score"})


def odd(a: np.ndarray, columns: Columns, message: Any) -> Columns:
    """Refuses designs of odd ``a`` with that message."""
    rows = np.flatnonzero(a % 2).tolist()
    return Columns(columns.values, failures=dict.fromkeys(rows, message))


@pytest.mark.parametrize(
    "message",
    ["", " \n", "bad name \udcff", "größer als 4 µs", ValueError("an object, not a text"), "x" * 3_000_000],
    ids=["empty", "blank", "surrogate", "non-ascii", "object", "megabytes"],
)
def test_any_message_is_recorded(make_experiment: MakeExperiment, message: object) -> None:
    target = Answering(lambda a, columns: odd(a, columns, message))
    study = Study.create(make_experiment(target=target, budget=Budget(trials=40), constraints=()))
    summary = study.run()
    assert summary.n_trials == 40
    assert 0 < summary.n_failed < 40
    assert status(study.folder)["failures"][0]["count"] == summary.n_failed
    with TrialStore.open(study.folder, readonly=True) as store:
        assert all(len(row["error"]) <= MAX_MESSAGE + 100 for row in store.rows("state = 'failed'"))


def test_a_target_that_calls_exit_fails_its_designs_only(make_experiment: MakeExperiment) -> None:
    def answer(a: np.ndarray, columns: Columns) -> Columns:
        if (a % 2).any():
            sys.exit("bad arguments")
        return columns

    study = Study.create(make_experiment(target=Answering(answer), budget=Budget(trials=40), constraints=()))
    summary = study.run()
    assert summary.n_trials == 40
    assert 0 < summary.n_failed < 40
    assert "bad arguments" in study.results.failures[0][0]


def test_numbers_that_are_not_numbers_stay_out_of_files(make_experiment: MakeExperiment) -> None:
    def answer(a: np.ndarray, columns: Columns) -> Columns:
        return Columns(columns.values, std={"latency_ms": np.full(len(a), np.nan)})

    study = Study.create(make_experiment(target=Answering(answer), budget=Budget(trials=40), constraints=()))
    study.run()
    study.run()
    document = json.loads((study.folder / "pareto" / "pareto.json").read_text(encoding="utf-8"), parse_constant=float)
    assert document["designs"]
    assert not any("std" in design or "held_out" in design for design in document["designs"])
