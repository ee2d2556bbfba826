"""LINAS: its loop, closed forms, constraints, failures; the inner search against the exact front."""

import dataclasses

import numpy as np
import pytest

from cosearch.search.check_problems import CheckProblem, easy, failing
from cosearch.search.check_simulation import Simulation
from cosearch.search.dominance import nondominated
from cosearch.search.inner_search import inner_search
from cosearch.search.linas import Linas
from cosearch.search.modelled_problem import ModelledProblem
from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.search.random_search import RandomSearch
from cosearch.spaces.errors import PredictorError, StrategyError
from cosearch.spaces.space import Space

SPACE = Space({f"k{i}": [0, 1, 2] for i in range(10)}, name="additive")
OBJECTIVES = (Objective("loss", reference=30.0), Objective("cost", reference=60.0))


def metrics(codes):
    slopes = np.arange(1.0, 11.0)
    return {"loss": (2 - codes) @ np.ones(10), "cost": codes @ slopes, "limit": codes[:, 0] + codes[:, 1]}


ADDITIVE = CheckProblem(Problem(SPACE, OBJECTIVES), metrics)


def linas(problem, seed, **options):
    return Linas(problem, seed, **({"population": 20, "inner_evaluations": 2000} | options))


def test_the_second_batch_is_the_front_of_what_the_first_taught():
    told = Simulation(linas, ADDITIVE, 0, workers=20, batch=20).run(40).told
    first, second = told.objectives[told.ids < 20], told.objectives[told.ids >= 20]
    # An additive problem is learnt from twenty designs, so that most of the batch lies beyond the random ones.
    beaten = (first[None] <= second[:, None]).all(axis=2).any(axis=1)
    assert beaten.mean() < 0.2
    assert nondominated(second).mean() > 0.7


def test_nothing_is_proposed_while_a_batch_is_unfinished():
    strategy = linas(ADDITIVE.problem, 0)
    batch = strategy.ask(100)
    assert len(batch) == 20
    told = ADDITIVE.trials(np.arange(20), batch)
    strategy.tell(told[:19], told[19:])
    assert len(strategy.ask(5)) == 0
    strategy.tell(told[19:], told[:0])
    assert len(strategy.ask(5)) == 5


def test_closed_forms_are_not_predicted():
    def exact(codes):
        return metrics(codes)["loss"]

    problem = dataclasses.replace(ADDITIVE.problem, exact={"loss": exact})
    asked = []

    def make(metric):
        from cosearch.predictors.ridge_svr import RidgeSvr

        asked.append(metric)
        return RidgeSvr(SPACE, metric)

    codes = SPACE.sample(np.random.default_rng(0), 30)
    model = ModelledProblem(problem, ADDITIVE.trials(np.arange(30), codes), make)
    assert asked == ["cost"]
    fresh = SPACE.sample(np.random.default_rng(1), 50)
    objectives, violations = model(fresh)
    np.testing.assert_array_equal(objectives[:, 0], exact(fresh))
    np.testing.assert_allclose(objectives[:, 1], metrics(fresh)["cost"], rtol=0.2)
    assert not violations.any()


@pytest.mark.parametrize("exact", [False, True])
def test_constraints_are_kept_natively(exact):
    limits = (Constraint("limit", at_most=1.0), Constraint("cost", at_most=30.0))
    known = {"limit": lambda codes: metrics(codes)["limit"].astype(float)} if exact else {}
    problem = dataclasses.replace(ADDITIVE, problem=Problem(SPACE, OBJECTIVES, limits, known))
    told = Simulation(linas, problem, 1, workers=20, batch=20).run(100).told
    random = Simulation(RandomSearch, problem, 1, workers=20, batch=20).run(100).told
    assert told.feasible[told.ids >= 40].mean() > 0.5 > 2 * random.feasible.mean()


def test_without_a_feasible_design_the_violation_falls():
    limits = (Constraint("cost", at_most=-1.0),)
    problem = dataclasses.replace(ADDITIVE, problem=Problem(SPACE, OBJECTIVES, limits))
    told = Simulation(linas, problem, 0, workers=20, batch=20).run(60).told
    assert not told.feasible.any()
    by_id = told.violations[np.argsort(told.ids)]
    assert by_id[20:].min() < 0.4 * by_id[:20].min()


def test_failures_are_left_out_of_the_predictors():
    told = Simulation(linas, failing(3), 0, workers=20, batch=20).run(80).told
    late, early = told.objectives[told.ids >= 60], told.objectives[told.ids < 20]
    done = np.isfinite(early[:, 0]), np.isfinite(late[:, 0])
    assert late[done[1]].sum(axis=1).mean() < 0.5 * early[done[0]].sum(axis=1).mean()


def test_one_objective_is_a_genetic_algorithm():
    single = dataclasses.replace(ADDITIVE, problem=Problem(SPACE, OBJECTIVES[1:]))
    told = Simulation(linas, single, 0, workers=20, batch=20).run(40).told
    assert told.objectives.min() == 0.0


def test_the_inner_search_finds_the_front_and_lists_all_it_saw():
    problem = easy()

    def function(codes):
        return problem.problem.score(problem.metrics(codes))

    space = problem.problem.space
    found = inner_search(space, function, np.random.default_rng(0), population=50, evaluations=10_000)
    assert len(np.unique(found, axis=0)) == len(found) > 2_000
    assert space.is_valid(found).all()
    everything = function(space.enumerate())[0]
    exact = everything[nondominated(everything)]
    final = function(found[:50])[0]
    assert {tuple(row) for row in exact} <= {tuple(row) for row in final}


def test_options_are_checked():
    for options in ({"population": 3}, {"population": 50, "inner_evaluations": 49}):
        with pytest.raises(StrategyError):
            Linas(ADDITIVE.problem, 0, **options)
    with pytest.raises(PredictorError):
        Linas(ADDITIVE.problem, 0, grid="fine")
