"""The DRAMSys target: files, output, limits; and the real program, where it is installed."""

import csv
import gzip
import json
import os
import pickle
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.dram.device import load_device
from cosearch.hw_targets.dram.dramsys import DramSys
from cosearch.hw_targets.dram.dramsys_files import KEYS, controller, mapping, simulator, write_dramsys_files
from cosearch.hw_targets.dram.dramsys_output import read_output
from cosearch.spaces.errors import TargetError
from cosearch.spaces.memory_controller import ACTIVE_IF, CONTROLLER, FURTHER, memory_controller
from cosearch.spaces.space import Space

POWERS = {str(2**i) for i in range(8)}
ALLOWED = {
    "PagePolicy": {"Open", "OpenAdaptive", "Closed", "ClosedAdaptive"},
    "Scheduler": {"Fifo", "FrFcfs", "FrFcfsGrp"},
    "SchedulerBuffer": {"Bankwise", "ReadWrite", "Shared"},
    "RequestBufferSize": POWERS,
    "CmdMux": {"Oldest", "Strict"},
    "RespQueue": {"Fifo", "Reorder"},
    "RefreshPolicy": {"NoRefresh", "AllBank", "PerBank", "SameBank"},
    "RefreshMaxPostponed": {"1", "2", "4", "8"},
    "RefreshMaxPulledin": {"1", "2", "4", "8"},
    "PowerDownPolicy": {"NoPowerDown", "Staggered"},
    "Arbiter": {"Simple", "Fifo", "Reorder"},
    "MaxActiveTransactions": POWERS,
}
"""Keys and values of a controller file, by DRAMSys' documentation."""


def answer(energy, time_text):
    """Shell lines that print what DRAMSys does at the end."""
    return [
        f'echo "DRAMSys.dram0  Total Energy:   {energy} pJ"',
        'echo "DRAMSys.dram0  Average Power:  1666.00 mW"',
        f'echo "DRAMSys.controller0  Total Time:     {time_text}"',
        'echo "DRAMSys.controller0  AVG BW:         80.00 Gb/s (78.1 %)"',
    ]


@pytest.fixture
def resources(tmp_path):
    """A folder with just enough of a memory specification."""
    folder = tmp_path / "resources"
    spec = {"memspec": {"memarchitecturespec": {"nbrOfChannels": 1, "nbrOfRanks": 1}, "memoryType": "DDR3"}}
    for name in ("MICRON_1Gb_DDR3-1600_8bit_G", "JEDEC_8Gb_LPDDR4-3200_16bit"):
        path = folder / "configs" / "memspecs" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(spec), encoding="utf-8")
    return str(folder)


def script(folder, *lines):
    path = folder / "fake"
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def printing(folder, time_text):
    return script(folder, *answer(2000000, time_text))


def scored(target, space, n=1, seed=0):
    designs = space.designs(space.sample(np.random.default_rng(seed), n))
    return target.evaluate(designs, np.zeros(n, dtype=np.uint64))


@pytest.mark.parametrize("wide", [False, True])
def test_controller_files_have_the_documented_keys_and_values(wide):
    space = memory_controller(wide=wide, **({"page_timeout_cycles": [0]} if wide else {}))
    for design in space.decode(space.sample(np.random.default_rng(0), 300)):
        content = controller(design)["mcconfig"]
        assert list(content) == list(KEYS.values())
        assert set(content) == set(ALLOWED)
        for key, value in content.items():
            assert str(value) in ALLOWED[key], (key, value)
            assert isinstance(value, int) == (ALLOWED[key] <= POWERS)
        for knob, key in KEYS.items():
            assert knob not in design or content[key] == design[knob]


def test_a_page_timeout_cannot_be_exported(tmp_path):
    with pytest.raises(TargetError, match="page_timeout_cycles is 64"):
        write_dramsys_files({"page_timeout_cycles": 64}, load_device("ddr3_1600"), tmp_path, "a", [])


def test_other_sizes_name_a_memory_specification_of_their_own(tmp_path):
    device = load_device("ddr3_1600")

    def named(design, memspec=None):
        files = write_dramsys_files(design, device, tmp_path, "a", [("x.stl", 800)], memspec)
        return json.loads(files[0].read_text(encoding="utf-8"))["simulation"]["memspec"]

    assert named({"channels": 1, "ranks": 1}) == "MICRON_1Gb_DDR3-1600_8bit_G.json"
    assert named({"channels": 2, "ranks": 4}, "MINE") == "MINE_2ch_4ra.json"
    with pytest.raises(TargetError, match=r"800\.5 MHz"):
        write_dramsys_files({}, device, tmp_path, "a", [("x.stl", 800.5)])


