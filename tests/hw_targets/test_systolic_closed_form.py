"""Closed forms against a fold-by-fold count, numbers of the simulator itself, and its whole reference table."""

import csv
import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosearch.hw_targets.systolic.closed_form import DATAFLOWS, ArrayReport, array_report, layers_report
from cosearch.hw_targets.systolic.dram import buffer_words, dram_report
from cosearch.hw_targets.systolic.lowering import Layer, Layers

sizes = st.integers(1, 40)
sides = st.integers(1, 12)


def report_of(dataflow: str, m: int, k: int, n: int, rows: int, cols: int) -> dict[str, float]:
    report = array_report(dataflow, *(np.array([float(x)]) for x in (m, k, n, rows, cols)))
    return {name: float(getattr(report, name)[0]) for name in ArrayReport.__slots__}


def fold_by_fold(dataflow: str, m: int, k: int, n: int, rows: int, cols: int) -> dict[str, float]:
    """Runs the array fold by fold: step t reaches PE (i, j) at t + i + j, after R cycles of loading for ws and is."""
    down, across, steps = {"os": (m, n, k), "ws": (k, n, m), "is": (k, m, n)}[dataflow]
    cycles = used = ifmap = weights = ofmap = folds = 0
    for top, left in product(range(0, down, rows), range(0, across, cols)):
        height, width = min(rows, down - top), min(cols, across - left)
        cycles += (
            (rows if dataflow != "os" else 0)
            + max(t + i + j for t in (0, steps - 1) for i in (0, rows - 1) for j in (0, cols - 1))
            + 1
        )
        used += height * width
        folds += 1
        if dataflow == "os":
            ifmap, weights, ofmap = (
                ifmap + height * steps,
                weights + width * steps,
                ofmap + height * width + rows + cols,
            )
        elif dataflow == "ws":
            ifmap, weights, ofmap = ifmap + height * steps, weights + height * width, ofmap + width * steps
        else:
            ifmap, weights, ofmap = ifmap + height * width, weights + height * steps, ofmap + width * steps
    cycles -= 1
    return {
        "cycles": cycles,
        "overall_util_pct": 100 * m * k * n / (cycles * rows * cols) if cycles else np.inf,
        "mapping_eff_pct": 100 * used / (folds * rows * cols),
        "ifmap_reads": ifmap,
        "filter_reads": weights,
        "ofmap_writes": ofmap,
    }


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(DATAFLOWS), sizes, sizes, sizes, sides, sides)
def test_equals_fold_by_fold(dataflow, m, k, n, rows, cols):
    expected = fold_by_fold(dataflow, m, k, n, rows, cols)
    with np.errstate(divide="ignore"):  # a single PE with one step ends in cycle 0
        found = report_of(dataflow, m, k, n, rows, cols)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(DATAFLOWS), sizes, sizes, sizes, st.integers(2, 12), st.integers(2, 12))
def test_invariants(dataflow, m, k, n, rows, cols):
    found = report_of(dataflow, m, k, n, rows, cols)
    assert 0 < found["mapping_eff_pct"] <= 100 + 1e-9
    assert 0 < found["compute_util_pct"] <= found["mapping_eff_pct"] + 1e-9
    assert found["cycles"] * rows * cols >= m * k * n
    assert found["ifmap_reads"] >= m * k
    assert found["filter_reads"] >= k * n
    assert found["ofmap_writes"] >= m * n


def test_numbers_of_the_simulator():
    """SCALE-Sim 3.0.0, 32x32 ws, a 17x17x3 input, 8 filters of 3x3, stride 2; COMPUTE and DETAILED_ACCESS reports."""
    layers = Layers.of([Layer("c", (17, 17), (3, 3), 3, 8, (2, 2))])
    one = np.array([32.0])
    report = layers_report(layers, one, one, np.array(["ws"], dtype=object))
    assert [float(getattr(report, name)[0, 0]) for name in ArrayReport.__slots__] == pytest.approx(
        [157, 8.598726114649681, 21.09375, 7.142857142857142, 1728, 216, 512], rel=1e-14
    )
    traffic = dram_report("ws", layers, one, one, buffer_words(np.array([64.0])), buffer_words(np.array([64.0])))
    assert (traffic.ifmap_reads[0], traffic.filter_reads[0], traffic.ofmap_writes[0]) == (867, 216, 512)
    assert traffic.ifmap_exact[0]


