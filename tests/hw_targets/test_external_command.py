from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosearch.hw_targets import device_lock
from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.external_command import ExternalCommand
from cosearch.hw_targets.program_output import read_samples, run_program
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import TargetError
from cosearch.spaces.space import Space

# A program of somebody else, which times a model file in its own way.
BENCH = """
import json, sys, time
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
given = session.get_inputs()[0]
feed = {given.name: np.ones([1, *given.shape[1:]], np.float32)}
design, workload = (json.load(open(name)) for name in sys.argv[2:])
times = []
for _ in range(20):
    start = time.perf_counter()
    session.run(None, feed)
    times.append(1e3 * (time.perf_counter() - start))
print("a banner")
print(json.dumps({"latency_ms": times, "macs": design["resolution"] * len(workload["operators"]), "else": None}))
"""


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_lock, "lock_folder", lambda: tmp_path)


def script(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "bench.py"
    path.write_text(text)
    return [sys.executable, "-P", str(path)]


def printing(tmp_path: Path, text: str) -> list[str]:
    return [*script(tmp_path, f"import sys\ndesign = open(sys.argv[1]).read()\n{text}\n"), "{design_json}"]


SPACE = Space({"a": [1, 2, 3]})


def evaluate(command: list[str], metrics: list[str] | None = None, **options: Any) -> Any:
    target = ExternalCommand(SPACE, command, metrics or ["latency_ms"], **options)
    return target.evaluate(SPACE.designs(np.array([[0], [1], [2]])), np.zeros(3, np.uint64))


def test_a_program_gets_model_design_and_workload(tmp_path: Path) -> None:
    space = ElasticCnn(depth=[1])
    command = [*script(tmp_path, BENCH), "{onnx}", "{design_json}", "{workload_json}"]
    target = ExternalCommand(space, command, ["latency_ms", "macs"], repeats=1)
    designs = space.designs(space.encode([space.corner(largest=True)]))
    columns = target.evaluate(designs, np.zeros(1, np.uint64))
    assert not columns.failures
    assert 0.0 < columns.values["latency_ms"][0] < 1e3
    assert columns.count["latency_ms"].tolist() == [20]
    assert columns.std["latency_ms"][0] > 0
    assert columns.values["macs"][0] == 8 * len(space.workload(designs[0]).operators)


def test_conformance_with_a_program_that_prints_one_number_at_a_time(tmp_path: Path) -> None:
    command = printing(tmp_path, "import json; print(json.loads(design)['a'] + 0.5)")
    check_target(lambda space: ExternalCommand(space, command, ["latency_ms"]), SPACE, n=1)
    columns = evaluate(command)
    assert columns.values["latency_ms"].tolist() == [1.5, 2.5, 3.5]
    assert columns.count["latency_ms"].tolist() == [3, 3, 3]


def test_a_design_that_breaks_the_program_fails_alone(tmp_path: Path) -> None:
    text = "import json, sys\na = json.loads(design)['a']\nif a == 2: sys.exit('no memory for it')\nprint([a, a, a])"
    columns = evaluate(printing(tmp_path, text))
    assert list(columns.failures) == [1]
    assert "ended with exit code 1: no memory for it; run it by hand" in columns.failures[1]
    assert columns.values["latency_ms"][[0, 2]].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-1.5", "latency_ms = -1.5; no device does that"),
        ("0", "latency_ms = 0; no device"),
        ("NaN", "printed NaN"),
        ('{"latency_ms": Infinity}', "printed Infinity"),
        ('{"latency_ms": 1e999}', "latency_ms = inf"),
        ('{"latency_ms": ' + 400 * "9" + "}", "latency_ms = inf"),
        ('{"latency_ms": [1, -1, 2]}', "latency_ms = -1"),
        ('{"latency_ms": []}', "no values of latency_ms"),
        ('{"latency_ms": true}', "latency_ms = True"),
        ('{"latency_ms": "1.2"}', "latency_ms = '1.2'"),
        ('{"latency": 1.2}', "no latency_ms"),
        ("about 1.2 ms", "no JSON: about 1.2 ms"),
        ("", "no JSON: nothing"),
        (10_000 * "[", "no JSON"),
    ],
)
def test_a_lying_program_is_refused(text: str, message: str) -> None:
    with pytest.raises(TargetError) as caught:
        read_samples(text, ["latency_ms"])
    assert message in str(caught.value)


def test_what_a_program_may_print() -> None:
    assert read_samples('{"latency_ms": 1.5}', ["latency_ms"]) == {"latency_ms": [1.5]}
    assert read_samples("[1, 2]", ["latency_ms"]) == {"latency_ms": [1.0, 2.0]}
    assert read_samples('{\n"latency_ms": 2,\n"top1_pct": 0\n}\n', ["latency_ms", "top1_pct"])["top1_pct"] == [0.0]
    assert read_samples("hello\n3\n\n", ["latency_ms"]) == {"latency_ms": [3.0]}
    with pytest.raises(TargetError, match="printed no object"):
        read_samples("[1, 2]", ["latency_ms", "energy_mj"])


def test_a_program_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen(['sleep', '60']); open({str(child)!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    with pytest.raises(TargetError, match=r"took longer than 1\.5 s; raise timeout_s"):
        run_program([*script(tmp_path, code)], 1.5)
    pid = int(child.read_text())
    for _ in range(100):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            break
        time.sleep(0.02)
    else:
        os.kill(pid, 9)
        pytest.fail("the program's child still runs")


def test_a_program_that_cannot_be_started_is_a_failure_of_the_design(tmp_path: Path) -> None:
    columns = evaluate([str(tmp_path / "nothing"), "{design_json}"])
    assert len(columns.failures) == 3
    assert "cannot be started (No such file or directory)" in columns.failures[0]


def test_nothing_is_left_to_a_shell(tmp_path: Path) -> None:
    word = "; touch pwned; $(touch pwned) `touch pwned`"
    text = "import sys; print([1.0] * 3 if sys.argv[1] == " + repr(word) + " else -1)"
    assert not evaluate([*script(tmp_path, text), word]).failures


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ([], {}, "give a program"),
        (["x"], {"metrics": []}, "at least one metric"),
        (["x"], {"metrics": ["latency"]}, "carries no unit"),
        (["x"], {"repeats": 0}, "repeats 0"),
        (["x"], {"timeout_s": 0.0}, "timeout_s"),
        (["x", "--model={model}"], {}, "placeholder {model} in command is unknown; use {onnx}, {design_json}"),
        (["x", "{onnx}"], {}, "space 'space' has nothing to write for {onnx}"),
        (["x", "{workload_json}"], {}, "nothing to write for {workload_json}"),
        (["x"], {"source": "guessed"}, "unknown source 'guessed'"),
    ],
)
def test_wrong_options_are_refused(command: list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(TargetError) as caught:
        ExternalCommand(SPACE, command, **({"metrics": ["latency_ms"]} | options))
    assert message in str(caught.value)


def test_variables_of_a_shell_that_is_asked_for_are_left_alone() -> None:
    columns = evaluate(["sh", "-c", 'X=1.5; echo "[${X}, ${X}, ${X}]" # $1', "sh", "{design_json}"])
    assert columns.values["latency_ms"].tolist() == [1.5] * 3


def test_it_says_what_it_needs(tmp_path: Path) -> None:
    target = ExternalCommand(SPACE, ["adb", "shell"], ["latency_ms"], device="phone")
    assert (target.needs.device, target.needs.program) == ("phone", "adb")
    assert target.fingerprint()["command"] == '["adb", "shell"]'
