"""Published layouts of latency tables, written here in small, and what is refused of them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cosearch.experiments.cli import main
from cosearch.hw_targets.measurements import read_measurements
from cosearch.predictors.importers.architectures import read_architectures
from cosearch.predictors.importers.catalog import IMPORTERS
from cosearch.predictors.importers.device_sets import read_device_sets
from cosearch.predictors.importers.help_latency import help_latency
from cosearch.predictors.importers.hw_nas_bench import hw_nas_bench
from cosearch.predictors.importers.nasflat import nasflat
from cosearch.spaces.errors import CosearchError, MeasurementsError
from cosearch.spaces.fbnet import FBNet
from cosearch.spaces.nas_bench_201 import NasBench201

CELLS = (
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
)
TASKS = """
import nothing_that_exists
class HardwareDataset:
    def __init__(self):
        self.other = {"a": 1}
        self.data = {
            'nb201': {0: {"train": ["a_1", "b"], "test": ["c", "d"]}, 3: {"train": ["c"], "test": ["b"]}},
            'fbnet': {5: {"train": ["a_1"], "test": ["e"]}, 9999: {"train": ["e"], "test": ["a_1"]}},
        }
raise SystemExit("this file was run")
"""


def save(path: Path, data: object) -> Path:
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(data, path)
    return path


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """A folder like HELP's data/nasbench201; the list is not in the order of its indices."""
    folder = tmp_path / "nasbench201"
    save(folder / "str_arch2idx.pt", {CELLS[i]: i for i in (2, 0, 1)})
    save(folder / "hardware_embedding_index.pt", [0, 1])
    save(folder / "latency/b.pt", [3, 5, 1])
    save(folder / "latency/a_1.pt", [2.5, 5.25, 0.5])
    return folder


def test_help_cells(cells: Path) -> None:
    table = help_latency(cells)
    assert table.devices == ("a_1", "b")
    assert table.space_block == {"name": "nas_bench_201"}
    codes, latency = table.table("a_1", "latency_ms")
    assert latency.tolist() == [2.5, 5.25, 0.5]
    space = NasBench201()
    assert [space.architecture(design) for design in space.decode(codes)] == list(CELLS)
    inner = help_latency(cells / "latency")
    assert np.array_equal(inner.codes, table.codes)


def test_cells_may_be_listed_in_a_text_file(cells: Path, tmp_path: Path) -> None:
    (cells / "str_arch2idx.pt").unlink()
    with pytest.raises(MeasurementsError, match="no list of architectures"):
        help_latency(cells)
    (tmp_path / "cells.txt").write_text("\n".join(CELLS) + "\n")
    table = help_latency(cells, tmp_path / "cells.txt")
    assert np.array_equal(table.codes[:3], NasBench201().codes_of(CELLS))


def test_help_fbnet(tmp_path: Path) -> None:
    choices = [[i % 9 for i in range(22)], [8] * 22]
    arch = [{"op_idx_list": row, "arch_str": ["x"] * 22} for row in choices]
    save(tmp_path / "metainfo.pt", {"dataset": "cifar100", "num_classes": 100, "arch": arch})
    save(tmp_path / "latency/eyeriss.pt", [7.0, 1.0])
    table = help_latency(tmp_path)
    assert table.codes.tolist() == choices
    assert isinstance(table.space, FBNet)
    assert (table.space.resolution, table.space.classes, table.space.stem_stride) == (32, 100, 1)
    assert table.source("eyeriss", "latency_ms") == "modelled"


def test_help_once_for_all_reads_numpy_numbers(tmp_path: Path) -> None:
    deep = {"ks": [7] * 20, "e": [6] * 20, "d": [4] * 5, "r": np.int64(204)}
    flat = {"ks": [3] * 20, "e": [4] * 20, "d": [2, 3, 2, 2, 2], "r": np.int64(128)}
    save(tmp_path / "ofa_archs.pt", {"arch": [deep, flat]})
    save(tmp_path / "latency/v100_1.pt", [7.8, 6.0])
    table = help_latency(tmp_path)
    first, second = table.space.decode(table.codes)
    assert first["resolution"] == 204
    assert first["stage5_block4_kernel"] == 7
    assert (second["stage2_block3_expand"], second["stage2_depth"]) == (4, 3)
    assert "stage1_block3_kernel" not in second
    assert table.space.is_valid(table.codes).all()


