"""What runs inside Ray workers: the scorer is unpacked once per process, then scores chunk after chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .evaluator import Chunk, Outcome

ScoreChunk = Callable[[Chunk], Outcome]

_unpacked: dict[str, ScoreChunk] = {}


def unpack(key: str, box: list[Any]) -> ScoreChunk:
    """The scorer of a study, from this process's memory when it was here before.

    Args:
        key: Names the scorer within the cluster.
        box: Holds the object reference alone, so that Ray does not unpack the scorer again for every chunk.
    """
    if key not in _unpacked:
        import ray

        _unpacked.clear()
        _unpacked[key] = ray.get(box[0])
    return _unpacked[key]


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
        box: Holds the object reference of the scorer.
    """

    def __init__(self, box: list[Any]) -> None:
        import ray

        self._scorer: ScoreChunk = ray.get(box[0])

    def score(self, chunk: Chunk) -> Outcome:
        """Score a chunk."""
        return self._scorer(chunk)

    def score_timed(self, chunk: Chunk) -> Iterator[Outcome | None]:
        """Say that work starts (None), then score a chunk."""
        yield None
        yield self._scorer(chunk)
