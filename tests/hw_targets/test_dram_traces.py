"""Request traces and DRAMSys' trace files."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosearch.hw_targets.dram.stl_files import read_stl, write_stl
from cosearch.hw_targets.dram.trace import Trace
from cosearch.spaces.errors import TargetError

REQUESTS = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(0, 2**40).map(lambda a: a * 64), st.booleans()),
    min_size=1,
    max_size=50,
)


def file(folder: Path, text: str, name: str = "t.stl") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@settings(max_examples=60, deadline=None)
@given(requests=REQUESTS, clock=st.floats(0.1, 1e5), suffix=st.sampled_from([".stl", ".stl.gz"]))
def test_what_was_written_is_read_back(tmp_path_factory, requests, clock, suffix):
    cycles, addresses, writes = zip(*sorted(requests), strict=True)
    trace = Trace("t", np.array(cycles), np.array(addresses), np.array(writes), clock)
    path = tmp_path_factory.mktemp("stl") / ("t" + suffix)
    again = read_stl(write_stl(trace, path))
    assert again.name == "t"
    assert again.clock_mhz == clock
    np.testing.assert_array_equal(again.cycles, trace.cycles)
    np.testing.assert_array_equal(again.addresses, trace.addresses)
    np.testing.assert_array_equal(again.writes, trace.writes)
    assert again.digest() == trace.digest()


def test_written_lines_are_those_of_dramsys(tmp_path):
    path = write_stl(Trace("t", np.array([0, 7]), np.array([64, 4096]), np.array([False, True])), tmp_path / "t.stl")
    assert path.read_text() == "# clock_mhz: 800\n0:\tread\t0x40\n7:\twrite\t0x1000\n"


def test_gzipped_files_do_not_depend_on_when_they_are_written(tmp_path):
    trace = Trace("t", np.arange(9), np.arange(9) * 64, np.zeros(9, bool))
    data = write_stl(trace, tmp_path / "a.stl.gz").read_bytes()
    assert data == write_stl(trace, tmp_path / "b.stl.gz").read_bytes()
    assert data[4:8] == bytes(4), "the header has a time"


def test_all_forms_of_a_line(tmp_path):
    text = "# comment\r\n\n31:\tread\t0x00400140\n  33: write 400160 0x1234abcd\r\n \t\n"
    text += "33:\tread\t0X7FFF8001\r\n40 write 0x40"
    trace = read_stl(file(tmp_path, text))
    assert trace.cycles.tolist() == [31, 33, 33, 40]
    assert trace.addresses.tolist() == [0x400140, 0x400140, 0x7FFF8000, 0x40]
    assert trace.writes.tolist() == [False, True, False, True]
    assert trace.clock_mhz == 800.0


def test_the_clock_of_the_comment_yields_to_the_callers(tmp_path):
    path = file(tmp_path, "# clock_mhz: 666.5\n0: read 0x0\n")
    assert read_stl(path).clock_mhz == 666.5
    assert read_stl(path, clock_mhz=100).clock_mhz == 100


def test_long_requests_are_several_accesses(tmp_path):
    trace = read_stl(file(tmp_path, "3: (128) read 0x40\n5: (64) write 0x20\n9: (1) read 0x3f\n"))
    assert trace.cycles.tolist() == [3, 3, 5, 5, 9]
    assert trace.addresses.tolist() == [0x40, 0x80, 0x0, 0x40, 0x0]
    assert trace.writes.tolist() == [False, False, True, True, False]


def test_access_size_of_other_memories(tmp_path):
    assert read_stl(file(tmp_path, "0: (64) read 0x20\n"), access_bytes=32).addresses.tolist() == [0x20, 0x40]


def test_relative_cycles_count_from_the_last_request(tmp_path):
    trace = read_stl(file(tmp_path, "31: read 0x0\n2: read 0x40\n0: read 0x80\n", "t.rstl"))
    assert trace.cycles.tolist() == [31, 34, 35]


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("0: read 0x0\n1: read 0xzz\n", 2, "1: read 0xzz"),
        ("# c\n\n-1: read 0x0\n", 3, "-1: read 0x0"),
        ("0: read -0x40\n", 1, "0: read -0x40"),
        ("0: fetch 0x40\n", 1, "fetch"),
        ("0: read\n", 1, "0: read"),
        ("0: read 0x40\nread 0x40\n", 2, "read 0x40"),
        ("1e3: read 0x40\n", 1, "1e3"),
        ("0: read 0x1ffffffffffffffffff\n", 1, "0x1fffff"),
        ("99999999999999999999: read 0x0\n", 1, "9999999"),
        ("0: (-4) read 0x0\n", 1, "(-4)"),
        ("0: (9999999999) read 0x0\n", 1, "(9999999999)"),
        ("5: read 0x0\n\n# c\n4: read 0x40\n", 4, "cycle 4 is before 5"),
        ("\x00\x01\x02\n", 1, "is no request"),
        ("\f0: read 0x0\n", 1, "is no request"),
        ("0: read 0x0\r1: read 0x40\r", 1, "is no request"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, line, shown):
    path = file(tmp_path, text)
    with pytest.raises(TargetError) as caught:
        read_stl(path)
    assert f"{path}:{line}: " in caught.value.problem
    assert shown in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_a_file_without_requests(tmp_path, text):
    with pytest.raises(TargetError, match="has no requests"):
        read_stl(file(tmp_path, text))


def test_missing_file(tmp_path):
    with pytest.raises(TargetError, match=r"nowhere\.stl cannot be read.*correct the path"):
        read_stl(tmp_path / "nowhere.stl")


@pytest.mark.parametrize("damage", ["cut", "text", "flipped"])
def test_damaged_gzip(tmp_path, damage):
    whole = gzip.compress(b"".join(b"%d: read 0x%x\n" % (i, i * 64) for i in range(500)))
    middle = len(whole) // 2
    data = {
        "cut": whole[:middle],
        "text": b"0: read 0x0\n",
        "flipped": whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :],
    }[damage]
    path = tmp_path / "t.stl.gz"
    path.write_bytes(data)
    with pytest.raises(TargetError, match=r"t\.stl\.gz is no whole gzip file"):
        read_stl(path)


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=60) | st.text("0123456789: ()#xrewadit\t\r\n-af", max_size=60).map(str.encode))
def test_any_content_is_read_or_refused_with_a_reason(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("stl") / "t.stl"
    path.write_bytes(data)
    refused = ""
    try:
        read = len(read_stl(path))
    except TargetError as error:
        refused, read = str(error), 0
    lines = [line.strip() for line in data.split(b"\n")]
    assert str(path) in refused or read >= sum(line != b"" and not line.startswith(b"#") for line in lines)


def test_files_are_not_written_under_other_names(tmp_path):
    with pytest.raises(TargetError, match=r"end it in \.stl"):
        write_stl(Trace("t", np.zeros(1), np.zeros(1), np.zeros(1)), tmp_path / "t.txt")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([], [], []), "has no requests"),
        (([0, 1], [0], [False]), "columns of shapes"),
        (([[0]], [[0]], [[False]]), "columns of shapes"),
        (([-1], [0], [False]), "request 0 of trace 't' has cycles -1"),
        (([0, 1], [0, -64], [False, True]), "request 1 of trace 't' has addresses -64"),
        (([0, 9, 8], [0, 0, 0], [True] * 3), "request 2 of trace 't' is at cycle 8, after 9"),
    ],
)
def test_impossible_traces(columns, message):
    with pytest.raises(TargetError, match=message):
        Trace("t", *(np.array(column) for column in columns))


@pytest.mark.parametrize("clock", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_clocks(clock):
    with pytest.raises(TargetError, match="clock"):
        Trace("t", np.zeros(1), np.zeros(1), np.zeros(1), clock)


def test_a_trace_keeps_its_own_numbers():
    cycles = np.array([0, 1])
    trace = Trace("t", cycles, np.array([0, 64]), np.array([False, False]))
    before = trace.digest()
    cycles[1] = 5
    assert trace.cycles.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        trace.cycles[0] = 1
    assert trace.digest() == before
    assert Trace("u", trace.cycles, trace.addresses, trace.writes, 801.0).digest() != before
    assert Trace("u", trace.cycles, trace.addresses, ~trace.writes).digest() != before
    assert Trace("u", trace.cycles, trace.addresses, trace.writes).digest() == before


def test_the_head_of_a_trace():
    trace = Trace("t", np.arange(5), np.arange(5) * 64, np.arange(5) % 2 == 0, 400.0)
    assert trace.head(2).addresses.tolist() == [0, 64]
    assert len(trace.head(99)) == 5
    assert trace.head(3).clock_mhz == 400.0


def test_recorded_traces_are_read():
    data = os.environ.get("COSEARCH_DATA")
    if not data:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder with dram/traces")
    traces = {path.name: read_stl(path) for path in sorted((Path(data) / "dram" / "traces").glob("*.stl.gz"))}
    facts = {name: (len(trace), round(float(trace.writes.mean()), 2)) for name, trace in traces.items()}
    assert facts["stream.stl.gz"] == (10_000, 0.0)
    assert facts["triad-rw.stl.gz"] == (20_000, 0.33)
    assert facts["hotmix-rw30.stl.gz"] == (20_000, 0.31)
    assert facts["mb-unepic.stl.gz"] == (40_000, 0.37)
    assert len(facts) == 9
    assert all((trace.addresses % 64 == 0).all() and trace.addresses.max() < 2**30 for trace in traces.values())
