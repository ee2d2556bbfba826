"""Studies that are killed and interrupted for real, through the command line."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import yaml

from cosearch.experiments.benchmarks.crash_resume import config, crash, finish, start, table, wait_for
from cosearch.experiments.status import status
from cosearch.experiments.store import FILE, TrialStore

TRIALS = 120


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("crash") / "crash.yaml"
    path.write_text(yaml.safe_dump(config("local", TRIALS, seed=5)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reference(settings: Path) -> list[tuple[object, ...]]:
    folder = settings.parent / "whole"
    finish(start("run", str(settings), "--folder", str(folder)))
    return table(folder)


@pytest.mark.parametrize("victim", ["driver", "worker", "tree"])
def test_a_killed_study_equals_an_uninterrupted_one(
    settings: Path, tmp_path: Path, reference: list[tuple[object, ...]], victim: str
) -> None:
    folder = tmp_path / victim
    crash("local", victim, settings, folder, np.random.default_rng(11), TRIALS)
    assert table(folder) == reference
    assert [row[0] for row in table(folder)] == list(range(TRIALS))


def test_a_killed_study_says_so(settings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    process = start("run", str(settings), "--folder", str(folder))
    wait_for(folder, 20, process)
    assert status(folder)["state"] == "running"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    now = status(folder)
    assert now["state"] == "killed"
    assert "cosearch resume" in now["reason"]


def test_ctrl_c_drains_saves_and_can_be_resumed(
    settings: Path, tmp_path: Path, reference: list[tuple[object, ...]]
) -> None:
    folder = tmp_path / "interrupted"
    process = start("run", str(settings), "--folder", str(folder))
    wait_for(folder, 20, process)
    # The terminal sends Ctrl-C to the whole group; workers must leave it to the driver.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert b"finishing what is in flight" in errors
    assert b"cosearch resume" in errors
    with TrialStore.open(folder, readonly=True) as store:
        counts = store.counts()
    assert set(counts) == {"done"}
    assert 20 <= counts["done"] < TRIALS
    finish(start("resume", str(folder)))
    assert table(folder) == reference


def test_a_design_that_kills_its_own_process_does_not_stop_a_study_for_ever(tmp_path: Path) -> None:
    data = config("local", 30, seed=5)
    data["execution"] = {"name": "local", "workers": 1}
    data["targets"]["cost"]["function"] = "suicidal:score"
    (tmp_path / "suicidal.py").write_text(
        "import os, signal\n"
        "def score(design):\n"
        "    if design['a'] % 7 == 3:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return {'latency_ms': float(design['a']), 'energy_mj': float(design['b'])}\n",
        encoding="utf-8",
    )
    path = tmp_path / "suicidal.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    folder = tmp_path / "study"
    process = start("run", str(path), "--folder", str(folder))
    for _ in range(200):
        process.communicate(timeout=60)
        if process.returncode == 0:
            break
        process = start("resume", str(folder))
    assert process.returncode == 0
    with TrialStore.open(folder, readonly=True) as store:
        crashed = list(store.rows("state = 'crashed'"))
        assert sum(store.counts().values()) == 30
    assert crashed
    assert all(row["design"]["a"] % 7 == 3 for row in crashed)


def test_the_table_is_a_plain_sqlite_file(settings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    finish(start("run", str(settings), "--folder", str(folder), "--set", "budget.trials=20"))
    assert not list(folder.glob(f"{FILE}-*"))
    with sqlite3.connect(folder / FILE) as database:
        assert database.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
