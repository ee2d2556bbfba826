"""DRAM devices: the reference device, files, energies, address mappings."""

import copy
import csv
import gzip
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from cosearch.hw_targets.dram.address_mapping import address_bits
from cosearch.hw_targets.dram.device import FOLDER, device_names, load_device
from cosearch.hw_targets.dram.timings import timings
from cosearch.spaces.errors import SpaceError, TargetError
from cosearch.spaces.memory_controller import ADDRESS_MAPPINGS


@pytest.mark.parametrize("name", device_names())
def test_shipped_devices_load_and_say_where_their_numbers_come_from(name):
    device = load_device(name)
    assert device.name == name
    assert len(device.source) > 100
    energies = device.energy_pj()
    assert energies.activate > 0 < energies.precharge
    assert energies.refresh > energies.write > 0 < energies.read
    assert energies.active_standby >= energies.precharge_standby > energies.precharge_power_down
    assert energies.active_standby > energies.active_power_down >= energies.precharge_power_down
    assert math.isnan(energies.refresh_bank) != device.refreshes_banks


def test_the_reference_device():
    device = load_device("ddr3_1600")
    assert (device.clock_mhz, device.tck_ns, device.bytes_per_access) == (800, 1.25, 64)
    assert device.peak_gbps == 12.8
    assert device.bytes_per_rank == 2**30
    assert device.timing["RTW"] == 10 + 4 + 2 - 8
    assert not device.refreshes_banks
    assert device.energy_pj().activate == 8 * 1.5 * 1.25 * 28 * (70 - 45)


def test_energies_give_the_recorded_energy_of_every_simulation():
    folder = os.environ.get("COSEARCH_DATA")
    if not folder:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder of it")
    with gzip.open(Path(folder) / "dram" / "results.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    column = {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name[:2] in ("n_", "ac", "pr")}
    energies = load_device("ddr3_1600").energy_pj()
    total = (
        column["n_act"] * energies.activate
        + column["n_pre"] * energies.precharge
        + column["n_rd"] * energies.read
        + column["n_wr"] * energies.write
        + column["n_ref"] * energies.refresh
        + column["act_cycles"] * energies.active_standby
        + column["pre_cycles"] * energies.precharge_standby
    )
    recorded = np.array([float(row["energy_pj"]) for row in rows])
    # The recorded cycles of open and closed banks leave out those of power-down.
    awake = np.array([row["PowerDownPolicy"] == "NoPowerDown" for row in rows])
    assert awake.sum() > 5000
    np.testing.assert_allclose(total[awake], recorded[awake], rtol=1e-6)
    assert (total[~awake] < recorded[~awake]).all()


def edited(tmp_path, name, change):
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    data = copy.deepcopy(data)
    change(data)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_a_device_of_ones_own(tmp_path):
    path = edited(tmp_path, "ddr3_1600", lambda data: data["timing"].update(RCD=12))
    device = load_device(path)
    assert device.timing["RCD"] == device.timing["RCDWR"] == 12


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["timing"].pop("RAS"), ["timing.RAS", "missing"]),
        (lambda d: d["timing"].update(RCD=1.5), ["timing.RCD", "1.5", "whole"]),
        (lambda d: d["timing"].update(RCD=-1), ["timing.RCD", "-1"]),
        (lambda d: d["timing"].update(RC=1), ["timing.RC", "RAS"]),
        (lambda d: d["timing"].update(BURST=8), ["timing.BURST", "half"]),
        (lambda d: d["timing"].update(REFI=80), ["timing.REFI", "RFC"]),
        (lambda d: d["timing"].update(REFIPB=780), ["REFIPB", "RFCPB"]),
        (lambda d: d["timing"].update(TRC=3), ["timing.TRC", "known fields"]),
        (lambda d: d["organisation"].update(banks=6), ["organisation.banks", "6", "power of two"]),
        (lambda d: d["organisation"].update(bank_groups=16), ["bank_groups", "16", "8"]),
        (lambda d: d["organisation"].update(columns=4), ["organisation.columns", "4", "at least 8, the burst length"]),
        (lambda d: d["supplies"]["VDD"].update(volts=0), ["supplies.VDD.volts", "above 0"]),
        (lambda d: d["supplies"]["VDD"]["currents_ma"].pop("IDD3N"), ["supplies.VDD.currents_ma.IDD3N", "missing"]),
        (lambda d: d["supplies"].clear(), ["supplies", "at least one"]),
        (lambda d: d.update(bus=[8]), ["bus", "object"]),
        (lambda d: d.update(clock_mhz=True), ["clock_mhz", "True"]),
        (lambda d: d["source"].update(timing=" "), ["source.timing", "text"]),
        (lambda d: d.update(estimated="none"), ["estimated", "list"]),
    ],
)
def test_wrong_files_are_refused_with_file_and_field(tmp_path, change, words):
    path = edited(tmp_path, "ddr3_1600", change)
    with pytest.raises(TargetError) as caught:
        load_device(path)
    for word in ["mine.json", *words]:
        assert word in str(caught.value)


