"""DRAM traffic against a fill-and-flush buffer simulated word by word, and bounds of the estimate."""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosearch.hw_targets.systolic.dram import buffer_words, dram_report, overlapping_reads, swept_reads
from cosearch.hw_targets.systolic.lowering import Layer, Layers

sizes = st.integers(1, 9)


def flushed_reads(stream: Iterable[tuple[int, int]], capacity: int) -> int:
    """Misses of a buffer that empties itself once it is full."""
    held: set[tuple[int, int]] = set()
    reads = 0
    for word in stream:
        if word not in held:
            reads += 1
            held.add(word)
            if len(held) >= capacity:
                held.clear()
    return reads


def filter_stream(dataflow: str, m: int, k: int, n: int, rows: int, cols: int) -> Iterator[tuple[int, int]]:
    """Weights (element, filter) in the order in which folds ask for them."""
    if dataflow == "os":
        for left in range(0, n, cols):
            for _ in range(0, m, rows):
                yield from ((e, f) for e in range(k) for f in range(left, min(left + cols, n)))
    elif dataflow == "ws":
        yield from ((e, f) for f in range(n) for e in range(k))
    else:
        for _ in range(0, m, cols):
            yield from ((e, f) for e in range(k) for f in range(n))


@settings(deadline=None, max_examples=400)
@given(
    st.sampled_from(["os", "ws", "is"]), st.integers(1, 20), sizes, st.integers(1, 20), sizes, sizes, st.integers(1, 60)
)
def test_filter_reads_equal_a_simulated_buffer(dataflow, m, k, n, rows, cols, capacity):
    layers = Layers.of([Layer("g", (m, k), (1, k), 1, n)])
    r, c, p = (np.array([float(x)]) for x in (rows, cols, capacity))
    found = dram_report(dataflow, layers, r, c, p, p).filter_reads[0]
    assert found == flushed_reads(filter_stream(dataflow, m, k, n, rows, cols), capacity)


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 12), sizes, st.integers(1, 12), sizes, sizes, st.integers(1, 60))
def test_input_reads_of_products_equal_a_simulated_buffer(m, k, n, rows, cols, capacity):
    layers = Layers.of([Layer("g", (m, k), (1, k), 1, n)])
    r, c, p = (np.array([float(x)]) for x in (rows, cols, capacity))
    stream = [(pixel, e) for _ in range(0, n, cols) for pixel in range(m) for e in range(k)]
    for dataflow in ("os", "ws"):
        report = dram_report(dataflow, layers, r, c, p, p)
        assert report.ifmap_exact.all()
        assert report.ifmap_reads[0] == flushed_reads(stream, capacity)
    assert dram_report("is", layers, r, c, p, p).ifmap_reads[0] == m * k


@settings(deadline=None, max_examples=200)
@given(
    st.tuples(st.integers(5, 30), st.integers(5, 30)), st.tuples(st.integers(1, 5), st.integers(1, 5)), sizes,
    st.integers(1, 6), st.integers(1, 64), st.floats(1, 5000),
)  # fmt: skip
def test_estimate_lies_between_distinct_and_all_words(ifmap, window, channels, stride, tile, capacity):
    layers = Layers.of([Layer("c", ifmap, window, channels, 4, (stride, stride))])
    for part in (np.array([float(tile)]), np.inf):
        found = overlapping_reads(layers, np.array([0]), part, np.array([capacity]))[0]
        assert layers.touched[0] - 1e-6 <= found <= max(layers.m[0] * layers.k[0], layers.touched[0]) * (1 + 1e-9)


def test_larger_buffers_never_read_more():
    layers = Layers.of([Layer("c", (58, 58), (3, 3), 16, 32), Layer("g", (64, 256), (1, 256), 1, 512)])
    words = buffer_words(np.arange(1.0, 1025.0))[:, None]
    one = np.full_like(words, 16.0)
    for dataflow in ("os", "ws", "is"):
        report = dram_report(dataflow, layers, one, one, words, words)
        assert (np.diff(report.ifmap_reads, axis=0) <= 1e-6).all()


def test_capacity_follows_lines_and_word_size():
    assert buffer_words(np.array([1.0, 16.0])).tolist() == [500.0, 8150.0]
    assert buffer_words(np.array([16.0]), word_bytes=2).tolist() == [4050.0]


def test_an_operand_that_just_fills_the_buffer_does_not_stay():
    reads = swept_reads(np.array([99.0, 100.0]), np.array([3.0, 3.0]), np.array([100.0, 100.0]))
    assert reads.tolist() == [99.0, 300.0]


@pytest.mark.parametrize(
    ("layer", "touched", "overlapping"),
    [
        (Layer("overlap", (7, 7), (3, 3), 2, 1), 98, True),
        (Layer("gaps", (9, 9), (2, 2), 1, 1, (3, 3)), 36, False),
        (Layer("out_of_range", (8, 8), (2, 2), 1, 1, (3, 3)), 36, False),
        (Layer("cut", (7, 7), (2, 2), 1, 1, (3, 3)), 25, False),
        (Layer("dilated", (5, 5), (2, 2), 1, 1, (1, 1), (2, 2)), 25, True),
    ],
)
def test_touched_words(layer, touched, overlapping):
    layers = Layers.of([layer])
    assert layers.touched[0] == touched
    assert layers.overlapping[0] == overlapping
