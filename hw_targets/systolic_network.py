"""Latency and energy of networks on one fixed systolic array, by closed forms."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..spaces.design import Designs, digest_of
from ..spaces.errors import TargetError
from ..spaces.network_space import WorkloadSpace
from ..spaces.operators import Operator
from ..spaces.space import Space
from ..spaces.workload import Workload
from .metric import Metric
from .operator_table import needs_workloads, operator_table, sum_over_operators
from .systolic.closed_form import DATAFLOWS, array_report
from .systolic.dram import buffer_words, dram_report
from .systolic.energy import energy_macs
from .systolic.lowering import Layers, lower
from .target import Columns, FloatArray, HardwareTarget, Seeds

FOLDER = Path(__file__).parent / "arrays"
"""Where the shipped arrays are."""

BUFFERS = ("ifmap_kib", "filter_kib", "ofmap_kib")


@dataclass(frozen=True, slots=True)
class ArrayDevice:
    """One array.

    Args:
        rows: Rows of PEs.
        cols: Columns of PEs.
        dataflow: ``os``, ``ws`` or ``is``.
        ifmap_kib: Input buffer, KiB.
        filter_kib: Weight buffer, KiB.
        ofmap_kib: Output buffer, KiB.
        word_bytes: Bytes of a word.
        clock_mhz: Clock, MHz.
        dram_gbps: DRAM bandwidth, GB/s; a layer takes at least its traffic over it.
        pj_per_mac: Energy of a multiply-accumulate, pJ; memories cost what they cost relative to it.
    """

    rows: int
    cols: int
    dataflow: str
    ifmap_kib: float
    filter_kib: float
    ofmap_kib: float
    word_bytes: int
    clock_mhz: float
    dram_gbps: float
    pj_per_mac: float


class SystolicNetwork(HardwareTarget):
    """One inference at batch 1 of each network on one R x C array with double-buffered SRAMs.

    Cycles and traffic are those of :class:`~cosearch.hw_targets.systolic.target.SystolicArray` (SCALE-Sim 3.0.0 without
    stalls) with its DRAM roofline, energy is that of Eyeriss' relative costs; here the network varies and the array
    does not. Operators without MACs cost nothing.

    Args:
        space: A space with ``workload(design) -> Workload``.
        array: A shipped array (``eyeriss``, ``tpu_v1``, ...) or the path of a JSON file like theirs.
        **changes: Fields of :class:`ArrayDevice` to replace.

    Raises:
        TargetError: When the space gives no workloads, or the array or an option is wrong.
    """

    def __init__(self, space: Space, array: str = "eyeriss", **changes: Any) -> None:
        if not isinstance(space, WorkloadSpace):
            raise needs_workloads("systolic_network", space)
        self.space = space
        self.name = array
        self.array = _read_array(array, changes)
        self._costs: dict[int, FloatArray] = {}

    def metrics(self) -> tuple[Metric, ...]:
        return (
            Metric("latency_ms", "modelled", f"latency on {self.name}, systolic closed forms with a DRAM roofline"),
            Metric("energy_mj", "modelled", f"energy on {self.name}, Eyeriss' relative costs"),
        )

    def fingerprint(self) -> dict[str, str]:
        digest = digest_of(json.dumps(asdict(self.array), sort_keys=True))
        return {"model": "scalesim-3.0.0 closed forms", "array": f"{self.name} {digest}"}

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        del seeds  # nothing here is random
        n = len(designs)
        table = operator_table(self.space)
        rows, index, count = table.occurrences(self.space, designs.codes)
        used, place = np.unique(index, return_inverse=True)
        cost = np.array([self._cost(table.operators[i], int(i)) for i in used]).reshape(-1, 2)[place]
        values = {
            "latency_ms": sum_over_operators(n, rows, cost[:, 0] * count),
            "energy_mj": sum_over_operators(n, rows, cost[:, 1] * count),
        }
        idle = np.flatnonzero(values["latency_ms"] == 0)
        return Columns(values, failures={int(row): "the network has nothing to multiply" for row in idle})

    def _cost(self, operator: Operator, index: int) -> FloatArray:
        """Milliseconds and millijoules of one operator, float64 [2]."""
        if index not in self._costs:
            self._costs[index] = _cost_on(self.array, operator) if operator.macs else np.zeros(2)
        return self._costs[index]

    def __getstate__(self) -> dict[str, Any]:
        # Another process numbers its operators anew.
        return self.__dict__ | {"_costs": {}}


def _cost_on(array: ArrayDevice, operator: Operator) -> FloatArray:
    layers = _layers(operator)
    m, k, n, count = (column.astype(np.float64) for column in (layers.m, layers.k, layers.n, layers.count))
    rows, cols = np.array([float(array.rows)]), np.array([float(array.cols)])
    report = array_report(array.dataflow, m, k, n, rows, cols)
    ifmap, weights = (buffer_words(np.array([size]), array.word_bytes) for size in (array.ifmap_kib, array.filter_kib))
    memory = dram_report(array.dataflow, layers, rows, cols, ifmap, weights)
    dram = memory.ifmap_reads + memory.filter_reads + memory.ofmap_writes
    words_per_cycle = 1e3 * array.dram_gbps / array.clock_mhz / array.word_bytes
    cycles = np.maximum(report.cycles, np.ceil(dram / words_per_cycle))
    sram = report.ifmap_reads + report.filter_reads + memory.ofmap_writes
    energy = energy_macs(operator.macs, np.array([sram @ count]), np.array([dram @ count]))
    return np.array([(cycles @ count) / (1e3 * array.clock_mhz), 1e-9 * array.pj_per_mac * float(energy[0])])


@lru_cache(maxsize=100_000)
def _layers(operator: Operator) -> Layers:
    """An operator's layer; remembered, because several arrays are often asked about the same networks."""
    return lower(Workload(operator.name, (replace(operator, inputs=()),)))


def shipped_arrays() -> list[str]:
    """Names of the shipped arrays, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def _read_array(name: str, changes: dict[str, Any]) -> ArrayDevice:
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}.json"
    if not path.is_file():
        remedy = f"use one of {', '.join(shipped_arrays())}, or the path of a .json file"
        raise TargetError(f"systolic_network: array {name!r} does not exist", remedy)
    remedy = "give a JSON object; the shipped arrays show how"
    try:
        values = {key: entry["value"] for key, entry in json.loads(path.read_text("utf-8"))["fields"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TargetError(f"{path}: cannot be read ({error!r})", remedy) from error
    values |= changes
    known = [field.name for field in fields(ArrayDevice)]
    wrong = sorted(set(known) ^ set(values))
    if wrong:
        raise TargetError(f"{path}: fields {', '.join(wrong)} are missing or unknown", "give " + ", ".join(known))
    _check_array(path, values)
    return ArrayDevice(**values)


def _check_array(path: Path, values: dict[str, Any]) -> None:
    if values["dataflow"] not in DATAFLOWS:
        raise TargetError(f"{path}: dataflow is {values['dataflow']!r}", "use " + ", ".join(DATAFLOWS))
    for name, value in values.items():
        if name == "dataflow":
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number or value <= 0 or (name in ("rows", "cols", "word_bytes") and value != int(value)):
            raise TargetError(f"{path}: {name} is {value!r}", "give a positive number, whole for sides and words")
    for name in BUFFERS[:2]:
        if buffer_words(np.array([values[name]]), int(values["word_bytes"]))[0] < 1:
            raise TargetError(f"{path}: {name} of {values[name]} KiB holds no line of words", "give larger buffers")
