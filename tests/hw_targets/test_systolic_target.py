"""The systolic target: totals over layers, refusals, files, speed of blocks."""

import configparser
import csv
import pickle

import numpy as np
import pytest

from cosearch.hw_targets.systolic.area import PES_PER_KIB
from cosearch.hw_targets.systolic.target import SystolicArray
from cosearch.spaces.errors import CosearchError, TargetError
from cosearch.spaces.space import Space
from cosearch.spaces.systolic_array import systolic_array
from cosearch.spaces.workload import Operator, Workload

TINY = Workload(
    "tiny",
    (
        Operator("DP, first", "conv", ((3, 16, 16),), (8, 8, 8), (3, 3), (2, 2)),
        Operator("dw", "dwconv", ((8, 8, 8),), (8, 8, 8), (3, 3), groups=8),
        Operator("act", "activation", ((8, 8, 8),), (8, 8, 8)),
        Operator("fc", "gemm", ((32,),), (10,)),
    ),
)


def one_design(dataflow="ws", kib=64):
    space = systolic_array(
        rows=[32], cols=[32], dataflow=[dataflow], ifmap_kib=[kib], filter_kib=[kib], ofmap_kib=[kib]
    )
    return space, space.designs(np.zeros((1, space.n_knobs), dtype=np.int64))


def seeds(n):
    return np.zeros(n, dtype=np.uint64)


def test_totals_of_simulated_layers():
    """SCALE-Sim 3.0.0 on the files that this target exports: 157, 157 (eight times) and 94 cycles."""
    space, designs = one_design()
    values = SystolicArray(space, TINY).evaluate(designs, seeds(1)).values
    assert values["cycles"][0] == 157 + 8 * 157 + 94
    assert values["dram_words"][0] == (867 + 216 + 512) + 8 * (100 + 9 + 64) + (32 + 320 + 10)
    assert values["sram_words"][0] == (1728 + 216 + 512) + 8 * (576 + 9 + 64) + (32 + 320 + 10)
    assert values["area_pe"][0] == pytest.approx(1024 + 192 * PES_PER_KIB)
    assert values["utilization_pct"][0] == pytest.approx(100 * TINY.macs / (1507 * 1024))


def test_every_metric_for_every_design_and_order_does_not_matter():
    space = systolic_array()
    assert space.size() > 10**7
    target = SystolicArray(space)
    codes = space.sample(np.random.default_rng(0), 3000)
    columns = target.evaluate(space.designs(codes), seeds(3000))
    assert list(columns.values) == [metric.name for metric in target.metrics()]
    assert not columns.failures
    backwards = target.evaluate(space.designs(codes[::-1]), seeds(3000))
    for name, values in columns.values.items():
        assert values.shape == (3000,)
        assert (values > 0).all()
        np.testing.assert_array_equal(values, backwards.values[name][::-1])
    assert columns.values["utilization_pct"].max() <= 100


def test_a_bandwidth_limit_is_a_roofline_per_layer():
    space = systolic_array()
    designs = space.designs(space.sample(np.random.default_rng(0), 200))
    free = SystolicArray(space).evaluate(designs, seeds(200)).values
    tight = SystolicArray(space, dram_words_per_cycle=1.0).evaluate(designs, seeds(200)).values
    assert (tight["cycles"] >= np.maximum(free["cycles"], free["dram_words"])).all()
    assert (tight["cycles"] <= free["cycles"] + free["dram_words"] + 1e6).all()
    wide = SystolicArray(space, dram_words_per_cycle=1e9).evaluate(designs, seeds(200)).values
    np.testing.assert_array_equal(wide["cycles"], free["cycles"])


def test_survives_pickling_and_names_what_it_depends_on():
    space, designs = one_design()
    target = SystolicArray(space, "mobilenet_v2", resolution=96)
    again = pickle.loads(pickle.dumps(target))  # noqa: S301 - written one line above
    assert again.evaluate(designs, seeds(1)).values["cycles"] == target.evaluate(designs, seeds(1)).values["cycles"]
    assert again.fingerprint() == target.fingerprint() != SystolicArray(space).fingerprint()


def test_workload_files(tmp_path):
    space, designs = one_design()
    (tmp_path / "tiny.json").write_text(TINY.to_json())
    target = SystolicArray(space, str(tmp_path / "tiny.json"))
    assert target.evaluate(designs, seeds(1)).values["cycles"][0] == 1507
    with pytest.raises(TargetError, match="does not exist"):
        SystolicArray(space, "missing.onnx")


def test_an_inactive_knob_fails_its_design_only():
    knobs = dict(one_design()[0].spec()["knobs"])
    knobs["mode"] = ["on", "off"]
    knobs["ofmap_kib"] = {**knobs["ofmap_kib"], "active_if": {"mode": "on"}}
    space = Space(knobs)
    designs = space.designs(space.enumerate())
    columns = SystolicArray(space, TINY).evaluate(designs, seeds(2))
    off = [i for i, design in enumerate(designs) if design["mode"] == "off"]
    assert list(columns.failures) == off
    assert np.isfinite(np.delete(columns.values["cycles"], off)).all()


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"rows": [4]}, "cols"),
        ({"dataflow": ["rs"]}, "rs"),
        ({"rows": [0, 4]}, "rows"),
        ({"cols": [1.5]}, "fractions"),
        ({"ifmap_kib": ["small"]}, "ifmap_kib"),
    ],
)
def test_wrong_spaces_are_refused(knobs, message):
    whole = dict(one_design()[0].spec()["knobs"])
    space = Space(knobs if message == "cols" else whole | knobs)
    with pytest.raises(TargetError, match=message):
        SystolicArray(space)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"word_bytes": 0}, "word_bytes"),
        ({"dram_words_per_cycle": 0.0}, "bandwidth"),
        ({"workload": "mobilenet_v22"}, "mobilenet_v2"),
        ({"workload": TINY, "width": 2}, "width"),
        ({"workload": Workload("idle", (TINY.operators[2],))}, "nothing to multiply"),
        ({"word_bytes": 4096}, "no line"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(CosearchError, match=message):
        SystolicArray(one_design()[0], **options)


def test_exported_files(tmp_path):
    space, designs = one_design("os", 16)
    files = SystolicArray(space, TINY).export(designs, tmp_path, ["best"])
    assert [file.name for file in files] == ["best.cfg", "best_topology.csv", "best_layout.csv"]
    config = configparser.ConfigParser()
    config.read(files[0])
    architecture = config["architecture_presets"]
    assert (architecture["ArrayHeight"], architecture["Dataflow"], architecture["IfmapSramSzkB"]) == ("32", "os", "16")
    with files[1].open(newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file)][1:]
    assert [row[1:8] for row in rows] == [
        ["17", "17", "3", "3", "3", "8", "2"],
        ["10", "10", "3", "3", "1", "1", "1"],
        ["1", "32", "1", "32", "1", "10", "1"],
    ]
    assert [row[0] for row in rows] == ["0_dp__first_x1", "1_dw_x8", "2_fc_x1"]
    assert len(files[2].read_text().splitlines()) == 4
