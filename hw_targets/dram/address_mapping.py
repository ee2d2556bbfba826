"""Which bits of a byte address select channel, rank, bank group, bank, row and column."""

from __future__ import annotations

from ...spaces.memory_controller import address_fields
from .device import Device

REFERENCE = "channel-rank-row-bank-column"
"""What DRAMSys calls ``rbc``: a page's bytes stand together, and neighbouring pages are in other banks."""


def address_bits(
    device: Device, mapping: str = REFERENCE, channels: int = 1, ranks: int = 1
) -> dict[str, tuple[int, ...]]:
    """Positions of each field's bits in a byte address, from the field's lowest bit.

    Args:
        device: Gives the sizes of the fields.
        mapping: Fields from the highest bits to the lowest, see
            :data:`~cosearch.spaces.memory_controller.ADDRESS_FIELDS`.
        channels: Channels, a power of two.
        ranks: Ranks per channel, a power of two.

    Returns:
        ``byte`` (within one transfer of the bus), ``column`` (whose lowest bits select a transfer of one access),
        ``group``, ``bank`` (within its group), ``row``, ``rank`` and ``channel``; empty for a field of one value.

    Raises:
        SpaceError: When ``mapping`` does not name each field once.
    """
    groups = _log2(device.bank_groups)
    widths = {
        "channel": _log2(channels),
        "rank": _log2(ranks),
        "bank": _log2(device.banks),
        "row": _log2(device.rows),
        "column": _log2(device.columns) - _log2(device.burst_length),
    }
    order = address_fields(mapping)
    byte, burst = _log2(device.bus_bits // 8), _log2(device.burst_length)
    start = byte + burst
    bits: dict[str, tuple[int, ...]] = {"byte": tuple(range(byte))}
    for field in reversed(order):
        bits[field] = tuple(range(start, start + widths[field]))
        start += widths[field]
    bits["column"] = (*range(byte, byte + burst), *bits["column"])
    bits["group"], bits["bank"] = bits["bank"][:groups], bits["bank"][groups:]
    return bits


def _log2(power_of_two: int) -> int:
    return power_of_two.bit_length() - 1
