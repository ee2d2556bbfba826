"""Studies of predicted metrics: the front measured again, what the run and the report say of it, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cosearch.experiments.cli import main
from cosearch.experiments.configuration.validate import validate
from cosearch.experiments.outputs.prediction_check import prediction_checks
from cosearch.experiments.outputs.results import Results
from cosearch.predictors.ridge import Ridge
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import ConfigError

CONFIG = """
name: fast
space: {name: elastic_cnn, depth: [1, 2], resolution: [4, 8]}
targets:
  memory:
    name: predicted
    path: saved
    measure: {name: activation_memory, dtype_bytes: 4}
  work: {name: function, function: "work_of_cnn:work", metrics: [macs]}
objectives:
  - {metric: peak_memory_kib, goal: minimize, reference: 50}
  - {metric: macs, goal: maximize, reference: 0}
budget: {trials: 30}
tracking: {name: none}
"""
WORK = "def work(design):\n    return {'macs': float(design['resolution'] * design['stage1_width'])}\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose memory is predicted by a ridge that is 30 % off."""
    from cosearch.hw_targets.activation_memory import ActivationMemory

    monkeypatch.chdir(tmp_path)
    space = ElasticCnn(depth=[1, 2], resolution=[4, 8])
    designs = space.designs(np.unique(space.sample(np.random.default_rng(0), 60), axis=0))
    memory = ActivationMemory(space, dtype_bytes=4).evaluate(designs, np.zeros(len(designs), np.uint64))
    Ridge(space, "peak_memory_kib").fit(designs, 1.3 * memory.values["peak_memory_kib"]).save(tmp_path / "saved")
    (tmp_path / "work_of_cnn.py").write_text(WORK)
    path = tmp_path / "fast.yaml"
    path.write_text(CONFIG)
    return path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["run", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_the_front_is_scored_by_the_other_target_and_compared(config: Path) -> None:
    shown = run(str(config)).stdout.splitlines()[-1]
    assert "peak_memory_kib was predicted (ridge, " in shown
    assert "and modelled for" in shown
    results = Results.read(Path("studies/fast"))
    (check,) = prediction_checks(results)
    assert check.n == len(results.members) > 1
    for member, truth in zip(results.members, check.truth, strict=True):
        assert member["held_out"]["modelled_peak_memory_kib"] == truth
        off = 100.0 * (member["metrics"]["peak_memory_kib"] - truth) / truth
        assert member["held_out"]["peak_memory_prediction_error_pct"] == pytest.approx(off)
    assert f"median error {check.figures['mdape_pct']:.1f} %, worst {check.figures['worst_pct']:.1f} %" in shown
    assert check.figures["worst_pct"] == pytest.approx(
        max(abs(m["held_out"]["peak_memory_prediction_error_pct"]) for m in results.members)
    )
    assert check.figures["mdape_pct"] > 10.0
    page = Path("studies/fast/report.html").read_text()
    assert "peak_memory_kib (predicted)" in page
    assert "How far off peak_memory_kib was" in page
    figures = json.loads(page.split("const figures = ")[1].split(";\n")[0])
    assert len(figures["check-peak_memory_kib"]["data"][1]["x"]) == check.n
    front = next(trace for trace in figures["front0"]["data"] if trace["name"] == "front")
    assert len(front["error_x"]["array"]) == check.n


def test_a_front_that_rests_on_predictions_alone_is_said_to(config: Path) -> None:
    shown = run(str(config), "--set", "targets.memory.measure=null").stdout.splitlines()[-1]
    assert shown.startswith("peak_memory_kib is predicted (ridge, ")
    assert shown.endswith("with: cosearch measure DEVICES.yaml --study studies/fast --output front.csv")
    page = Path("studies/fast/report.html").read_text()
    assert "peak_memory_kib is predicted" in page
    assert "How far off" not in page


def test_json_has_the_comparison(config: Path) -> None:
    found = json.loads(run(str(config), "--json").stdout)["predicted"]
    assert [(row["metric"], row["source"]) for row in found] == [("peak_memory_kib", "modelled")]
    assert found[0]["worst_pct"] >= found[0]["mdape_pct"] > 0


def test_predictions_are_probed_before_the_start_and_measurements_are_not(config: Path) -> None:
    config.write_text(CONFIG.replace("  - {metric: macs, goal: maximize, reference: 0}\n", ""))
    checked = validate(config)
    assert checked.probe is not None
    assert checked.probe.n_failed == 0


@pytest.mark.parametrize(
    ("block", "line", "words"),
    [
        (
            "{name: activation_memoryy}",
            8,
            "targets.memory.measure.name: 'activation_memoryy' is not one of the targets",
        ),
        ("{name: activation_memory, bytes: 4}", 8, "targets.memory.measure.bytes: unknown key"),
        ("{dtype_bytes: 4}", 8, "targets.memory.measure: has no name"),
        ("activation_memory", 8, "must be a target such as {name: torch_cpu}, got 'activation_memory'"),
        ("{name: torch_cpu}", 8, "gives latency_ms"),
    ],
)
def test_mistakes_in_the_other_target_have_their_line(config: Path, block: str, line: int, words: str) -> None:
    config.write_text(CONFIG.replace("{name: activation_memory, dtype_bytes: 4}", block))
    with pytest.raises(ConfigError) as caught:
        validate(config)
    assert f"{config}:{line}: " in str(caught.value)
    assert words in str(caught.value)


def test_a_predictor_of_another_space(config: Path) -> None:
    with pytest.raises(ConfigError, match="fitted on another space"):
        validate(config, ["space.depth=[1, 2, 3]"])
