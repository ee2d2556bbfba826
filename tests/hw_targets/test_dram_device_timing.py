"""Timings of the shipped devices, against what DRAMSys takes for one and two requests."""

import os
from functools import partial

import numpy as np
import pytest

from cosearch.hw_targets.dram.address_mapping import address_bits
from cosearch.hw_targets.dram.device import load_device
from cosearch.hw_targets.dram.dramsys import DramSys
from cosearch.hw_targets.dram.stl_files import write_stl
from cosearch.hw_targets.dram.trace import Trace
from cosearch.spaces.memory_controller import memory_controller

RANKS = 2
PLAIN = {
    "scheduler": ["Fifo"],
    "scheduler_buffer": ["Shared"],
    "request_buffer_size": [8],
    "resp_queue": ["Fifo"],
    "refresh_policy": ["NoRefresh"],
    "arbiter": ["Simple"],
    "power_down_policy": ["NoPowerDown"],
    "cmd_mux": ["Oldest"],
    "page_timeout_cycles": [0],
    "address_mapping": ["channel-rank-row-bank-column"],
    "channels": [1],
    "ranks": [RANKS],
}
ROW_COMMAND = {"hbm2": 2, "lpddr4_3200": 4}
"""Cycles of an activate, where it lasts longer than one."""


def requests(device, *wanted):
    """A trace of requests at cycle 0, each a direction and the fields of its address that are not 0."""
    bits = address_bits(device, ranks=RANKS)
    shift = {"column": device.burst_length.bit_length() - 1}
    addresses = [
        sum(
            ((value << shift.get(field, 0)) >> place & 1) << bit
            for field, value in fields.items()
            for place, bit in enumerate(bits[field])
        )
        for _, fields in wanted
    ]
    writes = [direction == "w" for direction, _ in wanted]
    return Trace("few", np.zeros(len(wanted), dtype=np.int64), addresses, writes, device.clock_mhz)


def cycles(device, options, folder, policy, *wanted):
    path = write_stl(requests(device, *wanted), folder / "few.stl")
    space = memory_controller(wide=True, page_policy=[policy], **PLAIN)
    target = DramSys(space, device=device.name, traces=str(path), **options)
    columns = target.evaluate(space.designs(space.enumerate()), np.zeros(1, dtype=np.uint64))
    assert not columns.failures
    # DRAMSys counts in whole picoseconds.
    return columns.values["total_time_ns"][0] / (round(1e3 * device.tck_ns) / 1e3)


@pytest.mark.parametrize("name", ["ddr3_1600", "ddr4_2400", "lpddr4_3200", "hbm2"])
def test_few_requests_take_the_time_that_the_timings_say(name, tmp_path):
    program, resources = os.environ.get("COSEARCH_DRAMSYS"), os.environ.get("COSEARCH_DRAMSYS_RESOURCES")
    if not program or not resources:
        pytest.skip("needs DRAMSys 4.0: set COSEARCH_DRAMSYS to the program and COSEARCH_DRAMSYS_RESOURCES")
    device = load_device(name)
    t = device.timing
    measured = partial(cycles, device, {"program": program, "resources": resources}, tmp_path)
    data = {"r": t["RL"] + t["DQSCK"] + t["BURST"], "w": t["WL"] + t["BURST"]}
    opening = {"r": t["RCD"], "w": t["RCDWR"]}
    same = {"rr": t["CCD_L"], "ww": t["CCD_L"], "rw": t["RTW"], "wr": data["w"] + t["WTR_L"]}
    other = {"rr": t["CCD_R"], "ww": t["CCD_R"], "rw": t["RTW_R"], "wr": t["WTR_R"]}
    closing = {"r": t["RCD"] + t["RTP"], "w": t["RCDWR"] + data["w"] + t["WR"]}
    found, expected = {}, {}

    def compare(case, expectation, policy, *wanted):
        found[case], expected[case] = measured(policy, *wanted), expectation

    start = measured("Open", ("r", {})) - opening["r"] - data["r"]
    assert 0 <= start <= 1
    compare("w", start + opening["w"] + data["w"], "Open", ("w", {}))
    for pair, gap in same.items():
        first, second = pair
        compare(pair, start + opening[first] + gap + data[second], "Open", (first, {}), (second, {"column": 1}))
        closed = max(max(t["RAS"], closing[first]) + t["RP"], t["RC"])
        for policy in ("Open", "Closed"):
            end = start + closed + opening[second] + data[second]
            compare(f"{pair} {policy}", end, policy, (first, {}), (second, {"row": 1}))
        apart = max(opening[first] + other[pair], ROW_COMMAND.get(name, 1) + opening[second])
        ends = max(opening[first] + data[first], apart + data[second])
        compare(f"{pair} ranks", start + ends, "Open", (first, {}), (second, {"rank": 1}))
    banks = start + max(t["RRD_L"] + t["RCD"], t["RCD"] + t["CCD_L"]) + data["r"]
    compare("banks", banks, "Open", ("r", {}), ("r", {"bank": 1}))
    if device.bank_groups > 1:
        groups = start + max(t["RRD_S"] + t["RCD"], t["RCD"] + t["CCD_S"]) + data["r"]
        compare("groups", groups, "Open", ("r", {}), ("r", {"group": 1}))
    assert found == pytest.approx(expected, abs=0.01)
