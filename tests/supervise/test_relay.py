from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from greencam.base.clock import SystemClock
from greencam.base.log_line import Identity, Line, to_json
from greencam.base.log_queue import LogQueue
from greencam.base.log_streams import JSON, LINES_VARIABLE
from greencam.base.log_text import main_text
from greencam.supervise.relay import Relay
from tests.log_outputs import Kept
from tests.suite import CHECKOUT, wait_until

CAM, CLOCK = Identity("cam1_stream", "cam1"), SystemClock()
LOGS = """
import logging, sys
from greencam.base.clock import SystemClock
from greencam.base.log_line import Identity
from greencam.base.log_setup import Levels, set_up_queue
from greencam.base.log_streams import JsonStderr
set_up_queue(Identity("cam1_stream", "cam1"), [JsonStderr()], Levels(), SystemClock())
log = logging.getLogger("capture")
"""


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def relay(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    # A traceback that a child writes in pieces is one record also when the child has to wait between two of them.
    monkeypatch.setattr("greencam.supervise.relay._IDLE_S", 30.0)
    log = LogQueue(Identity("start"), [kept], CLOCK)
    made = Relay(log, CLOCK)
    made.start()
    yield made
    made.stop()
    log.close()


def child(relay: Relay, script: str, who: Identity = CAM) -> subprocess.Popen[bytes]:
    """A child whose output goes through the relay, as the supervisor starts it."""
    end = relay.new_pipe(who)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src"), LINES_VARIABLE: JSON}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=end, stderr=end, env=environment)
    os.close(end)
    return process


def test_the_lines_of_several_children_come_out_whole(relay: Relay, kept: Kept) -> None:
    script = (
        "import sys\n"
        "for i in range(500):\n"
        "    line = f'{i} ' + 'x' * (i % 97)\n"
        "    for part in (line[:7], line[7:], '\\n'): sys.stderr.write(part); sys.stderr.flush()"
    )
    speakers = [Identity(name) for name in ("one", "two", "three")]
    children = [child(relay, script, who) for who in speakers]
    assert [process.wait(30) for process in children] == [0, 0, 0]
    wait_until(lambda: len(kept.lines) == 1500)
    for who in speakers:
        mine = [line.message for line in kept.lines if line.who == who]
        assert mine == [(f"{i} " + "x" * (i % 97)).rstrip() for i in range(500)]


def test_a_record_of_a_child_arrives_with_everything_that_it_tells(relay: Relay, kept: Kept) -> None:
    script = LOGS + (
        "def fetch_image():\n"
        "    try: 1 / 0\n"
        "    except ZeroDivisionError: log.exception('cam1: no frame', extra={'frame': '3-1042'})\n"
        "fetch_image()\n"
    )
    assert child(relay, script).wait(30) == 0
    (line,) = wait_until(lambda: kept.lines)
    assert (line.level, line.who, line.message, line.frame) == ("ERROR", CAM, "no frame", "3-1042")
    assert line.where.startswith("fetch_image:")
    assert line.stack.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_a_traceback_that_nobody_caught_is_one_error(relay: Relay, kept: Kept) -> None:
    script = LOGS + "log.info('first')\nprint('a native line')\ndef deep(): {}['x']\ndeep()\n"
    assert child(relay, script).wait(30) == 1
    wait_until(lambda: len(kept.lines) == 3)
    error = next(line for line in kept.lines if line.level == "ERROR")
    assert (error.message, error.who) == ("KeyError: 'x'", CAM)
    assert error.where.startswith("deep:")
    assert error.stack.startswith("Traceback (most recent call last):")
    assert {"first", "a native line"} < set(kept.messages)


def test_a_crash_in_native_code_is_one_critical_record(relay: Relay, kept: Kept) -> None:
    script = "import faulthandler, os, signal; faulthandler.enable(); os.kill(os.getpid(), signal.SIGSEGV)"
    child(relay, script).wait(30)
    (line,) = wait_until(lambda: kept.lines)
    assert (line.level, line.message) == ("CRITICAL", "Fatal Python error: Segmentation fault")
    assert "Current thread" in line.stack


def test_a_last_line_without_an_end_is_carried_when_its_child_ends(relay: Relay, kept: Kept) -> None:
    child(relay, "import sys; sys.stderr.write('first\\nlast words')").wait(30)
    wait_until(lambda: kept.messages == ["first", "last words"])


def test_what_is_in_the_pipes_is_carried_before_the_end(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("greencam.supervise.relay._END_S", 30.0)  # so long a thread of ours may have to wait
    log = LogQueue(Identity("start"), [kept], CLOCK)
    relay = Relay(log, CLOCK)
    ends = [relay.new_pipe(Identity(f"c{number}")) for number in range(3)]
    for number, end in enumerate(ends):
        os.write(end, f"line {number}\nlast words of {number}".encode())
    os.close(ends[0])  # this child has ended, the others hang and are left behind
    relay.start()
    relay.stop()
    log.close()
    told = [*(f"line {number}" for number in range(3)), *(f"last words of {number}" for number in range(3))]
    assert sorted(kept.messages) == sorted(told)
    for end in ends[1:]:
        os.close(end)


def test_a_line_that_never_ends_comes_out_in_pieces_and_the_next_is_whole(relay: Relay, kept: Kept) -> None:
    child(relay, "import sys; sys.stderr.write('x' * 200_000 + '\\nnext\\n')").wait(30)
    wait_until(lambda: kept.messages[-1:] == ["next"])
    assert all(len(message) < 20_000 for message in kept.messages)


def test_bytes_that_are_no_text_are_carried_without_what_moves_a_cursor(relay: Relay, kept: Kept) -> None:
    child(relay, "import os; os.write(2, b'caf\\xc3\\xa9 \\xff\\x00\\x1b[2J end\\n')").wait(30)
    wait_until(lambda: kept.messages == ["café \ufffd  [2J end"])


def test_no_password_gets_through(relay: Relay, kept: Kept) -> None:
    child(relay, "print('can not open rtsp://admin:s3cr3t@10.0.0.9/1')").wait(30)
    child(relay, LOGS + "log.error('nor %s', 'redis://:s3cr3t@10.0.0.8')").wait(30)
    child(relay, "raise ValueError('http://10.0.0.9/?token=s3cr3t')").wait(30)
    wait_until(lambda: len(kept.lines) == 3)
    assert "s3cr3t" not in repr(kept.lines)
    assert "can not open rtsp://***@10.0.0.9/1" in kept.messages


def test_a_log_that_hangs_stops_neither_the_children_nor_the_relay() -> None:
    class Hangs(Kept):
        def write(self, lines: Sequence[Line]) -> None:
            wait_until(lambda: done, 110)

    done: list[int] = []
    log = LogQueue(Identity("start"), [Hangs()], CLOCK)
    relay = Relay(log, CLOCK)
    relay.start()
    flood = child(relay, "for i in range(60_000): print(f'line {i} ' + 'x' * 50)")
    assert flood.wait(60) == 0, "it writes more than a pipe holds"
    wait_until(lambda: log.drops[CAM] > 40_000)
    done.append(1)
    relay.stop()
    log.close()


def test_a_flood_of_several_children_costs_nothing_while_the_log_gets_on() -> None:
    kept = Kept()
    log = LogQueue(Identity("start"), [kept], CLOCK)
    relay = Relay(log, CLOCK)
    relay.start()
    speakers = [Identity(f"p{number}") for number in range(4)]
    children = [child(relay, "for i in range(10_000): print(f'line {i}')", who) for who in speakers]
    assert [one.wait(60) for one in children] == [0] * 4
    wait_until(lambda: len(kept.lines) + log.drops.total() >= 40_000, 60)
    relay.stop()
    log.close()
    assert log.drops.total() == 0
    for who in speakers:
        assert [one.message for one in kept.lines if one.who == who] == [f"line {i}" for i in range(10_000)]


def test_who_a_record_claims_to_be_neither_ends_a_line_nor_moves_a_cursor(relay: Relay, kept: Kept) -> None:
    forged = Line(0.0, "INFO", Identity("x\n2024-01-15 forged\x1b[2J", "rtsp://u:s3cr3t@h", "\r"), "told")
    child(relay, f"print({to_json(forged)!r})").wait(30)
    (told,) = wait_until(lambda: kept.lines)
    assert main_text(told).endswith(" - INFO - x 2024-01-15 forged [2J[rtsp://***@h]: told")
    assert main_text(told).isprintable()


def test_a_descriptor_above_1023_is_read_too(relay: Relay, kept: Kept) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1200:
        pytest.skip(f"this user may open {hard} files only")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1050)]
    try:
        child(relay, "print('from afar')").wait(30)
        wait_until(lambda: kept.messages == ["from afar"])
    finally:
        for fd in opened:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
