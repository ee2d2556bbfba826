"""Sub-networks of the Once-for-All MobileNetV3 supernet: ImageNet top-1 from a fitted oracle, exact MACs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....search.objective import FloatArray, Objective, Problem
from ....spaces.knobs import Codes
from ....spaces.space import Space
from .benchmark_problem import BenchmarkProblem
from .best_known import EVALUATIONS, POPULATION, RUNS, best_known
from .cache_folder import cached, digest_of_arrays
from .data_roots import Roots, arrays, require
from .mlp_ensemble import HIDDEN, ITERATIONS, MEMBERS, PENALTY, fit_mlp_ensemble, predict_mlp_ensemble

FILE = "ofa_mbv3_dynast/ofa_mbv3_dynast.npz"
STAGES, BLOCKS = 5, 4
KERNELS, EXPANSIONS, DEPTHS = (3, 5, 7), (3, 4, 6), (2, 3, 4)
OPTIONS = 3
MARGIN_PCT = 0.5
"""How far beyond the recorded range of top-1 the oracle may answer, percentage points."""


def ofa_mbv3_space() -> Space:
    """45 knobs with three values: kernel and expansion of 5 stages x 4 blocks, and the stages' depths.

    Blocks past their stage's depth are inactive. Source: Cai et al. 2020, "Once-for-All", section 3.
    """
    knobs: dict[str, Any] = {}
    for name, values in (("kernel", KERNELS), ("expansion", EXPANSIONS)):
        for i in range(STAGES * BLOCKS):
            stage, block = divmod(i, BLOCKS)
            knob: dict[str, Any] = {"type": "ordinal", "values": list(values)}
            if block >= DEPTHS[0]:
                knob["active_if"] = {f"depth_{stage}": {"at_least": block + 1}}
            knobs[f"{name}_{stage}_{block}"] = knob
    for stage in range(STAGES):
        knobs[f"depth_{stage}"] = {"type": "ordinal", "values": list(DEPTHS)}
    return Space(knobs, name="ofa_mbv3")


@dataclass(frozen=True)
class Traces:
    """Distinct measured sub-networks.

    Args:
        codes: int64 [n, 45].
        top1_pct: float64 [n], mean of the repeats.
        macs: float64 [n].
    """

    codes: Codes
    top1_pct: FloatArray
    macs: FloatArray


def read_traces(roots: Roots, space: Space) -> Traces:
    """The recorded sub-networks, those that differ in inactive blocks only taken as one."""
    data = arrays(require(roots, FILE))
    raw = np.hstack(
        [
            np.searchsorted(KERNELS, data["ks"]),
            np.searchsorted(EXPANSIONS, data["e"]),
            np.searchsorted(DEPTHS, data["d"]),
        ]
    )
    codes, first, group = np.unique(space.canonical(raw), axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    top1 = np.bincount(group, data["top1"].astype(float)) / np.bincount(group)
    return Traces(codes, top1, data["macs"][first].astype(np.float64))


def one_hot(codes: Codes) -> FloatArray:
    """Indicators of every knob's values, float64 [n, 135]; inactive knobs have none."""
    hits: NDArray[np.bool_] = codes[:, :, None] == np.arange(OPTIONS)
    return hits.reshape(len(codes), -1).astype(np.float64)


def block_choices(codes: Codes) -> FloatArray:
    """Indicators that MACs are additive in, float64 [n, 181].

    A constant, and (kernel, expansion) of every block; zeros for absent blocks.
    """
    n_blocks = STAGES * BLOCKS
    kernel, expansion = codes[:, :n_blocks], codes[:, n_blocks : 2 * n_blocks]
    pair = np.where(kernel < 0, -1, OPTIONS * kernel + expansion)
    hits: NDArray[np.bool_] = pair[:, :, None] == np.arange(OPTIONS * OPTIONS)
    return np.hstack([np.ones((len(codes), 1)), hits.reshape(len(codes), -1)])


def exact_macs(traces: Traces) -> Callable[[Codes], FloatArray]:
    """Multiply-accumulates of codes: additive over blocks, so least squares on the traces recovers them exactly."""
    coefficients = np.linalg.lstsq(block_choices(traces.codes), traces.macs, rcond=None)[0]

    def macs(codes: Codes) -> FloatArray:
        return np.asarray(np.rint(block_choices(codes) @ coefficients))

    return macs


def accuracy_oracle(traces: Traces, members: int = MEMBERS) -> Callable[[Codes], FloatArray]:
    """Top-1 in per cent of codes: an ensemble of small networks, a family that no strategy here uses.

    Answers stay within the recorded range, half a percentage point added on both sides.

    Args:
        traces: What it is fitted to.
        members: Networks.
    """
    features, top1 = one_hot(traces.codes), traces.top1_pct
    digest = digest_of_arrays([features, top1], HIDDEN, members, PENALTY, ITERATIONS)
    weights = cached(f"ofa_mbv3_oracle_{digest}", lambda: fit_mlp_ensemble(features, top1, members))
    low, high = top1.min() - MARGIN_PCT, top1.max() + MARGIN_PCT

    def top1_pct(codes: Codes) -> FloatArray:
        return np.clip(predict_mlp_ensemble(weights, one_hot(codes)), low, high)

    return top1_pct


def load(name: str, roots: Roots) -> BenchmarkProblem:
    """Top-1 (per cent, up) against MACs (down); reference: the worst of each among the recorded sub-networks."""
    space = ofa_mbv3_space()
    traces = read_traces(roots, space)
    top1_pct, macs = accuracy_oracle(traces), exact_macs(traces)

    def measure(codes: Codes) -> dict[str, FloatArray]:
        return {"top1_pct": top1_pct(codes), "macs": macs(codes)}

    objectives = (
        Objective("top1_pct", "maximize", float(traces.top1_pct.min())),
        Objective("macs", "minimize", float(traces.macs.max())),
    )
    problem = Problem(space, objectives, exact={"macs": macs})
    recorded = [traces.codes, traces.top1_pct, traces.macs]
    digest = digest_of_arrays(recorded, HIDDEN, MEMBERS, PENALTY, ITERATIONS, RUNS, EVALUATIONS, POPULATION)
    front = cached(f"ofa_mbv3_front_{digest}", lambda: {"front": best_known(problem, measure)})["front"]
    return BenchmarkProblem(name, problem, measure, front, False)
