"""NAS-Bench-201 cells: trained accuracy against latency on a device, both from tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....search.objective import FloatArray, Objective, Problem
from ....spaces.errors import CosearchError
from ....spaces.knobs import Codes
from ....spaces.nas_bench_201 import EDGES, OPERATIONS, NasBench201
from .benchmark_problem import BenchmarkProblem, front_of
from .data_roots import Roots, arrays, find, require

ARCHITECTURES = "latency/nb201_arch.npz"
LATENCIES = "latency/help_nb201_latency.npz"
BASELINE = "analog_nb201/analog_nb201.npz"
ACCURACIES = "nasbench201/nb201_accuracy.npz"
TRAINED = "_test_200ep"
BASELINE_DEVICE = "raspi4"
BASELINE_REFERENCE_PCT = 85.0
REFERENCE_QUANTILE = 0.15
"""Share of cells that are too poor to count in the variants; it is the share under 85 % on CIFAR-10."""

PREFIX = "nb201_"
INPUTS = ("cifar10", "cifar100", "imagenet16", "ninapro", "darcy")
"""Data sets whose images fix the shapes that were timed; a device column may be named after one."""


def nb201_space(data: dict[str, NDArray[Any]]) -> NasBench201:
    """The cells, when a table's codes are theirs.

    Raises:
        CosearchError: When the table numbers edges or operations otherwise.
    """
    edges = tuple((int(a), int(b)) for a, b in data["edges"].tolist())
    if tuple(data["op_names"].tolist()) != OPERATIONS or edges != EDGES:
        raise CosearchError(f"{ARCHITECTURES} has other edges or operations", f"use the order {EDGES}, {OPERATIONS}")
    return NasBench201()


def names(roots: Roots) -> Iterator[str]:
    """The problems that these folders have the tables for."""
    if find(roots, ARCHITECTURES) is None:
        return
    if find(roots, BASELINE) is not None and BASELINE_DEVICE in _devices(roots, "cifar10"):
        yield "nb201"
    for dataset in _datasets(roots):
        yield from (f"{PREFIX}{dataset}_{device}" for device in sorted(_devices(roots, dataset)))


def load(name: str, roots: Roots) -> BenchmarkProblem:
    """Top-1 (per cent, up) against latency (ms, down), exact front over all 15,625 cells.

    ``nb201`` takes the fp32 accuracy of AnalogNAS-Bench and the Raspberry Pi 4, reference 85 %;
    ``nb201_DATASET_DEVICE`` the 200-epoch test accuracy of NATS-Bench, reference its 15 % quantile. The latency
    reference is the slowest cell.

    Raises:
        CosearchError: When a table lacks the data set or the device.
    """
    data = arrays(require(roots, ARCHITECTURES))
    if name == "nb201":
        baseline = arrays(require(roots, BASELINE))
        _check_same_cells(data, baseline)
        accuracy = baseline["acc"][:, baseline["acc_names"].tolist().index("baseline")].astype(np.float64)
        dataset, device, worst = "cifar10", BASELINE_DEVICE, BASELINE_REFERENCE_PCT
    else:
        dataset, _, device = name.removeprefix(PREFIX).partition("_")
        accuracy = _accuracy(roots, dataset)
        worst = float(np.quantile(accuracy, REFERENCE_QUANTILE))
    latency = _latency(roots, dataset, device)
    row_of = np.full((5,) * 6, -1)
    row_of[tuple(data["ops"].astype(np.int64).T)] = np.arange(len(accuracy))

    def measure(codes: Codes) -> dict[str, FloatArray]:
        rows = row_of[tuple(codes.T)]
        return {"top1_pct": accuracy[rows], "latency_ms": latency[rows]}

    objectives = (
        Objective("top1_pct", "maximize", worst),
        Objective("latency_ms", "minimize", float(latency.max())),
    )
    problem = Problem(nb201_space(data), objectives)
    front = front_of(np.column_stack([-accuracy, latency]))
    return BenchmarkProblem(name, problem, measure, front, True)


def _check_same_cells(data: dict[str, NDArray[Any]], baseline: dict[str, NDArray[Any]]) -> None:
    if not (data["op_names"][data["ops"]] == baseline["op_names"][baseline["ops"]]).all():
        raise CosearchError(f"{BASELINE} and {ARCHITECTURES} list different cells", "use tables of one source")


def _datasets(roots: Roots) -> list[str]:
    path = find(roots, ACCURACIES)
    return [] if path is None else [k.removesuffix(TRAINED) for k in arrays(path) if k.endswith(TRAINED)]


def _accuracy(roots: Roots, dataset: str) -> FloatArray:
    tables = arrays(require(roots, ACCURACIES))
    if dataset + TRAINED not in tables:
        raise CosearchError(f"{ACCURACIES} has no data set {dataset!r}", "use one of " + ", ".join(_datasets(roots)))
    return tables[dataset + TRAINED].astype(np.float64)


def _devices(roots: Roots, dataset: str) -> dict[str, FloatArray]:
    """Latency in ms, float64 [15625], of every device in every table of every folder; the first folder wins.

    A table holds ``latency_ms`` [15625, n] with ``devices`` or ``names``, or one array per data set with ``metrics``.
    Columns named after the data set they were timed on stand for that data set only.
    """
    found: dict[str, FloatArray] = {}
    for root in roots:
        for path in sorted((root / "latency").glob("*nb201*.npz")):
            data = arrays(path)
            if "latency_ms" in data:
                labels, values = data.get("devices", data.get("names")), data["latency_ms"]
            elif "metrics" in data and dataset in data:
                timed = np.char.endswith(data["metrics"], "_latency")
                labels, values = np.char.replace(data["metrics"][timed], "_latency", ""), data[dataset][:, timed]
            else:
                continue
            for column, label in enumerate([] if labels is None else labels.tolist()):
                device, _, timed_on = label.rpartition("_")
                if timed_on not in INPUTS:
                    found.setdefault(label, values[:, column].astype(np.float64))
                elif timed_on == dataset:
                    found.setdefault(device, values[:, column].astype(np.float64))
    return found


def _latency(roots: Roots, dataset: str, device: str) -> FloatArray:
    devices = _devices(roots, dataset)
    if device not in devices:
        known = ", ".join(sorted(devices)) or "none: the folder latency is missing"
        raise CosearchError(f"no latency table has device {device!r}", f"known: {known}")
    return devices[device]
