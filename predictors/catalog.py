"""The predictors that a command or configuration can name."""

from __future__ import annotations

from ..spaces.registry import Registry

PREDICTORS = Registry(
    "predictors",
    {
        "ridge": ("predictors.ridge:Ridge", "linear model on knob values and choices, closed-form evidence"),
        "ridge_svr": ("predictors.ridge_svr:RidgeSvr", "ridge or support vector machine on one-hots, by grid search"),
    },
)
"""Name to predictor factory: ``factory(space, metric, **options)`` gives a ``predictors.predictor.Predictor``."""
