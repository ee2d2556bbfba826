"""A front that a fast target found is confirmed by DRAMSys: once per member, at the end, as held-out metrics."""

import json

from cosearch.experiments.configuration.validate import validate
from cosearch.experiments.study import Study

CONFIG = """\
version: 1
name: confirmed
space: {{name: memory_controller, scheduler: [FrFcfs], request_buffer_size: [1, 8]}}
targets:
  fast: {{name: function, function: "confirmed_cost:score", metrics: [latency_ns, energy_uj]}}
  check:
    name: dramsys
    program: {program}
    resources: {resources}
    traces: {{name: stream, requests: 20}}
    confirm_only: true
objectives:
  - {{metric: latency_ns, goal: minimize}}
  - {{metric: energy_uj, goal: minimize}}
search: {{name: random}}
budget: {{trials: 20}}
tracking: {{name: none}}
output: {{folder: studies, formats: [json, files]}}
"""

COST = """\
def score(design):
    open_page = design["page_policy"] == "Open"
    return {"latency_ns": 50.0 if open_page else 80.0, "energy_uj": 9.0 if open_page else 5.0}
"""


def test_the_front_is_scored_once_by_dramsys_and_exported_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    memspec = tmp_path / "resources" / "configs" / "memspecs" / "MICRON_1Gb_DDR3-1600_8bit_G.json"
    memspec.parent.mkdir(parents=True)
    memspec.write_text('{"memspec": {"memarchitecturespec": {"nbrOfChannels": 1}}}', encoding="utf-8")
    program = tmp_path / "dramsys"
    program.write_text(
        f"#!/bin/sh\necho run >> {tmp_path}/runs\n"
        "echo 'Total Time: 4500 ps'; echo 'AVG BW: 8.00 Gb/s'\n"
        "echo 'Total Energy: 3000000.00 pJ'; echo 'Average Power: 7.00 mW'\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    (tmp_path / "confirmed_cost.py").write_text(COST, encoding="utf-8")
    config = tmp_path / "confirmed.yaml"
    config.write_text(CONFIG.format(program=program, resources=tmp_path / "resources"), encoding="utf-8")
    study = Study.create(validate(config).experiment, tmp_path / "studies" / "confirmed")
    study.run(progress=False)
    members = study.results.members
    assert members
    for member in members:
        held_out = {"dramsys_total_time_ns": 4.5, "dramsys_bandwidth_gbps": 1.0, "dramsys_energy_uj": 3.0}
        assert member["held_out"] == held_out | {"dramsys_avg_power_mw": 7.0}
    assert len((tmp_path / "runs").read_text().split()) == len(members)
    exported = sorted((study.results.folder / "pareto").glob("trial-*/configs/mcconfigs/trial-*.json"))
    assert len(exported) == len(members)
    settings = json.loads(exported[0].read_text(encoding="utf-8"))["mcconfig"]
    assert settings["Scheduler"] == "FrFcfs"
    assert settings["RequestBufferSize"] in (1, 8)