def test_devices_that_refresh_single_banks_have_no_more_than_a_mask_holds(tmp_path):
    load_device(edited(tmp_path, "lpddr4_3200", lambda data: data["organisation"].update(banks=32)))
    with pytest.raises(TargetError, match="banks is 64; give at most 32"):
        load_device(edited(tmp_path, "lpddr4_3200", lambda data: data["organisation"].update(banks=64)))
    assert load_device(edited(tmp_path, "ddr3_1600", lambda data: data["organisation"].update(banks=64))).banks == 64


def test_the_gap_between_ranks_is_part_of_other_timings(tmp_path):
    device = load_device(edited(tmp_path, "ddr3_1600", lambda data: data["timing"].pop("RTRS")))
    np.testing.assert_array_equal(timings(device, 800.0), timings(load_device("ddr3_1600"), 800.0))


def test_unknown_devices_and_broken_files(tmp_path):
    with pytest.raises(TargetError, match=r"'ddr9'.*ddr3_1600"):
        load_device("ddr9")
    with pytest.raises(TargetError, match="does not exist"):
        load_device(tmp_path / "none.json")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(TargetError, match=r"broken\.json is no JSON"):
        load_device(tmp_path / "broken.json")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    with pytest.raises(TargetError, match="no object"):
        load_device(tmp_path / "list.json")


def test_mappings_of_the_reference_device():
    device = load_device("ddr3_1600")
    assert address_bits(device) == {
        "byte": (0, 1, 2),
        "column": tuple(range(3, 13)),
        "bank": (13, 14, 15),
        "row": tuple(range(16, 30)),
        "group": (),
        "rank": (),
        "channel": (),
    }
    other = address_bits(device, "channel-rank-bank-row-column")
    assert other["row"] == tuple(range(13, 27))
    assert other["bank"] == (27, 28, 29)


@pytest.mark.parametrize("name", device_names())
@pytest.mark.parametrize("mapping", ADDRESS_MAPPINGS)
def test_every_bit_of_an_address_is_used_once(name, mapping):
    device = load_device(name)
    bits = address_bits(device, mapping, channels=4, ranks=2)
    used = sorted(bit for field in bits.values() for bit in field)
    assert used == list(range((4 * 2 * device.bytes_per_rank).bit_length() - 1))
    access = device.bytes_per_access.bit_length() - 1
    assert set(range(access)) <= {*bits["byte"], *bits["column"]}
    assert 2 ** len(bits["group"]) == device.bank_groups
    assert 2 ** (len(bits["group"]) + len(bits["bank"])) == device.banks


def test_a_wrong_mapping_is_refused():
    with pytest.raises(SpaceError, match="address_mapping"):
        address_bits(load_device("hbm2"), "row-bank-column")
