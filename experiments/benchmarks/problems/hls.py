"""Accelerator pragmas of the GNN-DSE database: per kernel, the designs that high-level synthesis reported on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....search.archive import keys
from ....search.objective import FloatArray, Objective, Problem
from ....spaces.errors import CosearchError
from ....spaces.knobs import Codes, Value
from ....spaces.space import Space
from .benchmark_problem import BenchmarkProblem, front_of
from .data_roots import Roots, find, require

FILE = "hls_gnndse/hls_gnndse.parquet"
PREFIX = "hls_"
LEAST_ROWS = 100
"""Kernels with fewer designs are no search problem."""

HLS_LEVEL = 2
SHARES = ("util_bram", "util_dsp", "util_lut", "util_ff")

Pragmas = Mapping[str, Value]


def pool_space(pool: Sequence[Pragmas], name: str) -> Space:
    """A space whose designs are exactly those of a pool.

    The knobs are the pragmas that vary; for every choice of the first ones a constraint lists what may follow.

    Args:
        pool: Distinct designs, all with the same pragmas.
        name: Shown to people.
    """
    values = {key: _values(pool, key) for key in pool[0]}
    names = sorted((key for key in values if len(values[key]) > 1), key=lambda key: len(values[key]))
    constraints: list[dict[str, Any]] = []
    for depth, last in enumerate(names[1:], 1):
        following: dict[tuple[Value, ...], set[Value]] = {}
        for row in pool:
            following.setdefault(tuple(row[key] for key in names[:depth]), set()).add(row[last])
        for first, some in following.items():
            if len(some) < len(values[last]):
                allowed = [value for value in values[last] if value in some]
                constraints.append({"if": dict(zip(names, first, strict=False)), "then": {last: allowed}})
    return Space({key: values[key] for key in names}, constraints=constraints, name=name)


def names(roots: Roots) -> Iterator[str]:
    """The kernels with enough designs; none when pyarrow is not installed."""
    path = find(roots, FILE)
    if path is None:
        return
    try:
        kernels = _usable(path)["kernel"]
    except CosearchError:
        return
    for kernel in sorted(set(kernels)):
        if kernels.count(kernel) >= LEAST_ROWS:
            yield PREFIX + kernel


def load(name: str, roots: Roots) -> BenchmarkProblem:
    """Decimal logarithm of the cycles (they span decades) against summed utilisation, both down; exact front.

    Utilisation is the sum of the shares of block RAM, DSP, LUT and flip-flops. Reference: the worst of each.
    """
    kernel = name.removeprefix(PREFIX)
    columns = _usable(require(roots, FILE))
    rows = [i for i, other in enumerate(columns["kernel"]) if other == kernel]
    pool = [json.loads(columns["params"][i]) for i in rows]
    space = pool_space(pool, name)
    codes = space.encode([{key: row[key] for key in space.names} for row in pool])
    cycles = np.log10(np.array([columns["cycles"][i] for i in rows], dtype=np.float64))
    shares = np.sum([[columns[key][i] for i in rows] for key in SHARES], axis=0)
    row_of = {key: row for row, key in enumerate(keys(codes))}

    def measure(asked: Codes) -> dict[str, FloatArray]:
        found = [row_of[key] for key in keys(asked)]
        return {"log10_cycles": cycles[found], "utilisation_ratio": shares[found]}

    objectives = (
        Objective("log10_cycles", "minimize", float(cycles.max())),
        Objective("utilisation_ratio", "minimize", float(shares.max())),
    )
    front = front_of(np.column_stack([cycles, shares]))
    return BenchmarkProblem(name, Problem(space, objectives), measure, front, True)


def _usable(path: Path) -> dict[str, list[Any]]:
    """Columns of the rows that high-level synthesis finished and that fit the device, by the tool's own flag.

    Raises:
        CosearchError: When pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise CosearchError("the HLS problems need pyarrow", "install it: pip install pyarrow") from error
    columns: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    kept = [
        i
        for i, (level, code, valid, cycles) in enumerate(
            zip(columns["level"], columns["ret_code"], columns["valid"], columns["cycles"], strict=True)
        )
        if level == HLS_LEVEL and code == 0 and valid and cycles > 0
    ]
    return {key: [values[i] for i in kept] for key, values in columns.items()}


def _values(pool: Sequence[Pragmas], key: str) -> list[Value]:
    """The values of a pragma, numbers rising."""
    seen = {row[key] for row in pool}
    if any(isinstance(value, str) for value in seen):
        return sorted(seen, key=str)
    return sorted(seen)
