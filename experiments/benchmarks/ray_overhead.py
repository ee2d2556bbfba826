"""What Ray costs per evaluation: our evaluator and a whole study beside Ray Tune, on evaluations of one millisecond.

``python -m cosearch.experiments.benchmarks.ray_overhead``

Every evaluation keeps one CPU busy for one millisecond (a spin on the clock; ``--sleep`` sleeps instead). All methods
run in one session on one local cluster that is up and warm, so starting Ray is not counted. Two figures per method:

* ``wall_ms``: wall time divided by evaluations;
* ``overhead_ms``: wall time times CPUs divided by evaluations, less the millisecond of work: the worker time lost per
  evaluation. It is 0 when the workers do nothing but evaluate.

Ray Tune draws the same space at random with its actors reused and its loggers switched off, which is its fastest way.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...hw_targets.metric import Metric
from ...hw_targets.target import Columns, HardwareTarget, Needs, Seeds
from ...search.objective import Objective
from ...spaces.design import Designs
from ...spaces.space import Space
from ..api import experiment, run
from ..execution.backend import CHEAP_CHUNK
from ..execution.evaluator import Chunk, Evaluator
from ..execution.ray_cluster import QUIET, ray_package
from ..execution.ray_evaluator import RayEvaluator
from ..execution.scoring import Scorer
from ..settings import Execution, Output
from . import harness
from .harness import Row, row

WORK_S = 0.001


def work(sleep: bool) -> None:
    """One millisecond."""
    if sleep:
        time.sleep(WORK_S)
        return
    until = time.perf_counter() + WORK_S
    while time.perf_counter() < until:
        pass


class OneMillisecond(HardwareTarget):
    """Takes one millisecond per design.

    Args:
        sleep: Sleep instead of keeping the CPU busy.
    """

    needs = Needs(cheap=True)

    def __init__(self, sleep: bool) -> None:
        self.sleep = sleep

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("latency_ms", "modelled", "sum of the knobs"),)

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        for _ in range(len(designs)):
            work(self.sleep)
        return Columns({"latency_ms": designs.column("x") + designs.column("y")})


def space() -> Space:
    """Two real knobs in 0..1."""
    knob = {"type": "real", "low": 0.0, "high": 1.0}
    return Space({"x": knob, "y": knob})


def evaluator_seconds(n: int, cpus: int, chunk: int, sleep: bool) -> float:
    """Wall time of ``n`` evaluations through the evaluator alone."""
    scorer = Scorer(space(), {"target": OneMillisecond(sleep)}, {"target": None}, {"target": ("latency_ms",)})
    codes = scorer.space.sample(np.random.default_rng(0), n)
    everything = Chunk(np.arange(n), codes, np.zeros(n, np.uint64))
    pieces = [everything[i : i + chunk] for i in range(0, n, chunk)]
    with RayEvaluator(scorer, Execution(name="ray", workers=cpus)) as evaluator:
        _drive(evaluator, pieces[: 2 * cpus])
        start = time.perf_counter()
        _drive(evaluator, pieces)
        return time.perf_counter() - start


def _drive(evaluator: Evaluator, pieces: list[Chunk]) -> None:
    waiting, flying = list(reversed(pieces)), 0
    while waiting or flying:
        while waiting and flying < evaluator.slots:
            evaluator.submit(waiting.pop())
            flying += 1
        flying -= len(evaluator.collect(10.0))


def study_seconds(n: int, cpus: int, chunk: int, sleep: bool) -> float:
    """Wall time of a study of ``n`` trials by random search: strategy, trial table and front included."""
    with tempfile.TemporaryDirectory() as folder:
        what = experiment(
            space(), OneMillisecond(sleep), [Objective("latency_ms", reference=2.0)], strategy="random", trials=n,
            execution=Execution(name="ray", workers=cpus, chunk=chunk), output=Output(formats=(), report=False),
        )  # fmt: skip
        start = time.perf_counter()
        run(what, folder=Path(folder) / "study")
        return time.perf_counter() - start


def tune_seconds(n: int, sleep: bool) -> float:
    """Wall time of ``n`` samples by Ray Tune."""
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    from ray import tune

    def trainable(config: dict[str, float]) -> dict[str, float]:
        work(sleep)
        return {"latency_ms": config["x"] + config["y"]}

    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space={"x": tune.uniform(0.0, 1.0), "y": tune.uniform(0.0, 1.0)},
            tune_config=tune.TuneConfig(num_samples=n, metric="latency_ms", mode="min", reuse_actors=True),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        start = time.perf_counter()
        tuner.fit()
        return time.perf_counter() - start


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Time every method once, in turn."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    ray = ray_package()
    ray.init(
        num_cpus=options.cpus, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
        _node_ip_address="127.0.0.1",
    )  # fmt: skip
    n, cpus = options.evaluations, options.cpus
    try:
        for chunk in (1, CHEAP_CHUNK):
            seconds = evaluator_seconds(n, cpus, chunk, options.sleep)
            yield from _rows("ours:evaluator", f"chunk {chunk}", n, cpus, seconds)
            seconds = study_seconds(n, cpus, chunk, options.sleep)
            yield from _rows("ours:study", f"chunk {chunk}", n, cpus, seconds)
        if options.tune_samples:
            seconds = tune_seconds(options.tune_samples, options.sleep)
            yield from _rows("ray_tune", "one sample at a time", options.tune_samples, cpus, seconds)
    finally:
        ray.shutdown()


def _rows(method: str, subject: str, n: int, cpus: int, seconds: float) -> Iterator[Row]:
    budget = f"{n} evaluations of 1 ms, {cpus} CPUs"
    yield row(method, subject, "wall_ms", 1e3 * seconds / n, budget=budget, wall_s=seconds)
    yield row(method, subject, "overhead_ms", 1e3 * (seconds * cpus / n - WORK_S), budget=budget, wall_s=seconds)


def main() -> None:
    """Run from the command line."""
    parser = harness.arguments("Cost of Ray per evaluation, beside Ray Tune.")
    parser.add_argument("--evaluations", type=int, default=2000)
    parser.add_argument("--tune-samples", type=int, default=2000, help="0 leaves Ray Tune out")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--sleep", action="store_true", help="sleep for a millisecond instead of keeping the CPU busy")
    harness.run("ray_overhead", measure, parser)


if __name__ == "__main__":
    main()
