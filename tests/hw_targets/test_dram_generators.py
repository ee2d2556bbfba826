"""Synthetic request streams, and traces by name."""

from __future__ import annotations

import numpy as np
import pytest

from cosearch.hw_targets.dram.generators import PATTERNS, Traffic, mix, paced, stream, strided, zipf
from cosearch.hw_targets.dram.stl_files import write_stl
from cosearch.hw_targets.dram.trace import Trace
from cosearch.hw_targets.dram.workloads import load_traces
from cosearch.spaces.errors import TargetError


def hits(trace: Trace, row_bytes: int = 8192, banks: int = 8) -> float:
    """Share of requests whose bank still has their row open, if all rows stay open: row, bank, column from the top."""
    rows = trace.addresses // row_bytes
    open_rows: dict[int, int] = {}
    found = 0
    for row in rows.tolist():
        found += open_rows.get(row % banks) == row
        open_rows[row % banks] = row
    return found / len(trace)


def one(**spec: object) -> Trace:
    (trace,) = load_traces(spec)
    return trace


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_every_pattern_keeps_its_pace_direction_and_place(name):
    trace = one(name=name, requests=20_000, write_share=0.3, gap_cycles=6.0, footprint_mib=8, seed=3)
    assert len(trace) == 20_000
    assert trace.writes.mean() == pytest.approx(0.3, abs=0.02)
    assert trace.cycles[-1] / len(trace) == pytest.approx(6.0, rel=0.03)
    assert np.diff(trace.cycles).std() == pytest.approx(6.0, rel=0.05), "exponential gaps spread as far as their mean"
    assert trace.addresses.max() < 8 * 2**20
    assert (trace.addresses % 64 == 0).all()


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_seeds_and_only_seeds_change_a_trace(name):
    options = {"name": name, "requests": 500, "write_share": 0.5}
    assert one(**options, seed=1).digest() == one(**options, seed=1).digest()
    assert one(**options, seed=1).digest() != one(**options, seed=2).digest()


def test_directions_and_times_leave_the_places_alone():
    base = one(name="zipf", requests=500)
    other = one(name="zipf", requests=500, write_share=0.5, gap_cycles=9.0)
    np.testing.assert_array_equal(base.addresses, other.addresses)


def test_fixed_gaps():
    assert one(name="stream", requests=5, gaps="fixed", gap_cycles=2.5).cycles.tolist() == [0, 2, 5, 7, 10]
    assert one(name="stream", requests=3, gap_cycles=0).cycles.tolist() == [0, 0, 0]


def test_row_hits_of_the_patterns():
    assert hits(one(name="stream")) > 0.99
    assert hits(one(name="strided")) < 0.01
    assert hits(one(name="random", footprint_mib=512)) < 0.01
    runs = {run: hits(one(name="zipf", exponent=0.0, run=run, footprint_mib=1024)) for run in (1.0, 4.0, 16.0)}
    assert runs[1.0] < 0.01
    assert runs[4.0] == pytest.approx(0.75, abs=0.02), "all of a run but its first hit"
    assert runs[16.0] == pytest.approx(1 - 1 / 16, abs=0.02)


