"""Where measurements run: a private folder in memory and processes that are all gone afterwards."""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from benchmarks.jobs import Job, Window
from benchmarks.machine import ROOT
from benchmarks.peers import PEERS, Place
from greencam.base import proc
from greencam.base.clock import SystemClock
from greencam.base.errors import BusUnavailable
from greencam.base.place import default_runtime_dir, redis_socket, ring_path
from greencam.base.proc import ChildSpec
from greencam.bus.link import RedisTarget, bus_errors, connect
from greencam.frame.copying import streaming_copies
from greencam.frame.ring_reader import RingReader
from greencam.supervise import redis_server

_READY_S = 20.0
_BEGIN_NS = 100_000_000
# Nobody wants a frame but the readers of a measurement; by default the recorder does, also while it is not there.
_NO_RECORDER = "consumers:\n  - name: recorder\n    enabled: false\n"
_UNBOUNDED = ["--client-output-buffer-limit", "pubsub 0 0 0", "--maxmemory", "0"]


class StageError(Exception):
    """A measured process failed; the text holds what it said."""


class Actor:
    """One measured process from the parent's side."""

    def __init__(self, job: Job, log: Path) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src"))),
            proc.PARENT_VARIABLE: str(os.getpid()),
            **(streaming_copies(os.environ) if _streams(job) else {}),
        }
        self._log = log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "benchmarks.actor", job.to_text()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )

    def answer(self, timeout_s: float) -> dict[str, Any]:
        """Its next line; raises StageError when none comes in time."""
        stream = self.process.stdout
        if stream is not None and select.select([stream], [], [], timeout_s)[0]:
            line = stream.readline()
            if line:
                facts: dict[str, Any] = json.loads(line)
                return facts
        raise StageError(f"no answer from {self.process.args!r}:\n{self._log.read_text(errors='replace')[-2000:]}")

    def tell(self, line: str) -> None:
        """Send it one line."""
        if self.process.stdin is not None:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def close_pipes(self) -> None:
        """Close our ends: that is what it waits for before it ends."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


class Stage:
    """A folder in memory and whatever was started in it; a context manager that leaves nothing behind."""

    def __init__(self, width: int = 1280, height: int = 720, slots: int = 8) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="greencam-bench-", dir=default_runtime_dir(ROOT).parent))
        self.place = Place(self.folder, _free_port(), width, height, slots)
        self.target = RedisTarget(f"unix://{redis_socket(self.folder)}", embedded=True)
        self._children: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in reversed(self._children):
            proc.ensure_stopped(child, SystemClock(), 3.0)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_redis(self, *, unbounded: bool = False) -> int:
        """The suite's embedded server; `unbounded` lets subscribers lag for ever. Its process number."""
        words = redis_server.argv(redis_socket(self.folder), 512 << 20)
        child = proc.spawn(ChildSpec([*words, *(_UNBOUNDED if unbounded else [])]))
        self._children.append(child)
        with connect(self.target) as client:
            _await(lambda: _answers(client, self.target), "the Redis server")
        return child.pid

    def start_capture(self, camera: str, fps: float) -> int:
        """The real capture process with a simulated camera and no durable consumer; its process number."""
        site = self.folder / "config" / "config.yaml"
        site.parent.mkdir(exist_ok=True)
        site.write_text(_NO_RECORDER)
        environment = {"GREENCAM_ROOT": str(self.folder), "GREENCAM_RUNTIME_DIR": str(self.folder)}
        size = f"{self.place.width}x{self.place.height}"
        words = ("--camera", camera, "--source", "pattern", "--fps", f"{fps:g}", "--size", size)
        with (self.folder / f"{camera}.log").open("wb") as log:
            child = proc.spawn(
                ChildSpec(proc.python_argv("cam1_stream.py", *words), environment, stdout=log, stderr=log)
            )
        self._children.append(child)
        return child.pid

    def newest(self, camera: str) -> int:
        """Number of the newest frame in this camera's ring."""
        return RingReader(ring_path(self.folder, camera), SystemClock()).newest[1]

    def ready(self, jobs: Iterable[Job]) -> list[Actor]:
        """Start a process per job and wait until each of them is ready."""
        actors = []
        for number, job in enumerate(jobs):
            actors.append(Actor(job, self.folder / f"actor{number}.log"))
            self._children.append(actors[-1].process)
        for actor in actors:
            actor.answer(_READY_S)
        return actors

    def perform(
        self,
        actors: list[Actor],
        seconds: float,
        warm_s: float = 0.5,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> list[dict[str, Any]]:
        """Let them all work at the same time; their figures, in the same order."""
        begin_ns = time.monotonic_ns() + _BEGIN_NS
        count_ns = begin_ns + int(warm_s * 1e9)
        window = json.dumps(asdict(Window(begin_ns, count_ns, count_ns + int(seconds * 1e9))))
        for actor in actors:
            actor.tell(window)
        meanwhile()
        answers = [actor.answer(warm_s + seconds + _READY_S) for actor in actors]
        for actor in actors:
            actor.close_pipes()
            proc.ensure_stopped(actor.process, SystemClock(), 0.0) if _left(actor) else None
            self._children.remove(actor.process)
        return answers

    def run(self, jobs: Iterable[Job], seconds: float, warm_s: float = 0.5) -> list[dict[str, Any]]:
        """`ready` and `perform` in one."""
        return self.perform(self.ready(jobs), seconds, warm_s)


def _streams(job: Job) -> bool:
    """Whether this process copies as greencam's worker does; the limit of the ring is measured in the same way."""
    return job.role == "copy" or (job.role == "send" and PEERS[job.peer].streaming)


def _left(actor: Actor) -> bool:
    """Whether it did not end by itself."""
    try:
        actor.process.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        return True
    return False


def _answers(client: redis.Redis, target: RedisTarget) -> bool:
    try:
        with bus_errors(target):
            return bool(client.ping())
    except BusUnavailable:
        return False


def _await(check: Callable[[], bool], what: str, timeout_s: float = _READY_S) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline_s:
            raise StageError(f"{what} did not get ready within {timeout_s:g} s")
        time.sleep(0.02)


def _free_port() -> int:
    """A TCP port of the loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number
