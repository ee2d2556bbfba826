"""The rules that every design space keeps, as a function for anybody's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from .design import digest_of
from .knobs import INACTIVE, Codes
from .space import Space

ENUMERABLE = 100_000
"""Spaces up to this size are also compared with their full list."""


def check_space(space_or_factory: Space | Callable[[], Space], *, n: int = 256, seed: int = 0) -> None:
    """Check a space against the contract of :class:`~cosearch.spaces.space.Space`.

    Checked: samples, mutants, children, neighbours and repaired rows are valid and canonical; valid rows are left alone
    by repair; designs survive JSON and encoding, with equal digests; the same seed gives the same rows; a copy by
    pickle and one built from :meth:`Space.spec` agree; a listed space has the counted size and holds every sample.

    Args:
        space_or_factory: A space, or a function that builds one; two results of the function must be equal.
        n: Designs to draw.
        seed: Draws them.

    Raises:
        AssertionError: When a rule is broken; the message says which.
    """
    space = space_or_factory if isinstance(space_or_factory, Space) else space_or_factory()
    codes = space.sample(np.random.default_rng(seed), n)
    assert codes.shape == (n, space.n_knobs), f"sample({n}) gave shape {codes.shape}"
    assert codes.dtype == np.int64, f"codes are {codes.dtype}, not int64"
    _check_valid(space, codes, "sample")
    _check_designs(space, codes)
    _check_moves(space, codes, seed)
    _check_repair(space, codes, seed)
    _check_listing(space, codes)
    _check_copies(space, codes, seed)
    if not isinstance(space_or_factory, Space):
        assert space_or_factory().digest == space.digest, "the factory gave two different spaces"


def _check_valid(space: Space, codes: Codes, source: str) -> None:
    bad = np.flatnonzero(~space.is_valid(codes))
    assert not len(bad), f"{source} gave an invalid design: codes {codes[bad[0]].tolist()}"
    assert np.array_equal(codes, space.canonical(codes)), f"{source} gave codes that are not canonical"


def _check_designs(space: Space, codes: Codes) -> None:
    designs = space.decode(codes)
    assert np.array_equal(space.encode(designs), codes), "encode(decode(codes)) differs from codes"
    for design, row in zip(designs, codes, strict=True):
        names = [name for name, code in zip(space.names, row, strict=True) if code != INACTIVE]
        assert list(design) == names, f"{design} does not hold exactly the active knobs {names}"
        again = json.loads(design.to_json())
        assert dict(again) == dict(design), f"{design} does not survive JSON"
        assert digest_of(design.to_json()) == design.digest, f"digest of {design} is not that of its JSON"
    distinct = len(np.unique(codes, axis=0))
    assert len({d.digest for d in designs}) == distinct, "digests do not tell designs apart exactly as codes do"
    batch = space.designs(codes)
    for name in space.names:
        column = batch.column(name).tolist()
        active = codes[:, space.index(name)] != INACTIVE
        got = [value for value, on in zip(column, active, strict=True) if on]
        assert got == [design[name] for design in designs if name in design], (
            f"column({name!r}) differs from the designs"
        )


def _check_moves(space: Space, codes: Codes, seed: int) -> None:
    moves: dict[str, Callable[[np.random.Generator], Codes]] = {
        "sample": lambda rng: space.sample(rng, len(codes)),
        "mutate": lambda rng: space.mutate(codes, rng),
        "crossover": lambda rng: space.crossover(codes, codes[::-1], rng),
    }
    before = codes.copy()
    for name, move in moves.items():
        result = move(np.random.default_rng(seed))
        _check_valid(space, result, name)
        assert result.shape == codes.shape, f"{name} gave shape {result.shape} for {codes.shape}"
        assert np.array_equal(codes, before), f"{name} changed its argument"
        again = move(np.random.default_rng(seed))
        assert np.array_equal(result, again), f"{name} gave different rows for the same seed"
    for row in codes[:8]:
        near = space.neighbours(row)
        _check_valid(space, near, "neighbours")
        assert len(np.unique(near, axis=0)) == len(near), "neighbours repeat"
        assert not (near == row).all(axis=1).any(), "a design is its own neighbour"
    assert len(space.mutate(codes[:0], np.random.default_rng(seed))) == 0, "mutate of no rows gave rows"


def _check_repair(space: Space, codes: Codes, seed: int) -> None:
    assert np.array_equal(space.repair(codes), codes), "repair changed a valid design"
    rng = np.random.default_rng(seed)
    wild = rng.integers(-2, space.cardinalities + 2, codes.shape)
    repaired = space.repair(wild)
    _check_valid(space, repaired, "repair")
    assert np.array_equal(space.repair(wild), repaired), "repair without a generator is not deterministic"
    assert np.array_equal(space.repair(repaired), repaired), "repair of a repaired design changed it"
    _check_valid(space, space.repair(wild, rng), "repair with a generator")


def _check_listing(space: Space, codes: Codes) -> None:
    size = space.size()
    if size is None or size > ENUMERABLE:
        return
    listed = space.enumerate(ENUMERABLE)
    assert listed is not None, f"size() is {size}, yet enumerate({ENUMERABLE}) gave nothing"
    assert len(listed) == size, f"size() is {size}, enumerate() gave {len(listed)} designs"
    _check_valid(space, listed, "enumerate")
    assert np.array_equal(np.unique(listed, axis=0), listed), "enumerate() repeats designs or is not in order"
    known = set(map(bytes, listed))
    assert all(bytes(row) in known for row in codes), "sample() gave a design that enumerate() lacks"


def _check_copies(space: Space, codes: Codes, seed: int) -> None:
    copies: dict[str, Any] = {
        "pickled copy": ForkingPickler.loads(ForkingPickler.dumps(space)),
        "space built from spec()": Space(**json.loads(json.dumps(space.spec()))),
    }
    for name, copy in copies.items():
        assert copy.digest == space.digest, f"the {name} has another digest"
        assert copy.names == space.names, f"the {name} has other knobs"
        same = copy.sample(np.random.default_rng(seed), len(codes))
        assert np.array_equal(same, codes), f"the {name} samples differently"