def test_files_agree_with_those_that_come_with_dramsys():
    resources = os.environ.get("COSEARCH_DRAMSYS_RESOURCES")
    if not resources:
        pytest.skip("needs DRAMSys' files: set COSEARCH_DRAMSYS_RESOURCES to its folder resources")
    configs = Path(resources) / "configs"

    def theirs(kind, name):
        return json.loads((configs / kind / f"{name}.json").read_text(encoding="utf-8"))

    assert controller({}) == theirs("mcconfigs", "fr_fcfs")
    strict = {"cmd_mux": "Strict", "scheduler": "Fifo"}
    assert controller(strict) == theirs("mcconfigs", "fifoStrict")
    assert set(simulator("x", power=True)["simconfig"]) == set(theirs("simulator", "ddr3")["simconfig"])
    device = load_device("ddr3_1600")
    assert mapping({}, device) == theirs("amconfigs", "am_ddr3_8x1Gbx8_dimm_p1KB_rbc")
    brc = {"address_mapping": "channel-rank-bank-row-column"}
    assert mapping(brc, device) == theirs("amconfigs", "am_ddr3_8x1Gbx8_dimm_p1KB_brc")
    assert mapping(brc, load_device("ddr4_2400")) == theirs("amconfigs", "am_ddr4_8x4Gbx8_dimm_p1KB_brc")
    assert mapping({**brc, "ranks": 4}, device) == theirs("amconfigs", "am_ranktest")


@pytest.mark.parametrize(
    ("printed", "ns"), [("51595 ns", 51595), ("51597500 ps", 51597.5), ("52 us", 52000), ("3 ms", 3e6), ("1 s", 1e9)]
)
def test_units_of_time_are_read(tmp_path, resources, printed, ns):
    space = memory_controller()
    columns = scored(DramSys(space, resources, program=printing(tmp_path, printed)), space, 2)
    assert not columns.failures
    assert columns.values["total_time_ns"].tolist() == [ns, ns]
    assert columns.values["energy_uj"].tolist() == [2.0, 2.0]
    assert columns.values["avg_power_mw"].tolist() == [1666.0, 1666.0]
    assert columns.values["bandwidth_gbps"].tolist() == [10.0, 10.0]


def test_several_traces_add_up(tmp_path, resources):
    chosen = 'case "$1" in *0.json) time=1000;; *) time=3000;; esac'
    program = script(tmp_path, chosen, *answer("$time", "$time ns"))
    space = memory_controller()
    columns = scored(DramSys(space, resources, program=program, traces=["stream", "random"]), space)
    assert not columns.failures
    assert columns.values["total_time_ns"][0] == 4000
    assert columns.values["energy_uj"][0] == pytest.approx(0.004)


def test_channels_are_summed_and_idle_ones_count_nothing():
    text = (
        "d0  Total Energy:   5.00 pJ\nd0  Average Power:  2.50 W\n"
        "d1  Total Energy:   0.00 pJ\nd1  Average Power:  -nan mW\n"
        "c0  Total Time:     7 us\nc1  Total Time:     9 us\nc0  AVG BW:  8.00 Gb/s\nc1  AVG BW:  0.00 Gb/s\n"
    )
    values = {"total_time_ns": 9000.0, "bandwidth_gbps": 1.0, "energy_uj": 5e-6, "avg_power_mw": 2500.0}
    assert read_output(text, power=True) == pytest.approx(values)
    with pytest.raises(TargetError, match=r"Total Time.*9 min"):
        read_output(text.replace("9 us", "9 min"), power=True)
    with pytest.raises(TargetError, match=r"no 'Total Energy'.*AVG BW"):
        read_output(text.replace("Total Energy", "Energy"), power=True)


def test_the_time_limit_ends_the_program_and_what_it_started(tmp_path, resources):
    program = script(tmp_path, "sleep 60 &", f"echo $! > {tmp_path}/child", "wait")
    space = memory_controller()
    start = time.monotonic()
    columns = scored(DramSys(space, resources, program=program, time_limit_s=0.5), space)
    assert time.monotonic() - start < 30
    assert "took longer than 0.5 s" in columns.failures[0]
    assert "raise time_limit_s" in columns.failures[0]
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not _alive(child):
            return
        time.sleep(0.05)
    pytest.fail(f"process {child} is still running")


