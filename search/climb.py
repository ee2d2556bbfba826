"""One local search: the non-dominated designs that it found, and their neighbours that are still to be tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..spaces.knobs import Codes
from .archive import Archive
from .dominance import constrained_dominates
from .trial import Trials

Improvement = Literal["first", "best"]


@dataclass(slots=True, eq=False)
class Member:
    """A non-dominated design and its neighbourhood.

    Args:
        trial: The one trial of this design.
        neighbours: int64 [n, n_knobs], in the order in which they are tried.
        left: Keys of the neighbours that were not told yet.
    """

    trial: Trials
    neighbours: Codes
    left: set[bytes]


class Climb:
    """A set of designs of which none dominates another; failed designs, and equals of a member, never join.

    Args:
        improvement: ``first`` tries the neighbours of the newest member first; ``best`` goes on with one member, oldest
            first, until its neighbourhood is told, also when it is dominated meanwhile.
    """

    def __init__(self, improvement: Improvement) -> None:
        self.improvement = improvement
        self.roots = 0
        self._members: list[Member] = []
        self._current: Member | None = None

    def accepts(self, trial: Trials) -> bool:
        """Whether one completed trial may join; members that it dominates leave."""
        violation = trial.violations[0]
        if not (np.isfinite(violation) and np.isfinite(trial.objectives).all()):
            return False
        if not self._members:
            return True
        told = Trials.join([member.trial for member in self._members])
        one, many = (trial.objectives, trial.violations), (told.objectives, told.violations)
        # Among infeasible designs only the violation counts.
        equal = (told.violations == violation) & ((told.objectives == trial.objectives).all(axis=1) | (violation > 0))
        if equal.any() or constrained_dominates(*many, *one).any():
            return False
        beaten = constrained_dominates(*one, *many)[0]
        self._members = [member for member, out in zip(self._members, beaten, strict=True) if not out]
        return True

    def join(self, member: Member) -> None:
        """Add an accepted design."""
        self._members.append(member)

    def advance(self) -> None:
        """Pass on to the next member when the current one's neighbourhood is told."""
        if self.improvement == "best" and (self._current is None or not self._current.left):
            self._current = next((member for member in self._members if member.left), None)

    def untried(self, archive: Archive, n: int) -> Codes:
        """Up to ``n`` neighbours that were neither told nor are running, next one first, int64 [<= n, n_knobs]."""
        order = self._members if self.improvement == "best" else self._members[::-1]
        found = archive.completed.codes[:0]
        for member in [self._current, *order] if self._current else order:
            if len(found) >= n:
                break
            if member.left:
                found = archive.unseen(np.concatenate([found, member.neighbours]))
        return found[:n]
