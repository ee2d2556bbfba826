"""Settings of a study: budget, stopping, execution, tracking, output; checked when they are made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Base of all settings: unknown keys are refused, values are fixed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Budget(Settings):
    """How much may be spent; the study ends at whichever limit comes first.

    Attributes:
        trials: Number of evaluated designs, failed ones included. A trial of lower fidelity counts as its share: nine
            at 1/9 are one. The last one may go beyond the budget by a part of a trial.
        minutes: Wall-clock minutes over all sessions of the study; None is no limit.
    """

    trials: Annotated[int, Field(ge=1)] = 200
    minutes: Annotated[float, Field(gt=0)] | None = None


class HypervolumeStalled(Settings):
    """Stop when the hypervolume grew by less than a share over the last trials.

    Attributes:
        window: Number of trials looked back.
        relative: Smallest growth that counts, as a share of the current hypervolume.
    """

    window: Annotated[int, Field(ge=1)] = 200
    relative: Annotated[float, Field(gt=0)] = 0.001


class Stop(Settings):
    """Reasons to stop before the budget is spent.

    Attributes:
        hypervolume_stalled: See :class:`HypervolumeStalled`.
        target_hypervolume: Stop once the front's hypervolume reaches this.
    """

    hypervolume_stalled: HypervolumeStalled | None = None
    target_hypervolume: Annotated[float, Field(gt=0)] | None = None


class MaxFailures(Settings):
    """Give up when failures pile up: both limits must be passed.

    Attributes:
        count: Failed trials tolerated.
        fraction: Share of finished trials tolerated to fail.
    """

    count: Annotated[int, Field(ge=0)] = 20
    fraction: Annotated[float, Field(ge=0, le=1)] = 0.5


class Execution(Settings):
    """Where and how designs are scored.

    Attributes:
        name: ``local`` (this process, or a pool of processes) or ``ray``.
        workers: Parallel workers; with ``local``, 1 worker without a time limit runs in this process.
        chunk: Designs per task; None lets the target decide (one for slow targets, large for cheap ones).
        address: Ray cluster address; None starts a local one.
        cpus_per_worker: CPU cores per worker.
        trial_timeout_s: Time limit of one design; needs a worker process.
        retries: How often a design is tried again after its worker died.
        max_failures: See :class:`MaxFailures`.
        deterministic: Tell results in the order of their trials, so that parallel runs repeat exactly.
    """

    name: Literal["local", "ray"] = "local"
    workers: Annotated[int, Field(ge=1)] = 1
    chunk: Annotated[int, Field(ge=1)] | None = None
    address: str | None = None
    cpus_per_worker: Annotated[float, Field(gt=0)] = 1.0
    trial_timeout_s: Annotated[float, Field(gt=0)] | None = None
    retries: Annotated[int, Field(ge=0)] = 1
    max_failures: MaxFailures = MaxFailures()
    deterministic: bool = False


class Tracking(Settings):
    """Where progress is reported.

    Attributes:
        name: ``mlflow`` or ``none``.
        uri: MLflow tracking URI.
        experiment: MLflow experiment.
        flush_seconds: Longest wait between two writes.
        promote: Most front members that become child runs at the end.
    """

    name: Literal["mlflow", "none"] = "mlflow"
    uri: str = "sqlite:///mlflow.db"
    experiment: str = "cosearch"
    flush_seconds: Annotated[float, Field(gt=0)] = 2.0
    promote: Annotated[int, Field(ge=0, le=50)] = 20


class Output(Settings):
    """What a finished study writes beside its trial table.

    Attributes:
        folder: Folder that holds the study's own folder.
        formats: Files of the front; ``files`` are what the targets export (ONNX, simulator configurations).
        most_files: Most designs that are exported as ``files``; of larger fronts, that many spread along it. The other
            formats always hold the whole front.
        report: Whether an HTML report is written.
    """

    folder: str = "studies"
    formats: tuple[Literal["json", "yaml", "csv", "files"], ...] = ("json", "yaml", "csv", "files")
    most_files: Annotated[int, Field(ge=1)] = 200
    report: bool = True
