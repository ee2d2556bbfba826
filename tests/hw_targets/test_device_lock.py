from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from cosearch.hw_targets.device_lock import DeviceLock, lock_folder
from cosearch.spaces.errors import TargetError

HOLD = """
import sys, time
from pathlib import Path
from cosearch.hw_targets.device_lock import DeviceLock
with DeviceLock("cpu", 30.0, Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""

ALTERNATE = """
import sys, time
from pathlib import Path
from cosearch.hw_targets.device_lock import DeviceLock
folder = Path(sys.argv[1])
for _ in range(5):
    with DeviceLock("cpu", 30.0, folder):
        start = time.monotonic_ns()
        time.sleep(0.02)
        end = time.monotonic_ns()
    print(start, end, flush=True)
"""


def start(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)


def test_two_processes_never_hold_a_device_at_once(tmp_path: Path) -> None:
    processes = [start(ALTERNATE, tmp_path) for _ in range(2)]
    spans = []
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        spans += [tuple(map(int, line.split())) for line in out.splitlines()]
    assert len(spans) == 10
    spans.sort()
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_a_busy_device_is_waited_for_named_and_free_once_its_holder_is_killed(tmp_path: Path) -> None:
    with start(HOLD, tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(TargetError, match=rf"'cpu' was busy for 0\.2 s, held by process {holder.pid}\b"),
            DeviceLock("cpu", 0.2, tmp_path),
        ):
            pass
        with DeviceLock("gpu", 0.2, tmp_path):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        with DeviceLock("cpu", 10.0, tmp_path):
            pass


def test_threads_of_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    inside: list[int] = []

    def work() -> None:
        with DeviceLock("cpu", 10.0, tmp_path):
            inside.append(1)
            assert len(inside) == 1
            time.sleep(0.02)
            inside.pop()

    with DeviceLock("cpu", 10.0, tmp_path):
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(0.1)
        assert not inside
    thread.join()


def test_an_error_inside_releases_the_device(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), DeviceLock("cpu", 1.0, tmp_path):
        raise ValueError("inside")
    with DeviceLock("cpu", 0.0, tmp_path):
        pass


def test_device_names_cannot_leave_the_folder(tmp_path: Path) -> None:
    lock = DeviceLock("../../etc/x y", 1.0, tmp_path)
    assert lock.path.parent == tmp_path
    with lock:
        assert lock.path.exists()


def test_the_folder_belongs_to_the_user_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = lock_folder()
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere")
    assert lock_folder() == folder
    assert folder.stat().st_uid == os.getuid()
    assert not folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
