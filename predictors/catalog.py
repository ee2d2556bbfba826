"""The predictors that a command or configuration can name."""

from __future__ import annotations

from ..spaces.registry import Registry

PREDICTORS = Registry(
    "predictors",
    {
        "ridge": ("predictors.ridge:Ridge", "linear model on knob values and choices, closed-form evidence"),
    },
)
"""Name to predictor factory: ``factory(space, metric, **options)`` gives a ``predictors.predictor.Predictor``."""
