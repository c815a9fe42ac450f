"""A real capture, a real recorder and a real Redis that a test may torment; judged by the stored images alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

from greencam.base.files import read_json
from greencam.bus.link import Client, connect
from greencam.client.image_store import frame_of
from greencam.client.retention import images_in
from greencam.frame import counter, jpeg
from tests.conftest import RedisServer
from tests.suite import Suite, wait_for, wait_until


class Rig:
    """`cam1` at 60 frames per second, each of them stored by the durable recorder."""

    def __init__(self, suite: Suite, redis: RedisServer) -> None:
        self.suite, self.redis = suite, redis
        suite.environment |= {
            "GREENCAM_REDIS_URL": redis.target.url,
            "GREENCAM_REDIS_TIMEOUT": "1",
            "GREENCAM_CAMERA_WIDTH": "160",
            "GREENCAM_CAMERA_HEIGHT": "120",
            "GREENCAM_FRAME_RATE": "60",
            "GREENCAM_RING_SECONDS": "5",  # so long a loaded machine may let the encoder wait
            "GREENCAM_CONSUMERS": "[{name: recorder, every_s: 0}]",
        }
        self.folder = suite.root / "images" / "cam1"

    def start(self) -> None:
        """Recorder and capture; returns when images come."""
        self.start_recorder()
        self.start_capture()
        self.wait_for(20)

    def start_recorder(self) -> None:
        self.recorder = self.suite.start("storeimages.py")

    def start_capture(self) -> None:
        self.capture = self.suite.start("cam1_stream.py")

    def kill(self, process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()

    def wait_for(self, more: int) -> None:
        """Until so many more images are there."""
        wanted = len(images_in(self.folder)) + more
        wait_until(lambda: len(images_in(self.folder)) >= wanted, 60)

    def wait_for_frame(self, frame: tuple[int, int]) -> None:
        """Until this frame's image is there, and so those of all before it."""
        wait_until(lambda: frame in {frame_of(path) for path in images_in(self.folder)}, 60)

    def delivery(self) -> dict[str, Any]:
        """What the capture says of it; empty while it says nothing."""
        client = self.client()
        try:
            data = client.get("greencam:{cam1}:beat")
        finally:
            client.close()
        beat = json.loads(data) if isinstance(data, bytes) else {}
        return dict(beat.get("delivery", {}))

    def delivery_when(self, true: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
        """The capture's first word on delivery of which this is true."""
        return wait_for(self.delivery, true, 60)

    def left_here_when(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The same by the facts that the capture leaves on its own host, Redis or not."""
        file = self.suite.runtime / "cam1.json"

        def told() -> dict[str, Any]:
            return dict((read_json(file) or {}).get("delivery", {}))

        return wait_for(told, true, 60)

    def client(self) -> Client:
        return connect(self.redis.target)

    def finish(self) -> str:
        """Stop capture, let the recorder have the rest, stop it; what both said."""
        self.wait_for(20)
        _, said = self.suite.finish(self.capture)
        settled = -1
        while settled != (now := len(images_in(self.folder))):
            settled = now
            time.sleep(0.5)
        _, recorder_said = self.suite.finish(self.recorder)
        return said + recorder_said

    def stored(self) -> dict[tuple[int, int], int]:
        """Frame by frame, as its file's name says, the number that is in its picture; fails on a double."""
        found: dict[tuple[int, int], int] = {}
        for path in images_in(self.folder):
            frame = frame_of(path)
            assert frame is not None
            assert frame not in found, f"{path} is there twice"
            found[frame] = counter.read(jpeg.decode(path.read_bytes()))
        return found

    def assert_whole(self, first: int = 1) -> dict[tuple[int, int], int]:
        """Every epoch's frames are there without a hole, each picture the one that its name says."""
        stored = self.stored()
        # Frames of one millisecond, which a camera that makes up for a pause may have, may sort as they like.
        moments = [(path.stem.rpartition("_")[0], frame_of(path) or (0, 0)) for path in images_in(self.folder)]
        assert sorted(moments) == sorted(moments, key=itemgetter(1)), "names sort in another order than frames"
        for epoch in {frame[0] for frame in stored}:
            mine = {seq: number for (of, seq), number in stored.items() if of == epoch}
            missing = sorted(set(range(first, max(mine) + 1)) - set(mine))
            assert not missing, f"epoch {epoch} lacks {missing}; {self.verified()}"
            shift = mine[first] - first
            assert all(number == seq + shift for seq, number in mine.items())
        return stored

    def verified(self) -> dict[str, Any]:
        """What `client.py --verify --json` says; its exit code has to agree."""
        done = self.suite.run("client.py", "--verify", "--json")
        facts: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (0 if facts["good"] else 1)
        return facts


def stop_for(process_id: int, seconds: float) -> None:
    """SIGSTOP, wait, SIGCONT."""
    os.kill(process_id, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(process_id, signal.SIGCONT)


def files_below(folder: Path) -> list[Path]:
    """Every file there."""
    return [path for path in folder.rglob("*") if path.is_file()]
