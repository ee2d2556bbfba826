"""The requests of a systolic array against its closed-form traffic, its folds, and its own samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosearch.hw_targets.dram.accelerator_stream import access_stream
from cosearch.hw_targets.dram.accelerator_traffic import OPERANDS, WAYS, array_traffic
from cosearch.hw_targets.dram.layer_trace import layer_trace
from cosearch.hw_targets.dram.trace import Trace
from cosearch.hw_targets.systolic.dram import buffer_words, dram_report
from cosearch.hw_targets.systolic.lowering import Layer, Layers, lower
from cosearch.spaces.errors import CosearchError, TargetError
from cosearch.spaces.networks.catalog import network

DATAFLOWS = st.sampled_from(["os", "ws", "is"])
DESIGN = {"rows": 16, "cols": 12, "dataflow": "ws", "ifmap_kib": 4, "filter_kib": 4}


def layers_of(draw: st.DrawFn) -> Layers:
    size = st.integers(1, 70)
    entries = []
    for index in range(draw(st.integers(1, 3))):
        if draw(st.booleans()):
            m, k = draw(size), draw(size)
            entries.append(Layer(f"g{index}", (m, k), (1, k), 1, draw(size), count=draw(st.integers(1, 3))))
        else:
            window = draw(st.sampled_from([1, 3]))
            side = window + draw(st.integers(0, 12))
            entries.append(
                Layer(f"c{index}", (side, side), (window, window), draw(st.integers(1, 9)), draw(st.integers(1, 20)))
            )
    return Layers.of(entries)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Layers, dict[str, object]]:
    sides, buffers = st.integers(1, 20), st.sampled_from([0.25, 0.5, 1.0, 8.0])
    design = {"rows": draw(sides), "cols": draw(sides), "dataflow": draw(DATAFLOWS)}
    return layers_of(draw), design | {"ifmap_kib": draw(buffers), "filter_kib": draw(buffers)}


def words(layers: Layers, design: dict[str, object]) -> np.ndarray:
    """Words of ifmap, filter and ofmap of one run of each layer, [3, l]."""
    rows, cols = (np.array([float(design[name])]) for name in ("rows", "cols"))
    buffers = (buffer_words(np.array([float(design[name])])) for name in ("ifmap_kib", "filter_kib"))
    report = dram_report(design["dataflow"], layers, rows, cols, *buffers)
    return np.stack([report.ifmap_reads, report.filter_reads, report.ofmap_writes])


@settings(max_examples=150, deadline=None)
@given(case=cases(), word_bytes=st.sampled_from([1, 2]), access_bytes=st.sampled_from([4, 64]))
def test_volumes_are_those_of_the_closed_form(case, word_bytes, access_bytes):
    layers, design = case
    total = words(
        layers,
        design | {"ifmap_kib": design["ifmap_kib"] / word_bytes, "filter_kib": design["filter_kib"] / word_bytes},
    )
    expected = np.ceil(total * word_bytes / access_bytes - 1e-6) @ layers.count
    stream = access_stream(layers, design, word_bytes=word_bytes, access_bytes=access_bytes, max_requests=10**9)
    assert stream.share == 1.0
    assert stream.requests == len(stream.trace) == expected.sum()
    assert stream.trace.writes.sum() == expected[2]


@settings(max_examples=100, deadline=None)
@given(case=cases(), access_bytes=st.sampled_from([1, 8]))
def test_folds_add_up_and_stay_in_their_operand(case, access_bytes):
    layers, design = case
    traffic = array_traffic(layers, design, 1, access_bytes)
    for layer in range(len(layers)):
        fold = np.arange(traffic.folds[layer] + 1)
        rows = np.full(len(fold), layer)
        for operand in range(len(OPERANDS)):
            before = traffic.before(operand, rows, fold)
            assert before[0] == 0
            assert (np.diff(before) >= 0).all()
            assert before[-1] == np.ceil(traffic.totals[operand, layer] - 1e-6)
            start, extent = traffic.place(operand, rows[:-1], fold[:-1])
            moved = np.diff(before) > 0
            distinct = traffic.distinct[operand, layer]
            assert (start[moved] + np.minimum(extent, np.diff(before))[moved] <= np.ceil(distinct) + 1).all()


def test_a_small_product_fold_by_fold():
    """M=40, K=4, N=4 on 2x2, weights stationary, inputs too large for their buffer."""
    layers = Layers.of([Layer("g", (40, 4), (1, 4), 1, 4)])
    design = {"rows": 2, "cols": 2, "dataflow": "ws", "ifmap_kib": 0.1, "filter_kib": 8.0}
    traffic = array_traffic(layers, design, 1, 1)
    assert traffic.folds.tolist() == [4]
    fold, layer = np.arange(4), np.zeros(4, dtype=np.int64)
    moved = {
        name: traffic.before(i, layer, fold + 1) - traffic.before(i, layer, fold) for i, name in enumerate(OPERANDS)
    }
    assert moved["ifmap"].tolist() == [80, 80, 80, 80], "half of the inputs each fold"
    assert moved["filter"].tolist() == [4, 4, 4, 4]
    assert moved["ofmap"].tolist() == [80, 80, 80, 80], "two columns of outputs, for both halves of the sums"
    starts = {name: traffic.place(i, layer, fold)[0].tolist() for i, name in enumerate(OPERANDS)}
    assert starts == {"ifmap": [0, 80, 0, 80], "filter": [0, 4, 8, 12], "ofmap": [0, 0, 80, 80]}


def test_what_fits_is_read_in_the_first_sweep_only():
    layers = Layers.of([Layer("g", (40, 4), (1, 4), 1, 4)])
    design = {"rows": 2, "cols": 2, "dataflow": "ws", "ifmap_kib": 8.0, "filter_kib": 8.0}
    traffic = array_traffic(layers, design, 1, 1)
    fold, layer = np.arange(5), np.zeros(5, dtype=np.int64)
    assert np.diff(traffic.before(0, layer, fold)).tolist() == [80, 80, 0, 0]


@pytest.mark.parametrize("dataflow", sorted(WAYS))
def test_reads_come_a_fold_early_and_writes_a_fold_late(dataflow):
    layers = Layers.of([Layer("g", (64, 64), (1, 64), 1, 64)])
    design = DESIGN | {"rows": 32, "cols": 32, "dataflow": dataflow, "ifmap_kib": 64, "filter_kib": 64}
    stream = access_stream(layers, design)
    period = 64 + 32 + 32 - 2 + (0 if dataflow == "os" else 32)
    trace = stream.trace
    assert stream.compute_cycles == 4 * period
    assert stream.cycles == 6 * period, "filled before, written back after"
    assert trace.cycles[~trace.writes].max() < 4 * period
    assert trace.cycles[trace.writes].min() >= 2 * period
    assert trace.cycles.max() < 6 * period
    assert trace.writes.sum() == 64 * (1 if dataflow == "os" else 2)


def test_a_layer_reads_where_the_one_before_it_wrote_and_weights_lie_apart():
    product = {"window": (1, 64), "channels": 1, "filters": 64}
    layers = Layers.of([Layer("a", (64, 64), **product), Layer("b", (64, 64), **product)])
    design = DESIGN | {"rows": 64, "cols": 64, "ifmap_kib": 64, "filter_kib": 64}
    trace = access_stream(layers, design).trace
    period = 64 + 3 * 64 - 2
    first = trace.cycles < period
    places = [set(trace.addresses[part].tolist()) for part in (first & ~trace.writes, ~first & ~trace.writes)]
    written = [
        set(trace.addresses[trace.writes & late].tolist())
        for late in (trace.cycles < 3 * period, trace.cycles >= 3 * period)
    ]
    assert len(places[0] & places[1]) == 0
    assert written[0] <= places[1], "b reads what a wrote"
    assert not written[0] & places[0]
    weights = 2 * 64 * 65
    assert sum(address < weights for address in places[0] | places[1]) == 128, "64 lines of weights each"
    assert min(written[0] | written[1]) >= weights


def hits(trace: Trace) -> float:
    rows = trace.addresses // 8192
    last = np.full(8, -1)
    found = 0
    for row in rows.tolist():
        found += last[row % 8] == row
        last[row % 8] = row
    return found / len(trace)


@pytest.mark.parametrize("dataflow", sorted(WAYS))
def test_a_sample_is_like_the_whole(dataflow):
    layers = lower(network("mobilenet_v2", resolution=96))
    design = DESIGN | {"rows": 32, "cols": 32, "dataflow": dataflow, "ifmap_kib": 16, "filter_kib": 16}
    whole = access_stream(layers, design, max_requests=10**7)
    part = access_stream(layers, design, max_requests=10_000)
    assert whole.share == 1.0
    assert part.requests == whole.requests == len(whole.trace)
    assert part.compute_cycles == whole.compute_cycles
    assert len(part.trace) == pytest.approx(10_000, rel=0.01)
    assert part.share == pytest.approx(10_000 / whole.requests)
    assert part.trace.cycles[-1] == pytest.approx(part.share * whole.trace.cycles[-1], rel=0.05)
    assert part.trace.writes.mean() == pytest.approx(whole.trace.writes.mean(), abs=0.05)
    assert hits(part.trace) == pytest.approx(hits(whole.trace), abs=0.1)
    assert part.trace.name.endswith("pct")


@settings(max_examples=60, deadline=None)
@given(case=cases(), limit=st.integers(40, 300))
def test_samples_of_anything(case, limit):
    layers, design = case
    stream = access_stream(layers, design, access_bytes=4, max_requests=limit)
    assert stream.share == min(1.0, limit / stream.requests)
    assert len(stream.trace) <= limit + 16 * len(layers)
    assert stream.trace.cycles[-1] < stream.cycles
    assert stream.cycles >= stream.share * stream.compute_cycles


def test_a_layer_of_a_network():
    whole = layer_trace("mobilenet_v2", resolution=32, max_requests=10**7)
    layer = layer_trace("mobilenet_v2", "conv1", resolution=32, max_requests=10**7)
    assert layer.name == "conv1"
    assert len(layer) < len(whole)
    assert layer.clock_mhz == 700.0
    fewer = layer_trace("mobilenet_v2", "conv1", resolution=32, array={"rows": 64}, max_requests=10**7)
    assert fewer.digest() != layer.digest()


def test_wrong_options():
    small = Layers.of([Layer("g", (64, 64), (1, 64), 1, 64, count=50) for _ in range(40)])
    with pytest.raises(TargetError, match="max_requests is 1: nothing is left of 40 layers"):
        access_stream(small, DESIGN, max_requests=1)
    with pytest.raises(TargetError, match=r"no layer 'conv'.*conv1"):
        layer_trace("mobilenet_v2", "conv")
    with pytest.raises(TargetError, match="an array has no 'side'; known: rows"):
        layer_trace(array={"side": 4})
    with pytest.raises(TargetError, match="max_requests is 0"):
        layer_trace(max_requests=0)
    with pytest.raises(CosearchError, match="resnet18"):
        layer_trace("resnet1")
