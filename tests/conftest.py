"""Fixtures that are real parts: a Redis server, a folder for a suite of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis
import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import BusUnavailable, Refused
from greencam.base.stop import Stop
from greencam.bus.link import RedisTarget, bus_errors, connect
from greencam.camera import hung_file
from greencam.camera.hung_file import HungFile
from greencam.supervise import redis_server
from tests.screen import HEIGHT, WIDTH, Screen
from tests.suite import Suite

# How long an example takes is a matter of the machine and its load, not of what is right. The examples are the
# same in every run, so that no change is blamed for a rare find of older code; to look for such finds there is
# scripts/test --hypothesis-profile=explore.
_LENIENT = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("greencam", _LENIENT, derandomize=True)
hypothesis.settings.register_profile("explore", _LENIENT, max_examples=1000)
hypothesis.settings.load_profile("greencam")


class RedisServer:
    """A real server on a unix socket of its own, that a test may kill and start again."""

    def __init__(
        self, folder: Path, binary: str | None = None, port: int = 0, replica_of: RedisServer | None = None
    ) -> None:
        """`port` opens one on the loopback besides, which a replica needs."""
        self.folder, self.port, self._master = folder, port, replica_of
        self.socket = folder / "redis.sock"
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def target(self) -> RedisTarget:
        return RedisTarget(f"unix://{self.socket}", timeout_s=10.0)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        argv = redis_server.argv(self.socket, 64 << 20)
        if self._binary:
            argv = [self._binary, *argv[argv.index("--port") :]]
        if self.port:
            argv += ["--port", str(self.port), "--bind", "127.0.0.1"]
        if self._master is not None:
            argv += ["--replicaof", "127.0.0.1", str(self._master.port)]
        self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        client = connect(self.target)
        deadline = time.monotonic() + 30
        while True:
            try:
                with bus_errors(self.target):
                    client.ping()
            except BusUnavailable:
                assert time.monotonic() < deadline, "redis did not start"
                time.sleep(0.01)
            else:
                client.close()
                return

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder in memory with a path short enough for a unix socket."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="gc-", dir=base))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["embedded", "debian"])
def redis(request: pytest.FixtureRequest, short_folder: Path) -> Iterator[RedisServer]:
    """A running server: the embedded one, and Debian's redis-server where it is installed."""
    binary = None
    if request.param == "debian":
        binary = shutil.which("redis-server")
        if binary is None:
            pytest.skip("Debian's redis-server is not installed: sudo scripts/debian-test-packages")
    server = RedisServer(short_folder, binary)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def suite(tmp_path: Path, short_folder: Path) -> Iterator[Suite]:
    """A suite in folders of its own; whatever a test started is stopped at its end."""
    made = Suite(tmp_path, short_folder)
    yield made
    made.stop_all()


@pytest.fixture
def hung(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HungFile]:
    """A file whose reading hangs in the kernel, where no signal is heard; root and FUSE can make one."""
    try:
        made = hung_file.mount(tmp_path_factory.mktemp("hung"), SystemClock())
    except Refused as error:
        pytest.skip(str(error))
    yield made
    made.ensure_unmounted()


@pytest.fixture
def stop() -> Iterator[Stop]:
    made = Stop()
    yield made
    with suppress(OSError):
        made.close()


@pytest.fixture(scope="session")
def x_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A virtual X server, one for all tests: Tk does not survive the death of a display that it has seen."""
    binary = shutil.which("Xvfb")
    if binary is None:
        pytest.skip("Xvfb is not installed: sudo scripts/debian-test-packages")
    folder = tmp_path_factory.mktemp("screen")
    read_end, write_end = os.pipe()
    options = ["-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-fbdir", str(folder), "-nolisten", "tcp"]
    process = subprocess.Popen(
        [binary, "-displayfd", str(write_end), *options], pass_fds=(write_end,), stderr=subprocess.DEVNULL
    )
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        number = stream.readline().strip()
    if not number:
        process.wait(20)
        pytest.skip("Xvfb does not start here")
    yield Screen(folder / "Xvfb_screen0", f":{number}")
    process.terminate()
    process.wait(20)


@pytest.fixture
def screen(x_server: Screen, monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A screen of 640 × 480 that windows of this test open on."""
    monkeypatch.setenv("DISPLAY", x_server.display)
    return x_server
