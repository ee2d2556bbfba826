"""Tables of whole networks: HELP's FBNet and Once-for-All."""

from __future__ import annotations

import numpy as np

from ....spaces.catalog import SPACES
from ....spaces.knobs import Value
from ....spaces.space import Space
from ..problems.data_roots import Roots, arrays, require
from .tables import Tables, codes_of, latencies

WINDOW = (4000, 5000)
LAYERS_PER_STAGE = 4


def fbnet(roots: Roots) -> Tables:
    """HELP's 5,000 FBNets.

    Raises:
        CosearchError: When a file is missing.
    """
    space: Space = SPACES.get("fbnet")(resolution=32, classes=100, small_images=True)
    data = arrays(require(roots, "latency/fbnet_arch.npz"))
    choices: list[Value] = [str(name) for name in data["choice_names"]]
    columns = {f"block_{j + 1}": chosen for j, chosen in enumerate(data["block_choice"].T)}
    codes = codes_of(space, columns, dict.fromkeys(columns, choices))
    return latencies("fbnet", "latency/help_fbnet_latency.npz", space, codes, WINDOW, roots)


def once_for_all(roots: Roots) -> Tables:
    """HELP's 5,000 sub-networks of Once-for-All; layers beyond a stage's depth are inactive.

    Raises:
        CosearchError: When a file is missing.
    """
    space: Space = SPACES.get("once_for_all")(width=1.2)
    data = arrays(require(roots, "latency/ofa_arch.npz"))
    given = {"resolution": data["resolution"]}
    given |= {f"stage{s + 1}_depth": depth for s, depth in enumerate(data["depth"].T)}
    for layer in range(data["kernel"].shape[1]):
        block = f"stage{layer // LAYERS_PER_STAGE + 1}_block{layer % LAYERS_PER_STAGE + 1}"
        given[f"{block}_kernel"] = data["kernel"][:, layer]
        given[f"{block}_expand"] = data["expand"][:, layer]
    columns, values = {}, {}
    for name, numbers in given.items():
        distinct, columns[name] = np.unique(numbers, return_inverse=True)
        values[name] = list[Value](distinct.tolist())
    return latencies("ofa", "latency/help_ofa_latency.npz", space, codes_of(space, columns, values), WINDOW, roots)
