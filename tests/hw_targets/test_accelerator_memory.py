"""Systolic arrays behind simulated memory controllers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cosearch.hw_targets.catalog import TARGETS
from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.dram.accelerator_memory import AcceleratorMemory
from cosearch.hw_targets.dram.accelerator_stream import access_stream
from cosearch.hw_targets.dram.controller import settings
from cosearch.hw_targets.dram.device import load_device
from cosearch.hw_targets.dram.simulation import simulate
from cosearch.hw_targets.dram.stalls import stalls
from cosearch.hw_targets.dram.stl_files import read_stl
from cosearch.hw_targets.dram.trace import Trace
from cosearch.hw_targets.systolic.lowering import lower
from cosearch.spaces.errors import TargetError
from cosearch.spaces.joint import JointSpace
from cosearch.spaces.memory_controller import ADDRESS_MAPPINGS, CONTROLLER, REFERENCE, memory_controller
from cosearch.spaces.networks.catalog import network
from cosearch.spaces.systolic_array import systolic_array

MAPPINGS = ADDRESS_MAPPINGS[:1]
SIZES = {"resolution": 64, "max_requests": 2_000}


def joint(wide: bool = False, **memory: list[object]) -> JointSpace:
    array = systolic_array([8, 32, 128], [8, 32, 128], ["os", "ws"], [8, 64], [8, 64], [8])
    return JointSpace({"accelerator": array, "memory": memory_controller(wide, **memory)})


def scored(
    space: JointSpace, designs: list[dict[str, object]], workload: str = "mobilenet_v2", **options: object
) -> dict[str, np.ndarray]:
    target = AcceleratorMemory(space, workload, **(SIZES | options))
    batch = space.designs(space.encode(designs))
    columns = target.evaluate(batch, np.zeros(len(batch), dtype=np.uint64))
    assert not columns.failures
    return dict(columns.values)


def design(space: JointSpace, **changes: object) -> dict[str, object]:
    """An 8 x 8 array behind DRAMSys' usual controller; ``rows`` or ``page_policy`` change one or the other."""
    array = {"rows": 8, "cols": 8, "dataflow": "ws", "ifmap_kib": 64, "filter_kib": 64, "ofmap_kib": 8}
    memory = {name: REFERENCE[name] for name in CONTROLLER}
    whole = {f"accelerator.{name}": value for name, value in array.items()}
    whole |= {f"memory.{name}": value for name, value in memory.items()}
    parts = {name.split(".")[1]: name for name in space.names}
    return whole | {parts[name]: value for name, value in changes.items()}


@pytest.mark.parametrize("wide", [False, True])
def test_it_is_a_target(wide):
    check_target(lambda space: TARGETS.get("accelerator_memory")(space, "mobilenet_v2", **SIZES), joint(wide))


def test_a_slow_array_hardly_waits_and_takes_its_own_time():
    space = joint()
    values = scored(space, [design(space)])
    layers = lower(network("mobilenet_v2", resolution=64))
    plain = {name.removeprefix("accelerator."): value for name, value in design(space).items()}
    compute = access_stream(layers, plain).compute_cycles / 700e3
    assert values["latency_ms"][0] >= compute
    assert values["latency_ms"][0] == pytest.approx(compute, rel=0.05)
    assert values["stall_pct"][0] < 5


def test_a_fast_array_waits_for_a_slow_controller():
    space = joint()
    large = {"rows": 128, "cols": 128}
    slow = {"page_policy": "Closed", "arbiter": "Fifo", "max_active_transactions": 1}
    values = scored(space, [design(space, **large), design(space, **large, **slow), design(space, **slow)], "resnet18")
    assert values["latency_ms"][1] > 1.5 * values["latency_ms"][0]
    assert values["stall_pct"][1] > 50
    assert values["bandwidth_gbps"].max() < 12.8, "the bus of DDR3-1600"
    assert values["dram_energy_uj"][1] > values["dram_energy_uj"][0]
    assert values["area_pe"][0] == values["area_pe"][1] > values["area_pe"][2]
    np.testing.assert_allclose(values["energy_uj"], values["dram_energy_uj"] + values["array_energy_uj"])


def test_more_requests_change_the_numbers_little():
    space = joint()
    designs = [
        design(space, rows=rows, cols=rows, page_policy=page) for rows in (8, 128) for page in ("Open", "Closed")
    ]
    few = scored(space, designs, max_requests=4_000)
    many = scored(space, designs, max_requests=40_000)
    for name in ("latency_ms", "dram_energy_uj"):
        np.testing.assert_allclose(few[name], many[name], rtol=0.1)


