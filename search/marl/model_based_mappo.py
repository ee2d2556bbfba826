"""MAPPO on a bank of predictors: agents that practise on imagined designs before each batch of trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ...spaces.knobs import Codes
from ..dominance import preference_order
from ..objective import FloatArray, Problem
from ..surrogate.candidates import best_told, evolved
from ..surrogate_evolution import SurrogateEvolution
from ..trial import Trials
from .agents import Agents
from .episodes import Episodes, observed, roll_out
from .networks import TurnNetwork
from .parameters import one_thread
from .policy_strategy import loaded_policies, n_elite
from .ppo_settings import PpoSettings
from .ppo_update import PpoLearner
from .preferences import preferences
from .rewards import Rewards
from .settings import count, overridden

WANTED = 16
"""Preferences per imagined batch; as many designs are drawn for each."""


class ModelBasedMappo(SurrogateEvolution):
    """:class:`SurrogateEvolution` whose candidates are designs that agents imagine.

    After every ``batch`` completed trials the bank of predictors is fitted; fresh actors imitate the best trials and
    are then trained by MAPPO on designs that only the predictors score, under many preferences at once. What they drew,
    with what a short evolution from it comes to, are the candidates that compete by expected gain in hypervolume. All
    of it is a function of the trials at that moment.

    Args:
        problem: Space, objectives, constraints; its exact metrics are never predicted.
        seed: Study seed.
        startup: Designs at the start: quasi-random, or drawn from the initial policy.
        batch: Completed trials between two refits.
        groups: Agent name to its knobs; one agent per knob when left out.
        learning: Settings that differ from :attr:`defaults`, see
            :class:`~cosearch.search.marl.ppo_settings.PpoSettings`.
        initial_policy: Folder, or folders, of saved policies to start from.

    Raises:
        StrategyError: When an option is out of range, or a saved policy does not fit.

    Source: Janner et al. 2019, "When to trust your model: model-based policy optimization"; here whole episodes are
    imagined, since an episode is one design, and the model's held-out rank correlation sets how far it is trusted.
    """

    defaults: ClassVar[PpoSettings] = PpoSettings(epochs=2, critic_steps=4)
    """Settings of the algorithm."""
    iterations: ClassVar[int] = 6
    """Imagined batches per refit."""
    imagined: ClassVar[int] = 8
    """Designs per preference in an imagined batch."""
    imitation_steps: ClassVar[int] = 10
    """Gradient steps on the best trials before the first imagined batch."""

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        startup: int = 32,
        batch: int = 10,
        groups: Mapping[str, Sequence[str]] | None = None,
        learning: Mapping[str, Any] | None = None,
        initial_policy: str | Sequence[str] | None = None,
    ) -> None:
        super().__init__(problem, seed, startup=count("startup", startup, 2), batch=count("batch", batch, 1))
        self.agents = Agents(problem.space, groups)
        self.settings = overridden(self.defaults, learning)
        self._teachers = loaded_policies(initial_policy, problem)
        self._first: dict[str, np.ndarray] | None = None
        self._trained: tuple[int, PpoLearner] | None = None

    def trained(self) -> TurnNetwork:
        """The policy after all trials told."""
        moment = self._moment()
        if moment and (self._trained is None or self._trained[0] != moment):
            self._planned(moment)
        if self._trained is None:
            with one_thread():
                return self._fresh(0).actor
        return self._trained[1].actor

    def _fresh(self, moment: int) -> PpoLearner:
        """Untrained networks, or what the initial policies taught them."""
        n_preferences = self.problem.n_objectives if self.problem.n_objectives > 1 else 0
        learner = PpoLearner(self.agents, n_preferences, self.settings, self.rng(stream=4, at=moment))
        if self._teachers:
            if self._first is None:
                from .distillation import distil

                distil(self._teachers, learner.actor, self.problem, self.rng(stream=7, at=0))
                self._first = dict(learner.actor.parameters.arrays())
            learner.actor.parameters.load(self._first)
            learner.actor.refresh()
        return learner

    def _starts(self) -> Codes:
        if not self._teachers:
            return super()._starts()
        with one_thread():
            wanted = preferences(np.arange(4 * self.startup), self.problem.n_objectives)
            drawn = roll_out(self.agents, self._fresh(0).actor, observed(wanted), self.rng(stream=3, at=0))
        codes = self.agents.codes(drawn.choices)
        return codes[(codes >= -1).all(axis=1)]

    def _candidates(self, moment: int, rng: np.random.Generator) -> Codes:
        told = self.archive.completed[:moment]
        with one_thread():
            learner = self._fresh(moment)
            self._imitate(learner, told, rng)
            met = self._practise(learner, told, rng)
        self._trained = (moment, learner)
        best = best_told(self.archive, moment, int(self.best_share * self.population))
        n_new = (self.population - len(best)) // 2
        random = self.problem.space.sample(rng, self.population - len(best) - n_new)
        start = np.concatenate([best, met[:n_new], random])
        found = evolved(self._models, start, self.generations, self.population, self.variation, rng)
        everything = np.unique(np.concatenate([met, found]), axis=0)
        objectives, violations = self._models.mean(everything)
        return np.asarray(everything[preference_order(objectives, violations)])

    def _imitate(self, learner: PpoLearner, told: Trials, rng: np.random.Generator) -> None:
        """Let the actors begin where the best trials are."""
        choices = self.agents.choices(told.codes)
        legal = self.agents.all_legal(choices)
        weights = preferences(rng.integers(0, 2**31, WANTED), self.problem.n_objectives)
        scores = Rewards(told).of(weights)
        n_best = n_elite(self.settings.elite_share, len(told), self.problem.n_objectives)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :n_best]
        for _ in range(self.imitation_steps):
            who = rng.integers(0, WANTED, 64)
            rows = best[who, rng.integers(0, best.shape[1], 64)]
            learner.imitate(
                Episodes(choices[rows], legal[rows], observed(weights[who]), scores[who, rows].astype(np.float32))
            )
        learner.actor.refresh()

    def _practise(self, learner: PpoLearner, told: Trials, rng: np.random.Generator) -> Codes:
        """Train on imagined designs; all that were met, the best first, int64 [n, n_knobs]."""
        met, values, excess = told.codes, told.objectives, told.violations
        for _ in range(self.iterations):
            start = rng.integers(0, 2**31) + np.arange(WANTED)
            weights = preferences(start, self.problem.n_objectives)
            who = np.repeat(np.arange(WANTED), self.imagined)
            drawn = roll_out(self.agents, learner.actor, observed(weights[who]), rng)
            codes = self.agents.codes(drawn.choices)
            whole = np.flatnonzero((codes >= -1).all(axis=1))
            if not len(whole):
                continue
            objectives, violations = self._models.mean(codes[whole])
            rewards = self._imagined_rewards(told, objectives, violations, weights)[who[whole], np.arange(len(whole))]
            new = Episodes(
                drawn.choices[whole], drawn.legal[whole], drawn.preferences[whole], rewards.astype(np.float32)
            )
            learner.update(new, new, new[:0], rng)
            met = np.concatenate([met, codes[whole]])
            values, excess = np.concatenate([values, objectives]), np.concatenate([excess, violations])
        met, values, excess = met[len(told) :], values[len(told) :], excess[len(told) :]
        met, first = np.unique(met, axis=0, return_index=True)
        return np.asarray(met[preference_order(values[first], excess[first])])

    def _imagined_rewards(
        self, told: Trials, objectives: FloatArray, violations: FloatArray, weights: FloatArray
    ) -> FloatArray:
        """Rewards among the trials and these designs, float64 [n_weights, n]."""
        n = len(objectives)
        ids, codes = np.zeros(n, dtype=np.int64), np.zeros((n, told.codes.shape[1]), dtype=np.int64)
        everything = Trials.join([told, Trials(ids, codes, objectives, violations)])
        return Rewards(everything).of(weights)[:, len(told) :]
