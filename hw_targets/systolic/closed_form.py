"""Cycles, utilisation and SRAM traffic of a systolic array, in closed form over designs and layers at once.

The formulas give what SCALE-Sim 3.0.0 (Samajdar et al., "A Systematic Methodology for Characterizing Scalability of DNN
Accelerators using SCALE-Sim", ISPASS 2020) reports without stalls; they were derived from its published sources. One
layer is the product [M, K] x [K, N]. The array holds Sr x Sc of the product at a time and streams T steps through it;
each of the F = ceil(Sr / R) ceil(Sc / C) folds takes p cycles, and the run ends in cycle F p - 1:

==========  =========  =========  =========
dataflow    os         ws         is
==========  =========  =========  =========
Sr, Sc, T   M, N, K    K, N, M    K, M, N
p           T+R+C-2    T+2R+C-2   T+2R+C-2
==========  =========  =========  =========

Everything is computed in float64: counts are whole numbers and exact below 2**53; its vector division is several times
faster than the integer one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .lowering import Layers

FloatArray = NDArray[np.float64]

DATAFLOWS = ("os", "ws", "is")
"""Output, weight and input stationary."""

BLOCK_ELEMENTS = 16_384
"""Layer-configurations computed at once: 128 KiB per array, so that the temporaries stay in a core's cache."""


@dataclass(frozen=True, slots=True)
class ArrayReport:
    """What one array does for one layer, float64 arrays of one shape, [n, l] for designs by layers.

    Args:
        cycles: Total cycles without stalls.
        overall_util_pct: MACs per PE and cycle, per cent.
        mapping_eff_pct: PEs that a fold uses, mean over folds, per cent.
        compute_util_pct: As SCALE-Sim reports it: for ws and is it counts the array's columns twice.
        ifmap_reads: Input words read from SRAM.
        filter_reads: Weight words read from SRAM.
        ofmap_writes: Output words written to SRAM; with os SCALE-Sim adds R + C per fold to the real ones.
    """

    cycles: FloatArray
    overall_util_pct: FloatArray
    mapping_eff_pct: FloatArray
    compute_util_pct: FloatArray
    ifmap_reads: FloatArray
    filter_reads: FloatArray
    ofmap_writes: FloatArray

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> ArrayReport:
        """Room for a report."""
        return cls(*(np.empty(shape) for _ in fields(cls)))

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> ArrayReport:
        return ArrayReport(*(getattr(self, field.name)[rows] for field in fields(self)))


def array_report(
    dataflow: str, m: FloatArray, k: FloatArray, n: FloatArray, rows: FloatArray, cols: FloatArray
) -> ArrayReport:
    """Report of one dataflow; the arguments broadcast against each other.

    Args:
        dataflow: One of :data:`DATAFLOWS`.
        m: Output pixels.
        k: Window size.
        n: Filters.
        rows: Rows of the array (R).
        cols: Columns of the array (C).

    Returns:
        The report, in the broadcast shape.
    """
    shape = np.broadcast_shapes(m.shape, k.shape, n.shape, rows.shape, cols.shape)
    out = ArrayReport.empty(shape)
    fill_report(out, dataflow, m, k, n, rows, cols)
    return out


def fill_report(
    out: ArrayReport, dataflow: str, m: FloatArray, k: FloatArray, n: FloatArray, rows: FloatArray, cols: FloatArray
) -> None:
    """As :func:`array_report`, into ``out``: no memory is asked for besides two temporaries."""
    spatial_rows, spatial_cols, steps = stationary(dataflow, m, k, n)
    row_folds, col_folds = fold_counts(spatial_rows, rows), fold_counts(spatial_cols, cols)
    pes = rows * cols
    folds = np.multiply(row_folds, col_folds, out=out.ofmap_writes)
    period = steps + ((rows if dataflow == "os" else 2.0 * rows) + cols - 2.0)
    cycles, overall, mapping, compute = out.cycles, out.overall_util_pct, out.mapping_eff_pct, out.compute_util_pct
    np.multiply(folds, period, out=cycles)
    cycles -= 1.0
    np.multiply(cycles, pes, out=overall)
    np.divide(100.0 * m * k * n, overall, out=overall)
    np.multiply(folds, pes, out=mapping)
    np.divide(100.0 * spatial_rows * spatial_cols, mapping, out=mapping)
    if dataflow != "os":
        period += cols - 1.0
    np.divide(steps, period, out=compute)
    compute *= mapping
    _fill_sram(out, dataflow, (m * k, k * n, m * n), (row_folds, col_folds), rows + cols)


def _fill_sram(
    out: ArrayReport,
    dataflow: str,
    sizes: tuple[FloatArray, FloatArray, FloatArray],
    folds: tuple[FloatArray, FloatArray],
    border: FloatArray,
) -> None:
    """SRAM counts; on entry ``out.ofmap_writes`` holds the number of folds."""
    ifmap, weights, ofmap = sizes
    row_folds, col_folds = folds
    if dataflow == "os":
        np.multiply(ifmap, col_folds, out=out.ifmap_reads)
        np.multiply(weights, row_folds, out=out.filter_reads)
        writes = out.ofmap_writes
        writes *= border
        writes += ofmap
        return
    np.multiply(ofmap, row_folds, out=out.ofmap_writes)
    if dataflow == "ws":
        np.multiply(ifmap, col_folds, out=out.ifmap_reads)
        out.filter_reads[...] = weights
    else:
        out.ifmap_reads[...] = ifmap
        np.multiply(weights, col_folds, out=out.filter_reads)


def stationary(dataflow: str, m: FloatArray, k: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sr, Sc and T of a dataflow: what lies along the rows, along the columns, and what is streamed."""
    return {"os": (m, n, k), "ws": (k, n, m), "is": (k, m, n)}[dataflow]


def fold_counts(work: FloatArray, side: FloatArray) -> FloatArray:
    """``ceil(work / side)``, float64; exact, because rounding never lifts a quotient below 2**52 over an integer."""
    quotient = work / side
    return np.ceil(quotient, out=quotient)


def layers_report(layers: Layers, rows: FloatArray, cols: FloatArray, dataflow: NDArray[np.object_]) -> ArrayReport:
    """Report of every design on every layer.

    Args:
        layers: ``l`` layers.
        rows: float64 [n].
        cols: float64 [n].
        dataflow: object [n], names of :data:`DATAFLOWS`.

    Returns:
        The report, [n, l].
    """
    m, k, n = (column.astype(np.float64) for column in (layers.m, layers.k, layers.n))
    out = ArrayReport.empty((len(rows), len(layers)))
    step = max(1, BLOCK_ELEMENTS // len(layers))
    for name in DATAFLOWS:
        members = np.flatnonzero(dataflow == name)
        whole = len(members) == len(rows)
        for start in range(0, len(members), step):
            block = members[start : start + step]
            r, c = rows[block, None], cols[block, None]
            if whole:
                fill_report(out[slice(start, start + step)], name, m, k, n, r, c)
                continue
            part = array_report(name, m, k, n, r, c)
            for field in fields(ArrayReport):
                getattr(out, field.name)[block] = getattr(part, field.name)
    return out