def test_stalls_are_what_the_lag_grows_by():
    base = np.full(4_000, 30)
    bump = np.concatenate([np.linspace(0, 1000, 1_000), np.linspace(1000, 0, 1_000)])
    ramp = np.linspace(0, 2000, 4_000)
    delays = np.stack([base, base + np.tile(bump, 2), base + ramp]).astype(np.int32)
    waiting, bound = stalls(delays)
    assert waiting[0] == 0
    assert waiting[1] == pytest.approx(2_000, rel=0.05), "made up for by the simulation, not by the array"
    assert waiting[2] == pytest.approx(2_000, rel=0.05)
    assert bound.tolist() == [0.0, 0.5, 1.0]
    assert stalls(delays[:, :10])[0].shape == (3,)


def test_refreshes_that_were_put_off_are_paid():
    space = joint()
    large = {"rows": 128, "cols": 128}
    never = {"refresh_policy": "NoRefresh"}
    values = scored(
        space,
        [design(space, **large), design(space, **large, refresh_max_postponed=1), design(space, **large, **never)],
    )
    put_off, prompt, none = values["dram_energy_uj"]
    assert put_off == pytest.approx(prompt, rel=0.02)
    assert put_off > 1.005 * none


def test_designs_are_exported_for_both_simulators(tmp_path):
    space = joint()
    target = AcceleratorMemory(space, "mobilenet_v2", **SIZES)
    batch = space.designs(space.encode([design(space, page_policy="Closed")]))
    files = target.export(batch, tmp_path, ["best"])
    assert all(path.is_file() for path in files)
    names = {path.relative_to(tmp_path).as_posix() for path in files}
    assert {"best.cfg", "best_topology.csv", "best/simulation.json", "best/traces/best.stl"} <= names
    simulation = json.loads((tmp_path / "best" / "simulation.json").read_text())["simulation"]
    assert simulation["tracesetup"] == [{"clkMhz": 700, "name": "best.stl"}]
    controller = json.loads((tmp_path / "best" / "configs" / "mcconfigs" / "best.json").read_text())
    assert controller["mcconfig"]["PagePolicy"] == "Closed"
    trace = read_stl(tmp_path / "best" / "traces" / "best.stl")
    assert trace.clock_mhz == 700
    assert len(trace) == pytest.approx(2_000, rel=0.05)


def test_controllers_that_dramsys_cannot_have_get_a_note(tmp_path):
    space = joint(wide=True)
    target = AcceleratorMemory(space, "mobilenet_v2", **SIZES)
    designs = space.designs(space.sample(np.random.default_rng(0), 40))
    timeouts = [row for row in range(40) if designs[row].get("memory.page_timeout_cycles")]
    target.export(designs[timeouts[0] : timeouts[0] + 1], tmp_path, ["best"])
    assert "DRAMSys has no page timeout" in (tmp_path / "best.txt").read_text()
    assert (tmp_path / "best.cfg").is_file()


def test_an_array_whose_requests_cannot_be_had_fails_alone():
    space = joint()
    target = AcceleratorMemory(space, "mobilenet_v2", **SIZES)
    batch = space.designs(space.encode([design(space), design(space, rows=128), design(space, page_policy="Closed")]))
    target.evaluate(batch[1:2], np.zeros(1, dtype=np.uint64))
    target.max_requests = 0  # the stream of the second design is remembered
    columns = target.evaluate(batch, np.zeros(3, dtype=np.uint64))
    assert sorted(columns.failures) == [0, 2]
    assert "max_requests is 0" in columns.failures[0]
    assert columns.values["latency_ms"][1] > 0


def test_wrong_spaces_and_options_teach():
    with pytest.raises(TargetError, match="has no part 'accelerator'; use a joint space"):
        AcceleratorMemory(systolic_array())
    with pytest.raises(TargetError, match="no knob of a memory controller"):
        AcceleratorMemory(JointSpace({"accelerator": systolic_array(), "memory": systolic_array()}))
    with pytest.raises(TargetError, match="lacks the knobs rows"):
        AcceleratorMemory(JointSpace({"accelerator": memory_controller(), "memory": memory_controller()}))
    with pytest.raises(TargetError, match="max_requests is 0"):
        AcceleratorMemory(joint(), max_requests=0)
    with pytest.raises(TargetError, match=r"max_requests is 100, too few .* allow 600 or more: 20 for each"):
        AcceleratorMemory(joint(), max_requests=100)
    with pytest.raises(TargetError, match="clock_mhz is 0"):
        AcceleratorMemory(joint(), clock_mhz=0)


def test_delays_count_from_the_traces_own_clock():
    sparse = Trace("t", np.arange(50) * 700, np.arange(50) * 64, np.zeros(50, dtype=bool), 700.0)
    same = Trace("t", np.arange(50) * 800, np.arange(50) * 64, np.zeros(50, dtype=bool), 800.0)
    table = settings({"refresh_policy": ["NoRefresh"]})
    runs = [simulate(load_device("ddr3_1600"), trace, table, MAPPINGS) for trace in (sparse, same)]
    assert runs[1].delays[0].max() < 50
    np.testing.assert_allclose(runs[0].delays, runs[1].delays, atol=2)
