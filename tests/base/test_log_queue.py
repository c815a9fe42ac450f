from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from greencam.base.clock import SystemClock
from greencam.base.log_line import Identity, Line, from_json
from greencam.base.log_queue import LogQueue
from tests.log_outputs import Kept
from tests.suite import CHECKOUT, wait_until

WHO = Identity("cam1_stream", "cam1")
SET_UP = """
import logging, os, sys, threading, time
from greencam.base import log_queue
from greencam.base.clock import SystemClock
from greencam.base.log_line import Identity
from greencam.base.log_setup import Levels, set_up_queue
from greencam.base.log_streams import JsonStderr
queue = set_up_queue(Identity("cam1_stream", "cam1"), [JsonStderr()], Levels(), SystemClock())
log = logging.getLogger("capture")
log_queue.FLUSH_S = 60.0  # a second is too short a wait at exit where others need the processor too
"""


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def queue(kept: Kept) -> Iterator[LogQueue]:
    made = LogQueue(WHO, [kept], SystemClock())
    yield made
    made.close()


def line(message: str, level: str = "INFO", who: Identity = WHO) -> Line:
    return Line(0.0, level, who, message)


def run(script: str, **words: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    return subprocess.Popen([sys.executable, "-c", SET_UP + script], env=environment, **words)  # type: ignore[call-overload, no-any-return]


class Stuck(Kept):
    """Writes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, lines: Sequence[Line]) -> None:
        self.go.wait(60)
        super().write(lines)


def test_a_reader_that_has_stopped_makes_nobody_wait_and_what_was_lost_is_told() -> None:
    read_end, write_end = os.pipe()
    script = (
        "for number in range(30_000): log.info('line %d %s', number, 'x' * 50)\n"
        "os.write(1, b'through')\n"
        "sys.stdin.read()\n"
        "queue.flush_within(30)\n"
    )
    child = run(script, stderr=write_end, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    os.close(write_end)
    assert child.stdout is not None
    assert child.stdin is not None
    assert child.stdout.read(7) == b"through", "with nobody reading its stderr"
    child.stdin.close()
    with os.fdopen(read_end, "rb") as stream:
        records = [from_json(row.decode()) for row in stream.read().splitlines()]
    assert child.wait(30) == 0
    child.stdout.close()
    assert all(records)
    messages = [record.message for record in records if record is not None]
    written = [text for text in messages if text.startswith("line ")]
    dropped = sum(int(text.split()[0]) for text in messages if text.endswith("dropped"))
    assert dropped > 0
    assert len(written) + dropped == 30_000


def test_a_warning_has_room_when_a_flood_has_filled_the_queue() -> None:
    stuck = Stuck()
    queue = LogQueue(WHO, [stuck], SystemClock())
    for number in range(20_000):
        queue.put(line(f"line {number}"))
    queue.put(line("the reason", "ERROR"))
    assert queue.drops[WHO] >= 20_000 - 10_000
    stuck.go.set()
    assert queue.flush_within(30)
    assert "the reason" in stuck.messages
    wait_until(lambda: any(text.endswith("log lines were dropped") for text in stuck.messages))
    queue.close()


def test_large_lines_fill_it_by_their_bytes() -> None:
    stuck = Stuck()
    queue = LogQueue(WHO, [stuck], SystemClock())
    for _ in range(100):
        queue.put(line("x" * 1_000_000))
    assert queue.drops[WHO] >= 80
    stuck.go.set()
    queue.close()


def test_what_is_logged_arrives_clean_and_in_order(queue: LogQueue, kept: Kept) -> None:
    logger = logging.getLogger("queue-test")
    logger.addHandler(queue)
    logger.setLevel("INFO")
    for number in range(500):
        logger.info("rtsp://u:%s@h %d\x1b[2J", "s3cr3t", number)
    logger.removeHandler(queue)
    assert queue.flush_within(30)
    assert kept.messages == [f"rtsp://***@h {number} [2J" for number in range(500)]


@pytest.mark.parametrize(("text", "words"), [("%d", ("none",)), ("%s", ("a", "b")), ("%", ("a",))])
def test_words_that_do_not_fit_their_format_are_logged_as_they_are(
    queue: LogQueue, kept: Kept, text: str, words: tuple[object, ...]
) -> None:
    queue.handle(logging.LogRecord("x", logging.WARNING, "", 0, text, words, None))
    assert queue.flush_within(30)
    assert kept.messages == [f"{text} {words}"]


def test_an_output_with_a_bug_does_not_silence_the_others(kept: Kept, capfd: pytest.CaptureFixture[str]) -> None:
    class Broken(Kept):
        def write(self, lines: Sequence[Line]) -> None:
            raise ZeroDivisionError

    queue = LogQueue(WHO, [Broken(), kept], SystemClock())
    queue.put(line("one"))
    assert queue.flush_within(30)
    queue.put(line("two"))
    queue.close()
    wait_until(lambda: kept.closed)  # which is waited for a second only
    assert kept.messages == ["one", "two"]
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_it_lets_go_of_an_output_that_hangs() -> None:
    stuck = Stuck()
    queue = LogQueue(WHO, [stuck], SystemClock())
    queue.put(line("one"))
    assert not queue.flush_within(0.05)
    queue.close()
    assert not stuck.messages
    stuck.go.set()


def test_everything_is_written_when_a_process_ends(tmp_path: Path) -> None:
    with (tmp_path / "err").open("wb") as stream:
        child = run("for number in range(2000): log.info('line %d', number)\n", stderr=stream)
        assert child.wait(30) == 0
    rows = (tmp_path / "err").read_text().splitlines()
    assert len(rows) == 2000


def test_a_signal_handler_may_log_whatever_it_interrupts(tmp_path: Path) -> None:
    script = (
        "import signal\n"
        "heard = []\n"
        "signal.signal(signal.SIGUSR1, lambda *_: heard.append(log.warning('from the handler')))\n"
        "os.write(1, b'x')\n"
        "while len(heard) < 300: log.info('line')\n"
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "print('done')\n"
    )
    with (tmp_path / "err").open("wb") as stream:
        child = run(script, stderr=stream, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.read(1)
        while child.poll() is None:
            child.send_signal(signal.SIGUSR1)
            time.sleep(0.002)
        assert child.stdout.read() == b"done\n"
        child.stdout.close()
        assert child.wait(30) == 0
    assert "from the handler" in (tmp_path / "err").read_text()


def test_identical_lines_are_counted(queue: LogQueue, kept: Kept) -> None:
    for _ in range(42):
        queue.put(line("the same"))
    queue.put(line("another"))
    assert queue.flush_within(30)
    first, count, last = kept.messages
    assert (first, last) == ("the same", "another")
    assert count.startswith("last line repeated 41 times in ")
