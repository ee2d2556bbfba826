"""Variants of our default strategy, each with one part taken away or replaced."""

from __future__ import annotations

from .method import DEFAULT

ABLATIONS: dict[str, str] = {
    "no closed forms: every metric is learnt": "exact=false",
    "batches as large as LINAS's": "batch=50",
    "as many random designs at the start as LINAS": "startup=50:graded_share=0.0",
    "no designs graded from small to large at the start": "graded_share=0.0",
    "no children of the best trials, however little is trusted": "trust_power=0.0",
    "no random designs": "random_share=0.0",
    "predictions count as certain": "samples=0",
    "the evolution on the models starts at random": "best_share=0.0",
    "a quarter of the evolution on the models": "generations=10",
    "Gaussian processes only": "members=[gp]",
    "ridge regression only": "members=[ridge]",
    "trees only": "members=[trees]",
}
"""What is different to the options that make it so, in the grammar of
:class:`~cosearch.experiments.benchmarks.method.Method`."""


def ablations() -> list[str]:
    """The variants as texts of methods."""
    return [f"{DEFAULT}:{options}" for options in ABLATIONS.values()]
