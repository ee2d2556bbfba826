"""How repeatable are measured latencies, and what does a noisy neighbour do to them?

Random sub-networks of the quickstart's space are measured on this machine with ``cosearch measure`` in processes of
their own, and the tables compared: with one made again some minutes later (``--repeat-after``), and with tables made
while a second ``cosearch measure`` runs on the same core (``--neighbour``): one that asks for the same device lock, so
that the two take turns, and one that names its device otherwise, so that they overlap.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...hw_targets.fingerprint import load_average
from ...hw_targets.measurements import read_measurements
from ...spaces.errors import CosearchError
from ..compare_measurements import Difference, differences
from ..configuration.yaml_source import dump_yaml
from ..measuring_run import summary
from .harness import Row, arguments, row, run

LABEL = "torch_cpu_1_thread"
WAIT_S = 1800.0
WARM_S = 12.0
"""The neighbour's start, imports included."""


def devices(folder: Path, name: str, lock: str) -> Path:
    """A devices file of one thread on this CPU, whose latency is also given relative to reference work."""
    path = folder / f"{name}.yaml"
    device = {"name": "torch_cpu", "threads": 1, "device": lock, "relative": True}
    path.write_text(dump_yaml({"space": {"name": "elastic_cnn"}, "devices": {LABEL: device}}))
    return path


def start(settings: Path, table: Path, options: argparse.Namespace, seed: int, designs: int) -> subprocess.Popen[bytes]:
    """Run ``cosearch measure`` in a process of its own, on the chosen core."""
    asked = ["--random", str(designs), "--seed", str(seed), "--rounds", str(options.rounds), "--output", str(table)]
    command = [sys.executable, "-m", "cosearch.experiments.cli", "measure", str(settings), *asked, "--json"]
    pinned = ["taskset", "-c", str(options.core), *command] if options.core is not None else command
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(pinned, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that must succeed.

    Raises:
        CosearchError: When it fails; with what it printed.
    """
    _, errors = process.communicate(timeout=WAIT_S)
    if process.returncode != 0:
        raise CosearchError(f"exit code {process.returncode}: {errors.decode()[-2000:]}", "see above")


def measured(folder: Path, name: str, options: argparse.Namespace, neighbour: Path | None = None) -> tuple[Path, float]:
    """A new table and the seconds it took, perhaps beside a neighbour that measures other designs without end."""
    table = folder / f"{name}.csv"
    settings = devices(folder, "own", "cosearch-benchmark")
    other = None
    if neighbour is not None:
        other = start(neighbour, folder / f"{name}_neighbour.csv", options, options.seed + 1, 5000)
        time.sleep(WARM_S)
    begin = time.monotonic()
    try:
        finish(start(settings, table, options, options.seed, options.designs))
        if other is not None and other.poll() is not None:
            raise CosearchError("the neighbour ended before the measurement", "see its devices file")
    finally:
        if other is not None:
            other.kill()
            other.communicate()
    return table, time.monotonic() - begin


def compared(first: Path, second: Path) -> list[Difference]:
    """How far two tables differ."""
    one = read_measurements(first)
    return differences(one, read_measurements(second, one.space))


def rows_of(subject: str, found: Sequence[Difference], budget: str, seconds: float) -> Iterator[Row]:
    """The figures of one comparison."""
    for difference in found:
        name = difference.metric
        figures = {
            f"{name}_median_difference_pct": 100 * difference.median_difference,
            f"{name}_median_shift_pct": 100 * difference.median_shift,
            f"{name}_spread_pct": 100 * difference.spread,
            f"{name}_spearman_ratio": difference.spearman,
        }
        for metric, value in figures.items():
            if value is not None:
                yield row("ours:measure", subject, metric, value, budget=budget, wall_s=seconds)


def spread_of(subject: str, table: Path, budget: str, seconds: float) -> Iterator[Row]:
    """The spread of one repeat within a table, and the load of the machine."""
    (device,) = summary(read_measurements(table), [LABEL])
    for metric, share in device["median_relative_std"].items():
        yield row("ours:measure", subject, f"{metric}_std_pct", 100 * share, budget=budget, wall_s=seconds)
    load = load_average()
    if load != "unknown":
        yield row("ours:measure", subject, "load_average_1min_count", float(load), budget=budget)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Rows of what was asked for."""
    budget = f"{options.designs} designs, {options.rounds} rounds"
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        quiet, seconds = measured(folder, "first", options)
        yield from spread_of("first table", quiet, budget, seconds)
        if options.repeat_after is not None:
            time.sleep(60 * options.repeat_after)
            again, seconds = measured(folder, "again", options)
            yield from spread_of("table made again", again, budget, seconds)
            subject = f"again after {options.repeat_after:g} min"
            yield from rows_of(subject, compared(quiet, again), budget, seconds)
        if options.neighbour:
            for name, lock in (("taking turns", "cosearch-benchmark"), ("overlapping", "cosearch-benchmark-other")):
                other = devices(folder, name.split()[0], lock)
                table, seconds = measured(folder, f"beside_{name.split()[0]}", options, other)
                yield from spread_of(f"neighbour, {name}", table, budget, seconds)
                yield from rows_of(f"neighbour, {name}", compared(quiet, table), budget, seconds)


def main(argv: list[str] | None = None) -> list[Row]:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--designs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--repeat-after", type=float, metavar="MINUTES", help="measure the same designs again")
    parser.add_argument("--neighbour", action="store_true", help="measure beside a second process, too")
    parser.add_argument("--core", type=int, help="pin every process to this core (taskset)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the tables, in a folder that has none")
    return run("measuring", measure, parser, argv)


if __name__ == "__main__":
    main()
