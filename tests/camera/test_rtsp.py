from __future__ import annotations

import base64
import errno
import http.server
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import av.error
import numpy as np
import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraBroken, CameraUnavailable, GreencamError
from greencam.camera import rtsp
from greencam.camera.rtsp import Backlog, RtspSource, explain, place_of
from greencam.camera.source import CameraSpec
from greencam.frame import counter, jpeg
from greencam.frame.formats import PixelFormat
from tests.camera import footage, rtsp_fixture
from tests.camera.rtsp_fixture import Serve
from tests.ports import free_ports

serve = rtsp_fixture.serve  # a fixture of this module too

VTEST = Path(__file__).parents[3] / "shared/data/vtest.avi"
VTEST_FRAMES = 795
PATIENT_S = 20.0  # no failure that is expected with it waits for it
SECRET = "s3cr%40et"  # noqa: S105 - of a server that lives for one test
LOGIN = ("--user", "viewer", "--password", "s3cr@et")


def spec(address: str, timeout_s: float = PATIENT_S, transport: str = "tcp") -> CameraSpec:
    return CameraSpec("front", "rtsp", address, width=0, height=0, transport=transport, timeout_s=timeout_s)


def source(address: str, timeout_s: float = PATIENT_S, transport: str = "tcp") -> RtspSource:
    return RtspSource(spec(address, timeout_s, transport), SystemClock())


def numbers_until_end(camera: RtspSource) -> list[int]:
    """The counters of all pictures until the camera fails, which must be by the end of its stream."""
    numbers: list[int] = []

    def read_all() -> None:
        while True:
            numbers.append(counter.read(camera.read(PATIENT_S).pixels))

    with pytest.raises(CameraUnavailable) as caught:
        read_all()
    assert caught.value.cause == "end_of_stream"
    return numbers


def read_many(camera: RtspSource, count: int = 100, timeout_s: float = PATIENT_S) -> None:
    for _ in range(count):
        camera.read(timeout_s)


def open_and_read(camera: RtspSource, reads: int) -> None:
    camera.open()
    read_many(camera, reads)


def failure_of(camera: RtspSource, reads: int = 0) -> GreencamError:
    """What open, or a read after it, fails with; no part of it may tell the password."""
    with pytest.raises(GreencamError) as caught:
        open_and_read(camera, reads)
    camera.close()
    told = "".join(traceback.format_exception(caught.value))
    for part in ("s3cr", "@et", "%40et"):
        assert part not in told
    return caught.value


def cause_of(camera: RtspSource, reads: int = 0) -> str:
    error = failure_of(camera, reads)
    assert isinstance(error, CameraUnavailable | CameraBroken)
    assert "front" in str(error)
    return error.cause


