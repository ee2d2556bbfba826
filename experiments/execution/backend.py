"""From settings to an evaluator."""

from __future__ import annotations

from ..settings import Execution
from .evaluator import Evaluator
from .scoring import Scorer

CHEAP_CHUNK = 256
"""Designs per task when every target is cheap: enough for arrays to pay off, few enough for a search to adapt."""


def chunk_size(scorer: Scorer, execution: Execution) -> int:
    """Designs per task: as set, else :data:`CHEAP_CHUNK` when every target is cheap, else one."""
    if execution.chunk:
        return execution.chunk
    return CHEAP_CHUNK if all(needs.cheap for needs in scorer.needs) else 1


def make_evaluator(scorer: Scorer, execution: Execution) -> Evaluator:
    """The evaluator that the settings ask for.

    Args:
        scorer: What scores.
        execution: Where and how; one local worker without a time limit works in this process.

    Raises:
        ConfigError: When the Ray cluster lacks what is asked for.
    """
    if execution.name == "ray":
        from .ray_evaluator import RayEvaluator

        return RayEvaluator(scorer, execution)
    from .local import InProcess, LocalPool

    if execution.workers == 1 and execution.trial_timeout_s is None:
        return InProcess(scorer)
    return LocalPool(scorer, execution)
