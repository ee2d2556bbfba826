"""Encodings of networks: slots give back workloads, imagined devices are what they say, blocks are scaled."""

from __future__ import annotations

import gc
import itertools
import weakref
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from cosearch.hw_targets.operator_table import signature
from cosearch.predictors.encodings.cell_slots import CellSlots, alive
from cosearch.predictors.encodings.encoding import MOST_SPACES, Encoding, encoding_of
from cosearch.predictors.encodings.imagined_devices import DEVICES, ImaginedDevices
from cosearch.predictors.encodings.operator_slots import OperatorSlots, covering
from cosearch.predictors.encodings.profiles import Profiles
from cosearch.predictors.encodings.slots import Part, Slots
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.fbnet import FBNet
from cosearch.spaces.hat import Hat
from cosearch.spaces.knobs import Value
from cosearch.spaces.nas_bench_201 import EDGES, OPERATIONS, NasBench201
from cosearch.spaces.networks.builder import INPUT, Builder
from cosearch.spaces.once_for_all import OnceForAll
from cosearch.spaces.operators import Operator
from cosearch.spaces.space import Space
from cosearch.spaces.workload import Workload

BLOCKS = ("roofline", "flattened", "layers", "counts", "choices")


class AllTogether(Space):
    """Each knob changes every operator: widths follow from the sum of all."""

    def __init__(self) -> None:
        super().__init__({f"add_{i}": [1, 2, 3, 4] for i in range(5)}, name="all_together")

    def workload(self, design: Mapping[str, Value]) -> Workload:
        b = Builder(self.name, (8,))
        width = sum(int(v) for v in design.values())
        b.gemm("second", b.act("first", b.gemm("first", INPUT, width)), width * width)
        return b.workload()


class Renamed(Space):
    """Names depend on two knobs at once, so that changing one at a time does not show them all."""

    def __init__(self) -> None:
        super().__init__({f"knob_{i}": list(range(6)) for i in range(8)}, name="renamed")

    def workload(self, design: Mapping[str, Value]) -> Workload:
        b, x = Builder(self.name, (4,)), INPUT
        for i in range(0, 8, 2):
            one, two = int(design[f"knob_{i}"]), int(design[f"knob_{i + 1}"])
            x = b.gemm(f"layer_{i}_{one * two}_{one + two}", x, 4 + one + 6 * two)
        return b.workload()


def held(slots: Slots, parts: np.ndarray) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for part in parts.tolist():
        for operator, count in slots.parts[part].operators:
            found[signature(operator)] += count
    return found


@pytest.mark.parametrize(
    ("space", "most_knobs"),
    [(ElasticCnn(), 5), (FBNet(), 1), (OnceForAll(resolutions=(128,)), 5), (Hat(heads=(4,)), 5), (AllTogether(), 5),
     (Renamed(), 8)],
    ids=lambda value: value.name if isinstance(value, Space) else "",
)  # fmt: skip
def test_slots_give_back_every_workload(space: Any, most_knobs: int) -> None:
    slots = OperatorSlots(space)
    codes = space.sample(np.random.default_rng(77), 40)
    for row, parts in zip(codes, slots(codes), strict=True):
        operators = space.workload(space.decode(row[None])[0]).operators
        assert held(slots, parts) == Counter(signature(o) for o in operators)
    assert max(len(slot.columns) for slot in slots._slots) <= most_knobs


def test_a_space_whose_knobs_act_together_is_one_slot() -> None:
    space = AllTogether()
    slots = OperatorSlots(space)
    codes = space.enumerate()
    assert codes is not None
    parts = slots(codes)
    width = (codes + 1).sum(axis=1)
    assert parts.shape == (len(codes), 1)
    assert [len(set(parts[width == w, 0])) for w in range(5, 21)] == [1] * 16


def test_designs_that_cover_groups_take_every_combination() -> None:
    space = ElasticCnn()
    groups = [[1, 2, 3], [2, 4], [5]]
    codes = covering(space, groups)
    assert space.is_valid(codes).all()
    for group in groups[1:]:
        every = set(itertools.product(*(range(int(space.cardinalities[c])) for c in group)))
        assert every <= {tuple(row) for row in codes[:, group].tolist()}
    assert len(covering(space, [list(range(space.n_knobs))])) == 0


def test_live_edges_are_those_with_a_path_to_the_output() -> None:
    codes = np.random.default_rng(0).integers(0, len(OPERATIONS), (500, 6))
    for row, found in zip(codes.tolist(), alive(codes).tolist(), strict=True):
        open_edges = [edge for edge, code in zip(EDGES, row, strict=True) if OPERATIONS[code] != "none"]
        reached = {3}
        for _ in range(3):
            reached |= {start for start, end in open_edges if end in reached}
        assert found == [end in reached for _, end in EDGES]


def test_cells_give_back_what_designs_differ_in() -> None:
    space = NasBench201(cells=2)
    slots = CellSlots(space)
    codes = space.sample(np.random.default_rng(1), 60)
    # Additions and the zeros of empty nodes depend on several edges; convolutions and poolings on their own alone.
    fixed = Counter(
        signature(o) for o in space.workload(dict.fromkeys(space.names, "none")).operators if o.kind in ("conv", "pool")
    )
    for row, parts in zip(codes, slots(codes), strict=True):
        operators = space.workload(space.decode(row[None])[0]).operators
        searched = Counter(signature(o) for o in operators if o.kind in ("conv", "pool")) - fixed
        found = Counter({key: n for key, n in held(slots, parts).items() if key[0] in ("conv", "pool")})
        assert found == searched
        dead = [slots.parts[part].dead for part in parts.tolist()]
        assert dead == (~alive(row[None])[0]).tolist()


