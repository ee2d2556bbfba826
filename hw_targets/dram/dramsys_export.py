"""Fronts as files for DRAMSys: a folder for each design, and the traces that they share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...spaces.errors import TargetError
from ...spaces.knobs import Value
from .device import Device
from .dramsys_files import write_dramsys_files
from .stl_files import write_stl
from .trace import Trace
from .workloads import numbered

LONGEST_NAME = 100
"""Characters of a trace's name that its file keeps."""


def export_designs(
    designs: Iterable[Mapping[str, Value]],
    device: Device,
    traces: Sequence[Trace],
    folder: Path,
    stems: Sequence[str],
    memspec: str | None = None,
) -> list[Path]:
    """Write each design as DRAMSys' own files, and the traces once: ``<folder>/traces/<name>.stl``.

    Args:
        designs: ``n`` designs, with their channels and ranks where these are not the device's.
        device: The device.
        traces: What was simulated; each is a simulation of its own.
        folder: Existing folder.
        stems: Name of each design's folder.
        memspec: Name of the memory specification; by default that of a shipped device.

    Returns:
        The traces' files, and per design those of :func:`write_or_note`.
    """
    names = file_names(traces)
    (folder / "traces").mkdir(exist_ok=True)
    written = [write_stl(trace, folder / "traces" / f"{name}.stl") for trace, name in zip(traces, names, strict=True)]
    named = [(path.name, trace.clock_mhz) for path, trace in zip(written, traces, strict=True)]
    for design, stem in zip(designs, stems, strict=True):
        written += write_or_note(design, device, folder, stem, named, memspec)
    return written


def write_or_note(
    design: Mapping[str, Value],
    device: Device,
    folder: Path,
    stem: str,
    traces: Sequence[tuple[str, float]],
    memspec: str | None = None,
) -> list[Path]:
    """What :func:`~.dramsys_files.write_dramsys_files` writes, or ``<stem>.txt`` that says why DRAMSys cannot have it.

    Args:
        design: Knobs of a memory controller.
        device: The device.
        folder: Existing folder.
        stem: Name of the design's folder, or of the note.
        traces: File name and clock in MHz of each trace.
        memspec: Name of the memory specification; by default that of a shipped device.
    """
    try:
        return write_dramsys_files(design, device, folder, stem, traces, memspec)
    except TargetError as error:
        note = folder / f"{stem}.txt"
        note.write_text(f"There are no files for DRAMSys.\n{error}\n", encoding="utf-8")
        return [note]


def file_names(traces: Sequence[Trace]) -> list[str]:
    """Names of traces as names of files without suffix: letters, digits, ``_``, ``-`` and ``.``; none repeats."""
    plain = [re.sub(r"[^A-Za-z0-9_.-]+", "_", trace.name).strip("_.-")[:LONGEST_NAME] for trace in traces]
    return numbered([name or "trace" for name in plain])
