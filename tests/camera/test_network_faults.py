"""Network cameras that fail while they are opened or watched: real sockets, processes and signals.

Whatever happens, an open or a read ends by itself, says why, and the next open works once the camera is well again.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraUnavailable
from greencam.camera.rtsp import RtspSource
from greencam.camera.source import CameraSpec
from greencam.frame import counter, jpeg
from greencam.frame.formats import PixelFormat
from tests.camera import footage
from tests.fault_proxy import FaultProxy, Faults
from tests.ports import free_ports

pytestmark = pytest.mark.timeout(300)  # more than all waits of a test together

SERVER = Path(__file__).with_name("small_server.py")
TIMEOUT_S = 3.0  # a camera that is well has to answer within, on a busy machine too
PATIENT_S = 20.0  # where no silence is waited for
BOUND_S = 4 * TIMEOUT_S + 8  # guards against a hang: a patience for each of libav's steps, and a slow machine
SCHEMES = ("rtsp", "http")


@dataclass
class SmallServer:
    """A small network camera that may be killed and started again on its port, from one and the same thread."""

    words: list[str]
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: subprocess.Popen[str] | None = None

    def start(self) -> int:
        argv = [sys.executable, "-I", "-S", str(SERVER), "--port", str(self.port), *self.words]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert int(self.process.stdout.readline()) == self.port
        return self.port

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None and self.process.stdout is not None:
            self.process.kill()
            self.process.wait(10)
            self.process.stdout.close()
        self.process = None


Serve = Callable[..., SmallServer]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The words that give a small server its two seconds of pictures."""
    folder = tmp_path_factory.mktemp("media")
    video = footage.pattern_video(folder / "a.h264", 50, (160, 120))
    pixels, pictures = np.zeros((120, 160, 3), np.uint8), []
    for number in range(50):
        counter.stamp(pixels, number)
        pictures.append(jpeg.encode(pixels, PixelFormat.BGR24))
    (folder / "a.mjpg").write_bytes(b"".join(pictures))
    return ["--h264", str(video), "--mjpeg", str(folder / "a.mjpg")]


@pytest.fixture
def serve(media: list[str]) -> Iterator[Serve]:
    servers: list[SmallServer] = []

    def start(*words: str) -> SmallServer:
        servers.append(SmallServer([*media, *words]))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def camera(scheme: str, port: int, timeout_s: float = TIMEOUT_S) -> RtspSource:
    address = f"{scheme}://127.0.0.1:{port}/video"
    spec = CameraSpec("yard", "rtsp", address, width=0, height=0, timeout_s=timeout_s)
    return RtspSource(spec, SystemClock())


def bounded(act: Callable[[], object], bound_s: float = BOUND_S) -> None:
    """Do it; fails the test when it took longer than any failure may take."""
    began_s = time.monotonic()
    try:
        act()
    finally:
        assert time.monotonic() - began_s < bound_s


def read_on(watched: RtspSource) -> None:
    """Read until it fails, for as many pictures as nothing can have buffered."""
    for _ in range(200):
        bounded(lambda: watched.read(TIMEOUT_S))


def cause_of(act: Callable[[], object]) -> str:
    with pytest.raises(CameraUnavailable) as caught:
        act()
    return caught.value.cause


def works_again(watched: RtspSource) -> bool:
    watched.open()
    for _ in range(3):
        watched.read(TIMEOUT_S)
    watched.close()
    return True


# --- while it is watched ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_killed_and_started_again(serve: Serve, scheme: str) -> None:
    server = serve()
    watched = camera(scheme, server.port)
    watched.open()
    server.kill()
    assert cause_of(lambda: read_on(watched)) == "end_of_stream"
    assert cause_of(lambda: bounded(watched.open)) == "refused"
    server.start()
    assert works_again(watched)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_stopped_and_continued(serve: Serve, scheme: str) -> None:
    server = serve()
    watched = camera(scheme, server.port)
    watched.open()
    server.signal(signal.SIGSTOP)
    assert cause_of(lambda: read_on(watched)) == "timeout"
    assert cause_of(lambda: bounded(watched.open)) == "timeout"
    server.signal(signal.SIGCONT)
    assert works_again(watched)


CUT = {
    "blackhole": Faults(deaf=True),
    "dripping": Faults(down_bytes_per_s=5 / TIMEOUT_S),  # a patience of five bytes: each wait alone is short
    "reset": Faults(refusing=True),
}


