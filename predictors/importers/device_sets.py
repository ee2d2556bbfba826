"""Named sets of training and test devices, out of NASFLAT's ``device_task_list.py``, which is read but never run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...spaces.errors import MeasurementsError

SPACES = {"nb201": ("nas_bench_201", "N"), "fbnet": ("fbnet", "F")}
"""NASFLAT's name of a space to ours, and the first letter of its sets in the paper."""

LETTERS = {0: "D", 5: "A"}
"""Indices of sets that the paper names by a letter: ND, NA, FD, FA."""

MAX_BYTES = 1_000_000
"""Longest file that is parsed."""


@dataclass(frozen=True, slots=True)
class DeviceSet:
    """Devices to learn from, and devices to adapt to.

    Args:
        name: As in the paper: ``ND``, ``N1``, ..., ``FA``; ``N9999`` for an index that it does not have.
        space: Registered name of the space.
        train: Devices to learn from.
        test: Devices to adapt to.
    """

    name: str
    space: str
    train: tuple[str, ...]
    test: tuple[str, ...]


def read_device_sets(path: Path) -> dict[str, DeviceSet]:
    """Read the sets.

    Args:
        path: A Python file that assigns ``{space: {index: {"train": [...], "test": [...]}}}`` to something; only
            literals are looked at.

    Returns:
        Name to set, in the file's order.

    Raises:
        MeasurementsError: When it cannot be read or holds no such mapping.
    """
    remedy = "give NASFLAT's device_task_list.py, or a file with one such mapping of literals"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise MeasurementsError(f"{path}: longer than {MAX_BYTES} bytes", remedy)
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise MeasurementsError(f"{path}: cannot be read ({type(error).__name__}: {error})", remedy) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            try:
                found = _sets(ast.literal_eval(node.value))
            except (ValueError, TypeError, RecursionError, MemoryError):
                continue
            if found:
                return found
    raise MeasurementsError(f"{path}: no mapping of spaces to sets with 'train' and 'test'", remedy)


def _sets(data: Mapping[Any, Any]) -> dict[str, DeviceSet]:
    """Sets of a mapping; raises TypeError or ValueError when it is another mapping."""
    found: dict[str, DeviceSet] = {}
    for space, sets in data.items():
        ours, letter = SPACES.get(space, (str(space), f"{space}_"))
        if not isinstance(sets, dict):
            raise TypeError(f"{space} holds no mapping")
        for index, devices in sets.items():
            if not isinstance(devices, dict) or set(devices) != {"train", "test"}:
                raise TypeError(f"{space} {index} is no set")
            name = f"{letter}{LETTERS.get(index, index)}"
            found[name] = DeviceSet(name, ours, _names(devices["train"]), _names(devices["test"]))
    return found


def _names(devices: Any) -> tuple[str, ...]:
    if not isinstance(devices, list) or not devices or not all(isinstance(name, str) for name in devices):
        raise TypeError("devices are no list of names")
    return tuple(dict.fromkeys(devices))
