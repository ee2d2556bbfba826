"""Area of a systolic array accelerator in equivalents of one 8-bit processing element."""

from __future__ import annotations

from .closed_form import FloatArray

TPU_DIE_SHARE_OF_ARRAY = 0.24
"""Share of the die, matrix unit of 65 536 8-bit PEs: TPU v1, 28 nm (Jouppi et al., ISCA 2017, Figure 2)."""

TPU_DIE_SHARE_OF_BUFFER = 0.29
"""Share of the die, unified buffer of 24 MiB: TPU v1, 28 nm (Jouppi et al., ISCA 2017, Figure 2)."""

PES_PER_KIB = (TPU_DIE_SHARE_OF_BUFFER / (24 * 1024)) / (TPU_DIE_SHARE_OF_ARRAY / (256 * 256))
"""PEs that take the area of 1 KiB of SRAM: 3.22.

One chip, one process, 8-bit PEs and a buffer of large macros. The same floor plan gives 4.0 for the accumulators
(6% for 4 MiB). Small macros are less dense and wider PEs larger, so take areas as good to a factor of two, and ranks
between designs of similar balance as better than that.
"""


def area_pe(rows: FloatArray, cols: FloatArray, sram_kib: FloatArray) -> FloatArray:
    """PEs plus SRAM, in PE equivalents; nothing for interconnect, control and memory interfaces.

    Args:
        rows: float64 [n].
        cols: float64 [n].
        sram_kib: All buffers together, float64 [n], KiB.

    Returns:
        float64 [n].
    """
    return rows * cols + PES_PER_KIB * sram_kib
