"""What a study's numbers depend on besides its configuration: versions, machine, devices."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from .experiment import Experiment

PACKAGES = ("cosearch", "numpy", "moocore", "torch", "scikit-learn", "optuna", "pymoo", "ray", "mlflow", "onnxruntime")


def environment(experiment: Experiment) -> dict[str, str]:
    """Facts by dotted name: package versions, the machine, and each target's fingerprint."""
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.node(),
        "cpus": str(os.cpu_count()),
    }
    for package in PACKAGES:
        try:
            facts[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            continue
    for label, target in experiment.targets.items():
        facts |= {f"{label}.{key}": str(value) for key, value in target.fingerprint().items()}
    return facts