def test_blocks_and_mixed_dataflows_change_nothing():
    layers = Layers.of([Layer(f"l{i}", (8 + i, 8 + i), (3, 3), 4, 5 + i) for i in range(40)])
    rng = np.random.default_rng(1)
    n = 1500
    rows, cols = rng.integers(1, 99, (2, n)).astype(float)
    dataflow = np.array(DATAFLOWS, dtype=object)[rng.integers(0, 3, n)]
    report = layers_report(layers, rows, cols, dataflow)
    m, k, f = (column.astype(float) for column in (layers.m, layers.k, layers.n))
    for i in range(0, n, 97):
        single = array_report(dataflow[i], m, k, f, rows[i : i + 1], cols[i : i + 1])
        for name in ArrayReport.__slots__:
            np.testing.assert_array_equal(getattr(report, name)[i], getattr(single, name))
    same = layers_report(layers, rows, cols, np.full(n, "is", dtype=object))
    np.testing.assert_array_equal(same.cycles[dataflow == "is"], report.cycles[dataflow == "is"])


# --- the reference table ---------------------------------------------------------------------------------------------


def reference() -> list[dict[str, str]]:
    data = os.environ.get("COSEARCH_DATA")
    if not data:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder with systolic/scalesim_v3.csv")
    with (Path(data) / "systolic" / "scalesim_v3.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def layer_of(row: dict[str, str]) -> Layer:
    ih, iw, fh, fw, channels, filters, stride = (
        int(row[key]) for key in ("ifmap_h", "ifmap_w", "filt_h", "filt_w", "channels", "num_filters", "stride")
    )
    return Layer(row["layer"], (ih, iw), (fh, fw), channels, filters, (stride, stride))


def column(rows: list[dict[str, str]], name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows])


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_equals_every_reference_row(dataflow):
    rows = [row for row in reference() if row["dataflow"] == dataflow]
    assert len(rows) > 200
    layers = Layers.of([layer_of(row) for row in rows])
    m, k, n = (c.astype(float) for c in (layers.m, layers.k, layers.n))
    report = array_report(dataflow, m, k, n, column(rows, "rows"), column(rows, "cols"))
    total = column(rows, "total_cycles")
    np.testing.assert_array_equal(report.cycles, total - column(rows, "stall_cycles"))
    np.testing.assert_array_equal(report.ifmap_reads, column(rows, "sram_ifmap_reads"))
    np.testing.assert_array_equal(report.filter_reads, column(rows, "sram_filter_reads"))
    np.testing.assert_array_equal(report.ofmap_writes, column(rows, "sram_ofmap_writes"))
    np.testing.assert_allclose(report.mapping_eff_pct, column(rows, "mapping_eff_pct"), rtol=1e-9)
    np.testing.assert_allclose(report.compute_util_pct, column(rows, "compute_util_pct"), rtol=1e-9)
    stalled = report.overall_util_pct * report.cycles / total
    np.testing.assert_allclose(stalled, column(rows, "overall_util_pct"), rtol=1e-9)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_dram_equals_reference_where_a_closed_form_exists(dataflow):
    rows = [row for row in reference() if row["dataflow"] == dataflow and row["bw_mode"] == "CALC"]
    layers = Layers.of([layer_of(row) for row in rows])
    ifmap, weights = (buffer_words(column(rows, name)) for name in ("ifmap_kb", "filter_kb"))
    found = dram_report(dataflow, layers, column(rows, "rows"), column(rows, "cols"), ifmap, weights)
    np.testing.assert_array_equal(found.filter_reads, column(rows, "dram_filter_reads"))
    expected = column(rows, "dram_ifmap_reads")
    exact = found.ifmap_exact
    assert exact.mean() > 0.8
    np.testing.assert_array_equal(found.ifmap_reads[exact], expected[exact])
    ratio = found.ifmap_reads[~exact] / expected[~exact]
    assert np.median(np.abs(ratio - 1)) < 0.25
    assert ratio.min() > 0.4
    assert ratio.max() < 4.0
    writes = found.ofmap_writes / column(rows, "dram_ofmap_writes")
    assert writes.max() <= 1.0
    assert writes.min() > 0.92
