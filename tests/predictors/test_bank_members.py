"""Gaussian process, trees, pairwise ranker and the bank that chooses among them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from cosearch.predictors.bank import MEMBERS, Bank
from cosearch.predictors.calibration import kendall_tau
from cosearch.predictors.check_predictor import check_predictor
from cosearch.predictors.gaussian_process import GaussianProcess
from cosearch.predictors.gp_evidence import JITTER, Hyperparameters, _negative_evidence, kernel, scaled
from cosearch.predictors.knob_bits import KnobBits
from cosearch.predictors.normal_scores import NormalScores
from cosearch.predictors.pairwise import Pairwise
from cosearch.predictors.predictor import Predictor
from cosearch.predictors.trees import Trees
from cosearch.spaces.errors import PredictorError
from cosearch.spaces.space import Space

SPACE = Space(
    {
        "kind": ["a", "b", "c"],
        "size": [1, 2, 4, 8],
        "depth": {"type": "integer", "low": 0, "high": 7},
        "extra": {"type": "integer", "low": 0, "high": 4, "active_if": {"kind": "b"}},
    }
)


@pytest.mark.parametrize(
    "make",
    [GaussianProcess, partial(GaussianProcess, warp="rank"), Trees, Pairwise, Bank, partial(Bank, members=["trees"])],
    ids=["gp", "gp_rank", "trees", "pairwise", "bank", "bank_of_trees"],
)
def test_conformance(make):
    check_predictor(make)


def test_bits_give_the_documented_distances():
    codes = np.array([[0, 0, 0, -1], [1, 3, 7, 2], [1, 2, 7, 4], [2, 0, 0, -1]])
    x = KnobBits(SPACE)(codes)
    squared = ((x[:, None] - x[None, :]) ** 2).sum(axis=2)
    assert squared[0, 3] == pytest.approx(1.0)  # another value of an unordered knob
    assert squared[1, 2] == pytest.approx((0.5 / 3 + 0.5) + (0.5 * 2 / 4 + 0.5))
    assert squared[0, 0] == 0.0
    extra = KnobBits(SPACE)(np.array([[0, 0, 0, -1], [1, 0, 0, 0], [1, 0, 0, 4]]))[:, KnobBits(SPACE).owner == 3]
    assert ((extra[1:] - extra[0]) ** 2).sum(axis=1) == pytest.approx([0.25, 0.75])  # inactive, to lowest and highest


def test_evidence_and_gradient_agree_with_the_textbook():
    rng = np.random.default_rng(0)
    codes = SPACE.sample(rng, 25)
    bits = KnobBits(SPACE)
    x = bits(codes) - bits(codes).mean(axis=0)
    t = rng.normal(size=25)
    t = (t - t.mean()) / t.std()
    at = Hyperparameters(rng.normal(-1, 0.5, SPACE.n_knobs), 0.3, -2.0)
    value, slope = _negative_evidence(x, bits.owner, t, at)
    u = scaled(x, bits.owner, at)
    covariance = kernel(u, u, at.share)[0] + (at.noise + JITTER) * np.eye(25)
    variance = t @ np.linalg.solve(covariance, t) / 25
    textbook = 0.5 * t @ np.linalg.solve(variance * covariance, t) + 0.5 * np.linalg.slogdet(variance * covariance)[1]
    assert value == pytest.approx(textbook - 0.5 * 25)
    for i, step in enumerate(1e-5 * np.eye(SPACE.n_knobs + 2)):
        up, _ = _negative_evidence(x, bits.owner, t, Hyperparameters.of(at.flat() + step))
        down, _ = _negative_evidence(x, bits.owner, t, Hyperparameters.of(at.flat() - step))
        assert slope[i] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-6)


def test_leave_one_out_equals_leaving_one_out():
    rng = np.random.default_rng(1)
    codes = SPACE.sample(rng, 30)
    y = codes[:, 1] + 0.3 * codes[:, 2] + rng.normal(0, 0.1, 30)
    gp = GaussianProcess(SPACE, "latency_ms").fit(SPACE.designs(codes), y)
    precision, weights = gp._precision, gp._weights
    row, rest = 7, np.delete(np.arange(30), 7)
    covariance = np.linalg.inv(precision)
    by_hand = covariance[row, rest] @ np.linalg.solve(covariance[np.ix_(rest, rest)], gp._target[rest])
    assert gp._target[row] - weights[row] / precision[row, row] == pytest.approx(by_hand)


def test_ranks_survive_outliers_that_spoil_the_plain_process():
    rng = np.random.default_rng(2)
    codes, new = SPACE.sample(rng, 80), SPACE.sample(rng, 300)

    def metric(c: np.ndarray) -> np.ndarray:
        good = 5.0 - c[:, 1] - 0.4 * c[:, 2]
        return np.where((c[:, 0] == 2) & (c[:, 2] < 2), 1e4, good)

    tau = {
        warp: kendall_tau(
            metric(new),
            GaussianProcess(SPACE, "loss_pct", warp=warp)
            .fit(SPACE.designs(codes), metric(codes))
            .mean(SPACE.designs(new)),
        )
        for warp in ("none", "rank")
    }
    assert tau["rank"] > tau["none"] + 0.1


def test_mean_is_that_of_predict():
    rng = np.random.default_rng(3)
    designs = SPACE.designs(SPACE.sample(rng, 40))
    y = np.exp(designs.codes[:, 2] / 3.0)
    for name in MEMBERS:
        predictor: Predictor = Bank(SPACE, "energy_mj", members=[name]).fit(designs, y)
        np.testing.assert_allclose(predictor.mean(designs), predictor.predict(designs).mean, rtol=1e-9)


def test_normal_scores_round_trip_and_go_on_beyond_the_data():
    y = np.array([3.0, 1.0, 1.0, 50.0, 7.0])
    scores = NormalScores(y)
    np.testing.assert_allclose(scores.inverse(scores.scores), y)
    assert scores.inverse(np.array([9.0]))[0] > 50.0
    assert scores.inverse(np.array([-9.0]))[0] < 1.0
    assert NormalScores(np.ones(4)).inverse(np.array([-1.0, 1.0])).tolist() == [1.0, 1.0]


def test_bank_keeps_the_member_that_ranks_best():
    rng = np.random.default_rng(4)
    designs = SPACE.designs(SPACE.sample(rng, 120))
    c = designs.codes
    parity = ((c[:, 2] % 2) ^ (c[:, 0] == 1) ^ (c[:, 1] > 1)) * 4.0 + 0.01 * c[:, 2]
    bank = Bank(SPACE, "cycles", enough=0.999).fit(designs, parity)
    taus = {
        name: Bank(SPACE, "cycles", members=[name]).fit(designs, parity).calibration()["kendall_tau"]
        for name in MEMBERS
    }
    assert taus[bank.chosen] == max(taus.values())
    assert bank.tau == max(taus.values())


def test_refit_keeps_choice_and_takes_new_data():
    rng = np.random.default_rng(5)
    first, more = SPACE.designs(SPACE.sample(rng, 40)), SPACE.designs(SPACE.sample(rng, 80))
    bank = Bank(SPACE, "cycles").fit(first, first.codes[:, 2] * 1.0)
    chosen = bank.chosen
    bank.refit(more, 3.0 * more.codes[:, 2])
    assert bank.chosen == chosen
    assert len(bank.observed) == 80
    np.testing.assert_allclose(bank.mean(more), 3.0 * more.codes[:, 2], atol=1.0)


def test_wrong_options_are_refused():
    with pytest.raises(PredictorError, match="bank of"):
        Bank(SPACE, "cycles", members=["forest"])
    with pytest.raises(PredictorError, match="warp"):
        GaussianProcess(SPACE, "cycles", warp="log")
    with pytest.raises(PredictorError, match="trees 3"):
        Trees(SPACE, "cycles", trees=3)
    with pytest.raises(PredictorError, match="pairs 0"):
        Pairwise(SPACE, "cycles", pairs=0)
