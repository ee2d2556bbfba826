"""Ranks, contributions, crowding, directions and niching against their definitions, NumPy against PyTorch."""

import itertools
import tracemalloc

import numpy as np
import pytest

from cosearch.search.dominance import preference_order
from cosearch.search.emo.array_namespace import lexsort, place_in_group, uniform
from cosearch.search.emo.code_variation import CodeVariation, repeats
from cosearch.search.emo.crowding import crowding_distance
from cosearch.search.emo.hypervolume_contributions import hypervolume_contributions
from cosearch.search.emo.nondominated_sorting import blocked_ranks, nondominated_ranks
from cosearch.search.emo.reference_directions import das_dennis, reference_directions
from cosearch.search.emo.reference_niching import associate, niching_order, normalised
from cosearch.spaces.errors import StrategyError


def populations(count, values=5, most_rows=40, most_objectives=5):
    """Small populations on a coarse grid: ties and equal rows are common."""
    rng = np.random.default_rng(3)
    for _ in range(count):
        shape = rng.integers(1, most_rows + 1), rng.integers(1, most_objectives + 1)
        yield rng.integers(0, values, shape).astype(float)


def peeled(objectives):
    no_worse = (objectives[:, None] <= objectives[None]).all(axis=2)
    dominates = no_worse & (objectives[:, None] < objectives[None]).any(axis=2)
    ranks, left, front = np.full(len(objectives), -1), np.ones(len(objectives), dtype=bool), 0
    while left.any():
        now = left & ~dominates[left].any(axis=0)
        ranks[now], left, front = front, left & ~now, front + 1
    return ranks


def test_ranks_are_the_fronts_taken_off_one_by_one_whatever_the_block():
    for objectives in populations(120):
        expected = peeled(objectives)
        assert np.array_equal(nondominated_ranks(objectives), expected)
        if objectives.shape[1] > 1:
            for entries in (1, 16, 10**6):
                assert np.array_equal(blocked_ranks(objectives, entries), expected)


def test_ranks_of_long_chains_and_of_nothing():
    line = np.random.default_rng(0).permutation(300).astype(float)
    assert np.array_equal(blocked_ranks(np.column_stack([line, line]), 1024), line)
    assert nondominated_ranks(np.empty((0, 3))).tolist() == []


def test_tensors_get_the_numbers_of_arrays():
    torch = pytest.importorskip("torch")
    for objectives in populations(25):
        tensor = torch.as_tensor(objectives)
        ranks = nondominated_ranks(objectives)
        assert nondominated_ranks(tensor).tolist() == ranks.tolist()
        crowding = crowding_distance(tensor, torch.as_tensor(ranks))
        assert crowding.tolist() == pytest.approx(crowding_distance(objectives, ranks).tolist(), rel=1e-12)
        none = np.zeros(len(objectives))
        expected = preference_order(objectives, none).tolist()
        assert preference_order(tensor, torch.as_tensor(none)).tolist() == expected
        if objectives.shape[1] > 1:
            assert blocked_ranks(tensor, 64).tolist() == ranks.tolist()
        corner = np.full(objectives.shape[1], 4.0)
        got = hypervolume_contributions(tensor, torch.as_tensor(corner))
        assert got.tolist() == hypervolume_contributions(objectives, corner).tolist()


def cells(front, corner):
    """Exclusive volumes, grid cell by grid cell."""
    result = np.zeros(len(front))
    axes = [np.unique(np.append(column, end)) for column, end in zip(front.T, corner, strict=True)]
    for index in itertools.product(*(range(len(axis) - 1) for axis in axes)):
        low = np.array([axis[i] for axis, i in zip(axes, index, strict=True)])
        high = np.array([axis[i + 1] for axis, i in zip(axes, index, strict=True)])
        owners = np.flatnonzero((front <= low).all(axis=1))
        if len(owners) == 1:
            result[owners[0]] += np.prod(high - low)
    return result


