"""Surrogate-assisted evolution: gains against definitions, what is predicted, whom it trusts, and what it is worth."""

from __future__ import annotations

from dataclasses import replace

import moocore
import numpy as np
import pytest

from cosearch.search.check_hard_problems import half_constant
from cosearch.search.check_problems import CheckProblem, easy
from cosearch.search.check_simulation import Simulation
from cosearch.search.dominance import nondominated
from cosearch.search.front import ParetoFront
from cosearch.search.gp import Gp
from cosearch.search.nsga2 import Nsga2
from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.search.surrogate.hypervolume_gain import GreedyGain, gains
from cosearch.search.surrogate.starts import graded, latin_hypercube
from cosearch.search.surrogate_evolution import SurrogateEvolution, reference_point
from cosearch.search.trial import Trials
from cosearch.spaces.errors import PredictorError, StrategyError
from cosearch.spaces.space import Space

LEVELS = 5
KNOBS = 12


def blocks() -> CheckProblem:
    """Blocks of a network: accuracy with diminishing returns and an interaction, cost by weights; 5^12 designs."""
    space = Space({f"w{i}": {"type": "integer", "low": 0, "high": LEVELS - 1} for i in range(KNOBS)}, name="blocks")
    worth = np.random.default_rng(0).uniform(0.2, 1.0, KNOBS)
    price = np.random.default_rng(1).uniform(0.2, 1.0, KNOBS)

    def metrics(codes: np.ndarray) -> dict[str, np.ndarray]:
        x = codes / (LEVELS - 1)
        quality = np.sqrt(x) @ worth + 0.5 * x[:, 0] * x[:, 1] - 0.3 * np.abs(x[:, 2] - x[:, 3])
        return {"loss": 8.0 - quality, "cost": (x @ price) ** 1.5}

    return CheckProblem(Problem(space, (Objective("loss", reference=8.5), Objective("cost", reference=20.0))), metrics)


def share(strategy: type, seed: int, budget: int = 100, problem: CheckProblem | None = None) -> float:
    problem = problem or blocks()
    front = ParetoFront(problem.problem)
    front.add(Simulation(strategy, problem, seed, workers=10, batch=10).run(budget).told)
    return front.hypervolume()


def test_gain_of_two_objectives_is_the_difference_of_hypervolumes():
    rng = np.random.default_rng(0)
    points = rng.random((30, 2))
    front, reference = points[nondominated(points)], np.array([0.9, 0.8])
    new = rng.random((40, 2)) * 1.2 - 0.1
    before = moocore.hypervolume(front, ref=reference)
    expected = [moocore.hypervolume(np.concatenate([front, row[None]]), ref=reference) - before for row in new]
    np.testing.assert_allclose(gains(front, new, reference), expected, atol=1e-12)
    np.testing.assert_allclose(gains(front[:0], new[:1], reference), np.clip(reference - new[0], 0, None).prod())


def test_gain_of_three_objectives_is_close_to_it():
    rng = np.random.default_rng(1)
    points = rng.random((20, 3))
    front, reference, new = points[nondominated(points)], np.ones(3), rng.random((15, 3)) * 0.6
    greedy = GreedyGain(front, new[None], reference, np.ones(15), rng)
    before = moocore.hypervolume(front, ref=reference)
    gain = np.array([moocore.hypervolume(np.concatenate([front, row[None]]), ref=reference) - before for row in new])
    first = greedy.best()
    assert gain[first] >= 0.9 * gain.max()
    greedy.take(first)
    assert greedy.best() != first


def test_picks_make_room_for_each_other_and_for_likely_feasible_ones():
    front, reference = np.array([[0.5, 0.5]]), np.ones(2)
    twins = np.array([[[0.2, 0.4], [0.2, 0.401], [0.45, 0.1]]])
    greedy = GreedyGain(front, twins, reference, np.ones(3), np.random.default_rng(0))
    assert greedy.best() == 2
    greedy.take(2)
    assert greedy.best() == 0
    greedy.take(0)
    assert greedy.best() is None
    doubtful = GreedyGain(front, twins, reference, np.array([1.0, 1.0, 0.01]), np.random.default_rng(0))
    assert doubtful.best() == 0


@pytest.mark.long
@pytest.mark.parametrize("strategy", [SurrogateEvolution, Gp])
def test_beats_plain_evolution_at_equal_budget(strategy):
    ours = np.mean([share(strategy, seed) for seed in (0, 1, 2)])
    plain = np.mean([share(Nsga2, seed) for seed in (0, 1, 2)])
    assert ours > 1.02 * plain


def test_exact_metrics_are_computed_and_never_predicted():
    base = blocks()
    asked = []

    def cost(codes: np.ndarray) -> np.ndarray:
        assert len(codes)
        asked.append(len(codes))
        return base.metrics(codes)["cost"]

    problem = replace(base, problem=replace(base.problem, exact={"cost": cost}))
    run = Simulation(SurrogateEvolution, problem, 0, workers=10, batch=10).run(40)
    assert list(run.strategy._models._predictors) == [0]
    assert sum(asked) > 1000


