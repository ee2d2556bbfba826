"""The configuration of an experiment: what a YAML file may say, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from ...search.objective import Constraint, Objective
from ...spaces.errors import StrategyError
from ...spaces.spec import canonical_json
from ..settings import Budget, Execution, Output, Settings, Stop, Tracking
from .yaml_source import Document

Finite = Annotated[float, Field(allow_inf_nan=False)]


class ObjectiveSettings(Settings):
    """One objective.

    Attributes:
        metric: Metric name, with its unit.
        goal: ``minimize`` or ``maximize``.
        reference: Worst value that still counts towards the hypervolume; None takes it from the first trials.
    """

    metric: str
    goal: Literal["minimize", "maximize"] = "minimize"
    reference: Finite | None = None

    def build(self) -> Objective:
        """The objective."""
        return Objective(self.metric, self.goal, self.reference)


class ConstraintSettings(Settings):
    """Bounds on one metric.

    Attributes:
        metric: Metric name, with its unit.
        at_most: Upper bound.
        at_least: Lower bound.
    """

    metric: str
    at_most: Finite | None = None
    at_least: Finite | None = None

    @model_validator(mode="after")
    def _possible(self) -> ConstraintSettings:
        try:
            self.build()
        except StrategyError as error:
            raise ValueError(str(error)) from error
        return self

    def build(self) -> Constraint:
        """The constraint."""
        return Constraint(self.metric, self.at_most, self.at_least)


class Block(Settings):
    """A registry name with its options, or an inline space; the options are checked against what the name stands for.

    Attributes:
        name: Registry name or ``package.module:attribute``.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str | None = None


class TargetBlock(Block):
    """A target.

    Attributes:
        part: Part of a joint space that the target scores; None for the whole design.
    """

    part: str | None = None


class Config(Settings):
    """One experiment.

    Attributes:
        version: Version of this format.
        name: Name of the study, also of its folder.
        seed: Every random number derives from it.
        space: What may be chosen.
        targets: Label to what scores a design.
        metrics: Metric to target label, where two targets give the same metric.
        objectives: What is optimised.
        constraints: What is allowed.
        search: Which design next.
        budget: How much may be spent.
        stop: Reasons to stop earlier.
        execution: Where and how designs are scored.
        tracking: Where progress is reported.
        output: What a finished study writes.
        python_path: Folders in which ``module:attribute`` names are also looked up; the file's own folder by default.
    """

    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    space: Block
    targets: Annotated[dict[str, TargetBlock], Field(min_length=1)]
    metrics: dict[str, str] = Field(default_factory=dict)
    objectives: Annotated[tuple[ObjectiveSettings, ...], Field(min_length=1)]
    constraints: tuple[ConstraintSettings, ...] = ()
    search: Block = Block(name="nsga2")
    budget: Budget = Budget()
    stop: Stop = Stop()
    execution: Execution = Execution()
    tracking: Tracking = Tracking()
    output: Output = Output()
    python_path: tuple[str, ...] = ()

    _document: Document | None = PrivateAttr(default=None)

    def __eq__(self, other: object) -> bool:
        # Where a value was written is no part of it.
        return self.resolved() == other.resolved() if isinstance(other, Config) else NotImplemented

    def __hash__(self) -> int:
        return hash(canonical_json(self.resolved()))

    @property
    def document(self) -> Document:
        """Where each value was written."""
        return self._document or Document(self.resolved(), {}, self.name)

    def bind(self, document: Document) -> None:
        """Remember where each value was written."""
        self._document = document

    def resolved(self) -> dict[str, Any]:
        """Plain JSON-able data with every default filled in; loading it again gives an equal configuration."""
        data = self.model_dump(mode="json")
        data["space"] = plain_block(self.space)
        data["search"] = plain_block(self.search)
        data["targets"] = {label: plain_block(block) for label, block in self.targets.items()}
        return data


def plain_block(block: Block) -> dict[str, Any]:
    """Only what was written."""
    return block.model_dump(mode="json", exclude_unset=True)
