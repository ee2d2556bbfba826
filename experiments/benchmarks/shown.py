"""Progress of long benchmarks, on standard error."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress

from ..progress_bar import LINE_EVERY_S

Item = TypeVar("Item")


def shown(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """The items as they come, with a bar, or a line now and then where there is no terminal.

    Args:
        items: The items.
        total: How many there will be.
        what: What they are, in the plural.
    """
    console = Console(stderr=True)
    last = time.monotonic()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        for n, item in enumerate(items, 1):
            bar.advance(task)
            if not console.is_terminal and time.monotonic() - last > LINE_EVERY_S:
                last = time.monotonic()
                console.print(f"{n} of {total} {what} done")
            yield item
