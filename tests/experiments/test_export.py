import csv
import json

import pytest
import yaml

from cosearch.experiments.outputs.export import export_front, export_rows
from cosearch.experiments.study import Study
from cosearch.search.objective import Constraint
from cosearch.spaces.errors import ConfigError, StoreError


@pytest.fixture
def study(make_experiment):
    study = Study.create(make_experiment())
    study.run()
    return study


def test_all_formats_hold_the_front_in_full_precision(study, tmp_path):
    paths = export_front(study.folder, tmp_path / "out", ["json", "yaml", "csv"])
    assert [path.name for path in paths] == ["pareto.json", "pareto.yaml", "pareto.csv"]
    members = study.results.members
    document = json.loads(paths[0].read_text())
    assert document == yaml.safe_load(paths[1].read_text())
    assert [d["metrics"] for d in document["designs"]] == [m["metrics"] for m in members]
    assert [d["design"] for d in document["designs"]] == [m["design"] for m in members]
    assert document["metrics"]["latency_ms"] == {
        "unit": "milliseconds", "target": "toy", "source": "modelled", "description": "falls with a",
    }  # fmt: skip
    assert (document["study"], document["seed"], document["feasible"]) == ("toy", 3, True)
    with paths[2].open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["latency_ms"]) for row in rows] == [m["metrics"]["latency_ms"] for m in members]
    assert [(int(row["trial"]), row["digest"], int(row["seed"])) for row in rows] == [
        (m["trial"], m["digest"], m["seed"]) for m in members
    ]
    assert {(row["study"], row["latency_ms_source"]) for row in rows} == {("toy", "modelled")}
    assert [int(row["knob.a"]) for row in rows] == [m["design"]["a"] for m in members]


def test_spread_repeats_and_held_out_numbers_travel(study, tmp_path):
    results = study.results
    results.members[0] |= {"std": {"latency_ms": 0.1}, "count": {"latency_ms": 5}, "held_out": {"test_pct": 91.25}}
    path, table = export_rows(results, tmp_path, ["json", "csv"])
    first, second = json.loads(path.read_text())["designs"][:2]
    assert (first["std"], first["count"], first["held_out"]) == (
        {"latency_ms": 0.1}, {"latency_ms": 5}, {"test_pct": 91.25},
    )  # fmt: skip
    assert "std" not in second
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [rows[0][k] for k in ("latency_ms_std", "latency_ms_count", "held_out.test_pct")] == ["0.1", "5", "91.25"]
    assert rows[1]["latency_ms_std"] == ""


def test_an_infeasible_front_says_so(make_experiment, tmp_path):
    study = Study.create(make_experiment(constraints=(Constraint("energy_mj", at_most=-1.0),)))
    study.run()
    (path,) = export_front(study.folder, tmp_path, ["json"])
    document = json.loads(path.read_text())
    assert document["feasible"] is False
    assert all(d["feasible"] is False and d["violation"] > 0 for d in document["designs"])


def test_files_come_from_the_targets_or_a_given_writer(study, tmp_path):
    seen = []

    def writer(members, folder):
        seen.extend(m["trial"] for m in members)
        return [folder / "a.onnx"]

    paths = export_front(study.folder, tmp_path, ["files"], writer)
    assert paths == [tmp_path / "a.onnx"]
    assert seen == [m["trial"] for m in study.results.members]
    with pytest.raises(StoreError, match="made in Python"):
        export_front(study.folder, tmp_path, ["files"])


def test_wrong_requests_are_explained(study, tmp_path):
    with pytest.raises(ConfigError, match="format 'xml' is unknown; use any of json, yaml, csv"):
        export_front(study.folder, tmp_path, ["xml"])
    with pytest.raises(StoreError, match="holds no study"):
        export_front(tmp_path, tmp_path / "out", ["json"])
    assert not (tmp_path / "out").exists()
