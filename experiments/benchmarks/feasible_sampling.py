"""Finding feasible designs of the GEMM tile space: this package, rejection sampling and python-constraint2.

Run as ``python -m cosearch.experiments.benchmarks.feasible_sampling --json OUT``.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...spaces.gemm_tile import (
    MMA_FP16,
    REGISTERS_PER_BLOCK,
    REGISTERS_PER_THREAD,
    SHARED_MEMORY_KIB,
    VECTOR_BYTES,
    WARP,
    WARPS_PER_BLOCK,
    gemm_tile,
)
from ...spaces.space import Space
from .harness import Row, arguments, row, run

ELEMENT_BYTES = 2
REJECTION_BLOCK = 100_000


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run the benchmark.

    Args:
        argv: Arguments without the program name; None reads the command line.

    Returns:
        The rows.
    """
    parser = arguments("Time to list, and rate of sampling, the feasible designs of a GEMM tile space.")
    parser.add_argument("--repeats", type=int, default=5, help="timings per figure")
    parser.add_argument("--draws", type=int, default=300_000, help="draws of rejection sampling per repeat")
    return run("feasible_sampling", measure, parser, argv)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """All rows: listing times, sampling and mutation rates, and what rejection sampling finds."""
    space = gemm_tile()
    yield from _ours(options.repeats)
    yield from _rejection(space, options.repeats, options.draws)
    if importlib.util.find_spec("constraint") is not None:
        yield from _constraint2(options.repeats)


def _ours(repeats: int) -> Iterator[Row]:
    spaces = [gemm_tile() for _ in range(repeats)]
    sizes, seconds = _timed([space.size for space in spaces])
    yield row("ours:feasible_set", "gemm_tile", "feasible_designs", sizes, wall_s=sum(seconds))
    yield row("ours:feasible_set", "gemm_tile", "list_all_ms", [1e3 * s for s in seconds], wall_s=sum(seconds))
    rng = np.random.default_rng(0)
    space = spaces[0]
    codes = space.sample(rng, 10_000)
    space.mutate(codes[:32], rng)
    for name, n, call in (
        ("sample", 10_000, lambda: len(space.sample(rng, 10_000))),
        ("mutate", 1000, lambda: len(space.mutate(codes[:1000], rng))),
        ("check", 10_000, lambda: int(space.is_valid(codes).sum())),
    ):
        _, seconds = _timed([call] * repeats)
        rates = [n / s for s in seconds]
        yield row("ours:feasible_set", "gemm_tile", f"{name}_per_s", rates, budget=f"{n} designs", wall_s=sum(seconds))


def _rejection(space: Space, repeats: int, draws: int) -> Iterator[Row]:
    def attempt(seed: int) -> int:
        rng = np.random.default_rng(seed)
        sizes = [min(REJECTION_BLOCK, draws - done) for done in range(0, draws, REJECTION_BLOCK)]
        return sum(int(space.is_valid(rng.integers(0, space.cardinalities, (n, space.n_knobs))).sum()) for n in sizes)

    found, seconds = _timed([partial(attempt, seed) for seed in range(repeats)])
    budget = f"{draws} draws"
    yield row("rejection", "gemm_tile", "found", found, budget=budget, wall_s=sum(seconds))
    rates = [f / s for f, s in zip(found, seconds, strict=True)]
    yield row("rejection", "gemm_tile", "sample_per_s", rates, budget=budget, wall_s=sum(seconds))


def _constraint2(repeats: int) -> Iterator[Row]:
    found, seconds = _timed([lambda: len(_solver().getSolutions())] * repeats)
    yield row("python-constraint2", "gemm_tile", "feasible_designs", found, wall_s=sum(seconds))
    yield row("python-constraint2", "gemm_tile", "list_all_ms", [1e3 * s for s in seconds], wall_s=sum(seconds))


def _solver() -> Any:
    """The default space for python-constraint2, its domains already cut to multiples of the instruction's sizes."""
    from constraint import Problem

    m, n, k = MMA_FP16
    step_bytes = k * ELEMENT_BYTES
    load = WARP * VECTOR_BYTES
    solver = Problem()
    for name, step, high in (("wm", m, 256), ("wn", n, 256), ("bm", m, 1024), ("bn", n, 1024), ("bk", k, 1024)):
        solver.addVariable(name, range(step, high + 1, step))
    solver.addVariable("stages", range(2, 9))
    solver.addConstraint(lambda bm, wm: bm % wm == 0, ("bm", "wm"))
    solver.addConstraint(lambda bn, wn: bn % wn == 0, ("bn", "wn"))
    solver.addConstraint(lambda bm, bn: bm * bn <= REGISTERS_PER_BLOCK, ("bm", "bn"))
    registers = 4 * WARP * REGISTERS_PER_THREAD
    solver.addConstraint(lambda wm, wn: 4 * wm * wn + (wm + wn) * step_bytes <= registers, ("wm", "wn"))
    solver.addConstraint(lambda bm, bn, wm, wn: bm * bn <= WARPS_PER_BLOCK * wm * wn, ("bm", "bn", "wm", "wn"))
    solver.addConstraint(
        lambda bm, bn, bk, stages: ELEMENT_BYTES * stages * bk * (bm + bn) <= 1024 * SHARED_MEMORY_KIB,
        ("bm", "bn", "bk", "stages"),
    )
    solver.addConstraint(
        lambda bm, bn, bk, wm, wn: (
            ELEMENT_BYTES * bm * bk * wm * wn % (load * bm * bn) == 0
            and ELEMENT_BYTES * bn * bk * wm * wn % (load * bm * bn) == 0
        ),
        ("bm", "bn", "bk", "wm", "wn"),
    )
    return solver


def _timed(calls: Sequence[Callable[[], Any]]) -> tuple[list[float], list[float]]:
    """Results and wall seconds of calls, one after the other."""
    results, seconds = [], []
    for call in calls:
        start = time.perf_counter()
        results.append(float(call()))
        seconds.append(time.perf_counter() - start)
    return results, seconds


if __name__ == "__main__":
    main()
