import numpy as np
import pytest

from cosearch.search import population
from cosearch.search.check_problems import CheckProblem, easy
from cosearch.search.check_simulation import Simulation
from cosearch.search.front import ParetoFront
from cosearch.search.nsga2 import Nsga2
from cosearch.search.objective import Objective, Problem
from cosearch.search.random_search import RandomSearch
from cosearch.search.trial import Trials
from cosearch.spaces.errors import StrategyError
from cosearch.spaces.space import Space


def dtlz2():
    """DTLZ2 with three objectives and six knobs (Deb et al. 2002); its front is an eighth of the unit sphere."""
    space = Space({f"x{i}": {"type": "real", "low": 0.0, "high": 1.0} for i in range(6)})

    def metrics(codes):
        x = codes / 65_536
        g = 1 + ((x[:, 2:] - 0.5) ** 2).sum(axis=1)
        a, b = x[:, 0] * np.pi / 2, x[:, 1] * np.pi / 2
        return {"f1": g * np.cos(a) * np.cos(b), "f2": g * np.cos(a) * np.sin(b), "f3": g * np.sin(a)}

    return CheckProblem(Problem(space, tuple(Objective(f"f{i}", reference=1.5) for i in (1, 2, 3))), metrics)


def hypervolume(factory, problem, budget, seed):
    front = ParetoFront(problem.problem)
    front.add(Simulation(factory, problem, seed, workers=16, batch=16).run(budget).told)
    return front.hypervolume()


@pytest.mark.parametrize("mode", ["steady_state", "generational"])
def test_beats_random_search_on_three_objectives(mode):
    problem = dtlz2()
    ours = [hypervolume(lambda p, s: Nsga2(p, s, population=32, mode=mode), problem, 600, seed) for seed in range(3)]
    random = [hypervolume(RandomSearch, problem, 600, seed) for seed in range(3)]
    assert min(ours) > max(random) + 0.1
    # The volume between the unit sphere's eighth and (1.5, 1.5, 1.5).
    assert max(ours) < 1.5**3 - np.pi / 6


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_the_block_size_decides_speed_not_what_survives(block, monkeypatch):
    # One block of 64 against others: the population after a multiple of both is that of all trials at once.
    monkeypatch.setattr(population, "BLOCK", block)
    problem = easy()
    told = Simulation(RandomSearch, problem, 0).run(60).told
    strategy = Nsga2(problem.problem, 0, population=60)
    strategy.tell(told, told[:0])
    reference = Nsga2(problem.problem, 0, population=60)
    reference._block = 60
    reference.tell(told, told[:0])
    assert np.array_equal(strategy.ask(5), reference.ask(5))


def test_a_generation_waits_for_its_last_member():
    problem = easy()
    strategy = Nsga2(problem.problem, 0, population=8, mode="generational")
    nothing = Trials.empty(4, 2)
    first = strategy.ask(100)
    assert len(first) == 8
    done = problem.trials(np.arange(8), first)
    running = Trials.running(np.array([7]), first[7:], 2)
    strategy.tell(done[:7], running)
    assert len(strategy.ask(3)) == 0
    strategy.tell(done[7:], nothing)
    assert len(strategy.ask(3)) == 3
    assert len(strategy.ask(100)) == 8


def test_a_generation_is_the_same_in_any_order_of_completion_and_asking():
    problem = easy()
    answers = []
    for order, sizes in ((np.arange(8), [8]), (np.arange(8)[::-1], [3, 1, 4])):
        strategy = Nsga2(problem.problem, 0, population=8, mode="generational")
        nothing, told = Trials.empty(4, 2), 0
        codes = strategy.ask(8)
        strategy.tell(problem.trials(np.arange(8), codes)[order], nothing)
        second = []
        for size in sizes:
            part = strategy.ask(size)
            second.append(part)
            strategy.tell(problem.trials(np.arange(8 + told, 8 + told + len(part)), part), nothing)
            told += len(part)
        answers.append(np.concatenate(second))
    assert np.array_equal(*answers)


def test_large_asks_are_answered_in_full():
    problem = dtlz2()
    strategy = Nsga2(problem.problem, 0, population=32)
    assert len(strategy.ask(3000)) == 3000
    strategy.tell(problem.trials(np.arange(100), strategy.ask(100)), Trials.empty(6, 3))
    assert len(strategy.ask(3000)) == 3000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 1}, "population 1"),
        ({"mode": "steady"}, "mode 'steady'"),
        ({"crossover": 1.5}, "crossover 1.5"),
        ({"mutation_rate": -0.1}, "mutation rate -0.1"),
        ({"tournament": 0}, "tournament of 0"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(StrategyError, match=message):
        Nsga2(easy().problem, 0, **options)
