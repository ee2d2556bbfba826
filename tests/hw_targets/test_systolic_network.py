"""Networks on a fixed systolic array agree with the target that scores arrays for a fixed network."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.systolic.target import SystolicArray
from cosearch.hw_targets.systolic_network import FOLDER, SystolicNetwork, shipped_arrays
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import TargetError
from cosearch.spaces.nas_bench_201 import NasBench201
from cosearch.spaces.space import Space
from cosearch.spaces.systolic_array import systolic_array


def test_the_target_keeps_the_contract() -> None:
    check_target(SystolicNetwork, ElasticCnn())


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_it_agrees_with_the_target_of_arrays(dataflow: str) -> None:
    networks = NasBench201(cells=2)
    array = {"rows": 16, "cols": 32, "dataflow": dataflow, "ifmap_kib": 16, "filter_kib": 8, "ofmap_kib": 8}
    options = {"word_bytes": 2, "clock_mhz": 500, "dram_gbps": 3.0, "pj_per_mac": 0.7}
    designs = networks.designs(networks.sample(np.random.default_rng(0), 4))
    seeds = np.zeros(len(designs), np.uint64)
    ours = SystolicNetwork(networks, **array, **options).evaluate(designs, seeds).values
    arrays = systolic_array()
    one = arrays.designs(arrays.encode([array]))
    for i, design in enumerate(designs):
        whole = SystolicArray(arrays, networks.workload(design), word_bytes=2, dram_words_per_cycle=3.0)
        expected = whole.evaluate(one, seeds[:1]).values
        np.testing.assert_allclose(ours["latency_ms"][i], expected["cycles"][0] / 500e3, rtol=1e-12)
        np.testing.assert_allclose(ours["energy_mj"][i], 0.7e-9 * expected["energy_macs"][0], rtol=1e-12)


def test_every_shipped_array_is_read() -> None:
    space = ElasticCnn()
    designs = space.designs(space.sample(np.random.default_rng(1), 3))
    assert len(shipped_arrays()) >= 3
    for name in shipped_arrays():
        columns = SystolicNetwork(space, name).evaluate(designs, np.zeros(3, np.uint64))
        assert all((column > 0).all() for column in columns.values.values())
        fields = json.loads((FOLDER / f"{name}.json").read_text())["fields"]
        assert all(field["source"] for field in fields.values()), name


def test_wrong_arrays_are_refused() -> None:
    space = ElasticCnn()
    for changes, message in (
        ({"rows": 2.5}, "rows is 2.5"),
        ({"dataflow": "rs"}, "dataflow is 'rs'"),
        ({"clock_mhz": float("inf")}, "clock_mhz is inf"),
        ({"filter_kib": 0.05}, "holds no line"),
        ({"clock": 1}, "fields clock are missing or unknown"),
    ):
        with pytest.raises(TargetError, match=message):
            SystolicNetwork(space, **changes)
    with pytest.raises(TargetError, match="'abacus' does not exist"):
        SystolicNetwork(space, "abacus")
    with pytest.raises(TargetError, match="gives no workloads"):
        SystolicNetwork(Space({"x": [1, 2]}))
