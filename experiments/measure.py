"""Measuring as a person asks for it: a devices file, designs, and a table to write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..hw_targets.measurements import read_measurements
from ..spaces.errors import ConfigError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .chosen_designs import designs_of_file, designs_of_study, random_designs
from .compare_measurements import Difference, differences
from .configuration.devices import load_devices
from .configuration.locate import find_study
from .measuring_run import ROUNDS, MeasuringRun, asked_devices, summary
from .progress_bar import ProgressBar


@dataclass(frozen=True)
class Request:
    """What to measure, with what, into which table.

    Exactly one of ``n_random``, ``designs`` and ``study`` says which designs.

    Args:
        devices: Devices file, or an experiment whose targets are the devices.
        output: ``NAME.csv``.
        n_random: That many random designs.
        seed: Draws them, and mixes the order of measuring.
        designs: File of designs.
        study: A study, whose front is measured.
        labels: Devices; all when empty.
        rounds: Measurements of each design, apart in time.

    Raises:
        ConfigError: When the designs are given not at all or in several ways, or the table is no ``.csv``.
    """

    devices: Path
    output: Path
    n_random: int | None = None
    seed: int = 0
    designs: Path | None = None
    study: Path | None = None
    labels: tuple[str, ...] = ()
    rounds: int = ROUNDS

    def __post_init__(self) -> None:
        given = [name for name in ("n_random", "designs", "study") if getattr(self, name) is not None]
        if len(given) != 1:
            shown = " and ".join(f"--{name.removeprefix('n_')}" for name in given) or "no designs"
            raise ConfigError(f"{shown} given", "say which designs: one of --random N, --designs FILE, --study FOLDER")
        if self.output.suffix != ".csv":
            raise ConfigError(f"--output {self.output} is no .csv", "name a table, NAME.csv")

    def codes(self, space: Space) -> Codes:
        """The designs asked for, int64 [n, n_knobs]."""
        if self.designs is not None:
            return designs_of_file(space, self.designs)
        if self.study is not None:
            return designs_of_study(space, find_study(str(self.study)))
        return random_designs(space, self.n_random or 0, self.seed)


def measured(
    request: Request, *, progress: bool = False, warn: Callable[[str], None] = lambda _: None
) -> tuple[bool, list[dict[str, Any]]]:
    """Measure what the table lacks.

    Args:
        request: What to measure.
        progress: Show a progress bar.
        warn: Called with what is worth knowing.

    Returns:
        Whether it came to its end, not interrupted; and a summary of each device.

    Raises:
        CosearchError: When a file is wrong, a device unknown, or the table cannot be written.
    """
    known = load_devices(request.devices)
    labels = asked_devices(known, request.labels)
    codes = request.codes(known.space)
    if request.n_random is not None and len(codes) < request.n_random:
        warn(f"space {known.space.name!r} gave {len(codes)} distinct designs, not {request.n_random}")
    run = MeasuringRun(known, labels, codes, request.rounds, request.output, request.seed)
    bar = ProgressBar("measure", len(codes)) if progress else None
    if bar:
        bar.start()
    try:
        finished = run.run(lambda what, at, n: bar.preparing(what, at / n) if bar else None, warn, announce=progress)
    finally:
        if bar:
            bar.stop()
    return finished, summary(read_measurements(request.output, known.space), labels)


def compared(output: Path, other: Path) -> list[Difference]:
    """How far a table differs from another one, taken as the first.

    Args:
        output: The table.
        other: What it is compared with.

    Raises:
        MeasurementsError: When one cannot be read, or they share nothing.
    """
    table = read_measurements(output)
    return differences(read_measurements(other, table.space), table)
