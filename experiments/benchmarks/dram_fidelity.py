"""How well and how fast the simulator of memory controllers reproduces DRAMSys 4.0, on recorded results.

Run with ``python -m cosearch.experiments.benchmarks.dram_fidelity --data DIR``; ``DIR/dram`` holds ``results.csv.gz``
and ``traces/*.stl.gz``. Ranks are over the Sobol and one-factor rows; rows that leave the ten knobs are ``extended``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...hw_targets.dram.controller import settings
from ...hw_targets.dram.device import Device, load_device
from ...hw_targets.dram.dramsys_files import KEYS
from ...hw_targets.dram.scores import scores
from ...hw_targets.dram.simulation import IntArray, Runs, simulate
from ...hw_targets.dram.stl_files import read_stl
from ...hw_targets.dram.trace import Trace
from ...spaces.errors import TargetError
from ...spaces.knobs import Value
from ...spaces.memory_controller import ADDRESS_MAPPINGS
from .dram_ablations import ABLATIONS, Ablation
from .dram_peer import peer_rows
from .harness import Row, arguments, row, run

METHOD = "ours:event_driven"
MAPPINGS = {"rbc": ADDRESS_MAPPINGS[0], "brc": ADDRESS_MAPPINGS[1]}
COMPARED: Mapping[str, tuple[str, float]] = {
    "total_time": ("total_time_ns", 1.0),
    "power": ("avg_power_mw", 1.0),
    "energy": ("energy_pj", 1e-6),
    "mean_latency": ("mean_latency_ns", 1.0),
    "p99_latency": ("p99_latency_ns", 1.0),
    "n_act": ("n_act", 1.0),
    "n_pre": ("n_pre", 1.0),
    "n_rd": ("n_rd", 1.0),
    "n_wr": ("n_wr", 1.0),
    "n_ref": ("n_ref", 1.0),
}
"""Name of a figure to the column of the data, and what makes its unit ours."""
OURS = {
    "total_time": "total_time_ns",
    "power": "avg_power_mw",
    "energy": "energy_uj",
    "mean_latency": "mean_latency_ns",
    "p99_latency": "p99_latency_ns",
    "n_act": "activates_count",
    "n_pre": "precharges_count",
    "n_rd": "reads_count",
    "n_wr": "writes_count",
    "n_ref": "refreshes_count",
}
RANKED = ("total_time", "power", "energy", "mean_latency")
BLOCK = 64
SPEED_DESIGNS = 32


@dataclass(frozen=True)
class Reference:
    """Recorded results of one trace.

    Args:
        trace: The trace.
        records: One mapping of column to text per configuration.
        designs: Knob to values of the configurations.
    """

    trace: Trace
    records: Sequence[Mapping[str, str]]
    designs: Mapping[str, Sequence[Value]]

    def column(self, name: str) -> NDArray[np.float64]:
        """A numeric column, float64 [n]."""
        return np.array([float(record[name]) for record in self.records])

    @property
    def extended(self) -> NDArray[np.bool_]:
        """Whether a row leaves the ten knobs, bool [n]."""
        return np.array([record["design"] == "ext" for record in self.records])


def comma_list(text: str) -> list[str]:
    """Words between commas."""
    return [word.strip() for word in text.split(",")]


def references(data: Path, names: Sequence[str] | None = None) -> list[Reference]:
    """Read all traces with results in a data folder.

    Args:
        data: Folder with ``dram/results.csv.gz`` and ``dram/traces``.
        names: Traces to keep; all by default.

    Raises:
        TargetError: When there are none.
    """
    with gzip.open(data / "dram" / "results.csv.gz", "rt", encoding="utf-8") as file:
        records = [record for record in csv.DictReader(file) if record["status"] == "ok"]
    known = list(dict.fromkeys(record["trace"] for record in records))
    if missing := sorted(set(names or ()) - set(known)):
        raise TargetError(f"no results of traces {', '.join(missing)}", f"known: {', '.join(known)}")
    found = []
    for name in known if names is None else names:
        rows = [record for record in records if record["trace"] == name]
        trace = read_stl(data / "dram" / "traces" / f"{name}.stl.gz")
        found.append(Reference(trace, rows, _designs(rows)))
    return found


def _designs(records: Sequence[Mapping[str, str]]) -> dict[str, list[Value]]:
    columns: dict[str, list[Value]] = {
        knob: [int(r[key]) if r[key].isdigit() else r[key] for r in records] for knob, key in KEYS.items()
    }
    columns["address_mapping"] = [MAPPINGS[record["AddressMapping"]] for record in records]
    return columns


def simulated(device: Device, reference: Reference, ablation: Ablation | None = None) -> dict[str, NDArray[np.float64]]:
    """Our metrics of the configurations of a trace, float64 [n] each."""
    table = settings(reference.designs, ADDRESS_MAPPINGS)
    changes = None
    if ablation is not None:
        table, changes = ablation(table, device)
    parts = []
    for start in range(0, len(table), BLOCK):
        block = table[start : start + BLOCK]
        result = simulate(device, reference.trace, block, ADDRESS_MAPPINGS, changes)
        parts.append(scores(device, [reference.trace], [result], np.ones(len(block), dtype=np.int64)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def fidelity_rows(method: str, device: Device, reference: Reference, ablation: Ablation | None = None) -> Iterator[Row]:
    """Rank correlation and mean relative error of each figure."""
    began = time.perf_counter()
    ours = simulated(device, reference, ablation)
    wall = time.perf_counter() - began
    name, extended = reference.trace.name, reference.extended
    for figure, (column, factor) in COMPARED.items():
        expected, got = reference.column(column) * factor, ours[OURS[figure]]
        error = np.abs(got - expected) / np.where(expected == 0, 1.0, np.abs(expected))
        if figure in RANKED:
            yield row(method, name, f"spearman_{figure}", spearman(got[~extended], expected[~extended]), wall_s=wall)
        yield row(method, name, f"mre_{figure}", error[~extended].tolist())
        if figure == "total_time":
            yield row(method, name, "exact_share_ratio", float(np.mean(error[~extended] < 1e-6)))
        if extended.any():
            yield row(method, f"{name} extended", f"mre_{figure}", error[extended].tolist())


def spearman(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Rank correlation; 1 where both are constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(np.round(column, 9)) for column in (ours, theirs)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return float(all(np.ptp(rank) == 0 for rank in ranks))
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def speed_rows(device: Device, reference: Reference) -> Iterator[Row]:
    """CPU time of one thread over configurations spread over the data; the best of three, compiled before."""
    table = settings(reference.designs, ADDRESS_MAPPINGS)[~reference.extended]
    table = table[:: max(1, len(table) // SPEED_DESIGNS)]
    spent = min(_cpu_s(device, reference.trace, table) for _ in range(3))
    done = len(table) * len(reference.trace)
    yield row(METHOD, reference.trace.name, "requests_per_s", done / spent)
    yield row(METHOD, reference.trace.name, "ms_per_10k_requests", 1e7 * spent / done)


def _cpu_s(device: Device, trace: Trace, table: IntArray) -> float:
    began = time.process_time()
    _ = simulate(device, trace, table, ADDRESS_MAPPINGS)
    return time.process_time() - began


def compile_row(device: Device, trace: Trace) -> Row:
    """Seconds until the first result: compiling, or reading compiled code from disk."""
    began = time.perf_counter()
    first: Runs = simulate(device, trace.head(1), settings({"scheduler": ["Fifo"]}), ADDRESS_MAPPINGS)
    del first
    return row(METHOD, "first call", "jit_s", time.perf_counter() - began)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """All rows that the arguments ask for."""
    if options.data is None:
        raise TargetError("no reference data", "give --data, a folder with dram/results.csv.gz")
    device = load_device("ddr3_1600")
    compiled = False
    for data in (options.data, options.test_data):
        for reference in references(data, options.traces) if data is not None else ():
            if not compiled:
                yield compile_row(device, reference.trace)
                compiled = True
            yield from fidelity_rows(METHOD, device, reference)
            yield from speed_rows(device, reference)
            for name, ablation in ABLATIONS.items() if options.ablations else ():
                yield from fidelity_rows(f"without:{name}", device, reference, ablation)
            if options.peer:
                yield from peer_rows(os.environ, device, reference.trace, reference.designs)


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run the benchmark."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--traces", type=comma_list, metavar="A,B", help="only these traces")
    parser.add_argument("--ablations", action="store_true", help="also with one modelled behaviour left out each")
    parser.add_argument(
        "--peer", action="store_true", help="also time DRAMSys: COSEARCH_DRAMSYS, COSEARCH_DRAMSYS_RESOURCES"
    )
    return run("dram_fidelity", measure, parser, argv)


if __name__ == "__main__":
    main()
