"""``cosearch measure``: real devices, real kills, tables that go on where they ended."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cosearch.experiments.chosen_designs import designs_of_file, random_designs
from cosearch.experiments.cli import main
from cosearch.experiments.measure import Request, measured
from cosearch.hw_targets import device_lock
from cosearch.hw_targets.measured_target import HELD
from cosearch.hw_targets.measurements import read_measurements
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import ConfigError, CosearchError

TORCH = """
space: {name: elastic_cnn, depth: [1, 2]}
devices:
  one_thread: {name: torch_cpu, threads: 1, seconds: 0.01, warm_up_s: 0.005}
"""

# Two boards: one refuses a design, the other gives its energy.
BOARDS = """
space: {knobs: {a: {type: integer, low: 1, high: 40}}}
devices:
  quick: {name: external_command, command: [sh, bench.sh, "{design_json}"], metrics: [latency_ms], device: quick}
  frugal:
    {name: external_command, command: [sh, bench.sh, "{design_json}", energy], metrics: [energy_mj], source: simulated}
"""

BENCH = """
a=$(tr -cd 0-9 < "$1")
echo "$a" >> runs.txt
[ -z "$BENCH_S" ] || sleep "$BENCH_S"
if [ "$a" = 7 ] && [ $# = 1 ]; then echo too hot >&2; exit 1; fi
echo "[$a, $a.1, $a.2]"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    locks = tmp_path / "locks"
    locks.mkdir()
    monkeypatch.setattr(device_lock, "lock_folder", lambda: locks)
    return tmp_path


@pytest.fixture
def boards(here: Path) -> Path:
    (here / "bench.sh").write_text(BENCH)
    path = here / "boards.yaml"
    path.write_text(BOARDS)
    return path


def cosearch(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["measure", *arguments])


def runs(here: Path) -> list[str]:
    return (here / "runs.txt").read_text().splitlines()


def test_networks_are_measured_for_real_and_the_table_says_what_it_depends_on(here: Path) -> None:
    (here / "devices.yaml").write_text(TORCH)
    result = cosearch("devices.yaml", "--random", "5", "--seed", "3", "--rounds", "2", "--output", "pool.csv", "--json")
    assert result.exit_code == 0, result.stderr
    (device,) = json.loads(result.stdout)["devices"]
    assert (device["device"], device["designs"], device["failed"]) == ("one_thread", 5, 0)
    assert device["median_relative_std"]["latency_ms"] > 0
    table = read_measurements(here / "pool.csv")
    assert isinstance(table.space, ElasticCnn)
    assert table.metrics[:2] == ("latency_ms", "cpu_time_ms")
    assert (table.values["latency_ms"] > 0).all()
    assert (table.count["latency_ms"] >= 2).all()
    np.testing.assert_array_equal(table.codes, random_designs(table.space, 5, 3))
    facts = table.fingerprints["one_thread"]
    assert facts["rounds"] == "2"
    assert facts["energy_meter"] == device["energy_meter"]
    assert {"cpu", "torch", "threads", "dtype", "load_average_1min", "cpu_mhz", "temperature_c"} <= set(facts)


def test_several_devices_share_a_table_and_failures_are_kept(boards: Path, here: Path) -> None:
    result = cosearch("boards.yaml", "--random", "40", "--rounds", "1", "--output", "pool.csv")
    assert result.exit_code == 0, result.stderr
    assert "quick: 1 failed, the first: TargetError" in result.stderr
    assert "too hot" in result.stderr
    assert (
        result.stdout.splitlines()[0]
        == "device\thow\tdesigns\tfailed\tlatency_ms spread\tenergy_mj spread\tenergy meter"
    )
    table = read_measurements(here / "pool.csv")
    assert table.devices == ("quick", "frugal")
    codes, latency = table.table("quick", "latency_ms")
    assert len(codes) == 39
    np.testing.assert_allclose(latency, codes[:, 0] + 1.1)
    assert table.told_sources() == {"quick": {"latency_ms": "measured"}, "frugal": {"energy_mj": "simulated"}}
    assert len(table.failures) == 1
    # The same again: nothing is missing, not even what failed.
    before = len(runs(here))
    assert cosearch("boards.yaml", "--random", "40", "--rounds", "1", "--output", "pool.csv").exit_code == 0
    assert len(runs(here)) == before
    # A single device of the file, into the same columns.
    assert cosearch("boards.yaml", "--random", "3", "--device", "frugal", "--output", "one.csv").exit_code == 0
    one = read_measurements(here / "one.csv")
    assert (one.devices, one.metrics) == (("frugal",), table.metrics)


def test_devices_may_be_added_later(boards: Path, here: Path) -> None:
    both = boards.read_text()
    boards.write_text(both[: both.index("  frugal")])
    assert cosearch("boards.yaml", "--random", "3", "--rounds", "1", "--output", "pool.csv").exit_code == 0
    boards.write_text(both)
    assert cosearch("boards.yaml", "--random", "3", "--rounds", "1", "--output", "pool.csv").exit_code == 0
    table = read_measurements(here / "pool.csv")
    assert (len(table), table.metrics) == (6, ("latency_ms", "energy_mj"))
    assert len(runs(here)) == 6


def start(here: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "cosearch.experiments.cli", "measure", "boards.yaml", "--random", "40"]
    command += ["--rounds", "1", "--output", "pool.csv", "--device", "quick", *more]
    return subprocess.Popen(
        command,
        cwd=here,
        text=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"BENCH_S": "0.01"},
    )


