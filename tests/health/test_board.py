from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.health.board import Board, Throttle, read_board

PI = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/uptime": "4242.17 16000.00\n",
    "proc/loadavg": "0.52 0.61 0.70 2/311 12345\n",
    "proc/meminfo": "MemTotal:        3884376 kB\nMemFree:          100 kB\nMemAvailable:    2048000 kB\n",
    "sys/class/thermal/thermal_zone0/temp": "71234\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
}


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


def test_a_raspberry_pi_tells_everything(tmp_path: Path) -> None:
    seen = read_board(put(tmp_path, PI))
    assert seen == Board(
        model="Raspberry Pi 4 Model B Rev 1.4",
        temperature_c=71.234,
        throttle=Throttle(now=("under-voltage", "throttled"), since_boot=("under-voltage", "throttled")),
        uptime_s=4242.17,
        load=(0.52, 0.61, 0.70),
        memory_available_bytes=2048000 * 1024,
    )
    facts = json.loads(json.dumps(seen.as_dict()))
    assert facts["throttled_now"] == ["under-voltage", "throttled"]
    assert facts["load"] == [0.52, 0.61, 0.70]


def test_where_nothing_is_told_everything_is_unknown(tmp_path: Path) -> None:
    assert read_board(tmp_path) == Board()
    assert read_board(tmp_path / "absent") == Board()
    assert set(read_board(tmp_path).as_dict().values()) == {None}


def test_this_machine_tells_its_uptime_load_and_memory() -> None:
    seen = read_board()
    assert seen.uptime_s is not None
    assert seen.uptime_s > 0
    assert seen.load is not None
    assert seen.memory_available_bytes is not None
    assert seen.memory_available_bytes > 1 << 20


@pytest.mark.parametrize(
    ("text", "now", "since_boot"),
    [
        ("0", (), ()),
        ("0x0\n", (), ()),
        ("1", ("under-voltage",), ()),
        ("2", ("frequency capped",), ()),
        ("4", ("throttled",), ()),
        ("8", ("soft temperature limit",), ()),
        ("10000", (), ("under-voltage",)),
        ("20000", (), ("frequency capped",)),
        ("40000", (), ("throttled",)),
        ("0x80000", (), ("soft temperature limit",)),
        ("fff0fff0", (), ()),
    ],
)
def test_throttle_bits_are_those_of_the_documentation(
    tmp_path: Path, text: str, now: tuple[str, ...], since_boot: tuple[str, ...]
) -> None:
    put(tmp_path, {"sys/devices/platform/soc/soc:firmware/get_throttled": text})
    assert read_board(tmp_path).throttle == Throttle(now, since_boot)


def test_a_raspberry_pi_5_has_them_elsewhere(tmp_path: Path) -> None:
    name = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    assert read_board(put(tmp_path, {name: "10000"})).throttle == Throttle((), ("under-voltage",))


def test_the_processors_zone_counts_and_else_the_hottest(tmp_path: Path) -> None:
    zones = {f"sys/class/thermal/thermal_zone{n}/temp": f"{n}0000" for n in (3, 4, 5)}
    assert read_board(put(tmp_path, zones)).temperature_c == 50
    put(tmp_path, {"sys/class/thermal/thermal_zone4/type": "x86_pkg_temp\n"})
    assert read_board(tmp_path).temperature_c == 40


def test_a_pc_has_a_model_too(tmp_path: Path) -> None:
    assert read_board(put(tmp_path, {"sys/class/dmi/id/product_name": "NUC10\n"})).model == "NUC10"


GARBAGE = [
    "",
    " ",
    "garbage",
    "nan",
    "inf",
    "-1",
    "1e400",
    "9" * 5000,
    "\0\0",
    "\x1b[31m",
    "7 x",
    "0x",
    "１２",
    "-",
]


@pytest.mark.parametrize("name", PI)
@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_is_unknown(tmp_path: Path, name: str, text: str) -> None:
    seen = read_board(put(tmp_path, {**PI, name: text}))
    if seen.temperature_c is not None:
        assert -60 <= seen.temperature_c <= 200
    assert seen.uptime_s is None or 0 <= seen.uptime_s < 1e12
    assert seen.model is None or seen.model.isprintable()
    json.dumps(seen.as_dict(), allow_nan=False)


@given(st.lists(st.binary(max_size=100), min_size=len(PI), max_size=len(PI)))
def test_no_content_raises(tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]) -> None:
    root = tmp_path_factory.mktemp("root")
    for name, data in zip(PI, contents, strict=True):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    json.dumps(read_board(root).as_dict(), allow_nan=False)


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to itself", "large"])
def test_no_kind_of_file_raises_or_waits(tmp_path: Path, kind: str) -> None:
    for name in PI:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "folder":
            path.mkdir()
        elif kind == "pipe":
            os.mkfifo(path)
        elif kind == "large":
            path.write_bytes(b"1 " * (8 << 20))
        else:
            path.symlink_to(path)
    seen = read_board(tmp_path)
    assert seen.temperature_c is None
    assert seen.throttle is None
