"""What an experiment needs from its surroundings: packages, programs, processors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from ..experiment import Experiment
from .config import Config, plain_block
from .problems import Problems

PACKAGES: dict[tuple[str, str], tuple[str, str]] = {
    ("search", "tpe"): ("optuna", "optuna"),
    ("search", "optuna_gp"): ("optuna", "optuna"),
    ("search", "pymoo_nsga2"): ("pymoo", "pymoo"),
    ("search", "pymoo_unsga3"): ("pymoo", "pymoo"),
    ("search", "pymoo_age_moea"): ("pymoo", "pymoo"),
    ("search", "mappo"): ("torch", "torch"),
    ("search", "ippo"): ("torch", "torch"),
    ("search", "ppo"): ("torch", "torch"),
    ("search", "sac"): ("torch", "torch"),
    ("search", "model_based_mappo"): ("torch", "torch"),
    ("targets", "dram"): ("numba", "dram"),
    ("targets", "accelerator_memory"): ("numba", "dram"),
    ("targets", "torch_cpu"): ("torch", "torch"),
    ("targets", "torch_cuda"): ("torch", "torch"),
    ("targets", "onnx_runtime"): ("onnxruntime", "torch"),
    ("targets", "supernet_digits"): ("torch", "torch"),
    ("predictors", "help"): ("torch", "torch"),
    ("predictors", "mlp"): ("torch", "torch"),
    ("execution", "ray"): ("ray", "ray"),
    ("tracking", "mlflow"): ("mlflow", "mlflow"),
}
"""(section, name) to (package it imports, extra of cosearch that brings it)."""


def check_packages(config: Config, problems: Problems) -> list[str]:
    """Note named things whose packages are missing.

    Args:
        config: The configuration.
        problems: Takes what is missing and was asked for.

    Returns:
        Warnings: what is missing but was only a default.
    """
    warnings = []
    named: list[tuple[tuple[str, ...], str]] = [
        ((section,), getattr(config, section).name or "") for section in ("search", "execution", "tracking")
    ]
    for label, block in config.targets.items():
        named += _targets_in(("targets", label), plain_block(block))
    for path, name in named:
        package, extra = PACKAGES.get((path[0], name), ("", ""))
        if not package or find_spec(package) is not None:
            continue
        remedy = f'pip install "cosearch[{extra}]"'
        if path[0] in config.model_fields_set:
            problems.add((*path, "name"), f"{name!r} needs the package {package}, which is not installed; {remedy}")
        else:
            warnings.append(f"{path[0]}: {package} is not installed, so {name} is skipped; {remedy}")
    return warnings


def _targets_in(path: tuple[str, ...], block: Mapping[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    """Where a target is named, and the name: the block's own, and those of blocks in it."""
    found = [(path, str(block["name"]))] if "name" in block else []
    for key, value in block.items():
        if isinstance(value, Mapping):
            found += _targets_in((*path, key), value)
    return found


def check_programs(experiment: Experiment, problems: Problems) -> None:
    """Note targets whose external program is not on the PATH."""
    for label, target in experiment.targets.items():
        program = target.needs.program
        if program and shutil.which(program) is None:
            problems.add(
                ("targets", label), f"needs the program {program!r}, not found on PATH; install it or extend PATH"
            )


def check_execution(config: Config, problems: Problems) -> None:
    """Note execution settings that contradict each other."""
    execution = config.execution
    if execution.name == "local" and execution.address is not None:
        problems.add(("execution", "address"), "only ray has an address; set execution.name: ray, or remove it")
    limit, minutes = execution.trial_timeout_s, config.budget.minutes
    if limit is not None and minutes is not None and limit > 60 * minutes:
        message = (
            f"one trial may take {limit:g} s, but the whole budget is {60 * minutes:g} s; lower one or raise the other"
        )
        problems.add(("execution", "trial_timeout_s"), message)


def execution_warnings(experiment: Experiment) -> list[str]:
    """What is allowed but will disappoint."""
    execution = experiment.execution
    devices = sorted({t.needs.device for t in experiment.targets.values() if t.needs.device})
    warnings = []
    if devices and execution.workers > 1:
        warnings.append(f"execution.workers: {execution.workers} workers share {', '.join(devices)}, one at a time")
    cores = os.cpu_count() or 1
    if execution.name == "local" and execution.workers * execution.cpus_per_worker > cores:
        warnings.append(f"execution.workers: {execution.workers} workers on {cores} cores slow each other down")
    return warnings
