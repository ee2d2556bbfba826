"""Tables of NAS-Bench-201 cells: HELP's devices, the Raspberry Pi 5 of HW-NAS-Bench-360, HW-NAS-Bench.

The last two have targets alone; HELP's latencies are what a predictor learns from, also where energy is predicted:
there, the devices of the pool are named ``latency of DEVICE``, and what is transferred goes between two quantities
that are correlated.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from ....spaces.catalog import SPACES
from ....spaces.knobs import Codes, Value
from ....spaces.space import Space
from ..problems.data_roots import Roots, arrays, find, require
from .tables import Columns, Tables, by_device, codes_of, latencies, measured

HELP_TABLE = "latency/help_nb201_latency.npz"
CELLS = "latency/nb201_arch.npz"
HW360_TABLE = "latency/hw360_nb201.npz"
HWNASBENCH_TABLE = "latency/hwnasbench_nb201.npz"
WINDOW = (900, 1900)
DATASETS = ("cifar10", "cifar100", "imagenet16")
UNITS = {"latency": "latency_ms", "energy": "energy_mj"}
SCALED = ("fpga_energy",)
"""Columns of HW-NAS-Bench that are a multiple of another: seven times the latency."""

PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))
"""Edges from the input of a cell to its output. Source: Dong and Yang 2020, "NAS-Bench-201", figure 1."""


def nb201(roots: Roots) -> Tables:
    """HELP's 15,625 cells on CIFAR-10.

    Raises:
        CosearchError: When a file is missing.
    """
    space, codes, connected = cells(roots)
    return dataclasses.replace(latencies("nb201", HELP_TABLE, space, codes, WINDOW, roots), connected=connected)


def hw360(roots: Roots, metric: str) -> Tables:
    """The Raspberry Pi 5: one of each class of isomorphic cells, since they share a measurement.

    Raises:
        CosearchError: When a file is missing.
    """
    require(roots[:1], HW360_TABLE)
    representative = arrays(require(roots, CELLS))["isomorph_representative"].astype(np.int64)
    copies = representative != np.arange(len(representative))
    found = [_pi5(roots[i : i + 1], metric) for i in range(2)]
    for values in (*found[0].values(), *found[1].values()):
        values[copies] = np.nan
    return _elsewhere("hw360", metric, found[0], found[1], roots)


def hwnasbench(roots: Roots, metric: str) -> Tables:
    """HW-NAS-Bench's devices that HELP's tables do not hold, one target for each data set.

    HELP's raspi4, pixel3, eyeriss and fpga are HW-NAS-Bench's on CIFAR-10. The edge GPU is measured; the energy of
    eyeriss is modelled.

    Raises:
        CosearchError: When a file is missing.
    """
    require(roots[:1], HWNASBENCH_TABLE)
    known = set(measured(roots[:1], HELP_TABLE))
    found = [_hwnasbench(roots[i : i + 1], metric, known) for i in range(2)]
    return _elsewhere("hwnasbench", metric, found[0], found[1], roots)


def cells(roots: Roots) -> tuple[Space, Codes, NDArray[np.bool_]]:
    """The space, all cells in the official order int64 [15625, 6], and whether each is connected, bool [15625].

    Raises:
        CosearchError: When the file is missing.
    """
    space: Space = SPACES.get("nas_bench_201")()
    data = arrays(require(roots, CELLS))
    knobs = [f"edge_{a}_{b}" for a, b in data["edges"].tolist()]
    operations: list[Value] = [str(name) for name in data["op_names"]]
    columns = {knob: data["ops"][:, j] for j, knob in enumerate(knobs)}
    passes = data["ops"] != operations.index("none")
    connected = np.any([passes[:, path].all(axis=1) for path in PATHS], axis=0)
    return space, codes_of(space, columns, dict.fromkeys(knobs, operations)), connected


def _pi5(roots: Roots, metric: str) -> Columns:
    path = find(roots, HW360_TABLE)
    if path is None:
        return {}
    data = arrays(path)
    return {str(name): data[UNITS[metric]][:, j].astype(np.float64) for j, name in enumerate(data["names"])}


def _hwnasbench(roots: Roots, metric: str, known: set[str]) -> Columns:
    path = find(roots, HWNASBENCH_TABLE)
    if path is None:
        return {}
    data = arrays(path)
    found: Columns = {}
    for j, column in enumerate(data["metrics"].tolist()):
        device, _, quantity = column.rpartition("_")
        if quantity == metric and column not in SCALED and not (metric == "latency" and device in known):
            found |= {f"{device}_{dataset}": data[dataset][:, j].astype(np.float64) for dataset in DATASETS}
    return found


def _elsewhere(name: str, metric: str, targets: Columns, held_out: Columns, roots: Roots) -> Tables:
    space, codes, connected = cells(roots)
    sources = by_device(arrays(require(roots[:1], HELP_TABLE)))
    if metric == "energy":
        sources = {f"latency of {device}": values for device, values in sources.items()}
    index = np.arange(len(codes))
    everything = targets | held_out
    return Tables(name, space, UNITS[metric], codes, index, sources, everything, tuple(held_out), WINDOW, connected)
