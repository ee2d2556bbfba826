"""How well is this machine predicted from ten measurements, with other devices to learn from and without?

The new device is one thread of this CPU, the space the quickstart's. Its sub-networks are measured in two halves: among
those of the first, the predictor chooses ten; those of the second check it. Devices to learn from cost nothing
(``modelled``: shipped rooflines and systolic arrays) or are this machine in other settings (``own settings``: a batch,
two threads, ONNX Runtime). The second half is measured twice, so that the table says how far two measurements agree: no
predictor can be better. Each repeat chooses among other three quarters of the first half. ``latency_ratio`` is the
latency over that of reference work beside it; modelled devices, whose clocks do not wander, give their latency for it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...hw_targets.measurements import Measurements, read_measurements
from ...hw_targets.roofline_device import shipped_devices
from ...hw_targets.systolic_network import shipped_arrays
from ...predictors.calibration import report
from ...predictors.catalog import PREDICTORS
from ...predictors.pool import Pool
from ...predictors.pooled import PooledPredictor
from ...predictors.prediction import Prediction
from ...predictors.predictor import Predictor
from ...spaces.design import Designs
from ...spaces.elastic_cnn import ElasticCnn
from ..calibration.tables import source_pool
from ..configuration.yaml_source import dump_yaml
from ..measure import Request, measured
from .harness import Row, arguments, row, run

TARGET = "one_thread"
OWN: dict[str, dict[str, Any]] = {
    "batch_8": {"name": "torch_cpu", "threads": 1, "batch": 8, "relative": True},
    "two_threads": {"name": "torch_cpu", "threads": 2, "relative": True},
    "onnx_runtime": {"name": "onnx_runtime", "threads": 1, "relative": True},
}
FIGURES = {
    "spearman": "spearman_ratio",
    "mape_pct": "mape_pct",
    "mdape_pct": "mdape_pct",
    "coverage_90": "coverage90_ratio",
}
METRICS = ("latency_ms", "latency_ratio")
SHARE = 0.75
"""Of the first half, among which each repeat chooses."""


def modelled() -> dict[str, dict[str, Any]]:
    """All shipped devices that are models."""
    rooflines = {f"roofline_{name}": {"name": "roofline", "device": name} for name in shipped_devices()}
    return rooflines | {f"array_{name}": {"name": "systolic_network", "array": name} for name in shipped_arrays()}


def table(folder: Path, name: str, devices: dict[str, dict[str, Any]], designs: int, seed: int) -> Measurements:
    """Measure random designs on devices; a table that is there already is read."""
    settings, output = folder / f"{name}.yaml", folder / f"{name}.csv"
    settings.write_text(dump_yaml({"space": {"name": "elastic_cnn"}, "devices": devices}), encoding="utf-8")
    measured(Request(settings, output, n_random=designs, seed=seed))
    return read_measurements(output, ElasticCnn())


def known(found: Measurements, metric: str, device: str) -> tuple[Designs, np.ndarray]:
    """A device's designs, and the metric, float64 [n]."""
    codes, y = found.table(device, metric)
    return found.space.designs(codes), y


def pools(own: Measurements, free: Measurements, metric: str) -> dict[str, Pool | None]:
    """What is learnt from, by name."""
    named = {"modelled": [free], "own settings": [own], "both": [free, own]}
    return {"nothing": None} | {name: source_pool(tables, metric, (), TARGET) for name, tables in named.items()}


def predicted(
    method: str, metric: str, pool: Pool | None, first: tuple[Designs, np.ndarray], k: int, seed: int
) -> Predictor:
    """A predictor that met ``k`` of the first half's designs; one that cannot choose takes random ones."""
    designs, y = first
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(y))[: int(SHARE * len(y))]
    predictor: Predictor = PREDICTORS.get(method)(designs.space, metric)
    if pool is not None and isinstance(predictor, PooledPredictor):
        predictor.fit_pool(pool)
    if isinstance(predictor, PooledPredictor):
        chosen = rows[predictor.choose(designs.space.designs(designs.codes[rows]), k, rng)]
    else:
        chosen = rows[:k]
    learn = predictor.fit if pool is None else predictor.adapt
    return learn(designs.space.designs(designs.codes[chosen]), y[chosen])


def rows_of(
    method: str, subject: str, y: np.ndarray, found: list[Prediction], budget: str, wall_s: float
) -> Iterator[Row]:
    """The figures of all repeats of one method."""
    each = [report(y, one.mean, one.std) for one in found]
    for name, metric in FIGURES.items():
        yield row(method, subject, metric, [figures[name] for figures in each], budget=budget, wall_s=wall_s)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Measure, then predict."""
    half, k = options.designs, options.samples
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        one = {TARGET: {"name": "torch_cpu", "threads": 1, "relative": True}}
        first = table(folder, "first", one, half, 1)
        second = table(folder, "second", one, half, 2)
        own = table(folder, "own", OWN, options.source_designs, 3)
        free = table(folder, "modelled", modelled(), 4 * options.source_designs, 4)
        again = table(folder, "again", one, half, 2)
    for metric in METRICS:
        test, y = known(second, metric, TARGET)
        repeat = Prediction(known(again, metric, TARGET)[1], np.full(len(y), np.inf))
        yield from rows_of("measured again", f"{metric}, ceiling", y, [repeat], f"{half} measurements", 0.0)
        given = known(first, metric, TARGET)
        for subject, pool in pools(own, free, metric).items():
            for method in ("few_shot", "source_gp") if pool is not None else ("few_shot", "gp", "ridge"):
                begin = time.perf_counter()
                found = [predicted(method, metric, pool, given, k, seed).predict(test) for seed in range(options.seeds)]
                label = f"ours:{method}" if method == "few_shot" else method
                wall_s = time.perf_counter() - begin
                yield from rows_of(label, f"{metric}, learns from {subject}", y, found, f"{k} measurements", wall_s)


def main(argv: list[str] | None = None) -> list[Row]:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--designs", type=int, default=200, help="of each half")
    parser.add_argument(
        "--source-designs", type=int, default=60, help="measured on each own setting; four times as many modelled"
    )
    parser.add_argument("--samples", type=int, default=10, help="measurements of the new device that are learnt from")
    parser.add_argument("--seeds", type=int, default=10, help="repeats")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the tables, or go on with those that are there")
    return run("this_machine", measure, parser, argv)


if __name__ == "__main__":
    main()
