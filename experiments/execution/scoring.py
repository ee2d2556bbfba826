"""Scoring a chunk: every target in turn, bad designs pinned down, impossible numbers refused."""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...hw_targets.target import Columns, HardwareTarget, Needs
from ...spaces.space import Space
from .evaluator import Chunk, Outcome, State

Number = TypeVar("Number", np.float64, np.int64)

MAX_MESSAGE = 20_000
"""Characters of a message that are kept, of longer ones the beginning and the end."""


@dataclass(frozen=True)
class Scorer:
    """Scores chunks in whatever process it lands; picklable, and it never raises for a bad design.

    Args:
        space: The study's space.
        targets: Label to target, in order; a design that one target refuses is not offered to the next.
        parts: Label to the part of a joint space that the target sees; None is the whole design.
        metrics: Label to the metrics that the study keeps from that target.
    """

    space: Space
    targets: Mapping[str, HardwareTarget]
    parts: Mapping[str, str | None]
    metrics: Mapping[str, tuple[str, ...]]

    @property
    def needs(self) -> tuple[Needs, ...]:
        """What each target needs, in order."""
        return tuple(target.needs for target in self.targets.values())

    def __call__(self, chunk: Chunk) -> Outcome:
        """Score every design of a chunk."""
        start = time.perf_counter()
        sheet = _Sheet(len(chunk))
        for label, target in self.targets.items():
            for fidelity, rows in _efforts(target, chunk, sheet.alive()):
                self._score(label, target, fidelity, chunk[rows], rows, sheet)
        seconds = (time.perf_counter() - start) / max(len(chunk), 1)
        return sheet.outcome(chunk, seconds)

    def _score(
        self,
        label: str,
        target: HardwareTarget,
        fidelity: float,
        chunk: Chunk,
        rows: NDArray[np.int64],
        sheet: _Sheet,
    ) -> None:
        designs = self.space.designs(chunk.codes)
        part = self.parts.get(label)
        designs = designs.part(part) if part else designs
        try:
            if fidelity == 1.0:
                columns = target.evaluate(designs, chunk.seeds)
            else:
                columns = target.evaluate_at(designs, chunk.seeds, fidelity)
            self._keep(label, columns, rows, sheet)
        except (Exception, SystemExit):  # noqa: BLE001  a target of somebody else may raise anything
            if len(rows) == 1:
                sheet.fail(int(rows[0]), f"target {label!r} raised:\n{traceback.format_exc()}")
                return
            for i in range(len(rows)):
                self._score(label, target, fidelity, chunk[i : i + 1], rows[i : i + 1], sheet)

    def _keep(self, label: str, columns: Columns, rows: NDArray[np.int64], sheet: _Sheet) -> None:
        kept = {name: _column(columns.values, name, label, len(rows)) for name in self.metrics[label]}
        failures = dict(columns.failures)
        for name, values in kept.items():
            for row in np.flatnonzero(~np.isfinite(values)).tolist():
                failures.setdefault(row, f"target {label!r} gave {name} = {values[row]}, not a finite number")
            sheet.put(sheet.values, name, rows, values, np.nan)
            if name in columns.std:
                sheet.put(sheet.std, name, rows, _column(columns.std, name, label, len(rows)), np.nan)
            if name in columns.count:
                sheet.put(sheet.count, name, rows, np.asarray(columns.count[name], np.int64), 0)
        for row, message in failures.items():
            sheet.fail(int(rows[row]), message)


def _efforts(
    target: HardwareTarget, chunk: Chunk, rows: NDArray[np.int64]
) -> Iterator[tuple[float, NDArray[np.int64]]]:
    """Rows that a target scores together: each at the nearest fidelity on offer that is no lower than the asked one."""
    offered = np.array(target.fidelities())
    if len(offered) == 1 and len(rows):
        yield 1.0, rows
        return
    steps = np.searchsorted(offered, chunk.fidelities[rows])
    for step in np.unique(steps).tolist():
        yield float(offered[step]), rows[steps == step]


@dataclass
class _Sheet:
    """The outcome of one chunk while it is being filled in."""

    n: int
    values: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    std: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    count: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)

    def alive(self) -> NDArray[np.int64]:
        return np.array([i for i in range(self.n) if i not in self.errors], dtype=np.int64)

    def fail(self, row: int, message: str) -> None:
        self.errors.setdefault(row, plain_text(message))

    def put(
        self,
        table: dict[str, NDArray[Number]],
        name: str,
        rows: NDArray[np.int64],
        values: NDArray[Number],
        blank: float,
    ) -> None:
        if name not in table:
            table[name] = np.full(self.n, blank, dtype=values.dtype)
        table[name][rows] = values

    def outcome(self, chunk: Chunk, seconds: float) -> Outcome:
        failed = np.array(sorted(self.errors), dtype=np.int64)
        for column in self.values.values():
            column[failed] = np.nan
        states: list[State] = ["failed" if i in self.errors else "done" for i in range(self.n)]
        worker = f"{platform.node()}:{os.getpid()}"
        return Outcome(chunk.ids, self.values, self.std, self.count, states, self.errors, seconds, worker)


def _column(table: Mapping[str, NDArray[np.float64]], name: str, label: str, n: int) -> NDArray[np.float64]:
    if name not in table:
        raise ValueError(f"target {label!r} returned no {name}, only {sorted(table)}")
    values = np.asarray(table[name], dtype=np.float64)
    if values.shape != (n,):
        raise ValueError(f"target {label!r} returned {name} of shape {values.shape} for {n} designs")
    return values


def lost(chunk: Chunk, state: State, message: str) -> Outcome:
    """The outcome of a chunk whose worker gave none."""
    n = len(chunk)
    return Outcome(chunk.ids, {}, {}, {}, [state] * n, dict.fromkeys(range(n), plain_text(message)), 0.0, "")


def plain_text(message: object) -> str:
    """A failure's message as text that can be stored: never empty, no half characters, not too long."""
    text = str(message).encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) > MAX_MESSAGE:
        half = MAX_MESSAGE // 2
        text = f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
    return text if text.strip() else "failed without a message"


def after_loss(chunk: Chunk, state: State, message: str, retries: int) -> list[Chunk] | Outcome:
    """Decide what follows when a worker died or ran over time: smaller chunks, another try, or giving up.

    Args:
        chunk: What the worker had.
        state: ``crashed`` or ``timed_out``.
        message: What happened, for people.
        retries: Tries allowed after the first; a single design that ran over time is not tried again.

    Returns:
        Chunks to submit again (a chunk of several is split, so that only the culprit is lost), or the outcome.
    """
    if len(chunk) > 1:
        return [chunk[i : i + 1] for i in range(len(chunk))]
    if state == "crashed" and chunk.attempt < retries:
        return [replace(chunk, attempt=chunk.attempt + 1)]
    return lost(chunk, state, message)
