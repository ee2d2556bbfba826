"""Elastic GPT-2 of HW-GPT-Bench: published surrogates of perplexity and of memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....search.objective import FloatArray, Objective, Problem
from ....spaces.knobs import Codes
from ....spaces.space import Space
from .benchmark_problem import BenchmarkProblem
from .best_known import EVALUATIONS, POPULATION, RUNS, best_known
from .cache_folder import cached, digest_of_arrays
from .data_roots import Roots, arrays, find, require

FILE = "hwgpt_surrogates/hwgpt_surrogates.npz"
PREFIX = "hwgpt_"
SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    "s": ((192, 384, 768), (10, 11, 12), (4, 8, 12)),
    "m": ((256, 512, 1024), (22, 23, 24), (8, 12, 16)),
    "l": ((320, 640, 1280), (34, 35, 36), (8, 16, 20)),
}
"""Embedding widths, numbers of layers and heads per layer. Source: Sukthanker et al. 2024, "HW-GPT-Bench", table 1."""

MLP_RATIOS = (2, 3, 4)
OPTIONS = 3
REFERENCE_DRAWS = 20_000
REFERENCE_MARGIN = 1.05
PERPLEXITY, MEMORY = "openwebtext_ppl", "fp16_memory_mb"

Weights = dict[str, NDArray[Any]]


def hwgpt_space(size: str) -> Space:
    """Width, depth, MLP ratio and heads per layer, bias; the knobs of absent layers are inactive."""
    widths, depths, heads = SIZES[size]
    knobs: dict[str, Any] = {
        "embedding": {"type": "ordinal", "values": list(widths)},
        "layers": {"type": "ordinal", "values": list(depths)},
    }
    for name, values in (("mlp_ratio", MLP_RATIOS), ("heads", heads)):
        for layer in range(depths[-1]):
            knob: dict[str, Any] = {"type": "ordinal", "values": list(values)}
            if layer >= depths[0]:
                knob["active_if"] = {"layers": {"at_least": layer + 1}}
            knobs[f"{name}_{layer}"] = knob
    knobs["bias"] = [True, False]
    return Space(knobs, name=f"hwgpt_{size}")


def names(roots: Roots) -> Iterator[str]:
    """The sizes that the file has both surrogates of."""
    path = find(roots, FILE)
    if path is None:
        return
    stored = arrays(path)
    for size in SIZES:
        if {f"perplexity_{size}/fc1.weight", f"float16_memory_{size}/fc1.weight"} <= set(stored):
            yield PREFIX + size


def load(name: str, roots: Roots) -> BenchmarkProblem:
    """OpenWebText perplexity (down) against fp16 memory (MB, down).

    Reference: the worst of each among 20,000 random designs of seed 0 and the largest one, plus 5 %, rounded up to two
    digits: 45 and 1,100 for the small size.
    """
    size = name.removeprefix(PREFIX)
    stored = arrays(require(roots, FILE))
    space = hwgpt_space(size)
    perplexity_net = _network(stored, f"perplexity_{size}")
    memory_net = _network(stored, f"float16_memory_{size}")

    def memory(codes: Codes) -> FloatArray:
        return _forward(memory_net, memory_features(codes, size))

    def measure(codes: Codes) -> dict[str, FloatArray]:
        return {PERPLEXITY: _forward(perplexity_net, perplexity_features(codes)), MEMORY: memory(codes)}

    seen = measure(np.vstack([space.sample(np.random.default_rng(0), REFERENCE_DRAWS), _largest(space)]))
    worst = {key: _rounded_up(REFERENCE_MARGIN * float(seen[key].max())) for key in (PERPLEXITY, MEMORY)}
    objectives = tuple(Objective(key, "minimize", value) for key, value in worst.items())
    problem = Problem(space, objectives, exact={MEMORY: memory})
    layers = [array for net in (perplexity_net, memory_net) for layer in net for array in layer]
    digest = digest_of_arrays(layers, RUNS, EVALUATIONS, POPULATION)
    front = cached(f"{name}_front_{digest}", lambda: {"front": best_known(problem, measure)})["front"]
    return BenchmarkProblem(name, problem, measure, front, False)


def perplexity_features(codes: Codes) -> FloatArray:
    """One-hot of every knob in order, zeros for absent layers, float64 [n, 3 * (n_knobs - 1) + 2]; bias on first."""
    hits: NDArray[np.bool_] = codes[:, :-1, None] == np.arange(OPTIONS)
    bias = codes[:, -1:] == np.arange(2)
    return np.hstack([hits.reshape(len(codes), -1), bias]).astype(np.float64)


def memory_features(codes: Codes, size: str) -> FloatArray:
    """Values min-max scaled over their options, -1 for absent layers, bias 1 or 0; float64 [n, n_knobs]."""
    widths, depths, heads = SIZES[size]
    per_knob = [widths, depths, *[MLP_RATIOS] * depths[-1], *[heads] * depths[-1], (1, 0)]
    columns = []
    for code, values in zip(codes.T, per_knob, strict=True):
        options = np.array(values, dtype=np.float64)
        scaled = (options - options.min()) / np.ptp(options)
        columns.append(np.where(code < 0, -1.0, scaled[code]))
    return np.column_stack(columns)


def _largest(space: Space) -> Codes:
    """Every knob at its largest value, with bias; int64 [1, n_knobs]."""
    code = space.cardinalities[None, :] - 1
    code[:, -1] = 0
    return code


def _rounded_up(value: float) -> float:
    """The least number of two significant digits that is not smaller."""
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return float(math.ceil(value / step) * step)


def _network(stored: Weights, name: str) -> list[tuple[FloatArray, FloatArray]]:
    """Weights and biases of the five layers, float64."""
    layers = range(1, 6)
    return [
        (stored[f"{name}/fc{i}.weight"].astype(np.float64), stored[f"{name}/fc{i}.bias"].astype(np.float64))
        for i in layers
    ]


def _forward(layers: list[tuple[FloatArray, FloatArray]], features: FloatArray) -> FloatArray:
    hidden = features
    for weight, bias in layers[:-1]:
        hidden = np.maximum(hidden @ weight.T + bias, 0.0)
    weight, bias = layers[-1]
    return np.asarray((hidden @ weight.T + bias)[:, 0])