def test_contributions_are_what_the_front_loses():
    for objectives in populations(80, values=6, most_rows=9, most_objectives=4):
        corner = np.full(objectives.shape[1], 5.0)
        members = (peeled(objectives) == 0) & (objectives < corner).all(axis=1)
        expected = np.zeros(len(objectives))
        if members.any():
            expected[members] = cells(objectives[members], corner)
        assert hypervolume_contributions(objectives, corner) == pytest.approx(expected)


def test_sorting_ten_thousand_tensors_in_blocks_stays_small():
    torch = pytest.importorskip("torch")
    points = torch.as_tensor(np.random.default_rng(0).random((10_000, 3)))
    with torch.profiler.profile(profile_memory=True) as profile:
        ranks = blocked_ranks(points, 2**18)
    held, peak = 0, 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    assert 2**18 < peak < 16 * 2**20, "a table of all rows by all rows has 100 MB"
    assert ranks.tolist() == nondominated_ranks(points).tolist()


def test_associating_ten_thousand_rows_stays_small():
    rng = np.random.default_rng(0)
    directions, points = reference_directions(3, 5_000), rng.random((10_000, 3))
    tracemalloc.start()
    niche, _ = associate(points, directions)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2**20, "a table of all rows by all directions has 400 MB"
    assert len(np.unique(niche)) > 1_000


def test_lexsort_and_places_are_alike_in_both_libraries():
    torch = pytest.importorskip("torch")
    keys = np.random.default_rng(0).integers(0, 4, (3, 50))
    expected = np.lexsort(tuple(keys))
    assert lexsort(tuple(keys)).tolist() == expected.tolist()
    assert lexsort(tuple(torch.as_tensor(keys))).tolist() == expected.tolist()
    assert place_in_group(np.array([0, 0, 2, 2, 2, 5])).tolist() == [0, 1, 0, 1, 2, 0]


def test_directions_are_the_published_numbers_and_lie_on_the_simplex():
    published = {(3, 91): 91, (3, 100): 91, (5, 210): 210, (8, 156): 156, (10, 275): 275, (15, 135): 135, (2, 20): 20}
    for (m, most), count in published.items():
        directions = reference_directions(m, most)
        assert len(directions) == len(np.unique(directions, axis=0)) == count
        assert directions.sum(axis=1) == pytest.approx(np.ones(count))
        assert directions.min() >= 0
    assert reference_directions(8, 156).max(axis=1).min() < 0.5, "two layers reach inside"
    assert das_dennis(2, 4)[:, 0].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert reference_directions(1, 50).tolist() == [[1.0]]
    assert len(reference_directions(4, 1)) == 4
    with pytest.raises(StrategyError, match="0 divisions"):
        das_dennis(3, 0)


def test_association_is_the_least_perpendicular_distance():
    rng = np.random.default_rng(1)
    points, directions = rng.random((200, 4)), reference_directions(4, 60)
    unit = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    off = np.linalg.norm(points[:, None] - (points @ unit.T)[:, :, None] * unit[None], axis=2)
    niche, distance = associate(points, directions)
    assert np.array_equal(niche, off.argmin(axis=1))
    assert distance == pytest.approx(off.min(axis=1))


def test_normalisation_finds_the_intercepts_of_a_plane_in_any_units():
    rng = np.random.default_rng(0)
    shares = np.concatenate([np.eye(3), rng.dirichlet(np.ones(3), 40)])
    for size in (np.array([1.0, 1.0, 1.0]), np.array([1e-6, 1e9, 3.0])):
        got = normalised(shares * size + 7 * size, np.zeros(43, dtype=np.int64))
        assert got == pytest.approx(shares)


@pytest.mark.parametrize(
    "objectives",
    [
        np.zeros((4, 2)),
        np.array([[0.0, 1.0], [0.0, 1.0]]),
        np.array([[1e308, -1e308], [-1e308, 1e308]]),
        np.array([[0.0, 1e-300], [1e-300, 0.0], [1e300, 1e300]]),
        np.array([[5.0]]),
    ],
)
def test_normalisation_is_finite_on_degenerate_fronts(objectives):
    got = normalised(objectives, nondominated_ranks(objectives))
    assert np.isfinite(got).all()
    assert got.min() == 0


