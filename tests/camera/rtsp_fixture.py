"""The fixture `serve`: starts real RTSP servers for a test, freezes, thaws and kills them.

Without Debian's GStreamer bindings the tests that need it are skipped, naming the command that installs them.
"""

from __future__ import annotations

import functools
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("rtsp_server.py")
INSTALL = (
    "apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
    " gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav"
)
_PROBE = """
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
needed = ("parsebin", "h264parse", "rtph264pay", "x264enc", "matroskademux", "alawenc")
sys.exit(not all(map(Gst.ElementFactory.find, needed)))
"""


@dataclass
class RtspServer:
    process: subprocess.Popen[str]
    port: int

    def url(self, mount: str, login: str = "") -> str:
        return f"rtsp://{login}{'@' if login else ''}127.0.0.1:{self.port}/{mount}"

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()


Serve = Callable[..., RtspServer]


@functools.cache
def missing() -> str:
    if not Path(SYSTEM_PYTHON).exists():
        return f"no {SYSTEM_PYTHON}; the RTSP server of the tests needs Debian's own Python"
    if subprocess.run([SYSTEM_PYTHON, "-c", _PROBE], capture_output=True, timeout=60).returncode:
        return f"{SYSTEM_PYTHON} has no GStreamer RTSP server; install it with: {INSTALL}"
    return ""


@pytest.fixture
def serve() -> Iterator[Serve]:
    if missing():
        pytest.skip(missing())
    servers: list[RtspServer] = []

    def start(*words: str) -> RtspServer:
        process = subprocess.Popen(
            [SYSTEM_PYTHON, str(SERVER), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        servers.append(RtspServer(process, 0))
        servers[-1].port = int(process.stdout.readline())
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
