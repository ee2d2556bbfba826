"""The spaces that a configuration can name."""

from __future__ import annotations

from .registry import Registry

SPACES = Registry(
    "spaces",
    {
        "elastic_cnn": ("spaces.elastic_cnn:ElasticCnn", "elastic depth, width, kernel and resolution of a small CNN"),
        "fbnet": ("spaces.fbnet:FBNet", "a block for each of FBNet's 22 layers"),
        "gemm_tile": ("spaces.gemm_tile:gemm_tile", "tile sizes of a GPU matrix multiplication kernel"),
        "hat": ("spaces.hat:Hat", "sub-networks of the Hardware-Aware Transformers translation supernet"),
        "memory_controller": (
            "spaces.memory_controller:memory_controller",
            "page policy, scheduling, refresh and arbitration of a DRAM controller",
        ),
        "nas_bench_201": ("spaces.nas_bench_201:NasBench201", "the 15,625 cells of NAS-Bench-201"),
        "once_for_all": ("spaces.once_for_all:OnceForAll", "sub-networks of the Once-for-All MobileNetV3 supernet"),
        "systolic_array": (
            "spaces.systolic_array:systolic_array",
            "array, dataflow and buffers of a systolic accelerator",
        ),
    },
)
"""Name to space factory: ``factory(**options)`` gives a :class:`~cosearch.spaces.space.Space`."""
