"""Energy of one inference relative to one multiply-accumulate."""

from __future__ import annotations

from .closed_form import FloatArray

REGISTER_ENERGY = 1.0
HOP_ENERGY = 2.0
BUFFER_ENERGY = 6.0
DRAM_ENERGY = 200.0
"""Energy of one 16-bit access over one 16-bit MAC, 65 nm: PE register file, neighbouring PE, global buffer, DRAM.

Source: Chen et al., "Eyeriss: A Spatial Architecture for Energy-Efficient Dataflow", ISCA 2016, Table IV. The buffer's
is for about 100 KiB; it is not scaled with the size of a buffer here.
"""

HOPS_PER_MAC = 2.0
"""In a systolic array two words move on to the next PE with every MAC (both operands, or one and the partial sum)."""


def energy_macs(macs: float, sram_words: FloatArray, dram_words: FloatArray) -> FloatArray:
    """Energy in MACs' worth; leakage, control and idle PEs are left out.

    Args:
        macs: Multiply-accumulates of one inference.
        sram_words: Words between buffers and array, float64 [n].
        dram_words: Words between DRAM and buffers, float64 [n].

    Returns:
        float64 [n].
    """
    per_mac = 1.0 + REGISTER_ENERGY + HOPS_PER_MAC * HOP_ENERGY
    return macs * per_mac + BUFFER_ENERGY * sram_words + DRAM_ENERGY * dram_words
