"""The layouts of published latency tables that ``cosearch convert`` reads."""

from __future__ import annotations

from ...spaces.registry import Registry

IMPORTERS = Registry(
    "importers",
    {
        "help": ("predictors.importers.help_latency:help_latency", "HELP: a folder of DEVICE.pt and its architectures"),
        "hw_nas_bench": (
            "predictors.importers.hw_nas_bench:hw_nas_bench",
            "HW-NAS-Bench as CSV: one row for each cell",
        ),
        "nasflat": ("predictors.importers.nasflat:nasflat", "MultiPredict and NASFLAT: a folder of DEVICE.csv"),
    },
)
"""Name to importer: ``importer(path, architectures=None)`` gives a ``hw_targets.measurement_table.Measurements``."""
