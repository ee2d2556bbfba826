"""Batch Bayesian optimisation by noisy expected hypervolume improvement, with BoTorch."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from ....hw_targets.torch_threads import torch_threads
from ....search.dominance import nondominated
from ....search.objective import FloatArray
from ....spaces.knobs import Codes
from ....spaces.space import Space
from .metered import Metered

if TYPE_CHECKING:
    from torch import Tensor

START = 20
"""Random designs before the first model."""

FIT_ITERATIONS = 200
"""Most L-BFGS iterations per fit; without a limit a fit of 100 designs takes ten seconds for little more evidence."""

POOL = 400
"""Candidates per batch; half random, half mutants of the front."""


def search_qlognehvi(evaluate: Metered, seed: int, *, q: int = 5) -> None:
    """One exact Gaussian process per objective, ``q`` designs at a time from a pool of candidates.

    Models are BoTorch's defaults, but for the length of their fits.

    Args:
        evaluate: The problem and the budget.
        seed: Of the random designs, the candidates and the quasi-random integration.
        q: Designs per batch.

    Source: Ament et al. 2023, "Unexpected improvements to expected improvement for Bayesian optimization"; Daulton et
    al. 2021, "Parallel Bayesian optimization of multiple noisy objectives with expected hypervolume improvement".
    """
    import torch

    rng = np.random.default_rng(seed)
    codes = evaluate.space.sample(rng, min(START, evaluate.left))
    objectives = evaluate(codes)
    with torch_threads(1), torch.random.fork_rng(), warnings.catch_warnings():
        # Ill-conditioned fits are tried again by BoTorch, with a warning each.
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        while evaluate.left:
            pool = _candidates(evaluate.space, codes, objectives, rng)
            rows = _pick(evaluate, codes, objectives, pool, min(q, evaluate.left))
            codes = np.concatenate([codes, pool[rows]])
            objectives = np.concatenate([objectives, evaluate(pool[rows])])


def features(space: Space, codes: Codes) -> FloatArray:
    """Ordered knobs scaled to 0 .. 1 (one step below where inactive), indicators of unordered ones; float64 [n, d]."""
    columns: list[FloatArray] = []
    for code, n, ordered in zip(codes.T, space.cardinalities, space.ordered, strict=True):
        if ordered:
            columns.append((code / max(int(n) - 1, 1))[:, None])
        else:
            columns.append((code[:, None] == np.arange(n)).astype(np.float64))
    return np.hstack(columns)


def _candidates(space: Space, codes: Codes, objectives: FloatArray, rng: np.random.Generator) -> Codes:
    """Distinct designs that were not evaluated, int64 [<= POOL, n_knobs]; repeats only when nothing else is left."""
    front = codes[nondominated(objectives)]
    parents = front[rng.integers(0, len(front), POOL // 2)]
    pool = np.unique(np.concatenate([space.sample(rng, POOL // 2), space.mutate(parents, rng)]), axis=0)
    seen = (pool[:, None, :] == codes[None, :, :]).all(axis=2).any(axis=1)
    return pool if seen.all() else pool[~seen]


def _pick(evaluate: Metered, codes: Codes, objectives: FloatArray, pool: Codes, q: int) -> Codes:
    """Rows of the pool that maximise the acquisition one after the other, int64 [<= q]."""
    import torch
    from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
    from botorch.optim import optimize_acqf_discrete
    from botorch.sampling.normal import SobolQMCNormalSampler

    x = torch.from_numpy(features(evaluate.space, codes))
    choices = torch.from_numpy(features(evaluate.space, pool))
    acquisition = qLogNoisyExpectedHypervolumeImprovement(
        model=_fitted(x, torch.from_numpy(-objectives)),
        ref_point=torch.from_numpy(-evaluate.benchmark.reference),
        X_baseline=x,
        prune_baseline=True,
        sampler=SobolQMCNormalSampler(sample_shape=torch.Size([64]), seed=len(codes)),
    )
    picked, _ = optimize_acqf_discrete(acquisition, q=min(q, len(pool)), choices=choices, unique=True)
    return np.array([int((choices == row).all(dim=1).nonzero()[0]) for row in picked], dtype=np.int64)


def _fitted(x: Tensor, y: Tensor) -> object:
    """Independent Gaussian processes of the maximised objectives ``y`` [n, m]."""
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms.outcome import Standardize
    from gpytorch.mlls import SumMarginalLogLikelihood

    models = [SingleTaskGP(x, y[:, i : i + 1], outcome_transform=Standardize(m=1)) for i in range(y.shape[1])]
    model = ModelListGP(*models)
    limit = {"options": {"maxiter": FIT_ITERATIONS}}
    fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model), optimizer_kwargs=limit)
    return model
