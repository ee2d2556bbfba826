"""Studies that look at designs with less effort first: promoted, budgeted, killed, resumed, reported."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from cosearch.experiments.benchmarks.crash_resume import config, crash, finish, start, table
from cosearch.experiments.cli import main
from cosearch.experiments.configuration.build import build
from cosearch.experiments.configuration.load import load
from cosearch.experiments.configuration.validate import validate
from cosearch.experiments.execution.evaluator import Chunk
from cosearch.experiments.execution.scoring import Scorer
from cosearch.experiments.experiment import Experiment
from cosearch.experiments.fidelities import offered_fidelities
from cosearch.experiments.outputs.report_data import report_data
from cosearch.experiments.reproduce import reproduce
from cosearch.experiments.settings import Budget, Execution
from cosearch.experiments.status import status
from cosearch.experiments.store import TrialStore
from cosearch.experiments.study import Study
from cosearch.experiments.tracking.replay import write_tables
from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.target import Columns, HardwareTarget, Seeds
from cosearch.search.objective import FloatArray
from cosearch.search.random_search import RandomSearch
from cosearch.search.successive_halving import SuccessiveHalving
from cosearch.spaces.design import Designs
from cosearch.spaces.knobs import Codes
from cosearch.spaces.space import Space

MakeExperiment = Callable[..., Experiment]
BUDGET = 40


class Steps(HardwareTarget):
    """Opposed quadratics that look better than they are at a lower fidelity, where they fail for some designs."""

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("latency_ms", "modelled", "falls with a"), Metric("energy_mj", "modelled", "grows with a"))

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        return self.evaluate_at(designs, seeds, 1.0)

    def fidelities(self) -> tuple[float, ...]:
        return (1 / 9, 1 / 3, 1.0)

    def evaluate_at(self, designs: Designs, seeds: Seeds, fidelity: float) -> Columns:
        a, b = designs.column("a") / 40, designs.column("b") / 40
        short = np.flatnonzero((designs.column("a") == 7) & (fidelity < 1.0)).tolist()
        values = {"latency_ms": fidelity * ((1 - a) ** 2 + b**2), "energy_mj": fidelity * (a**2 + (1 - b) ** 2)}
        return Columns(values, failures=dict.fromkeys(short, "too short"))


@pytest.fixture
def halving(make_experiment: MakeExperiment) -> MakeExperiment:
    def make(**changes: Any) -> Experiment:
        target = Steps()
        settings = {"target": target, "strategy": SuccessiveHalving, "budget": Budget(trials=BUDGET)}
        experiment = make_experiment(**(settings | changes))
        offered = offered_fidelities(experiment.targets)
        return replace(experiment, problem=replace(experiment.problem, fidelities=offered))

    return make


def rows(study: Study) -> list[dict[str, Any]]:
    with TrialStore.open(study.folder, readonly=True) as store:
        return list(store.rows())


def outcome(study: Study) -> list[tuple[Any, ...]]:
    return [(r["id"], r["digest"], r["fidelity"], r["seed"], r["state"], r["values"]) for r in rows(study)]


def test_the_budget_counts_cost(halving: MakeExperiment) -> None:
    study = Study.create(halving(execution=Execution(chunk=1)))
    summary = study.run()
    shares = np.array([row["fidelity"] for row in rows(study)])
    assert summary.n_trials == len(shares) > 2 * BUDGET
    assert summary.spent == pytest.approx(shares.sum())
    assert BUDGET - 1e-6 <= summary.spent < BUDGET + 1
    assert "budget is spent" in summary.reason
    last = study.results.history[-1]
    assert (last.n, last.spent) == (summary.n_trials, summary.spent)
    now = status(study.folder)["trials"]
    assert now["spent"] == pytest.approx(summary.spent)
    assert study.run().n_trials == summary.n_trials


def test_each_pair_of_design_and_fidelity_is_evaluated_once(halving: MakeExperiment) -> None:
    study = Study.create(halving())
    study.run()
    pairs = [(row["digest"], row["fidelity"]) for row in rows(study)]
    assert len(set(pairs)) == len(pairs)
    assert len({digest for digest, _ in pairs}) < len(pairs)


def test_only_full_evaluations_count(halving: MakeExperiment) -> None:
    study = Study.create(halving())
    summary = study.run()
    full = {row["id"]: row["values"] for row in rows(study) if row["fidelity"] == 1.0}
    results = study.results
    assert summary.front_size == len(results.front) > 0
    assert {member["trial"] for member in results.members} <= set(full)
    assert {member["trial"]: member["metrics"] for member in results.members}.items() <= full.items()
    allowed = [values for values in full.values() if values["energy_mj"] <= 1.5]
    for metric, best in results.history[-1].best.items():
        assert best == min(values[metric] for values in allowed)
    shown = report_data(results)
    assert set(shown.ids.tolist()) <= set(full)
    assert "worth" in dict(shown.settings)["spent"]
    assert summary.hypervolume == results.front.hypervolume() == results.history[-1].hypervolume


@pytest.mark.parametrize("deterministic", [False, True])
def test_stopping_and_resuming_changes_nothing(halving: MakeExperiment, deterministic: bool) -> None:
    execution = Execution(chunk=1, deterministic=deterministic)
    whole = Study.create(halving(execution=execution))
    whole.run()
    half = Study.create(halving(execution=execution, budget=Budget(trials=13)))
    half.run()
    rest = Study.open(half.folder, halving(execution=execution))
    assert rest.run().spent >= BUDGET - 1e-6
    assert outcome(rest) == outcome(whole)
    assert rest.results.history[-1].spent == whole.results.history[-1].spent


class Twice(RandomSearch):
    """Breaks the rule: asks for every design at each fidelity again and again."""

    def ask_at(self, n: int) -> tuple[Codes, FloatArray]:
        codes = np.array([[1, 1], [1, 1], [1, 1], [2, 2]], dtype=np.int64)
        return codes, np.array([1.0, 1 / 3, 1 / 3, 1 / 9])


def test_repeats_are_those_of_design_and_fidelity(halving: MakeExperiment) -> None:
    study = Study.create(halving(strategy=Twice, budget=Budget(trials=5)))
    summary = study.run()
    assert summary.n_trials == 3
    assert summary.spent == pytest.approx(1 + 1 / 3 + 1 / 9)
    answers = {(r["digest"], r["fidelity"]): r["values"] for r in rows(study) if r["state"] == "done"}
    repeats = [row for row in rows(study) if row["state"] == "duplicate"]
    assert repeats
    assert all(row["values"] == answers[row["digest"], row["fidelity"]] for row in repeats)


class Noting(HardwareTarget):
    """Offers some fidelities and notes which it was asked for."""

    def __init__(self, metric: str, offered: tuple[float, ...]) -> None:
        self.metric, self.offered = metric, offered
        self.asked: list[tuple[float, list[int]]] = []

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric(self.metric, "modelled", "which fidelity"),)

    def fidelities(self) -> tuple[float, ...]:
        return self.offered

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        return self.evaluate_at(designs, seeds, 1.0)

    def evaluate_at(self, designs: Designs, seeds: Seeds, fidelity: float) -> Columns:
        self.asked.append((fidelity, designs.column("a").tolist()))
        return Columns({self.metric: np.full(len(designs), fidelity)})


def test_each_target_is_asked_for_the_nearest_fidelity_that_is_no_lower() -> None:
    space = Space({"a": {"type": "integer", "low": 0, "high": 9}})
    targets = {
        "fine": Noting("latency_ms", (0.1, 0.25, 1.0)),
        "coarse": Noting("power_w", (0.5, 1.0)),
        "whole": Noting("energy_mj", (1.0,)),
    }
    assert offered_fidelities(targets) == (0.1, 0.25, 0.5, 1.0)
    metrics = {label: (target.metric,) for label, target in targets.items()}
    scorer = Scorer(space, targets, dict.fromkeys(targets), metrics)
    asked = np.array([0.1, 1.0, 0.25, 0.5, 0.1])
    chunk = Chunk(np.arange(5), np.arange(5)[:, None], np.zeros(5, np.uint64), fidelities=asked)
    values = scorer(chunk).values
    assert values["latency_ms"].tolist() == [0.1, 1.0, 0.25, 1.0, 0.1]
    assert values["power_w"].tolist() == [0.5, 1.0, 0.5, 0.5, 0.5]
    assert values["energy_mj"].tolist() == [1.0] * 5
    assert targets["whole"].asked == [(1.0, [0, 1, 2, 3, 4])]
    assert targets["fine"].asked == [(0.1, [0, 4]), (0.25, [2]), (1.0, [1, 3])]
    scorer(chunk[2:4])
    assert targets["fine"].asked[3:] == [(0.25, [2]), (1.0, [3])]


# --- through the command line, with workers ------------------------------------------------------------------------


def slow_config(backend: str = "local", **changes: Any) -> dict[str, Any]:
    data = config(backend, BUDGET, seed=5)
    data["search"] = {"name": "successive_halving", "strategy": "nsga2", "options": {"population": 20}}
    return data | changes


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fidelities") / "slow.yaml"
    path.write_text(yaml.safe_dump(slow_config()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reference(settings: Path) -> Path:
    folder = settings.parent / "whole"
    finish(start("run", str(settings), "--folder", str(folder)))
    return folder


@pytest.mark.parametrize("victim", ["worker", "tree"])
def test_a_killed_study_equals_an_uninterrupted_one(
    settings: Path, tmp_path: Path, reference: Path, victim: str
) -> None:
    crash("local", victim, settings, tmp_path / "killed", np.random.default_rng(3), 2 * BUDGET)
    assert table(tmp_path / "killed") == table(reference)
    assert {row[2] for row in table(reference)} == {1 / 9, 1 / 3, 1.0}


def test_a_trial_of_lower_fidelity_is_reproduced_as_it_was(reference: Path) -> None:
    for share in (1 / 9, 1 / 3, 1.0):
        row = next(row for row in rows(Study.open(reference)) if row["fidelity"] == share)
        again = reproduce(reference, row["id"])
        assert {name: values[0] for name, values in again.values.items()} == row["values"]


def test_every_output_tells_what_was_spent(reference: Path, tmp_path: Path) -> None:
    with TrialStore.open(reference, readonly=True) as store:
        written = write_tables(store, tmp_path)
        spent = store.spent()
    with written[0].open(encoding="utf-8") as file:
        shares = [float(row["fidelity"]) for row in csv.DictReader(file)]
    assert sum(shares) == pytest.approx(spent)
    with written[1].open(encoding="utf-8") as file:
        assert float(list(csv.DictReader(file))[-1]["trials/spent"]) == pytest.approx(spent)
    shown = CliRunner().invoke(main, ["status", str(reference)])
    assert f"{len(shares)}, worth {spent:.4g} full evaluations of {BUDGET}" in shown.output


def test_a_real_supernet_is_searched_on_fewer_images_first(tmp_path: Path) -> None:
    data = {
        "version": 1,
        "name": "digits",
        "space": {"name": "elastic_cnn", "resolution": [4, 6], "depth": [1, 2], "width": [[4, 6], [6, 10]]},
        "targets": {
            "accuracy": {"name": "supernet_digits", "epochs": 1, "random_subnetworks": 1, "calibration_images": 90},
            "memory": {"name": "activation_memory"},
        },
        "objectives": [
            {"metric": "top1_pct", "goal": "maximize", "reference": 0},
            {"metric": "peak_memory_kib", "reference": 100},
        ],
        "search": {"name": "successive_halving", "options": {"population": 8}},
        "budget": {"trials": 6},
        "tracking": {"name": "none"},
        "output": {"formats": ["json"], "report": False, "folder": str(tmp_path / "studies")},
    }
    path = tmp_path / "digits.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert validate(path).experiment.problem.fidelities == (1 / 9, 1 / 3, 1.0)
    study = Study.create(build(load(path)))
    summary = study.run()
    assert summary.state == "finished"
    assert summary.front_size > 0
    by_share = {share: sum(row["fidelity"] == share for row in rows(study)) for share in (1 / 9, 1 / 3, 1.0)}
    assert by_share[1 / 9] >= 3 * by_share[1 / 3] >= 9 * by_share[1.0] > 0
    assert all("test_top1_pct" in member["held_out"] for member in study.results.members)
