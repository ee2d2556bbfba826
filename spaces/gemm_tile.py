"""Tile sizes of a tensor-core matrix multiplication kernel: the hierarchy of CUTLASS, bounded by what a GPU holds."""

from __future__ import annotations

from typing import Any

from .space import Space

SHARED_MEMORY_KIB = 163
"""Shared memory that one thread block may have on compute capability 8.0 (CUDA C++ Programming Guide, appendix
"Compute Capabilities", technical specifications)."""

MMA_FP16 = (16, 8, 16)
"""m, n and k of the tensor-core instruction ``mma.m16n8k16`` for fp16 (PTX ISA, warp-level matrix instructions)."""

REGISTERS_PER_THREAD = 255
"""32-bit registers that a thread may use on compute capability 8.0 (same table)."""

REGISTERS_PER_BLOCK = 65_536
"""32-bit registers that a thread block may use on compute capability 8.0 (same table)."""

WARPS_PER_BLOCK = 32
"""1,024 threads of 32 per warp (same table)."""

WARP = 32
VECTOR_BYTES = 16
"""Bytes that one thread copies to shared memory at once (``cp.async``, PTX ISA)."""


def gemm_tile(
    max_block_tile: int = 1024,
    max_warp_tile: int = 256,
    max_stages: int = 8,
    shared_memory_kib: int = SHARED_MEMORY_KIB,
    element_bytes: int = 2,
    mma: tuple[int, int, int] = MMA_FP16,
) -> Space:
    """Block tile ``bm x bn x bk``, warp tile ``wm x wn`` and pipeline ``stages`` of a GEMM kernel.

    The tile hierarchy is that of CUTLASS ("Efficient GEMM in CUDA", NVIDIA CUTLASS documentation). With the default
    options the knobs span 7 * 2**46, about 4.9e14, combinations, nearly all of which break a constraint:

    * warp tiles are multiples of the instruction's m and n, ``bk`` of its k, and block tiles of warp tiles;
    * ``stages`` buffers of the A and B tiles fit in shared memory;
    * float32 accumulators and one k-step of A and B fragments fit in the registers of a thread, and the accumulators
      of all warps in those of a block;
    * a block has at most 32 warps, and its threads load whole vectors of 16 bytes that cover each tile evenly.

    Args:
        max_block_tile: Largest ``bm``, ``bn`` and ``bk``, in elements.
        max_warp_tile: Largest ``wm`` and ``wn``, in elements.
        max_stages: Largest number of buffers; the smallest is 2.
        shared_memory_kib: Shared memory per block.
        element_bytes: Bytes per element of A and B (2 for fp16, 4 for tf32, 1 for int8).
        mma: m, n and k of one tensor-core instruction.
    """
    m, n, k = mma
    block = {"type": "integer", "low": 1, "high": max_block_tile}
    warp = {"type": "integer", "low": 1, "high": max_warp_tile}
    stages = {"type": "integer", "low": 2, "high": max_stages}
    # Registers are counted per warp: 32 lanes; a k-step of fragments is k * element_bytes / 4 registers per row.
    fragments = {"product": [k * element_bytes, {"sum": ["wm", "wn"]}]}
    constraints: list[dict[str, Any]] = [
        {"divides": [m, "wm"]},
        {"divides": [n, "wn"]},
        {"divides": [k, "bk"]},
        {"divides": ["wm", "bm"]},
        {"divides": ["wn", "bn"]},
        {"product": [element_bytes, "stages", "bk", {"sum": ["bm", "bn"]}], "at_most": 1024 * shared_memory_kib},
        {"sum": [{"product": [4, "wm", "wn"]}, fragments], "at_most": 4 * WARP * REGISTERS_PER_THREAD},
        {"product": ["bm", "bn"], "at_most": REGISTERS_PER_BLOCK},
        {"product": ["bm", "bn"], "at_most": {"product": [WARPS_PER_BLOCK, "wm", "wn"]}},
        *(_even_loads(side, element_bytes) for side in ("bm", "bn")),
    ]
    knobs = {"bm": block, "bn": block, "bk": block, "wm": warp, "wn": warp, "stages": stages}
    return Space(knobs, constraints=constraints, name="gemm_tile")


def _even_loads(side: str, element_bytes: int) -> dict[str, Any]:
    """The bytes of a tile are a multiple of what all threads of the block load at once.

    There are ``32 * bm * bn / (wm * wn)`` threads; both sides are multiplied by ``wm * wn``.
    """
    at_once = {"product": [WARP * VECTOR_BYTES, "bm", "bn"]}
    return {"divides": [at_once, {"product": [element_bytes, side, "bk", "wm", "wn"]}]}
