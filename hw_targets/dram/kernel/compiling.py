"""How the functions of the simulator are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core import types
from numba.extending import intrinsic

from .layout import Address, IntArray

P = ParamSpec("P")
R = TypeVar("R")

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
# Nobody calls the functions inside from Python or C, and they hold no array expressions to rewrite: less to compile.
INTERNAL = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "no_rewrites": True}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that other compiled functions call.

    Args:
        function: Plain Python on numbers and addresses.

    Returns:
        The compiled function, of the same signature; it holds no lock of the interpreter.
    """
    return cast("Callable[P, R]", numba.njit(**INTERNAL)(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function into those that call it: for small ones, and for those that only one hot function calls.

    Args:
        function: Plain Python on numbers and addresses.

    Returns:
        The compiled function, of the same signature; it holds no lock of the interpreter.
    """
    return cast("Callable[P, R]", numba.njit(forceinline=True, **INTERNAL)(function))


def compiled_entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that Python calls, and keep the machine code on disk.

    numba looks only at the file of the function itself to see whether its code is stale, so that the function must
    use a constant of its enclosing function that changes with every other file.

    Args:
        function: A closure over such a constant.

    Returns:
        The compiled function, of the same signature.
    """
    return cast("Callable[P, R]", numba.njit(cache=True, **OPTIONS)(function))


def _address(context: Any, array: Any) -> Any:
    del context
    pointer: Any = types.CPointer
    signature = pointer(array.dtype)(array)

    def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        return target.make_array(signature.args[0])(target, builder, values[0]).data

    return signature, generate


address = cast("Callable[[IntArray], Address]", intrinsic(_address))
"""In compiled code: the address of an array, which is indexed like an array of one axis; the array must outlive it."""
