"""The Ray cluster of a study: started here or joined, and proven large enough before the first task."""

from __future__ import annotations

import math
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from ...hw_targets.target import Needs
from ...spaces.errors import ConfigError
from ..settings import Execution

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # A cluster of this machine alone listens on the loopback address only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


def ray_package() -> Any:
    """Ray, imported when it is first needed; its own annotations are incomplete, so it goes untyped."""
    import ray

    return ray


@dataclass(frozen=True, slots=True)
class Request:
    """What one worker asks of the cluster.

    Args:
        cpus: CPU cores.
        gpus: GPUs, fractions allowed.
        devices: Devices that the worker has for itself.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    devices: tuple[str, ...] = ()

    @classmethod
    def of(cls, execution: Execution, needs: Sequence[Needs]) -> Self:
        """Everything that targets scored one after another in the same worker need."""
        return cls(
            cpus=max([execution.cpus_per_worker, *(n.cpus for n in needs)]),
            gpus=max([0.0, *(n.gpus for n in needs)]),
            devices=tuple(dict.fromkeys(n.device for n in needs if n.device)),
        )

    @property
    def custom(self) -> dict[str, float]:
        """The devices as custom resources, ``device:NAME`` each."""
        return {f"device:{name}": 1.0 for name in self.devices}

    @property
    def resources(self) -> dict[str, float]:
        """All of it under Ray's names, without zeros."""
        return {"CPU": self.cpus, **({"GPU": self.gpus} if self.gpus else {}), **self.custom}


@dataclass(slots=True)
class Cluster:
    """A connection to Ray.

    Args:
        execution: Address and number of workers.
        request: What one worker asks for.

    Raises:
        ConfigError: When there is no cluster at the address, or it cannot hold the workers.
    """

    execution: Execution
    request: Request
    workers: int = field(init=False)
    _ours: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        if self.execution.address is None:
            for name, value in QUIET.items():
                os.environ.setdefault(name, value)
        ray = ray_package()
        if not ray.is_initialized():
            with _kept_signals():
                self._connect()
            self._ours = True
        try:
            self.workers = fitting_workers(
                self.execution,
                self.request,
                ray.cluster_resources(),
                [n["Resources"] for n in ray.nodes() if n["Alive"]],
            )
        except ConfigError:
            self.close()
            raise

    def _connect(self) -> None:
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        if self.execution.address is None:
            cpus = math.ceil(self.execution.workers * self.request.cpus)
            custom = self.request.custom
            ray_package().init(
                num_cpus=cpus, resources=custom, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet
            )
            return
        try:
            _probe(self.execution.address)
            ray_package().init(address=self.execution.address, **quiet)
        except (OSError, RuntimeError, ValueError) as error:
            raise ConfigError(
                f"execution.address: no usable Ray cluster at {self.execution.address!r} ({error})",
                "start one with 'ray start --head', correct the address, or leave it out to start a local one",
            ) from error

    def close(self) -> None:
        """Leave the cluster, and end it when it was started here."""
        if self._ours:
            self._ours = False
            ray_package().shutdown()


@contextmanager
def _kept_signals() -> Iterator[None]:
    """Ray makes SIGTERM end the process at once; a study finishes and saves what is in flight."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)


def _probe(address: str) -> None:
    """Knock at ``host:port`` first, because Ray itself tries a silent address for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5.0).close()


def fitting_workers(
    execution: Execution, request: Request, total: Mapping[str, float], nodes: Sequence[Mapping[str, float]]
) -> int:
    """Number of workers that a cluster can hold; Ray itself would wait for ever for what it does not have.

    Args:
        execution: How many workers are wanted.
        request: What one worker asks for.
        total: Resource name to amount, of the whole cluster.
        nodes: The same for each node.

    Returns:
        The wanted number, or the number of devices where each worker has one for itself.

    Raises:
        ConfigError: When something that is asked for does not exist, or not often enough.
    """
    for name in request.custom:
        if total.get(name, 0.0) < 1.0:
            known = ", ".join(sorted(n for n in total if n.startswith("device:"))) or "none"
            raise ConfigError(
                f"execution: the Ray cluster has no resource {name!r} (devices it has: {known})",
                f"start the node with that device by: ray start --resources '{{\"{name}\": 1}}'",
            )
    if not any(all(node.get(name, 0.0) >= amount for name, amount in request.resources.items()) for node in nodes):
        asked = ", ".join(f"{amount:g} {name}" for name, amount in request.resources.items())
        raise ConfigError(
            f"execution: no node of the Ray cluster has {asked} for one worker",
            "lower execution.cpus_per_worker or the needs of the targets, or add such a node",
        )
    workers = min([execution.workers, *(int(total[name]) for name in request.custom)])
    for name, each in (("CPU", request.cpus), ("GPU", request.gpus)):
        have = total.get(name, 0.0)
        if workers * each > have:
            raise ConfigError(
                f"execution.workers: {workers} workers with {each:g} {name} each need {workers * each:g}, "
                f"the Ray cluster has {have:g}",
                f"set execution.workers to at most {int(have / each)}, or add nodes",
            )
    return workers
