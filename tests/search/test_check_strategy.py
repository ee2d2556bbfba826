"""Each check must be able to fail: strategies that break one rule each."""

import itertools

import numpy as np
import pytest

from cosearch.search import check_strategy as suite
from cosearch.search.nsga2 import Nsga2
from cosearch.search.random_search import RandomSearch

CLOCK = itertools.count()


class Unseeded(RandomSearch):
    def rng(self, stream=0, at=None):
        return np.random.default_rng([next(CLOCK), stream])


class Forgetful(RandomSearch):
    """Changes state in ask."""

    asked = 0

    def ask(self, n):
        self.asked += 1
        rng = self.rng(stream=self.asked)
        return self.novel(self.problem.space.sample(rng, n), n, rng)


class CountsTells(RandomSearch):
    tells = 0

    def tell(self, completed, running):
        self.tells += 1
        super().tell(completed, running)

    def ask(self, n):
        rng = self.rng(stream=self.tells)
        return self.novel(self.problem.space.sample(rng, n), n, rng)


class RemembersRunning(RandomSearch):
    """State depends on what was running at earlier tells."""

    most = 0

    def tell(self, completed, running):
        self.most = max(self.most, len(running))
        super().tell(completed, running)

    def ask(self, n):
        rng = self.rng(stream=self.most)
        return self.novel(self.problem.space.sample(rng, n), n, rng)


class IgnoresRunning(RandomSearch):
    """Proposes the first designs that have not completed, running or not."""

    def ask(self, n):
        known = self.archive.n_completed
        rng = np.random.default_rng(0)
        return self.archive.unseen(self.problem.space.sample(rng, known + 50 + n), before=known)[:n]


class Repeats(RandomSearch):
    def ask(self, n):
        return self.problem.space.sample(np.random.default_rng(0), n)


class RepeatsWithinAnswer(RandomSearch):
    def ask(self, n):
        return np.repeat(super().ask(1), n, axis=0)


class Overeager(RandomSearch):
    def ask(self, n):
        return super().ask(n + 1)


class WrongType(RandomSearch):
    def ask(self, n):
        return super().ask(n).astype(np.float64)


class WrongWidth(RandomSearch):
    def ask(self, n):
        return super().ask(n)[:, :-1]


class LeavesTheSpace(RandomSearch):
    """Draws every knob on its own, whatever is inactive or forbidden."""

    def ask(self, n):
        space = self.problem.space
        raw = self.rng().integers(0, space.cardinalities, (3 * n + 3, space.n_knobs))
        return self.archive.unseen(raw)[:n]


class StopsAtFailure(RandomSearch):
    def ask(self, n):
        return super().ask(n if np.isfinite(self.archive.completed.violations).all() else 0)


class NeedsFeasible(RandomSearch):
    def ask(self, n):
        told = self.archive.completed
        return super().ask(n if len(told) < 9 or told.feasible.any() else 0)


class NeedsSpread(RandomSearch):
    """Divides by the range of the objectives."""

    def ask(self, n):
        y = self.archive.completed.objectives
        if len(y) > 1:
            (y - y.min(axis=0)) / np.ptp(y, axis=0)
        return super().ask(n)


class GivesUp(RandomSearch):
    """One random draw, then it calls the space exhausted."""

    def ask(self, n):
        return self.archive.unseen(self.problem.space.sample(self.rng(), n))[:n]


class Maximises(Nsga2):
    def survive(self, rows, n):
        return rows[np.argsort(-self.archive.completed.objectives[rows].sum(axis=1))[:n]]


class LikesViolations(Nsga2):
    def survive(self, rows, n):
        order = super().survive(rows, len(rows))
        return (order if self.archive.completed.feasible[rows].any() else order[::-1])[:n]


class NeedsTwoObjectives(RandomSearch):
    def ask(self, n):
        return super().ask(n if self.problem.n_objectives == 2 else 0)


class ListsUpTo(RandomSearch):
    """Finds the last design of a small space by drawing, not by listing what is left."""

    def ask(self, n):
        raw = self.rng().integers(0, self.problem.space.cardinalities, (4, self.problem.space.n_knobs))
        return self.archive.unseen(raw[self.problem.space.is_valid(raw)])[:n]


class Squares(RandomSearch):
    """Measures spread by squares, which overflow."""

    def ask(self, n):
        y = self.archive.completed.objectives
        y = y[np.isfinite(y).all(axis=1)]
        (y**2).sum()
        return super().ask(n)


BROKEN = [
    (Unseeded, suite.check_same_seed, "same seed"),
    (Forgetful, suite.check_pure_ask, "ask must not change state"),
    (Forgetful, suite.check_replay, "proposes other designs"),
    (CountsTells, suite.check_replay, "told everything at once"),
    (CountsTells, suite.check_grouping, "told . at a time"),
    (RemembersRunning, suite.check_grouping, "told . at a time"),
    (IgnoresRunning, suite.check_designs, "running design was proposed again"),
    (Repeats, suite.check_designs, "design was proposed again"),
    (RepeatsWithinAnswer, suite.check_designs, "one answer holds a design twice"),
    (Overeager, suite.check_designs, "never more than asked for"),
    (WrongType, suite.check_designs, "int64"),
    (WrongWidth, suite.check_designs, "columns"),
    (LeavesTheSpace, suite.check_designs, "is not in the space"),
    (StopsAtFailure, suite.check_failures, r"failures \(a third\)"),
    (NeedsFeasible, suite.check_failures, r"failures \(all\)"),
    (NeedsTwoObjectives, suite.check_hard_problems, "one objective: the strategy stopped"),
    (GivesUp, suite.check_exhaustion, "propose every design"),
    (ListsUpTo, suite.check_exhaustion, "a space of 1 designs gave 0"),
    (LikesViolations, suite.check_progress, "violation without a feasible design"),
    (Maximises, suite.check_progress, "no progress"),
]


@pytest.mark.parametrize(("strategy", "check", "message"), BROKEN, ids=lambda x: getattr(x, "__name__", None))
def test_a_broken_rule_is_found(strategy, check, message):
    factory = (lambda p, s: strategy(p, s, population=16)) if issubclass(strategy, Nsga2) else strategy
    with pytest.raises(AssertionError, match=message):
        check(factory, 60)
    with pytest.raises(AssertionError):
        suite.check_strategy(factory, budget=60)


def test_dividing_by_a_vanished_range_is_found():
    with pytest.raises(FloatingPointError):
        suite.check_constant_objectives(NeedsSpread, 60)


def test_overflow_is_found():
    with pytest.raises(FloatingPointError):
        suite.check_hard_problems(Squares, 60)


def test_every_public_check_is_in_the_suite():
    public = {f for name, f in vars(suite).items() if name.startswith("check_") and callable(f)}
    assert public - {suite.check_strategy, suite.check_progress} == set(suite.CHECKS)


def test_learning_is_only_asked_of_those_that_learn():
    class Backwards(Maximises):
        def __init__(self, problem, seed):
            super().__init__(problem, seed, population=16)

    suite.check_strategy(Backwards, budget=60, learns=False)
    with pytest.raises(AssertionError, match="no progress"):
        suite.check_strategy(Backwards, budget=60)
