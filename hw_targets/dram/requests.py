"""Traces as the simulator reads them: addresses split into banks and rows, requests of a bank and of a row linked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...spaces.errors import TargetError
from .address_mapping import address_bits
from .device import Device
from .trace import Trace

IntArray = NDArray[np.int64]


def requests(device: Device, trace: Trace, mapping: str, channels: int, ranks: int) -> IntArray:
    """Decode and link the requests of a trace.

    Args:
        device: Sizes of the fields of an address.
        trace: Requests.
        mapping: Order of the fields, see :func:`~cosearch.hw_targets.dram.address_mapping.address_bits`.
        channels: Channels.
        ranks: Ranks per channel.

    Returns:
        int64 [n, 8]: issue in cycles of the trace's clock, bank (counted over channels and ranks), row, 1 for writes,
        next request of the same bank, of the same row of it, of the same channel (``n`` when there is none), address.

    Raises:
        TargetError: When an address lies outside the memory.
    """
    check_range(device, trace, channels, ranks)
    bits = address_bits(device, mapping, channels, ranks)
    field = {name: _extract(trace.addresses, positions) for name, positions in bits.items()}
    per_group = device.banks // device.bank_groups
    channel = field["channel"]
    rank = channel * ranks + field["rank"]
    bank = (rank * device.bank_groups + field["group"]) * per_group + field["bank"]
    row = field["row"]
    next_bank, next_row = next_same(bank), next_same(bank * device.rows + row)
    columns = (trace.cycles, bank, row, trace.writes, next_bank, next_row, next_same(channel), trace.addresses)
    return np.ascontiguousarray(np.stack(columns, axis=1), dtype=np.int64)


def next_same(keys: IntArray) -> IntArray:
    """Index of the next element with the same key, int64 [n]; ``n`` when there is none."""
    n = len(keys)
    order = np.argsort(keys, kind="stable")
    following = np.full(n, n, dtype=np.int64)
    same = keys[order[1:]] == keys[order[:-1]]
    following[order[:-1][same]] = order[1:][same]
    return following


def _extract(addresses: IntArray, positions: tuple[int, ...]) -> IntArray:
    """The number that bits of the addresses form, lowest bit first."""
    value = np.zeros(len(addresses), dtype=np.int64)
    for shift, position in enumerate(positions):
        value |= ((addresses >> position) & 1) << shift
    return value


def check_range(device: Device, trace: Trace, channels: int, ranks: int) -> None:
    """Check that all addresses of a trace lie inside the memory.

    Raises:
        TargetError: When one does not; names trace, request and address.
    """
    size = device.bytes_per_rank * ranks * channels
    outside = np.flatnonzero(trace.addresses >= size)
    if outside.size:
        first = int(outside[0])
        raise TargetError(
            f"request {first} of trace {trace.name!r} has address {int(trace.addresses[first]):#x}, but {device.name} "
            f"with {channels} channel(s) of {ranks} rank(s) ends at {size - 1:#x} ({outside.size} such requests)",
            "take a larger device, more ranks or channels, or reduce the addresses",
        )
