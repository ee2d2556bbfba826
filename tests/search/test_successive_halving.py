import numpy as np
import pytest

from cosearch.search.archive import keys
from cosearch.search.check_problems import CheckProblem, easy, failing, infeasible
from cosearch.search.check_simulation import Simulation
from cosearch.search.front import ParetoFront
from cosearch.search.nsga2 import Nsga2
from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.search.successive_halving import SuccessiveHalving, rungs
from cosearch.search.trial import Trials
from cosearch.spaces.errors import CosearchError, FidelityError, StrategyError
from cosearch.spaces.space import Space

THIRDS = (1 / 9, 1 / 3, 1.0)


def tabular(n_objectives):
    """Random objectives that a low fidelity scales; a third breaks the constraint, a tenth fails."""
    space = Space({f"k{i}": {"type": "integer", "low": 0, "high": 7} for i in range(3)})
    table = np.random.default_rng(5).random((512, n_objectives + 1))
    table[np.random.default_rng(6).random(512) < 0.1] = np.nan

    def metrics(codes):
        rows = table[codes @ np.array([64, 8, 1])]
        return {f"m{i}": rows[:, i] for i in range(n_objectives + 1)}

    objectives = tuple(Objective(f"m{i}", reference=3.0) for i in range(n_objectives))
    return CheckProblem(Problem(space, objectives, (Constraint(f"m{n_objectives}", at_most=0.9),)), metrics)


