"""The benchmark problems that a folder of reference data allows."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ....spaces.errors import CosearchError
from . import boom, dram, hls, hwgpt, nb201, ofa_mbv3
from .benchmark_problem import BenchmarkProblem
from .data_roots import Roots, find

FAMILIES = {nb201.PREFIX: f"{nb201.PREFIX}DATASET_DEVICE", dram.PREFIX: f"{dram.PREFIX}TRACE/OBJECTIVE"}
"""Prefix of the names of many problems to how the names are made."""

Loader = Callable[[str, Roots], BenchmarkProblem]


def _available(roots: Roots) -> Iterator[tuple[str, Loader]]:
    if find(roots, ofa_mbv3.FILE) is not None:
        yield "ofa_mbv3", ofa_mbv3.load
    yield from ((name, nb201.load) for name in nb201.names(roots))
    yield from ((name, hwgpt.load) for name in hwgpt.names(roots))
    if find(roots, boom.FILE) is not None:
        yield "boom", boom.load
    yield from ((name, hls.load) for name in hls.names(roots))
    yield from ((name, dram.load) for name in dram.names(roots))


def list_problems(data_root: Path | Sequence[Path]) -> list[str]:
    """Names of the problems whose data lie in a folder, or in several of which the first that has a file counts."""
    return [name for name, _ in _available(_roots(data_root))]


def load_problem(name: str, data_root: Path | Sequence[Path]) -> BenchmarkProblem:
    """A problem by name.

    Args:
        name: One of :func:`list_problems`.
        data_root: A folder of reference data, or several: the first that has a file counts.

    Raises:
        CosearchError: When the name is unknown or its data are missing.
    """
    roots = _roots(data_root)
    known = dict(_available(roots))
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        guess = f"did you mean {close[0]!r}? " if close else ""
        places = ", ".join(map(str, roots)) or "no folder"
        listed = ", ".join(_families(list(known))) or "none"
        raise CosearchError(f"no data for a problem {name!r} in {places}", f"{guess}problems with data: {listed}")
    return known[name](name, roots)


def _roots(data_root: Path | Sequence[Path]) -> Roots:
    return [data_root] if isinstance(data_root, Path) else list(data_root)


def _families(names: list[str]) -> list[str]:
    """The names, variants of one benchmark on many devices or traces taken together."""
    plain = [name for name in names if not name.startswith(tuple(FAMILIES))]
    counts = {shape: sum(name.startswith(prefix) for name in names) for prefix, shape in FAMILIES.items()}
    return plain + [f"{shape} ({n} of them)" for shape, n in counts.items() if n]