def _alive(process):
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


def test_a_crash_is_that_designs_failure_and_quoted(tmp_path, resources):
    crash = script(tmp_path, "grep -q '\"Arbiter\": \"Simple\"' $2/configs/mcconfigs/design.json || exec sh -c "
                   "'echo Fatal: no such arbiter >&2; kill -ABRT $$'", *answer(1, "7 ns"))  # fmt: skip
    space = memory_controller()
    target = DramSys(space, resources, program=crash)
    designs = space.designs(space.sample(np.random.default_rng(0), 12))
    columns = target.evaluate(designs, np.zeros(12, dtype=np.uint64))
    simple = designs.column("arbiter") == "Simple"
    assert 0 < simple.sum() < 12
    assert sorted(columns.failures) == np.flatnonzero(~simple).tolist()
    for message in columns.failures.values():
        assert "SIGABRT" in message
        assert "no such arbiter" in message
    assert (columns.values["total_time_ns"][simple] == 7).all()


def test_other_failures_say_what_happened(tmp_path, resources):
    space = memory_controller()
    silent = DramSys(space, resources, program=script(tmp_path, "echo hello"))
    assert "printed no 'Total Time'" in scored(silent, space).failures[0]
    assert "hello" in scored(silent, space).failures[0]
    status = DramSys(space, resources, program=script(tmp_path, "exit 3"))
    assert "exit status 3" in scored(status, space).failures[0]
    absent = DramSys(space, resources, program=str(tmp_path / "absent"))
    assert "is not found" in scored(absent, space).failures[0]
    assert absent.needs.program == str(tmp_path / "absent")
    (tmp_path / "text").write_bytes(b"\x00 no program")
    (tmp_path / "text").chmod(0o755)
    broken = DramSys(space, resources, program=str(tmp_path / "text"))
    assert "cannot be started: Exec format error" in scored(broken, space).failures[0]


