"""Figures of others, and of earlier measurements, to print beside ours.

Of HELP: Lee et al. 2021, tables 2 and 3. Of NASFLAT, and its runs of HELP and MultiPredict: Akhauri and Abdelfattah
2024, tables of final results (HELP on FD is the figure of its paper, over its own window). ``measured:`` are HELP's
released checkpoints, run again over five seeds, and FLOPs (multiply-accumulates as the only predictor). ``baseline:``
are simple predictors, run earlier with ten seeds and random designs to measure: non-negative ridge regression on
surrogates of the train devices, and a Gaussian process with their mean as prior, without and with operator counts
(EB, by empirical Bayes). HELP measures ten reference designs on a new device besides those that it counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..harness import Row, row

TWENTY = "20 measurements"


@dataclass(frozen=True)
class Published:
    """One line of a published table.

    Args:
        method: Who.
        split: The set of devices, with its space in front.
        budget: Measurements of the new device, reference designs counted.
        metric: As in our rows.
        mean: Over the set's test devices, or None where only single devices are known.
        devices: Device to its figure.
    """

    method: str
    split: str
    budget: str
    metric: str
    mean: float | None
    devices: dict[str, float]


ND_DEVICES = ("titan_rtx_256", "gold_6226", "fpga", "pixel2", "raspi4", "eyeriss")
FD_DEVICES = ("fpga", "raspi4", "eyeriss")
FBNET_SETS = ("FD", "F1", "F2", "F3", "F4", "FA")


def _nd(method: str, budget: str, metric: str, mean: float, values: str = "") -> Published:
    numbers = [float(word) for word in values.split()]
    return Published(method, "nb201/ND", budget, metric, mean, dict(zip(ND_DEVICES, numbers, strict=bool(numbers))))


def _fd(method: str, budget: str, metric: str, mean: float, values: str = "") -> Published:
    numbers = [float(word) for word in values.split()]
    return Published(method, "fbnet/FD", budget, metric, mean, dict(zip(FD_DEVICES, numbers, strict=bool(numbers))))


def _sets(method: str, values: str) -> list[Published]:
    return [
        Published(method, f"fbnet/{name}", TWENTY, "spearman_all", float(value), {})
        for name, value in zip(FBNET_SETS, values.split(), strict=True)
    ]


TABLE: tuple[Published, ...] = (
    _nd("published:FLOPs", "0 measurements", "spearman_pp", 0.787, ".950 .826 .900 .765 .846 .437"),
    _nd("measured:FLOPs", "0 measurements", "spearman_pp", 0.816, ".976 .844 .936 .786 .892 .459"),
    _nd("measured:FLOPs", "0 measurements", "spearman_all", 0.871, ".986 .896 .964 .880 .890 .612"),
    _nd("published:BRP-NAS", "900 measurements", "spearman_pp", 0.789, ".814 .796 .801 .666 .847 .811"),
    _nd("published:BRP-NAS", "3200 measurements", "spearman_pp", 0.805, ".822 .805 .828 .693 .853 .830"),
    _nd("published:HELP", TWENTY, "spearman_pp", 0.932, ".987 .989 .985 .802 .890 .940"),
    _nd("published:HELP", TWENTY, "spearman_all", 0.955, ".997 .985 .989 .874 .909 .977"),
    _nd("published:MultiPredict", TWENTY, "spearman_all", 0.930),
    _nd("published:NASFLAT", TWENTY, "spearman_all", 0.959),
    _nd("baseline:ridge_surrogate", "10 measurements", "spearman_all", 0.935, ".973 .986 .991 .891 .909 .863"),
    _nd("baseline:ridge_surrogate", "10 measurements", "spearman_pp", 0.892),
    _nd("baseline:EB_surrogate", "10 measurements", "spearman_all", 0.953, ".981 .978 .992 .898 .902 .967"),
    _nd("baseline:EB_surrogate", "10 measurements", "spearman_pp", 0.924),
    _nd("baseline:EB_surrogate", "20 measurements", "spearman_all", 0.948),
    _nd("baseline:EB_surrogate", "20 measurements", "spearman_pp", 0.916),
    _fd("published:HELP", TWENTY, "spearman_pp", 0.910, ".892 .887 .943"),
    _fd("measured:HELP", TWENTY, "spearman_pp", 0.911, ".893 .899 .942"),
    _fd("measured:HELP", TWENTY, "spearman_all", 0.958, ".945 .955 .976"),
    Published("measured:HELP", "fbnet/FD", TWENTY, "spearman_pp", None, {"gold_6226": 0.855, "pixel2": 0.571}),
    Published("measured:HELP", "fbnet/FD", TWENTY, "spearman_all", None, {"gold_6226": 0.923, "pixel2": 0.746}),
    _fd("baseline:ridge_surrogate", "10 measurements", "spearman_all", 0.953, ".927 .951 .982"),
    _fd("baseline:ridge_surrogate", "10 measurements", "spearman_pp", 0.915, ".868 .908 .969"),
    _fd("baseline:EB_surrogate", "10 measurements", "spearman_all", 0.951, ".926 .946 .981"),
    _fd("baseline:EB_surrogate", "10 measurements", "spearman_pp", 0.912),
    *_sets("published:HELP", ".910 .793 .543 .413 .799 .370")[1:],
    *_sets("published:MultiPredict", ".960 .756 .567 .434 .763 .450"),
    *_sets("published:NASFLAT", ".961 .809 .871 .814 .734 .577"),
    *_sets("baseline:ridge_surrogate", ".953 .799 .558 .375 .807 .417"),
    *_sets("baseline:EB_surrogate", ".958 .841 .808 .431 .780 .443"),
    *_sets("baseline:EB_counts_surrogate", ".954 .829 .913 .905 .767 .599"),
    Published("measured:HELP", "ofa/OFA", TWENTY, "spearman_pp", 0.981, {"titan_rtx_64": 0.981}),
    Published("measured:HELP", "ofa/OFA", TWENTY, "spearman_all", 0.991, {"titan_rtx_64": 0.991}),
    Published("baseline:ridge_surrogate", "ofa/OFA", "10 measurements", "spearman_pp", 0.992, {"titan_rtx_64": 0.992}),
    Published("baseline:ridge_surrogate", "ofa/OFA", "10 measurements", "spearman_all", 0.996, {"titan_rtx_64": 0.996}),
)


def published_rows(place: str, devices: Sequence[str], wanted: Sequence[str], mean_of: str) -> Iterator[Row]:
    """The lines for one set, with ``n`` 0: none of it was run now.

    Args:
        place: Space and set.
        devices: Its test devices that the tables hold.
        wanted: Its test devices as published.
        mean_of: What the row of our mean over ``devices`` is called; where some are missing, the published mean over
            the same devices gets a row as well, if it can be told.
    """
    for line in TABLE:
        if line.split != place:
            continue
        for device in devices:
            if device in line.devices:
                yield _row(line, f"{place}/{device}", line.devices[device])
        if line.mean is not None:
            yield _row(line, place, line.mean)
        if 0 < len(devices) < len(wanted) and all(device in line.devices for device in devices):
            yield _row(line, mean_of, sum(line.devices[device] for device in devices) / len(devices))


def _row(line: Published, subject: str, value: float) -> Row:
    entry = row(line.method, subject, line.metric, round(value, 4), budget=line.budget)
    entry["n"] = 0
    return entry