def test_niching_fills_the_emptiest_niches_and_empty_ones_with_the_nearest():
    niche = np.array([0, 0, 0, 1, 1, 2])
    distance = np.array([0.3, 0.1, 0.2, 0.5, 0.4, 0.9])
    taken = np.array([0, 0, 2, 0])
    draws, niche_draws = np.array([0.1, 0.9, 0.5, 0.2, 0.8, 0.3]), np.array([0.6, 0.4, 0.1, 0.2])
    # Niches 1 and 0 take their nearest, then 1 and 0 a drawn one, then all stand at two.
    assert niching_order(niche, distance, taken, draws, niche_draws).tolist() == [4, 1, 3, 0, 5, 2]


def test_niching_equals_the_published_loop_in_what_is_not_drawn():
    rng = np.random.default_rng(5)
    for _ in range(40):
        n, h = rng.integers(1, 30), rng.integers(1, 8)
        niche, distance, taken = rng.integers(0, h, n), rng.random(n), rng.integers(0, 3, h)
        picked = niching_order(niche, distance, taken, rng.random(n), rng.random(h))
        assert sorted(picked.tolist()) == list(range(n))
        count, left = taken.copy(), set(range(n))
        for row in picked:
            open_niches = {int(niche[i]) for i in left}
            assert count[niche[row]] == min(count[j] for j in open_niches)
            if count[niche[row]] == 0:
                assert distance[row] == min(distance[i] for i in left if niche[i] == niche[row])
            count[niche[row]] += 1
            left.remove(int(row))


def test_children_stay_in_range_change_and_are_alike_in_both_libraries():
    cards, ordered = np.array([1, 2, 5, 300, 65_536]), np.array([True, False, False, True, True])
    parents = np.random.default_rng(0).integers(0, cards, (20, 5))
    children = CodeVariation(cards, ordered, np.random.default_rng(1), crossover=0.0)(parents, 4_000)
    assert children.shape == (4_000, 5)
    assert (children >= 0).all()
    assert (children < cards).all()
    assert set(children[:, 2].tolist()) == set(range(5))
    parent_rows = {tuple(row) for row in parents.tolist()}
    assert not any(tuple(row) in parent_rows for row in children[:200].tolist()), "at least one knob mutates"
    torch = pytest.importorskip("torch")
    make = CodeVariation(torch.as_tensor(cards), torch.as_tensor(ordered), np.random.default_rng(1), crossover=0.0)
    assert make(torch.as_tensor(parents), 4_000).tolist() == children.tolist()


def test_better_parents_have_more_children_and_crossover_mixes_two():
    cards, ordered = np.full(6, 100), np.zeros(6, dtype=bool)
    pool = np.repeat(np.arange(10)[:, None], 6, axis=1)
    make = CodeVariation(cards, ordered, np.random.default_rng(0), crossover=0.0, mutation_rate=0.0)
    first = np.median(make(pool, 3_000), axis=1)
    # The best of ten wins 19 of 100 binary tournaments, the worst 1.
    assert 0.16 < (first == 0).mean() < 0.22
    assert 0.002 < (first == 9).mean() < 0.02
    mixed = CodeVariation(cards, ordered, np.random.default_rng(0), crossover=1.0, mutation_rate=0.0)(pool, 500)
    assert np.mean([len(set(row)) for row in mixed.tolist()]) > 2.5


def test_repeats_are_all_but_the_first():
    rng = np.random.default_rng(0)
    for _ in range(30):
        codes = rng.integers(-1, 3, (60, 4))
        seen, expected = set(), []
        for row in map(tuple, codes.tolist()):
            expected.append(row in seen)
            seen.add(row)
        assert repeats(codes).tolist() == expected
    assert repeats(np.empty((0, 3), dtype=np.int64)).tolist() == []
    torch = pytest.importorskip("torch")
    assert repeats(torch.as_tensor(codes)).tolist() == expected


def test_a_generator_of_pytorch_draws_on_its_own():
    torch = pytest.importorskip("torch")
    first, second = (uniform(torch.Generator().manual_seed(4), (5, 2), torch.zeros(1)) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert first.dtype == torch.float64
