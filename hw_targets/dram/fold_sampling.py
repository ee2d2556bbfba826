"""Which folds of a long run stand for all of it: the same share of every layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..systolic.closed_form import FloatArray
from .accelerator_traffic import OPERANDS, Traffic
from .trace import IntArray

WINDOW_REQUESTS = 256
"""A sampled window has about as many requests, enough to keep runs of neighbouring addresses together."""

MOST_WINDOWS = 8
"""Windows of one layer, at most."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Folds, or parts of folds, in the order in which they run.

    Args:
        layer: int64 [n].
        run: Which run of its layer, int64 [n].
        fold: int64 [n].
        begin: Where the part begins, as a share of the fold, float64 [n].
        end: Where it ends, likewise.
        cycles: Cycles that it takes, float64 [n].
    """

    layer: IntArray
    run: IntArray
    fold: IntArray
    begin: FloatArray
    end: FloatArray
    cycles: FloatArray


def sampled_folds(traffic: Traffic, count: IntArray, share: float) -> Pieces:
    """Whole runs of layers that run often, and windows of the requests of one further run of each.

    Times are stretched a little, so that every layer takes exactly ``share`` of its own.

    Args:
        traffic: Traffic of the layers.
        count: How often each layer runs, int64 [l].
        share: What to keep, above 0 up to 1.
    """
    parts = []
    for layer in range(len(count)):
        runs = share * int(count[layer])
        whole = int(runs + 1e-9)
        part = [_whole_runs(traffic, layer, whole), *_windows(traffic, layer, whole, max(runs - whole, 0.0))]
        joined = tuple(np.concatenate(column) for column in zip(*part, strict=True))
        run, fold, begin, end = joined
        lasting = end - begin
        cycles = lasting * (runs * traffic.fold_cycles[layer] * traffic.folds[layer] / lasting.sum())
        parts.append((np.full(len(fold), layer), run, fold, begin, end, cycles))
    return Pieces(*(np.concatenate(column) for column in zip(*parts, strict=True)))


Part = tuple[IntArray, IntArray, FloatArray, FloatArray]
"""Run, fold, begin and end."""


def _whole_runs(traffic: Traffic, layer: int, runs: int) -> Part:
    folds = int(traffic.folds[layer])
    fold = np.tile(np.arange(folds), runs)
    return np.repeat(np.arange(runs), folds), fold, np.zeros(len(fold)), np.ones(len(fold))


def _windows(traffic: Traffic, layer: int, run: int, share: float) -> list[Part]:
    """Windows of one run, at even distances in its sequence of requests."""
    if share < 1e-9:
        return []
    requests = int(traffic.requests[layer])
    windows = min(max(int(share * requests / WINDOW_REQUESTS), 1), MOST_WINDOWS)
    centres = (np.arange(windows).astype(np.float64) + 0.5) * (requests / windows)
    half = 0.5 * share * requests / windows
    first, begin = _position(traffic, layer, centres - half)
    last, end = _position(traffic, layer, centres + half)
    parts = []
    for window in range(windows):
        fold = np.arange(first[window], last[window] + 1)
        begins, ends = np.zeros(len(fold)), np.ones(len(fold))
        begins[0], ends[-1] = begin[window], end[window]
        parts.append((np.full(len(fold), run), fold, begins, ends))
    return parts


def _position(traffic: Traffic, layer: int, request: FloatArray) -> tuple[IntArray, FloatArray]:
    """Fold, and share of it, at which as many requests of a layer are done; by bisection over folds."""
    low = np.zeros(len(request), dtype=np.int64)
    high = np.full(len(request), int(traffic.folds[layer]), dtype=np.int64)
    while (high - low > 1).any():
        middle = (low + high) // 2
        before = _done(traffic, layer, middle) <= request
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    done = _done(traffic, layer, low)
    part = (request - done) / np.maximum(_done(traffic, layer, low + 1) - done, 1)
    return low, np.clip(part, 0.0, 1.0)


def _done(traffic: Traffic, layer: int, fold: IntArray) -> IntArray:
    layers = np.full(len(fold), layer)
    done: IntArray = np.sum([traffic.before(operand, layers, fold) for operand in range(len(OPERANDS))], axis=0)
    return done
