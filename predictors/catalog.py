"""The predictors that a command or configuration can name."""

from __future__ import annotations

from ..spaces.registry import Registry

PREDICTORS = Registry(
    "predictors",
    {
        "ridge": ("predictors.ridge:Ridge", "linear model on knob values and choices, closed-form evidence"),
        "gp": ("predictors.gaussian_process:GaussianProcess", "Gaussian process, a relevance per knob, by evidence"),
        "trees": ("predictors.trees:Trees", "extremely randomised trees, by scikit-learn"),
        "pairwise": ("predictors.pairwise:Pairwise", "linear ranker learnt from pairs (Bradley and Terry 1952)"),
        "bank": ("predictors.bank:Bank", "of several predictors, the one that ranks held-out designs best"),
        "few_shot": (
            "predictors.few_shot:FewShot",
            "recommended: a new device from ten measurements, real and imagined devices as prior",
        ),
        "best_source": (
            "predictors.best_source:BestSource",
            "the one device of a pool that ranks a new device best, rescaled",
        ),
        "source_ridge": ("predictors.source_ridge:SourceRidge", "a new device as a weighted sum of a pool of devices"),
        "source_gp": ("predictors.source_gp:SourceGP", "Gaussian process around the mean of a pool of devices"),
        "help": ("predictors.help:Help", "HELP (NeurIPS 2021): meta-learnt on a pool of devices, adapts in two steps"),
        "forest": ("predictors.forest:Forest", "random forest, by scikit-learn"),
        "gradient_boosting": ("predictors.gradient_boosting:GradientBoosting", "boosted trees, by scikit-learn"),
        "mlp": ("predictors.mlp:MLP", "a small ensemble of perceptrons, by PyTorch"),
        "lookup_table": ("predictors.lookup_table:LookupTable", "a cost for each layer, none negative, that add up"),
        "ridge_svr": ("predictors.ridge_svr:RidgeSvr", "ridge or support vector machine on one-hots, by grid search"),
    },
)
"""Name to predictor factory: ``factory(space, metric, **options)`` gives a ``predictors.predictor.Predictor``."""
