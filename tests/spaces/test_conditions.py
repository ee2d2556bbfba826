import itertools

import numpy as np
import pytest

from cosearch.spaces.errors import DesignError, SpaceError
from cosearch.spaces.space import Space


def elastic(stages):
    knobs = {"depth": list(range(1, stages + 1))}
    for i in range(1, stages + 1):
        condition = {"depth": {"at_least": i}}
        knobs[f"op{i}"] = {"type": "categorical", "values": ["conv", "skip"], "active_if": condition}
        knobs[f"kernel{i}"] = {"type": "ordinal", "values": [3, 5, 7], "active_if": {f"op{i}": "conv"}}
    return Space(knobs)


def test_conditional_trees_are_counted_exactly_also_when_too_large_to_list():
    assert elastic(4).size() == sum(4**d for d in range(1, 5)) == len(elastic(4).enumerate())
    assert elastic(30).size() == sum(4**d for d in range(1, 31))


def test_enumeration_is_lexicographic_and_stops_at_its_limit():
    space = elastic(3)
    listed = space.enumerate()
    assert np.array_equal(listed, np.unique(listed, axis=0))
    assert space.is_valid(listed).all()
    assert space.enumerate(len(listed) - 1) is None
    assert len(space.enumerate(len(listed))) == len(listed)
    assert elastic(30).enumerate() is None


def test_counting_with_shared_parents_and_forbids_matches_the_list():
    space = Space(
        {
            "late": {"type": "ordinal", "values": [1, 2], "active_if": {"a": "on", "b": ["on", "auto"]}},
            "a": ["on", "off"],
            "b": ["on", "off", "auto"],
            "c": {"type": "integer", "low": 0, "high": 5, "active_if": {"b": "auto"}},
            "d": {"type": "integer", "low": 0, "high": 5, "active_if": {"c": {"at_most": 2}}},
            "e": [1, 2, 3],
        },
        forbid=[{"a": "off", "e": [1, 2]}, {"c": 1, "e": 3}],
    )
    listed = space.enumerate()
    assert space.size() == len(listed)
    brute = 0
    for a, b, c, d, e, late in itertools.product(
        ("on", "off"), ("on", "off", "auto"), range(6), range(6), (1, 2, 3), (1, 2)
    ):
        on_c, on_late = b == "auto", a == "on" and b != "off"
        on_d = on_c and c <= 2
        canonical = (on_c or c == 0) and (on_d or d == 0) and (on_late or late == 1)
        brute += canonical and not (a == "off" and e != 3) and not (on_c and c == 1 and e == 3)
    assert len(listed) == brute


def test_canonical_switches_off_in_order_and_fills_what_became_active():
    space = elastic(2)
    full = np.zeros((1, 5), np.int64)
    assert space.canonical(full).tolist() == [[0, 0, 0, -1, -1]]
    grown = space.canonical(np.array([[1, 1, -1, -1, -1]]))
    assert grown.tolist() == [[1, 1, -1, 0, 0]]
    rows = np.repeat([[1, 1, -1, -1, -1]], 400, axis=0)
    drawn = space.canonical(rows, np.random.default_rng(0))
    assert space.is_valid(drawn).all()
    assert set(drawn[:, 3].tolist()) == {0, 1}


def test_inactive_knobs_are_left_out_of_designs_and_refused_in_them():
    space = elastic(2)
    (design,) = space.decode(np.array([[0, 0, 2, -1, -1]]))
    assert dict(design) == {"depth": 1, "op1": "conv", "kernel1": 7}
    with pytest.raises(DesignError, match="'op2' is set although"):
        space.encode([{**design, "op2": "skip"}])
    with pytest.raises(DesignError, match="'kernel1' is missing"):
        space.encode([{"depth": 1, "op1": "conv"}])
    with pytest.raises(DesignError, match="unknown knob 'kernel9'"):
        space.encode([{**design, "kernel9": 3}])


def test_columns_mark_inactive_knobs():
    space = elastic(2)
    batch = space.designs(np.array([[0, 1, -1, -1, -1], [1, 0, 1, 1, -1]]))
    assert batch.column("op2").tolist() == [None, "skip"]
    assert np.isnan(batch.column("kernel1")[0])
    assert batch.column("kernel1")[1] == 5
    assert batch.column("depth").dtype == np.int64


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ({}, "is not a clause"),
        ({"bb": 1}, "'bb' does not exist"),
        ({"b": 7}, "7 is not a value"),
        ({"b": {"at_lest": 1}}, "is not a test"),
        ({"kind": {"at_least": 1}}, "on an ordered knob"),
    ],
)
def test_wrong_clauses_are_named(clause, message):
    knobs = {"b": [1, 2], "kind": ["x", "y"]}
    with pytest.raises(SpaceError, match=rf"forbid\[0\].*{message}"):
        Space(knobs, forbid=[clause])
    with pytest.raises(SpaceError, match=rf"a.active_if.*{message}"):
        Space(knobs | {"a": {"type": "ordinal", "values": [1], "active_if": clause}})


def test_circles_are_named():
    knobs = {n: {"type": "ordinal", "values": [1, 2], "active_if": {m: 1}} for n, m in ("ab", "bc", "ca")}
    with pytest.raises(SpaceError, match="circle"):
        Space(knobs)
