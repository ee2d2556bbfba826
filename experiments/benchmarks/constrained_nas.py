"""Which NAS-Bench-201 cell is best on CIFAR-100 within a latency, when the device was measured ten times?

The constraints are those of HELP's table 4, where a device has any; devices without have quantiles of their latency.
Predictors know the train devices of the set ND, on its first 900 cells. All measurements of the new device count, for
each constraint anew: those that the predictor learns from, and those that verify candidates (``--verify``). The rule by
which a cell is taken is one for all devices. ``--accuracy table`` takes the accuracy of all cells after 200 epochs as
known; ``metad2a`` only the order of the 500 candidates that HELP's experiment had, and the accuracies of the first
three that hold, as HELP does. Rows: share of repeats that violate the constraint, accuracy below the best cell within
it over those that do not (``gap_points``), and over all constraints the number of violations.

Run as ``python -m cosearch.experiments.benchmarks.constrained_nas --data DIR --json OUT``.
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...search.objective import FloatArray
from ...spaces.errors import CosearchError
from .harness import Row, arguments, row, run
from .latency.constrained import Device, Rule, decide
from .latency.methods import Contender, chosen_methods, label_of
from .latency.protocol import devices_of
from .latency.readers import read_tables
from .latency.side_by_side import print_side_by_side
from .latency.splits import ND
from .latency.tables import Tables
from .problems.data_roots import Roots, arrays, require
from .problems.nb201 import ACCURACIES

CANDIDATES = "nasbench201/metad2a_candidates_cifar100.npz"
CONSTRAINTS_MS: dict[str, tuple[float, ...]] = {
    "titan_rtx_256": (18, 21, 25),
    "gold_6226": (8, 11, 14),
    "pixel2": (14, 18, 22),
    "eyeriss": (5, 7, 9),
    "fpga": (4, 5, 6),
}
"""Source: Lee et al. 2021, table 4."""

HELP_LATENCY_AND_ACCURACY: dict[str, tuple[tuple[float, float], ...]] = {
    "titan_rtx_256": ((17.8, 69.7), (18.9, 71.5), (24.2, 71.8)),
    "gold_6226": ((8.0, 67.3), (10.7, 70.2), (14.3, 72.1)),
    "pixel2": ((14, 69.7), (18, 71.8), (25, 73.2)),
    "eyeriss": ((3.9, 71.5), (5.1, 71.8), (9.1, 73.5)),
    "fpga": ((3.8, 70.2), (4.7, 71.8), (7.4, 73.5)),
}
"""Latency in ms and top-1 in per cent of what HELP chose, by constraint. Source: the same table."""

SHOWN = ("violated_share", "gap_points", "violations")
QUANTILES = (0.1, 0.25, 0.5)


@dataclass(frozen=True)
class Case:
    """One constraint on one device.

    Args:
        device: The device.
        at_most: Latency, ms.
        latency: Of all cells, ms, float64 [n].
        best_pct: Accuracy of the best cell within the constraint.
    """

    device: str
    at_most: float
    latency: FloatArray
    best_pct: float

    @property
    def subject(self) -> str:
        """How rows call it."""
        return f"nb201_cifar100/{self.device} <= {self.at_most:.4g} ms"


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run the benchmark.

    Args:
        argv: Arguments without the program name; None reads the command line.

    Returns:
        The rows.

    Raises:
        CosearchError: When data, a device or a method is missing.
    """
    parser = arguments("The best cell within a latency, on a device that was measured ten times.")
    parser.add_argument("--test-devices", default="", help="comma list; by default those of table 4, and held-out ones")
    parser.add_argument("--methods", default="ours", help="all, ours, or a comma list of NAME[:OPTION=VALUE]")
    parser.add_argument("--accuracy", choices=("table", "metad2a"), default="table", help="what is known beforehand")
    parser.add_argument("--samples", type=int, default=10, help="measurements for each constraint, all counted")
    parser.add_argument("--verify", type=int, default=Rule.verify, help="how many of them measure candidates")
    parser.add_argument("--confidence", type=float, default=Rule.confidence, help="demanded where nothing is verified")
    parser.add_argument("--seeds", type=int, default=10, help="repeats")
    rows = run("constrained_nas", measure, parser, argv)
    print_side_by_side(rows, SHOWN, depth=1)
    return rows


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """All rows, and HELP's.

    Raises:
        CosearchError: When nothing is left to learn from.
    """
    if not 0 <= options.verify <= options.samples - 2:
        raise CosearchError(f"--verify {options.verify} of {options.samples}", "leave two measurements to learn from")
    roots = [root for root in (options.data, options.test_data) if root is not None]
    tables = read_tables("nb201", roots)
    accuracy = arrays(require(roots, ACCURACIES))["cifar100_test_200ep"].astype(np.float64)
    cases = cases_of(tables, accuracy, [word for word in options.test_devices.split(",") if word])
    known = options.accuracy == "table"
    merit = accuracy if known else ordered(roots, len(accuracy))
    rule = Rule(options.samples, options.verify, options.confidence, not known)
    train = devices_of(tables, ND, sorted({case.device for case in cases})).train
    for method in chosen_methods(options.methods):
        contender = Contender(method, tables, train, ND.source_designs)
        begin = time.perf_counter()
        picks = np.array(
            [[pick(contender, case, merit, accuracy, rule, seed) for seed in range(options.seeds)] for case in cases]
        )
        wall = time.perf_counter() - begin
        budget = f"{rule.measurements - rule.verify} + {rule.verify} measurements"
        yield from _rows(label_of(method), budget, cases, picks, accuracy, wall)
    yield from published(cases)


