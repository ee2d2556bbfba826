from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from cosearch.hw_targets import onnx_subnetwork
from cosearch.hw_targets.check_target import check_target
from cosearch.hw_targets.digits import load_digits
from cosearch.hw_targets.onnx_subnetwork import onnx_difference, to_onnx
from cosearch.hw_targets.supernet_digits import SupernetDigits
from cosearch.spaces.elastic_cnn import ElasticCnn
from cosearch.spaces.errors import TargetError
from cosearch.spaces.space import Space

SPACE = ElasticCnn(resolution=[4, 6], depth=[1, 2], width=[[4, 6], [6, 10]], kernel=[3, 5])
OPTIONS = {"epochs": 6, "random_subnetworks": 1}


def quiet(_text: str, _share: float) -> None:
    pass


def seeds(n: int) -> np.ndarray:
    return np.zeros(n, dtype=np.uint64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("supernet")


@pytest.fixture(scope="module")
def trained(folder: Path) -> SupernetDigits:
    target = SupernetDigits(SPACE, **OPTIONS)
    shares: list[float] = []
    before = torch.get_num_threads(), torch.get_rng_state()
    target.prepare(folder, lambda _text, share: shares.append(share))
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert shares == sorted(shares)
    assert len(shares) > 5
    return target


def test_splits_are_disjoint_whole_and_hold_every_class_in_the_same_share() -> None:
    digits = load_digits()
    parts = [digits.train, digits.validation, digits.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(1797))
    for label in range(10):
        shares = np.array([(digits.labels[part] == label).sum() for part in parts]) / (digits.labels == label).sum()
        np.testing.assert_allclose(shares, (0.6, 0.2, 0.2), atol=0.01)
    assert digits.images.min() == 0.0
    assert digits.images.max() == 1.0


def test_training_beats_chance_by_far_and_larger_networks_do_better(trained: SupernetDigits) -> None:
    codes = SPACE.encode([SPACE.corner(largest=True), SPACE.corner(largest=False)])
    designs = SPACE.designs(np.concatenate([codes, SPACE.sample(np.random.default_rng(0), 6)]))
    top1 = trained.evaluate(designs, seeds(8)).values["top1_pct"]
    assert top1[0] > 80.0
    assert top1[0] > top1[1]
    assert (top1 > 30.0).all()


def test_it_is_trained_once_the_same_way_for_a_seed_and_leaves_no_draft(
    trained: SupernetDigits, folder: Path, tmp_path: Path
) -> None:
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(1), 4))
    first = next(folder.glob("supernet-*.npz"))
    stamp = first.stat().st_mtime_ns
    resumed = SupernetDigits(SPACE, **OPTIONS)
    resumed.prepare(folder, quiet)
    assert first.stat().st_mtime_ns == stamp
    assert list(folder.iterdir()) == [first]
    elsewhere = SupernetDigits(SPACE, **OPTIONS)
    elsewhere.prepare(tmp_path, quiet)
    with np.load(first, allow_pickle=False) as a, np.load(tmp_path / first.name, allow_pickle=False) as b:
        assert set(a.files) == set(b.files)
        assert all(np.array_equal(a[name], b[name]) for name in a.files)
    score = trained.evaluate(designs, seeds(4)).values["top1_pct"]
    np.testing.assert_array_equal(resumed.evaluate(designs, seeds(4)).values["top1_pct"], score)


@pytest.mark.parametrize("change", [{"seed": 1}, {"epochs": 7}, {"learning_rate": 0.05}])
def test_other_options_do_not_find_the_same_weights(change: dict[str, float]) -> None:
    other = SupernetDigits(SPACE, **{**OPTIONS, **change})
    assert other._training_digest() != SupernetDigits(SPACE, **OPTIONS)._training_digest()
    assert other._training_digest() != SupernetDigits(ElasticCnn(), **{**OPTIONS, **change})._training_digest()


def test_a_damaged_file_is_named(folder: Path, trained: SupernetDigits, tmp_path: Path) -> None:
    source = next(folder.glob("*.npz"))
    (tmp_path / source.name).write_bytes(source.read_bytes()[:1000])
    with pytest.raises(TargetError, match=r"supernet-.*npz is damaged"):
        SupernetDigits(SPACE, **OPTIONS).prepare(tmp_path, quiet)


def test_nothing_is_scored_before_training() -> None:
    with pytest.raises(TargetError, match="not trained"):
        SupernetDigits(SPACE).evaluate(SPACE.designs(SPACE.sample(np.random.default_rng(0), 1)), seeds(1))


