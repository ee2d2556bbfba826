from __future__ import annotations

from pathlib import Path

import pytest

from cosearch.hw_targets import fingerprint
from cosearch.hw_targets.fingerprint import OF_THE_MOMENT, cpu_fingerprint, usable_cores


def test_every_entry_is_text_and_cores_are_those_that_may_be_used() -> None:
    known = cpu_fingerprint()
    assert all(isinstance(value, str) and value for value in known.values())
    assert known["cpu_cores_usable"] == str(usable_cores())
    assert usable_cores() >= 1


def test_the_governor_and_model_are_read_where_the_kernel_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    governor, info = tmp_path / "governor", tmp_path / "cpuinfo"
    governor.write_text("performance\n")
    info.write_text("processor : 0\nmodel name\t: Some CPU @ 3 GHz\n")
    monkeypatch.setattr(fingerprint, "GOVERNOR", governor)
    monkeypatch.setattr(fingerprint, "CPU_INFO", info)
    assert cpu_fingerprint()["cpu_governor"] == "performance"
    assert cpu_fingerprint()["cpu"] == "Some CPU @ 3 GHz"
    monkeypatch.setattr(fingerprint, "GOVERNOR", tmp_path / "missing")
    monkeypatch.setattr(fingerprint, "CPU_INFO", tmp_path / "missing")
    assert cpu_fingerprint()["cpu_governor"] == "unknown"
    assert cpu_fingerprint()["cpu"]


def test_clock_and_temperature_are_read_where_the_machine_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "freq").write_text("2893123\n")
    (tmp_path / "cpuinfo").write_text("cpu MHz\t\t: 1999.96\n")
    for zone, millidegrees in (("thermal_zone0", "41500"), ("thermal_zone1", "67800"), ("thermal_zone2", "asleep")):
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "temp").write_text(f"{millidegrees}\n")
    monkeypatch.setattr(fingerprint, "FREQUENCY", tmp_path / "freq")
    monkeypatch.setattr(fingerprint, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(fingerprint, "THERMAL", tmp_path)
    assert (cpu_fingerprint()["cpu_mhz"], cpu_fingerprint()["temperature_c"]) == ("2893", "68")
    monkeypatch.setattr(fingerprint, "FREQUENCY", tmp_path / "missing")
    monkeypatch.setattr(fingerprint, "THERMAL", tmp_path / "missing")
    assert (cpu_fingerprint()["cpu_mhz"], cpu_fingerprint()["temperature_c"]) == ("2000", "unknown")
    assert set(cpu_fingerprint()) >= OF_THE_MOMENT
