"""Policies learnt on other traces as the start of a search, beside every search from scratch."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...search.dominance import preference_order
from ...spaces.errors import CosearchError
from ...spaces.knobs import Codes
from .method import Method
from .peers.metered import Metered
from .problems.catalog import load_problem
from .problems.dram import PREFIX, kind, traces
from .search_cases import Case, Results, in_processes, loaded, run_cases
from .search_run import SearchRun, ask_and_tell, shares_after_each

TAUGHT = "mappo"
"""The strategy whose policies are transferred."""

SPARSE = ("mb-unepic",)
"""Traces to learn nothing on: requests come so rarely that their total time hardly depends on the controller."""

TRANSFERRED = Method(TAUGHT, (("initial_policy", "other traces"),))
REPLAYED = Method("best_designs", (("of", "other traces"),))
"""A baseline without any learning: the best designs of the same training runs, in turn, one trace after the other."""


@dataclass(frozen=True)
class Lesson:
    """Training on one problem.

    Args:
        problem: Name of the benchmark problem.
        seed: Of the search.
        budget: Evaluations.
        batch: Designs per ask.
        folder: Where the policy is saved.
    """

    problem: str
    seed: int
    budget: int
    batch: int
    folder: Path


def lessons_for(
    problem: str, seed: int, sources: Sequence[str], folder: Path, budget: int, batch: int
) -> tuple[Lesson, ...]:
    """Lessons on the same objective of the other traces, leaving out those of the same kind as the problem's.

    Args:
        problem: The problem to be searched.
        seed: Of that search.
        sources: Names of traces.
        folder: Where policies are saved.
        budget: Evaluations per lesson.
        batch: Designs per ask.
    """
    trace, _, objective = problem.removeprefix(PREFIX).rpartition("/")
    others = [source for source in sources if kind(source) != kind(trace)]
    return tuple(
        Lesson(f"{PREFIX}{other}/{objective}", seed, budget, batch, folder / f"{other}-{objective}-{seed}")
        for other in others
    )


def sources_of(problems: Sequence[str], names: str | None, roots: Sequence[Path]) -> list[str]:
    """Traces to learn on, each of which has its table afterwards.

    Args:
        problems: Names of the problems to be searched.
        names: A comma list; all traces with data but sparse ones when left out.
        roots: Folders of data.

    Raises:
        CosearchError: When there is no data for one, or no other trace for a problem.
    """
    sources = names.split(",") if names else [trace for trace in traces(roots) if trace not in SPARSE]
    for problem in problems:
        lessons = lessons_for(problem, 0, sources, Path(), 0, 1)
        if not lessons:
            raise CosearchError(f"{problem} has no other trace to learn on", "name another in --sources")
        for lesson in lessons:
            load_problem(lesson.problem, roots)
    return sources


def transfer_results(
    problems: Sequence[str], sources: Sequence[str], options: argparse.Namespace, roots: Sequence[Path], budget: int
) -> Results:
    """Searches that start from policies, and the baseline that replays designs, for every problem and seed.

    Args:
        problems: Names of the problems to be searched.
        sources: Traces to learn on, from :func:`sources_of`.
        options: ``seeds``, ``batch``, ``jobs``, ``lesson_budget``.
        roots: Folders of data.
        budget: Evaluations of each search.
    """
    results: Results = {}
    with tempfile.TemporaryDirectory(prefix="cosearch-policies-") as name:
        wanted = {
            (problem, seed): lessons_for(problem, seed, sources, Path(name), options.lesson_budget, options.batch)
            for problem in problems
            for seed in range(options.seeds)
        }
        lessons = list(dict.fromkeys(lesson for group in wanted.values() for lesson in group))
        taught = in_processes(partial(_teach, roots=tuple(roots)), lessons, options.jobs, "lessons")
        best = dict(zip(lessons, taught, strict=True))
        cases = [
            Case(problem, _started_from(group), seed, budget, options.batch, True)
            for (problem, seed), group in wanted.items()
        ]
        for (problem, _), runs in run_cases(cases, roots, options.jobs).items():
            results.setdefault((problem, TRANSFERRED), []).extend(runs)
    for (problem, _), group in wanted.items():
        shares = _replayed(problem, [best[lesson] for lesson in group], roots, budget)
        results.setdefault((problem, REPLAYED), []).append(shares)
    return results


def _started_from(lessons: Sequence[Lesson]) -> Method:
    folders = ", ".join(f'"{lesson.folder}"' for lesson in lessons)
    return Method(TAUGHT, (("initial_policy", f"[{folders}]"),))


def _teach(lesson: Lesson, roots: tuple[Path, ...]) -> Codes:
    """Search, save the policy, and give the designs, best first."""
    from ...search.marl.mappo import Mappo
    from ...search.marl.policy_file import save_policy

    benchmark = loaded(lesson.problem, roots)
    strategy = Mappo(benchmark.problem, lesson.seed)
    ask_and_tell(strategy, Metered(benchmark, lesson.budget), lesson.batch)
    save_policy(strategy, lesson.folder)
    told = strategy.archive.completed
    return told.codes[preference_order(told.objectives, told.violations)].copy()


def _replayed(problem: str, best: Sequence[Codes], roots: Sequence[Path], budget: int) -> SearchRun:
    """The best design of each lesson, then the second best, ..., without repeats."""
    benchmark = loaded(problem, tuple(roots))
    depth = min(map(len, best))
    line = np.stack([codes[:depth] for codes in best], axis=1).reshape(-1, benchmark.problem.space.n_knobs)
    _, first = np.unique(line, axis=0, return_index=True)
    codes = line[np.sort(first)][:budget]
    return SearchRun(shares_after_each(benchmark, *benchmark.score(codes)), 0.0, 0.0)
