import itertools

import numpy as np
from constraint import Problem

from cosearch.spaces.gemm_tile import gemm_tile


def fits(bm, bn, bk, wm, wn, stages, gpu=((16, 8, 16), 163, 2)):
    """The rules of the kernel, written independently of the space's declaration."""
    (m, n, k), kib, size = gpu
    if wm % m or wn % n or bk % k or bm % wm or bn % wn:
        return False
    warps = (bm // wm) * (bn // wn)
    fragment_bytes = (wm + wn) * k * size
    loaded = 32 * warps * 16
    return (
        stages * (bm + bn) * bk * size <= kib * 1024
        and 4 * wm * wn + fragment_bytes <= 4 * 32 * 255
        and bm * bn <= 65536
        and warps <= 32
        and bm * bk * size % loaded == 0
        and bn * bk * size % loaded == 0
    )


def test_the_default_space_is_counted_exactly():
    space = gemm_tile()
    assert np.prod(space.cardinalities, dtype=object) == 7 * 2**46
    assert space.size() == 32_903


def test_the_count_agrees_with_another_solver():
    solver = Problem()
    solver.addVariable("wm", range(16, 257, 16))
    solver.addVariable("wn", range(8, 257, 8))
    solver.addVariable("bm", range(16, 257, 16))
    solver.addVariable("bn", range(8, 257, 8))
    solver.addVariable("bk", range(16, 257, 16))
    solver.addVariable("stages", range(2, 9))
    solver.addConstraint(lambda b, w: b % w == 0, ("bm", "wm"))
    solver.addConstraint(lambda b, w: b % w == 0, ("bn", "wn"))
    solver.addConstraint(lambda wm, wn: 4 * wm * wn + (wm + wn) * 32 <= 4 * 32 * 255, ("wm", "wn"))
    solver.addConstraint(fits, ("bm", "bn", "bk", "wm", "wn", "stages"))
    theirs = {tuple(s[n] for n in ("bm", "bn", "bk", "wm", "wn", "stages")) for s in solver.getSolutions()}
    space = gemm_tile(max_block_tile=256)
    ours = {tuple(d.values()) for d in space.decode(space.enumerate())}
    assert ours == theirs


def test_a_shrunken_space_agrees_with_brute_force():
    small = {"max_block_tile": 10, "max_warp_tile": 8, "max_stages": 4}
    space = gemm_tile(**small, mma=(2, 1, 2), shared_memory_kib=24, element_bytes=64)
    ranges = [range(1, n + 1) for n in (10, 10, 10, 8, 8)] + [range(2, 5)]
    brute = [p for p in itertools.product(*ranges) if fits(*p, gpu=((2, 1, 2), 24, 64))]
    assert [tuple(d.values()) for d in space.decode(space.enumerate())] == brute
    assert 0 < len(brute) == space.size()


def test_rejection_sampling_finds_nothing_where_listing_takes_a_moment():
    space = gemm_tile()
    draws = np.random.default_rng(0).integers(0, space.cardinalities, (100_000, 6))
    assert not space.is_valid(draws).any()
    codes = space.sample(np.random.default_rng(0), 100_000)
    assert space.is_valid(codes).all()
    assert len(np.unique(codes, axis=0)) > 0.9 * space.size()
