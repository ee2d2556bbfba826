"""The target ``dram``: the contract, options, fidelities, and DRAMSys itself on the wide space."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.dram.dramsys import DramSys
from cosearch.hw_targets.dram.target import Dram
from cosearch.hw_targets.dram.trace import Trace
from cosearch.spaces.errors import TargetError
from cosearch.spaces.memory_controller import memory_controller
from cosearch.spaces.space import Space

TRACES = [{"name": "zipf", "requests": 300, "write_share": 0.3}, {"name": "random", "requests": 200}]


@pytest.mark.parametrize(("wide", "threads"), [(False, 1), (True, 2)])
def test_the_contract(wide: bool, threads: int) -> None:
    check_target(partial(Dram, traces=TRACES, threads=threads), memory_controller(wide=wide), n=12)


def test_traces_are_summed_and_latencies_pooled() -> None:
    space = memory_controller()
    designs, seeds = space.designs(space.sample(np.random.default_rng(5), 20)), np.zeros(20, dtype=np.uint64)
    both = Dram(space, traces=TRACES).evaluate(designs, seeds).values
    first, second = (Dram(space, traces=[one]).evaluate(designs, seeds).values for one in TRACES)
    for name in ("total_time_ns", "energy_uj", "activates_count", "refreshes_count", "energy_standby_uj"):
        np.testing.assert_allclose(both[name], first[name] + second[name], rtol=1e-12)
    np.testing.assert_allclose(
        both["mean_latency_ns"], 0.6 * first["mean_latency_ns"] + 0.4 * second["mean_latency_ns"]
    )
    np.testing.assert_array_equal(both["max_latency_ns"], np.maximum(first["max_latency_ns"], second["max_latency_ns"]))
    parts = [value for name, value in both.items() if name.startswith("energy_") and name != "energy_uj"]
    np.testing.assert_allclose(np.sum(parts, axis=0), both["energy_uj"])
    np.testing.assert_allclose(both["bandwidth_gbps"] * both["total_time_ns"], 500 * 64)
    np.testing.assert_allclose(both["edp_ujs"], both["energy_uj"] * both["total_time_ns"] * 1e-9)


def test_a_fidelity_is_the_start_of_the_trace() -> None:
    space = memory_controller()
    target = Dram(space, traces={"name": "random", "requests": 900})
    designs, seeds = space.designs(space.sample(np.random.default_rng(1), 4)), np.zeros(4, dtype=np.uint64)
    part = target.evaluate_at(designs, seeds, target.fidelities()[0])
    assert np.all(part.values["reads_count"] == 100)
    with pytest.raises(TargetError, match=r"no fidelity 0\.2"):
        target.evaluate_at(designs, seeds, 0.2)


def test_requests_are_accesses_of_the_device() -> None:
    space = memory_controller()
    target = Dram(space, device="lpddr4_3200", traces=TRACES)
    values = target.evaluate(space.designs(space.sample(np.random.default_rng(1), 2)), np.zeros(2, np.uint64)).values
    assert np.any(target.traces[1].addresses % 64 == 32)
    np.testing.assert_allclose(values["bandwidth_gbps"] * values["total_time_ns"], 500 * 32)


def test_the_simulator_is_compiled_whatever_the_smallest_memory(tmp_path: Path) -> None:
    far = Trace("far", np.zeros(1), np.array([3 << 29]), np.zeros(1))
    target = Dram(memory_controller(wide=True, channels=[2]), traces=[far])
    target.prepare(tmp_path, lambda text, share: None)


def test_traces_that_last_too_long_are_refused() -> None:
    for clock, cycle in ((800.0, 10**10), (8.0, 10**8)):
        Dram(memory_controller(), traces=[Trace("idle", np.array([0, cycle]), np.zeros(2), np.zeros(2), clock)])
        late = Trace("idle", np.array([0, cycle + 1]), np.zeros(2), np.zeros(2), clock)
        with pytest.raises(TargetError, match=r"'idle' lasts 1e\+10 cycles of ddr3_1600.*cut it into parts"):
            Dram(memory_controller(), traces=[late])


def test_missing_knobs_have_their_defaults() -> None:
    narrow = Space({"scheduler": ["Fifo", "FrFcfs"]}, name="one knob")
    full = memory_controller()
    designs = narrow.designs(narrow.encode([{"scheduler": "FrFcfs"}]))
    same = full.designs(
        full.encode(
            [
                {
                    "page_policy": "Open",
                    "scheduler": "FrFcfs",
                    "scheduler_buffer": "Bankwise",
                    "request_buffer_size": 8,
                    "resp_queue": "Fifo",
                    "refresh_policy": "AllBank",
                    "refresh_max_postponed": 8,
                    "refresh_max_pulledin": 8,
                    "arbiter": "Simple",
                    "max_active_transactions": 128,
                }
            ]
        )
    )
    seeds = np.zeros(1, dtype=np.uint64)
    one = Dram(narrow, traces=TRACES).evaluate(designs, seeds).values
    other = Dram(full, traces=TRACES).evaluate(same, seeds).values
    assert {name: value.tolist() for name, value in one.items()} == {name: v.tolist() for name, v in other.items()}


@pytest.mark.parametrize(
    ("space", "options", "message"),
    [
        (Space({"depth": [1, 2]}, name="net"), {}, "'net' has no knob of a memory controller; use memory_controller"),
        (Space({"scheduler": ["Fifo", "Lifo"]}), {}, "scheduler has the value 'Lifo'; use Fifo, FrFcfsGrp, FrFcfs"),
        (Space({"request_buffer_size": [0, 1]}), {}, "request_buffer_size has the value 0; give whole numbers of 1"),
        (memory_controller(refresh_policy=["PerBank"]), {}, "PerBank, which ddr3_1600 cannot do"),
        (memory_controller(), {"threads": 0}, "threads is 0; use 1 or more"),
        (memory_controller(), {"channels": 3}, "channels has the value 3; give powers of two"),
        (memory_controller(), {"device": "ddr9"}, "no DRAM device is named 'ddr9'"),
    ],
)
def test_what_cannot_be_simulated_is_refused(space: Space, options: dict[str, object], message: str) -> None:
    with pytest.raises(TargetError) as caught:
        Dram(space, **{"traces": TRACES, **options})
    assert message in str(caught.value)


def test_designs_that_get_stuck_fail_with_a_remedy() -> None:
    space = Space({"scheduler": ["FrFcfs"], "cmd_mux": ["Oldest", "Strict"], "refresh_policy": ["NoRefresh"]})
    stuck = Trace("stuck", np.zeros(3), np.array([0, 1 << 16, 64]), np.zeros(3))
    columns = Dram(space, traces=[stuck]).evaluate(space.designs(space.enumerate()), np.zeros(2, dtype=np.uint64))
    assert list(columns.failures) == [1]
    assert "use cmd_mux Oldest or scheduler Fifo" in columns.failures[1]


@pytest.mark.parametrize("device", ["ddr3_1600", "ddr4_2400"])
def test_the_wide_space_takes_the_time_that_dramsys_takes(device: str) -> None:
    program, resources = os.environ.get("COSEARCH_DRAMSYS"), os.environ.get("COSEARCH_DRAMSYS_RESOURCES")
    if not program or not resources:
        pytest.skip("needs DRAMSys 4.0: set COSEARCH_DRAMSYS to the program and COSEARCH_DRAMSYS_RESOURCES")
    space = memory_controller(wide=True, page_timeout_cycles=[0])
    trace = {"name": "zipf", "requests": 1000, "write_share": 0.4, "gap_cycles": 4.0}
    designs, seeds = space.designs(space.sample(np.random.default_rng(2), 24)), np.zeros(24, dtype=np.uint64)
    ours = Dram(space, device=device, traces=trace)
    theirs = DramSys(space, resources, program=program, device=device, traces=trace).evaluate(designs, seeds)
    # DRAMSys counts whole picoseconds.
    rounding = ours.device.tck_ns / (round(1e3 * ours.device.tck_ns) / 1e3)
    ratio = ours.evaluate(designs, seeds).values["total_time_ns"] / theirs.values["total_time_ns"] / rounding
    assert np.max(np.abs(ratio - 1)) < 0.005
    assert np.mean(np.abs(ratio - 1) < 1e-6) >= 0.9
