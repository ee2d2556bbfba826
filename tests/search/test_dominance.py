import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from cosearch.search.dominance import (
    constrained_dominates,
    constrained_ranks,
    nondominated,
    preference_order,
)
from cosearch.search.emo.crowding import crowding_distance

# Few distinct values, so that ties and duplicates are common.
VALUES = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([1e-300, 1e300, -1e300, 0.1]))
VIOLATIONS = st.sampled_from([0.0, 0.0, 0.0, 0.5, 0.5, 2.0, np.inf])


@st.composite
def trials(draw, max_n=14):
    n, m = draw(st.integers(0, max_n)), draw(st.integers(1, 4))
    objectives = draw(hnp.arrays(float, (n, m), elements=VALUES))
    violations = draw(hnp.arrays(float, n, elements=VIOLATIONS))
    objectives[np.isinf(violations)] = np.inf
    return objectives, violations


def dominates(a, va, b, vb):
    """Deb et al. 2002, definition 1, word by word."""
    if va == 0 and vb > 0:
        return True
    if va > 0 and vb > 0:
        return va < vb
    if va > 0:
        return False
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def peeled_ranks(objectives, violations):
    """Fronts by taking away what nothing left dominates."""
    left, ranks, rank = set(range(len(objectives))), {}, 0
    while left:
        front = {
            i
            for i in left
            if not any(dominates(objectives[j], violations[j], objectives[i], violations[i]) for j in left)
        }
        ranks |= dict.fromkeys(front, rank)
        left -= front
        rank += 1
    return [ranks[i] for i in range(len(objectives))]


@settings(max_examples=150, deadline=None)
@given(trials())
def test_ranks_and_domination_equal_the_definition(batch):
    objectives, violations = batch
    assert constrained_ranks(objectives, violations).tolist() == peeled_ranks(objectives, violations)
    table = constrained_dominates(objectives, violations, objectives, violations)
    for i, j in itertools.product(range(len(objectives)), repeat=2):
        assert table[i, j] == dominates(objectives[i], violations[i], objectives[j], violations[j])


@settings(max_examples=150, deadline=None)
@given(trials())
def test_nondominated_equals_brute_force_and_keeps_the_first_of_equals(batch):
    objectives, violations = batch
    objectives = objectives[violations == 0]
    expected = []
    for i, row in enumerate(objectives):
        beaten = any(dominates(other, 0, row, 0) for other in objectives)
        repeat = any((other == row).all() for other in objectives[:i])
        expected.append(not beaten and not repeat)
    assert nondominated(objectives).tolist() == expected


@settings(max_examples=150, deadline=None)
@given(trials())
def test_crowding_equals_the_paper_front_by_front(batch):
    objectives, violations = batch
    ranks = constrained_ranks(objectives, violations)
    got = crowding_distance(objectives, ranks)
    assert not np.isnan(got).any()
    for rank in set(ranks.tolist()):
        rows = [i for i in np.flatnonzero(ranks == rank) if np.isfinite(objectives[i]).all()]
        assert got[rows] == pytest.approx(paper_crowding(objectives[rows]), rel=1e-9)
    assert (got[~np.isfinite(objectives).all(axis=1)] == 0).all()


def paper_crowding(front):
    if len(front) < 2:
        return [np.inf] * len(front)
    total = [0.0] * len(front)
    for values in (front / 4).T:
        order = sorted(range(len(front)), key=lambda i: values[i])
        span = values[order[-1]] - values[order[0]]
        if span == 0:
            continue
        total[order[0]] = total[order[-1]] = np.inf
        for before, i, after in zip(order, order[1:], order[2:], strict=False):
            total[i] += (values[after] - values[before]) / span
    return total


def test_crowding_by_hand():
    objectives = np.array([[0.0, 4.0], [1.0, 3.0], [3.0, 1.0], [4.0, 0.0], [9.0, 9.0]])
    got = crowding_distance(objectives, np.array([0, 0, 0, 0, 1]))
    assert got.tolist() == [np.inf, 1.5, 1.5, np.inf, np.inf]


def test_order_puts_feasible_first_then_small_violations_then_failed():
    objectives = np.array([[np.inf], [0.0], [0.0], [5.0], [4.0]])
    violations = np.array([np.inf, 2.0, 1.0, 0.0, 0.0])
    assert preference_order(objectives, violations).tolist() == [4, 3, 2, 1, 0]


def test_order_keeps_the_spread_out_rows_of_the_last_front():
    objectives = np.array([[0.0, 4.0], [1.9, 2.1], [2.0, 2.0], [2.1, 1.9], [4.0, 0.0]])
    assert set(preference_order(objectives, np.zeros(5))[:2].tolist()) == {0, 4}


def test_all_failed_and_nan_rows_are_ordered_without_warnings():
    failed = np.full((4, 2), np.inf)
    assert constrained_ranks(failed, np.full(4, np.inf)).tolist() == [0, 0, 0, 0]
    assert sorted(preference_order(failed, np.full(4, np.inf)).tolist()) == [0, 1, 2, 3]
    with_nan = np.array([[np.nan, 1.0], [1.0, 1.0]])
    assert constrained_ranks(with_nan, np.zeros(2)).tolist() == [1, 0]
    assert preference_order(np.empty((0, 2)), np.empty(0)).tolist() == []
