"""Are the systolic closed forms exact, and how fast are they?

Run with ``python -m cosearch.experiments.benchmarks.systolic_closed_form --data DIR``. Compares every row of
``DIR/systolic/scalesim_v3.csv`` (SCALE-Sim 3.0.0) field by field, then times the full report (cycles, three
utilisations, three SRAM counts) in this process. With ``scalesim`` installed, some layers also run through the
simulator; without, that part is left out with a note.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...hw_targets.systolic.closed_form import DATAFLOWS, ArrayReport, array_report, layers_report
from ...hw_targets.systolic.dram import buffer_words, dram_report
from ...hw_targets.systolic.lowering import Layer, Layers, lower
from ...hw_targets.systolic.scalesim_files import write_scalesim_files
from ...spaces.knobs import Value
from ...spaces.networks.catalog import network
from ...spaces.systolic_array import SIDES
from .harness import Row, arguments, row, run

METHOD = "ours:closed_form"
NETWORK = "mobilenet_v2"
INTEGER_FIELDS = {
    "ifmap_reads": "sram_ifmap_reads",
    "filter_reads": "sram_filter_reads",
    "ofmap_writes": "sram_ofmap_writes",
}
FLOAT_FIELDS = {"mapping_eff_pct": "mapping_eff_pct", "compute_util_pct": "compute_util_pct"}

Table = dict[str, NDArray[np.float64]]


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """All rows of this benchmark."""
    for subject, folder in (("reference", options.data), ("held-out reference", options.test_data)):
        if folder is not None:
            yield from equality(subject, folder / "systolic" / "scalesim_v3.csv")
    fast = list(speed(options.designs, options.repeats))
    slow = list(against_simulator())
    yield from [*fast, *slow]
    for entry in slow:
        ratio = fast[0]["mean"] / entry["mean"]
        yield row(METHOD, NETWORK, "layer_configs_over_scalesim_ratio", ratio, budget="bulk rate over simulator's rate")


def equality(subject: str, path: Path) -> Iterator[Row]:
    """Share of rows of a SCALE-Sim table that the closed forms reproduce: whole numbers exactly, ratios to 1e-9."""
    equal: dict[str, list[NDArray[np.bool_]]] = {}
    start = time.perf_counter()
    for dataflow in DATAFLOWS:
        layers, table = _read(path, dataflow)
        for name, same in _compare(dataflow, layers, table).items():
            equal.setdefault(name, []).append(same)
    wall = time.perf_counter() - start
    for name, parts in equal.items():
        same = np.concatenate(parts)
        yield row(
            METHOD,
            subject,
            f"{name}_equal_ratio",
            same.astype(float).tolist(),
            budget=f"{same.sum()} equal",
            wall_s=wall,
        )


def _compare(dataflow: str, layers: Layers, table: Table) -> dict[str, NDArray[np.bool_]]:
    m, k, n = (column.astype(np.float64) for column in (layers.m, layers.k, layers.n))
    report = array_report(dataflow, m, k, n, table["rows"], table["cols"])
    same = {"cycles": report.cycles == table["total_cycles"] - table["stall_cycles"]}
    overall = report.overall_util_pct * report.cycles / table["total_cycles"]
    same["overall_util_pct"] = np.isclose(overall, table["overall_util_pct"], rtol=1e-9, atol=0.0)
    for ours, theirs in FLOAT_FIELDS.items():
        same[ours] = np.isclose(getattr(report, ours), table[theirs], rtol=1e-9, atol=0.0)
    for ours, theirs in INTEGER_FIELDS.items():
        same[f"sram_{ours}"] = getattr(report, ours) == table[theirs]
    buffers = (buffer_words(table[name]) for name in ("ifmap_kb", "filter_kb"))
    dram = dram_report(dataflow, layers, table["rows"], table["cols"], *buffers)
    unlimited = table["unlimited"] > 0
    exact, estimated = unlimited & dram.ifmap_exact, unlimited & ~dram.ifmap_exact
    same["dram_filter_reads"] = (dram.filter_reads == table["dram_filter_reads"])[unlimited]
    same["dram_ifmap_reads_closed_form"] = (dram.ifmap_reads == table["dram_ifmap_reads"])[exact]
    near = np.isclose(dram.ifmap_reads, table["dram_ifmap_reads"], rtol=0.25)
    same["dram_ifmap_reads_estimate_within_25_pct"] = near[estimated]
    same["dram_ofmap_writes"] = (dram.ofmap_writes == table["dram_ofmap_writes"])[unlimited]
    return same


def _read(path: Path, dataflow: str) -> tuple[Layers, Table]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = [entry for entry in csv.DictReader(file) if entry["dataflow"] == dataflow]
    text = {"net", "layer", "kind", "config_id", "dataflow", "bw_mode"}
    table = {name: np.array([float(entry[name]) for entry in rows]) for name in rows[0] if name not in text}
    table["unlimited"] = np.array([float(entry["bw_mode"] == "CALC") for entry in rows])
    names = ("ifmap_h", "ifmap_w", "filt_h", "filt_w", "channels", "num_filters", "stride")
    shapes = (tuple(int(entry[name]) for name in names) for entry in rows)
    entries = [Layer("row", (h, w), (fh, fw), c, n, (s, s)) for h, w, fh, fw, c, n, s in shapes]
    return Layers.of(entries), table


def speed(designs: int, repeats: int) -> Iterator[Row]:
    """Layer-configurations per CPU-second of the full report, all designs and distinct layers of one network."""
    layers = lower(network(NETWORK))
    rng = np.random.default_rng(0)
    rows, cols = rng.choice(np.array(SIDES, dtype=np.float64), (2, designs))
    dataflow = np.array(DATAFLOWS, dtype=object)[rng.integers(0, len(DATAFLOWS), designs)]
    rates, start = [], time.perf_counter()
    for _ in range(repeats):
        before = time.process_time()
        report = layers_report(layers, rows, cols, dataflow)
        rates.append(report.cycles.size / (time.process_time() - before))
    budget = f"{designs} designs x {len(layers)} layers, {len(ArrayReport.__slots__)} fields"
    wall = time.perf_counter() - start
    yield row(METHOD, NETWORK, "layer_configs_per_cpu_s_count", rates, budget=budget, wall_s=wall)


def against_simulator() -> Iterator[Row]:
    """CPU seconds of SCALE-Sim for small layers of the network on a 32x32 array; nothing when it is not installed."""
    if importlib.util.find_spec("scalesim") is None:
        sys.stderr.write("scalesim is not installed (extra validate-scalesim): no side-by-side ratio\n")
        return
    everything = lower(network(NETWORK))
    small = [
        e for e, macs in zip(everything.entries, everything.m * everything.k * everything.n, strict=True) if macs < 3e6
    ]
    layers = Layers.of(small)
    design: dict[str, Value] = {
        "rows": 32,
        "cols": 32,
        "dataflow": "os",
        "ifmap_kib": 64,
        "filter_kib": 64,
        "ofmap_kib": 64,
    }
    with tempfile.TemporaryDirectory() as folder:
        config, topology, layout = write_scalesim_files(design, layers, Path(folder), "bench")
        script = (
            "import sys, time; from scalesim.scale_sim import scalesim as s; c, t, l, o = sys.argv[1:];"
            "r = s(save_disk_space=True, verbose=False, config=c, topology=t, layout=l); b = time.process_time();"
            "r.run_scale(top_path=o); sys.stderr.write(f'\\nCPU {time.process_time() - b}')"
        )
        command = [sys.executable, "-c", script, str(config), str(topology), str(layout), folder]
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        wall = time.perf_counter() - start
    rate = len(layers) / float(done.stderr.rsplit("CPU ", 1)[-1])
    budget = f"{len(layers)} small layers, 32x32 os, no traces"
    yield row("scalesim 3.0.0", NETWORK, "layer_configs_per_cpu_s_count", rate, budget=budget, wall_s=wall)


def main(argv: list[str] | None = None) -> None:
    """Run the benchmark from the command line."""
    parser = arguments("Exactness and speed of the systolic closed forms.")
    parser.add_argument("--designs", type=int, default=50_000, help="designs of the speed measurement")
    parser.add_argument("--repeats", type=int, default=7, help="repeats of the speed measurement")
    run("systolic_closed_form", measure, parser, argv)


if __name__ == "__main__":
    main()
