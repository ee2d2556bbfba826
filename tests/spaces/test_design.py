import copy

import numpy as np

from cosearch.spaces.design import Design
from cosearch.spaces.space import Space


def test_equal_designs_have_equal_digests_whatever_their_order():
    a, b = Design({"x": 1, "y": "z"}), Design({"y": "z", "x": 1})
    assert a == b
    assert a.digest == b.digest
    assert len({a, b}) == 1
    assert a == {"x": 1, "y": "z"}


def test_true_is_not_one():
    assert Design({"x": True}) != Design({"x": 1})
    assert Design({"x": True}).digest != Design({"x": 1}).digest


def test_designs_do_not_change_with_the_mapping_they_were_made_from():
    values = {"x": 1}
    design = Design(values)
    values["x"] = 2
    assert design["x"] == 1
    assert not hasattr(design, "__setitem__")


def test_copies_through_the_pickle_protocol_are_equal():
    design = Design({"x": 1.5, "y": "z"})
    assert copy.deepcopy(design) == design
    assert copy.deepcopy(design).digest == design.digest


def test_batches_slice_iterate_and_give_parts():
    space = Space({"p.x": [1, 2, 3], "q.y": ["a", "b"]})
    batch = space.designs(space.enumerate())
    assert len(batch) == 6
    assert [d["p.x"] for d in batch[1:4]] == [1, 2, 2]
    assert batch[-1] == {"p.x": 3, "q.y": "b"}
    assert batch[-1].part("q") == {"y": "b"}
    assert batch.column("p.x").tolist() == [1, 1, 2, 2, 3, 3]
    assert batch.column("q.y").dtype == object
    assert np.array_equal(space.encode(list(batch)), batch.codes)