# Of a reset connection libav tells no more over RTSP than that what came was no answer.
@pytest.mark.parametrize(
    ("cut", "watching", "opening"),
    [
        ("blackhole", {"timeout"}, {"timeout"}),
        ("dripping", {"timeout"}, {"timeout"}),
        ("reset", {"end_of_stream"}, {"end_of_stream", "format"}),
    ],
)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_way_there_is_cut(serve: Serve, scheme: str, cut: str, watching: set[str], opening: set[str]) -> None:
    with FaultProxy(serve().port) as way:
        watched = camera(scheme, way.port)
        watched.open()
        way.faults = CUT[cut]
        assert cause_of(lambda: read_on(watched)) in watching
        for _ in range(3 if cut == "reset" else 1):
            assert cause_of(lambda: bounded(watched.open)) in opening
        way.faults = Faults()
        assert works_again(watched)


@pytest.mark.parametrize("fault", ["random", "payload"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_rubbish_from_the_middle_on(serve: Serve, scheme: str, fault: str) -> None:
    watched = camera(scheme, serve("--fault", fault, "--after", "20").port)
    watched.open()
    assert cause_of(lambda: read_on(watched)) in {"timeout", "format"}
    bounded(watched.close)


# --- while it is opened -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "fault", "causes", "timeout_s"),
    [
        ("rtsp", "silent", {"timeout"}, TIMEOUT_S),
        ("http", "silent", {"timeout"}, TIMEOUT_S),
        ("rtsp", "sdp", {"format"}, TIMEOUT_S),
        ("rtsp", "random", {"timeout", "format"}, TIMEOUT_S),
        ("http", "random", {"format"}, PATIENT_S),  # known at once; half of the time-out later it would be silence
        ("rtsp", "payload", {"format", "timeout"}, TIMEOUT_S),
        ("http", "payload", {"format"}, TIMEOUT_S),
    ],
)
def test_rubbish_from_the_start(serve: Serve, scheme: str, fault: str, causes: set[str], timeout_s: float) -> None:
    watched = camera(scheme, serve("--fault", fault).port, timeout_s)
    assert cause_of(lambda: bounded(watched.open, 4 * timeout_s + 8)) in causes
    bounded(watched.close)


LANES, ROUNDS = 25, 2
PICTURES = 30  # more than what can wait in buffers: they prove that the stream really runs


@dataclass
class Lane:
    """One camera and one watcher of it, round after round; see the test."""

    server: SmallServer
    chance: random.Random
    stuck: list[str] = field(default_factory=list)
    returned: int = 0

    def run(self) -> None:
        self.server.start()  # and every restart from this very thread: the server dies with the thread
        for _ in range(ROUNDS):
            self.server.kill()
            well = threading.Event()
            watcher = threading.Thread(target=self._watch, args=(well,), daemon=True)
            watcher.start()
            for away_s, there_s in ((0.1, 0.7), (0.05, 0.0)):
                time.sleep(self.chance.uniform(0, away_s))
                self.server.start()
                time.sleep(self.chance.uniform(0, there_s))
                if there_s:
                    self.server.kill()
            well.set()
            watcher.join(50)
            if watcher.is_alive():
                self.stuck.append("for ever")
                break
        self.server.kill()

    def _watch(self, well: threading.Event) -> None:
        """Open and read, again after each failure, until enough pictures came after the camera was back."""
        watched = camera("rtsp", self.server.port)
        pictures = 0
        while pictures < PICTURES:
            began_s = time.monotonic()
            try:
                if not pictures:
                    watched.open()
                watched.read(TIMEOUT_S)
                pictures += 1 if well.is_set() or not pictures else 0
            except CameraUnavailable:
                pictures = 0
                time.sleep(0.01)
            if (took_s := time.monotonic() - began_s) > BOUND_S:
                self.stuck.append(f"{took_s:.1f} s")
        watched.close()
        self.returned += 1


def test_a_camera_that_returns_while_it_is_opened_is_watched_again_50_of_50(media: list[str]) -> None:
    """The race of opencv#22677: a server that is killed and started at any moment of an open."""
    lanes = [Lane(SmallServer(media), random.Random(seed)) for seed in range(LANES)]
    threads = [threading.Thread(target=lane.run) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [lane.stuck for lane in lanes] == [[]] * LANES
    assert sum(lane.returned for lane in lanes) == LANES * ROUNDS == 50
