"""What does one generation cost? Ours on NumPy and PyTorch beside pymoo and EvoMO, DTLZ2 with three objectives.

A generation is mating, evaluation and survival. Every method runs in a process of its own with one thread; a figure is
the median CPU time over the generations of a run, then mean and spread over runs with other seeds. Peak memory is the
growth of the process over its start, libraries loaded. ``survivors_equal`` is the share of fixed random populations on
which our survival keeps what pymoo's keeps, up to what both leave to chance: ends of equal (infinite) crowding
distance, and NSGA-III's draws of niches.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from .emo_agreement import AGREEMENTS
from .harness import Row, arguments, row, run

METHODS = {
    "nsga2": ("ours:cosearch", "cosearch_torch", "pymoo", "pymoo_no_duplicate_check", "evomo"),
    "nsga3": ("ours:cosearch", "cosearch_torch", "pymoo", "pymoo_no_duplicate_check", "evomo"),
    "hype": ("ours:cosearch", "cosearch_torch", "evomo"),
    "moead": ("ours:cosearch", "pymoo", "evomo"),
    "sms_emoa": ("ours:cosearch", "pymoo"),
    "ranks": ("ours:cosearch", "cosearch_blocked", "pymoo"),
}
"""Who has which algorithm. pymoo has no HypE; its nearest kin is SMS-EMOA. Our MOEA/D and SMS-EMOA are measured as
strategies, with their archive of everything told."""

PACKAGES = {"cosearch_torch": "torch", "cosearch_blocked": "torch", "pymoo": "pymoo", "evomo": "evomo"}

ONE_AT_A_TIME = {("moead", "pymoo"), ("sms_emoa", "pymoo"), ("sms_emoa", "ours:cosearch")}
"""Measured up to ``SMALL`` members only: they treat children or removals one by one."""

SMALL = 100

AGREEMENT_POPULATION = 1_000
"""Largest population on which survivors are compared."""


def available(method: str) -> bool:
    """Whether what a method needs is installed."""
    package = PACKAGES.get(method.removesuffix("_no_duplicate_check"))
    return package is None or importlib.util.find_spec(package) is not None


def measured(method: str, algorithm: str, population: int, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Run one method in a process of its own; empty when it does not finish in twice the limit."""
    command = [sys.executable, "-P", "-m", __spec__.name.rpartition(".")[0] + ".emo_generation"]
    command += ["--method", method, "--algorithm", algorithm, "--population", str(population), "--seed", str(seed)]
    command += ["--generations", str(options.generations), "--limit", str(options.limit), "--device", options.device]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    try:
        done = subprocess.run(
            command,
            env=os.environ | threads,
            capture_output=True,
            text=True,
            timeout=2 * options.limit + 60,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return {}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def method_rows(method: str, algorithm: str, population: int, options: argparse.Namespace) -> Iterator[Row]:
    """Cost and memory of one method at one population; none where it did not finish."""
    start = time.perf_counter()
    runs = [measured(method, algorithm, population, seed, options) for seed in range(options.repeats)]
    finished = [figures for figures in runs if figures]
    wall, budget = time.perf_counter() - start, str(population)
    if not finished:
        sys.stderr.write(f"{method} {algorithm} at {population}: no generation within {2 * options.limit + 60:.0f} s\n")
        return
    metric = "generation_cpu_ms" if options.device == "cpu" else "generation_wall_ms"
    medians = [float(np.median(figures["ms"])) for figures in finished]
    yield row(method, algorithm, metric, medians, budget=budget, wall_s=wall)
    peaks = [figures["peak_mib"] for figures in finished]
    yield row(method, algorithm, "peak_memory_mib", peaks, budget=budget, wall_s=wall)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Two rows per method, algorithm and population, and one of agreement."""
    for algorithm in options.algorithms.split(","):
        for population in (int(word) for word in options.populations.split(",")):
            for method in METHODS[algorithm]:
                if available(method) and (population <= SMALL or (algorithm, method) not in ONE_AT_A_TIME):
                    yield from method_rows(method, algorithm, population, options)
            if algorithm in AGREEMENTS and population <= AGREEMENT_POPULATION and available("pymoo"):
                start = time.perf_counter()
                equal = [float(AGREEMENTS[algorithm](population, seed)) for seed in range(options.agreements)]
                wall = time.perf_counter() - start
                yield row("ours:cosearch", algorithm, "survivors_equal", equal, budget=str(population), wall_s=wall)


def main(argv: list[str] | None = None) -> list[Row]:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--populations", default="100,1000,10000", help="sizes, separated by commas")
    parser.add_argument("--algorithms", default="nsga2,nsga3,hype,moead,sms_emoa,ranks", help="separated by commas")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where tensors lie")
    parser.add_argument("--generations", type=int, default=50, help="per run, fewer when the limit comes first")
    parser.add_argument("--repeats", type=int, default=3, help="runs with other seeds")
    parser.add_argument("--limit", type=float, default=60, help="seconds after which a run starts no generation")
    parser.add_argument("--agreements", type=int, default=20, help="random populations on which survivors are compared")
    return run("emo_kernels", measure, parser, argv)


if __name__ == "__main__":
    main()
