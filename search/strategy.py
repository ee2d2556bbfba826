"""The contract of search strategies: which designs next, as a pure function of the trials so far."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ..spaces.knobs import Codes
from .archive import Archive
from .listing import Listing
from .objective import FloatArray, Problem
from .trial import Trials

ENUMERABLE = 200_000
"""Spaces up to this size are searched for unseen designs by listing them all."""


class Strategy(ABC):
    """Proposes designs.

    The rules that make resuming a replay:

    * :meth:`ask` changes nothing; two calls in a row give the same designs.
    * What :meth:`ask` returns depends only on the problem, the seed, the options, the completed trials in the order in
      which they were told, and the running trials; never on how tells were grouped, on time, or on earlier asks.
    * Randomness comes from :meth:`rng`, seeded by the study's seed and the number of trials known.
    * No design that was told (completed or running) is proposed again, and none twice in one answer.
    * Fewer than ``n`` designs (even none) may come back: while a generation waits for its last members, or when the
      space is exhausted.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
    """

    def __init__(self, problem: Problem, seed: int = 0) -> None:
        self.problem = problem
        self.seed = seed
        self.archive = Archive(problem.space.n_knobs, problem.n_objectives)
        self._listing: Listing | None = None

    def tell(self, completed: Trials, running: Trials) -> None:
        """Take note of what happened; only full evaluations, which compare, unless a strategy says otherwise.

        Args:
            completed: Trials that ended since the last tell, failed ones included (as infeasible), in order.
            running: All trials in flight now.
        """
        self.archive.add(completed.in_full(), running.in_full())

    @abstractmethod
    def ask(self, n: int) -> Codes:
        """Propose up to ``n`` unseen, valid designs, int64 [<= n, n_knobs]."""

    def ask_at(self, n: int) -> tuple[Codes, FloatArray]:
        """What a study calls: :meth:`ask`, with the fidelity at which each design is to be evaluated.

        Strategies that use :attr:`~cosearch.search.objective.Problem.fidelities` below 1 override this and
        :meth:`tell`; for them a design may come back at another fidelity, but no pair of the two twice.

        Returns:
            Designs int64 [m, n_knobs] with m <= n, and fidelities float64 [m]; here all 1.
        """
        codes = self.ask(n)
        return codes, np.ones(len(codes))

    def rng(self, stream: int = 0, at: int | None = None) -> np.random.Generator:
        """Generator for one moment: a function of the seed, the number of known trials, and ``stream``.

        Args:
            stream: Sets apart several generators of one moment.
            at: Number of known trials at the moment; None is now.
        """
        moment = self.archive.n_known if at is None else at
        return np.random.default_rng(np.random.SeedSequence([self.seed, moment, stream]))

    def novel(self, codes: Codes, n: int, rng: np.random.Generator) -> Codes:
        """The first ``n`` unseen, distinct rows of ``codes``, topped up by random unseen designs.

        Args:
            codes: int64 [m, n_knobs], valid candidates, best first.
            n: How many are wanted.
            rng: Draws the missing ones.

        Returns:
            int64 [<= n, n_knobs]; fewer only when the space is exhausted, or nothing new turned up in repeated draws.
        """
        fresh = self.archive.unseen(codes)[:n]
        for _ in range(4):
            if len(fresh) >= n:
                return fresh
            draw = self.problem.space.sample(rng, 2 * (n - len(fresh)))
            fresh = self.archive.unseen(np.concatenate([fresh, draw]))[:n]
        return self._from_listing(fresh, n, rng)

    def _from_listing(self, fresh: Codes, n: int, rng: np.random.Generator) -> Codes:
        if len(fresh) >= n:
            return fresh
        if self._listing is None:
            designs = self.problem.space.enumerate(ENUMERABLE)
            self._listing = Listing(fresh[:0] if designs is None else designs)
        self._listing.forget(self.archive)
        # Enough that running designs and those in hand leave n.
        draw = self._listing.draw(n + len(fresh) + len(self.archive.running), rng)
        return self.archive.unseen(np.concatenate([fresh, draw]))[:n]
