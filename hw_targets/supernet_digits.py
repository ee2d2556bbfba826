"""Top-1 accuracy of the elastic CNN's sub-networks, cut from one supernet trained on 8x8 digits."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..spaces.design import Design, Designs, digest_of
from ..spaces.elastic_cnn import ElasticCnn
from ..spaces.errors import TargetError
from ..spaces.space import Space
from ..spaces.spec import canonical_json
from .digits import BRIGHTEST, SHARES, Digits, load_digits
from .metric import Metric
from .onnx_subnetwork import OPSET, onnx_difference, to_onnx
from .sandwich import Recipe, train_sandwich
from .target import Columns, HardwareTarget, Report, Seeds
from .torch_threads import torch_threads

if TYPE_CHECKING:
    from ..spaces.elastic_cnn_torch import SubNetwork, Supernet

Rows = NDArray[np.int64]

FIDELITIES = (1 / 9, 1 / 3, 1.0)
"""Shares of the validation and of the calibration images; a ninth is 40 and 57 of them."""

PART_SEED = 9
"""Fixes which validation images make up a part, whatever a study's seed."""

THREADS = 1
"""PyTorch threads: sums in one order, so that a seed gives the same weights whatever the number of cores."""


class SupernetDigits(HardwareTarget):
    """Accuracy on scikit-learn's digits; weights are shared, so no sub-network is trained on its own.

    :meth:`prepare` trains the supernet once (seconds) and finds it again on resume. The search sees the validation
    split, or at a lower fidelity a part of it with as small a part of the calibration images, the same part for every
    design. :meth:`confirm` sees the test split; :meth:`export` writes ``STEM.onnx`` and ``STEM.check.json`` for each
    design.

    Args:
        space: An :class:`~cosearch.spaces.elastic_cnn.ElasticCnn` with 1 channel and 10 classes.
        epochs: Passes over the training images.
        batch: Images per training step.
        learning_rate: Largest learning rate.
        random_subnetworks: Random sub-networks per training step.
        calibration_images: Training images behind each sub-network's batch-normalisation statistics.
        seed: Fixes first weights, batches and sub-networks.

    Raises:
        TargetError: When the space is another one or an option is out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        epochs: int = 18,
        batch: int = 64,
        learning_rate: float = 0.1,
        random_subnetworks: int = 2,
        calibration_images: int = 512,
        seed: int = 0,
    ) -> None:
        if not isinstance(space, ElasticCnn) or space.channels != 1 or space.classes != 10:
            remedy = "use space elastic_cnn with channels 1 and classes 10"
            raise TargetError(f"supernet_digits: space {space.name!r} does not fit the digits", remedy)
        if calibration_images < 2 or seed < 0:
            problem = f"supernet_digits: calibration_images {calibration_images}, seed {seed}"
            raise TargetError(problem, "give calibration_images >= 2 and seed >= 0")
        self.space = space
        self.recipe = Recipe(epochs, batch, learning_rate, random_subnetworks)
        self.calibration_images = calibration_images
        self.seed = seed
        self._weights: dict[str, NDArray[np.float32]] | None = None

    # --- the contract ----------------------------------------------------------------------------------------------

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric("top1_pct", "trained", "validation images that the sub-network classifies correctly"),)

    def held_out_metrics(self) -> tuple[Metric, ...]:
        return (Metric("test_top1_pct", "trained", "test images, never seen by the search, classified correctly"),)

    def fingerprint(self) -> dict[str, str]:
        from importlib.metadata import version

        options = {name: str(value) for name, value in asdict(self.recipe).items()}
        options |= {"seed": str(self.seed), "calibration_images": str(self.calibration_images)}
        data = {"data": "scikit-learn digits", "split": ", ".join(map(str, SHARES))}
        return data | options | {"torch": version("torch"), "scikit_learn": version("scikit-learn")}

    def prepare(self, folder: Path, report: Report) -> None:
        path = folder / f"supernet-{self._training_digest()}.npz"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write(path, self._train(report))
        self._weights = _read(path)
        self._forget_supernet()
        report("supernet ready", 1.0)

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        return self.evaluate_at(designs, seeds, 1.0)

    def fidelities(self) -> tuple[float, ...]:
        return FIDELITIES

    def evaluate_at(self, designs: Designs, seeds: Seeds, fidelity: float) -> Columns:
        rows = np.sort(_share(self._validation_rows, fidelity))
        return Columns({"top1_pct": self._top1(designs, rows, _share(self._calibration_rows, fidelity))})

    def confirm(self, designs: Designs, seeds: Seeds) -> Columns:
        return Columns({"test_top1_pct": self._top1(designs, self._digits.test, self._calibration_rows)})

    def export(self, designs: Designs, folder: Path, stems: list[str]) -> list[Path]:
        written = []
        rows = self._digits.validation
        with torch_threads(THREADS):
            for design, stem in zip(designs, stems, strict=True):
                size = int(design["resolution"])
                network = self.extract(design)
                note = f"8x8 digits, pixels / {BRIGHTEST:g}, bilinear anti-aliased resize to {size}x{size}"
                content = to_onnx(network, self.space.channels, size, f"{note}; {design.to_json()}")
                difference = onnx_difference(content, network, self._digits.resized(rows, size))
                report = {
                    "design": dict(design),
                    "input": {"name": "images", "shape": ["batch", self.space.channels, size, size], "note": note},
                    "opset": OPSET,
                    "max_abs_difference_to_pytorch": difference,
                    "images_compared": len(rows),
                }
                model, check = folder / f"{stem}.onnx", folder / f"{stem}.check.json"
                model.write_bytes(content)
                check.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
                written += [model, check]
        return written

    # --- sub-networks ----------------------------------------------------------------------------------------------

    def extract(self, design: Design | Mapping[str, Any]) -> SubNetwork:
        """One trained sub-network as a plain PyTorch module.

        Args:
            design: A design of the space.

        Raises:
            TargetError: Before :meth:`prepare`.
        """
        return self._extract(design, self._calibration_rows)

    def _extract(self, design: Design | Mapping[str, Any], calibration: Rows) -> SubNetwork:
        images = self._digits.resized(calibration, int(design["resolution"]))
        return self._supernet.extract(design, self._supernet.calibrate(images, design))

    def _top1(self, designs: Designs, rows: Rows, calibration: Rows) -> NDArray[np.float64]:
        import torch

        shares = np.empty(len(designs))
        with torch_threads(THREADS), torch.inference_mode():
            labels = self._digits.targets(rows)
            for i, design in enumerate(designs):
                logits = self._extract(design, calibration)(self._digits.resized(rows, int(design["resolution"])))
                shares[i] = 100.0 * float((logits.argmax(dim=1) == labels).double().mean())
        return shares

    def _train(self, report: Report) -> dict[str, NDArray[np.float32]]:
        from ..spaces.elastic_cnn_torch import Supernet

        with torch_threads(THREADS):
            supernet = Supernet(self.space, self.seed)
            train_sandwich(supernet, self._digits, self.recipe, self.seed, report)
        return {name: tensor.numpy() for name, tensor in supernet.state_dict().items()}

    def _training_digest(self) -> str:
        facts = [self.space.spec(), asdict(self.recipe), self.seed, SHARES]
        return digest_of(canonical_json(facts))

    # --- what a process builds for itself --------------------------------------------------------------------------

    @cached_property
    def _digits(self) -> Digits:
        return load_digits()

    @cached_property
    def _calibration_rows(self) -> Rows:
        rng = np.random.default_rng(np.random.SeedSequence([self.seed, 2]))
        return rng.permutation(self._digits.train)[: self.calibration_images]

    @cached_property
    def _validation_rows(self) -> Rows:
        """In an order of their own, so that a part of them is like the whole."""
        return np.random.default_rng(PART_SEED).permutation(self._digits.validation)

    @cached_property
    def _supernet(self) -> Supernet:
        import torch

        from ..spaces.elastic_cnn_torch import Supernet

        if self._weights is None:
            raise TargetError("supernet_digits: the supernet is not trained", "call prepare first")
        supernet = Supernet(self.space, self.seed)
        state = {name: torch.from_numpy(array.copy()) for name, array in self._weights.items()}
        try:
            supernet.load_state_dict(state)
        except RuntimeError as error:
            raise TargetError(f"supernet_digits: saved weights do not fit ({error})", "delete the file") from error
        return supernet.eval()

    def _forget_supernet(self) -> None:
        self.__dict__.pop("_supernet", None)

    def __getstate__(self) -> dict[str, Any]:
        own = ("_digits", "_calibration_rows", "_validation_rows", "_supernet")
        return {name: value for name, value in self.__dict__.items() if name not in own}


def _share(rows: Rows, fidelity: float) -> Rows:
    """The first rows, at least two: statistics of one image are none."""
    return rows[: max(2, math.ceil(fidelity * len(rows)))]


def _write(path: Path, arrays: Mapping[str, NDArray[np.float32]]) -> None:
    """Write an npz file that is either whole or not there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _read(path: Path) -> dict[str, NDArray[np.float32]]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise TargetError(f"{path} is damaged ({error})", "delete it, then it is trained again") from error
