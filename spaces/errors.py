"""The errors that cosearch raises on purpose: each says what is wrong, where, and what to do."""

from __future__ import annotations


class CosearchError(Exception):
    """Base of every error that cosearch raises on purpose.

    Args:
        problem: What is wrong, with the offending value.
        remedy: What the reader can do about it, as an imperative.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy


class SpaceError(CosearchError):
    """A design space is declared wrongly (unknown knob, empty domain, cyclic condition)."""


class DesignError(CosearchError):
    """A design does not belong to the space that it was offered to."""


class InfeasibleError(CosearchError):
    """No design satisfies the constraints of a space, or none can be found."""


class TargetError(CosearchError):
    """A hardware target cannot be built or cannot score a design."""


class PredictorError(CosearchError):
    """A predictor cannot be fitted, saved, loaded or used."""


class StrategyError(CosearchError):
    """A strategy is given a problem or an option that it cannot handle."""


class ConfigError(CosearchError):
    """An experiment configuration is wrong; nothing was run."""


class StoreError(CosearchError):
    """A study's trial table is missing, locked, damaged or of another version."""
