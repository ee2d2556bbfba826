"""Reading a study: its trials, its front and its history, from the table alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...search.front import ParetoFront
from ...search.objective import Constraint, Objective, Problem
from ...spaces.space import Space
from ..history import HistoryPoint
from ..ledger import Ledger
from ..store import TrialStore


def describe_problem(problem: Problem) -> dict[str, Any]:
    """A problem as plain data, enough for :func:`problem_from` to read a study without its targets."""
    return {
        "space_name": problem.space.name,
        "space": problem.space.spec(),
        "objectives": [asdict(o) for o in problem.objectives],
        "constraints": [asdict(c) for c in problem.constraints],
        "fidelities": list(problem.fidelities),
    }


def problem_from(data: dict[str, Any]) -> Problem:
    """Rebuild what :func:`describe_problem` wrote."""
    return Problem(
        Space(**data["space"], name=data["space_name"]),
        tuple(Objective(**o) for o in data["objectives"]),
        tuple(Constraint(**c) for c in data["constraints"]),
        fidelities=tuple(data["fidelities"]),
    )


@dataclass(frozen=True)
class Results:
    """Everything that a study found.

    Attributes:
        folder: The study's folder.
        meta: Study-wide facts.
        problem: Space, objectives, constraints.
        ledger: All trials as arrays, those of lower fidelity among them.
        front: Feasible non-dominated trials.
        history: The front over the trials.
        held_out: Held-out metrics by trial id.
        counts: Trials by state.
        failures: (message, how many, first trial), commonest first.
        members: The front, sorted by the first objective; or, when no design is feasible, those that violate the
            constraints least, best first, with ``feasible`` False. Each a dictionary with ``trial``, ``digest``,
            ``seed``, ``design``, ``metrics``, ``std``, ``count``, ``held_out``, ``violation``, ``feasible``,
            ``finished_at``.
    """

    folder: Path
    meta: dict[str, Any]
    problem: Problem
    ledger: Ledger
    front: ParetoFront
    history: list[HistoryPoint]
    held_out: dict[int, dict[str, float]]
    counts: dict[str, int]
    failures: list[tuple[str, int, int]]
    members: list[dict[str, Any]]

    @classmethod
    def read(cls, folder: Path) -> Results:
        """Read a study, running or not.

        Raises:
            StoreError: When the folder holds none.
        """
        with TrialStore.open(folder, readonly=True) as store:
            return cls.of(store)

    @classmethod
    def of(cls, store: TrialStore, known: tuple[Ledger, ParetoFront] | None = None) -> Results:
        """Read from an open table.

        Args:
            store: The table.
            known: The trials and the front, where a loop that just ended has them in memory.
        """
        meta = store.meta()
        ledger, front = known or _load(store, meta)
        shown, feasible = front.best(LEAST_VIOLATING)
        order = np.argsort(shown.objectives[:, 0] if feasible else shown.violations, kind="stable")
        held_out = store.held_out()
        members = [_member(row, held_out) for row in _rows(store, shown.ids[order].tolist())]
        return cls(
            store.folder,
            meta,
            ledger.problem,
            ledger,
            front,
            store.history(),
            held_out,
            store.counts(),
            store.failures(),
            members,
        )

    @property
    def is_feasible(self) -> bool:
        """Whether any trial meets every constraint; if not, :attr:`members` are no front."""
        return self.front.is_feasible


LEAST_VIOLATING = 5
"""Designs shown when none is feasible."""


def _load(store: TrialStore, meta: dict[str, Any]) -> tuple[Ledger, ParetoFront]:
    problem = problem_from(meta["problem"])
    ledger, front = Ledger(problem, meta["seed"]), ParetoFront(problem)
    finished, _ = ledger.load(store)
    front.add(ledger.trials(ledger.originals(finished)))
    return ledger, front


def _rows(store: TrialStore, ids: list[int]) -> list[dict[str, Any]]:
    rows = {i: row for i in ids for row in store.rows("id = ?", (i,))}
    return [rows[i] for i in ids]


def _member(row: dict[str, Any], held_out: dict[int, dict[str, float]]) -> dict[str, Any]:
    return {
        "trial": row["id"],
        "digest": row["digest"],
        "seed": row["seed"],
        "design": row["design"],
        "metrics": row["values"],
        "std": row["std"],
        "count": row["count"],
        "held_out": held_out.get(row["id"], {}),
        "violation": row["violation"],
        "feasible": row["violation"] == 0.0,
        "finished_at": row["finished_at"],
    }
