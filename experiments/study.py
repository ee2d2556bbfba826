"""The study: one experiment, one folder, one trial table; created, run, killed, resumed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from ..hw_targets.target import Report
from ..spaces.errors import StoreError
from .configuration.yaml_source import dump_yaml
from .environment import environment
from .execution.backend import chunk_size, make_evaluator
from .execution.scoring import Scorer
from .experiment import Experiment
from .initial_policies import kept, overrides_of
from .interrupts import Interrupts
from .loop import Loop
from .outputs.atomic import write_text
from .outputs.results import Results, describe_problem
from .progress import Ending
from .stop_rules import StopRules
from .store import TrialStore

CONFIG = "config.yaml"


@dataclass(frozen=True, slots=True)
class Summary:
    """How a run of a study ended.

    Attributes:
        folder: The study's folder.
        name: The study's name.
        state: ``finished``, ``interrupted`` or ``failed``.
        reason: One line for people.
        n_trials: Trials that ended, repeats excluded.
        spent: Full evaluations that they are worth.
        n_done: Trials with numbers.
        n_failed: Trials without.
        n_feasible: Trials that meet every constraint.
        front_size: Members of the front.
        hypervolume: Of the front.
        seconds: Wall time of this session.
        loop_seconds: Of these, from the first ask to the last result.
        overhead_us: Framework time per trial by activity (ask, store, tell, track), microseconds, this session.
    """

    folder: str
    name: str
    state: str
    reason: str
    n_trials: int
    spent: float
    n_done: int
    n_failed: int
    n_feasible: int
    front_size: int
    hypervolume: float
    seconds: float
    loop_seconds: float
    overhead_us: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class Study:
    """An experiment bound to a folder.

    Use :meth:`create` or :meth:`open`, then :meth:`run`; afterwards :attr:`results`.

    Args:
        experiment: What to run.
        folder: The study's folder, which holds its table.
    """

    def __init__(self, experiment: Experiment, folder: Path) -> None:
        self.experiment = experiment
        self.folder = folder

    @classmethod
    def create(cls, experiment: Experiment, folder: Path | None = None) -> Self:
        """Make the study's folder and table.

        Args:
            experiment: What to run.
            folder: Where; by default a new folder (``name``, ``name-2``, ...) in the configured one.

        Raises:
            StoreError: When the folder holds a study already or cannot be written.
        """
        try:
            if folder is None:
                where = _new_folder(Path(experiment.output.folder), experiment.name)
            else:
                where = folder
                where.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{error.filename}: {error.strerror}", "choose another output.folder") from error
        TrialStore.create(
            where,
            {
                "name": experiment.name,
                "seed": experiment.seed,
                "config": experiment.config,
                "problem": describe_problem(experiment.problem),
                "space_digest": experiment.problem.space.digest,
                "sources": _sources(experiment),
                "created_at": time.time(),
                "seconds": 0.0,
                "ending": {"state": "created", "reason": "not run yet"},
            },
        ).close()
        if experiment.config:
            experiment = kept(experiment, where)
            write_config(where, experiment.config)
        return cls(experiment, where)

    @classmethod
    def open(cls, folder: Path, experiment: Experiment | None = None, overrides: tuple[str, ...] = ()) -> Self:
        """Open an existing study to go on with it.

        Args:
            folder: The study's folder.
            experiment: Needed only for studies that were made in Python, without a configuration.
            overrides: Changes to the stored configuration, ``key.path=value``; they are kept.

        Raises:
            StoreError: When there is no study, or its space, objectives or constraints are not the experiment's.
        """
        with TrialStore.open(folder, readonly=True) as store:
            meta = store.meta()
        if experiment is None:
            experiment = _rebuild(folder, meta, overrides)
        if experiment.problem.space.digest != meta["space_digest"]:
            raise StoreError(f"the space of {folder} has changed since the study began", "start a new study")
        if _goals(describe_problem(experiment.problem)) != _goals(meta["problem"]):
            raise StoreError(
                f"the objectives or constraints of {folder} have changed since the study began", "start a new study"
            )
        if overrides:
            experiment = kept(experiment, folder)
            write_config(folder, experiment.config)
        return cls(experiment, folder)

    @property
    def results(self) -> Results:
        """What has been found so far."""
        return Results.read(self.folder)

    def scorer(self) -> Scorer:
        """What scores the study's designs; targets must be prepared first."""
        metrics: dict[str, tuple[str, ...]] = dict.fromkeys(self.experiment.targets, ())
        for metric, label in self.experiment.sources.items():
            metrics[label] += (metric,)
        return Scorer(self.experiment.problem.space, self.experiment.targets, self.experiment.parts, metrics)

    def prepare(self, report: Report) -> None:
        """Let every target do or find its once-per-study work."""
        for label, target in self.experiment.targets.items():
            folder = self.folder / "targets" / label
            folder.mkdir(parents=True, exist_ok=True)
            target.prepare(folder, report)

    def run(self, progress: bool = False) -> Summary:
        """Run until the budget is spent or there is a reason to stop; start or resume alike.

        Args:
            progress: Show a progress bar.

        Returns:
            How it ended. Interrupted studies are saved; run again to go on.

        Raises:
            StoreError: When the table cannot be written, or another process runs this study.
        """
        from .observers import Observers
        from .outputs.finish import confirm, write_outputs

        start = time.monotonic()
        with ExitStack() as stack:
            # A target may change the working folder.
            store = stack.enter_context(TrialStore.open(self.folder.absolute()))
            observers = stack.enter_context(Observers(self.experiment, store, show=progress))
            interrupts = stack.enter_context(Interrupts(announce=progress))
            self.prepare(observers.preparing)
            spent_before = _seconds_spent(store)
            store.set_meta(
                config=self.experiment.config,
                environment=environment(self.experiment),
                seconds=spent_before,
                began_at=time.time(),
                ending={"state": "running", "reason": "a process is at work"},
            )
            observers.tracking()
            scorer = self.scorer()
            evaluator = stack.enter_context(make_evaluator(scorer, self.experiment.execution))
            strategy = self.experiment.strategy(self.experiment.problem, self.experiment.seed)
            chunk = chunk_size(scorer, self.experiment.execution)
            loop = Loop(self.experiment, store, evaluator, strategy, chunk, observers.advanced)
            rules = StopRules(self.experiment, store.history(), interrupts, spent_before)
            begun = time.monotonic()
            ending = loop.run(rules.reason)
            loop_seconds = time.monotonic() - begun
            store.set_meta(ending=asdict(ending), seconds=spent_before + time.monotonic() - start)
            results = Results.of(store, (loop.ledger, loop.front))
            if ending.state == "finished":
                confirm(self, store, results.members, observers.preparing)
                write_outputs(self, results, observers.preparing)
            observers.ended(ending, results)
        return self._summary(loop, ending, (time.monotonic() - start, loop_seconds))

    def _summary(self, loop: Loop, ending: Ending, seconds: tuple[float, float]) -> Summary:
        now = loop.progress()
        n = max(loop.n_session, 1)
        clock = {k: 1e6 * getattr(loop.clock, k) / n for k in ("ask", "store", "tell", "track")}
        return Summary(
            str(self.folder),
            self.experiment.name,
            ending.state,
            ending.reason,
            now.n_finished,
            now.spent,
            now.states.get("done", 0),
            loop.ledger.n_failed,
            now.n_feasible,
            now.front_size,
            now.hypervolume,
            *seconds,
            clock,
        )


