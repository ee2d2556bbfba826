"""DRAM traffic of a systolic array, in closed form over designs and layers at once.

SCALE-Sim 3.0.0 (Samajdar et al., ISPASS 2020) buffers each operand in half of its SRAM and empties that half whenever
it is full: a *fill-and-flush* cache of P words. What follows from that without bandwidth limits ("CALC" mode):

* filter reads: exact for every dataflow;
* ifmap reads: exact where the input fits in P or no input word is in two windows; otherwise the working-set estimate
  of :func:`overlapping_reads`, which :attr:`DramReport.ifmap_exact` tells apart;
* ofmap writes: every word once per row fold; the simulator counts partly filled lines as full, so it reports slightly
  more. Partial sums that ws and is would read back are not counted, as in the simulator.

Counts are float64 and whole, except for estimates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .closed_form import FloatArray, fold_counts
from .lowering import Layers

LINE_WORDS = 50
"""A buffer half is managed in lines: P = 50 floor(words / 100), SCALE-Sim 3.0.0."""


@dataclass(frozen=True, slots=True)
class DramReport:
    """Traffic in words, float64 arrays of one shape, [n, l] for designs by layers.

    Args:
        ifmap_reads: Input words read.
        filter_reads: Weight words read.
        ofmap_writes: Output words written.
        ifmap_exact: bool, where ``ifmap_reads`` follows from a closed form; an estimate elsewhere.
    """

    ifmap_reads: FloatArray
    filter_reads: FloatArray
    ofmap_writes: FloatArray
    ifmap_exact: NDArray[np.bool_]


def buffer_words(kib: FloatArray, word_bytes: int = 1) -> FloatArray:
    """Words P that the active half of a buffer of ``kib`` KiB holds, float64 of the same shape."""
    return LINE_WORDS * np.floor(np.floor(1024.0 * kib / word_bytes) / (2 * LINE_WORDS))


def dram_report(
    dataflow: str,
    layers: Layers,
    rows: FloatArray,
    cols: FloatArray,
    ifmap_words: FloatArray,
    filter_words: FloatArray,
) -> DramReport:
    """Traffic of one dataflow.

    Args:
        dataflow: ``os``, ``ws`` or ``is``.
        layers: ``l`` layers.
        rows: Rows of the array, [n, 1] for designs by layers, or [l] for one array per layer.
        cols: Columns of the array, likewise.
        ifmap_words: :func:`buffer_words` of the input buffer, likewise.
        filter_words: :func:`buffer_words` of the weight buffer, likewise.
    """
    m, k, n = (column.astype(np.float64) for column in (layers.m, layers.k, layers.n))
    weights = k * n
    shape = np.broadcast_shapes(m.shape, rows.shape)
    if dataflow == "os":
        filter_reads = _tiled_reads(k, n, fold_counts(m, rows), cols, filter_words)
        ofmap = np.broadcast_to(m * n, shape)
    elif dataflow == "ws":
        filter_reads = np.broadcast_to(weights, shape)
        ofmap = m * n * fold_counts(k, rows)
    else:
        filter_reads = swept_reads(weights, fold_counts(m, cols), filter_words)
        ofmap = m * n * fold_counts(k, rows)
    sweeps = np.ones(shape) if dataflow == "is" else np.broadcast_to(fold_counts(n, cols), shape)
    touched = layers.touched.astype(np.float64)
    ifmap = swept_reads(touched, sweeps, ifmap_words)
    exact = (touched < ifmap_words) | ~layers.overlapping
    hard = np.flatnonzero(layers.overlapping)
    if hard.size:
        tile = _pick(rows, hard) if dataflow == "ws" else np.inf
        estimate = overlapping_reads(layers, hard, tile, _pick(ifmap_words, hard)) * sweeps[..., hard]
        ifmap[..., hard] = np.where(exact[..., hard], ifmap[..., hard], estimate)
    return DramReport(ifmap, filter_reads, ofmap, np.broadcast_to(exact, shape))


def swept_reads(words: FloatArray, sweeps: FloatArray, capacity: FloatArray) -> FloatArray:
    """Reads of an operand of distinct ``words`` swept ``sweeps`` times: once if it fits, else every time."""
    return np.where(words < capacity, words, words * sweeps)


def _tiled_reads(
    k: FloatArray, n: FloatArray, sweeps: FloatArray, cols: FloatArray, capacity: FloatArray
) -> FloatArray:
    """Filter reads of os: tiles of K x C words, each swept ``sweeps`` times before the next; the last may be narrower.

    A tile of at least P words never stays. Smaller tiles share the buffer until one does not fit: it first
    fills what is left of the buffer, then is read wholly again. Full tiles are alike, so after the first the overflow
    recurs every ceil(P / W) - 1 tiles.
    """
    tile = k * cols
    full = np.floor(n / cols)
    last = k * n - tile * full
    large = tile >= capacity
    period = np.maximum(np.ceil(capacity / tile) - 1.0, 1.0)
    overflows = np.maximum(np.floor((full - 1.0) / period), 0.0)
    swept = tile * full * sweeps
    filled = np.where(large, swept, tile * full + overflows * (capacity - tile * period))
    level = np.where(large, swept - capacity * np.floor(swept / capacity), tile * (full - overflows * period))
    fits = last + level < capacity
    rest = np.where(last >= capacity, last * sweeps, np.where(fits, last, last + capacity - level))
    return np.where(sweeps > 1.0, filled + np.where(last > 0.0, rest, 0.0), k * n)


def overlapping_reads(
    layers: Layers, index: NDArray[np.int64], tile: FloatArray | float, capacity: FloatArray
) -> FloatArray:
    """Estimated reads of one sweep over overlapping windows, when the input does not fit: no closed form exists.

    A pass reads all windows in raster order, ``tile`` of their K elements at a time (channels innermost). Per pass, the
    cheapest of three regimes counts: no reuse; reuse between neighbours in a row; reuse between rows as well. A regime
    whose live words w fit in P loses w words at each flush, so its traffic T grows to T / (1 - w / P). The result lies
    between the distinct words and all words of all windows.

    Args:
        layers: The layers.
        index: int64 [h], those with overlapping windows.
        tile: Window elements of a pass: R for ws, infinite for os and is.
        capacity: P, broadcasting against [h].

    Returns:
        Words, float64, broadcast against [h].
    """
    columns = (column.astype(np.float64) for column in layers.geometry[:, index])
    steps_h, steps_w, window_h, window_w, stride_h, stride_w, channels = columns
    depth = window_h * window_w * channels
    part = np.minimum(tile, depth)
    c = np.minimum(part, channels)
    w = np.clip(part / channels, 1.0, window_w)
    h = np.clip(part / (channels * window_w), 1.0, window_h)
    span_h = np.minimum(steps_h * h, (steps_h - 1.0) * stride_h + h)
    span_w = np.minimum(steps_w * w, (steps_w - 1.0) * stride_w + w)
    none = steps_h * steps_w * part
    along_row = _flushed(steps_h * h * span_w * c, np.maximum(w - stride_w, 0.0) * h * c, capacity)
    across_rows = _flushed(span_h * span_w * c, np.maximum(h - stride_h, 0.0) * span_w * c, capacity)
    passes = depth / part
    reads = passes * np.minimum(np.minimum(along_row, across_rows), none)
    distinct = layers.touched[index].astype(np.float64)
    bounded: FloatArray = np.maximum(reads, distinct)
    return bounded


def _flushed(traffic: FloatArray, live: FloatArray, capacity: FloatArray) -> FloatArray:
    share = live / capacity
    grown: FloatArray = np.where(share < 1.0, traffic / np.maximum(1.0 - share, 1e-9), np.inf)
    return grown


def _pick(array: FloatArray, index: NDArray[np.int64]) -> FloatArray:
    """Columns ``index`` of an array whose last axis is layers, or the array itself where that axis is 1."""
    return array if array.shape[-1] == 1 else array[..., index]
