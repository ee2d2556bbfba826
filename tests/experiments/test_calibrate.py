"""``cosearch calibrate``: what is measured, what is reported, what is kept, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cosearch.experiments.calibration.predictions import loaded
from cosearch.experiments.cli import main
from cosearch.hw_targets.measurements import Measurements, read_measurements, write_measurements
from cosearch.predictors.calibration import report
from cosearch.predictors.pooled import PooledPredictor
from cosearch.spaces.space import Space

KNOBS: dict[str, Any] = {
    "first": ["conv", "pool", "skip"],
    "second": ["conv", "pool", "skip"],
    "width": [8, 16, 24, 32, 48],
    "depth": [1, 2, 3, 4],
}
SPACE = Space(KNOBS, name="tiny")
DEVICES = """
space:
  name: tiny
  knobs:
    first: [conv, pool, skip]
    second: [conv, pool, skip]
    width: [8, 16, 24, 32, 48WIDE]
    depth: [1, 2, 3, 4]
devices:
  phone: {name: function, function: "stopwatch:phone", metrics: [latency_ms, energy_mj], source: measured}
"""


def calibrate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["calibrate", "--predictor", "source_gp", *arguments])


def done(*arguments: str) -> dict[str, Any]:
    result = calibrate(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture(autouse=True)
def stopwatch(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The pretended devices."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return import_module("stopwatch")


@pytest.fixture(autouse=True)
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the phone notes its measurements; the working folder is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSEARCH_TEST_CALLS", str(tmp_path / "calls.txt"))
    (tmp_path / "calls.txt").touch()
    (tmp_path / "devices.yaml").write_text(DEVICES.replace("WIDE", ""))
    return tmp_path / "calls.txt"


@pytest.fixture
def pool(tmp_path: Path, stopwatch: ModuleType) -> str:
    """A table of three source devices of 60 designs each."""
    designs = SPACE.designs(np.unique(SPACE.sample(np.random.default_rng(5), 80), axis=0)[:60])
    named, values = [], []
    for name, exponent in (("cpu", 0.8), ("gpu", 1.2), ("dsp", 1.6)):
        named += [name] * len(designs)
        values += [stopwatch.latency(design, exponent) for design in designs]
    made = Measurements(SPACE, tuple(named), np.tile(designs.codes, (3, 1)), {"latency_ms": np.array(values)})
    write_measurements(tmp_path / "pool.csv", replace(made, sources={"dsp": {"latency_ms": "modelled"}}))
    return "pool.csv"


@pytest.fixture
def table(tmp_path: Path, stopwatch: ModuleType) -> str:
    """A table of 40 designs of the phone."""
    designs = SPACE.designs(np.unique(SPACE.sample(np.random.default_rng(6), 60), axis=0)[:40])
    values = np.array([3.0 * stopwatch.latency(design, 1.3) for design in designs])
    write_measurements(
        tmp_path / "phone.csv", Measurements(SPACE, ("phone",) * 40, designs.codes, {"latency_ms": values})
    )
    return "phone.csv"


def count(calls: Path) -> int:
    return len(calls.read_text().splitlines())


# --- measuring -------------------------------------------------------------------------------------------------------


def test_every_measurement_of_the_new_device_is_counted(pool: str, calls: Path) -> None:
    found = done("--pool", pool, "--devices", "devices.yaml", "--samples", "8", "--check", "12", "--output", "phone")
    assert count(calls) == 20
    assert (found["n_measured"], found["n_used"], found["n_checked"], found["n_failed"]) == (20, 8, 12, 0)
    assert (found["device"], found["source"], found["sources"]) == ("phone", "measured", ["cpu", "gpu", "dsp"])
    assert found["n_source_values"] == 180
    assert found["source_kinds"] == {"cpu": "measured", "gpu": "measured", "dsp": "modelled"}
    used, checked = (read_measurements(Path("phone") / name) for name in ("measurements.csv", "check.csv"))
    assert len({code.tobytes() for code in np.concatenate([used.codes, checked.codes])}) == 20
    assert set(used.metrics) == {"latency_ms", "energy_mj"}


def test_figures_are_over_designs_that_the_predictor_did_not_see(pool: str) -> None:
    found = done("--pool", pool, "--devices", "devices.yaml", "--check", "12", "--output", "phone")
    assert found["how"] == "12 designs that the predictor did not see"
    predictor, text = loaded(Path("phone"))
    assert predictor.n_adapted == 10
    assert "10 designs measured on it and 180 of 3 source devices (2 measured, 1 modelled)" in text
    checked = read_measurements(Path("phone/check.csv"))
    predicted = predictor.predict(predictor.space.designs(checked.codes))
    expected = report(checked.values["latency_ms"], predicted.mean, predicted.std)
    assert found["figures"] == pytest.approx(expected, rel=1e-6)
    assert [row["name"] for row in found["regions"]] == ["fast", "middle", "slow"]
    assert [row["n"] for row in found["regions"]] == [4, 4, 4]
    assert not any("spearman" in row for row in found["regions"]), "four designs have no rank worth telling"
    assert json.loads(Path("phone/calibration.json").read_text())["figures"] == found["figures"]


def test_an_interrupted_calibration_loses_no_measurement_and_repeats_none(
    pool: str, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--pool", pool, "--devices", "devices.yaml", "--samples", "8", "--check", "4", "--output", "phone")
    monkeypatch.setenv("COSEARCH_TEST_UNPLUG", "5")
    interrupted = calibrate(*arguments)
    assert interrupted.exit_code == 130
    assert "the same command goes on" in interrupted.stderr
    assert len(read_measurements(Path("phone/measurements.csv"))) == count(calls)
    monkeypatch.delenv("COSEARCH_TEST_UNPLUG")
    first = done(*arguments)
    assert count(calls) == 12
    assert done(*arguments)["figures"] == first["figures"]
    assert count(calls) == 12
    more = done(*arguments[:-6], "--samples", "10", "--check", "4", "--output", "phone")
    assert (count(calls), more["n_used"], more["n_checked"]) == (14, 10, 4)


def test_designs_that_cannot_be_measured_are_counted_and_replaced(tmp_path: Path, calls: Path) -> None:
    (tmp_path / "devices.yaml").write_text(DEVICES.replace("WIDE", ", 64"))
    result = calibrate("--devices", "devices.yaml", "--samples", "25", "--output", "phone", "--seed", "1")
    assert result.exit_code == 0, result.stderr
    n_failed = count(calls) - 25
    assert n_failed > 0
    assert (
        f"{count(calls)} measurements of phone in all: 25 learnt from, 0 held out, {n_failed} failed" in result.stdout
    )
    assert "MemoryError: too wide" in result.stderr


def test_measuring_for_real(tmp_path: Path) -> None:
    (tmp_path / "devices.yaml").write_text(
        "space: {name: elastic_cnn, depth: [1], resolution: [4, 8]}\n"
        "devices:\n  here: {name: torch_cpu, threads: 1, seconds: 0.01, warm_up_s: 0.0, device: test_calibrate}\n"
    )
    found = done("--devices", "devices.yaml", "--samples", "4", "--check", "2", "--output", "here")
    assert found["metric"] == "latency_ms"
    assert found["fingerprint"]["threads"] == "1"
    assert (read_measurements(Path("here/measurements.csv")).values["latency_ms"] > 0).all()
    assert type(loaded(Path("here"))[0].space).__name__ == "ElasticCnn"
    (tmp_path / "devices.yaml").write_text((tmp_path / "devices.yaml").read_text().replace("0.01", "0.02"))
    other = calibrate("--devices", "devices.yaml", "--output", "here")
    assert other.exit_code == 1
    assert "device 'here' was measured with" in other.stderr


# --- tables ----------------------------------------------------------------------------------------------------------


def test_of_a_table_the_samples_are_learnt_from_and_the_rest_checks(pool: str, table: str) -> None:
    found = done("--pool", pool, "--table", table, "--samples", "10", "--output", "out")
    assert (found["n_used"], found["n_checked"], found["n_measured"]) == (10, 30, 40)
    assert found["figures"]["spearman"] > 0.9
    assert len(read_measurements(Path("out/check.csv"))) == 30


def test_without_held_out_designs_the_figures_are_cross_validated(pool: str, table: str) -> None:
    found = done("--pool", pool, "--sources", "gpu,dsp", "--table", table, "--output", "out")
    assert (found["n_used"], found["n_checked"]) == (40, 0)
    assert found["how"] == "cross-validation over the 40 designs that it learnt from"
    assert found["sources"] == ["gpu", "dsp"]
    assert not Path("out/check.csv").exists()
    saved = json.loads(Path("out/predictor.json").read_text())["calibration"]
    assert found["figures"] == pytest.approx(saved, rel=1e-6)


def test_one_table_alone_and_a_plain_predictor(table: str, pool: str) -> None:
    alone = done("--table", table, "--predictor", "gp", "--set", "warp=rank", "--check", "10", "--output", "alone")
    assert (alone["sources"], alone["n_source_values"], alone["n_used"]) == ([], 0, 30)
    assert alone["options"]["warp"] == "rank"
    single = done("--pool", pool, "--sources", "gpu", "--table", table, "--predictor", "ridge", "--output", "single")
    assert (single["sources"], single["n_source_values"]) == (["gpu"], 60)


def test_an_unsteady_device_is_warned_of(pool: str, table: str) -> None:
    steady = calibrate("--pool", pool, "--table", table, "--samples", "10", "--output", "steady")
    assert "spread" not in steady.stderr
    known = read_measurements(Path(table))
    spread = {"latency_ms": 0.3 * known.values["latency_ms"]}
    write_measurements(Path("shaky.csv"), replace(known, std=spread))
    shaky = calibrate("--pool", pool, "--table", "shaky.csv", "--samples", "10", "--output", "shaky")
    assert "repeats of one design on phone spread by 30 % (median)" in shaky.stderr


def test_sources_without_the_metric_are_left_out_unless_asked_for(pool: str, table: str) -> None:
    rows = [line.split(",") for line in Path(pool).read_text().splitlines()]
    at = rows[0].index("latency_ms")
    for row in rows[1:]:
        row[at] = "" if row[0] == "dsp" else row[at]
    Path("holes.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    Path("holes.json").write_text(Path("pool.json").read_text())
    found = calibrate("--pool", "holes.csv", "--table", table, "--output", "out")
    assert "without latency_ms, so left out: dsp" in found.stderr
    assert json.loads(Path("out/calibration.json").read_text())["sources"] == ["cpu", "gpu"]
    asked = calibrate("--pool", "holes.csv", "--sources", "cpu,dsp", "--table", table, "--output", "out")
    assert "device 'dsp' has no value of latency_ms" in asked.stderr


def test_models_give_latency_where_measured_devices_give_its_ratio(pool: str, table: str) -> None:
    own = read_measurements(Path(table))
    ratio = {"latency_ratio": own.values["latency_ms"] / 0.3}
    write_measurements(Path("ratio.csv"), Measurements(SPACE, own.device, own.codes, ratio))
    options = ("--table", "ratio.csv", "--metric", "latency_ratio", "--samples", "10")
    found = calibrate("--pool", pool, *options, "--output", "out")
    assert "without latency_ratio, so left out: cpu, gpu" in found.stderr
    assert json.loads(Path("out/calibration.json").read_text())["source_kinds"] == {"dsp": "modelled"}
    learnt, _ = loaded(Path("out"))
    assert isinstance(learnt, PooledPredictor)
    assert learnt.pool.models == ("dsp",)
    # A measured device's latency is no ratio.
    known = read_measurements(Path(pool))
    write_measurements(Path("real.csv"), replace(known, sources={}))
    refused = calibrate("--pool", "real.csv", *options, "--output", "other")
    assert "no column 'latency_ratio'" in refused.stderr


def test_too_few_for_figures_is_said(pool: str, table: str) -> None:
    rows = Path(table).read_text().splitlines()
    Path("few.csv").write_text("\n".join(rows[:4]) + "\n")
    result = calibrate("--pool", pool, "--table", "few.csv", "--output", "out")
    assert result.exit_code == 0, result.stderr
    assert "too few measurements to say how far off" in result.stdout


def test_the_page_shows_the_regions_and_needs_no_network(pool: str, table: str) -> None:
    done("--pool", pool, "--table", table, "--samples", "10", "--output", "out")
    page = Path("out/calibration.html").read_text()
    figure = json.loads(page.split("const figures = ")[1].split(";\n")[0])["agreement"]
    assert [trace["name"] for trace in figure["data"]] == ["as predicted", "learnt from", "held out"]
    assert len(figure["data"][2]["error_x"]["array"]) == 30
    assert [label["text"] for label in figure["layout"]["annotations"]] == ["fast", "middle", "slow"]
    assert "src=" not in page.split("<body>")[0]


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("", 2, "neither --table nor --devices"),
        ("--table phone.csv --devices devices.yaml", 2, "both --table and --devices"),
        ("--table pool.csv", 2, "pool.csv has 3 devices; choose one with --device: cpu, gpu, dsp"),
        ("--devices devices.yaml --device fone", 2, "no device 'fone'; choose one with --device: phone"),
        ("--table phone.csv --pool pool.csv --sources gpuu", 1, "did you mean 'gpu'?"),
        ("--table pool.csv --device gpu --pool pool.csv", 1, "leave it out: --sources cpu,dsp"),
        ("--table phone.csv --pool pool.csv --pool pool.csv", 1, "is in two pools"),
        ("--table phone.csv --metric latency_m", 1, "did you mean 'latency_ms'?"),
        ("--devices devices.yaml --metric power_w", 2, "device 'phone' gives latency_ms, energy_mj, not power_w"),
        ("--table phone.csv --pool pool.csv --samples 41", 1, "40 designs of 'phone' with latency_ms"),
        ("--table phone.csv --pool pool.csv --predictor ridge", 1, "ridge learns from one table, and the pool has 3"),
        ("--table phone.csv --predictor rige", 2, "did you mean 'ridge'?"),
        ("--table phone.csv --predictor ridge --set degre=2", 2, "did you mean 'degree'?"),
        ("--table phone.csv --sources gpu", 2, "--sources without --pool"),
        ("--table missing.csv", 1, "missing.csv: no such file"),
        ("--table phone.csv --pool other.csv", 1, "is of space 'tiny', not of 'shallow' with these options"),
    ],
)
def test_mistakes_are_explained(pool: str, table: str, arguments: str, code: int, words: str) -> None:
    other = Space(KNOBS | {"depth": [1, 2]}, name="shallow")
    codes = other.sample(np.random.default_rng(0), 4)
    write_measurements(Path("other.csv"), Measurements(other, ("x",) * 4, codes, {"latency_ms": np.ones(4)}))
    result = calibrate(*arguments.split(), "--output", "out")
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert not Path("out/predictor.json").exists()


def test_a_folder_of_another_device_is_left_alone(tmp_path: Path) -> None:
    calibrate("--devices", "devices.yaml", "--samples", "3", "--output", "out")
    (tmp_path / "devices.yaml").write_text(DEVICES.replace("WIDE", "").replace("  phone:", "  tablet:"))
    result = calibrate("--devices", "devices.yaml", "--samples", "3", "--output", "out")
    assert "out/measurements.csv holds measurements of 'phone'" in result.stderr


def test_a_table_written_by_hand_needs_a_space(tmp_path: Path, table: str) -> None:
    Path("phone.json").unlink()
    without = calibrate("--table", table, "--output", "out")
    assert "--space NAME" in without.stderr
    assert done("--table", table, "--space", "devices.yaml", "--output", "out")["n_used"] == 40
    wrong = calibrate("--table", table, "--space", "elastic_cnn", "--output", "out")
    assert "no column 'resolution'" in wrong.stderr
