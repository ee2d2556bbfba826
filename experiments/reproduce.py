"""One trial again, in this process, with its own seed: ``python -m cosearch.experiments.reproduce STUDY ID``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import numpy as np

from ..spaces.errors import CosearchError, StoreError
from .execution.evaluator import Chunk, Outcome
from .store import TrialStore
from .study import Study


def command(folder: Path, trial: int) -> str:
    """The shell command that reproduces a trial."""
    return f"python -m cosearch.experiments.reproduce {shlex.quote(str(folder))} {trial}"


def reproduce(folder: Path, trial: int) -> Outcome:
    """Score one trial's design again; nothing is written.

    Args:
        folder: The study's folder.
        trial: The trial's id.

    Raises:
        StoreError: When there is no such study or trial.
    """
    study = Study.open(folder)
    with TrialStore.open(folder, readonly=True) as store:
        row = next(store.rows("id = ?", (trial,)), None)
    if row is None:
        raise StoreError(f"study {folder} has no trial {trial}", "see 'cosearch status'")
    study.prepare(lambda _what, _share: None)
    codes = study.experiment.problem.space.encode([row["design"]])
    seed, fidelity = np.array([row["seed"]], dtype=np.uint64), np.array([row["fidelity"]])
    return study.scorer()(Chunk(np.array([trial]), codes, seed, fidelities=fidelity))


def main(arguments: list[str]) -> int:
    """Print what a trial gives now; exit code 0 when it has numbers, else 1."""
    if len(arguments) != 2 or not arguments[1].isdigit():
        sys.stderr.write("usage: python -m cosearch.experiments.reproduce STUDY TRIAL\n")
        return 2
    try:
        outcome = reproduce(Path(arguments[0]), int(arguments[1]))
    except CosearchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if outcome.errors:
        sys.stderr.write(outcome.errors[0] + "\n")
        return 1
    sys.stdout.write(json.dumps({name: float(values[0]) for name, values in outcome.values.items()}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