@pytest.fixture
def whatever_its_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture is too old: a busy machine can fall a second behind the pace of a recording."""
    monkeypatch.setattr(rtsp, "Backlog", partial(Backlog, stale_s=100.0))


@pytest.mark.e2e
@pytest.mark.usefixtures("whatever_its_age")
def test_every_frame_arrives_once_and_in_order(serve: Serve, tmp_path: Path) -> None:
    video = footage.pattern_video(tmp_path / "pattern.mkv", 200, fps=100)
    camera = source(serve("--file", str(video)).url("file"))
    opened = camera.open()
    assert (opened.live, opened.format.width, opened.format.height) == (True, 320, 240)
    assert numbers_until_end(camera) == list(range(1, 201))
    assert (camera.dropped, camera.skipped) == (0, 0)
    camera.close()


@pytest.mark.e2e
@pytest.mark.usefixtures("whatever_its_age")
def test_real_footage_arrives_whole(serve: Serve, tmp_path: Path) -> None:
    if not VTEST.exists():
        pytest.skip("no ../shared/data/vtest.avi beside the repository")
    video = tmp_path / "vtest.mkv"
    assert footage.stamp_video(VTEST, video, fps=100) == VTEST_FRAMES
    camera = source(serve("--file", str(video)).url("file"))
    opened = camera.open()
    assert (opened.format.width, opened.format.height) == (480, 360)
    assert numbers_until_end(camera) == list(range(1, VTEST_FRAMES + 1))
    assert camera.dropped == 0
    camera.close()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("transport", "pixel"), [("tcp", PixelFormat.BGR24), ("tcp", PixelFormat.NV12), ("udp", PixelFormat.BGR24)]
)
def test_both_transports_and_a_wished_size(serve: Serve, transport: str, pixel: PixelFormat) -> None:
    url = serve().url("pattern")
    wish = CameraSpec("front", "rtsp", url, width=160, height=120, pixel=pixel, transport=transport)
    camera = RtspSource(wish, SystemClock())
    assert camera.open().notes == ("320×240 scaled to 160×120",)
    picture = camera.read(PATIENT_S)
    assert picture.pixels.shape == pixel.shape(160, 120)
    assert picture.sensor_ns == 0
    assert 0 <= time.monotonic_ns() - picture.grabbed_ns < 60e9
    camera.close()


@pytest.mark.e2e
def test_a_login_is_needed_and_suffices(serve: Serve) -> None:
    server = serve(*LOGIN)
    camera = source(server.url("pattern", f"viewer:{SECRET}"))
    assert camera.open().device == f"rtsp://127.0.0.1:{server.port}"
    assert camera.read(PATIENT_S).pixels.shape == (240, 320, 3)
    camera.close()
    assert cause_of(source(server.url("pattern"))) == "unauthorized"
    assert cause_of(source(server.url("pattern", f"viewer:{SECRET}x"))) == "unauthorized"
    assert cause_of(source(server.url("nothing", f"viewer:{SECRET}"))) == "not_found"


@pytest.mark.e2e
def test_no_video_is_a_failure_of_format(serve: Serve) -> None:
    assert cause_of(source(serve().url("audio"))) == "format"


@pytest.mark.e2e
def test_sound_that_goes_on_does_not_hide_that_the_picture_stopped(serve: Serve) -> None:
    camera = source(serve().url("blind"))
    camera.open()
    with pytest.raises(CameraUnavailable, match="sends data, but no picture") as caught:
        read_many(camera, timeout_s=1)
    assert caught.value.cause == "timeout"
    camera.close()


@pytest.mark.e2e
def test_a_killed_server_is_an_end_of_stream_and_then_refuses(serve: Serve) -> None:
    server = serve()
    camera = source(server.url("pattern", f"viewer:{SECRET}"))
    camera.open()
    camera.read(PATIENT_S)
    server.kill()
    with pytest.raises(CameraUnavailable) as caught:
        read_many(camera)
    assert caught.value.cause == "end_of_stream"
    assert cause_of(camera) == "refused"


@pytest.mark.e2e
def test_a_silent_server_times_out_and_comes_back(serve: Serve) -> None:
    server = serve()
    camera = source(server.url("pattern", f"viewer:{SECRET}"), timeout_s=5.0)
    camera.open()
    server.freeze()
    started = time.monotonic()
    with pytest.raises(CameraUnavailable) as caught:
        read_many(camera, timeout_s=5)
    assert caught.value.cause == "timeout"
    assert time.monotonic() - started < 2 * 5 + 20  # seconds: twice the wish, and a slow machine
    camera.close()
    assert cause_of(camera) == "timeout"  # stopped before open
    server.thaw()
    camera.open()
    camera.read(PATIENT_S)
    camera.close()


@dataclass
class Unhurried(Backlog):
    """Takes no picture for live by the wait for it, which on a busy machine may be one for a processor."""

    waits_s: list[float] = field(default_factory=list)

    def stale(self, stamp_s: float | None, arrived_s: float, waited_s: float) -> bool:
        self.waits_s.append(waited_s)
        return super().stale(stamp_s, arrived_s, 0.0)


@pytest.mark.e2e
def test_after_a_pause_of_the_reader_only_fresh_pictures_come(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rtsp, "Backlog", Unhurried)
    camera = source(serve().url("pattern"))
    camera.open()
    read_many(camera, 125)  # five seconds: the last are live, however many had waited for the end of opening
    time.sleep(4)  # about 100 pictures wait in the socket's buffers
    backlog, started = camera._backlog, time.monotonic()
    assert isinstance(backlog, Unhurried)
    backlog.waits_s.clear()
    camera.read(PATIENT_S)
    assert sum(backlog.waits_s) <= time.monotonic() - started  # each wait is for one picture only
    assert camera.dropped >= 25
    dropped, started = camera.dropped, time.monotonic()
    read_many(camera, 50)
    assert camera.dropped - dropped < 50  # none but in a stall of this machine, and not one with each read
    assert time.monotonic() - started > 1.0  # 50 pictures at 25 fps are new ones, not the buffer's
    camera.close()


@pytest.mark.e2e
def test_after_a_pause_of_the_server_it_goes_on(serve: Serve) -> None:
    server = serve()
    camera = source(server.url("pattern"))
    camera.open()
    for _ in range(10):
        camera.read(PATIENT_S)
    server.freeze()
    threading.Timer(2, server.thaw).start()
    for _ in range(50):
        camera.read(PATIENT_S)
    assert camera.dropped <= 100  # what it had buffered, not everything from then on
    camera.close()


@pytest.mark.e2e
def test_another_size_in_mid_stream_is_told(serve: Serve, tmp_path: Path) -> None:
    parts = [
        footage.pattern_video(tmp_path / f"{width}.h264", 50, (width, 240)).read_bytes() for width in (320, 352)
    ]
    video = tmp_path / "both.h264"
    video.write_bytes(b"".join(parts))
    assert cause_of(source(serve("--file", str(video)).url("file")), reads=100) == "changed"


@pytest.fixture
def talker() -> Iterator[str]:
    """host:port of a server that greets every connection with something that is no protocol at all."""
    listener = socket.create_server(("127.0.0.1", 0))

    def greet() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"220 mail.example.org ESMTP\r\n\r\n")

    thread = threading.Thread(target=greet)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


class Mjpeg(http.server.BaseHTTPRequestHandler):
    """/video: 50 numbered pictures as multipart JPEG for the user of LOGIN; anything else is not there."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"viewer:s3cr@et").decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        elif self.path != "/video":
            self.send_error(404)
        else:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=edge")
            self.end_headers()
            pixels = np.zeros((240, 320, 3), np.uint8)
            for number in range(1, 51):
                counter.stamp(pixels, number)
                data = jpeg.encode(pixels, PixelFormat.BGR24)
                head = f"--edge\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                self.wfile.write(head.encode() + data + b"\r\n")

    def log_message(self, format: str, *words: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing: the tests' output stays clean."""


@pytest.fixture
def mjpeg() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mjpeg)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_motion_jpeg_over_http(mjpeg: str) -> None:
    camera = source(f"http://viewer:{SECRET}@{mjpeg}/video")
    assert camera.open().device == f"http://{mjpeg}"
    assert numbers_until_end(camera) == list(range(1, 51))
    camera.close()
    assert cause_of(source(f"http://viewer:{SECRET}@{mjpeg}/else")) == "not_found"
    assert cause_of(source(f"http://viewer:{SECRET}x@{mjpeg}/video")) == "unauthorized"


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_something_else_on_the_port(talker: str, scheme: str) -> None:
    assert cause_of(source(f"{scheme}://viewer:{SECRET}@{talker}/x")) in {"format", "end_of_stream"}


