"""Questions that may hang (a disk, a server, a driver), asked together in a process that can be left behind.

A thread that waits in the kernel can neither be ended nor outlived by its process, so the questions are threads of
a forked child, each of whose answers comes through a pipe by itself. The child does not hold our standard output:
whoever reads that sees its end although the child hangs.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn

from greencam.base.clock import Clock
from greencam.base.errors import GreencamError
from greencam.base.log import one_line, without_secrets

Probe = Callable[[], Any]
_SPARE_S = 5.0  # an orphan of a killed parent ends by itself after so much more
_PIECE_BYTES = 1 << 16
_MAX_ANSWER_BYTES = 4 << 20
_log = logging.getLogger("probes")


@dataclass(frozen=True)
class Answer:
    """What a probe gave, as JSON knows it; `error` is a sentence in its place, `late` when none came in time."""

    value: Any = None
    error: str = ""
    late: bool = False

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return not (self.error or self.late)


def ask_all(probes: Mapping[str, Probe], deadline_s: float, clock: Clock) -> dict[str, Answer]:
    """Run every probe at the same time and wait at most deadline_s in all; an answer for each.

    Call it from a process without other threads (fork(2)). Raises OSError when no process can be made.
    """
    end_s = clock.monotonic() + deadline_s
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _serve(probes, write_end, deadline_s)
    os.close(write_end)
    try:
        lines = _lines(read_end, len(probes), end_s, clock)
    finally:
        os.close(read_end)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        _reap(child)
    return {name: _answer(lines.get(name)) for name in probes}


def _reap(child: int) -> None:
    """Take note of its end if it ends at once; who hangs in the kernel becomes init's after us."""
    with suppress(ChildProcessError):
        for _ in range(20):
            if os.waitpid(child, os.WNOHANG)[0]:
                return
            select.select([], [], [], 0.001)


def _lines(read_end: int, count: int, end_s: float, clock: Clock) -> dict[str, dict[str, Any]]:
    """What came through the pipe until everybody answered or time is up; a line that is torn counts as none."""
    data, found = bytearray(), dict[str, dict[str, Any]]()
    while len(found) < count and (left_s := end_s - clock.monotonic()) > 0:
        if not select.select([read_end], [], [], left_s)[0]:
            break
        piece = os.read(read_end, _PIECE_BYTES)
        if not piece:
            break
        data += piece
        *whole, rest = data.split(b"\n")
        data = bytearray(rest)
        found |= {message["name"]: message for message in map(json.loads, whole)}
    return found


def _answer(message: dict[str, Any] | None) -> Answer:
    if message is None:
        return Answer(late=True)
    if "trace" in message:
        _log.error("the probe %s failed unexpectedly:\n%s", message["name"], without_secrets(message["trace"]))
    return Answer(message.get("value"), message.get("error", ""))


def _serve(probes: Mapping[str, Probe], write_end: int, deadline_s: float) -> NoReturn:
    """The child: threads, an alarm that ends it, and nothing of the parent's."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, deadline_s + _SPARE_S)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    lock = threading.Lock()
    threads = [
        threading.Thread(target=_tell, args=(name, probe, write_end, lock), daemon=True)
        for name, probe in probes.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)


def _tell(name: str, probe: Probe, write_end: int, lock: threading.Lock) -> None:
    line = json.dumps({"name": name, **_asked(probe)}).encode()
    if len(line) > _MAX_ANSWER_BYTES:
        line = json.dumps({"name": name, "error": "its answer is too long"}).encode()
    with lock, suppress(BrokenPipeError):
        _write_all(write_end, line + b"\n")


def _asked(probe: Probe) -> dict[str, Any]:
    try:
        value = probe()
        json.dumps(value)
    except PermissionError as error:
        return _failed(f"no permission for {error.filename}; run this as the user that runs greencam")
    except (GreencamError, OSError) as error:
        return _failed(str(error))
    except Exception as error:  # noqa: BLE001 - a service runner: the other probes go on; the parent logs the trace
        return {**_failed(f"{type(error).__name__}: {error}"), "trace": traceback.format_exc()}
    return {"value": value}


def _failed(text: str) -> dict[str, Any]:
    return {"error": one_line(without_secrets(text)) or "it failed"}


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
