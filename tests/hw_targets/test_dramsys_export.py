"""Fronts as files for DRAMSys: one simulation per trace, shared traces, and notes instead of errors."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cosearch.hw_targets.dram.device import FOLDER, load_device
from cosearch.hw_targets.dram.dramsys import _write_once
from cosearch.hw_targets.dram.dramsys_export import export_designs, file_names
from cosearch.hw_targets.dram.dramsys_output import read_output
from cosearch.hw_targets.dram.stl_files import read_stl
from cosearch.hw_targets.dram.target import Dram
from cosearch.hw_targets.dram.trace import Trace
from cosearch.spaces.memory_controller import memory_controller

LABELLED = {"name": "zipf", "label": "../../evil", "requests": 300, "write_share": 0.3}
TRACES = [{"name": "stream", "requests": 400}, LABELLED]


def tracesetup(path: Path) -> list[dict[str, object]]:
    setup: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))["simulation"]["tracesetup"]
    return setup


def named(name: str) -> Trace:
    return Trace(name, np.zeros(1), np.zeros(1), np.zeros(1))


def test_each_trace_is_a_simulation_and_written_once(tmp_path: Path) -> None:
    out = tmp_path / "front"
    out.mkdir()
    space = memory_controller()
    target = Dram(space, traces=TRACES)
    files = target.export(space.designs(space.sample(np.random.default_rng(0), 2)), out, ["a", "b"])
    assert sorted(tmp_path.iterdir()) == [out], "nothing outside"
    assert all(path.is_file() for path in files)
    assert sorted(path.name for path in (out / "traces").iterdir()) == ["evil.stl", "stream.stl"]
    for trace, name in zip(target.traces, ("stream", "evil"), strict=True):
        assert read_stl(out / "traces" / f"{name}.stl").digest() == trace.digest()
        for stem in ("a", "b"):
            assert tracesetup(out / stem / f"simulation-{name}.json") == [{"clkMhz": 800, "name": f"{name}.stl"}]
    assert not (out / "a" / "simulation.json").exists()
    Dram(space, traces=TRACES[:1]).export(space.designs(space.sample(np.random.default_rng(0), 1)), out, ["c"])
    assert tracesetup(out / "c" / "simulation.json") == [{"clkMhz": 800, "name": "stream.stl"}]


def test_what_dramsys_cannot_have_gets_a_note(tmp_path: Path) -> None:
    device, plain = load_device("ddr3_1600"), named("plain")
    designs = [{"page_timeout_cycles": 64}, {"page_timeout_cycles": 0}]
    files = export_designs(designs, device, [plain], tmp_path, ["timeout", "none"])
    assert tmp_path / "timeout.txt" in files
    assert "page_timeout_cycles is 64: DRAMSys has no page timeout" in (tmp_path / "timeout.txt").read_text()
    assert not (tmp_path / "timeout").exists()
    assert (tmp_path / "none" / "simulation.json").is_file()
    (tmp_path / "mine.json").write_text((FOLDER / "ddr3_1600.json").read_text().replace('"ddr3_1600"', '"mine"', 1))
    export_designs(designs[1:], load_device(tmp_path / "mine.json"), [plain], tmp_path, ["own"])
    assert "'mine' has no known DRAMSys memspec" in (tmp_path / "own.txt").read_text()
    odd = Trace("odd", np.zeros(1), np.zeros(1), np.zeros(1), 800.5)
    export_designs(designs[1:], device, [odd], tmp_path, ["odd"])
    assert "800.5 MHz" in (tmp_path / "odd.txt").read_text()


def test_names_of_traces_become_names_of_files() -> None:
    names = ["../../evil", "my trace", "my_trace", "..", "layer1/conv", "x" * 300, "a-1.b"]
    plain = file_names([named(name) for name in names])
    assert plain == ["evil", "my_trace", "my_trace-2", "trace", "layer1_conv", "x" * 100, "a-1.b"]


def test_threads_may_write_the_same_trace(tmp_path: Path) -> None:
    trace = Trace("long", np.arange(20_000), np.arange(20_000) * 64, np.zeros(20_000))
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: _write_once(trace, tmp_path), range(16)))
    assert list(tmp_path.iterdir()) == list(paths)
    assert read_stl(paths.pop()).digest() == trace.digest()


def test_an_exported_front_runs_where_dramsys_is_and_takes_our_time(tmp_path: Path) -> None:
    program, resources = os.environ.get("COSEARCH_DRAMSYS"), os.environ.get("COSEARCH_DRAMSYS_RESOURCES")
    if not program or not resources:
        pytest.skip("needs DRAMSys 4.0: set COSEARCH_DRAMSYS to the program and COSEARCH_DRAMSYS_RESOURCES")
    space = memory_controller(refresh_policy=["AllBank"])
    target = Dram(space, traces=TRACES)
    designs = space.designs(space.sample(np.random.default_rng(4), 3))
    stems = ["one", "two", "three"]
    target.export(designs, tmp_path, stems)
    ours = target.evaluate(designs, np.zeros(3, dtype=np.uint64)).values["total_time_ns"]
    theirs = np.zeros(3)
    for row, stem in enumerate(stems):
        # As the documentation says: configs and traces into a folder of resources.
        root = tmp_path / f"resources-{stem}"
        for kind in ("memspecs", "thermalsim"):
            shutil.copytree(Path(resources) / "configs" / kind, root / "configs" / kind)
        shutil.copytree(tmp_path / stem / "configs", root / "configs", dirs_exist_ok=True)
        shutil.copytree(tmp_path / "traces", root / "traces")
        for simulation in sorted((tmp_path / stem).glob("simulation-*.json")):
            command = [program, str(simulation), f"{root}/"]
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr
            theirs[row] += read_output(done.stdout, power=True)["total_time_ns"]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)
