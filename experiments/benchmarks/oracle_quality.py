"""How well does the oracle of ``ofa_mbv3`` rank and predict sub-networks that it was not fitted to?

Five folds of the distinct recorded sub-networks. Run as ``python -m cosearch.experiments.benchmarks.oracle_quality
--data DIR``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence

import numpy as np

from ...search.objective import FloatArray
from ...spaces.errors import CosearchError
from .harness import Row, arguments, row, run
from .problems.mlp_ensemble import fit_mlp_ensemble, predict_mlp_ensemble
from .problems.ofa_mbv3 import Traces, ofa_mbv3_space, one_hot, read_traces

METHOD = "mlp_ensemble"


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run the benchmark.

    Args:
        argv: Arguments without the program name; None reads the command line.

    Returns:
        The rows.
    """
    parser = arguments("Cross-validated rank correlation and error of the accuracy oracle.")
    parser.add_argument("--folds", type=int, default=5, help="folds of the cross-validation")
    return run("oracle_quality", measure, parser, argv)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Kendall's tau and the mean absolute error over all held-out predictions, and the time of one fit.

    Raises:
        CosearchError: When no folder is named or it lacks the traces.
    """
    if options.data is None:
        raise CosearchError("there are no traces", "name a folder of reference data with --data")
    traces = read_traces([options.data], ofa_mbv3_space())
    predicted, seconds = held_out(traces, options.folds)
    yield row(METHOD, "ofa_mbv3", "kendall_tau_ratio", kendall_tau(predicted, traces.top1_pct), wall_s=sum(seconds))
    yield row(METHOD, "ofa_mbv3", "mae_pct", float(np.abs(predicted - traces.top1_pct).mean()), wall_s=sum(seconds))
    yield row(METHOD, "ofa_mbv3", "fit_cpu_s", seconds, wall_s=sum(seconds))


def held_out(traces: Traces, folds: int) -> tuple[FloatArray, list[float]]:
    """Predictions of each sub-network by the ensemble that did not see it, float64 [n], and CPU seconds per fit."""
    features = one_hot(traces.codes)
    fold = np.random.default_rng(0).permutation(len(features)) % folds
    predicted = np.empty(len(features))
    seconds = []
    for number in range(folds):
        test = fold == number
        start = time.process_time()
        weights = fit_mlp_ensemble(features[~test], traces.top1_pct[~test])
        seconds.append(time.process_time() - start)
        predicted[test] = predict_mlp_ensemble(weights, features[test])
    return predicted, seconds


def kendall_tau(a: FloatArray, b: FloatArray) -> float:
    """Kendall's tau-b of two float64 [n]. Source: Kendall 1945, "The treatment of ties in ranking problems"."""
    signs = [np.sign(values[:, None] - values[None, :]) for values in (a, b)]
    agreed = float((signs[0] * signs[1]).sum())
    return agreed / float(np.sqrt((signs[0] ** 2).sum() * (signs[1] ** 2).sum()))


if __name__ == "__main__":
    main()
