"""One metric of many designs on many devices, as published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....predictors.pool import Pool
from ....predictors.prediction import FloatArray
from ....spaces.knobs import Codes, Value
from ....spaces.space import Space
from ..problems.data_roots import Roots, arrays, find, require

Columns = dict[str, FloatArray]
"""Device to its values, float64 [n]; NaN where it did not measure a design."""


@dataclass(frozen=True)
class Tables:
    """One metric of the designs of one space on many devices.

    Args:
        name: Of the tables, on the command line.
        space: The space.
        metric: What is predicted, with its unit.
        codes: Designs, int64 [n, n_knobs].
        index: Their rows in the published table, int64 [n].
        sources: Devices that may be learnt from.
        targets: Devices that may be adapted to; of isomorphic designs that share a measurement, one has it.
        held_out: The targets that come from the second folder.
        window: First and last row, exclusive, of HELP's test window in the published table; equal for none.
        connected: Whether a design is a network at all, its input reaching its output, bool [n].
        reference: Rows of ``codes`` that HELP's published code measures first on every device, int64; none elsewhere.
    """

    name: str
    space: Space
    metric: str
    codes: Codes
    index: NDArray[np.int64]
    sources: Columns
    targets: Columns
    held_out: tuple[str, ...]
    window: tuple[int, int]
    connected: NDArray[np.bool_]
    reference: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def pool(self, devices: list[str], n_designs: int, *, referenced: bool = False) -> Pool:
        """What is known of train devices: the first ``n_designs`` rows of the published table, 0 for all.

        Args:
            devices: Train devices.
            n_designs: How many designs are known.
            referenced: Whether the reference designs are known beside them.
        """
        tables = {}
        for device in devices:
            values = self.sources[device]
            known = np.isfinite(values)
            if n_designs:
                known &= self.index < n_designs
            if referenced:
                known[self.reference] = np.isfinite(values[self.reference])
            tables[device] = (self.codes[known], values[known])
        return Pool.of(self.space, self.metric, tables)


def measured(roots: Roots, table: str) -> Columns:
    """Latency in ms of every device of the table ``table`` in the first folder of ``roots`` that has it, if any."""
    path = find(roots, table)
    return {} if path is None else by_device(arrays(path))


def by_device(data: Mapping[str, NDArray[Any]]) -> Columns:
    """Latency in ms of every device of a table's arrays."""
    return {str(name): data["latency_ms"][:, j].astype(np.float64) for j, name in enumerate(data["devices"])}


def latencies(name: str, table: str, space: Space, codes: Codes, window: tuple[int, int], roots: Roots) -> Tables:
    """Tables whose devices may all be sources, but for those of the second folder, and may all be targets.

    Raises:
        CosearchError: When the first folder lacks the table.
    """
    data = arrays(require(roots[:1], table))
    sources, held_out = by_device(data), measured(roots[1:], table)
    targets = sources | held_out
    sources = {device: values for device, values in sources.items() if device not in held_out}
    index, connected = np.arange(len(codes)), np.ones(len(codes), bool)
    reference = data.get("help_reference_index", np.empty(0)).astype(np.int64)
    return Tables(
        name, space, "latency_ms", codes, index, sources, targets, tuple(held_out), window, connected, reference
    )


def codes_of(space: Space, columns: Mapping[str, NDArray[np.generic]], values: Mapping[str, list[Value]]) -> Codes:
    """Codes of designs that are given as numbers of choices.

    Args:
        space: The space.
        columns: Knob to indices into its values, integers [n].
        values: Knob to what the indices stand for.

    Returns:
        int64 [n, n_knobs], with inactive knobs left out.
    """
    n = len(next(iter(columns.values())))
    codes = np.empty((n, space.n_knobs), np.int64)
    for name, chosen in columns.items():
        code_of = np.array([space.knob(name).encode(value) for value in values[name]], np.int64)
        codes[:, space.index(name)] = code_of[chosen.astype(np.int64)]
    return space.canonical(codes)
