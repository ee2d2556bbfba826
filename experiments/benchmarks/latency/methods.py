"""The predictors that are compared: one interface for those that learn from other devices and those that do not."""

from __future__ import annotations

import copy
import inspect
import time

import numpy as np
from numpy.typing import NDArray

from ....predictors.catalog import PREDICTORS
from ....predictors.pooled import PooledPredictor
from ....predictors.prediction import FloatArray
from ....predictors.predictor import Predictor
from ....spaces.design import Designs
from ....spaces.errors import CosearchError
from ..method import Method
from .tables import Tables

RECOMMENDED = "few_shot"
"""Our predictor for new devices."""

COMPARED = (
    "few_shot",
    "best_source",
    "source_ridge",
    "source_gp",
    "source_gp:counts=true",
    "source_gp:counts=true:mean=zero",
    "help",
    "ridge",
    "gp",
    "lookup_table",
    "forest",
    "gradient_boosting",
)
"""What ``all`` stands for."""


def chosen_methods(names: str) -> list[Method]:
    """The methods that ``all``, ``ours`` or a comma list of NAME[:OPTION=VALUE] stands for, each once.

    Raises:
        CosearchError: When a predictor or an option is unknown.
    """
    known = {name for name, _, _ in PREDICTORS.rows()}
    everything = [word for word in COMPARED if Method.parse(word).name in known]
    words: list[str] = []
    for word in names.split(","):
        words += everything if word == "all" else [RECOMMENDED] if word == "ours" else [word]
    methods = list(dict.fromkeys(Method.parse(word) for word in words))
    for method in methods:
        parameters = inspect.signature(PREDICTORS.get(method.name)).parameters
        accepted = list(parameters)[2:]
        # Predictors that take any option check them themselves.
        any_option = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        for option in method.arguments:
            if option not in accepted and not any_option:
                raise CosearchError(f"{method.name} has no option {option!r}", "known: " + ", ".join(accepted))
    return methods


def label_of(method: Method) -> str:
    """How rows call it: our recommendation has ``ours:`` in front, predictors without sources ``no_source:``."""
    words = ":".join([method.name, *(f"{key}={value}" for key, value in method.options)])
    if method.name == RECOMMENDED:
        return f"ours:{words}"
    return words if learns_from_sources(method) else f"no_source:{words}"


def learns_from_sources(method: Method) -> bool:
    """Whether it uses devices that were measured before."""
    factory = PREDICTORS.get(method.name)
    return inspect.isclass(factory) and issubclass(factory, PooledPredictor)


class Contender:
    """A predictor that has learnt from the train devices once, and is adapted to one new device after another.

    One with reference designs is given the published ones of the tables, unless its options say otherwise, and knows
    them on the train devices.

    Args:
        method: The predictor.
        tables: Space and metric.
        train: Train devices; methods without sources do not look at them.
        n_designs: How many designs are known on these, 0 for all.

    Attributes:
        fit_s: Wall time of learning from the train devices, s; None for methods without sources.
    """

    def __init__(self, method: Method, tables: Tables, train: list[str], n_designs: int) -> None:
        self.tables = tables
        self.fit_s: float | None = None
        factory, options = PREDICTORS.get(method.name), method.arguments
        accepted = inspect.signature(factory).parameters
        referenced = "reference" in accepted and not {"reference", "references"} & set(options)
        if referenced and len(tables.reference):
            options["reference"] = tables.space.decode(tables.codes[tables.reference])
        self._fresh: Predictor = factory(tables.space, tables.metric, **options)
        if isinstance(self._fresh, PooledPredictor):
            pool = tables.pool(train, n_designs, referenced=referenced)
            begin = time.perf_counter()
            self._fresh.fit_pool(pool)
            self.fit_s = time.perf_counter() - begin

    def choose(self, designs: Designs, k: int, rng: np.random.Generator, *, at_random: bool) -> NDArray[np.int64]:
        """Which designs to measure, int64 [k]; uniformly random ones for methods that do not choose.

        Args:
            designs: All that the device could measure.
            k: How many.
            rng: Source of randomness.
            at_random: Whether methods that choose may not.
        """
        if isinstance(self._fresh, PooledPredictor) and not at_random:
            return copy.copy(self._fresh).choose(designs, k, rng)
        return rng.permutation(len(designs))[:k]

    def adapted(self, designs: Designs, y: FloatArray) -> Predictor:
        """One that knows the new device's ``y``, float64 [k], of k designs."""
        # Adapting replaces what it learns, so that one pool serves all devices.
        own = copy.copy(self._fresh)
        return own.adapt(designs, y) if isinstance(own, PooledPredictor) else own.fit(designs, y)
