"""The published sets of train and test devices.

Sources: HELP (Lee et al. 2021), sections 4.1 and 4.2 and its code, for ND, FD and OFA; NASFLAT (Akhauri and Abdelfattah
2024, "On latency predictors for neural architecture search"), ``device_task_list.py``, for F1 to F4 and FA.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ....spaces.errors import CosearchError

GPUS = ("1080ti", "2080ti", "titan_rtx", "titanx", "titanxp")
CPUS_AND_PHONES = ("silver_4114", "silver_4210r", "samsung_a50", "pixel3", "essential_ph_1", "samsung_s7")
NASFLAT_SOURCE_DESIGNS = 800


def _batches(names: Iterable[str], sizes: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"{name}_{size}" for name in names for size in sizes)


@dataclass(frozen=True)
class Split:
    """Which devices a predictor learns from, and which are new to it.

    Args:
        name: As published.
        train: Devices measured before.
        test: New devices; empty is all that the tables hold and that are not trained on.
        source_designs: How many designs are known on each train device, the first ones of the table; 0 is all.
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    source_designs: int


ND = Split(
    "ND",
    (*_batches(["1080ti"], (1, 32, 256)), *CPUS_AND_PHONES),
    ("titan_rtx_256", "gold_6226", "fpga", "pixel2", "raspi4", "eyeriss"),
    900,
)
FD = Split("FD", (*_batches(["1080ti"], (1, 32, 64)), *CPUS_AND_PHONES), ("fpga", "raspi4", "eyeriss"), 4000)
OFA = Split("OFA", _batches(["2080ti", "titan_xp", "v100"], (1, 32, 64)), ("titan_rtx_64",), 4000)
F1 = Split(
    "F1",
    ("2080ti_1", "essential_ph_1", "silver_4114", "titan_rtx_1", "titan_rtx_32"),
    ("eyeriss", "fpga", "raspi4", "samsung_a50", "samsung_s7"),
    NASFLAT_SOURCE_DESIGNS,
)
F2 = Split(
    "F2",
    ("essential_ph_1", "gold_6226", "gold_6240", "pixel3", "raspi4"),
    ("1080ti_1", "1080ti_32", "2080ti_32", "titan_rtx_1", "titanxp_1"),
    NASFLAT_SOURCE_DESIGNS,
)
F3 = Split(
    "F3",
    ("essential_ph_1", "pixel2", "pixel3", "raspi4", "samsung_s7"),
    ("1080ti_1", "1080ti_32", "2080ti_1", "titan_rtx_1", "titan_rtx_32"),
    NASFLAT_SOURCE_DESIGNS,
)
F4 = Split(
    "F4",
    (
        *("1080ti_64", "2080ti_1", "eyeriss", "gold_6226", "gold_6240", "raspi4", "samsung_s7", "silver_4210r"),
        *("titan_rtx_1", "titan_rtx_32"),
    ),
    ("1080ti_1", "pixel2", "essential_ph_1"),
    NASFLAT_SOURCE_DESIGNS,
)
FA = Split(
    "FA",
    _batches(GPUS, (1, 32, 64)),
    ("gold_6226", "essential_ph_1", "samsung_s7", "pixel2"),
    NASFLAT_SOURCE_DESIGNS,
)
ELSEWHERE = Split("ND", ND.train, (), ND.source_designs)
"""The train devices of ND, for tables of other devices on the same cells."""

HAT_DEVICES = ("cpu_raspberrypi", "cpu_xeon", "gpu_titanxp")
"""Of Wang et al. 2020, "HAT: Hardware-aware transformers for efficient natural language processing"."""

HAT_TABLES = (
    *(f"{task}_{device}" for task in ("wmt14ende", "wmt14enfr") for device in HAT_DEVICES),
    *("iwslt14deen_gpu_titanxp", "wmt19ende_gpu_titanxp"),
)
"""Task and device of each of its tables."""

SPLITS: dict[str, tuple[Split, ...]] = {
    "nb201": (ND,),
    "fbnet": (FD, F1, F2, F3, F4, FA),
    "ofa": (OFA,),
    "hw360": (ELSEWHERE,),
    "hwnasbench": (ELSEWHERE,),
    "hat": tuple(
        Split(
            f"without_{device}",
            tuple(table for table in HAT_TABLES if not table.endswith(device)),
            tuple(table for table in HAT_TABLES if table.endswith(device)),
            0,
        )
        for device in HAT_DEVICES
    ),
}
"""Space to its sets; the first one (for ``hat`` all) is what ``published`` stands for."""


def splits_of(space: str, named: str) -> list[Split]:
    """The sets that ``published``, ``all``, a comma list of sets, or a comma list of train devices stands for.

    Raises:
        CosearchError: When nothing is named.
    """
    known = {split.name: split for split in SPLITS[space]}
    words = [word.strip() for word in named.split(",") if word.strip()]
    if not words:
        raise CosearchError("no train device is named", "use published, a set such as F1, or device names")
    if words == ["published"]:
        return list(known.values()) if space == "hat" else [SPLITS[space][0]]
    if words == ["all"]:
        return list(known.values())
    if all(word in known for word in words):
        return [known[word] for word in words]
    return [Split("own", tuple(words), (), SPLITS[space][0].source_designs)]


def present(wanted: Iterable[str], devices: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of the wanted devices that there are, as the tables spell them, and those that are missing.

    Spellings differ by underscores between the publications: ``titanxp_1`` is ``titan_xp_1``.
    """
    spelled = {name.replace("_", "").lower(): name for name in devices}
    found, missing = [], []
    for name in wanted:
        key = name.replace("_", "").lower()
        if key in spelled:
            found.append(spelled[key])
        else:
            missing.append(name)
    return found, missing