def wait_for_rows(process: subprocess.Popen[str], path: Path, n: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().count("\n") > n:
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)
    pytest.fail("no rows")


def test_kill_9_loses_no_finished_batch_and_the_same_command_goes_on(boards: Path, here: Path) -> None:
    process = start(here)
    wait_for_rows(process, here / "pool.csv", HELD)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    kept = (here / "pool.csv").read_text().splitlines()
    done = read_measurements(here / "pool.csv")
    assert HELD <= len(done) < 40
    # As a crash of the whole machine may leave it.
    with (here / "pool.csv").open("a") as file:
        file.write("quick,4")
    (here / "runs.txt").unlink()
    result = cosearch("boards.yaml", "--random", "40", "--rounds", "1", "--output", "pool.csv", "--device", "quick")
    assert result.exit_code == 0, result.stderr
    assert "its last line is torn" in result.stderr
    assert (here / "pool.csv").read_text().splitlines()[: len(kept)] == kept
    table = read_measurements(here / "pool.csv")
    assert sorted(table.codes[:, 0]) == list(range(40))
    measured_again = {int(line) for line in runs(here)}
    assert measured_again == set(range(1, 41)) - set((done.codes[:, 0] + 1).tolist())


def test_one_process_writes_a_table_and_ctrl_c_finishes_its_batch(boards: Path, here: Path) -> None:
    process = start(here)
    wait_for_rows(process, here / "pool.csv", 0)
    second = cosearch("boards.yaml", "--random", "3", "--output", "pool.csv", "--json")
    assert second.exit_code == 1
    assert "pool.csv is being written by another process" in json.loads(second.stdout)["error"]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted and saved; go on with the same command" in errors
    assert "Traceback" not in errors
    assert len(read_measurements(here / "pool.csv")) in (HELD, 2 * HELD)


def test_a_full_disk_is_one_clear_error(boards: Path, here: Path) -> None:
    assert cosearch("boards.yaml", "--random", "3", "--output", "pool.csv").exit_code == 0
    before, limits = (here / "pool.csv").read_text(), resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(len(before), (here / "pool.json").stat().st_size, (here / "runs.txt").stat().st_size + 2000)
    (here / "pool.csv").write_text(before + before[before.index("\n") + 1 :] * (size // len(before) + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, ((here / "pool.csv").stat().st_size + 10, limits[1]))
    try:
        result = cosearch("boards.yaml", "--random", "9", "--output", "pool.csv", "--device", "quick")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert result.exit_code == 1
    assert "pool.csv: cannot be written (File too large); make room on the disk" in result.stderr
    assert (here / "pool.csv").read_text().startswith(before)


def test_other_settings_do_not_mix_into_a_table(boards: Path, here: Path) -> None:
    assert cosearch("boards.yaml", "--random", "3", "--output", "pool.csv").exit_code == 0
    result = cosearch("boards.yaml", "--random", "4", "--rounds", "5", "--output", "pool.csv")
    assert result.exit_code == 1
    assert "device 'quick' was measured with rounds 3, now it is 5; give the device another label" in result.stderr
    (here / "devices.yaml").write_text(TORCH)
    result = cosearch("devices.yaml", "--random", "4", "--output", "pool.csv")
    assert "is of space" in result.stderr


def test_designs_may_come_from_files_and_studies(boards: Path, here: Path) -> None:
    from cosearch.experiments.configuration.init_config import init

    init()
    options = ("--set", "budget.trials=30", "--set", "search.population=10", "--set", "output.report=false")
    assert CliRunner().invoke(main, ["run", "experiment.yaml", *options, "--local"]).exit_code == 0
    # An experiment is a devices file too: its targets are the devices.
    found = cosearch("experiment.yaml", "--study", "first", "--output", "front.csv", "--json")
    assert found.exit_code == 0, found.stderr
    front = read_measurements(here / "front.csv")
    written = here / "studies" / "first" / "pareto"
    for name in ("pareto.json", "pareto.csv"):
        codes = designs_of_file(front.space, written / name)
        np.testing.assert_array_equal(np.unique(codes, axis=0), np.unique(front.codes, axis=0))
    result = cosearch("boards.yaml", "--study", "first", "--output", "x.csv")
    assert result.exit_code == 2
    assert "searched space" in result.stderr


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("d.json", '[{"a": 41}]', "d.json: knob 'a': 41 is not a value"),
        ("d.json", "[3]", "d.json: entry 0 is 3"),
        ("d.json", '{"a": 1}', "d.json: holds no list"),
        ("d.json", "[", "d.json: not JSON"),
        ("d.json", "[]", "d.json: holds no designs"),
        ("d.csv", "a\n1\nx\n", "d.csv:3: knob 'a': 'x' is not a value"),
        ("d.csv", "b\n1\n", "d.csv:1: no column is a knob"),
        ("d.csv", "a,b\n1\n", "d.csv:2: 1 cells under 2 columns"),
    ],
)
def test_wrong_designs_are_named(name: str, text: str, message: str, boards: Path, here: Path) -> None:
    (here / name).write_text(text)
    result = cosearch("boards.yaml", "--designs", name, "--output", "x.csv")
    assert result.exit_code in (1, 2)
    assert message in result.stderr
    assert not (here / "x.csv").exists()


