"""Multi-objective Bayesian optimisation with Gaussian processes on mixed, conditional knobs."""

from __future__ import annotations

from typing import ClassVar

from .objective import Problem
from .surrogate_evolution import SurrogateEvolution


class Gp(SurrogateEvolution):
    """Gaussian processes alone, and no gate: batches by expected gain in hypervolume, and a share of random designs.

    Every objective that is not exact gets a Gaussian process with a relevance per knob, of its values or of the normal
    scores of their ranks, whichever ranks left-out designs better; hyperparameters maximise the evidence. The rest is
    :class:`~cosearch.search.surrogate_evolution.SurrogateEvolution`, which also breeds and weighs other predictors.

    Args:
        problem: Space, objectives, constraints; its exact metrics are never predicted.
        seed: Study seed.
        startup: Quasi-random designs at the start.
        batch: Completed trials between two refits.
        random_share: Of trials that are random designs.

    Raises:
        StrategyError: When an option is out of range.

    Source: Daulton, Balandat and Bakshy 2020 (batches by sampled hypervolume gain); Hutter, Hoos and Leyton-Brown 2011
    (kernel on categories); Rasmussen and Williams 2006, chapter 5 (evidence).
    """

    trust_power: ClassVar[float] = 0.0

    def __init__(
        self, problem: Problem, seed: int = 0, *, startup: int = 20, batch: int = 10, random_share: float = 0.1
    ) -> None:
        members = ("gp", "gp_rank")
        super().__init__(
            problem, seed, startup=startup, batch=batch, random_share=random_share, members=members, gate=-1.0
        )
