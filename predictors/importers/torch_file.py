"""Lists and mappings out of PyTorch's ``.pt`` files, without running what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...spaces.errors import MeasurementsError


def read_torch_file(path: Path) -> Any:
    """Read plain data: lists, mappings, numbers, texts, tensors and NumPy numbers.

    Raises:
        MeasurementsError: When the file cannot be read or holds anything else, such as code.
    """
    try:
        import torch
    except ImportError as error:
        raise MeasurementsError(f"{path}: reading .pt files needs torch", "pip install 'cosearch[torch]'") from error
    number = np.int64(0)
    # What a NumPy number is pickled with, under the name of NumPy 1 and of NumPy 2.
    scalar: Any = number.__reduce__()[0]
    kinds = [type(np.dtype(code)) for code in ("i1", "i2", "i4", "i8", "u1", "f2", "f4", "f8", "?")]
    allowed = [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise anything
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        remedy = "give a file of plain lists and numbers as torch.save writes it; nothing else is read"
        raise MeasurementsError(f"{path}: cannot be read ({reason})", remedy) from error


def read_latencies(path: Path, n: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Latencies out of a ``.pt`` file.

    Args:
        path: A list or tensor of ``n`` numbers.
        n: Architectures that they belong to.

    Returns:
        float64 [n].

    Raises:
        MeasurementsError: When the file cannot be read, or does not hold ``n`` positive numbers.
    """
    data = read_torch_file(path)
    try:
        values = np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise MeasurementsError(f"{path}: no list of numbers ({error})", "get the file again") from error
    return check_latencies(str(path), values, n)


def check_latencies(
    where: str, values: np.ndarray[Any, np.dtype[np.float64]], n: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Refuse what is no table of ``n`` positive, finite latencies.

    Raises:
        MeasurementsError: With the first row that is wrong.
    """
    if values.shape != (n,):
        problem = f"{where}: {values.size} latencies of shape {values.shape} for {n} architectures"
        raise MeasurementsError(problem, "give the list of architectures that the table was made with")
    wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(wrong):
        problem = f"{where}: latency {values[wrong[0]]} in row {int(wrong[0])}"
        raise MeasurementsError(problem, "a latency is positive and finite; get the file again")
    return values