def test_the_designs_of_a_file_are_measured_once_each(boards: Path, here: Path) -> None:
    (here / "mine.json").write_text('[{"a": 3}, {"a": 9}, {"a": 3}]')
    (here / "mine.csv").write_text("note,a\nfirst,3\nsecond,9\n")
    for name in ("mine.json", "mine.csv"):
        measured(Request(boards, here / "x.csv", designs=here / name, labels=("quick",)))
    assert read_measurements(here / "x.csv").codes[:, 0].tolist() == [2, 8]


def test_what_is_asked_for_wrongly(boards: Path, here: Path) -> None:
    for asked, message in (
        ((), "no designs given; say which designs"),
        (("--random", "2", "--designs", "x.csv"), "--random and --designs given"),
        (("--random", "2", "--device", "slow"), "there is no device 'slow'; known: quick, frugal"),
    ):
        result = cosearch("boards.yaml", *asked, "--output", "x.csv")
        assert result.exit_code in (1, 2)
        assert message in result.stderr
    assert "nothing to do" in cosearch("--output", "x.csv").stderr
    with pytest.raises(ConfigError, match=r"is no \.csv"):
        Request(boards, here / "x.tsv", n_random=3)
    with pytest.raises(CosearchError, match="no such file"):
        measured(Request(here / "none.yaml", here / "x.csv", n_random=3))


def test_a_small_space_gives_what_it_has(boards: Path, here: Path) -> None:
    result = cosearch("boards.yaml", "--random", "99", "--rounds", "1", "--device", "frugal", "--output", "x.csv")
    assert result.exit_code == 0
    assert "gave 40 distinct designs, not 99" in result.stderr


def test_tables_are_compared_device_by_device(here: Path) -> None:
    (here / "a.csv").write_text("device,a,latency_ms\nx,1,1\nx,2,2\nx,3,3\ny,1,5\n")
    (here / "b.csv").write_text("device,a,latency_ms\nx,1,1.1\nx,2,2.2\nx,3,3.3\nx,4,9\nz,1,5\n")
    from cosearch.experiments.compare_measurements import differences
    from cosearch.spaces.space import Space

    space = Space({"a": [1, 2, 3, 4]})
    (found,) = differences(*(read_measurements(here / name, space) for name in ("a.csv", "b.csv")))
    assert (found.device, found.metric, found.designs, found.spearman) == ("x", "latency_ms", 3, pytest.approx(1.0))
    assert found.median_shift == pytest.approx(0.1)
    assert found.median_difference == pytest.approx(0.1)


def test_compare_only(boards: Path, here: Path) -> None:
    for name in ("one.csv", "two.csv"):
        assert cosearch("boards.yaml", "--random", "5", "--rounds", "1", "--output", name).exit_code == 0
    result = cosearch("--output", "two.csv", "--compare", "one.csv", "--json")
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["differences"]
    assert {(row["device"], row["metric"]) for row in rows} == {("quick", "latency_ms"), ("frugal", "energy_mj")}
    assert all(row["median_difference"] == 0 for row in rows)
    assert "one.csv against two.csv" not in cosearch("--output", "two.csv", "--compare", "one.csv").stderr
    assert cosearch("--output", "none.csv", "--compare", "one.csv").exit_code == 1
