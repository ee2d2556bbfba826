"""Base of strategies that learn a policy: updates replayed from the trials, proposals without repeats."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np

from ...spaces.errors import StrategyError
from ...spaces.knobs import Codes
from ..archive import keys
from ..dominance import effective_violations
from ..objective import FloatArray, Problem
from ..roles import places
from ..strategy import Strategy
from ..surrogate.candidates import PARENTS, best_told, bred
from ..surrogate.starts import latin_hypercube
from ..trial import Trials
from ..variation import Variation
from .agents import Agents, Bools
from .curriculum import epsilon
from .episodes import Episodes, observed, roll_out
from .networks import TurnNetwork
from .parameters import one_thread
from .policy_file import Policy, load_policy
from .preferences import check_preference, preferences
from .rewards import Rewards
from .settings import count, overridden

SAMPLES = 12
"""Designs drawn from the policy for each proposal; the first unseen one is taken."""

MUTANTS = 4
"""Mutants of those designs, for proposals whose samples were all seen."""

FREE_EPISODES = 16
"""Episodes per update that end without an evaluation: at a dead end, or where a closed form says no."""

LEAST_ELITE = 20
"""Trials that count as the best at least, with one objective: two of sixteen would settle all knobs by chance."""

START_ROUNDS = 50
"""Most further rounds of quasi-random designs, where closed forms rule designs out."""


class Learner(Protocol):
    """Networks and how they learn."""

    actor: TurnNetwork


class PolicyStrategy(Strategy):
    """Proposes what a learnt policy draws.

    It starts with quasi-random designs, unless there is a policy to start from. The policy after ``k`` updates is a
    function of the seed, the options and the first ``k * batch`` completed trials, so a resumed study trains it again
    by replay. With several objectives every trial has a preference of its own, which the policy is told, so that one
    policy learns the whole front.

    Of designs drawn for a proposal, the first that is new is proposed; when all are known, a mutant of them is, then a
    mutant of the best trials: a policy that has settled explores around its mode. Some trials are children of the best
    ones instead, from which the policy learns like from its own.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        batch: Completed trials per update.
        startup: Quasi-random designs at the start; none with ``initial_policy``.
        groups: Agent name to its knobs; one agent per knob when left out.
        curriculum: Trials until the constraints hold in full, see :mod:`~cosearch.search.marl.curriculum`; 0 at once,
            as does a number below that of the first update.
        learning: Settings that differ from :attr:`defaults`.
        initial_policy: Folder, or folders, of saved policies to start from.

    Raises:
        StrategyError: When an option is out of range, or a saved policy does not fit.

    Source of the children: Khadka and Tumer 2018, "Evolution-guided policy gradient in reinforcement learning".
    """

    defaults: ClassVar[Any]
    """Settings of the algorithm, a dataclass."""
    settings: Any
    _learner: Learner
    bred_share: ClassVar[float] = 0.2
    """Of trials that are children of the best ones, by crossover and mutation."""
    taught_share: ClassVar[float] = 0.5
    """The same with ``initial_policy``, which knows where to look, but not what is best there."""

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        batch: int = 16,
        startup: int = 32,
        groups: Mapping[str, Sequence[str]] | None = None,
        curriculum: int = 0,
        learning: Mapping[str, Any] | None = None,
        initial_policy: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(problem, seed)
        self.batch = count("batch", batch, 2)
        first = count("startup", startup, 0)
        self.startup = 0 if initial_policy else first
        self.variation = Variation()
        self.curriculum = count("curriculum", curriculum, 0)
        self.agents = Agents(problem.space, groups)
        self._teachers = loaded_policies(initial_policy, problem)
        self._choices = np.empty((0, self.agents.n_turns), dtype=np.int64)
        self._legal = np.empty((0, self.agents.n_turns, self.agents.most_actions), dtype=bool)
        self._spread: Codes | None = None
        self._learnt = -1
        self.settings = overridden(self.defaults, learning)

    @property
    def n_preferences(self) -> int:
        """Weights that networks see: none where there is one objective."""
        return self.problem.n_objectives if self.problem.n_objectives > 1 else 0

    @property
    def actor(self) -> TurnNetwork:
        """The policy as it is now."""
        return self._learner.actor

    @abstractmethod
    def _begin(self, rng: np.random.Generator) -> None:
        """Make fresh networks: the ``_learner``."""

    @abstractmethod
    def _learn(self, told: Trials, rewards: Rewards, rng: np.random.Generator) -> None:
        """One update, after the last ``batch`` of the trials ``told``; :meth:`episodes` makes episodes of them."""

    def ask(self, n: int) -> Codes:
        with one_thread():
            self._advance()
            rng = self.rng()
            start = self._starts(n)
            first = np.concatenate([start, self._bred(len(start), n, rng)])
            ids = self.archive.n_known + np.arange(len(first), n)
            drawn = self._proposals(preferences(ids, self.problem.n_objectives), rng)
            return self.novel(np.concatenate([first, drawn]), n, rng)

    def _starts(self, n: int) -> Codes:
        """What is left of the first designs, int64 [<= n, n_knobs]."""
        left = self.startup - self.archive.n_known
        if left <= 0:
            return self.archive.completed.codes[:0]
        if self._spread is None:
            self._spread = self._promising_spread()
        return self.archive.unseen(self._spread)[: min(n, left)]

    def _promising_spread(self) -> Codes:
        """Quasi-random designs that no closed form rules out, as many as wanted; of all where there are none."""
        rng = self.rng(stream=3, at=0)
        found = spread = latin_hypercube(self.problem.space, self.startup, rng)
        if self.problem.exact:
            found = spread[self._promising(spread)]
            for _ in range(START_ROUNDS):
                if len(found) >= self.startup:
                    break
                more = latin_hypercube(self.problem.space, self.startup, rng)
                found = np.concatenate([found, more[self._promising(more)]])
        return found[: self.startup] if len(found) else spread

    def _bred(self, taken: int, n: int, rng: np.random.Generator) -> Codes:
        """Children for their share of the trials from ``taken`` on, int64 [<= n, n_knobs]."""
        share = self.taught_share if self._teachers else self.bred_share
        first = max(self.archive.n_known + taken, self.startup)
        wanted = int((places(first, max(self.archive.n_known + n - first, 0)) < share).sum())
        if not wanted or self.archive.n_completed < 2:
            return self.archive.completed.codes[:0]
        children = bred(self.archive, self.problem.space, self.variation, wanted, rng)
        return self.archive.unseen(children[self._kept(children)])[:wanted]

    def designs_for(self, weights: FloatArray, n: int) -> Codes:
        """Designs that the policy draws for one preference; known ones and repeats are among them.

        Args:
            weights: float64 [n_objectives], non-negative, of the objectives as declared.
            n: How many.

        Returns:
            int64 [<= n, n_knobs]; fewer where episodes stopped without a design.

        Raises:
            StrategyError: When the weights do not fit or sum to nothing.
        """
        wanted = check_preference(weights, self.problem.n_objectives)
        with one_thread():
            self._advance()
            everywhere = observed(np.repeat(wanted[None], n, axis=0))
            episodes = roll_out(self.agents, self.actor, everywhere, self.rng(6))
        codes = self.agents.codes(episodes.choices)
        return codes[(codes >= -1).all(axis=1)]

    def trained(self) -> TurnNetwork:
        """The policy after all trials told."""
        with one_thread():
            self._advance()
        return self.actor

    # --- learning ------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Make the updates that the trials told call for."""
        if self._learnt < 0:
            self._begin(self.rng(stream=1, at=0))
            self._start_from_policies()
            self._learnt = 0
        while self._learnt + self.batch <= self.archive.n_completed:
            self._learnt += self.batch
            told = self.archive.completed[: self._learnt]
            self._remember(told)
            if self._learnt < self.startup:
                continue
            level = epsilon(effective_violations(told.objectives, told.violations), len(told), self.curriculum)
            self._learn(told, Rewards(told, level), self.rng(stream=2, at=self._learnt))

    def _start_from_policies(self) -> None:
        if self._teachers:
            from .distillation import distil

            distil(self._teachers, self.actor, self.problem, self.rng(stream=7, at=0))

    def _remember(self, told: Trials) -> None:
        new = self.agents.choices(told.codes[len(self._choices) :])
        self._choices = np.concatenate([self._choices, new])
        self._legal = np.concatenate([self._legal, self.agents.all_legal(new)])

    def episodes(self, rows: np.ndarray, weights: FloatArray, rewards: np.ndarray) -> Episodes:
        """Trials as episodes.

        Args:
            rows: int64 [n], completed trials in told order.
            weights: Preference of each, float64 [n, n_objectives].
            rewards: float64 [n].
        """
        return Episodes(self._choices[rows], self._legal[rows], observed(weights), np.asarray(rewards, np.float32))

    def newest(self, told: Trials, rewards: Rewards, rng: np.random.Generator) -> Episodes:
        """The last ``batch`` trials under their own preferences, and episodes that ended without an evaluation."""
        rows = np.arange(len(told) - self.batch, len(told))
        weights = preferences(told.ids[rows], self.problem.n_objectives)
        found = self.episodes(rows, weights, rewards.of(weights)[np.arange(self.batch), rows])
        return found.join(self._without_evaluation(rewards, rng))

    def relabelled(
        self, told: Trials, rewards: Rewards, n: int, elite_share: float, rng: np.random.Generator
    ) -> tuple[Episodes, Episodes]:
        """Trials of any age under random preferences (hindsight): ``n`` random ones, and ``n`` of the best for them."""
        weights = preferences(
            rng.integers(0, 2**31, 1 if self.problem.n_objectives == 1 else 16), self.problem.n_objectives
        )
        scores = rewards.of(weights)
        groups, rows = rng.integers(0, len(weights), n), rng.integers(0, len(told), n)
        n_best = n_elite(elite_share, len(told), self.problem.n_objectives)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n_best]
        elite = best[groups, rng.integers(0, best.shape[1], n)]
        return (
            self.episodes(rows, weights[groups], scores[groups, rows]),
            self.episodes(elite, weights[groups], scores[groups, elite]),
        )

    def _without_evaluation(self, rewards: Rewards, rng: np.random.Generator) -> Episodes:
        """Episodes of the policy that stopped at a dead end or fail by a closed form, with the worst reward."""
        n = FREE_EPISODES if self.agents.may_halt or self.problem.exact else 0
        weights = preferences(rng.integers(0, 2**31, n), self.problem.n_objectives)
        drawn = roll_out(self.agents, self.actor, observed(weights), rng)
        lost = ~self._promising(self.agents.codes(drawn.choices))
        return Episodes(
            drawn.choices[lost],
            drawn.legal[lost],
            drawn.preferences[lost],
            np.full(int(lost.sum()), rewards.worst, dtype=np.float32),
        )

    def _promising(self, codes: Codes) -> Bools:
        """Designs that are complete and that no closed form rules out, bool [n]."""
        complete: Bools = np.asarray((codes >= -1).all(axis=1))
        if self.problem.exact:
            complete[complete] = self.problem.foreknow(codes[complete])[1] == 0.0
        return complete

    # --- proposals -----------------------------------------------------------------------------------------------

    def _proposals(self, weights: FloatArray, rng: np.random.Generator) -> Codes:
        """New designs, one for each preference as far as they were found, int64 [<= n, n_knobs]."""
        n = len(weights)
        if not n:
            return self.archive.completed.codes[:0]
        drawn = roll_out(self.agents, self.actor, observed(np.repeat(weights, SAMPLES, axis=0)), rng)
        codes = self.agents.codes(drawn.choices)
        kept = self._kept(codes)
        fresh = self._first_new(codes, np.repeat(np.arange(n), SAMPLES), kept, n)
        if len(fresh) < n:
            mutants = self._mutants(codes[kept], rng)
            fresh = self.archive.unseen(np.concatenate([fresh, mutants[self._kept(mutants)]]))[:n]
        return fresh

    def _kept(self, codes: Codes) -> Bools:
        """Designs worth an evaluation, bool [n]."""
        return self._promising(codes) if self._promised() else np.asarray((codes >= -1).all(axis=1))

    def _promised(self) -> bool:
        """Whether to look at closed forms: not while every design that was tried fails by them."""
        told = self.archive.completed
        return bool(self.problem.exact) and bool((told.violations == 0.0).any())

    def _first_new(self, codes: Codes, proposal: np.ndarray, kept: Bools, n: int) -> Codes:
        """The first new design of each proposal, int64 [<= n, n_knobs]."""
        new = set(keys(self.archive.unseen(codes[kept])))
        rows: list[int] = []
        done: set[int] = set()
        for row, key in enumerate(keys(codes)):
            if kept[row] and key in new and int(proposal[row]) not in done:
                new.discard(key)
                done.add(int(proposal[row]))
                rows.append(row)
        return codes[np.array(rows, dtype=np.int64)]

    def _mutants(self, codes: Codes, rng: np.random.Generator) -> Codes:
        """Mutants of what the policy drew, and then of the best trials."""
        space = self.problem.space
        parents = np.repeat(codes, MUTANTS, axis=0)
        if self.archive.n_completed:
            best = best_told(self.archive, self.archive.n_completed, PARENTS)
            parents = np.concatenate([parents, np.repeat(best, MUTANTS, axis=0)])
        return space.mutate(parents, rng) if len(parents) else parents


def n_elite(share: float, n_trials: int, n_objectives: int) -> int:
    """Trials that count as the best for one preference: fewer with more objectives, whose preferences divide them."""
    return max(2, round(max(share * n_trials, LEAST_ELITE) / n_objectives**2))


def loaded_policies(folders: str | Sequence[str] | None, problem: Problem) -> list[Policy]:
    """The saved policies that an option names.

    Raises:
        StrategyError: When the option is no folder and no list of folders, or one cannot be read or is for other knobs.
    """
    named = () if folders is None else [folders] if isinstance(folders, str | Path) else folders
    if not isinstance(named, Sequence) or not all(isinstance(folder, str | Path) and str(folder) for folder in named):
        raise StrategyError(f"initial_policy is {folders!r}", "give a folder, or a list of folders")
    return [load_policy(folder, problem) for folder in named]
