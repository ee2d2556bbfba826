"""Ctrl-C that saves: the first asks the study to finish what is in flight, the second stops at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


class Interrupts:
    """Context in which SIGINT and SIGTERM set :attr:`requested` instead of raising.

    A second SIGINT raises KeyboardInterrupt: what is in flight is abandoned, and run again on resume.
    Outside the main thread, where signals cannot be caught, it does nothing.

    Args:
        announce: Say on standard error what happens next.
    """

    def __init__(self, *, announce: bool = False) -> None:
        self.requested = False
        self._announce = announce
        self._previous: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._caught)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True
        if self._announce:
            # Unlike print, safe in a handler.
            os.write(2, b"\nfinishing what is in flight, then saving; Ctrl-C again stops at once\n")