def test_popularity_follows_zipfs_law():
    accesses = zipf(Traffic(requests=200_000, footprint_mib=4, seed=1), exponent=1.0, run=1.0)
    counts = np.sort(np.bincount(accesses // 128, minlength=512))[::-1]
    harmonic = (1.0 / np.arange(1, 513)).sum()
    for rank in (1, 2, 4, 8):
        assert counts[rank - 1] / 200_000 == pytest.approx(1 / (rank * harmonic), rel=0.06)


def test_runs_stay_in_their_row():
    accesses = zipf(Traffic(requests=5_000, footprint_mib=64), run=32.0, row_bytes=1024)
    steps = np.diff(accesses)
    inside = accesses[1:] // 16 == accesses[:-1] // 16
    assert inside.mean() > 0.9
    assert set(steps[inside].tolist()) <= set(range(-15, 16))


def test_streams_wrap_and_strides_shift():
    small = Traffic(requests=10, footprint_mib=4 * 64 / 2**20)
    assert stream(small).tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    assert strided(small, stride_bytes=128).tolist() == [0, 2, 1, 3, 0, 2, 1, 3, 0, 2]


def test_a_mix_has_all_requests_in_time_at_one_clock():
    slow = Trace("a", np.array([0, 10]), np.array([0, 64]), np.array([False, False]), 400.0)
    fast = Trace("b", np.array([0, 12, 30]), np.array([1024, 1088, 1152]), np.array([True, True, True]), 800.0)
    both = mix([fast, slow])
    assert both.clock_mhz == 800.0
    assert both.cycles.tolist() == [0, 0, 12, 20, 30]
    assert both.addresses.tolist() == [1024, 0, 1088, 64, 1152]
    assert both.writes.tolist() == [True, False, True, False, True]


def test_traces_by_name(tmp_path):
    own = write_stl(paced("x", np.arange(4), Traffic(requests=4)), tmp_path / "own.stl.gz")
    given = load_traces(
        [str(own), "stream", {"name": "zipf", "label": "hot"}, "stream", {"name": "own.stl.gz"}], tmp_path
    )
    assert [trace.name for trace in given] == ["own", "stream", "hot", "stream-2", "own-2"]
    assert given[0].digest() == given[4].digest()
    assert load_traces("stream")[0].digest() == given[1].digest()
    same = load_traces([{"name": "random", "label": label} for label in ("a", "a", "a-2", "a")])
    assert [trace.name for trace in same] == ["a", "a-3", "a-2", "a-4"]
    blended = one(name="mix", label="both", traces=["stream", {"name": "random", "requests": 50}])
    assert (blended.name, len(blended)) == ("both", 10_050)


def test_requests_have_the_size_that_the_device_has(tmp_path):
    (tmp_path / "long.stl").write_text("0: (128) read 0x40\n", encoding="utf-8")
    mixed = {"name": "mix", "traces": ["stream"]}
    layer = {"name": "layer", "workload": "mobilenet_v2", "layer": "conv1", "resolution": 32}
    small = load_traces(["stream", "zipf", "long.stl", mixed, layer], tmp_path, access_bytes=32)
    large = load_traces(["stream", "zipf", "long.stl", mixed, layer], tmp_path)
    assert small[0].addresses[:3].tolist() == [0, 32, 64]
    assert np.any(small[1].addresses % 64)
    assert (len(small[2]), len(large[2])) == (4, 2)
    assert small[3].addresses[:3].tolist() == [0, 32, 64]
    assert len(small[4]) == pytest.approx(2 * len(large[4]), rel=0.01)
    assert load_traces({"name": "stream", "access_bytes": 64}, access_bytes=32)[0].addresses[1] == 64


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"name": "t.stl", "access_bytes": 48}, "access_bytes is 48; give a power of two"),
        ({"name": "t.stl", "access_bytes": "64"}, "access_bytes is '64'"),
        ({"name": "t.stl", "access_bytes": 0}, "access_bytes is 0"),
        ({"name": "t.stl", "clock_mhz": "fast"}, "clock_mhz is 'fast'; give a number"),
        ({"name": "stream", "access_bytes": 2.5}, "access_bytes is 2.5"),
        ({"name": "layer", "access_bytes": -64}, "access_bytes is -64"),
        ("zipff", "there is no trace 'zipff'; did you mean 'zipf'"),
        ({"name": "zipf", "request": 3}, "no option 'request'; did you mean 'requests'"),
        ({"name": "stream", "run": 3}, "no option 'run'"),
        ({"nme": "zipf"}, "has no name"),
        (3, "has no name"),
        ([], "list of traces is empty"),
        ({"name": "mix"}, "list of traces is empty"),
        ({"name": "zipf", "requests": 0}, "'zipf': requests is 0"),
        ({"name": "zipf", "requests": "many"}, "requests is 'many'"),
        ({"name": "zipf", "requests": 2.5}, "requests is 2.5"),
        ({"name": "zipf", "write_share": 1.5}, "write_share is 1.5"),
        ({"name": "zipf", "gap_cycles": -1}, "gap_cycles is -1"),
        ({"name": "zipf", "gap_cycles": None}, "cannot take"),
        ({"name": "zipf", "gaps": "poisson"}, "use exponential or fixed"),
        ({"name": "zipf", "exponent": -1}, "exponent is -1"),
        ({"name": "zipf", "row_bytes": 100}, "row_bytes is 100"),
        ({"name": "strided", "stride_bytes": 3}, "stride_bytes is 3"),
        ({"name": "stream", "footprint_mib": 0}, "footprint_mib is 0"),
        ({"name": "stream", "clock_mhz": 0}, "clock_mhz is 0"),
        ("missing.stl", "missing.stl cannot be read"),
        ({"name": "t.stl", "clock": 3}, "no option 'clock'; did you mean 'clock_mhz'"),
        ({"name": "layer", "workload": "mobilenet_v9"}, "did you mean 'mobilenet_v"),
        ({"name": "layer", "array": {"row": 4}}, "an array has no 'row'"),
        ({"name": "layer", "layer": "conv99"}, "has no layer 'conv99'"),
        ({"name": "layer", "resoltion": 32}, "resoltion"),
    ],
)
def test_wrong_specifications_teach(spec, message):
    with pytest.raises(TargetError) as caught:
        load_traces(spec)
    assert message in str(caught.value)
    assert caught.value.remedy
