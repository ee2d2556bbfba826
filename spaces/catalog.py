"""The spaces that a configuration can name."""

from __future__ import annotations

from .registry import Registry

SPACES = Registry(
    "spaces",
    {
        "elastic_cnn": ("spaces.elastic_cnn:ElasticCnn", "elastic depth, width, kernel and resolution of a small CNN"),
        "gemm_tile": ("spaces.gemm_tile:gemm_tile", "tile sizes of a GPU matrix multiplication kernel"),
        "memory_controller": (
            "spaces.memory_controller:memory_controller",
            "page policy, scheduling, refresh and arbitration of a DRAM controller",
        ),
        "systolic_array": (
            "spaces.systolic_array:systolic_array",
            "array, dataflow and buffers of a systolic accelerator",
        ),
    },
)
"""Name to space factory: ``factory(**options)`` gives a :class:`~cosearch.spaces.space.Space`."""
