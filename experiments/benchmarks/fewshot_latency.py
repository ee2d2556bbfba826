"""How well is latency, or energy, of all designs predicted from ten measurements of a new device?

Predictors learn from the published train devices of a set, of which they know the first designs of the tables alone,
and from so many measurements of each test device. Every measurement of it counts, whether the designs were drawn at
random or chosen; methods may choose among all designs of the table. Rows: Spearman's rank correlation over all designs,
measured ones included (``spearman_all``), and over HELP's window of 1,000 without its fastest and slowest tenth
(``spearman_pp``); error over connected designs that were not measured (``mape_pct``), coverage of the 90 % interval
over all that were not measured (``coverage90``), and time. A row named after a set is the mean over its devices, with
its deviation over seeds. Where energies are predicted, the train devices give their latencies.

Run as ``python -m cosearch.experiments.benchmarks.fewshot_latency --data DIR --space nb201,fbnet,ofa --json OUT``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from .harness import Row, arguments, run
from .latency.methods import chosen_methods, label_of
from .latency.protocol import Devices, Outcome, Protocol, devices_of, evaluate
from .latency.published import published_rows
from .latency.readers import READERS, read_tables
from .latency.rows import groups, mean_name, rows_of
from .latency.side_by_side import print_side_by_side
from .latency.splits import Split, present, splits_of
from .latency.tables import Tables
from .method import Method
from .search_cases import in_processes
from .shown import shown


@dataclass(frozen=True)
class Case:
    """One method in one set.

    Args:
        space: Name of the tables.
        split: The set.
        method: The predictor.
    """

    space: str
    split: Split
    method: Method


@dataclass(frozen=True)
class Setting:
    """What all cases share.

    Args:
        roots: Folders of data.
        metric: ``latency`` or ``energy``.
        test: Test devices instead of the sets' own; empty for those.
        protocol: Measurements and seeds.
    """

    roots: tuple[Path, ...]
    metric: str
    test: tuple[str, ...]
    protocol: Protocol


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run the benchmark.

    Args:
        argv: Arguments without the program name; None reads the command line.

    Returns:
        The rows.

    Raises:
        CosearchError: When data, a device, a set or a method is missing.
    """
    parser = arguments("Few-shot prediction of latency and energy on devices that were never trained on.")
    parser.add_argument("--space", default="nb201", help="comma list of " + ", ".join(READERS))
    parser.add_argument(
        "--train-devices", default="published", help="published, all (sets), a comma list of sets, or one of devices"
    )
    parser.add_argument("--test-devices", default="", help="comma list; by default those of the set, and held-out ones")
    parser.add_argument("--samples", default="10,20", help="comma list of numbers of measurements")
    parser.add_argument("--seeds", type=int, default=10, help="repeats")
    parser.add_argument("--methods", default="all", help="all, ours, or a comma list of NAME[:OPTION=VALUE]")
    parser.add_argument("--metric", choices=("latency", "energy"), default="latency")
    parser.add_argument("--choose", choices=("own", "random"), default="own", help="who chooses what to measure")
    parser.add_argument("--source-archs", type=int, metavar="N", help="designs known per train device, 0 for all")
    parser.add_argument("--no-timing", action="store_true", help="do not time predictions of 100,000 designs")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    rows = run("fewshot_latency", measure, parser, argv)
    print_side_by_side(rows)
    return rows


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """All rows, set by set, beside the published ones."""
    roots = tuple(root for root in (options.data, options.test_data) if root is not None)
    samples = tuple(sorted({int(word) for word in options.samples.split(",")}))
    protocol = Protocol(samples, options.seeds, options.choose == "random", options.source_archs, not options.no_timing)
    test = tuple(word for word in options.test_devices.split(",") if word)
    setting = Setting(roots, options.metric, test, protocol)
    methods = chosen_methods(options.methods)
    spaces = options.space.split(",")
    sets = [(space, split) for space in spaces for split in splits_of(space, options.train_devices)]
    there = [_devices(space, split, setting) for space, split in sets]
    for (space, split), devices in zip(sets, there, strict=True):
        if devices.missing:
            _note(f"{space}/{split.name}: not in the tables: {', '.join(devices.missing)}")
    cases = [Case(space, split, method) for space, split in sets for method in methods]
    work = partial(_outcome, setting=setting)
    if options.jobs > 1:
        outcomes = in_processes(work, cases, options.jobs, "fits")
    else:
        outcomes = [work(case) for case in shown(cases, len(cases), "fits")]
    for i, ((space, split), devices) in enumerate(zip(sets, there, strict=True)):
        means = groups(space, split, devices, _tables(space, roots, options.metric).held_out)
        for j, method in enumerate(methods):
            outcome = outcomes[i * len(methods) + j]
            if outcome.problem:
                _note(f"{space}/{split.name}: {label_of(method)}: {outcome.problem}")
            yield from rows_of(label_of(method), f"{space}/{split.name}", outcome, means)
        if options.metric == "latency":
            listed, _ = present(split.test, devices.test)
            yield from published_rows(f"{space}/{split.name}", listed, split.test, mean_name(space, split, listed))


def _outcome(case: Case, setting: Setting) -> Outcome:
    tables = _tables(case.space, setting.roots, setting.metric)
    devices = devices_of(tables, case.split, setting.test)
    return evaluate(tables, case.split, devices, case.method, setting.protocol)


def _devices(space: str, split: Split, setting: Setting) -> Devices:
    return devices_of(_tables(space, setting.roots, setting.metric), split, setting.test)


@lru_cache(maxsize=2)
def _tables(space: str, roots: tuple[Path, ...], metric: str) -> Tables:
    return read_tables(space, roots, metric)


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
