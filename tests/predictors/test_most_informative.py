"""Greedy choice of designs against the posterior variance worked out anew at each step."""

from __future__ import annotations

import numpy as np
import pytest

from cosearch.predictors.most_informative import most_informative

NOISE = 0.05


def by_hand(candidates: np.ndarray, known: np.ndarray, k: int) -> list[int]:
    chosen: list[int] = []
    for _ in range(k):
        seen = np.concatenate([known, candidates[chosen]])
        covariance = seen @ seen.T + NOISE * np.eye(len(seen))
        shared = candidates @ seen.T
        explained = (shared * np.linalg.solve(covariance, shared.T).T).sum(axis=1)
        variance = (candidates**2).sum(axis=1) - explained
        variance[chosen] = -np.inf
        chosen.append(int(np.argmax(variance)))
    return chosen


@pytest.mark.parametrize("n_known", [0, 3])
def test_each_choice_has_the_largest_variance_left(n_known: int) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        candidates, known = rng.normal(size=(40, 6)), rng.normal(size=(n_known, 6))
        found = most_informative(candidates, known, 12, NOISE)
        assert found.tolist() == by_hand(candidates, known, 12)


def test_what_is_known_is_not_looked_for_again() -> None:
    candidates = np.diag([3.0, 2.0, 1.0])
    nothing = np.empty((0, 3))
    assert most_informative(candidates, nothing, 3, NOISE).tolist() == [0, 1, 2]
    assert most_informative(candidates, candidates[:1], 2, NOISE).tolist() == [1, 2]


def test_rows_that_tell_nothing_more_are_still_different() -> None:
    same = np.ones((5, 2))
    assert sorted(most_informative(same, same[:2], 5, NOISE).tolist()) == [0, 1, 2, 3, 4]