def test_hw_nas_bench_reads_naslib_cells(tmp_path: Path) -> None:
    path = tmp_path / "hw_ImageNet16-120.csv"
    path.write_text(
        "net,edgegpu_latency,edgegpu_energy,eyeriss_arithmetic_intensity,edgetpu_latency,fpga_energy\n"
        '"(4, 3, 3, 0, 0, 0)",5.8,24.2,6.3,0.9,1.5\n"(2, 2, 0, 4, 2, 0)",6.5,30.0,20.9,-1.0,2.5\n'
    )
    table = hw_nas_bench(path)
    assert np.array_equal(table.codes[:2], NasBench201().codes_of(CELLS[:2]))
    assert table.metrics == ("latency_ms", "energy_mj")
    assert table.table("edgegpu", "energy_mj")[1].tolist() == [24.2, 30.0]
    assert table.table("edgetpu", "latency_ms")[1].tolist() == [0.9]
    assert table.table("edgetpu", "energy_mj")[1].tolist() == []
    assert table.space_block == {"name": "nas_bench_201", "resolution": 16, "classes": 120}
    assert table.source("edgegpu", "energy_mj") == "measured"
    assert table.source("fpga", "energy_mj") == "modelled"
    with pytest.raises(MeasurementsError, match="leave them out"):
        hw_nas_bench(path, path)


def test_nasflat_takes_the_last_column(tmp_path: Path) -> None:
    save(tmp_path / "str_arch2idx.pt", {cell: i for i, cell in enumerate(CELLS)})
    (tmp_path / "csv").mkdir()
    (tmp_path / "csv/embedded_tpu.csv").write_text("0,1,2.5\n0,2,5.5\n1,1,0.5\n")
    assert nasflat(tmp_path / "csv").table("embedded_tpu", "latency_ms")[1].tolist() == [2.5, 5.5, 0.5]
    (tmp_path / "csv/embedded_tpu.csv").write_text("a,b\n")
    with pytest.raises(MeasurementsError, match=r"embedded_tpu\.csv:1: the last cell is no number: 'b'"):
        nasflat(tmp_path / "csv")


def test_device_sets_are_read_but_not_run(tmp_path: Path) -> None:
    path = tmp_path / "device_task_list.py"
    path.write_text(TASKS)
    sets = read_device_sets(path)
    assert list(sets) == ["ND", "N3", "FA", "F9999"]
    assert sets["ND"].train == ("a_1", "b")
    assert (sets["FA"].space, sets["FA"].test) == ("fbnet", ("e",))
    for text in ("data = __import__('os')", "x = {'nb201': {0: 1}}", "def (", "\0", "x = {" * 3000):
        path.write_text(text)
        with pytest.raises(MeasurementsError, match=r"device_task_list\.py: (cannot be read|no mapping)"):
            read_device_sets(path)


