"""What a study's numbers depend on besides its configuration: versions, machine, devices."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from .experiment import Experiment

PACKAGES = ("cosearch", "numpy", "moocore", "torch", "scikit-learn", "optuna", "pymoo", "ray", "mlflow", "onnxruntime")


def installed(package: str) -> str | None:
    """Version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def environment(experiment: Experiment) -> dict[str, str]:
    """Facts by dotted name: package versions, the machine, and each target's fingerprint."""
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.node(),
        "cpus": str(os.cpu_count()),
    }
    facts |= {f"version.{package}": found for package in PACKAGES if (found := installed(package))}
    for label, target in experiment.targets.items():
        facts |= {f"{label}.{key}": str(value) for key, value in target.fingerprint().items()}
    return facts
