"""The progress bar of a study, on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from .progress import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

LINE_EVERY_S = 15.0
"""Where there is no terminal, a plain line appears this often."""


class ProgressBar:
    """Shows preparation steps, then trials; a plain line now and then where there is no terminal.

    Args:
        name: The study's name.
        total: Trials wanted.
    """

    def __init__(self, name: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress
        from rich.table import Column

        self._console = Console(stderr=True)
        self._name = name
        self._total = total
        self._last_line = time.monotonic()
        self._bar = RichProgress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=20, table_column=Column(min_width=4)),
            # Only the bar and the names may shrink on a narrow terminal.
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(elapsed_when_finished=True, table_column=Column(no_wrap=True)),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._steps: dict[str, TaskID] = {}
        self._trials: TaskID | None = None

    def start(self) -> None:
        """Begin to draw."""
        self._bar.start()

    def stop(self) -> None:
        """Leave the last state on the screen."""
        self._bar.stop()

    def preparing(self, what: str, share: float) -> None:
        """Show a step outside the trials: what is done, and the share done (0..1)."""
        if what not in self._steps:
            self._steps[what] = self._bar.add_task(what, total=100, note="")
            self._plain(what)
        self._bar.update(self._steps[what], completed=round(100 * share))

    def advanced(self, now: Progress) -> None:
        """Show where the trials stand."""
        if self._trials is None:
            self._trials = self._bar.add_task(self._name, total=self._total, note="")
        failed = f"  failed {now.n_failed}" if now.n_failed else ""
        note = f"front {now.front_size}  hv {now.hypervolume:.4g}{failed}"
        self._bar.update(self._trials, completed=now.spent, note=note)
        if time.monotonic() - self._last_line > LINE_EVERY_S:
            self._plain(f"{self._name}: {now.spent:g} of {now.n_total} trials, {note}")

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _plain(self, text: str) -> None:
        if not self._console.is_terminal:
            self._last_line = time.monotonic()
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
