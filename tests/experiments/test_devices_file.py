from __future__ import annotations

from pathlib import Path

import pytest

from cosearch.experiments.configuration.devices import load_devices
from cosearch.hw_targets.torch_cpu import TorchCpu
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import ConfigError

GOOD = """
space: {name: elastic_cnn, depth: [1, 2]}
devices:
  one_thread: {name: torch_cpu, threads: 1}
  two_threads_batch_8: {name: torch_cpu, threads: 2, batch: 8, seconds: 0.05}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "devices.yaml"
    path.write_text(text)
    return path


def test_space_and_devices_are_built(tmp_path: Path) -> None:
    found = load_devices(written(tmp_path, GOOD))
    assert isinstance(found.space, ElasticCnn)
    assert found.space_block == {"name": "elastic_cnn", "depth": [1, 2]}
    assert list(found.devices) == ["one_thread", "two_threads_batch_8"]
    second = found.devices["two_threads_batch_8"]
    assert isinstance(second, TorchCpu)
    assert (second.threads, second.batch, second.rule.seconds) == (2, 8, 0.05)


def test_devices_of_ones_own_lie_beside_the_file(tmp_path: Path) -> None:
    code = "def score(design):\n    return {'latency_ms': float(design['a'])}\n"
    (tmp_path / "measured_beside_the_file.py").write_text(code)
    own = "{name: function, function: measured_beside_the_file:score, metrics: [latency_ms]}"
    text = f"space: {{knobs: {{a: [1, 2]}}}}\ndevices:\n  own: {own}\n"
    found = load_devices(written(tmp_path, text))
    assert found.space_block is None
    assert found.devices["own"].metrics()[0].name == "latency_ms"


def test_every_mistake_is_shown_with_its_line(tmp_path: Path) -> None:
    text = """space: {name: elastic_cn}
devices:
  a: {name: torch_cp}
  b: {name: torch_cpu, threads: two}
  c: {threads: 1}
device: {}
"""
    with pytest.raises(ConfigError) as caught:
        load_devices(written(tmp_path, text))
    shown = str(caught.value)
    for line, words in (
        (1, "did you mean 'elastic_cnn'?"),
        (3, "did you mean 'torch_cpu'?"),
        (4, "devices.b.threads: must be a whole number"),
        (5, "has no name"),
        (6, "did you mean 'devices'?"),
    ):
        assert any(f"devices.yaml:{line}:" in row and words in row for row in shown.splitlines()), (line, shown)
    assert "5 problems" in shown


def test_an_option_out_of_range_is_named(tmp_path: Path) -> None:
    text = "space: {name: elastic_cnn}\ndevices:\n  a: {name: torch_cpu, threads: 0}\n"
    with pytest.raises(ConfigError, match=r"devices.yaml:3: devices.a.threads: torch_cpu: threads 0"):
        load_devices(written(tmp_path, text))


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    board = "{name: external_command, command: [no-such-program, '{design_json}'], metrics: [latency_ms]}"
    text = f"space: {{name: elastic_cnn}}\ndevices:\n  board: {board}\n"
    with pytest.raises(ConfigError, match=r"devices.yaml:3: devices.board: needs the program 'no-such-program'"):
        load_devices(written(tmp_path, text))


def test_the_targets_of_an_experiment_are_devices(tmp_path: Path) -> None:
    text = """name: both
space: {arch: {name: elastic_cnn}, hw: {knobs: {pe: [4, 8]}}, name: joint}
targets:
  speed: {name: torch_cpu, part: arch}
  memory: {name: activation_memory, part: arch}
objectives: [{metric: latency_ms}]
"""
    found = load_devices(written(tmp_path, text))
    assert list(found.devices) == ["speed", "memory"]
    assert found.parts == {"speed": "arch", "memory": "arch"}
    with pytest.raises(ConfigError, match="did you mean 'torch_cpu'"):
        load_devices(written(tmp_path, text.replace("torch_cpu", "torch_cp")))


@pytest.mark.parametrize("text", ["space: {name: elastic_cnn}\ndevices: {}\n", "devices:\n  a: {name: torch_cpu}\n"])
def test_something_must_be_there(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 problem"):
        load_devices(written(tmp_path, text))
