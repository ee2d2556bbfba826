"""A design as the files that SCALE-Sim 3.0.0 reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...spaces.knobs import Value
from .lowering import Layer, Layers

TOPOLOGY_HEADER = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides, Sparsity,"
)
LAYOUT_COLUMNS = 20

CONFIGURATION = """\
[general]
run_name = {name}

[architecture_presets]
ArrayHeight: {rows}
ArrayWidth: {cols}
IfmapSramSzkB: {ifmap_kib}
FilterSramSzkB: {filter_kib}
OfmapSramSzkB: {ofmap_kib}
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: {dataflow}
Bandwidth: 10
ReadRequestBuffer: 32
WriteRequestBuffer: 32

[layout]
IfmapCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterCustomLayout: False
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2

[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40

[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def write_scalesim_files(design: Mapping[str, Value], layers: Layers, folder: Path, stem: str) -> list[Path]:
    """Write ``<stem>.cfg``, ``<stem>_topology.csv`` and ``<stem>_layout.csv``.

    Run with ``python -m scalesim.scale -c <stem>.cfg -t <stem>_topology.csv -l <stem>_layout.csv -p OUT``. Each
    distinct layer stands once, ``_x<count>`` in its name says how often it runs. The simulator knows no padding, so
    input sizes include it; it rounds buffer sizes down to whole KiB.

    Args:
        design: Has rows, cols, dataflow, ifmap_kib, filter_kib and ofmap_kib.
        layers: The layers.
        folder: Existing folder.
        stem: File name without suffix.

    Returns:
        The three files.
    """
    sizes = {key: int(design[key]) for key in ("rows", "cols", "ifmap_kib", "filter_kib", "ofmap_kib")}
    names = [_name(entry, index) for index, entry in enumerate(layers.entries)]
    topology = [
        ", ".join(map(str, (name, *_entry(entry), "1:1"))) + ","
        for name, entry in zip(names, layers.entries, strict=True)
    ]
    # Layouts only count with CustomLayout, but the simulator insists on one row per layer.
    layout = [f"{name}," + " 1," * LAYOUT_COLUMNS for name in names]
    layout_header = "Layer name," + " Unused," * LAYOUT_COLUMNS
    texts = {
        f"{stem}.cfg": CONFIGURATION.format(name=stem, dataflow=design["dataflow"], **sizes),
        f"{stem}_topology.csv": "\n".join([TOPOLOGY_HEADER, *topology, ""]),
        f"{stem}_layout.csv": "\n".join([layout_header, *layout, ""]),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _entry(layer: Layer) -> tuple[int, ...]:
    """Topology columns; what the format cannot say (dilation, two strides) becomes a plain product."""
    if layer.dilation != (1, 1) or layer.stride[0] != layer.stride[1]:
        pixels = layer.steps[0] * layer.steps[1]
        depth = layer.window[0] * layer.window[1] * layer.channels
        return pixels, depth, 1, depth, 1, layer.filters, 1
    return *layer.ifmap, *layer.window, layer.channels, layer.filters, layer.stride[0]


def _name(layer: Layer, index: int) -> str:
    """A name without commas and without ``DP``, which the simulator would expand into one layer per channel."""
    plain = "".join(c if c.isalnum() else "_" for c in layer.name.lower())
    return f"{index}_{plain}_x{layer.count}"
