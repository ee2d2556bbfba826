"""What the loop knows of all trials, in memory: rebuilt from the trial table on resume."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..search.objective import FloatArray, Problem
from ..search.trial import Trials
from ..spaces.design import Design
from ..spaces.knobs import Codes
from .execution.evaluator import Chunk, Outcome
from .store import TrialStore

Ids = NDArray[np.int64]


def seed_of(study_seed: int, trial: int) -> int:
    """Seed of one trial: 63 bits from ``SeedSequence([study_seed, trial])``, the same in every process."""
    return int(np.random.SeedSequence([study_seed, trial]).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Ledger:
    """Trials by id, as arrays that grow.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.

    Attributes:
        spent: Full evaluations that the finished trials are worth.
        committed: The same with the running ones.
    """

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem = problem
        self.seed = seed
        self.n = 0
        self.states: Counter[str] = Counter()
        self.committed = 0.0
        self.spent = 0.0
        self._ids_by_design: dict[tuple[str, float], int] = {}
        self._finished = np.zeros(0, dtype=bool)
        self._table = Trials.empty(problem.space.n_knobs, problem.n_objectives)

    @property
    def n_finished(self) -> int:
        """Evaluated trials, failed ones included, duplicates not."""
        return sum(self.states[s] for s in ("done", "failed", "crashed", "timed_out"))

    @property
    def n_failed(self) -> int:
        """Trials that gave no numbers."""
        return self.n_finished - self.states["done"]

    @property
    def n_running(self) -> int:
        """Trials without an outcome."""
        return self.states["running"]

    def original(self, digest: str, fidelity: float) -> int | None:
        """Id of the trial that holds a design at a fidelity, or None."""
        return self._ids_by_design.get((digest, fidelity))

    def is_finished(self, trial: int) -> bool:
        """Whether a trial has an outcome."""
        return bool(self._finished[trial])

    def originals(self, ids: Ids) -> Ids:
        """Those that are not repeats, in the same order."""
        return ids[np.isin(ids, np.fromiter(self._ids_by_design.values(), np.int64))]

    def trials(self, ids: Ids) -> Trials:
        """The trials of those ids, in that order."""
        return self._table[ids]

    def open(self, codes: Codes, fidelities: FloatArray, digests: Sequence[str]) -> Chunk:
        """Give new ids to new pairs of design and fidelity, which are now running."""
        ids = np.arange(self.n, self.n + len(codes), dtype=np.int64)
        seeds = np.array([seed_of(self.seed, i) for i in ids.tolist()], dtype=np.uint64)
        self._append(codes, fidelities)
        self._ids_by_design.update(zip(zip(digests, fidelities.tolist(), strict=True), ids.tolist(), strict=True))
        self.states["running"] += len(ids)
        self.committed += float(fidelities.sum())
        return Chunk(ids, codes, seeds, fidelities=fidelities)

    def answer(self, codes: Codes, originals: Sequence[int]) -> Ids:
        """Give new ids to repeated designs, finished at once with their originals' outcomes."""
        ids = np.arange(self.n, self.n + len(codes), dtype=np.int64)
        self._append(codes, self._table.fidelities[list(originals)])
        self._table.objectives[ids] = self._table.objectives[list(originals)]
        self._table.violations[ids] = self._table.violations[list(originals)]
        self._finished[ids] = True
        self.states["duplicate"] += len(ids)
        return ids

    def close(self, outcome: Outcome) -> Trials:
        """Enter how running trials ended; returns them with objectives and violations."""
        n = len(outcome)
        values = {m: outcome.values.get(m, np.full(n, np.nan)) for m in self.problem.metric_names()}
        objectives, violations = self.problem.score(values)
        self._table.objectives[outcome.ids] = objectives
        self._table.violations[outcome.ids] = violations
        self._finished[outcome.ids] = True
        self.states["running"] -= n
        self.states.update(outcome.states)
        self.spent += float(self._table.fidelities[outcome.ids].sum())
        return self.trials(outcome.ids)

    def load(self, store: TrialStore) -> tuple[Ids, list[tuple[Ids, int]]]:
        """Fill an empty ledger from a trial table.

        Returns:
            Ids of the finished trials in the order in which they ended, and per batch (its ids, trials told before it).
        """
        rows = list(store.rows())
        if not rows:
            return np.empty(0, np.int64), []
        shares = np.array([r["fidelity"] for r in rows])
        self._append(self.problem.space.encode([Design(r["design"]) for r in rows]), shares)
        for row in rows:
            self.states[row["state"]] += 1
            if row["state"] != "duplicate":
                self._ids_by_design[row["digest"], row["fidelity"]] = row["id"]
                self.committed += row["fidelity"]
                self.spent += row["fidelity"] if row["state"] != "running" else 0.0
        ended = [r for r in rows if r["state"] != "running"]
        ids = np.array([r["id"] for r in ended], dtype=np.int64)
        names = self.problem.metric_names()
        values = {m: np.array([r["values"].get(m, np.nan) for r in ended], dtype=float) for m in names}
        self._table.objectives[ids], self._table.violations[ids] = self.problem.score(values)
        self._finished[ids] = True
        order = np.argsort([r["finished"] for r in ended], kind="stable")
        return ids[order], _batches(rows)

    def _append(self, codes: Codes, fidelities: FloatArray) -> None:
        end = self.n + len(codes)
        if end > len(self._table):
            capacity = max(end, 2 * len(self._table), 256)
            blank = np.zeros((capacity - len(self._table), self._table.codes.shape[1]), np.int64)
            more = Trials.running(np.arange(len(self._table), capacity), blank, self.problem.n_objectives)
            self._table = Trials.join([self._table, more])
            self._finished = np.concatenate([self._finished, np.zeros(len(blank), dtype=bool)])
        self._table.codes[self.n : end] = codes
        self._table.fidelities[self.n : end] = fidelities
        self.n = end


def _batches(rows: Sequence[dict[str, object]]) -> list[tuple[Ids, int]]:
    batches: dict[object, list[dict[str, object]]] = {}
    for row in rows:
        batches.setdefault(row["batch"], []).append(row)
    return [
        (np.array([r["id"] for r in group], dtype=np.int64), int(str(group[0]["told"]))) for group in batches.values()
    ]
