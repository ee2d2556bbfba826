"""Latency tables as HELP publishes them (Lee et al., "HELP", NeurIPS 2021)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...hw_targets.measurement_table import Measurements
from ...hw_targets.metric import Source
from ...hw_targets.target import FloatArray
from ...spaces.errors import MeasurementsError
from .architectures import NAMES, Architectures, find_architectures
from .torch_file import read_latencies

NOT_LATENCIES = frozenset({*NAMES, "arch.pt", "architecture.pt", "hardware_embedding_index.pt", "nasbench201.pt"})
"""What else lies in HELP's folders."""

MODELLED = frozenset({"eyeriss", "fpga"})
"""Devices whose numbers came out of a model. Source: Li et al., "HW-NAS-Bench", ICLR 2021, section 3.2."""


def help_latency(path: Path, architectures: Path | None = None) -> Measurements:
    """Read a folder of ``DEVICE.pt``, each a list of milliseconds.

    Args:
        path: ``data/nasbench201``, ``data/fbnet`` or ``data/ofa`` of HELP's repository, or their folder ``latency``.
        architectures: What the rows are, see :func:`.architectures.read_architectures`; by default HELP's own list in
            the folder or beside it.

    Returns:
        ``latency_ms`` of every device; a number behind a device's name is the batch size, and the latency is that of
        the whole batch.

    Raises:
        MeasurementsError: When something is missing or damaged.
    """
    folder = path / "latency" if (path / "latency").is_dir() else path
    files = [file for file in sorted(folder.glob("*.pt")) if file.name not in NOT_LATENCIES]
    if not files:
        raise MeasurementsError(f"{path}: no DEVICE.pt", "give a folder of latency tables, such as HELP's data/fbnet")
    known = find_architectures(folder, architectures)
    return latency_tables(known, {file.stem: (file, read_latencies(file, len(known))) for file in files})


def latency_tables(known: Architectures, tables: Mapping[str, tuple[Path, FloatArray]]) -> Measurements:
    """Join tables of the same architectures.

    Args:
        known: The ``n`` architectures.
        tables: Device to its file and its latencies, ms, float64 [n].
    """
    n = len(known)
    return Measurements(
        known.space,
        tuple(device for device in tables for _ in range(n)),
        np.tile(known.codes, (len(tables), 1)),
        {"latency_ms": np.concatenate([values for _, values in tables.values()])},
        sources=origins(tables, ("latency_ms",)),
        fingerprints={device: origin(file) for device, (file, _) in tables.items()},
        space_block=dict(known.block),
    )


def origin(file: Path) -> dict[str, str]:
    """What a table's fingerprint says of a device: the file it was read from."""
    return {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()[:16]}


def origins(devices: Iterable[str], metrics: Sequence[str]) -> dict[str, dict[str, Source]]:
    """How the metrics of published devices were got: ``modelled`` of :data:`MODELLED`, else ``measured``."""
    return {device: dict.fromkeys(metrics, "modelled" if device in MODELLED else "measured") for device in devices}
