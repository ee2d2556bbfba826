"""Command schedules computed by hand from the device's timing, bounds that always hold, and DRAMSys' own results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cosearch.experiments.benchmarks.dram_fidelity import OURS, references, simulated, spearman
from cosearch.hw_targets.dram.controller import CHOICES, settings
from cosearch.hw_targets.dram.device import load_device
from cosearch.hw_targets.dram.requests import next_same
from cosearch.hw_targets.dram.scores import energy_parts
from cosearch.hw_targets.dram.simulation import COUNTS, Runs, simulate
from cosearch.hw_targets.dram.trace import Trace
from cosearch.spaces.errors import TargetError
from cosearch.spaces.memory_controller import ADDRESS_MAPPINGS

DDR3 = load_device("ddr3_1600")
BANK, ROW, RANK = 1 << 13, 1 << 16, 1 << 30
READ_DATA = 14  # RL + BURST
WRITE_DATA = 12  # WL + BURST


def trace(*requests: tuple[int, int, str]) -> Trace:
    """Requests as (cycle, address, r or w)."""
    cycles, addresses, kinds = zip(*requests, strict=True)
    return Trace("by hand", np.array(cycles), np.array(addresses), np.array([kind == "w" for kind in kinds]))


def simulated_once(requests: Trace, device: Any = DDR3, changes: Any = None, **knobs: Any) -> dict[str, int]:
    result = simulate(
        device, requests, settings({"page_policy": ["Open"]} | {k: [v] for k, v in knobs.items()}, ADDRESS_MAPPINGS),
        ADDRESS_MAPPINGS, changes,
    )  # fmt: skip
    return dict(zip(COUNTS, result.counts[0].tolist(), strict=True))


def time_of(requests: Trace, **knobs: Any) -> int:
    result = simulated_once(requests, **{"refresh_policy": "NoRefresh", **knobs})
    assert result["status"] == 0
    return result["time_cycles"]


def test_one_read_activates_reads_and_responds() -> None:
    # ACT 0, RD 10 (RCD), data until 24 (RL + BURST).
    assert time_of(trace((0, 0, "r"))) == 10 + READ_DATA


def test_late_first_request() -> None:
    assert time_of(trace((7, 0, "r"))) == 7 + 10 + READ_DATA


@pytest.mark.parametrize(
    ("second", "first", "expected"),
    [
        ((0, 64, "r"), "r", 14 + READ_DATA),  # row hit: RD 10, RD 14 (CCD)
        ((0, 64, "w"), "r", 18 + WRITE_DATA),  # RD 10, WR 10 + RL + BURST + 2 - WL
        ((0, 64, "r"), "w", 28 + READ_DATA),  # WR 10, RD 10 + WL + BURST + WTR
        ((0, ROW, "r"), "r", 48 + READ_DATA),  # RD 10, PRE 28 (RAS), ACT 38 (RP), RD 48
        ((0, ROW, "r"), "w", 54 + READ_DATA),  # WR 10, PRE 34 (WL + BURST + WR), ACT 44, RD 54
        ((0, BANK, "r"), "r", 15 + READ_DATA),  # ACT 0, ACT 5 (RRD), RD 15
    ],
)
def test_two_requests(second: tuple[int, int, str], first: str, expected: int) -> None:
    assert time_of(trace((0, 0, first), second)) == expected


def test_five_activates_wait_for_the_window() -> None:
    # ACT 0, 5, 11 (RD at 10 is older), 16, 24 (FAW); the last RD at 34.
    requests = trace(*((0, bank * BANK, "r") for bank in range(5)))
    assert time_of(requests) == 34 + READ_DATA
    faster = simulated_once(requests, changes={"FAW": 0}, refresh_policy="NoRefresh")
    assert faster["time_cycles"] == 32 + READ_DATA  # ACT 22: RD at 21 is older


@pytest.mark.parametrize(
    ("policy", "expected", "activates"),
    [("Open", 14, 1), ("OpenAdaptive", 14, 1), ("Closed", 48, 2), ("ClosedAdaptive", 14, 1)],
)
def test_page_policies_on_a_row_hit_that_waits(policy: str, expected: int, activates: int) -> None:
    result = simulated_once(trace((0, 0, "r"), (0, 64, "r")), page_policy=policy, refresh_policy="NoRefresh")
    assert (result["time_cycles"], result["activates"]) == (expected + READ_DATA, activates)


def test_an_adaptive_open_page_closes_for_a_miss_that_waits() -> None:
    # RDA 10; ACT 38 (RC), RD 48: as early as with an own precharge, and one command less.
    requests = trace((0, 0, "r"), (0, ROW, "r"), (200, BANK, "r"))
    assert simulated_once(requests, page_policy="OpenAdaptive")["precharges"] == 1
    assert time_of(trace((0, 0, "r"), (0, ROW, "r")), page_policy="OpenAdaptive") == 48 + READ_DATA


def test_schedulers_order_row_hits() -> None:
    requests = trace((0, 0, "r"), (0, ROW, "r"), (0, 64, "r"))
    # In order: ACT 38, RD 48, PRE 66, ACT 76, RD 86. Hits first: RD 10, 14, PRE 28, ACT 38, RD 48.
    assert time_of(requests, scheduler="Fifo") == 86 + READ_DATA
    assert time_of(requests, scheduler="FrFcfs") == 48 + READ_DATA


def test_grouped_hits_keep_the_direction() -> None:
    requests = trace((0, 0, "r"), (0, 64, "w"), (0, 128, "r"))
    # Grouped: RD 10, RD 14, WR 22. In order: RD 10, WR 18, RD 36.
    assert time_of(requests, scheduler="FrFcfsGrp") == 22 + WRITE_DATA
    assert time_of(requests, scheduler="FrFcfs") == 36 + READ_DATA
    same = trace((0, 0, "r"), (0, 128, "w"), (0, 128, "r"))
    assert time_of(same, scheduler="FrFcfsGrp") == 36 + READ_DATA


def test_one_transaction_in_flight() -> None:
    requests = trace((0, 0, "r"), (0, 64, "r"))
    # The second is accepted with the first response, at 24.
    assert time_of(requests, arbiter="Fifo", max_active_transactions=1) == 24 + READ_DATA
    assert time_of(requests, arbiter="Fifo", max_active_transactions=2) == 14 + READ_DATA


def test_responses_in_order_wait() -> None:
    requests = trace((0, 0, "r"), (0, ROW, "r"), (0, BANK, "r"))
    for queue, latency in (("Fifo", 15 + READ_DATA - 2), ("Reorder", 48 + READ_DATA + 1 - 2)):
        table = settings({"resp_queue": [queue], "refresh_policy": ["NoRefresh"]})
        assert simulate(DDR3, requests, table, ADDRESS_MAPPINGS[:1]).latencies[0, 2] == latency


def test_refreshes_are_pulled_in_while_idle() -> None:
    # PREA 6240, REFA 6250, pulled in REFA 6338; the read: ACT, RD.
    result = simulated_once(trace((0, 0, "r"), (10_000, 0, "r")), refresh_max_pulledin=1)
    assert (result["refreshes"], result["precharges"], result["time_cycles"]) == (2, 1, 10_010 + READ_DATA)
    # Closed: 6240..6250, then while refreshing RFC - RP = 78 cycles count as active.
    assert result["closed_cycles"] == 10 + 10 + 10_000 - (6338 + 78)


def test_idle_rows_close_after_the_timeout() -> None:
    requests = trace((0, 0, "r"), (200, ROW, "r"))
    assert time_of(requests) == 220 + READ_DATA
    assert time_of(requests, page_timeout_cycles=16) == 210 + READ_DATA
    assert time_of(requests, page_timeout_cycles=512) == 220 + READ_DATA


def test_power_down_costs_its_exit_and_saves_standby() -> None:
    requests = trace((0, 0, "r"), (3000, 64, "r"))
    awake = simulated_once(requests)
    asleep = simulated_once(requests, power_down_policy="Staggered")
    assert awake["time_cycles"] == 3000 + READ_DATA
    assert asleep["time_cycles"] == 3006 + READ_DATA  # XP
    # Asleep from 0 to 3 (CKE), ACT 9 (XP), RD 19; entry RL + BURST + 1 later, until the request comes.
    assert asleep["precharged_down_cycles"] == 3
    assert asleep["active_down_cycles"] == 3000 - (19 + READ_DATA + 1)


def test_strict_order_holds_back_a_row_hit() -> None:
    requests = trace((0, 0, "r"), (0, BANK, "r"), (100, ROW, "r"), (100, BANK + 64, "r"))
    # Miss: PRE 100, ACT 110, RD 120. The hit would be read at 101.
    assert time_of(requests, scheduler="Fifo") == 120 + READ_DATA
    assert time_of(requests, scheduler="Fifo", cmd_mux="Strict") == 124 + READ_DATA


def test_requests_that_can_never_be_served_end_the_simulation() -> None:
    requests = trace((0, 0, "r"), (0, ROW, "r"), (0, 64, "r"))
    result = simulated_once(requests, cmd_mux="Strict", refresh_policy="NoRefresh")
    assert result["status"] == 1


def test_channels_are_independent() -> None:
    mapping = "row-column-rank-bank-channel"
    requests = trace((0, 0, "r"), (0, 64, "r"))
    # Both activate on arrival; responses at 24 and 25.
    assert time_of(requests, channels=2, address_mapping=mapping) == 11 + READ_DATA


def test_ranks_share_the_bus() -> None:
    requests = trace((0, 0, "r"), (0, RANK, "r"))
    base = {"ranks": 2, "refresh_policy": "NoRefresh"}
    assert simulated_once(requests, **base)["time_cycles"] == 15 + READ_DATA  # CCD_R after the first
    assert simulated_once(requests, changes={"CCD_R": 7}, **base)["time_cycles"] == 17 + READ_DATA


def test_bank_groups_read_faster_in_turns() -> None:
    device = load_device("ddr4_2400")
    d = device.timing
    low = device.bus_bits // 8 * device.columns  # the lowest bank bits are the group's
    data = d["RL"] + d["DQSCK"] + d["BURST"]
    same = simulated_once(trace((0, 0, "r"), (0, 64, "r")), device, refresh_policy="NoRefresh")
    other = simulated_once(trace((0, 0, "r"), (0, low, "r")), device, refresh_policy="NoRefresh")
    # The trace's clock is 800 MHz, so that the second request comes at cycle 2 of 1200 MHz.
    assert same["time_cycles"] == d["RCD"] + d["CCD_L"] + data
    assert other["time_cycles"] == max(d["RRD_S"] + d["RCD"], d["RCD"] + d["CCD_S"]) + data


def test_banks_refresh_one_by_one() -> None:
    device = load_device("lpddr4_3200")
    requests = trace(*((400 * k, 64 * k, "r") for k in range(40)))
    result = simulated_once(requests, device, refresh_policy="PerBank")
    assert (result["status"], result["refreshes"]) == (0, 0)
    assert result["bank_refreshes"] >= result["time_cycles"] // device.timing["REFIPB"]


def test_address_beyond_the_memory() -> None:
    with pytest.raises(TargetError, match=r"request 1 of trace 'by hand' has address 0x40000000.*more ranks"):
        time_of(trace((0, 0, "r"), (0, RANK, "r")))


def test_unknown_value_of_a_knob() -> None:
    with pytest.raises(TargetError, match=r"page_policy has the value 'Shut'; use Open"):
        settings({"page_policy": ["Shut"]})
    with pytest.raises(TargetError, match=r"channels has the value 3; give powers of two"):
        settings({"channels": [3]})


def test_links_of_equal_keys() -> None:
    assert next_same(np.array([5, 7, 5, 5, 7])).tolist() == [2, 4, 3, 5, 5]


KNOBS = {name: st.sampled_from(values) for name, values in CHOICES.items() if name != "cmd_mux"}
SMALL = st.sampled_from([1, 2, 5, 16])


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 255), st.booleans()), min_size=1, max_size=60),
    st.fixed_dictionaries(KNOBS),
    st.fixed_dictionaries({"request_buffer_size": SMALL, "max_active_transactions": SMALL}),
    st.sampled_from([(1, 1), (2, 1), (1, 2), (4, 2)]),
    st.sampled_from(ADDRESS_MAPPINGS),
    st.sampled_from(["ddr3_1600", "lpddr4_3200", "hbm2"]),
)
def test_every_request_is_served_once_and_not_too_soon(
    requests: list[tuple[int, int, bool]],
    choices: dict[str, str],
    numbers: dict[str, int],
    sizes: tuple[int, int],
    mapping: str,
    name: str,
) -> None:
    device = load_device(name)
    if not device.refreshes_banks and choices["refresh_policy"] == "PerBank":
        choices = {**choices, "refresh_policy": "AllBank"}
    gaps, places, writes = (np.array(column) for column in zip(*requests, strict=True))
    made = Trace("random", np.cumsum(gaps), places * 64 * 1021 % (1 << 26), writes, device.clock_mhz)
    knobs = {**choices, **numbers, "channels": sizes[0], "ranks": sizes[1], "address_mapping": mapping}
    result = simulate(device, made, settings({k: [v] for k, v in knobs.items()}, ADDRESS_MAPPINGS), ADDRESS_MAPPINGS)
    count = dict(zip(COUNTS, result.counts[0].tolist(), strict=True))
    d = device.timing
    assert count["status"] == 0
    assert (count["reads"], count["writes"]) == (int((~writes).sum()), int(writes.sum()))
    assert count["precharges"] <= count["activates"] <= len(made) + count["precharges"]
    assert result.delays.max() + made.cycles.max() >= count["time_cycles"] >= made.cycles.max() + d["WL"] + d["BURST"]
    assert count["time_cycles"] >= d["RCD"] * (d["RCD"] <= d["RCDWR"]) + len(made) * d["BURST"] // sizes[0]
    assert np.all(result.latencies[0] >= np.where(writes, d["WL"], d["RL"]) + d["BURST"])
    assert np.all(result.delays >= result.latencies)
    assert_energy_adds_up(count, result, device, sizes)


def assert_energy_adds_up(count: dict[str, int], result: Runs, device: Any, sizes: tuple[int, int]) -> None:
    ranks = sizes[0] * sizes[1]
    asleep = count["active_down_cycles"] + count["precharged_down_cycles"] + count["self_refresh_cycles"]
    assert asleep + count["closed_cycles"] >= 0
    parts = energy_parts(device, result.counts, np.array([ranks]))
    assert all(np.all(part >= -1e-12) for name, part in parts.items() if name != "precharge")


def test_the_batch_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    requests = Trace(
        "random", np.cumsum(rng.integers(0, 9, 300)), rng.integers(0, 1 << 20, 300) * 64, rng.random(300) < 0.3
    )
    columns = {name: [values[k % len(values)] for k in range(12)] for name, values in CHOICES.items()}
    columns |= {"refresh_policy": ["AllBank"] * 12, "cmd_mux": ["Oldest"] * 12, "channels": [1, 2] * 6}
    columns |= {"address_mapping": [ADDRESS_MAPPINGS[k % 6] for k in range(12)]}
    table = settings(columns, ADDRESS_MAPPINGS)
    together = simulate(DDR3, requests, table, ADDRESS_MAPPINGS)
    for k in range(12):
        alone = simulate(DDR3, requests, table[k : k + 1], ADDRESS_MAPPINGS)
        np.testing.assert_array_equal(alone.counts[0], together.counts[k])
        np.testing.assert_array_equal(alone.latencies[0], together.latencies[k])


def test_agreement_with_dramsys() -> None:
    if "COSEARCH_DATA" not in os.environ:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder with dram/results.csv.gz")
    for reference in references(Path(os.environ["COSEARCH_DATA"])):
        thin = type(reference)(
            reference.trace.head(len(reference.trace)),
            reference.records[::58],
            {knob: values[::58] for knob, values in reference.designs.items()},
        )
        ours = simulated(DDR3, thin)
        for figure, column, factor, limit in (
            ("total_time", "total_time_ns", 1.0, 1e-3),
            ("energy", "energy_pj", 1e-6, 1e-3),
            ("power", "avg_power_mw", 1.0, 1e-3),
            ("mean_latency", "mean_latency_ns", 1.0, 5e-3 if thin.trace.name != "mb-unepic" else 2e-2),
            ("n_act", "n_act", 1.0, 5e-3),
        ):
            theirs = thin.column(column) * factor
            error = float(np.mean(np.abs(ours[OURS[figure]] / theirs - 1)))
            assert error <= limit, (thin.trace.name, figure, error)
        if thin.trace.name != "mb-unepic":
            assert spearman(ours["total_time_ns"], thin.column("total_time_ns")) >= 0.995