class Evil:
    """Pickles as a call that would leave a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def test_files_that_run_code_are_refused(cells: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for name in ("latency/b.pt", "str_arch2idx.pt"):
        before = (cells / name).read_bytes()
        save(cells / name, Evil(trace))
        with pytest.raises(MeasurementsError, match="cannot be read"):
            help_latency(cells)
        assert not trace.exists()
        (cells / name).write_bytes(before)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read"),
        (b"\x80\x02garbage", "cannot be read"),
        ([1.0, 2.0], "2 latencies .* for 3 architectures"),
        ([1.0, float("nan"), 2.0], "latency nan in row 1"),
        ([1.0, 2.0, 0], "latency 0.0 in row 2"),
        ([[1.0], [2.0], [3.0]], "for 3 architectures"),
        (["a", "b", "c"], "no list of numbers"),
        ([1.0, [2.0], 3.0], "no list of numbers"),
        ({"a": 1}, "no list of numbers"),
        (None, "for 3 architectures"),
    ],
)
def test_damaged_tables_are_refused(cells: Path, content: object, message: str) -> None:
    path = cells / "latency/b.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save(path, content)
    with pytest.raises(MeasurementsError, match=rf"b\.pt: .*{message}"):
        help_latency(cells)


def test_a_truncated_file_is_refused(cells: Path) -> None:
    path = cells / "latency/b.pt"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(MeasurementsError, match="cannot be read"):
        help_latency(cells)


def test_an_archive_that_is_no_torch_file_is_refused(cells: Path) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("hello", "world")
    (cells / "latency/b.pt").write_bytes(memory.getvalue())
    with pytest.raises(MeasurementsError, match="cannot be read"):
        help_latency(cells)


@pytest.mark.parametrize(
    "data",
    [
        {CELLS[0]: 1, CELLS[1]: 2},
        {CELLS[0]: 0, "|none~0|": 1},
        {CELLS[0]: "0"},
        {1: 0},
        {"arch": [{"op_idx_list": [0] * 21}]},
        {"arch": [{"op_idx_list": [9] * 22}]},
        {"arch": [{"op_idx_list": [0.5] * 22}]},
        {"arch": [{"op_idx_list": [0] * 22}, {}]},
        {"arch": [{"ks": [3] * 20, "e": [3] * 20, "d": [2] * 5, "r": 129}]},
        {"arch": [{"ks": [3] * 19, "e": [3] * 20, "d": [2] * 5, "r": 128}]},
        {"arch": [{"ks": [3] * 20}]},
        {"arch": []},
        [],
        7,
    ],
)
def test_damaged_lists_of_architectures_are_refused(tmp_path: Path, data: object) -> None:
    with pytest.raises(MeasurementsError, match=r"list\.pt: "):
        read_architectures(save(tmp_path / "list.pt", data))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r":1: columns"),
        ("net,a_latency\n", "no rows"),
        ("a_latency\n1\n", r":1: columns"),
        ("net,speed\n(0, 0, 0, 0, 0, 0),1\n", r"cells under"),
        ('net,speed\n"(0, 0, 0, 0, 0, 0)",1\n', "no column DEVICE_latency"),
        ('net,a_latency\n"(0, 0, 0, 0, 0, 5)",1\n', r":2: net is"),
        ('net,a_latency\n"(0, 0, 0, 0, 0, 0)",0\n', r":2: a_latency is '0'"),
        ('net,a_latency\n"(0, 0, 0, 0, 0, 0)",inf\n', r":2: a_latency is 'inf'"),
        ('net,a_latency\n"(0, 0, 0, 0, 0, 0)",1\n"(0, 0, 0, 0, 0, 0)",x\n', r":3: a_latency is 'x'"),
    ],
)
def test_damaged_csv_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "hw_cifar10.csv"
    path.write_text(text)
    with pytest.raises(MeasurementsError, match=message):
        hw_nas_bench(path)


def test_the_verb_writes_tables_that_are_read_back(cells: Path, tmp_path: Path) -> None:
    out = tmp_path / "boards.csv"
    result = CliRunner().invoke(main, ["convert", "help", str(cells), "--output", str(out), "--devices", "b"])
    assert result.exit_code == 0, result.output
    assert "3 rows, 1 devices (1 measured), latency_ms on nas_bench_201" in result.output
    table = read_measurements(out)
    assert isinstance(table.space, NasBench201)
    assert table.table("b", "latency_ms")[1].tolist() == [3.0, 5.0, 1.0]
    assert np.array_equal(table.codes, help_latency(cells).only(["b"]).codes)


def test_the_verb_splits_devices_into_a_set(cells: Path, tmp_path: Path) -> None:
    sets = tmp_path / "tasks.py"
    sets.write_text(TASKS)
    save(cells / "latency/c.pt", [1.0, 2.0, 3.0])
    command = ["convert", "help", str(cells), "--output", str(tmp_path / "nd.csv"), "--sets", str(sets), "--json"]
    result = CliRunner().invoke(main, [*command, "--set", "ND"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["missing"] == ["d"]
    assert read_measurements(tmp_path / "nd_train.csv").devices == ("a_1", "b")
    assert read_measurements(tmp_path / "nd_test.csv").devices == ("c",)
    assert CliRunner().invoke(main, [*command, "--set", "N8"]).exit_code == 1
    assert "none of the test devices" in CliRunner().invoke(main, [*command, "--set", "FA"]).stderr


def test_wrong_commands_are_refused(cells: Path, tmp_path: Path) -> None:
    for arguments, message in (
        (["help", str(cells), "--output", str(tmp_path / "x.txt")], "no .csv file"),
        (["help", str(cells), "--output", str(tmp_path / "x.csv"), "--devices", "z"], "no rows of device 'z'"),
        (["help", str(tmp_path), "--output", str(tmp_path / "x.csv")], "no DEVICE.pt"),
        (["helpp", str(cells), "--output", str(tmp_path / "x.csv")], "did you mean 'help'"),
        (["help", str(cells), "--output", str(tmp_path / "x.csv"), "--set", "ND"], "do not go together"),
    ):
        result = CliRunner().invoke(main, ["convert", *arguments])
        assert result.exit_code == 1, result.output
        assert message in result.stderr


def test_every_layout_is_registered() -> None:
    assert [IMPORTERS.get(name) for name, *_ in IMPORTERS.rows()] == [help_latency, hw_nas_bench, nasflat]
    with pytest.raises(CosearchError, match="not one of the importers"):
        IMPORTERS.get("pickle")
