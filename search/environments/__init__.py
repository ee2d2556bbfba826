"""Design-space search as environments of Gymnasium and PettingZoo, for reinforcement learning code of others.

The names below are imported on first use; they need the extra ``rl``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ...spaces.errors import CosearchError

if TYPE_CHECKING:
    from .design_env import DesignEnv
    from .design_parallel_env import DesignParallelEnv

_HOMES = {"DesignEnv": "design_env", "DesignParallelEnv": "design_parallel_env"}

__all__ = ["DesignEnv", "DesignParallelEnv"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f".{_HOMES[name]}", __name__)
    except ModuleNotFoundError as error:
        if error.name not in ("gymnasium", "pettingzoo"):
            raise
        missing = f"{name} needs the package {error.name}, which is not installed"
        raise CosearchError(missing, 'install it: pip install "cosearch[rl]"') from error
    return getattr(module, name)
