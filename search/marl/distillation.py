"""Several saved policies into one network: what they do is imitated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...spaces.knobs import Codes
from ..objective import FloatArray, Problem
from .agents import Agents
from .episodes import Episodes, observed, roll_out
from .networks import TurnNetwork
from .policy_file import Policy
from .ppo_update import log_chances
from .preferences import preferences

DESIGNS = 1024
"""Designs that all teachers together show."""

STEPS = 150
"""Gradient steps of the student."""

ROWS = 256
"""Designs per step."""

UNIFORM = 0.1
"""Share of the designs that are random, so that the student goes on exploring."""


def distil(teachers: Sequence[Policy], student: TurnNetwork, problem: Problem, rng: np.random.Generator) -> None:
    """Train a student to draw what its teachers draw, each as often, under every preference.

    The loss is the cross-entropy of designs drawn from the teachers: up to a constant, the divergence of the student
    from their mixture.

    Args:
        teachers: At least one, for a space with the same knobs.
        student: Fresh actors.
        problem: What the student acts in.
        rng: Draws designs and rows.

    Source: Rusu et al. 2016, "Policy distillation", equation 1 (negative log-likelihood), here of sampled actions.
    """
    weights = preferences(np.arange(DESIGNS), problem.n_objectives)
    codes, weights = _shown(teachers, problem, weights, rng)
    agents: Agents = student.agents
    choices = agents.choices(codes)
    everything = Episodes(choices, agents.all_legal(choices), observed(weights), np.zeros(len(codes), np.float32))
    for _ in range(STEPS):
        rows = everything[rng.integers(0, len(everything), ROWS)]
        taken = log_chances(student, rows)[1]
        student.parameters.descend(-taken.sum(dim=1).mean())
    student.refresh()


def _shown(
    teachers: Sequence[Policy], problem: Problem, weights: FloatArray, rng: np.random.Generator
) -> tuple[Codes, FloatArray]:
    """Designs by the teachers in turn, some random ones, and the preferences that they were made for."""
    who = np.arange(len(weights)) % len(teachers)
    random = rng.random(len(weights)) < UNIFORM
    codes = problem.space.sample(rng, len(weights))
    for teacher, policy in enumerate(teachers):
        rows = np.flatnonzero((who == teacher) & ~random)
        told = observed(policy.preferences(problem, weights[rows]))
        drawn = policy.agents.codes(roll_out(policy.agents, policy.actor, told, rng).choices)
        complete = (drawn >= -1).all(axis=1)
        codes[rows[complete]] = drawn[complete]
    return codes, weights
