from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosearch.hw_targets.measurements import (
    Measurements,
    append_rows,
    joined,
    read_measurements,
    table_header,
    write_measurements,
)
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import MeasurementsError
from cosearch.spaces.joint import JointSpace
from cosearch.spaces.space import Space

AWKWARD: dict[str, Any] = {
    "text": ["a,b", 'say "x"', "", "two words", "3"],
    "mixed": [1, "1", True, 2.5],
    "switch": [False, True],
    "size": {"type": "integer", "low": 2, "high": 64, "step": 2, "active_if": {"switch": True}},
    "share": {"type": "real", "low": 0.1, "high": 0.9},
}


METRICS = ("latency_ms", "energy_mj")


def table(space: Space, n: int = 60, seed: int = 0, device: tuple[str, ...] = ("phone", "board, big")) -> Measurements:
    rng = np.random.default_rng(seed)
    codes = space.sample(rng, n)
    values = rng.lognormal(size=n)
    values[1] = np.nan
    return Measurements(
        space,
        tuple(device[i % len(device)] for i in range(n)),
        codes,
        {"latency_ms": values, "energy_mj": rng.lognormal(size=n)},
        {"latency_ms": values / 7},
        {"latency_ms": rng.integers(1, 99, n)},
        {
            device[0]: {"latency_ms": "measured", "energy_mj": "simulated"},
            device[-1]: dict.fromkeys(METRICS, "modelled"),
        },
        {name: {"cpu": "some \u00b5"} for name in device},
        {1: "RuntimeError: no such kernel,\nreally"},
    )


def same(a: Measurements, b: Measurements) -> None:
    assert a.device == b.device
    np.testing.assert_array_equal(a.codes, b.codes)
    assert a.metrics == b.metrics
    for kind in ("values", "std", "count"):
        ours, theirs = getattr(a, kind), getattr(b, kind)
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    assert a.told_sources() == b.told_sources()
    assert dict(a.fingerprints) == dict(b.fingerprints)
    assert {k: v.split()[0] for k, v in a.failures.items()} == {k: v.split()[0] for k, v in b.failures.items()}


@pytest.mark.parametrize(
    "space",
    [
        ElasticCnn(),
        Space(AWKWARD, forbid=[{"text": "3", "switch": False}]),
        JointSpace({"arch": ElasticCnn(), "hw": Space({"pe": [4, 8]})}),
    ],
)
def test_what_was_written_is_read_with_or_without_the_space(space: Space, tmp_path: Path) -> None:
    before = table(space)
    write_measurements(tmp_path / "pool.csv", before)
    for after in (read_measurements(tmp_path / "pool.csv"), read_measurements(tmp_path / "pool.csv", space)):
        same(before, after)
        assert after.space.digest == space.digest


def test_a_registered_space_comes_back_with_all_it_can_do(tmp_path: Path) -> None:
    space = ElasticCnn(depth=[1, 2])
    made = table(space, 5)
    named = Measurements(
        space, made.device, made.codes, made.values, space_block={"name": "elastic_cnn", "depth": [1, 2]}
    )
    write_measurements(tmp_path / "pool.csv", named)
    after = read_measurements(tmp_path / "pool.csv")
    assert isinstance(after.space, ElasticCnn)
    assert after.space_block == named.space_block
    # Options that no longer mean the same: the designs are those of the declaration.
    side = json.loads((tmp_path / "pool.json").read_text())
    side["space"]["options"] = {"depth": [1, 3]}
    (tmp_path / "pool.json").write_text(json.dumps(side))
    assert read_measurements(tmp_path / "pool.csv").space.digest == space.digest
    side["space"] |= {"name": "antigravity:fly"}
    (tmp_path / "pool.json").write_text(json.dumps(side))
    assert type(read_measurements(tmp_path / "pool.csv").space) is Space


def test_devices_of_one_table_come_from_a_board_and_from_a_model(tmp_path: Path) -> None:
    made = table(SPACE)
    write_measurements(tmp_path / "pool.csv", made)
    read = read_measurements(tmp_path / "pool.csv")
    assert [read.source("phone", m) for m in METRICS] == ["measured", "simulated"]
    assert [read.source("board, big", m) for m in METRICS] == ["modelled", "modelled"]
    assert set(read.only(["phone"]).told_sources()) == {"phone"}
    together = joined([read.only(["phone"]), read.only(["board, big"])])
    assert together.told_sources() == made.told_sources()
    with pytest.raises(MeasurementsError, match="'phone' is measured in one table and modelled in another"):
        joined([read, replace(made, sources={"phone": {"latency_ms": "modelled"}})])


@pytest.mark.parametrize("sources", [{"latency_ms": "modelled"}, {"phone": {"latency_ms": "guessed"}}, ["phone"]])
def test_a_side_file_says_of_each_device_where_its_numbers_come_from(sources: object, tmp_path: Path) -> None:
    write_measurements(tmp_path / "pool.csv", table(SPACE))
    side = json.loads((tmp_path / "pool.json").read_text())
    (tmp_path / "pool.json").write_text(json.dumps(side | {"sources": sources}))
    with pytest.raises(MeasurementsError, match="does not say for each device"):
        read_measurements(tmp_path / "pool.csv")


HAND = "latency_ms, device ,b,a\n1.5,phone,,small\n2,phone,3.0,large\n\n,board,1,large\n"
SPACE = Space({"a": ["small", "large"], "b": {"type": "ordinal", "values": [1, 3], "active_if": {"a": "large"}}})


