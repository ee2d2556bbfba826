"""The requests of one given array on a network or one of its layers, as a trace by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...spaces.errors import TargetError
from ...spaces.knobs import Value
from ...spaces.systolic_array import systolic_array
from ..systolic.lowering import Layers
from ..systolic.target import SystolicArray
from .accelerator_stream import CLOCK_MHZ, access_stream
from .trace import ACCESS_BYTES, Trace, check_access_bytes

ARRAY: dict[str, Value] = {"rows": 32, "cols": 32, "dataflow": "ws", "ifmap_kib": 64, "filter_kib": 64}
"""The array unless it is given."""


def layer_trace(
    workload: str = "mobilenet_v2",
    layer: str | None = None,
    *,
    array: Mapping[str, Value] | None = None,
    word_bytes: int = 1,
    clock_mhz: float = CLOCK_MHZ,
    max_requests: int = 20_000,
    access_bytes: int = ACCESS_BYTES,
    **options: Any,
) -> Trace:
    """Requests of a systolic array, see :mod:`.accelerator_stream`.

    Args:
        workload: Name of a network, or the path of an ONNX or workload JSON file.
        layer: Only this operator of the network.
        array: Some of :data:`ARRAY`, to change them.
        word_bytes: Bytes of a word.
        clock_mhz: Clock of the array.
        max_requests: Keep about as many at most, the same share of every layer.
        access_bytes: Bytes of a request, a power of two.
        options: Options of the named network: ``resolution``, ``width``, ...

    Returns:
        The trace, named as the network or the layer; a sample's name says its share.

    Raises:
        CosearchError: When the network, the layer, a part of the array or an option is unknown, or a size impossible.
    """
    check_access_bytes(access_bytes)
    unknown = sorted(set(array or {}) - set(ARRAY))
    if unknown:
        raise TargetError(f"an array has no {', '.join(map(repr, unknown))}", "known: " + ", ".join(ARRAY))
    # The output buffer has no influence on the traffic.
    values: dict[str, Any] = {name: [value] for name, value in (ARRAY | dict(array or {}) | {"ofmap_kib": 1}).items()}
    space = systolic_array(**values)
    target = SystolicArray(space, workload, word_bytes=word_bytes, **options)
    layers, name = target.layers, target.workload.name
    if layer is not None:
        entries = [entry for entry in layers.entries if entry.name == layer]
        if not entries:
            known = ", ".join(entry.name for entry in layers.entries)
            raise TargetError(f"workload {name!r} has no layer {layer!r}", f"known, equal ones merged: {known}")
        layers, name = Layers.of(entries), layer
    chosen = space.designs(np.zeros((1, space.n_knobs), dtype=np.int64))[0]
    return access_stream(
        layers,
        chosen,
        name=name,
        word_bytes=word_bytes,
        clock_mhz=clock_mhz,
        max_requests=max_requests,
        access_bytes=access_bytes,
    ).trace