def test_each_evaluation_has_its_own_folder_that_is_gone_afterwards(tmp_path, resources, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    where = script(tmp_path, f"pwd >> {tmp_path}/seen", "head -c 200 $2/traces/0.stl >> head.txt",
                   "test -s head.txt || exit 9", *answer(1, "7 ns"))  # fmt: skip
    space = memory_controller()
    columns = scored(DramSys(space, resources, program=where), space, 3)
    assert not columns.failures
    seen = (tmp_path / "seen").read_text().split()
    assert len(set(seen)) == 3
    assert all(Path(folder).parent == scratch for folder in seen)
    assert not list(scratch.iterdir())


def test_wrong_options_are_refused(tmp_path, resources):
    space = memory_controller()
    with pytest.raises(TargetError, match="no knob of a memory controller"):
        DramSys(Space({"x": [1, 2]}), resources)
    with pytest.raises(TargetError, match=r"resources: .*memspecs"):
        DramSys(space, str(tmp_path / "nowhere"))
    with pytest.raises(TargetError, match="time_limit_s is 0"):
        DramSys(space, resources, time_limit_s=0)
    with pytest.raises(TargetError, match="cannot be read"):
        DramSys(space, resources, memspec="OTHER")
    (Path(resources) / "configs" / "memspecs" / "EMPTY.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TargetError, match="no memory specification"):
        DramSys(space, resources, memspec="EMPTY")


def test_the_contract_with_a_program_that_answers(tmp_path, resources):
    program = printing(tmp_path, "51595 ns")
    options = {"program": program, "traces": {"name": "stream", "requests": 50}}
    check_target(lambda space: DramSys(space, resources, **options), memory_controller(), n=2)
    check_target(lambda space: DramSys(space, resources, **options, confirm_only=True), memory_controller(), n=2)


def test_without_power_analysis_there_is_no_energy(tmp_path, resources):
    space = memory_controller(refresh_policy=["AllBank", "PerBank"])
    target = DramSys(space, resources, program=printing(tmp_path, "51595 ns"), device="lpddr4_3200")
    assert [metric.name for metric in target.metrics()] == ["total_time_ns", "bandwidth_gbps"]
    assert set(scored(target, space).values) == {"total_time_ns", "bandwidth_gbps"}


def test_confirming_gives_other_names_and_searching_nothing(tmp_path, resources):
    space = memory_controller()
    target = DramSys(space, resources, program=printing(tmp_path, "51595 ns"), confirm_only=True)
    target.prepare(tmp_path, lambda text, share: None)
    assert target.metrics() == ()
    assert not scored(target, space).values
    designs = space.designs(space.sample(np.random.default_rng(0), 2))
    columns = pickle.loads(pickle.dumps(target)).confirm(designs, np.zeros(2, dtype=np.uint64))  # noqa: S301
    assert columns.values["dramsys_total_time_ns"].tolist() == [51595, 51595]


# --- the real program --------------------------------------------------------------------------------------------


@pytest.fixture
def dramsys():
    program, resources = os.environ.get("COSEARCH_DRAMSYS"), os.environ.get("COSEARCH_DRAMSYS_RESOURCES")
    if not program or not resources:
        pytest.skip("needs DRAMSys 4.0: set COSEARCH_DRAMSYS to the program and COSEARCH_DRAMSYS_RESOURCES")
    return {"program": program, "resources": resources}


def recorded(row):
    """The design of a row of recorded results."""
    design = {knob: int(row[key]) if row[key].isdigit() else row[key] for knob, key in KEYS.items()}
    order = {"rbc": "channel-rank-row-bank-column", "brc": "channel-rank-bank-row-column"}
    design |= {"address_mapping": order[row["AddressMapping"]], "page_timeout_cycles": 0, "channels": 1, "ranks": 1}
    inactive = {knob for knob, (other, values) in ACTIVE_IF.items() if design[other] not in values}
    return {knob: value for knob, value in design.items() if knob not in inactive}


@pytest.mark.parametrize("trace", ["stream", "triad-rw", "mb-jpegdecode-dense"])
def test_recorded_results_are_met_exactly(dramsys, trace):
    folder = os.environ.get("COSEARCH_DATA")
    if not folder:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder of it")
    with gzip.open(Path(folder) / "dram" / "results.csv.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["trace"] == trace]
    rows = [row for row in rows if row["design"] == "ext"] + rows[:512:64]
    space = memory_controller(wide=True)
    path = str(Path(folder) / "dram" / "traces" / f"{trace}.stl.gz")
    target = DramSys(space, traces=path, **dramsys)
    designs = space.designs(space.encode([recorded(row) for row in rows]))
    columns = target.evaluate(designs, np.zeros(len(rows), dtype=np.uint64))
    assert not columns.failures

    def theirs(name):
        return np.array([float(row[name]) for row in rows])

    np.testing.assert_allclose(columns.values["total_time_ns"], theirs("total_time_ns"), rtol=1e-12)
    np.testing.assert_allclose(columns.values["energy_uj"], theirs("energy_pj") * 1e-6, rtol=1e-12)
    np.testing.assert_allclose(columns.values["avg_power_mw"], theirs("avg_power_mw"), rtol=1e-12)
    np.testing.assert_allclose(columns.values["bandwidth_gbps"], theirs("avg_bw_gbps") / 8, rtol=1e-12)


@pytest.mark.parametrize("device", ["ddr3_1600", "ddr4_2400", "lpddr4_3200", "hbm2"])
def test_every_kind_of_design_runs(dramsys, device):
    refreshes = load_device(device).refreshes_banks
    policies = ["NoRefresh", "AllBank", *(["PerBank"] if refreshes else [])]
    space = memory_controller(wide=True, page_timeout_cycles=[0], refresh_policy=policies)
    assert set(space.names) == {*CONTROLLER, *FURTHER}
    target = DramSys(space, device=device, traces={"name": "zipf", "requests": 500, "write_share": 0.3}, **dramsys)
    columns = scored(target, space, 24, seed=2)
    assert not columns.failures
    assert (columns.values["total_time_ns"] > 0).all()


def test_exported_files_run_where_dramsys_is_and_give_the_same_time(dramsys, tmp_path):
    space = memory_controller()
    target = DramSys(space, traces={"name": "stream", "requests": 500}, **dramsys)
    designs = space.designs(space.sample(np.random.default_rng(3), 2))
    files = target.export(designs, tmp_path, ["one", "two"])
    assert len(files) == 9 == len(set(files))
    theirs = Path(dramsys["resources"]) / "configs"
    times = []
    for stem in ("one", "two"):
        root = tmp_path / stem
        for kind in ("memspecs", "thermalsim"):
            shutil.copytree(theirs / kind, root / "configs" / kind)
        shutil.copytree(tmp_path / "traces", root / "traces")
        command = [dramsys["program"], str(root / "simulation.json"), f"{root}/"]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        times.append(read_output(done.stdout, power=True)["total_time_ns"])
    assert times == target.evaluate(designs, np.zeros(2, dtype=np.uint64)).values["total_time_ns"].tolist()
