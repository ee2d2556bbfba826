"""Variants of our default strategy, each with one part taken away or replaced."""

from __future__ import annotations

ABLATIONS: tuple[str, ...] = ()
"""As ``NAME:OPTION=VALUE``, see :class:`~cosearch.experiments.benchmarks.method.Method`."""