@pytest.mark.long
def test_noise_is_not_trusted_and_structure_is():
    noise = replace(
        blocks(),
        metrics=lambda codes: {
            name: (codes @ np.random.default_rng(salt).integers(1, 10**6, KNOBS)) % 9973 / 9973.0
            for salt, name in enumerate(("loss", "cost"))
        },
    )
    for problem, low, high in ((noise, 0.0, 0.3), (blocks(), 0.8, 1.0)):
        trusts = []
        for seed in (0, 1, 2):
            strategy = Simulation(SurrogateEvolution, problem, seed, workers=10, batch=10).run(60).strategy
            strategy.ask(1)
            trusts.append(strategy._plan[1].trust)
        assert low <= np.mean(trusts) <= high


def test_a_constant_objective_does_not_cost_the_trust_in_the_other():
    strategy = Simulation(SurrogateEvolution, half_constant(), 0, workers=10, batch=10).run(60).strategy
    strategy.ask(1)
    assert strategy._plan[1].trust > 0.8


class FailsOnce(CheckProblem):
    """Trial 7 fails."""

    def trials(self, ids: np.ndarray, codes: np.ndarray, fidelities: np.ndarray | None = None) -> Trials:
        told = super().trials(ids, codes, fidelities)
        told.objectives[told.ids == 7] = np.inf
        told.violations[told.ids == 7] = np.inf
        return told


class FewLearnt(SurrogateEvolution):
    generations, population, most_learnt = 4, 20, 40

    def __init__(self, problem: Problem, seed: int) -> None:
        super().__init__(problem, seed, members=("gp",))


def test_resumes_where_the_only_failure_is_not_always_learnt_from():
    problem = FailsOnce(easy().problem, easy().metrics)
    live = Simulation(FewLearnt, problem, 3).run(200)
    for moment in live.moments[::3]:
        fresh = FewLearnt(problem.problem, 3)
        fresh.tell(live.told[: moment.n_told], moment.running)
        np.testing.assert_array_equal(fresh.ask(moment.n), moment.answer)


def test_learns_where_designs_are_feasible():
    base = blocks()

    def metrics(codes: np.ndarray) -> dict[str, np.ndarray]:
        return base.metrics(codes) | {"area_mm2": codes[:, :4].sum(axis=1) * 1.0}

    constrained = replace(base.problem, constraints=(Constraint("area_mm2", at_most=3.0),))
    problem = CheckProblem(constrained, metrics)
    runs = [Simulation(SurrogateEvolution, problem, seed, workers=10, batch=10).run(100) for seed in (0, 1, 2)]
    feasible = np.mean([run.told.feasible for run in runs], axis=0)
    assert feasible[:20].mean() < 0.3
    assert feasible[50:].mean() > 0.5


def test_designs_in_flight_are_taken_into_account():
    run = Simulation(SurrogateEvolution, blocks(), 0, workers=10, batch=10).run(60)
    strategy = run.strategy
    first = strategy.ask(10)
    strategy.tell(run.told[:0], in_flight(strategy, first))
    assert not {row.tobytes() for row in strategy.ask(10)} & {row.tobytes() for row in first}


def in_flight(strategy: SurrogateEvolution, codes: np.ndarray) -> Trials:
    ids = np.arange(len(codes)) + strategy.archive.n_completed
    return Trials.running(ids, codes, strategy.problem.n_objectives)


def test_starts_cover_every_value_and_both_ends():
    space = blocks().problem.space
    rng = np.random.default_rng(0)
    counts = np.stack([np.bincount(column, minlength=LEVELS) for column in latin_hypercube(space, 20, rng).T])
    assert (counts == 4).all()
    totals = graded(space, 20, rng).sum(axis=1)
    independent = space.sample(rng, 2000).sum(axis=1)
    assert np.ptp(totals) > np.ptp(independent)


def test_open_reference_lies_beyond_the_nadir():
    problem = easy().problem
    open_ended = replace(problem, objectives=(Objective("loss", reference=9.0), Objective("cost")))
    front = np.array([[1.0, 4.0], [3.0, 2.0]])
    assert reference_point(open_ended, front, front).tolist() == pytest.approx([9.0, 4.2])


def test_wrong_options_are_refused():
    for options, message in (
        ({"startup": 1}, "startup 1"),
        ({"batch": 0}, "batch 0"),
        ({"random_share": 1.5}, "random_share 1.5"),
    ):
        with pytest.raises(StrategyError, match=message):
            SurrogateEvolution(easy().problem, 0, **options)
    for members in ((), ("gp", "forest")):
        with pytest.raises(PredictorError, match="bank of"):
            SurrogateEvolution(easy().problem, 0, members=members)


def test_first_designs_are_graded_only_where_there_is_a_front():
    space = Space({f"k{i}": [0, 1, 2, 3, 4] for i in range(6)}, name="even")
    alone = Problem(space, (Objective("a"),))
    first = SurrogateEvolution(alone, 0, startup=20).ask(20)
    assert all(np.bincount(column, minlength=5).tolist() == [4] * 5 for column in first.T)
    both = SurrogateEvolution(Problem(space, (Objective("a"), Objective("b"))), 0, startup=20).ask(20)
    assert both.mean(axis=1).std() > 1.5 * first.mean(axis=1).std()
