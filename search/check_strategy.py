"""Conformance suite of strategies: what :class:`~cosearch.search.strategy.Strategy` promises, checked by running it.

For your own strategy: ``check_strategy(MyStrategy)``, in a test or at a prompt. Each check can be called by itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..spaces.knobs import Codes
from .archive import keys
from .check_hard_problems import HARD_PROBLEMS, single_by_constraint
from .check_problems import conditional, constant, easy, failing, infeasible, single, tiny
from .check_simulation import Moment, Simulation
from .objective import FloatArray, Problem
from .strategy import Strategy
from .trial import Trials

Factory = Callable[[Problem, int], Strategy]
"""``factory(problem, seed)`` gives a fresh strategy."""

Answer = tuple[Codes, FloatArray]
"""Designs and the fidelities at which they are to be evaluated."""

SEED = 7

HARD_BUDGET = 40
"""Trials on each hard problem at most."""


def check_strategy(factory: Factory, *, budget: int = 96, learns: bool = True) -> None:
    """Run every check.

    Args:
        factory: Makes the strategy from a problem and a seed.
        budget: Trials per simulated study; more than the strategy's random start, so that its model takes part.
        learns: Whether to require progress; False for strategies that ignore results, such as random search.

    Raises:
        AssertionError: When a rule is broken; the message states the rule.
    """
    for check in CHECKS:
        check(factory, budget)
    if learns:
        check_progress(factory, budget)


def check_same_seed(factory: Factory, budget: int = 96) -> None:
    """Two runs with one seed propose the same designs."""
    first, second = (Simulation(factory, easy(), SEED).run(budget) for _ in range(2))
    for a, b in zip(first.moments, second.moments, strict=False):
        assert _same(a, (b.answer, b.fidelities)), (
            f"same seed, other designs after {a.n_told} trials: take randomness from Strategy.rng() only, "
            "and let nothing depend on time, hashing or global generators"
        )
    assert len(first.moments) == len(second.moments), "same seed, but one run stopped earlier"


def check_pure_ask(factory: Factory, budget: int = 96) -> None:
    """Asking changes nothing: two asks in a row, with another in between, give the same designs."""

    def ask_thrice(strategy: Strategy, n: int) -> Answer:
        first = strategy.ask_at(n)
        strategy.ask_at(n + 2)
        again = strategy.ask_at(n)
        assert all(map(np.array_equal, first, again)), "ask(n) changed the next ask(n): ask must not change state"
        return first

    Simulation(factory, easy(), SEED, ask=ask_thrice).run(budget)


def check_replay(factory: Factory, budget: int = 96) -> None:
    """A fresh strategy that is told everything at once goes on like the one that lived through it."""
    for problem in (easy(), conditional()):
        live = Simulation(factory, problem, SEED).run(budget)
        for moment in live.moments[:: max(1, len(live.moments) // 8)] + live.moments[-1:]:
            fresh = factory(problem.problem, SEED)
            fresh.tell(live.told[: moment.n_told], moment.running)
            _assert_resumed(fresh, moment, "told everything at once")


def check_grouping(factory: Factory, budget: int = 96) -> None:
    """How trials are grouped into tells does not matter, nor does what was running or asked meanwhile."""
    live = Simulation(factory, easy(), SEED).run(budget)
    moment = live.moments[-1]
    nothing = live.told[:0]
    for size, asks in ((1, False), (5, True)):
        fresh = factory(easy().problem, SEED)
        for start in range(0, moment.n_told, size):
            fresh.tell(live.told[start : min(start + size, moment.n_told)], nothing)
            if asks:
                fresh.ask_at(2)
        fresh.tell(nothing, moment.running)
        _assert_resumed(fresh, moment, f"told {size} at a time")


def _assert_resumed(fresh: Strategy, moment: Moment, how: str) -> None:
    assert _same(moment, fresh.ask_at(moment.n)), (
        f"after {moment.n_told} trials with {len(moment.running)} running, a fresh strategy {how} proposes other "
        "designs: state must be a function of the seed, the problem, the completed trials in order and the running ones"
    )


def _same(moment: Moment, answer: Answer) -> bool:
    return np.array_equal(moment.answer, answer[0]) and np.array_equal(moment.fidelities, answer[1])


def check_designs(factory: Factory, budget: int = 96) -> None:
    """Every answer is an int64 array of at most n valid designs, none ever proposed before at that fidelity."""
    for problem in (easy(), conditional()):
        simulation = Simulation(factory, problem, SEED, ask=_checked_ask).run(budget)
        assert len(simulation.told) == budget, f"the strategy stopped after {len(simulation.told)} of {budget} trials"
        many = simulation.strategy.ask_at(64)
        _assert_answer(simulation.strategy, many, 64)
        assert len(simulation.strategy.ask_at(0)[0]) == 0, "ask(0) must return no design"


def _checked_ask(strategy: Strategy, n: int) -> Answer:
    answer = strategy.ask_at(n)
    _assert_answer(strategy, answer, n)
    return answer


def _assert_answer(strategy: Strategy, answer: Answer, n: int) -> None:
    codes, fidelities = answer
    _assert_designs(strategy, codes, n)
    assert fidelities.shape == (len(codes),), f"{len(codes)} designs have fidelities of shape {fidelities.shape}"
    offered = strategy.problem.fidelities
    assert np.isin(fidelities, offered).all(), f"fidelities {fidelities.tolist()} are not all on offer: {offered}"
    rows = _pairs(codes, fidelities)
    assert len(set(rows)) == len(rows), "one answer holds a design twice"
    archive = strategy.archive
    running = set(_pairs(archive.running.codes, archive.running.fidelities))
    told = set(_pairs(archive.completed.codes, archive.completed.fidelities))
    assert running.isdisjoint(rows), "a running design was proposed again: pass proposals through Strategy.novel()"
    assert told.isdisjoint(rows), "a completed design was proposed again: pass proposals through Strategy.novel()"


def _pairs(codes: Codes, fidelities: FloatArray) -> list[tuple[bytes, float]]:
    return list(zip(keys(codes), fidelities.tolist(), strict=True))


def _assert_designs(strategy: Strategy, codes: Codes, n: int) -> None:
    space = strategy.problem.space
    assert codes.dtype == np.int64, f"designs must be int64 codes, got {codes.dtype}"
    assert codes.ndim == 2, f"designs must be an array [n, n_knobs], got shape {codes.shape}"
    assert codes.shape[1] == space.n_knobs, f"designs must have {space.n_knobs} columns, got shape {codes.shape}"
    assert len(codes) <= n, f"ask({n}) returned {len(codes)} designs: never more than asked for"
    valid = space.is_valid(codes)
    assert valid.all(), f"design {codes[~valid][0].tolist()} is not in the space: canonicalise and repair proposals"


def check_failures(factory: Factory, budget: int = 96) -> None:
    """Failed trials (infinite violation), all of them if need be, and unmet constraints do not stop the search."""
    for name, problem in (("a third", failing(3)), ("all", failing(1)), ("no feasible design", infeasible())):
        with np.errstate(invalid="raise"):
            n = len(Simulation(factory, problem, SEED, ask=_checked_ask).run(budget).told)
        assert n == budget, f"failures ({name}): the strategy stopped after {n} of {budget} trials"


def check_constant_objectives(factory: Factory, budget: int = 96) -> None:
    """Objectives that never change do no harm."""
    with np.errstate(invalid="raise"):
        n = len(Simulation(factory, constant(), SEED, ask=_checked_ask).run(budget).told)
    assert n == budget, f"constant objectives: the strategy stopped after {n} of {budget} trials"


def check_hard_problems(factory: Factory, budget: int = 96) -> None:
    """Broken numbers, one flat objective, one or three objectives and extreme scales do not stop the search."""
    budget = min(budget, HARD_BUDGET)
    for name, problem in HARD_PROBLEMS.items():
        with np.errstate(invalid="raise", over="raise"):
            n = len(Simulation(factory, problem(), SEED, ask=_checked_ask).run(budget).told)
        assert n == budget, f"{name}: the strategy stopped after {n} of {budget} trials"


def check_exhaustion(factory: Factory, budget: int = 96) -> None:
    """A space smaller than the budget is proposed completely, each design once in full, then nothing is."""
    for problem, size in ((single(), 1), (single_by_constraint(), 1), (tiny(), 10)):
        for workers, batch in ((1, 1), (4, 3), (20, 20)):
            simulation = Simulation(factory, problem, SEED, workers=workers, batch=batch, ask=_checked_ask).run(budget)
            found = len(simulation.told.in_full())
            assert found == size, f"a space of {size} designs gave {found}: propose every design before giving up"
            assert len(simulation.strategy.ask_at(3)[0]) == 0, "an exhausted space must give an empty answer"


def check_progress(factory: Factory, budget: int = 96) -> None:
    """On an easy problem the last quarter of the designs is better on average than the first.

    Also where no design is feasible: there the violation falls.
    """
    for problem, name in ((easy(), "objective"), (infeasible(), "violation without a feasible design")):
        told: Trials = Simulation(factory, problem, SEED).run(budget).told
        column = told.violations if problem.problem.constraints else told.objectives.sum(axis=1)
        by_id = column[np.argsort(told.ids)]
        quarter = len(by_id) // 4
        first, last = by_id[:quarter].mean(), by_id[-quarter:].mean()
        assert last < first, (
            f"no progress on an easy problem: mean {name} {first:.3g} in the first quarter, {last:.3g} in the last; "
            "both are minimised, violations first; pass learns=False for strategies that ignore results"
        )


CHECKS: tuple[Callable[[Factory, int], None], ...] = (
    check_designs,
    check_same_seed,
    check_pure_ask,
    check_replay,
    check_grouping,
    check_failures,
    check_constant_objectives,
    check_hard_problems,
    check_exhaustion,
)
"""Every check but :func:`check_progress`, in the order in which they run."""
