"""What does the framework cost per trial? The shipped systolic experiment, tracking on, at several budgets.

Rows give microseconds per trial spent in ask, store, tell and track, and trials per second of the whole study
(simulation, tracking and every output included).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from ..api import load
from ..study import Study
from .harness import Row, arguments, row, run


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """Run the experiment at each budget and report the clock of its loop."""
    config = Path(str(files("cosearch.experiments") / "systolic_mobilenet.yaml"))
    for budget in (int(b) for b in options.budgets.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            changes = (
                f"budget.trials={budget}",
                f"tracking.uri=sqlite:///{folder}/mlflow.db",
                f"output.folder={folder}/studies",
            )
            summary = Study.create(load(config, changes)).run(progress=options.progress)
        label = f"{budget} trials"
        for activity, cost in summary.overhead_us.items():
            yield row("ours:study", activity, "overhead_us", cost, budget=label, wall_s=summary.seconds)
        total = sum(summary.overhead_us.values())
        yield row("ours:study", "all", "overhead_us", total, budget=label, wall_s=summary.seconds)
        rate = summary.n_trials / summary.seconds
        yield row("ours:study", "study", "trials_per_s", rate, budget=label, wall_s=summary.seconds)
        loop = summary.n_trials / summary.loop_seconds
        yield row("ours:study", "loop", "trials_per_s", loop, budget=label, wall_s=summary.loop_seconds)


def main(argv: list[str] | None = None) -> list[Row]:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--budgets", default="1000,10000,100000", help="trials, separated by commas")
    parser.add_argument("--progress", action="store_true", help="show progress bars")
    return run("framework_overhead", measure, parser, argv)


if __name__ == "__main__":
    main()
