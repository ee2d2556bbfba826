"""Few-shot prediction: contracts, batches and threads, positive predictions, choices, an unknown device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cosearch.hw_targets.roofline import Roofline
from cosearch.predictors import few_shot, source_profiles
from cosearch.predictors.calibration import Z_90, spearman
from cosearch.predictors.check_pooled import check_pooled_predictor
from cosearch.predictors.check_predictor import check_predictor
from cosearch.predictors.encodings.encoding import Features, encoding_of
from cosearch.predictors.few_shot import FewShot
from cosearch.predictors.pool import Pool
from cosearch.predictors.predictor import load_predictor
from cosearch.spaces.design import Designs
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import PredictorError
from cosearch.spaces.space import Space

SPACE = ElasticCnn()
CHOICES = Space({f"layer_{i}": {"type": "categorical", "values": ["conv", "pool", "skip"]} for i in range(5)})
SOURCES = ("server_cpu", "fpga", "mobile_dsp")
"""What is lent to the predictor; the tested devices are of other kinds."""


def draw(n: int, seed: int) -> Designs:
    return SPACE.designs(np.unique(SPACE.sample(np.random.default_rng(seed), n), axis=0))


def measured(device: str, designs: Designs, metric: str = "latency_ms") -> np.ndarray:
    return np.asarray(Roofline(SPACE, device).evaluate(designs, np.zeros(len(designs), np.uint64)).values[metric])


def rows_of(designs: Designs, rows: np.ndarray) -> Designs:
    return SPACE.designs(designs.codes[rows])


def few_features(designs: Designs) -> Features:
    return encoding_of(SPACE)(designs.codes)


def fitted(metric: str = "latency_ms") -> FewShot:
    designs = draw(150, 0)
    values = np.stack([measured(device, designs, metric) for device in SOURCES], axis=1)
    return FewShot(SPACE, metric).fit_pool(Pool(SPACE, metric, SOURCES, designs.codes, values))


def test_keeps_both_contracts() -> None:
    check_pooled_predictor(FewShot, SPACE)
    check_predictor(FewShot, n=24)


@pytest.mark.parametrize("metric", ["latency_ms", "energy_mj"])
def test_ten_measurements_rank_a_device_unlike_the_pool(metric: str) -> None:
    predictor, candidates, held_out = fitted(metric), draw(1000, 1), draw(500, 2)
    for device in ("mobile_gpu", "microcontroller"):
        rows = predictor.choose(candidates, 10, np.random.default_rng(0))
        few = rows_of(candidates, rows)
        found = predictor.adapt(few, measured(device, few, metric)).predict(held_out)
        truth = measured(device, held_out, metric)
        assert spearman(found.mean, truth) > 0.95, device
        assert (np.abs(found.mean - truth) <= Z_90 * found.std).mean() > 0.75, device


def test_no_measurements_tell_of_the_pools_mean() -> None:
    found = fitted().predict(draw(300, 3))
    truth = np.mean([measured(device, draw(300, 3)) for device in SOURCES], axis=0)
    assert spearman(found.mean, truth) > 0.99
    assert np.abs(found.mean / truth - 1.0).mean() < 0.1


def test_predictions_depend_on_neither_batches_nor_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, many = fitted(), draw(3000, 4)
    assert len(many) > 2 * few_shot.BLOCK
    for _ in range(2):
        whole = predictor.predict(many)
        np.testing.assert_array_equal(predictor.predict(many).mean, whole.mean)
        monkeypatch.setattr(few_shot, "usable_cores", lambda: 1)
        np.testing.assert_array_equal(predictor.predict(many).mean, whole.mean)
        np.testing.assert_array_equal(predictor.predict(many).std, whole.std)
        monkeypatch.undo()
        some = predictor.predict(many[100:107])
        np.testing.assert_allclose(some.mean, whole.mean[100:107], rtol=1e-12)
        np.testing.assert_allclose(some.std, whole.std[100:107], rtol=1e-9)
        few = draw(12, 5)
        predictor.adapt(few, measured("desktop_gpu", few))


def test_no_designs_give_no_predictions() -> None:
    none = draw(20, 6)[:0]
    assert fitted().predict(none).mean.shape == (0,)


def test_below_the_floor_predictions_stay_positive_and_in_order() -> None:
    raw = np.linspace(-2.0, 1.0, 301)
    bent = few_shot._positive(raw, 0.25)
    assert (bent > 0).all()
    assert (np.diff(bent) > 0).all()
    np.testing.assert_array_equal(bent[raw >= 0.25], raw[raw >= 0.25])
    # No step and no kink where it sets in.
    assert few_shot._positive(np.array([0.25 - 1e-9]), 0.25)[0] == pytest.approx(0.25 - 1e-9, abs=1e-15)


def test_adapted_predictions_are_positive_far_from_what_was_measured() -> None:
    codes = CHOICES.enumerate()
    assert codes is not None
    steep = np.exp((codes * [4.0, 3.0, 2.0, 1.0, 0.5]).sum(axis=1) / 3.0)
    pool = Pool(CHOICES, "latency_ms", ("one",), codes, steep[:, None] ** 0.5)
    predictor = FewShot(CHOICES, "latency_ms").fit_pool(pool)
    top = np.argsort(steep)[-10:]
    found = predictor.adapt(CHOICES.designs(codes[top]), steep[top]).predict(CHOICES.designs(codes))
    assert (found.mean > 0).all()
    assert found.mean.min() < few_shot.SMALLEST * steep[top].min()


def test_what_was_measured_is_not_chosen_again() -> None:
    predictor, candidates = fitted(), draw(400, 7)
    first = predictor.choose(candidates, 8, np.random.default_rng(0))
    few = rows_of(candidates, first)
    predictor.adapt(few, measured("mobile_cpu", few))
    second = predictor.choose(candidates, 8, np.random.default_rng(0))
    together = fitted().choose(candidates, 16, np.random.default_rng(0))
    np.testing.assert_array_equal(np.concatenate([first, second]), together)


def test_one_mad_value_in_the_pool_is_pulled_back() -> None:
    y = np.random.default_rng(0).normal(5.0, 1.0, (50, 2))
    wrong = y.copy()
    wrong[3, 0] = 1e6
    kept = source_profiles._without_outliers(wrong)
    assert 5.0 < kept[3, 0] < 20.0
    np.testing.assert_array_equal(np.delete(kept, 3, axis=0), np.delete(y, 3, axis=0))
    constant = np.full((9, 1), 2.0)
    constant[4] = 3.0
    np.testing.assert_array_equal(source_profiles._without_outliers(constant), constant)


def test_without_a_pool_imagined_devices_rank_from_ten_measurements() -> None:
    predictor, candidates, held_out = FewShot(SPACE, "latency_ms"), draw(1000, 11), draw(500, 12)
    few = rows_of(candidates, predictor.choose(candidates, 10, np.random.default_rng(0)))
    found = predictor.fit(few, measured("mobile_gpu", few)).predict(held_out)
    assert spearman(found.mean, measured("mobile_gpu", held_out)) > 0.95
    with pytest.raises(PredictorError, match="no other devices"):
        _ = predictor.sources
    more = rows_of(candidates, predictor.choose(candidates, 5, np.random.default_rng(0)))
    assert len(np.unique(np.concatenate([few.codes, more.codes]), axis=0)) == 15


def test_many_models_do_not_outweigh_a_measured_device(tmp_path: Path) -> None:
    designs, held_out, few = draw(150, 15), draw(300, 16), draw(10, 17)
    real = "mobile_gpu"
    models = ("server_cpu", "fpga", "mobile_dsp", "microcontroller")
    values = np.stack([measured(device, designs) for device in (real, *models)], axis=1)
    mixed = Pool(SPACE, "latency_ms", (real, *models), designs.codes, values, models)
    alone = mixed.only([real])
    truth = measured(real, held_out)

    def error(predictor: FewShot) -> float:
        return float(np.median(np.abs(predictor.predict(held_out).mean / truth - 1.0)))

    # Before anything is measured, the measured device is what is known.
    before = FewShot(SPACE, "latency_ms").fit_pool(mixed)
    assert error(before) == pytest.approx(error(FewShot(SPACE, "latency_ms").fit_pool(alone)))
    all_alike = FewShot(SPACE, "latency_ms").fit_pool(Pool(SPACE, "latency_ms", mixed.devices, designs.codes, values))
    assert error(before) < 0.5 * error(all_alike)
    other, found = measured("mobile_cpu", held_out), before.predict(held_out)
    assert (np.abs(found.mean - other) <= Z_90 * found.std).mean() > 0.5
    assert before.adapt(few, measured(real, few)).sources.relative(few_features(few))[0][1].shape == (len(few), 4)
    before.save(tmp_path)
    loaded = load_predictor(tmp_path, SPACE)
    assert isinstance(loaded, FewShot)
    assert loaded.pool.models == models
    np.testing.assert_array_equal(loaded.predict(held_out).mean, before.predict(held_out).mean)


def test_a_device_without_differences_is_no_source_of_random_ones() -> None:
    designs, held_out, few = draw(150, 19), draw(300, 20), draw(10, 21)
    noise = np.random.default_rng(0).uniform(0.9, 1.1, len(designs))
    values = np.stack([noise, measured("server_cpu", designs)], axis=1)
    pool = Pool(SPACE, "latency_ms", ("noise", "model"), designs.codes, values, ("model",))
    predictor = FewShot(SPACE, "latency_ms").fit_pool(pool).adapt(few, measured("mobile_gpu", few))
    assert spearman(predictor.predict(held_out).mean, measured("mobile_gpu", held_out)) > 0.9
    assert all(spread > source_profiles.FLAT for spread in predictor.sources.spread)


def test_a_pool_keeps_which_devices_are_models() -> None:
    designs = draw(30, 18)
    pool = Pool.of(SPACE, "latency_ms", {d: (designs.codes, measured(d, designs)) for d in SOURCES}, ("fpga",))
    assert pool.modelled.tolist() == [False, True, False]
    assert pool.only(["mobile_dsp", "fpga"]).models == ("fpga",)
    assert pool.only(["mobile_dsp"]).models == ()
    other = Pool.of(SPACE, "latency_ms", {"edge": (designs.codes, measured("mobile_cpu", designs))}, ("edge",))
    assert pool.joined(other).models == ("fpga", "edge")
    with pytest.raises(PredictorError, match="'fgpa' is not in the pool"):
        Pool(SPACE, "latency_ms", pool.devices, pool.codes, pool.values, ("fgpa",))


def test_a_long_table_of_one_device_is_a_pool() -> None:
    long = draw(few_shot.MOST_ALONE + 100, 13)
    predictor = FewShot(SPACE, "latency_ms").fit(long, measured("fpga", long))
    assert len(long) > few_shot.MOST_ALONE
    assert predictor.sources.level == pytest.approx([measured("fpga", long).mean()], rel=0.2)
    held_out = draw(200, 14)
    assert spearman(predictor.predict(held_out).mean, measured("fpga", held_out)) > 0.98


def test_a_loaded_predictor_chooses_and_adapts_alike(tmp_path: Path) -> None:
    predictor, candidates = fitted(), draw(200, 10)
    predictor.save(tmp_path)
    loaded = load_predictor(tmp_path, SPACE)
    assert isinstance(loaded, FewShot)
    rows = predictor.choose(candidates, 10, np.random.default_rng(1))
    np.testing.assert_array_equal(loaded.choose(candidates, 10, np.random.default_rng(1)), rows)
    few = rows_of(candidates, rows)
    y = measured("mobile_dsp", few)
    means = [one.adapt(few, y).predict(candidates).mean for one in (predictor, loaded)]
    np.testing.assert_array_equal(means[0], means[1])
