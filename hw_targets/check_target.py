"""The rules that every hardware target keeps, as a function for anybody's tests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np

from ..spaces.design import Designs
from ..spaces.space import Space
from .metric import Metric
from .target import Columns, HardwareTarget, Seeds

MEASURED = frozenset({"measured"})
"""Sources whose numbers differ from one evaluation to the next."""


def check_target(
    make: Callable[[Space], HardwareTarget], space: Space, *, n: int = 6, seed: int = 0, folder: Path | None = None
) -> None:
    """Check a target against the contract of :class:`~cosearch.hw_targets.target.HardwareTarget`.

    Checked: metrics are declared once and none is both searched and held out; :meth:`prepare` may run twice and a
    second target on the same folder gives the same numbers; columns have the right names, shapes and finite values;
    numbers that are not measured depend on the design and its seed only, not on the batch, its order or the process
    (a copy as worker processes get it agrees); an empty batch is fine; fingerprints are text; and all of it for
    :meth:`confirm`, and at every fidelity on offer, the highest of which is :meth:`evaluate`.

    Args:
        make: Builds the target from a space, for example ``lambda space: TorchCpu(space, threads=1)``.
        space: A space that the target can score.
        n: Designs to try.
        seed: Draws them.
        folder: Study folder to prepare in; a temporary one by default.

    Raises:
        AssertionError: When a rule is broken; the message says which.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            check_target(make, space, n=n, seed=seed, folder=Path(temporary))
        return
    target = make(space)
    _check_declared(target)
    shares: list[float] = []
    for _ in range(2):
        target.prepare(folder, lambda _text, share: shares.append(share))
    assert all(0.0 <= share <= 1.0 for share in shares), f"prepare reported a share outside 0..1: {shares}"
    rng = np.random.default_rng(seed)
    designs = space.designs(space.sample(rng, n))
    seeds = rng.integers(0, 2**63, n, dtype=np.uint64)
    copy = ForkingPickler.loads(ForkingPickler.dumps(target))
    again = make(space)
    again.prepare(folder, lambda _text, _share: None)
    others = {"a copy in a worker": copy, "a second target on the same folder": again}
    _check_scores("evaluate", target.metrics(), target.evaluate, designs, seeds)
    whole = {k: t.evaluate for k, t in others.items()} | {"fidelity 1": partial(target.evaluate_at, fidelity=1.0)}
    _check_same("evaluate", target.metrics(), target.evaluate, whole, designs, seeds)
    for fidelity in target.fidelities()[:-1]:
        score: Scoring = partial(target.evaluate_at, fidelity=fidelity)
        less: dict[str, Scoring] = {k: partial(t.evaluate_at, fidelity=fidelity) for k, t in others.items()}
        what = f"evaluate_at fidelity {fidelity:g}"
        _check_scores(what, target.metrics(), score, designs, seeds)
        _check_same(what, target.metrics(), score, less, designs, seeds)
    if target.held_out_metrics():
        held_out = target.held_out_metrics()
        _check_scores("confirm", held_out, target.confirm, designs, seeds)
        _check_same("confirm", held_out, target.confirm, {k: t.confirm for k, t in others.items()}, designs, seeds)


Scoring = Callable[[Designs, Seeds], Columns]


def _check_declared(target: HardwareTarget) -> None:
    searched = [metric.name for metric in target.metrics()]
    held_out = [metric.name for metric in target.held_out_metrics()]
    assert searched or held_out, "metrics() is empty, and nothing is held out"
    assert len({*searched, *held_out}) == len(searched) + len(held_out), f"a metric repeats in {searched} + {held_out}"
    offered = target.fidelities()
    rising = all(low < high for low, high in pairwise((0.0, *offered)))
    assert rising, f"fidelities must rise from above 0: {offered}"
    assert offered[-1:] == (1.0,), f"the last fidelity must be 1.0: {offered}"
    pairs = target.fingerprint().items()
    assert all(isinstance(k, str) and isinstance(v, str) for k, v in pairs), f"fingerprint is not text: {dict(pairs)}"


def _check_scores(what: str, metrics: tuple[Metric, ...], score: Scoring, designs: Designs, seeds: Seeds) -> None:
    for batch, batch_seeds in ((designs, seeds), (designs[:0], seeds[:0])):
        columns = score(batch, batch_seeds)
        n = len(batch)
        names = {metric.name for metric in metrics}
        assert set(columns.values) == names, f"{what} of {n} designs gave {sorted(columns.values)}, not {sorted(names)}"
        assert all(0 <= row < n for row in columns.failures), f"{what} failed rows {list(columns.failures)} of {n}"
        good = np.array([row not in columns.failures for row in range(n)], dtype=bool)
        assert n == 0 or good.any(), f"{what} scored none of {n} designs: {columns.failures[0]}"
        for name, values in columns.values.items():
            assert np.shape(values) == (n,), f"{what}: {name} has shape {np.shape(values)} for {n} designs"
            assert np.isfinite(values[good]).all(), f"{what}: {name} is not finite: {values}"
        unknown = (set(columns.std) | set(columns.count)) - names
        assert not unknown, f"{what}: std or count of unknown metrics {sorted(unknown)}"
        for name, spread in [*columns.std.items(), *columns.count.items()]:
            assert np.shape(spread) == (n,), f"{what}: spread of {name} has shape {np.shape(spread)} for {n} designs"
        for name, std in columns.std.items():
            assert (std[good] >= 0.0).all(), f"{what}: std of {name} is negative or NaN: {std}"
        for name, count in columns.count.items():
            assert (count[good] >= 1).all(), f"{what}: count of {name} is below 1: {count}"
        for metric in metrics:
            if metric.source in MEASURED:
                assert metric.name in columns.std, f"{what}: measured {metric.name} has no std"
                assert metric.name in columns.count, f"{what}: measured {metric.name} has no count"


def _check_same(
    what: str,
    metrics: tuple[Metric, ...],
    score: Scoring,
    others: dict[str, Scoring],
    designs: Designs,
    seeds: Seeds,
) -> None:
    names = [metric.name for metric in metrics if metric.source not in MEASURED]
    if not names:
        return
    base = score(designs, seeds)
    order = np.arange(len(designs))[::-1]
    backwards = score(Designs(designs.space, designs.codes[order]), seeds[order])
    single = [score(designs[row : row + 1], seeds[row : row + 1]) for row in range(len(designs))]
    for name in names:
        answers = {
            "a second call": score(designs, seeds).values[name],
            "the batch in reverse": backwards.values[name][order],
            "one design at a time": np.concatenate([columns.values[name] for columns in single]),
        } | {label: other(designs, seeds).values[name] for label, other in others.items()}
        for label, values in answers.items():
            same = np.allclose(values, base.values[name], rtol=1e-9, atol=0.0, equal_nan=True)
            assert same, f"{what}: {name} differs for {label}: {values} instead of {base.values[name]}"
