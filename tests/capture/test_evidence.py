from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.capture.evidence import MAX_DUMP_BYTES, MAX_LINE, MAX_LINES, gather
from tests.made_proc import IDLE, STUCK, Made, process

PI = {
    "sys/class/thermal/thermal_zone0/temp": "71234",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "10000",
}


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    for name, text in PI.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_summary_tells_where_the_worker_hangs_and_what_its_machine_says(pi: Path) -> None:
    Made(123, state="D", wchan="vb2_wait_for_all_buffers").put(pi)
    seen = gather(123, ["Dequeue timer", "Camera frontend has timed out!\n"], root=pi)
    assert seen.summary() == (
        "worker 123 in state D at vb2_wait_for_all_buffers; 71.2 °C; under-voltage since boot; "
        'last driver line: "Camera frontend has timed out!"'
    )


@pytest.mark.parametrize(
    ("made", "summary"),
    [
        (Made(123, wchan="futex_wait_queue"), "worker 123 in state S at futex_wait_queue"),
        (Made(123, state="T"), "worker 123 in state T"),
        (
            Made(123, threads=((124, "python", "S", "x"), (125, "isp", "D", "v4l2_m2m_fop_poll"))),
            "worker 123, thread 125 (isp) in state D at v4l2_m2m_fop_poll",
        ),
        (
            Made(123, state="Z", threads=((124, "a", "D", "0"), (125, "b", "D", "x"), (126, "c", "D", "x"))),
            "worker 123, thread 124 (a) in state D and 2 more threads",
        ),
        (Made(99), "worker 123 has gone"),
    ],
)
def test_the_summary_names_the_thread_that_hangs(tmp_path: Path, made: Made, summary: str) -> None:
    made.put(tmp_path)
    assert gather(123, root=tmp_path).summary() == summary


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        ("1", "under-voltage now"),
        ("10001", "under-voltage now"),
        ("a0002", "frequency capped now; soft temperature l"),
    ],
)
def test_power_is_told_once(pi: Path, bits: str, words: str) -> None:
    (pi / "sys/devices/platform/soc/soc:firmware/get_throttled").write_text(bits)
    assert f"71.2 °C; {words}" in gather(None, root=pi).summary()
    assert gather(None, root=pi).summary().count("under-voltage") == words.count("under-voltage")


def test_nothing_known_is_nothing_said(tmp_path: Path) -> None:
    assert gather(None, root=tmp_path).summary() == ""


def test_secrets_and_control_characters_do_not_get_into_it(tmp_path: Path) -> None:
    line = "open rtsp://admin:secret@10.0.0.7/stream?password=secret failed\x1b[31m\nCRITICAL forged"
    seen = gather(None, [line, "x" * 900], dump=f'File "a"\n{line}', root=tmp_path)
    told = json.dumps(seen.as_dict()) + seen.summary()
    assert "secret" not in told
    assert "\x1b" not in seen.lines[0] + seen.dump
    assert "\n" not in seen.lines[0]
    assert len(seen.lines[1]) == MAX_LINE


def test_only_the_last_lines_are_kept(tmp_path: Path) -> None:
    seen = gather(None, (f"line {number}" for number in range(100)), root=tmp_path)
    assert len(seen.lines) == MAX_LINES
    assert seen.lines[-1] == "line 99"


def test_of_a_long_dump_the_newest_and_the_main_thread_are_kept(tmp_path: Path) -> None:
    dump = "Thread newest\n" + "é" * 20_000 + "\nCurrent thread main"
    seen = gather(None, dump=dump, root=tmp_path)
    assert len(seen.dump.encode()) <= MAX_DUMP_BYTES
    assert seen.dump.startswith("Thread newest")
    assert seen.dump.endswith("Current thread main")


@given(st.lists(st.text(max_size=500), max_size=40), st.text(max_size=20_000))
def test_whatever_a_driver_prints_it_stays_bounded_and_is_json(lines: list[str], dump: str) -> None:
    seen = gather(None, lines, dump, root=Path("/nonexistent"))
    assert len(json.dumps(seen.as_dict())) < 6 * (MAX_LINES * (MAX_LINE + 10) + MAX_DUMP_BYTES) + 1000
    assert "\n" not in seen.summary()
    seen.summary().encode()


@pytest.mark.parametrize(("script", "state"), [(IDLE, "S"), (IDLE, "T"), (STUCK, "D")])
def test_of_a_real_process(script: str, state: str) -> None:
    with process(script, state) as pid:
        seen = gather(pid, ["hello"])
    assert seen.summary().startswith(f"worker {pid} in state {state}")
    assert seen.summary().endswith('last driver line: "hello"')
    assert seen.board.uptime_s is not None
    json.dumps(seen.as_dict())