def test_a_table_written_by_hand_needs_no_side_file(tmp_path: Path) -> None:
    path = tmp_path / "hand.csv"
    path.write_text(HAND)
    read = read_measurements(path, SPACE)
    assert read.devices == ("phone", "board")
    assert read.codes.tolist() == [[0, -1], [1, 1], [1, 0]]
    codes, values = read.table("phone", "latency_ms")
    assert (codes.tolist(), values.tolist()) == ([[0, -1], [1, 1]], [1.5, 2.0])
    assert read.table("board", "latency_ms")[1].tolist() == []
    assert read.source("phone", "latency_ms") == "measured"
    with pytest.raises(MeasurementsError, match="give the space"):
        read_measurements(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HAND.replace("small", "smal"), r"hand.csv:2: knob 'a': 'smal' is not a value"),
        (HAND.replace(",3.0,", ",,"), r"hand.csv:3: knob 'b' is missing"),
        (HAND.replace("phone,,small", "phone,1,small"), r"hand.csv:2: knob 'b' is set although"),
        (HAND.replace("1.5", "fast"), r"hand.csv:2: latency_ms: 'fast' is not a number"),
        (HAND.replace("1.5", "inf"), r"hand.csv:2: latency_ms is infinite"),
        (HAND.replace(",board,1,", ",board,1,x,"), r"hand.csv:5: 5 cells under 4 columns"),
        (HAND.replace("latency_ms", "latency"), r"hand.csv:1: column 'latency' is no knob, and .* no unit"),
        (HAND.replace(",b,", ",B,"), r"hand.csv:1: no column 'b'"),
        (HAND.replace("latency_ms", "a"), r"hand.csv:1: column 'a' appears twice"),
        ("", r"hand.csv:1: no column 'device'"),
    ],
)
def test_mistakes_are_named_with_file_and_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "hand.csv").write_text(text)
    with pytest.raises(MeasurementsError, match=message):
        read_measurements(tmp_path / "hand.csv", SPACE)


def test_designs_that_the_space_forbids_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("device,a,b,latency_ms\nx,1,1,1\n")
    with pytest.raises(MeasurementsError, match=r"t.csv:2: space 'two' does not allow the design \{'a': 1, 'b': 1\}"):
        read_measurements(tmp_path / "t.csv", Space({"a": [0, 1], "b": [0, 1]}, forbid=[{"a": 1, "b": 1}], name="two"))


def test_a_table_of_another_space_is_refused(tmp_path: Path) -> None:
    write_measurements(tmp_path / "t.csv", table(ElasticCnn(), 4))
    with pytest.raises(MeasurementsError, match="is of space 'elastic_cnn', not of 'elastic_cnn' with these options"):
        read_measurements(tmp_path / "t.csv", ElasticCnn(kernel=[3]))
    with pytest.raises(MeasurementsError, match="cannot be read"):
        read_measurements(tmp_path / "none.csv", SPACE)
    (tmp_path / "t.json").write_text("[]")
    with pytest.raises(MeasurementsError, match="not a side file"):
        read_measurements(tmp_path / "t.csv")


def test_rows_can_be_appended(tmp_path: Path) -> None:
    space, path = ElasticCnn(), tmp_path / "t.csv"
    first, second = table(space, 5, seed=1), table(space, 7, seed=2, device=("third",))
    write_measurements(path, first)
    append_rows(path, second, first.metrics)
    write_measurements(tmp_path / "both.csv", joined([first, second]))
    assert path.read_text() == (tmp_path / "both.csv").read_text()


def test_a_full_disk_is_one_clear_error_and_leaves_the_table_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_measurements(path, table(SPACE, 9))
    before, limits = path.read_text(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, limits[1]))
    try:
        with pytest.raises(MeasurementsError, match=r"t.csv: cannot be written .*; make room"):
            append_rows(path, table(SPACE, 3), ["latency_ms", "energy_mj"])
        with pytest.raises(MeasurementsError, match=r"t.csv: cannot be written .*; make room"):
            write_measurements(path, joined([table(SPACE, 9)] * 9))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.csv", "t.json"]


def test_tables_join_and_divide_by_device() -> None:
    space = ElasticCnn()
    a, b = table(space, 5), table(space, 4, seed=1, device=("third",))
    both = joined([a, b])
    assert both.devices == ("phone", "board, big", "third")
    same(b, both.only(["third"]))
    assert both.failures.keys() == {1, 6}
    with pytest.raises(MeasurementsError, match="no rows of device 'fourth'"):
        both.only(["fourth"])
    with pytest.raises(MeasurementsError, match="of space"):
        joined([a, table(SPACE, 3)])


def test_impossible_tables_are_refused() -> None:
    codes = np.zeros((2, 2), np.int64)
    with pytest.raises(MeasurementsError, match="shape"):
        Measurements(SPACE, ("x",), codes, {})
    with pytest.raises(MeasurementsError, match="infinite in row 1"):
        Measurements(SPACE, ("x", "y"), codes, {"latency_ms": np.array([1.0, np.inf])})
    with pytest.raises(MeasurementsError, match="which has no values"):
        Measurements(SPACE, ("x", "y"), codes, {}, {"latency_ms": np.zeros(2)})
    with pytest.raises(MeasurementsError, match="called like another column"):
        table_header(Space({"device": [1, 2]}), [])
