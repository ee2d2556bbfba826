"""Where learners' trials come from: quasi-random at first, then drawn from the policy or bred from the best."""

import numpy as np
import pytest

pytest.importorskip("torch")

from cosearch.search.marl.ippo import Ippo
from cosearch.search.marl.mappo import Mappo
from cosearch.search.marl.policy_file import save_policy
from cosearch.search.marl.ppo import Ppo
from cosearch.search.marl.sac import Sac
from cosearch.search.objective import Constraint, Objective, Problem
from cosearch.search.roles import places
from cosearch.search.trial import Trials
from cosearch.spaces.errors import StrategyError
from cosearch.spaces.space import Space


def problem(**options):
    space = Space({f"k{i}": [0, 1, 2, 3] for i in range(6)}, name="squares")
    return Problem(space, (Objective("sum"),), **options)


def search(strategy, n, batch):
    """All designs of a search for the smallest sum, int64 [n, 6]."""
    done = 0
    while done < n:
        size = min(batch, n - done)
        codes = strategy.ask(size)
        ids = np.arange(done, done + size)
        new = Trials(ids, codes, codes.sum(axis=1, keepdims=True).astype(float), np.zeros(size))
        strategy.tell(new, new[:0])
        done += size
    return strategy.archive.completed.codes


@pytest.mark.parametrize("strategy_class", [Mappo, Ippo, Ppo, Sac])
@pytest.mark.parametrize("batch", [5, 16])
def test_the_first_designs_use_all_values_alike(strategy_class, batch):
    first = search(strategy_class(problem(), 1), 32, batch)
    for column in first.T:
        assert np.bincount(column, minlength=4).tolist() == [8, 8, 8, 8]


def test_a_start_of_no_designs_is_drawn_from_the_policy():
    strategy = Mappo(problem(), 1, startup=0)
    counts = [np.bincount(column, minlength=4).tolist() for column in search(strategy, 32, 16).T]
    assert any(count != [8, 8, 8, 8] for count in counts)


def test_first_designs_that_a_closed_form_rules_out_are_left_out():
    limited = problem(constraints=(Constraint("k0", at_most=1.0),), exact={"k0": lambda codes: codes[:, 0] * 1.0})
    assert (search(Mappo(limited, 0), 16, 16)[:, 0] <= 1).all()


def test_a_closed_form_that_leaves_one_design_in_nine_leaves_a_whole_start():
    few = problem(constraints=(Constraint("far", at_most=5.0),), exact={"far": lambda codes: codes.sum(axis=1) * 1.0})
    first = search(Mappo(few, 0), 32, 8)
    assert (first.sum(axis=1) <= 5).all()
    assert len(np.unique(first, axis=0)) == 32


@pytest.mark.parametrize("startup", [-1, 1.5, "32", None])
def test_the_number_of_first_designs_is_checked(startup, tmp_path):
    with pytest.raises(StrategyError, match="startup"):
        Mappo(problem(), startup=startup)
    with pytest.raises(StrategyError, match="startup"):
        Mappo(problem(), startup=startup, initial_policy=str(tmp_path))


class Counting(Ippo):
    """Counts the designs that the policy is asked for."""

    drawn = 0

    def _proposals(self, weights, rng):
        self.drawn += len(weights)
        return super()._proposals(weights, rng)


@pytest.mark.parametrize("batch", [1, 7, 20])
def test_one_trial_in_five_is_bred(batch):
    strategy = Counting(problem(), 0)
    search(strategy, 132, batch)
    assert strategy.drawn == pytest.approx(80, abs=2)


def test_half_the_trials_are_bred_after_policies_from_elsewhere(tmp_path):
    taught = Ippo(problem(), 0)
    search(taught, 48, 16)
    save_policy(taught, tmp_path / "taught")
    strategy = Counting(problem(), 1, initial_policy=str(tmp_path / "taught"))
    search(strategy, 120, 10)
    # The first ten have no parents.
    assert strategy.drawn == pytest.approx(65, abs=3)


class OnlyBred(Mappo):
    """Draws nothing from its policy."""

    bred_share = 1.0


def test_children_of_the_best_get_better():
    codes = search(OnlyBred(problem(), 0), 132, 10)
    assert codes[-40:].sum(axis=1).mean() < codes[:32].sum(axis=1).mean() - 3


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_every_run_of_trials_has_its_share_of_a_role(share):
    whole = places(0, 1000)
    np.testing.assert_array_equal(whole[300:350], places(300, 50))
    runs = np.lib.stride_tricks.sliding_window_view(whole < share, 50).sum(axis=1)
    assert (abs(runs - 50 * share) <= 2).all()
