from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cosearch.hw_targets import device_lock
from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.energy_meters import EnergyMeter, nvml, rapl
from cosearch.hw_targets.torch_cpu import TorchCpu
from cosearch.spaces.errors import TargetError
from cosearch.spaces.knobs import Value
from cosearch.spaces.space import Space

RANGE = 262_143_328_850
"""Microjoules at which a package's counter wraps around on a common server."""


def domain(folder: Path, name: str, label: str, energy_uj: int = 0, top: int = RANGE) -> Path:
    own = folder / name
    own.mkdir()
    (own / "name").write_text(f"{label}\n")
    (own / "energy_uj").write_text(f"{energy_uj}\n")
    (own / "max_energy_range_uj").write_text(f"{top}\n")
    return own


def test_packages_and_memory_count_once(tmp_path: Path) -> None:
    parts = {"0": "package-0", "0:0": "core", "0:1": "dram", "1": "package-1", "2": "psys"}
    for i, (number, label) in enumerate(parts.items()):
        domain(tmp_path, f"intel-rapl:{number}", label, energy_uj=1000 * i)
    meter = rapl(tmp_path)
    assert meter is not None
    assert meter.name == "rapl (package-0, dram, package-1)"
    assert meter.read() == (0, 2000, 3000)
    assert meter.spent_mj((0, 2000, 3000), (500, 2500, 4000)) == 2.0


def test_a_counter_that_wrapped_around_is_followed(tmp_path: Path) -> None:
    own = domain(tmp_path, "intel-rapl:0", "package-0", energy_uj=900, top=999)
    meter = rapl(tmp_path)
    assert meter is not None
    before = meter.read()
    (own / "energy_uj").write_text("150\n")
    # 900 .. 999 are 99 steps, one more to 0, then 150.
    assert meter.spent_mj(before, meter.read()) == 0.250


def test_no_meter_is_none_and_one_that_stops_is_an_error(tmp_path: Path) -> None:
    assert rapl(tmp_path) is None
    assert rapl(tmp_path / "nowhere") is None
    own = domain(tmp_path, "intel-rapl:0", "package-0")
    meter = rapl(tmp_path)
    assert meter is not None
    (own / "energy_uj").unlink()
    with pytest.raises(TargetError, match=r"stopped.*energy: false"):
        meter.read()
    # As where only root may read it.
    (own / "energy_uj").mkdir()
    assert rapl(tmp_path) is None


def test_without_an_nvidia_driver_there_is_no_meter() -> None:
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("this machine has an NVIDIA driver")
    assert nvml(0) is None


class Sleeping(Space):
    def module(self, design: Mapping[str, Value]) -> tuple[torch.nn.Module, torch.Tensor]:
        class Sleeper(torch.nn.Module):
            def forward(self, x: torch.Tensor) -> torch.Tensor:
                time.sleep(float(design["ms"]) / 1e3)
                return x

        return Sleeper().eval(), torch.zeros(1, 2)


class Metered(TorchCpu):
    folder: Path

    def energy_meter(self) -> EnergyMeter | None:
        return rapl(self.folder)


@contextmanager
def watts(counter: Path, power_w: float) -> Iterator[None]:
    """A counter that rises as a device of constant power lets it."""
    end = threading.Event()
    handle = os.open(counter, os.O_WRONLY)

    def work() -> None:
        start = time.perf_counter()
        while not end.wait(1e-3):
            os.pwrite(handle, f"{int(1e6 * power_w * (time.perf_counter() - start)):018d}\n".encode(), 0)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        os.close(handle)


def test_energy_is_power_times_latency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_lock, "lock_folder", lambda: tmp_path)
    own = domain(tmp_path, "intel-rapl:0", "package-0")
    monkeypatch.setattr(Metered, "folder", tmp_path, raising=False)
    space = Sleeping({"ms": [4, 12]})
    quick: dict[str, Any] = {"seconds": 0.02, "warm_up_s": 0.0, "min_repeats": 3}
    target = Metered(space, **quick)
    assert [m.name for m in target.metrics()] == ["latency_ms", "cpu_time_ms", "energy_mj"]
    assert target.fingerprint()["energy_meter"] == "rapl (package-0)"
    assert [m.name for m in Metered(space, energy=False).metrics()] == ["latency_ms", "cpu_time_ms"]
    assert [m.name for m in Metered(space, relative=True).metrics()][2:] == [
        "reference_ms",
        "latency_ratio",
        "energy_mj",
    ]
    with watts(own / "energy_uj", 10.0):
        columns = target.evaluate(space.designs(np.array([[0], [1]])), np.zeros(2, np.uint64))
        check_target(lambda space: Metered(space, **quick), space, n=1)
    assert not columns.failures
    energy, latency = columns.values["energy_mj"], columns.values["latency_ms"]
    # Watts times milliseconds; wide, as other work on the machine comes between.
    assert (energy > 7.0 * np.array([4, 12])).all()
    assert (energy < 40.0 * latency).all()
    assert columns.count["energy_mj"].tolist() == [5, 5]


def test_without_a_meter_there_is_no_energy_and_the_fingerprint_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Metered, "folder", tmp_path, raising=False)
    target = Metered(Sleeping({"ms": [1, 2]}))
    assert "energy_mj" not in {metric.name for metric in target.metrics()}
    assert target.fingerprint()["energy_meter"] == "none readable"
