"""Many searches in processes of their own, one thread each."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

from .method import Method
from .problems.benchmark_problem import BenchmarkProblem
from .problems.catalog import load_problem
from .search_run import SearchRun, run_search
from .shown import shown

Job = TypeVar("Job")
Result = TypeVar("Result")

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Case:
    """One search.

    Args:
        problem: Name of the benchmark problem.
        method: Strategy or peer.
        seed: Of the search.
        budget: Evaluations.
        batch: Designs per ask of our strategies.
        exact: Whether closed forms are made known.
    """

    problem: str
    method: Method
    seed: int
    budget: int
    batch: int
    exact: bool


Results = dict[tuple[str, Method], list[SearchRun]]
"""Problem and method to its searches by seed."""


def run_cases(cases: Sequence[Case], roots: Sequence[Path], jobs: int) -> Results:
    """Run all searches; the order of the results is that of the cases.

    Args:
        cases: The searches.
        roots: Folders of data.
        jobs: Processes.
    """
    results: Results = {}
    found = in_processes(partial(_run, roots=tuple(roots)), cases, jobs, "searches")
    for case, search in zip(cases, found, strict=True):
        results.setdefault((case.problem, case.method), []).append(search)
    return results


def in_processes(work: Callable[[Job], Result], tasks: Sequence[Job], jobs: int, what: str) -> list[Result]:
    """What ``work`` gives for each task, in their order.

    Args:
        work: A function of a module, with picklable arguments and results.
        tasks: Its arguments.
        jobs: Processes, one thread each.
        what: What the tasks are, in the plural.
    """
    done: dict[int, Result] = {}
    with (
        _one_thread_each(),
        # Spawned, so that numerical libraries start with the one thread that they are given.
        ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool,
    ):
        futures = {pool.submit(work, task): i for i, task in enumerate(tasks)}
        for future in shown(as_completed(futures), len(futures), what):
            done[futures[future]] = future.result()
    return [done[i] for i in range(len(tasks))]


def _run(case: Case, roots: tuple[Path, ...]) -> SearchRun:
    benchmark = loaded(case.problem, roots)
    if not (case.exact and case.method.exact):
        benchmark = benchmark.without_exact()
    return run_search(benchmark, case.method, case.budget, case.seed, case.batch)


@lru_cache(maxsize=8)
def loaded(name: str, roots: tuple[Path, ...]) -> BenchmarkProblem:
    """A benchmark problem, kept for the next search in this process."""
    return load_problem(name, roots)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started meanwhile compute on one thread."""
    before = {key: os.environ.get(key) for key in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
