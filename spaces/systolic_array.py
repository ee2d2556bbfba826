"""The design space of a systolic array accelerator: array, dataflow and buffers."""

from __future__ import annotations

from collections.abc import Sequence

from .knobs import Ordinal
from .space import Space

SIDES = (*range(4, 65, 4), *range(72, 129, 8), *range(144, 257, 16))
"""Rows or columns of PEs: 32 values from 4 to 256, finer where arrays are small."""

BUFFERS_KIB = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Buffer sizes, KiB: 20 values, about half an octave apart."""

DATAFLOWS = ("os", "ws", "is")
"""Output, weight and input stationary."""


def systolic_array(
    rows: Sequence[int] = SIDES,
    cols: Sequence[int] = SIDES,
    dataflow: Sequence[str] = DATAFLOWS,
    ifmap_kib: Sequence[int] = BUFFERS_KIB,
    filter_kib: Sequence[int] = BUFFERS_KIB,
    ofmap_kib: Sequence[int] = BUFFERS_KIB,
) -> Space:
    """Arrays of PEs with one SRAM per operand; 24.6 million designs by default.

    Args:
        rows: Rows of PEs, rising.
        cols: Columns of PEs, rising.
        dataflow: Some of ``os``, ``ws``, ``is``.
        ifmap_kib: Sizes of the input buffer, KiB, rising; half of it is active, half prefetches.
        filter_kib: Sizes of the weight buffer, KiB, rising.
        ofmap_kib: Sizes of the output buffer, KiB, rising.

    Raises:
        SpaceError: When a list is empty, repeats a value or does not rise.
    """
    return Space(
        {
            "rows": Ordinal(tuple(rows)),
            "cols": Ordinal(tuple(cols)),
            "dataflow": list(dataflow),
            "ifmap_kib": Ordinal(tuple(ifmap_kib)),
            "filter_kib": Ordinal(tuple(filter_kib)),
            "ofmap_kib": Ordinal(tuple(ofmap_kib)),
        },
        name="systolic_array",
    )
