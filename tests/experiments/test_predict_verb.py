"""``cosearch predict``: designs from files, studies and at random, with intervals and what they rest on."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cosearch.experiments.cli import main
from cosearch.experiments.experiment import Experiment
from cosearch.experiments.outputs.results import Results
from cosearch.experiments.study import Study
from cosearch.predictors.calibration import Z_90
from cosearch.predictors.ridge import Ridge
from cosearch.spaces.space import Space

SPACE = Space({"a": {"type": "integer", "low": 0, "high": 40}, "b": {"type": "integer", "low": 0, "high": 40}})

JOINT = """
name: joint
space:
  name: joint
  net: {knobs: {a: {type: integer, low: 0, high: 40}, b: {type: integer, low: 0, high: 40}}}
  chip: {knobs: {rows: [8, 16]}}
targets: {speed: {name: predicted, path: ridge, part: net}}
objectives: [{metric: latency_ms, goal: minimize, reference: 50}]
budget: {trials: 20}
tracking: {name: none}
output: {report: false}
"""


def predict(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["predict", *arguments])


def done(*arguments: str) -> dict[str, Any]:
    result = predict(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A ridge of latency_ms = 1 + a, in an otherwise empty working folder."""
    monkeypatch.chdir(tmp_path)
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(0), 30))
    Ridge(SPACE, "latency_ms").fit(designs, 1.0 + designs.column("a")).save(tmp_path / "ridge")
    return "ridge"


def test_random_designs_are_those_of_the_seed_and_sorted_on_request(saved: str) -> None:
    found = done(saved, "--random", "50", "--seed", "3")
    assert found["rests_on"] == "latency_ms: ridge, 30 measurements"
    rows = found["predictions"]
    assert done(saved, "--random", "50", "--seed", "3") == found
    assert done(saved, "--random", "50", "--seed", "4") != found
    for row in rows:
        assert row["latency_ms"] == pytest.approx(1.0 + row["knobs"]["a"], abs=0.05)
        assert row["high_90"] - row["latency_ms"] == pytest.approx(Z_90 * row["latency_ms_std"])
        assert row["low_90"] < row["latency_ms"]
    ordered = done(saved, "--random", "50", "--seed", "3", "--sort")["predictions"]
    assert ordered == sorted(rows, key=lambda row: row["latency_ms"])


def test_designs_from_csv_and_json_and_back(saved: str) -> None:
    Path("designs.csv").write_text("b,a\n7,3\n8,4\n")
    Path("designs.json").write_text('[{"a": 3, "b": 7}, {"a": 4, "b": 8}]')
    table = done(saved, "--designs", "designs.csv", "--output", "out.csv")["predictions"]
    assert done(saved, "--designs", "designs.json")["predictions"] == table
    with Path("out.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [float(row["latency_ms"]) for row in written] == [row["latency_ms"] for row in table]
    assert done(saved, "--designs", "out.csv")["predictions"] == table
    Path("twice.csv").write_text("a,b\n3,7\n3,7\n")
    assert len(done(saved, "--designs", "twice.csv")["predictions"]) == 2


def test_the_front_of_a_study_and_its_exported_files(
    saved: str, make_experiment: Callable[..., Experiment], tmp_path: Path
) -> None:
    study = Study.create(make_experiment(), tmp_path / "studies" / "first")
    study.run()
    found = done(saved, "--study", "first")["predictions"]
    assert [row["design"] for row in found] == [f"trial {m['trial']}" for m in study.results.members]
    assert [row["knobs"] for row in found] == [m["design"] for m in study.results.members]
    CliRunner().invoke(main, ["pareto", "first", "--export", "out", "--formats", "csv,json"])
    for file in ("out/pareto.csv", "out/pareto.json"):
        exported = done(saved, "--designs", file)["predictions"]
        assert [row["knobs"] for row in exported] == [row["knobs"] for row in found]


def test_a_joint_study_is_predicted_by_its_part_and_no_other_space(saved: str) -> None:
    Path("joint.yaml").write_text(JOINT)
    run = CliRunner().invoke(main, ["run", "joint.yaml"])
    assert run.exit_code == 0, run.output
    found = done(saved, "--study", "joint")["predictions"]
    members = Results.read(Path("studies/joint")).members
    assert [row["knobs"] for row in found] == [{k: m["design"][f"net.{k}"] for k in "ab"} for m in members]
    other = Space({"a": [1, 2, 3]})
    designs = other.designs(other.sample(np.random.default_rng(0), 9))
    Ridge(other, "latency_ms").fit(designs, 1.0 + designs.column("a")).save(Path("other"))
    refused = predict("other", "--study", "joint")
    assert refused.exit_code == 1
    assert "name a predictor of that space" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("ridge", 2, "use one of --designs FILE, --random N and --study STUDY"),
        ("ridge --random 2 --study x", 2, "give the designs once"),
        ("nowhere --random 2", 1, "nowhere holds no readable predictor"),
        ("ridge --study nowhere", 1, "there is no study 'nowhere'"),
        ("ridge --designs missing.csv", 2, "missing.csv: cannot be read"),
        ("ridge --designs knob.csv", 1, "knob.csv:2: knob 'b' is missing"),
        ("ridge --designs value.csv", 1, "value.csv:3: knob 'a'"),
        ("ridge --designs value.json", 2, "value.json: knob 'b' is missing in design 0"),
        ("ridge --designs text.json", 2, "write a list of designs"),
    ],
)
def test_mistakes_are_explained(saved: str, arguments: str, code: int, words: str) -> None:
    Path("knob.csv").write_text("a,c\n1,2\n")
    Path("value.csv").write_text("a,b\n1,2\n77,2\n")
    Path("value.json").write_text('[{"a": 1}]')
    Path("text.json").write_text('"a"')
    result = predict(*arguments.split())
    assert result.exit_code == code, result.output
    assert words in result.stderr