def layer(scale: int = 1, kind: Any = "gemm", name: str = "layer") -> Operator:
    return Operator(name, kind, ((8 * scale, 16),), (8 * scale, 32), params=512 * scale)


def test_imagined_devices_are_the_same_each_time_and_free_of_units() -> None:
    parts = [Part(((layer(1), 2), (layer(3), 1))), Part(((layer(2), 1), (layer(1, "activation"), 3)))]
    costs = []
    for scale in (1, 1, 7):
        typical = [layer(scale), layer(2 * scale), layer(3 * scale)]
        bigger = [
            Part(tuple((layer(scale * o.input_shapes[0][0] // 8, o.kind), n) for o, n in part.operators))
            for part in parts
        ]
        devices = ImaginedDevices(typical)
        costs.append(np.stack([devices.cost(part) for part in bigger]))
    np.testing.assert_array_equal(costs[0], costs[1])
    # A machine on which all counts are seven times as large, against a mean operator that is as well.
    np.testing.assert_allclose(costs[2], costs[0], rtol=1e-12)
    assert costs[0].shape == (2, DEVICES)
    assert (costs[0] > 0).all()


def test_order_of_kinds_and_names_do_not_matter() -> None:
    devices, again = ImaginedDevices([layer()]), ImaginedDevices([layer()])
    first, second = Part(((layer(1, "pool"), 1),)), Part(((layer(2, "gemm", "other"), 1),))
    one = [devices.cost(first), devices.cost(second)]
    two = [again.cost(second), again.cost(first)]
    np.testing.assert_array_equal(one, two[::-1])
    np.testing.assert_array_equal(devices.cost(Part(((layer(2), 1),))), one[1])
    assert not np.allclose(devices.cost(Part(((layer(1, "matmul"), 1),))), devices.cost(Part(((layer(1, "pool"), 1),))))


def test_dead_and_fused_operators_are_free_on_about_half_of_the_devices() -> None:
    devices = ImaginedDevices([layer()])
    bag = ((layer(), 2),)
    living, dead = devices.cost(Part(bag)), devices.cost(Part(bag, dead=True))
    assert set(np.unique(dead / living)) == {0.0, 1.0}
    assert 0.4 < (dead == 0).mean() < 0.6
    fused = devices.cost(Part(((layer(1, "activation"), 1),)))
    assert 0.4 < (fused == 0).mean() < 0.6


def test_coordinates_give_the_covariance_over_devices() -> None:
    space = ElasticCnn()
    slots = OperatorSlots(space)
    profiles = Profiles(space, slots)
    codes = space.sample(np.random.default_rng(2), 30)
    whole, _ = profiles(codes)
    devices = ImaginedDevices([o for p in slots.parts for o, _ in p.operators])
    cost = np.stack([sum((devices.cost(slots.parts[p]) for p in row), np.zeros(DEVICES)) for row in slots(codes)])
    # Each device's costs over its mean; that of thirty designs is near that of the population.
    relative = cost / cost.mean(axis=0) - 1.0
    centred = whole - whole.mean(axis=0)
    expected = relative @ relative.T / DEVICES
    assert np.corrcoef((centred @ centred.T).ravel(), expected.ravel())[0, 1] > 0.98


@pytest.mark.parametrize(
    "space", [ElasticCnn(), NasBench201(), Space({"a": [1, 2, 3], "b": ["x", "y", "z"], "c": [1, 2, 3]})]
)
def test_blocks_are_centred_and_scaled(space: Space) -> None:
    encoding = encoding_of(space)
    assert encoding_of(space) is encoding
    features = encoding(space.sample(np.random.default_rng(5), 4000))
    has_workload = isinstance(space, ElasticCnn | NasBench201)
    for name in BLOCKS:
        block = getattr(features, name)
        assert len(block) == 4000
        if name in ("roofline", "flattened", "layers") and not has_workload:
            assert block.shape[1] == 0
            continue
        assert np.abs(block.mean(axis=0)).max() < 0.1
        assert (block**2).sum(axis=1).mean() == pytest.approx(1.0, abs=0.15)


def test_encodings_do_not_depend_on_the_batch() -> None:
    space = NasBench201()
    codes = space.sample(np.random.default_rng(6), 50)
    whole, single = Encoding(space)(codes), Encoding(space)
    rows = [single(codes[i : i + 1]) for i in range(50)]
    for name in BLOCKS:
        np.testing.assert_array_equal(getattr(whole, name), np.concatenate([getattr(row, name) for row in rows]))


def test_encodings_of_spaces_long_gone_are_dropped() -> None:
    first = weakref.ref(encoding_of(Space({"a": [1, 2], "b": [1, 2]})))
    assert first() is not None
    for _ in range(MOST_SPACES):
        encoding_of(Space({"a": [1, 2], "b": [1, 2]}))
    gc.collect()
    assert first() is None