def brute_force_promotions(told, running, eta, n):
    """The rule in words: from the highest rung down, the best of its top 1 / eta that are not promoted yet."""
    known = {}
    for trials in (told, running):
        for key, fidelity in zip(keys(trials.codes), trials.fidelities.tolist(), strict=True):
            known.setdefault(key, set()).add(fidelity)
    chosen = []
    for here, above in ((1 / 3, 1.0), (1 / 9, 1 / 3)):
        rung = [i for i in range(len(told)) if told.fidelities[i] == here]
        quota = int(len(rung) // eta)
        names = dict(zip(rung, keys(told.codes[rung]), strict=True))
        allowance = quota - sum(above in known[names[i]] for i in rung)
        for i in brute_force_order(told, rung)[:quota]:
            if allowance > 0 and len(chosen) < n and np.isfinite(told.violations[i]) and above not in known[names[i]]:
                chosen.append((names[i], above))
                allowance -= 1
    return chosen


def brute_force_order(told, rung):
    def dominates(a, b):
        if told.violations[a] > 0 or told.violations[b] > 0:
            return told.violations[a] < told.violations[b]
        return (told.objectives[a] <= told.objectives[b]).all() and (told.objectives[a] < told.objectives[b]).any()

    left, order = list(rung), []
    while left:
        front = [a for a in left if not any(dominates(b, a) for b in left)]
        distance = dict.fromkeys(front, 0.0)
        for m in range(told.objectives.shape[1]):
            line = sorted(front, key=lambda i: told.objectives[i, m])
            low, high = told.objectives[line[0], m], told.objectives[line[-1], m]
            if np.isfinite(high) and (high > low or len(line) == 1):
                distance[line[0]] = distance[line[-1]] = np.inf
                for before, i, after in zip(line, line[1:], line[2:], strict=False):
                    distance[i] += (told.objectives[after, m] - told.objectives[before, m]) / (high - low)
        order += sorted(front, key=lambda i: (-distance[i], -i))
        left = [i for i in left if i not in front]
    return order


@pytest.mark.parametrize("n_objectives", [1, 2, 3])
@pytest.mark.parametrize("eta", [2.0, 3.0])
def test_promotions_follow_the_rule(n_objectives, eta):
    problem = tabular(n_objectives)
    run = Simulation(lambda p, s: SuccessiveHalving(p, s, strategy="random", eta=eta), problem, 1).run(150)
    n_promoted = 0
    for moment in run.moments:
        expected = brute_force_promotions(run.told[: moment.n_told], moment.running, eta, moment.n)
        got = list(zip(keys(moment.answer), moment.fidelities.tolist(), strict=True))
        assert got[: len(expected)] == expected
        assert all(fidelity == 1 / 9 for _, fidelity in got[len(expected) :])
        n_promoted += len(expected)
    assert n_promoted > 20


@pytest.mark.parametrize("problem", [easy(), failing(3), tabular(2), infeasible()])
def test_no_rung_passes_on_more_than_its_share(problem):
    run = Simulation(lambda p, s: SuccessiveHalving(p, s, options={"population": 16}), problem, 2).run(200)
    low, middle, full = (int((run.told.fidelities == rung).sum()) for rung in THIRDS)
    assert 0 < full <= middle / 3
    assert 0 < middle <= low / 3
    assert 0.75 * low / 3 < middle


def test_the_wrapped_strategy_sees_the_lowest_rung_alone_and_proposes_what_it_would_alone():
    problem = easy()
    strategy = SuccessiveHalving(problem.problem, 4, options={"population": 8})
    run = Simulation(lambda p, s: strategy, problem, 4, workers=1, batch=1).run(120)
    lowest = run.told[run.told.fidelities == 1 / 9]
    alone = Nsga2(problem.problem, 4, population=8)
    nothing = Trials.running(lowest.ids[:0], lowest.codes[:0], 2)
    for i in range(len(lowest)):
        assert np.array_equal(alone.ask(1), lowest.codes[i : i + 1])
        done = Trials(np.arange(i, i + 1), lowest.codes[i : i + 1], lowest.objectives[i : i + 1], np.zeros(1))
        alone.tell(done, nothing)


def test_partial_results_are_not_on_a_front_and_not_for_ordinary_strategies():
    problem = easy()
    codes = problem.problem.space.sample(np.random.default_rng(0), 6)
    shares = np.array([1 / 9, 1.0, 1 / 3, 1.0, 1.0, 1 / 9])
    trials = problem.trials(np.arange(6), codes, shares)
    front, whole = ParetoFront(problem.problem), ParetoFront(problem.problem)
    joined = front.add(trials)
    assert not joined[shares < 1].any()
    whole.add(trials[shares == 1])
    assert front.trials.ids.tolist() == whole.trials.ids.tolist() != []
    assert not len(front.least_violating(9))
    ordinary = Nsga2(problem.problem, 0)
    ordinary.tell(trials[:4], trials[4:])
    assert ordinary.archive.completed.ids.tolist() == [1, 3]
    assert ordinary.archive.running.ids.tolist() == [4]
    codes, fidelities = ordinary.ask_at(3)
    assert fidelities.tolist() == [1.0, 1.0, 1.0]
    assert np.array_equal(codes, ordinary.ask(3))


def test_ask_gives_the_designs_of_ask_at():
    strategy = SuccessiveHalving(easy().problem, 0)
    assert np.array_equal(strategy.ask(4), strategy.ask_at(4)[0])


@pytest.mark.parametrize(
    ("offered", "eta", "least", "expected"),
    [
        (THIRDS, 3, 0.0, THIRDS),
        (THIRDS, 3, 0.2, (1 / 3, 1.0)),
        (THIRDS, 9, 0.0, (1 / 9, 1.0)),
        ((0.1, 0.15, 0.3, 0.5, 1.0), 3, 0.0, (0.1, 0.3, 1.0)),
        ((0.06, 1.0), 3, 0.0, (0.06, 1.0)),
        ((0.5, 0.8, 1.0), 3, 0.0, (0.5, 1.0)),
    ],
)
def test_rungs_are_a_factor_apart(offered, eta, least, expected):
    assert rungs(offered, eta, least) == expected


def test_what_cannot_be_halved_is_refused():
    problem = easy().problem
    with pytest.raises(FidelityError, match="no target offers a fidelity below 1"):
        SuccessiveHalving(Problem(problem.space, problem.objectives))
    with pytest.raises(StrategyError, match=r"min_fidelity 0\.5 leaves only.*offered are 0\.111111, 0\.333333, 1"):
        SuccessiveHalving(problem, min_fidelity=0.5)
    with pytest.raises(FidelityError):
        SuccessiveHalving(problem, strategy="successive_halving")
    with pytest.raises(StrategyError, match="eta"):
        SuccessiveHalving(problem, eta=1.0)
    with pytest.raises(StrategyError, match=r"options of 'nsga2'.*pop"):
        SuccessiveHalving(problem, options={"pop": 3})
    with pytest.raises(CosearchError, match="no_such"):
        SuccessiveHalving(problem, strategy="no_such")