def test_refused_without_a_server() -> None:
    (port,) = free_ports(1)
    for scheme in ("rtsp", "rtsps", "http"):
        assert cause_of(source(f"{scheme}://viewer:{SECRET}@127.0.0.1:{port}/{SECRET}")) == "refused"


def test_an_unknown_host_is_unreachable() -> None:
    assert cause_of(source(f"rtsp://viewer:{SECRET}@no-such-camera.invalid/x")) == "unreachable"


def test_no_route_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_route(*words: object, **more: object) -> socket.socket:
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(socket, "create_connection", no_route)
    assert cause_of(source(f"rtsp://viewer:{SECRET}@192.0.2.1/x")) == "unreachable"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "front door",
        f"ftp://viewer:{SECRET}@host/x",
        "rtsp://",
        f"rtsp://viewer:{SECRET}@host:port/x",
        "rtsp://viewer:12/s3cr@host/x",
        "rtsp://viewer:12#s3cr@host/x",
        f"rtsp://viewer:{SECRET}@{'long' * 20}/x",
        f"rtsp://viewer:{SECRET}@[::1/x",
    ],
)
def test_an_address_that_is_none_is_broken_without_being_quoted(address: str) -> None:
    error = failure_of(source(address))
    assert isinstance(error, CameraBroken)
    assert error.cause == "address"


def test_a_place_shows_no_secret_and_knows_the_ports() -> None:
    assert str(place_of(spec(f"rtsps://viewer:{SECRET}@[fe80::1]/{SECRET}"))) == "rtsps://[fe80::1]:322"
    assert str(place_of(spec("http://cam/video?password=s3cr"))) == "http://cam:80"


def test_every_error_of_libav_has_a_cause() -> None:
    errors = [cast(type[av.error.FFmpegError], kind)(1, "rtsp://a:s3cr@b") for kind in av.error.classes.values()]
    causes = {type(error).__name__: explain(error)[1] for error in errors}
    assert causes["HTTPServerError"] == causes["HTTPBadRequestError"] == "rejected"
    assert causes["ConnectionResetError"] == causes["BrokenPipeError"] == "end_of_stream"
    assert causes["DecoderNotFoundError"] == "format"
    assert causes["ExitError"] == causes["TimeoutError"] == "timeout"
    assert causes["MemoryError"] == "io"
    assert not any("s3cr" in explain(error)[0] for error in errors)


def test_reading_without_open_is_told() -> None:
    with pytest.raises(CameraUnavailable) as caught:
        source("rtsp://host/x").read(1)
    assert caught.value.cause == "closed"
