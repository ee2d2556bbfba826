"""Tables of Hardware-Aware Transformers, by the features that were published."""

from __future__ import annotations

import numpy as np

from ....predictors.pool import Pool
from ....spaces.knobs import Ordinal, Value
from ....spaces.space import Space
from ..problems.data_roots import Roots, arrays, require
from .tables import Tables, codes_of

HAT_TABLE = "hat_latency/hat_latency.npz"
FEATURES = 10
METRIC = "latency_ms"
TIMED = ("latency_mean_encoder", "latency_mean_decoder")


def hat(roots: Roots) -> Tables:
    """Latency of encoder and decoder together.

    Several of the ten features are averages over layers, so that this space holds no networks to deploy: it serves to
    compare predictors alone. Devices measured different designs; designs of equal features share their median.
    Source: Wang et al. 2020, "HAT: Hardware-aware transformers for efficient natural language processing".

    Raises:
        CosearchError: When the file is missing.
    """
    data = arrays(require(roots[:1], HAT_TABLE))
    names = [str(name) for name in data.pop("columns")]
    features = np.concatenate([table[:, :FEATURES] for table in data.values()]).astype(np.float64).round(4)
    columns, values, knobs = {}, {}, {}
    for j, name in enumerate(names[:FEATURES]):
        distinct, columns[name] = np.unique(features[:, j], return_inverse=True)
        values[name] = list[Value](distinct.tolist())
        knobs[name] = Ordinal(tuple(distinct.tolist()))
    space = Space(knobs, name="hat_features")
    codes = np.split(codes_of(space, columns, values), np.cumsum([len(table) for table in data.values()])[:-1])
    timed = [names.index(name) for name in TIMED]
    latency = [table[:, timed].sum(axis=1).astype(np.float64) for table in data.values()]
    pool = Pool.of(space, METRIC, dict(zip(data, zip(codes, latency, strict=True), strict=True)))
    devices = dict(zip(pool.devices, pool.values.T, strict=True))
    index, connected = np.arange(len(pool.codes)), np.ones(len(pool.codes), bool)
    return Tables("hat", space, METRIC, pool.codes, index, devices, devices, (), (0, 0), connected)
