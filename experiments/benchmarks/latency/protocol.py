"""The few-shot protocol: so many measurements of a new device, and nothing else about it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from ....spaces.errors import CosearchError
from ..method import Method
from .methods import Contender
from .metrics import figures
from .splits import Split, present
from .tables import Tables

PREDICTED, TIMED = 100_000, "predict_100k_s"


@dataclass(frozen=True)
class Protocol:
    """How often and with how much.

    Args:
        samples: Numbers of measurements.
        seeds: Repeats.
        choose_at_random: Whether methods that choose what to measure may not.
        source_designs: Designs known on each train device instead of the set's number; 0 is all, None the set's.
        timed: Whether to time predictions of 100,000 designs as well.
    """

    samples: tuple[int, ...]
    seeds: int
    choose_at_random: bool = False
    source_designs: int | None = None
    timed: bool = True


@dataclass
class Outcome:
    """What one method did in one set.

    Args:
        figures: (device, measurements) to metric to its values by seed.
        once: Figures that were taken once.
        wall_s: Wall time of it all, s.
        problem: What the predictor refused, and why it has no figures; empty when it did not.
    """

    figures: dict[tuple[str, int], dict[str, list[float]]] = field(default_factory=dict)
    once: dict[str, float] = field(default_factory=dict)
    wall_s: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Devices:
    """The devices of a set that the tables hold.

    Args:
        train: Learnt from.
        test: New.
        missing: Named by the set, but not there.
    """

    train: list[str]
    test: list[str]
    missing: list[str]


def devices_of(tables: Tables, split: Split, test: Sequence[str] = ()) -> Devices:
    """Which devices of a set there are.

    Args:
        tables: The tables.
        split: The set.
        test: New devices instead of the set's; those of the second folder are added to the set's.

    Raises:
        CosearchError: When no device to learn from, or none to adapt to, is left.
    """
    prefix = "latency of " if tables.metric.startswith("energy") else ""
    train, missing = present([prefix + name for name in split.train], tables.sources)
    wanted = list(test) or list(split.test) or [name for name in tables.targets if name not in train]
    found, absent = present(wanted, tables.targets)
    if not test:
        found = list(dict.fromkeys([*found, *tables.held_out]))
    train = [name for name in train if name not in found]
    if not train or not found:
        what = "train" if not train else "test"
        raise CosearchError(f"{tables.name}/{split.name}: no {what} device is in the tables", "name others")
    return Devices(train, found, missing + absent)


def evaluate(tables: Tables, split: Split, devices: Devices, method: Method, protocol: Protocol) -> Outcome:
    """Learn from the train devices once, then adapt to every test device with every seed.

    Each device, seed and number of measurements has a stream of its own, the same for all methods.
    """
    begin = time.perf_counter()
    outcome = Outcome()
    try:
        _measure(tables, split, devices, method, protocol, outcome)
    except CosearchError as error:
        outcome.problem = str(error)
    outcome.wall_s = time.perf_counter() - begin
    return outcome


def _measure(
    tables: Tables, split: Split, devices: Devices, method: Method, protocol: Protocol, outcome: Outcome
) -> None:
    n_known = split.source_designs if protocol.source_designs is None else protocol.source_designs
    contender = Contender(method, tables, devices.train, n_known)
    if contender.fit_s is not None:
        outcome.once["fit_pool_s"] = contender.fit_s
    # Libraries are imported by the first use, which is not timed.
    _once(
        contender, devices.test[0], protocol.samples[0], np.random.default_rng(0), protocol, Outcome(once={TIMED: 0.0})
    )
    for device, k, seed in product(devices.test, protocol.samples, range(protocol.seeds)):
        rng = np.random.default_rng([seed, k, zlib.crc32(device.encode())])
        _once(contender, device, k, rng, protocol, outcome)


def _once(
    contender: Contender, device: str, k: int, rng: np.random.Generator, protocol: Protocol, outcome: Outcome
) -> None:
    tables = contender.tables
    column = tables.targets[device]
    rows = np.flatnonzero(np.isfinite(column))
    truth, designs = column[rows], tables.space.designs(tables.codes[rows])
    times = [time.perf_counter()]
    chosen = contender.choose(designs, k, rng, at_random=protocol.choose_at_random)
    times.append(time.perf_counter())
    predictor = contender.adapted(tables.space.designs(designs.codes[chosen]), truth[chosen])
    times.append(time.perf_counter())
    found = figures(tables, rows, truth, predictor.predict(designs), chosen)
    found |= {"choose_s": times[1] - times[0], "adapt_s": times[2] - times[1]}
    # What was measured counts, not what was allowed.
    kept = outcome.figures.setdefault((device, len(np.unique(chosen))), {})
    for metric, value in found.items():
        kept.setdefault(metric, []).append(value)
    if protocol.timed and TIMED not in outcome.once:
        many = tables.space.designs(tables.space.sample(np.random.default_rng(0), PREDICTED))
        start = time.perf_counter()
        predictor.predict(many)
        outcome.once[TIMED] = time.perf_counter() - start
