"""The benchmark ``dram_fidelity`` on data laid out like the reference data, which ours made itself."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from cosearch.experiments.benchmarks.dram_ablations import ABLATIONS
from cosearch.experiments.benchmarks.dram_fidelity import COMPARED, KEYS, OURS, main
from cosearch.hw_targets.dram.stl_files import write_stl
from cosearch.hw_targets.dram.target import Dram
from cosearch.hw_targets.dram.workloads import load_traces
from cosearch.spaces.errors import TargetError
from cosearch.spaces.memory_controller import memory_controller

OFF = {name: 0.1 * number for number, name in enumerate(COMPARED)} | {"mean_latency": 0.0, "n_ref": 0.0}
"""By how much the results of the data differ from ours, as a share of ours: what the benchmark has to find out.

So short a trace has no refreshes, of which there is no share.
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with one trace and the results of 24 designs on it."""
    (tmp_path / "dram" / "traces").mkdir(parents=True)
    space = memory_controller()
    (trace,) = load_traces({"name": "zipf", "requests": 400, "write_share": 0.4, "label": "mine"})
    write_stl(trace, tmp_path / "dram" / "traces" / "mine.stl.gz")
    designs = space.designs(space.sample(np.random.default_rng(7), 24))
    values = Dram(space, traces=[trace]).evaluate(designs, np.zeros(24, dtype=np.uint64)).values
    with gzip.open(tmp_path / "dram" / "results.csv.gz", "wt", encoding="utf-8", newline="") as file:
        columns = [column for column, _ in COMPARED.values()]
        fixed = {"trace": "mine", "design": "sobol", "AddressMapping": "rbc", "status": "ok"}
        fixed |= {"CmdMux": "Oldest", "PowerDownPolicy": "NoPowerDown"}
        writer = csv.DictWriter(file, [*dict.fromkeys([*fixed, *KEYS.values()]), *columns])
        writer.writeheader()
        for row, design in enumerate(designs):
            knobs = {key: design[knob] for knob, key in KEYS.items() if knob in design}
            results = {column: values[OURS[n]][row] / f * (1.0 + OFF[n]) for n, (column, f) in COMPARED.items()}
            writer.writerow({**fixed, **knobs, **results})
    return tmp_path


def test_errors_are_found_as_large_as_they_are(data: Path, tmp_path: Path) -> None:
    main(["--data", str(data), "--ablations", "--json", str(tmp_path / "out.json")])
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    figures = {(row["method"], row["metric"]): row["mean"] for row in rows}
    for name in COMPARED:
        # A share of what is expected, which is larger than ours.
        assert figures["ours:event_driven", f"mre_{name}"] == pytest.approx(OFF[name] / (1.0 + OFF[name]), abs=1e-9)
    assert figures["ours:event_driven", "spearman_total_time"] == pytest.approx(1.0)
    assert figures["ours:event_driven", "requests_per_s"] > 0
    assert {method for method, _ in figures} == {"ours:event_driven", *(f"without:{name}" for name in ABLATIONS)}
    wrong = [name for name in ABLATIONS if figures[f"without:{name}", "mre_mean_latency"] > 1e-6]
    assert {"in_flight_limit", "adaptive_pages", "turnaround", "schedulers", "response_order", "buffers"} <= set(wrong)


def test_a_trace_without_results(data: Path) -> None:
    with pytest.raises(TargetError, match="no results of traces theirs; known: mine"):
        main(["--data", str(data), "--traces", "theirs"])
