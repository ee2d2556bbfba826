"""Generations of arrays under every survival."""

import functools

import numpy as np
import pytest

from cosearch.search.emo.code_variation import CodeVariation
from cosearch.search.emo.generation import Population, evolve, select
from cosearch.search.emo.reference_directions import reference_directions
from cosearch.search.front import hypervolume
from cosearch.search.hype import hype_selection
from cosearch.search.nsga2 import nsga2_survivors
from cosearch.search.nsga3 import nsga3_survivors
from cosearch.search.variation import Variation
from cosearch.spaces.space import Space

KNOBS, LEVELS, SIZE = 6, 1024, 40


def sphere(codes):
    """DTLZ2 with two objectives, in arithmetic that both libraries round alike; codes of either."""
    x = codes / (LEVELS - 1)
    radius = 1 + ((x[:, 1:] - 0.5) ** 2).sum(1)
    near, far = 1 - x[:, 0] ** 2, x[:, 0] * (2 - x[:, 0])
    values = radius * near, radius * far
    pair = np.stack(values, axis=1) if isinstance(codes, np.ndarray) else __import__("torch").stack(values, dim=1)
    return pair, 0.0 * radius


def survivals(rng, directions):
    return {
        "nsga2": nsga2_survivors,
        "nsga3": functools.partial(nsga3_survivors, directions=directions, rng=rng),
        "hype": functools.partial(hype_selection, rng=rng, samples=1_000),
    }


def evolved(name, convert=lambda array: array, generations=40):
    rng = np.random.default_rng(0)
    codes = convert(rng.integers(0, LEVELS, (SIZE, KNOBS)))
    make = CodeVariation(convert(np.full(KNOBS, LEVELS)), convert(np.ones(KNOBS, dtype=bool)), rng)
    survive = survivals(rng, convert(reference_directions(2, SIZE)))[name]
    return evolve(codes, sphere, make, survive, generations)


@pytest.mark.parametrize("name", ["nsga2", "nsga3", "hype"])
def test_generations_approach_the_front_alike_in_both_libraries(name):
    got = evolved(name)
    assert len(got) == SIZE
    reference = np.full(2, 2.0)
    start = np.random.default_rng(0).integers(0, LEVELS, (SIZE, KNOBS))
    drawn = np.random.default_rng(1).integers(0, LEVELS, (SIZE * 41, KNOBS))
    volumes = [hypervolume(sphere(codes)[0], reference) for codes in (start, drawn)]
    assert hypervolume(got.objectives, reference) > max(volumes) + 0.05
    assert len(np.unique(got.codes, axis=0)) == SIZE, "no design twice"
    torch = pytest.importorskip("torch")
    tensors = evolved(name, torch.as_tensor)
    assert tensors.codes.tolist() == got.codes.tolist()


def test_a_whole_generation_runs_on_a_generator_of_pytorch():
    torch = pytest.importorskip("torch")
    rng = torch.Generator().manual_seed(2)
    codes = torch.randint(0, LEVELS, (SIZE, KNOBS), generator=rng)
    make = CodeVariation(torch.full((KNOBS,), LEVELS), torch.ones(KNOBS, dtype=torch.bool), rng)
    for survive in survivals(rng, torch.as_tensor(reference_directions(2, SIZE))).values():
        got = evolve(codes, sphere, make, survive, 3)
        assert got.codes.shape == (SIZE, KNOBS)
        assert bool((got.codes >= 0).all() and (got.codes < LEVELS).all())


def test_a_space_with_constraints_makes_its_own_children():
    space = Space(
        {"a": {"type": "integer", "low": 0, "high": 9}, "b": {"type": "integer", "low": 0, "high": 9}},
        constraints=[{"sum": ["a", "b"], "at_most": 9}],
    )
    rng, variation = np.random.default_rng(0), Variation()

    def score(codes):
        assert space.is_valid(codes).all()
        return np.column_stack([-codes[:, 0], -codes[:, 1]]).astype(float), np.zeros(len(codes))

    def make(ranked, n):
        return variation.children(space, ranked, n, rng)

    got = evolve(space.sample(rng, 10), score, make, nsga2_survivors, 30)
    assert got.codes.sum(axis=1).tolist() == [9] * 10


def test_repeats_stay_only_when_others_run_out():
    codes = np.array([[1], [1], [2], [1]])
    population = Population(codes, np.array([[0.0], [0.0], [5.0], [0.0]]), np.zeros(4))
    assert select(population, nsga2_survivors, 2).codes.tolist() == [[1], [2]]
    assert len(select(population, nsga2_survivors, 3)) == 3
    assert select(population, nsga2_survivors, 2, distinct=False).codes.tolist() == [[1], [1]]


@pytest.mark.parametrize("name", ["nsga2", "nsga3", "hype"])
@pytest.mark.parametrize("m", [1, 2, 3, 7])
def test_survivals_are_total(name, m):
    rng = np.random.default_rng(m)
    for n_rows, keep in ((0, 3), (1, 1), (5, 9), (30, 7), (30, 30)):
        objectives = rng.integers(0, 4, (n_rows, m)).astype(float)
        violations = rng.choice([0.0, 0.0, 1.0, np.inf], n_rows)
        objectives[rng.random(n_rows) < 0.2] = np.nan
        with np.errstate(all="raise"):
            rows = survivals(np.random.default_rng(0), reference_directions(m, keep))[name](
                objectives, violations, keep
            )
        assert len(set(rows.tolist())) == len(rows) == min(keep, n_rows)
        level = np.where(np.isfinite(objectives).all(axis=1), violations, np.inf)
        assert level[rows].tolist() == sorted(level)[: len(rows)], "feasible first, then by violation"
