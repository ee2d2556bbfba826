"""DRAM traffic of a systolic array fold by fold, in closed form: how much each fold moves, and from where.

A fold is one filling of the array; column folds are the outer loop and row folds the inner one, as in SCALE-Sim 3.0.0
(Samajdar et al., ISPASS 2020). Along that order an operand is moved in one of three ways:

=======  ==========================================  ================  ================  ================
way      each fold moves                             os                ws                is
=======  ==========================================  ================  ================  ================
swept    its row part; the whole each column fold    ifmap             ifmap             filter
pieced   its column part, again in each row fold     filter            ofmap             ofmap
tiled    its own tile, once                          ofmap             filter            ifmap
=======  ==========================================  ================  ================  ================

Totals are those of :mod:`..systolic.dram`, spread over the folds: the first visit moves every word that is not yet on
the chip, what has to be moved again is spread evenly over the later visits. Operands lie in memory in the order of
their first use, as compilers lay out weights and tiled activations for such machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...spaces.knobs import Value
from ..systolic.closed_form import FloatArray, fold_counts, stationary
from ..systolic.dram import buffer_words, dram_report
from ..systolic.lowering import Layers
from .trace import IntArray

WAYS = {"os": ("swept", "pieced", "tiled"), "ws": ("swept", "tiled", "pieced"), "is": ("tiled", "swept", "pieced")}
"""How a dataflow moves ifmap, filter and ofmap."""

OPERANDS = ("ifmap", "filter", "ofmap")
"""Order of the operands; the last is written, the others are read."""

ROUNDING = 1e-6
"""Accesses; float64 sums of whole numbers of words stay well within it."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Traffic of one array on ``l`` layers, one run of each.

    Args:
        dataflow: ``os``, ``ws`` or ``is``.
        sides: Rows and columns of the array.
        row_folds: float64 [l].
        col_folds: float64 [l].
        spans: Elements along rows and columns that the folds cover, float64 [2, l].
        fold_cycles: Cycles of one fold, float64 [l].
        totals: Accesses of each operand, as fractions of whole ones, float64 [3, l].
        distinct: Accesses that hold each operand once, likewise.
    """

    dataflow: str
    sides: tuple[float, float]
    row_folds: FloatArray
    col_folds: FloatArray
    spans: FloatArray
    fold_cycles: FloatArray
    totals: FloatArray
    distinct: FloatArray

    @property
    def folds(self) -> IntArray:
        """Folds of each layer, int64 [l]."""
        return (self.row_folds * self.col_folds).astype(np.int64)

    @property
    def requests(self) -> IntArray:
        """Whole accesses of one run of each layer, int64 [l]."""
        whole: IntArray = np.ceil(self.totals - ROUNDING).astype(np.int64).sum(axis=0)
        return whole

    def before(self, operand: int, layer: IntArray, fold: IntArray) -> IntArray:
        """Whole accesses of an operand before a fold begins, int64 [n]; ``fold`` may be one past the last."""
        col, row = np.divmod(fold, self.row_folds[layer].astype(np.int64))
        x, y = self._share(0, layer, row), self._share(1, layer, col)
        width = self._share(1, layer, col + 1) - y
        total = self.totals[operand, layer]
        way = WAYS[self.dataflow][operand]
        if way == "tiled":
            done = total * (y + x * width)
        elif way == "swept":
            first, again = self._visits(operand, layer, self.col_folds[layer])
            sweep = np.where(col == 0, first, again)
            done = np.where(col == 0, 0.0, first + (col - 1) * again) + x * sweep
        else:
            first, again = self._visits(operand, layer, self.row_folds[layer])
            done = total * y + width * np.where(row == 0, 0.0, first + (row - 1) * again)
        whole: IntArray = np.ceil(done - ROUNDING).astype(np.int64)
        return whole

    def place(self, operand: int, layer: IntArray, fold: IntArray) -> tuple[IntArray, IntArray]:
        """First access and number of distinct accesses that a fold moves of an operand, in it, int64 [n] each."""
        col, row = np.divmod(fold, self.row_folds[layer].astype(np.int64))
        x, y = self._share(0, layer, row), self._share(1, layer, col)
        height, width = self._share(0, layer, row + 1) - x, self._share(1, layer, col + 1) - y
        distinct = self.distinct[operand, layer]
        way = WAYS[self.dataflow][operand]
        if way == "tiled":
            start, extent = distinct * (y + x * width), distinct * height * width
        elif way == "swept":
            first, again = self._visits(operand, layer, self.col_folds[layer])
            start, extent = distinct * x, np.minimum(np.where(col == 0, first, again), distinct) * height
        else:
            first, again = self._visits(operand, layer, self.row_folds[layer])
            start, extent = distinct * y, np.minimum(np.where(row == 0, first, again), distinct) * width
        return np.floor(start + ROUNDING).astype(np.int64), np.maximum(np.rint(extent), 1.0).astype(np.int64)

    def _share(self, axis: int, layer: IntArray, index: IntArray) -> FloatArray:
        """Share of an axis that the first ``index`` folds along it cover."""
        span = self.spans[axis, layer]
        covered: FloatArray = np.minimum(index * self.sides[axis], span) / span
        return covered

    def _visits(self, operand: int, layer: IntArray, visits: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Accesses of the first and of every later visit."""
        total = self.totals[operand, layer]
        first = np.where(visits > 1, np.maximum(self.distinct[operand, layer], total / visits), total)
        return first, (total - first) / np.maximum(visits - 1, 1.0)


def array_traffic(layers: Layers, design: Mapping[str, Value], word_bytes: int, access_bytes: int) -> Traffic:
    """Traffic of one design.

    Args:
        layers: ``l`` layers.
        design: Has rows, cols, dataflow, ifmap_kib and filter_kib.
        word_bytes: Bytes of a word.
        access_bytes: Bytes of an access.
    """
    dataflow = str(design["dataflow"])
    rows, cols, ifmap_kib, filter_kib = (
        np.array([float(design[name])]) for name in ("rows", "cols", "ifmap_kib", "filter_kib")
    )
    ifmap_words, filter_words = (buffer_words(kib, word_bytes) for kib in (ifmap_kib, filter_kib))
    report = dram_report(dataflow, layers, rows, cols, ifmap_words, filter_words)
    m, k, n = (column.astype(np.float64) for column in (layers.m, layers.k, layers.n))
    high, wide, steps = stationary(dataflow, m, k, n)
    unit = word_bytes / access_bytes
    return Traffic(
        dataflow=dataflow,
        sides=(rows[0], cols[0]),
        row_folds=fold_counts(high, rows),
        col_folds=fold_counts(wide, cols),
        spans=np.stack([high, wide]),
        fold_cycles=steps + (rows if dataflow == "os" else 2.0 * rows) + cols - 2.0,
        totals=unit * np.stack([report.ifmap_reads, report.filter_reads, report.ofmap_writes]),
        distinct=unit * np.stack([layers.touched.astype(np.float64), k * n, m * n]),
    )
