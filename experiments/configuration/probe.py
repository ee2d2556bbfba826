"""Random designs before the start: is there a design at all, and do any meet the constraints?"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ...hw_targets.target import HardwareTarget
from ..execution.evaluator import Chunk
from ..execution.scoring import Scorer
from ..experiment import Experiment

N_DESIGNS = 200
"""Random designs in a probe: an allowed share of 2 % is seen with probability 0.98."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What random designs showed.

    Attributes:
        n_designs: How many were scored.
        n_failed: How many could not be scored.
        n_feasible: How many meet every constraint.
        seconds: Scoring time per design.
    """

    n_designs: int
    n_failed: int
    n_feasible: int
    seconds: float


def probe(experiment: Experiment) -> Probe | None:
    """Score random designs, if every target behind an objective or a constraint is cheap and needs no preparation.

    Args:
        experiment: The experiment.

    Returns:
        What they showed; None when scoring them would be work.

    Raises:
        InfeasibleError: When the space holds no design.
    """
    rng = np.random.default_rng(np.random.SeedSequence([experiment.seed, N_DESIGNS]))
    codes = experiment.problem.space.sample(rng, N_DESIGNS)
    names = experiment.problem.metric_names()
    labels = list(dict.fromkeys(experiment.sources[name] for name in names))
    targets = {label: experiment.targets[label] for label in labels}
    if not all(target.needs.cheap and _unprepared(target) for target in targets.values()):
        return None
    metrics = {label: tuple(n for n in names if experiment.sources[n] == label) for label in labels}
    scorer = Scorer(experiment.problem.space, targets, experiment.parts, metrics)
    start = time.perf_counter()
    seeds = rng.integers(0, 2**63, N_DESIGNS, dtype=np.uint64)
    outcome = scorer(Chunk(np.arange(N_DESIGNS), codes, seeds))
    seconds = (time.perf_counter() - start) / N_DESIGNS
    if len(outcome.errors) == N_DESIGNS:
        return Probe(N_DESIGNS, N_DESIGNS, 0, seconds)
    _, violations = experiment.problem.score(outcome.values)
    return Probe(N_DESIGNS, len(outcome.errors), int((violations == 0).sum()), seconds)


def _unprepared(target: HardwareTarget) -> bool:
    return target.needs.ready or type(target).prepare is HardwareTarget.prepare
