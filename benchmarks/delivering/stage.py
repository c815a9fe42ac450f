"""A real Redis, capture and recorder in folders of their own, watched from outside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from benchmarks.machine import ROOT
from benchmarks.measure import cpu_s
from greencam.base import proc
from greencam.base.clock import SystemClock
from greencam.base.errors import FrameError, Unavailable
from greencam.base.place import default_runtime_dir, redis_socket, ring_path, spool_path
from greencam.base.proc import ChildSpec
from greencam.bus import keys
from greencam.bus.chain import FrameId
from greencam.bus.durable_spool import DurableSpool
from greencam.bus.link import RedisTarget, connect
from greencam.client.retention import images_in
from greencam.frame.ring_reader import RingReader
from greencam.supervise import redis_server

CAMERA = "cam1"
_READY_S = 20.0
_SAMPLE_S = 0.2


@dataclass(frozen=True)
class Setting:
    """What is captured and stored, and how large the spool is."""

    width: int = 640
    height: int = 480
    fps: float = 30.0
    spool_mb: int = 128
    consumers: str = "[{name: recorder, every_s: 0}]"


class Stage:
    """A context manager that leaves neither process nor folder behind; `events` says what was done when."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.runtime = Path(tempfile.mkdtemp(prefix="greencam-bench-", dir=default_runtime_dir(ROOT).parent))
        self.root = Path(tempfile.mkdtemp(prefix="greencam-bench-"))
        self.images = self.root / "images" / CAMERA
        self.target = RedisTarget(f"unix://{redis_socket(self.runtime)}", timeout_s=2.0)
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self.began_s = time.monotonic()
        self.samples: list[dict[str, float]] = []
        self.put_p99_ms: list[float] = []
        self.left_behind: list[FrameId] = []

    def __enter__(self) -> Self:
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._sampler.join()
        for child in reversed(self._children.values()):
            proc.send_signal(child, signal.SIGCONT)
            proc.ensure_stopped(child, SystemClock(), 3.0)
        shutil.rmtree(self.runtime, ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)

    def now_s(self) -> float:
        """Seconds since the stage was set."""
        return time.monotonic() - self.began_s

    # --- processes --------------------------------------------------------------------------------

    def start_redis(self) -> None:
        """The suite's server, with DEBUG allowed; returns when it answers."""
        words = [*redis_server.argv(redis_socket(self.runtime), 256 << 20), "--enable-debug-command", "yes"]
        self._children["redis"] = proc.spawn(ChildSpec(words))
        deadline_s = time.monotonic() + _READY_S
        while not self.answers():
            if time.monotonic() > deadline_s:
                raise Unavailable("the Redis server did not start")
            time.sleep(0.005)

    def start(self, script: str, *words: str) -> None:
        """One of the root scripts; its name without the ending is the name of the process here."""
        environment = {
            "GREENCAM_ROOT": str(self.root),
            "GREENCAM_RUNTIME_DIR": str(self.runtime),
            "GREENCAM_REDIS_URL": self.target.url,
            "GREENCAM_REDIS_TIMEOUT": "2",
            "GREENCAM_CAMERA_SOURCE": "pattern",
            "GREENCAM_CAMERA_WIDTH": str(self.setting.width),
            "GREENCAM_CAMERA_HEIGHT": str(self.setting.height),
            "GREENCAM_FRAME_RATE": f"{self.setting.fps:g}",
            "GREENCAM_RING_SECONDS": "1",
            "GREENCAM_SPOOL_MAX_MB": str(self.setting.spool_mb),
            "GREENCAM_CONSUMERS": self.setting.consumers,
        }
        name = script.removesuffix(".py")
        with (self.root / f"{name}.log").open("ab") as log:
            spec = ChildSpec(proc.python_argv(script, *words), environment, stdout=log, stderr=log)
            self._children[name] = proc.spawn(spec)

    def pid(self, name: str) -> int:
        """The process of this name."""
        return self._children[name].pid

    def kill(self, name: str) -> None:
        """SIGKILL, and wait for its end."""
        self._children[name].kill()
        self._children[name].wait()

    def stop(self, name: str) -> None:
        """SIGTERM, and wait for its end."""
        proc.ensure_stopped(self._children[name], SystemClock(), 6.0)

    def log(self, name: str) -> str:
        """Everything that this process said."""
        return (self.root / f"{name}.log").read_text(errors="replace")

    # --- looking --------------------------------------------------------------------------------

    def client(self) -> redis.Redis:
        """A connection of one's own."""
        return connect(self.target)

    def answers(self) -> bool:
        """Whether Redis answers now."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def seq(self) -> FrameId:
        """The newest frame in the ring."""
        try:
            return RingReader(ring_path(self.runtime, CAMERA), SystemClock()).newest
        except (FileNotFoundError, FrameError):
            return 0, 0

    def stored(self) -> int:
        """How many images there are."""
        return len(images_in(self.images))

    def beat(self) -> dict[str, Any]:
        """What the capture says of itself; empty without an answer."""
        try:
            with self.client() as client:
                data = client.get(keys.beat(CAMERA))
        except redis.RedisError:
            return {}
        return dict(json.loads(data)) if isinstance(data, bytes) else {}

    def newest_accepted(self) -> FrameId:
        """The last frame that a capture which is dead by now accepted, read from the files that it left."""
        clock = SystemClock()
        copy = self.root / "spool-copy"
        shutil.copytree(spool_path(self.runtime, CAMERA), copy)
        spool = DurableSpool(copy, 1 << 34, ["recorder"], clock, lambda: None)
        spool.close()
        shutil.rmtree(copy)
        return spool.ledger.newest

    def wait_for_image(self, timeout_s: float = _READY_S) -> float:
        """Seconds until the next image is there."""
        began_s, had = time.monotonic(), self.stored()
        while self.stored() <= had:
            if time.monotonic() - began_s > timeout_s:
                raise Unavailable(f"no image for {timeout_s:g} s:\n{self.log('cam1_stream')[-2000:]}")
            time.sleep(0.01)
        return time.monotonic() - began_s

    def spool_bytes(self) -> int:
        """Bytes of the spool's files."""
        folder = spool_path(self.runtime, CAMERA)
        return sum(path.stat().st_size for path in folder.glob("*.seg")) if folder.is_dir() else 0

    def cpu_s(self, name: str) -> float:
        """Processor seconds of this process so far, without its children."""
        return cpu_s(self.pid(name))

    def _sample(self) -> None:
        while not self._ending.wait(_SAMPLE_S):
            try:
                size_bytes = self.spool_bytes()
            except FileNotFoundError:
                continue
            epoch, seq = self.seq()
            self.samples.append({"s": self.now_s(), "epoch": epoch, "seq": seq, "spool_bytes": size_bytes})

    def note_put(self) -> None:
        """Remember the capture's own measurement of how long accepting a frame takes."""
        p99_ms = self.beat().get("delivery", {}).get("put_p99_ms")
        if p99_ms is not None:
            self.put_p99_ms.append(p99_ms)

    def finish(self) -> None:
        """Stop the camera, let the recorder have the rest, stop it too."""
        self.note_put()
        self.stop("cam1_stream")
        self.left_behind.append(self.newest_accepted())
        settled = -1
        while settled != (now := self.stored()):
            settled = now
            time.sleep(1.0)
        self.stop("storeimages")


def freeze(pid: int, seconds: float) -> None:
    """SIGSTOP, wait, SIGCONT."""
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
