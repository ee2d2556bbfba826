"""Does a study survive kill -9? Drivers, workers and whole process trees are killed at random moments.

Each killed study is resumed until it is finished, and its table is compared with that of an uninterrupted run, in
deterministic mode: same trials, each exactly once, same designs, seeds, states and values.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ...spaces.errors import CosearchError, StoreError
from ..store import TrialStore
from .harness import Row, arguments, row, run
from .processes import command_line, descendants, kill

VICTIMS = ("driver", "worker", "tree")
WORKER_MARKS = {"local": "spawn_main", "ray": "ray::"}
WAIT_S = 180.0

Table = list[tuple[Any, ...]]


def config(backend: str, trials: int, seed: int) -> dict[str, Any]:
    """A study of two integer knobs on two workers, told in the order of its trials."""
    integer = {"type": "integer", "low": 0, "high": 100}
    return {
        "version": 1,
        "name": f"crash-{backend}",
        "seed": seed,
        "space": {"knobs": {"a": integer, "b": integer}},
        "targets": {
            "cost": {
                "name": "function",
                "function": "cosearch.experiments.benchmarks.slow_cost:score",
                "metrics": ["latency_ms", "energy_mj"],
            }
        },
        "objectives": [{"metric": "latency_ms", "reference": 2.0}, {"metric": "energy_mj", "reference": 2.0}],
        "search": {"name": "nsga2", "population": 20},
        "budget": {"trials": trials},
        "execution": {"name": backend, "workers": 2, "chunk": 2, "deterministic": True, "retries": 3},
        "tracking": {"name": "none"},
        "output": {"formats": ["json"], "report": False},
    }


def start(*words: str) -> subprocess.Popen[bytes]:
    """Run a verb of the command line in a process group of its own."""
    command = [sys.executable, "-m", "cosearch.experiments.cli", *words]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that must succeed.

    Raises:
        CosearchError: When it fails; with what it printed.
    """
    _, errors = process.communicate(timeout=WAIT_S)
    if process.returncode != 0:
        raise CosearchError(f"exit code {process.returncode}: {errors.decode()[-2000:]}", "see above")


def table(folder: Path) -> Table:
    """All that must repeat of a study: everything but times, workers and attempts."""
    with TrialStore.open(folder, readonly=True) as store:
        facts = ("id", "digest", "fidelity", "seed", "state", "values", "violation")
        return [tuple(row[fact] for fact in facts) for row in store.rows()]


def wait_for(folder: Path, n: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until ``n`` trials are finished, or the process has ended."""
    deadline = time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with TrialStore.open(folder, readonly=True) as store:
                if store.counts().get("done", 0) >= n:
                    return
        except StoreError:
            pass
        time.sleep(0.02)


def is_worker(backend: str, pid: int) -> bool:
    """Whether a process scores designs; Ray's agents bear similar names, but their death ends the whole node."""
    line = command_line(pid)
    return WORKER_MARKS[backend] in line and not line.endswith("Agent")


def crash(backend: str, victim: str, settings: Path, folder: Path, rng: np.random.Generator, trials: int) -> int:
    """Run a study, kill the victim at a random moment, go on until it is finished; trials done at the kill."""
    process = start("run", str(settings), "--folder", str(folder))
    # Late enough to have begun, early enough to be still at work when the signal arrives.
    moment = int(rng.integers(1, trials * 3 // 4))
    wait_for(folder, moment, process)
    time.sleep(rng.uniform(0.0, 0.03))
    family = descendants(process.pid)
    if process.poll() is not None:
        raise CosearchError("the study ended before it could be killed", "raise --trials")
    if victim == "worker":
        kill(int(rng.choice([pid for pid in family if is_worker(backend, pid)])))
        finish(process)
        return moment
    kill(process.pid, *(family if victim == "tree" else ()))
    process.communicate(timeout=WAIT_S)
    finish(start("resume", str(folder)))
    return moment


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """One row per backend and victim: share of killed studies that ended equal to the uninterrupted one."""
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        for backend in options.backends.split(","):
            settings = Path(scratch) / f"{backend}.yaml"
            settings.write_text(yaml.safe_dump(config(backend, options.trials, options.seed)))
            whole = Path(scratch) / f"{backend}-whole"
            finish(start("run", str(settings), "--folder", str(whole)))
            reference = table(whole)
            for victim in options.victims.split(","):
                begin = time.monotonic()
                equal = []
                for number in range(options.kills):
                    folder = Path(scratch) / f"{backend}-{victim}-{number}"
                    crash(backend, victim, settings, folder, rng, options.trials)
                    equal.append(float(table(folder) == reference and len(reference) == options.trials))
                spent = time.monotonic() - begin
                budget = f"{options.trials} trials"
                subject = f"{backend}: kill -9 of the {victim}"
                yield row("ours:study", subject, "equal_share", equal, budget=budget, wall_s=spent)


def main(argv: list[str] | None = None) -> list[Row]:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--kills", type=int, default=10, help="kills per victim and backend")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backends", default="local,ray")
    parser.add_argument("--victims", default=",".join(VICTIMS))
    return run("crash_resume", measure, parser, argv)


if __name__ == "__main__":
    main()