def _new_folder(parent: Path, name: str) -> Path:
    """Make the first folder that is free; the operating system decides between studies that begin at once."""
    parent.mkdir(parents=True, exist_ok=True)
    folder, number = parent / name, 2
    while True:
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            folder, number = parent / f"{name}-{number}", number + 1
        else:
            return folder


def _seconds_spent(store: TrialStore) -> float:
    """Wall time of earlier sessions; of one that was killed, up to its last trial."""
    meta = store.meta()
    spent = float(meta["seconds"])
    if meta["ending"]["state"] == "running":
        spent += max(0.0, store.last_change() - meta["began_at"])
    return spent


def _goals(problem: Mapping[str, Any]) -> tuple[Any, Any]:
    return problem["objectives"], problem["constraints"]


def _sources(experiment: Experiment) -> dict[str, dict[str, str]]:
    """Metric to where its numbers come from: label of the target, kind of source, description."""
    known = {(label, m.name): m for label, target in experiment.targets.items() for m in target.metrics()}
    found = {name: (label, known[label, name]) for name, label in experiment.sources.items()}
    return {
        name: {"target": label, "source": metric.source, "description": metric.description}
        for name, (label, metric) in found.items()
    }


def _rebuild(folder: Path, meta: Mapping[str, Any], overrides: tuple[str, ...]) -> Experiment:
    if not meta["config"]:
        raise StoreError(f"{folder} was made in Python, without a configuration", "pass its experiment to Study.open")
    from .configuration.build import build
    from .configuration.load import load

    policies = overrides_of(load(folder / CONFIG, overrides).resolved(), folder)
    return build(load(folder / CONFIG, (*overrides, *policies)))


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the resolved configuration beside the table, where ``open`` and people find it."""
    write_text(folder / CONFIG, dump_yaml(dict(config)))
