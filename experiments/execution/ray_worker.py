"""What runs inside Ray workers: the scorer is unpacked once per process, then scores chunk after chunk."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .evaluator import Chunk, Outcome

ScoreChunk = Callable[[Chunk], Outcome]

_unpacked: dict[str, ScoreChunk] = {}


def unpack(key: str, box: list[Any]) -> ScoreChunk:
    """The scorer of a study, from this process's memory when it was here before.

    Args:
        key: Names the scorer within the cluster.
        box: From :func:`pack`.
    """
    if key not in _unpacked:
        _unpacked.clear()
        _unpacked[key] = _open(box)
    return _unpacked[key]


def pack(reference: Any) -> list[Any]:
    """What travels with every chunk: the scorer's reference and the folders in which the driver finds modules.

    In a list, so that Ray does not unpack the scorer again for every chunk; with the folders, because Ray tells its
    workers only about the working folder and the script's.

    Args:
        reference: Object reference of the scorer.
    """
    return [reference, [folder for folder in sys.path if Path(folder).is_absolute()]]


def _open(box: Sequence[Any]) -> ScoreChunk:
    import ray

    reference, folders = box
    # Behind everything else, as in the driver.
    sys.path += [folder for folder in folders if folder not in sys.path]
    scorer: ScoreChunk = ray.get(reference)
    return scorer


def score(key: str, box: list[Any], chunk: Chunk) -> Outcome:
    """Score a chunk; the body of a Ray task."""
    return unpack(key, box)(chunk)


def score_timed(key: str, box: list[Any], chunk: Chunk) -> Iterator[Outcome | None]:
    """Say that work starts (None), then score a chunk; a streaming task, so that waiting in a queue takes no time."""
    scorer = unpack(key, box)
    yield None
    yield scorer(chunk)


class DeviceWorker:
    """Scores on a device that it has for itself; the body of a Ray actor.

    Args:
        box: From :func:`pack`.
    """

    def __init__(self, box: list[Any]) -> None:
        self._scorer = _open(box)

    def score(self, chunk: Chunk) -> Outcome:
        """Score a chunk."""
        return self._scorer(chunk)

    def score_timed(self, chunk: Chunk) -> Iterator[Outcome | None]:
        """Say that work starts (None), then score a chunk."""
        yield None
        yield self._scorer(chunk)
