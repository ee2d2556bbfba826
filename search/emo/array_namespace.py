"""One code for NumPy and PyTorch: the array API standard, and the few operations that it leaves out.

NumPy 2 speaks the standard itself, so its arrays pay nothing; other libraries are wrapped by array-api-compat.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any
"""An array of NumPy or PyTorch (float64 objectives, int64 codes and rows), on any device."""

Generator = Any
"""A ``numpy.random.Generator``, or a ``torch.Generator`` on the arrays' device."""

HOST_TILE = 2**17
"""Entries of a temporary table in main memory: one MiB of float64, which stays in a core's cache."""

ACCELERATOR_TILE = 2**25
"""The same on an accelerator (256 MiB of float64), where few large steps are better."""


def namespace(array: Array) -> Any:
    """The module with the standard's functions for this array: NumPy itself, or array-api-compat's wrapper."""
    if isinstance(array, np.ndarray):
        return np
    from array_api_compat import array_namespace

    return array_namespace(array)


def on_host(array: Array) -> NDArray[Any] | None:
    """The array as NumPy sees it, sharing its memory; None when it lies on another device."""
    if isinstance(array, np.ndarray):
        return array
    return np.asarray(array) if str(array.device) == "cpu" else None


def to_host(array: Array) -> NDArray[Any]:
    """The array as NumPy's, copied when it lies on another device."""
    host = on_host(array)
    return np.asarray(array.cpu()) if host is None else host


def like(values: Any, model: Array, dtype: Any = None) -> Array:
    """``values`` (an array of NumPy or numbers) in the library and on the device of ``model``.

    Args:
        values: NumPy array, or array of the model's own library.
        model: Array of the wanted library and device.
        dtype: Wanted type; None keeps it.
    """
    xp = namespace(model)
    return xp.asarray(values, dtype=dtype, device=model.device)


def tile_rows(array: Array, width: int) -> int:
    """How many rows of a temporary table of this width a blocked kernel holds at a time; at least 1."""
    return max(1, (HOST_TILE if str(array.device) == "cpu" else ACCELERATOR_TILE) // max(width, 1))


def lexsort(keys: tuple[Array, ...]) -> Array:
    """Rows sorted by the last key, ties by the one before, and so on; rows equal in all keep their order; int64 [n].

    Args:
        keys: Arrays [n], as for ``numpy.lexsort``.
    """
    if isinstance(keys[0], np.ndarray):
        return np.lexsort(keys)
    xp = namespace(keys[0])
    order = xp.argsort(keys[0], stable=True)
    for key in keys[1:]:
        order = order[xp.argsort(key[order], stable=True)]
    return order


def place_in_group(group: Array) -> Array:
    """How many earlier rows have the same number, int64 [n].

    Args:
        group: int64 [n], sorted.
    """
    xp = namespace(group)
    position = xp.arange(len(group), dtype=xp.int64, device=group.device)
    return position - xp.searchsorted(group, group)


def uniform(rng: Generator, shape: tuple[int, ...], model: Array) -> Array:
    """Uniform random numbers in [0, 1), float64 of ``shape``, in the library and on the device of ``model``.

    A NumPy generator gives the same numbers for every library; a PyTorch one draws on its own device.
    """
    if isinstance(rng, np.random.Generator):
        draw = rng.random(shape)
        return draw if isinstance(model, np.ndarray) else like(draw, model)
    import torch

    return torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float64)