def cases_of(tables: Tables, accuracy: FloatArray, devices: Sequence[str]) -> list[Case]:
    """The constraints of the named devices, or of HELP's and the held-out ones.

    Raises:
        CosearchError: When none of them is in the tables.
    """
    wanted = list(devices) or [*CONSTRAINTS_MS, *tables.held_out]
    cases = []
    for device in devices_of(tables, ND, list(dict.fromkeys(wanted))).test:
        latency = tables.targets[device]
        bounds = CONSTRAINTS_MS.get(device) or np.quantile(latency, QUANTILES).tolist()
        cases += [Case(device, at_most, latency, float(accuracy[latency <= at_most].max())) for at_most in bounds]
    return cases


def ordered(roots: Roots, n: int) -> FloatArray:
    """Merit by MetaD2A's order, float64 [n], from the number of candidates down to 1; -inf for all other cells.

    Raises:
        CosearchError: When the list is missing.
    """
    rows = arrays(require(roots, CANDIDATES))["arch_index"].astype(np.int64)
    merit = np.full(n, -np.inf)
    # A cell that is listed twice counts where it is listed first.
    merit[rows[::-1]] = np.arange(1, len(rows) + 1)
    return merit


def pick(contender: Contender, case: Case, merit: FloatArray, accuracy: FloatArray, rule: Rule, seed: int) -> int:
    """Row of the cell that is chosen under one constraint with one seed."""
    rng = np.random.default_rng([seed, rule.measurements, zlib.crc32(case.device.encode())])
    device = Device(contender, lambda rows: case.latency[rows])
    return decide(device, case.at_most, merit, accuracy, rule, rng)


def _rows(
    method: str, budget: str, cases: Sequence[Case], picks: np.ndarray, accuracy: FloatArray, wall: float
) -> Iterator[Row]:
    latency = np.array([case.latency[rows] for case, rows in zip(cases, picks, strict=True)])
    violated = latency > np.array([[case.at_most] for case in cases])
    gap = np.array([[case.best_pct] for case in cases]) - accuracy[picks]
    for i, case in enumerate(cases):
        for metric, values in (
            ("violated_share", violated[i].astype(float)),
            ("latency_ms", latency[i]),
            ("top1_pct", accuracy[picks[i]]),
            ("gap_points", gap[i][~violated[i]]),
        ):
            if len(values):
                yield row(method, case.subject, metric, values.tolist(), budget=budget, wall_s=wall)
    subject = f"nb201_cifar100/all {len(cases)} constraints"
    yield row(method, subject, "violations", violated.sum(axis=0).astype(float).tolist(), budget=budget, wall_s=wall)
    held = [float(gap[:, s][~violated[:, s]].mean()) for s in range(gap.shape[1]) if not violated[:, s].all()]
    if held:
        yield row(method, subject, "gap_points", held, budget=budget, wall_s=wall)
    worst = float(np.where(violated, -np.inf, gap).max())
    if np.isfinite(worst):
        yield row(method, subject, "worst_gap_points", worst, budget=budget, wall_s=wall)


def published(cases: Sequence[Case]) -> Iterator[Row]:
    """HELP's choices under the same constraints, with ``n`` 0; its gap is to the best cell of our table."""
    violations, gaps, n = 0, [], 0
    for case in cases:
        bounds = CONSTRAINTS_MS.get(case.device, ())
        if case.at_most not in bounds:
            continue
        n += 1
        latency, top1 = HELP_LATENCY_AND_ACCURACY[case.device][bounds.index(case.at_most)]
        violations += latency > case.at_most
        entries = {"violated_share": float(latency > case.at_most), "latency_ms": latency, "top1_pct": top1}
        if latency <= case.at_most:
            gaps.append(case.best_pct - top1)
            entries["gap_points"] = gaps[-1]
        for metric, value in entries.items():
            yield _published(case.subject, metric, value)
    if gaps:
        subject = f"nb201_cifar100/all {n} constraints"
        yield _published(subject, "violations", float(violations))
        yield _published(subject, "gap_points", float(np.mean(gaps)))


def _published(subject: str, metric: str, value: float) -> Row:
    entry = row("published:HELP", subject, metric, round(value, 4), budget="20 measurements")
    entry["n"] = 0
    return entry


if __name__ == "__main__":
    main()
