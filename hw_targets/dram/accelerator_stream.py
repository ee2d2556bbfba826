"""The requests that a systolic array sends to memory while it runs a network.

Buffers are double: what a fold reads is requested, evenly paced, while the fold before it computes, and what it wrote
leaves while the next one computes. Layers run one after the other without a break. This is the demand of an array that
never waits; memory that is slower pushes requests back, see :mod:`.accelerator_memory`. Volumes are those of
:mod:`..systolic.dram`, rounded up to whole accesses for each operand of each layer.

A network makes millions of requests. Above a limit, the same share of every layer is kept: whole runs where a layer
runs often, and windows of neighbouring requests, evenly spread, of the rest. Time is cut by the same share, so the
requests per cycle of each layer stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...spaces.errors import TargetError
from ...spaces.knobs import Value
from ..systolic.closed_form import FloatArray
from ..systolic.lowering import Layers
from .accelerator_traffic import OPERANDS, Traffic, array_traffic
from .fold_sampling import Pieces, sampled_folds
from .trace import ACCESS_BYTES, IntArray, Trace

CLOCK_MHZ = 700.0
"""Clock of the array: TPU v1 (Jouppi et al., ISCA 2017, Table 2)."""


@dataclass(frozen=True, slots=True)
class AccessStream:
    """Requests of an array, perhaps a sample of them.

    Args:
        trace: The requests, in cycles of the array.
        cycles: Cycles that the trace spans if the array never waits: its first fill and its last write-back included.
        requests: Requests of the whole inference; the trace holds ``len(trace)`` of them.
        share: Share of every layer that was kept, 1 for all.
        compute_cycles: Cycles of the whole inference if the array never waits.
    """

    trace: Trace
    cycles: float
    requests: int
    share: float
    compute_cycles: float


def access_stream(
    layers: Layers,
    design: Mapping[str, Value],
    *,
    name: str = "accelerator",
    word_bytes: int = 1,
    clock_mhz: float = CLOCK_MHZ,
    max_requests: int = 20_000,
    access_bytes: int = ACCESS_BYTES,
) -> AccessStream:
    """Requests of one design on all layers.

    Args:
        layers: The layers; each runs ``count`` times in a row.
        design: Has rows, cols, dataflow, ifmap_kib and filter_kib.
        name: Of the trace; a sample adds its share.
        word_bytes: Bytes of a word.
        clock_mhz: Clock of the array.
        max_requests: Keep about as many at most.
        access_bytes: Bytes of a request.

    Raises:
        TargetError: When the limit is below 1, or too low to keep anything.
    """
    if max_requests < 1:
        raise TargetError(f"max_requests is {max_requests}", "allow at least one request")
    traffic = array_traffic(layers, design, word_bytes, access_bytes)
    total = int(traffic.requests @ layers.count)
    share = min(1.0, max_requests / total)
    pieces = sampled_folds(traffic, layers.count, share)
    # Slot 0 fills the buffers, slot i + 1 computes piece i, the last slot writes back.
    slots = np.concatenate([pieces.cycles[:1], pieces.cycles, pieces.cycles[-1:]])
    starts = np.cumsum(slots) - slots
    n = len(pieces.fold)
    bases = _bases(traffic, layers.count)
    columns = [
        _requests(traffic, operand, pieces, bases[operand], starts[slot : slot + n], slots[slot : slot + n])
        for operand, slot in enumerate((0, 0, 2))
    ]
    times, accesses = (np.concatenate(column) for column in zip(*columns, strict=True))
    if not len(times):
        problem = f"max_requests is {max_requests}: nothing is left of {len(layers)} layers with {total} requests"
        raise TargetError(problem, "allow 100 for each layer")
    writes = np.repeat([operand == "ofmap" for operand in OPERANDS], [len(column[0]) for column in columns])
    order = np.argsort(times, kind="stable")
    label = name if share == 1.0 else f"{name}-{100 * share:.2g}pct"
    trace = Trace(label, times[order], accesses[order] * access_bytes, writes[order], clock_mhz)
    compute = float((traffic.fold_cycles * traffic.folds) @ layers.count)
    return AccessStream(trace, float(slots.sum()), total, share, compute)


def _requests(
    traffic: Traffic, operand: int, pieces: Pieces, bases: IntArray, starts: FloatArray, slots: FloatArray
) -> tuple[IntArray, IntArray]:
    """Cycle and access of each request of one operand, int64 [r] each.

    Args:
        traffic: Traffic of the layers.
        operand: Index in :data:`~.accelerator_traffic.OPERANDS`.
        pieces: ``n`` folds or parts of folds.
        bases: First access of the operand in each layer and what one run of the layer adds, int64 [2, l].
        starts: When each piece's requests begin, cycles, float64 [n].
        slots: How long they take, likewise.
    """
    begins = traffic.before(operand, pieces.layer, pieces.fold)
    in_fold = traffic.before(operand, pieces.layer, pieces.fold + 1) - begins
    # Request i of a fold's k is made at (i + 1/2) / k of the fold.
    first, stop = (np.ceil(part * in_fold - 0.5).astype(np.int64) for part in (pieces.begin, pieces.end))
    stop = np.where(pieces.end == 1.0, in_fold, stop)
    kept = np.maximum(stop - first, 0)
    owner = np.repeat(np.arange(len(kept)), kept)
    index = np.arange(len(owner)) - np.repeat(np.cumsum(kept) - kept, kept) + first[owner]
    moment = (index + 0.5) / in_fold[owner]
    begin, end = pieces.begin[owner], pieces.end[owner]
    times = starts[owner] + slots[owner] * (moment - begin) / (end - begin)
    start, extent = traffic.place(operand, pieces.layer, pieces.fold)
    place = start[owner] + index * extent[owner] // in_fold[owner]
    first_access = bases[0, pieces.layer] + bases[1, pieces.layer] * pieces.run
    return np.floor(times).astype(np.int64), first_access[owner] + place


def _bases(traffic: Traffic, count: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Where the operands of each layer lie: first access and accesses per run, int64 [2, l] for each operand.

    Weights have their own places. Activations take turns between two regions: a layer reads where the one before it
    wrote.
    """
    sizes = np.ceil(traffic.distinct).astype(np.int64) + 1
    ends = np.cumsum(sizes[1] * count)
    region = int((sizes[[0, 2]] * count).max())
    turn = np.arange(len(count)) % 2
    ifmap, ofmap = ends[-1] + turn * region, ends[-1] + (1 - turn) * region
    firsts = (ifmap, ends - sizes[1] * count, ofmap)
    ifmap_base, filter_base, ofmap_base = (np.stack(pair) for pair in zip(firsts, sizes, strict=True))
    return ifmap_base, filter_base, ofmap_base
