"""The benchmark of search within a latency, on small tables of the published layout."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from cosearch.experiments.api import experiment, run
from cosearch.experiments.benchmarks.constrained_nas import cases_of, main, ordered, pick
from cosearch.experiments.benchmarks.harness import Row
from cosearch.experiments.benchmarks.latency.constrained import Device, Rule, decide
from cosearch.experiments.benchmarks.latency.methods import Contender, chosen_methods
from cosearch.experiments.benchmarks.latency.readers import read_tables
from cosearch.hw_targets.metric import Metric
from cosearch.hw_targets.target import Columns, HardwareTarget, Needs, Seeds
from cosearch.predictors.predicted import Predicted
from cosearch.predictors.source_ridge import SourceRidge
from cosearch.search.objective import Constraint, Objective
from cosearch.spaces.design import Designs
from cosearch.spaces.errors import CosearchError

OPS = np.array(list(product((0, 1, 3), repeat=6)), np.uint8)
PER_OPERATION = np.array([0.0, 0.2, 0.0, 1.5, 0.0])
LATENCY = 1.0 + PER_OPERATION[OPS].sum(axis=1)
ACCURACY = np.round(40.0 + 5.0 * LATENCY + np.random.default_rng(0).normal(0, 2, len(OPS)), 3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Train devices that rank cells as the test device fpga does."""
    (tmp_path / "latency").mkdir()
    (tmp_path / "nasbench201").mkdir()
    devices = {"1080ti_1": 2 * LATENCY, "pixel3": LATENCY**1.2, "fpga": LATENCY}
    np.savez(
        tmp_path / "latency" / "help_nb201_latency.npz",
        latency_ms=np.column_stack(list(devices.values())),
        devices=np.array(list(devices)),
    )
    np.savez(
        tmp_path / "latency" / "nb201_arch.npz",
        ops=OPS,
        op_names=np.array(["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]),
        edges=np.array([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]),
    )
    np.savez(tmp_path / "nasbench201" / "nb201_accuracy.npz", cifar100_test_200ep=ACCURACY)
    listed = np.argsort(-ACCURACY)[::7].astype(np.int32)
    np.savez(
        tmp_path / "nasbench201" / "metad2a_candidates_cifar100.npz",
        arch_index=np.r_[listed, listed[:1]],
        true_cifar100_acc=ACCURACY[np.r_[listed, listed[:1]]],
    )
    return tmp_path


def contender(root: Path, method: str = "source_ridge") -> Contender:
    tables = read_tables("nb201", [root])
    return Contender(chosen_methods(method)[0], tables, ["1080ti_1", "pixel3"], 0)


def of(rows: list[Row], **wanted: object) -> list[Row]:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_what_was_verified_holds_and_is_good(root: Path) -> None:
    rows = main(f"--data {root} --methods source_ridge --seeds 3".split())
    [violations] = of(rows, method="source_ridge", metric="violations")
    assert (violations["subject"], violations["budget"]) == ("nb201_cifar100/all 3 constraints", "7 + 3 measurements")
    assert (violations["mean"], violations["n"]) == (0.0, 3)
    [gap] = of(rows, method="source_ridge", metric="gap_points", subject="nb201_cifar100/all 3 constraints")
    assert 0 <= gap["mean"] < 1.0
    [helps] = of(rows, method="published:HELP", metric="violations")
    assert (helps["mean"], helps["n"]) == (1.0, 0)


def test_every_measurement_counts(root: Path) -> None:
    measured: list[int] = []

    def timed(rows: np.ndarray) -> np.ndarray:
        measured.extend(rows.tolist())
        return LATENCY[rows]

    for verify in (0, 4):
        measured.clear()
        device = Device(contender(root), timed)
        rule = Rule(8, verify)
        decide(device, 4.0, ACCURACY, ACCURACY, rule, np.random.default_rng(1))
        assert len(measured) == len(set(measured)) <= 8
        assert len(measured) >= 8 - verify
        assert sorted(measured) == sorted(device.rows.tolist())


def test_unverified_networks_are_predicted_to_hold_with_confidence(root: Path) -> None:
    device = Device(contender(root), lambda rows: LATENCY[rows])
    row = decide(device, 4.0, ACCURACY, ACCURACY, Rule(10, 0, 0.9), np.random.default_rng(0))
    allowed = device.probability(4.0) >= 0.9
    assert allowed[row]
    assert ACCURACY[row] == ACCURACY[allowed].max()


def test_measured_networks_are_certain(root: Path) -> None:
    device = Device(contender(root), lambda rows: LATENCY[rows])
    device.choose(6, np.random.default_rng(0))
    assert device.probability(4.0)[device.rows].tolist() == (LATENCY[device.rows] <= 4.0).astype(float).tolist()


def test_an_impossible_constraint_still_gives_the_likeliest_candidate(root: Path) -> None:
    device = Device(contender(root), lambda rows: LATENCY[rows])
    row = decide(device, 0.5, ACCURACY, ACCURACY, Rule(10, 2), np.random.default_rng(0))
    assert 0 <= row < len(OPS)


def test_candidates_are_taken_in_their_order(root: Path) -> None:
    merit = ordered([root], len(OPS))
    listed = np.argsort(-ACCURACY)[::7]
    assert np.argmax(merit) == listed[0]
    assert np.isfinite(merit).sum() == len(listed)
    tables = read_tables("nb201", [root])
    [case] = [case for case in cases_of(tables, ACCURACY, ["fpga"]) if case.at_most == 4]
    row = pick(contender(root), case, merit, ACCURACY, Rule(12, 6, ordered=True), 0)
    assert row in listed
    assert LATENCY[row] <= 4
    best_listed = ACCURACY[listed[LATENCY[listed] <= 4]].max()
    assert ACCURACY[row] > best_listed - 3


def test_devices_without_published_constraints_have_quantiles(root: Path) -> None:
    cases = cases_of(read_tables("nb201", [root]), ACCURACY, ["pixel3"])
    shares = [float((case.latency <= case.at_most).mean()) for case in cases]
    assert shares == pytest.approx([0.1, 0.25, 0.5], abs=0.15)
    assert all(case.best_pct == ACCURACY[case.latency <= case.at_most].max() for case in cases)


def test_some_measurements_must_be_left_to_learn_from(root: Path) -> None:
    with pytest.raises(CosearchError, match="--verify 9 of 10"):
        main(f"--data {root} --methods ridge --verify 9".split())


def test_real_devices_keep_their_constraints() -> None:
    folder = os.environ.get("COSEARCH_DATA")
    if not folder:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder that holds latency/ and nasbench201/")
    rows = main(f"--data {folder} --methods source_ridge --seeds 1 --test-devices fpga".split())
    [violations] = of(rows, method="source_ridge", metric="violations")
    assert violations["mean"] == 0
    # The optimum column of HELP's table 4 in our tables: 73.48 % within 6 ms on the FPGA.
    picked = {row["subject"]: row["mean"] for row in of(rows, method="source_ridge", metric="top1_pct")}
    gaps = {row["subject"]: row["mean"] for row in of(rows, method="source_ridge", metric="gap_points")}
    subject = "nb201_cifar100/fpga <= 6 ms"
    assert picked[subject] + gaps[subject] == pytest.approx(73.48, abs=0.01)
    assert np.mean(list(gaps.values())) < 2.0


class Accuracy(HardwareTarget):
    """More latency, more accuracy, up to a point."""

    needs = Needs(cheap=True)

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("top1_pct", "modelled", "rises with latency"),)

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        latency = 1.0 + PER_OPERATION[designs.codes].sum(axis=1)
        return Columns({"top1_pct": 90 - 5 * np.abs(latency - 6.0) - (designs.codes[:, 0] == 0)})

    def fingerprint(self) -> dict[str, str]:
        return {"version": "1"}


def test_a_study_over_the_saved_predictor_keeps_the_constraint_on_the_device(root: Path, tmp_path: Path) -> None:
    tables = read_tables("nb201", [root])
    chosen = np.random.default_rng(0).permutation(len(OPS))[:10]
    predictor = SourceRidge(tables.space, "latency_ms").fit_pool(tables.pool(["1080ti_1", "pixel3"], 0))
    predictor.adapt(tables.space.designs(tables.codes[chosen]), LATENCY[chosen]).save(tmp_path / "fpga")
    study = run(
        experiment(
            tables.space,
            {"accuracy": Accuracy(), "latency": Predicted(tables.space, str(tmp_path / "fpga"))},
            [Objective("top1_pct", "maximize")],
            [Constraint("latency_ms", at_most=4.0)],
            trials=150,
        ),
        folder=tmp_path / "study",
    )
    best = study.results.members[0]
    assert best["metrics"]["latency_ms"] <= 4.0
    latency = 1.0 + PER_OPERATION[tables.space.encode([best["design"]])].sum()
    assert 3.0 < latency < 4.5
