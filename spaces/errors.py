"""The errors that cosearch raises on purpose: each says what is wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass


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


class WorkloadError(CosearchError):
    """A network cannot be described as operators: an unknown shape, operator, format or option."""


class InfeasibleError(CosearchError):
    """No design satisfies the constraints of a space, or none can be found."""


class TargetError(CosearchError):
    """A hardware target cannot be built or cannot score a design."""


class MeasurementsError(CosearchError):
    """A table of measurements cannot be read or written, or does not fit its space."""


class PredictorError(CosearchError):
    """A predictor cannot be fitted, saved, loaded or used."""


class StrategyError(CosearchError):
    """A strategy is given a problem or an option that it cannot handle."""


class FidelityError(StrategyError):
    """A strategy needs evaluations of lower fidelity, and no target offers them."""


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong in a configuration.

    Args:
        file: File name as the reader wrote it; ``--set a.b`` for an override.
        line: Line in the file, from 1; 0 when there is none.
        path: Dotted path of the key, empty for the whole file.
        message: What is wrong, and what to do.
    """

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class ConfigError(CosearchError):
    """An experiment configuration is wrong; nothing was run.

    Args:
        problem: What is wrong, with the offending value.
        remedy: What the reader can do about it, as an imperative.
        problems: The single problems, where there are several.
    """

    def __init__(self, problem: str, remedy: str = "", problems: tuple[ConfigProblem, ...] = ()) -> None:
        super().__init__(problem, remedy)
        self.problems = problems


class StoreError(CosearchError):
    """A study's trial table is missing, locked, damaged or of another version."""