def test_only_confirm_reads_test_images(trained: SupernetDigits, folder: Path) -> None:
    """Spoil a split: the numbers that change are those that read it."""
    designs = SPACE.designs(SPACE.encode([SPACE.corner(largest=True)]))
    top1 = trained.evaluate(designs, seeds(1)).values["top1_pct"][0]
    test = trained.confirm(designs, seeds(1)).values["test_top1_pct"][0]
    spoilt = SupernetDigits(SPACE, **OPTIONS)
    spoilt.prepare(folder, quiet)
    digits = load_digits()
    digits.labels[digits.test] = (digits.labels[digits.test] + 1) % 10
    spoilt.__dict__["_digits"] = digits
    assert spoilt.evaluate(designs, seeds(1)).values["top1_pct"][0] == top1
    assert spoilt.confirm(designs, seeds(1)).values["test_top1_pct"][0] < 20.0 < test
    digits.labels[digits.validation] = (digits.labels[digits.validation] + 1) % 10
    assert spoilt.evaluate(designs, seeds(1)).values["top1_pct"][0] < 20.0


def test_calibration_reads_training_images_only(trained: SupernetDigits) -> None:
    assert set(trained._calibration_rows.tolist()) <= set(load_digits().train.tolist())


def test_exported_files_equal_the_extracted_networks(trained: SupernetDigits, tmp_path: Path) -> None:
    codes = np.concatenate([SPACE.encode([SPACE.corner(largest=True)]), SPACE.sample(np.random.default_rng(4), 3)])
    designs = SPACE.designs(codes)
    stems = [f"trial-{i}" for i in range(4)]
    written = trained.export(designs, tmp_path, stems)
    assert sorted(written) == sorted(tmp_path.iterdir())
    digits = load_digits()
    top1 = trained.evaluate(designs, seeds(4)).values["top1_pct"]
    for design, stem, score in zip(designs, stems, top1, strict=True):
        onnx.checker.check_model(onnx.load(tmp_path / f"{stem}.onnx"), full_check=True)
        session = onnxruntime.InferenceSession(tmp_path / f"{stem}.onnx", providers=["CPUExecutionProvider"])
        images = digits.resized(digits.validation, int(design["resolution"]))
        logits = session.run(None, {"images": images.numpy()})[0]
        with torch.inference_mode():
            expected = trained.extract(design)(images).numpy()
        np.testing.assert_allclose(logits, expected, atol=1e-4)
        assert 100.0 * (logits.argmax(1) == digits.labels[digits.validation]).mean() == pytest.approx(score, abs=0.3)
        report = json.loads((tmp_path / f"{stem}.check.json").read_text())
        assert report["design"] == dict(design)
        assert report["images_compared"] == len(digits.validation)
        assert report["max_abs_difference_to_pytorch"] == pytest.approx(np.abs(logits - expected).max(), abs=5e-5)


def test_the_exported_graph_has_one_node_for_each_layer_and_any_batch_size(trained: SupernetDigits) -> None:
    network = trained.extract(SPACE.corner(largest=True))
    images = load_digits().resized(load_digits().validation, 6)
    content = to_onnx(network, 1, 6, "")
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for n in (1, 360):
        assert session.run(None, {"images": images[:n].numpy()})[0].shape == (n, 10)
    ops = [node.op_type for node in onnx.load_from_string(content).graph.node]
    assert ops.count("Conv") == 4
    assert ops.count("Add") == 2


def test_a_model_that_differs_is_refused(trained: SupernetDigits, monkeypatch: pytest.MonkeyPatch) -> None:
    network = trained.extract(SPACE.corner(largest=True))
    images = load_digits().resized(load_digits().validation[:8], 6)
    content = to_onnx(network, 1, 6, "")
    assert onnx_difference(content, network, images) <= 1e-4
    with torch.no_grad():
        network.head.bias[3] += 1e-3
    with pytest.raises(TargetError, match=r"differs from PyTorch by 0\.001"):
        onnx_difference(content, network, images)
    monkeypatch.setattr(onnx_subnetwork, "TOLERANCE", 0.1)
    assert onnx_difference(content, network, images) == pytest.approx(1e-3, rel=0.1)


def test_conformance(folder: Path, trained: SupernetDigits) -> None:
    check_target(lambda space: SupernetDigits(space, **OPTIONS), SPACE, n=3, folder=folder)


def test_other_spaces_and_wrong_options_are_refused() -> None:
    with pytest.raises(TargetError, match="does not fit the digits"):
        SupernetDigits(Space({"a": [1, 2]}))
    with pytest.raises(TargetError, match="does not fit the digits"):
        SupernetDigits(ElasticCnn(classes=7))
    with pytest.raises(TargetError, match="epochs"):
        SupernetDigits(SPACE, epochs=0)


def test_a_lower_fidelity_looks_at_fewer_images_and_ranks_alike(trained: SupernetDigits) -> None:
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(3), 24))
    n_validation = len(load_digits().validation)
    full = trained.evaluate(designs, seeds(24)).values["top1_pct"]
    for fidelity in trained.fidelities()[:-1]:
        images = math.ceil(fidelity * n_validation)
        values = trained.evaluate_at(designs, seeds(24), fidelity).values["top1_pct"]
        correct = values * images / 100
        np.testing.assert_allclose(correct, correct.round(), atol=1e-9)
        assert np.corrcoef(values, full)[0, 1] > 0.7
