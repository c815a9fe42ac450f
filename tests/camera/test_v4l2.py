"""V4l2Source against a stand-in for linuxpy's device: its types and calls, a real descriptor to poll, no kernel."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from linuxpy.video import device as linuxpy
from linuxpy.video import raw

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraBroken, CameraUnavailable, CorruptFrame
from greencam.camera.source import CameraSpec
from greencam.camera.v4l2 import Mode, V4l2Source, choose_mode, decode
from greencam.frame import jpeg
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Pixels, StreamFormat
from tests.camera.dev_tree import dev_tree

CODES = {"MJPG": "MJPEG", "YUYV": "YUYV", "GREY": "GREY", "NV12": "NV12"}
RED, GREEN = (0, 0, 255), (0, 255, 0)  # B, G, R


def flat(bgr: tuple[int, int, int], width: int = 64, height: int = 48) -> Pixels:
    return np.full((height, width, 3), bgr, np.uint8)


def yuyv(y: int, u: int, v: int, width: int = 64, height: int = 48) -> Pixels:
    pairs = np.empty((height, width, 2), np.uint8)
    pairs[..., 0], pairs[:, 0::2, 1], pairs[:, 1::2, 1] = y, u, v
    return pairs


@dataclass
class Webcam:
    """What the driver offers (letters, width, height, fps) and which call meets which error."""

    modes: list[tuple[str, int, int, float]] = field(default_factory=lambda: [("MJPG", 64, 48, 100.0)])
    errors: dict[str, int] = field(default_factory=dict)
    capture: bool = True
    ranges: bool = False
    padding: int = 0
    set_fps: float = 0.0
    format: Any = None
    streaming: bool = False
    opened: int = 0
    queue: list[tuple[bytes, int]] = field(default_factory=list)
    card: str = "Acme Cam"
    bus: str = "usb-0000:00:14.0-1"
    ready: int = field(default_factory=lambda: os.eventfd(0, os.EFD_SEMAPHORE | os.EFD_NONBLOCK))

    def deliver(self, data: bytes, flags: int = raw.BufferFlag.TIMESTAMP_MONOTONIC) -> None:
        self.queue.append((data, flags))
        os.eventfd_write(self.ready, 1)

    def unplug(self) -> None:
        self.errors |= dict.fromkeys(("dqbuf", "streamoff"), errno.ENODEV)
        os.eventfd_write(self.ready, 1)  # poll reports an error then, which also wakes

    def meet(self, call: str) -> None:
        if call in self.errors:
            raise OSError(self.errors[call], os.strerror(self.errors[call]))


class FakeDevice:
    def __init__(self, webcam: Webcam, path: str) -> None:
        self.webcam, self.filename, self.info = webcam, Path(path), self

    def open(self) -> None:
        self.webcam.meet("open")
        self.webcam.opened += 1

    def close(self) -> None:
        self.webcam.opened -= 1

    def fileno(self) -> int:
        return self.webcam.ready

    @property
    def device_capabilities(self) -> raw.Capability:
        return raw.Capability.VIDEO_CAPTURE if self.webcam.capture else raw.Capability.META_CAPTURE

    @property
    def card(self) -> str:
        self.webcam.meet("querycap")
        return self.webcam.card

    @property
    def bus_info(self) -> str:
        return self.webcam.bus

    def buffer_formats(self, kind: raw.BufType) -> list[Any]:
        letters = dict.fromkeys(mode[0] for mode in self.webcam.modes)
        codes = [raw.PixelFormat[CODES[letter]] for letter in letters]
        return [linuxpy.ImageFormat(kind, letter, 0, code) for letter, code in zip(letters, codes, strict=True)]

    def format_frame_sizes(self, code: raw.PixelFormat) -> list[Any]:
        if self.webcam.ranges:
            limits = raw.v4l2_frmsize_stepwise(16, 1920, 16, 16, 1080, 8)
            return [linuxpy.FrameSize(0, code, raw.Frmsizetypes.STEPWISE, limits)]
        sizes = dict.fromkeys(mode[1:3] for mode in self.webcam.modes if CODES[mode[0]] == code.name)
        infos = [raw.v4l2_frmsize_discrete(*size) for size in sizes]
        return [linuxpy.FrameSize(n, code, raw.Frmsizetypes.DISCRETE, info) for n, info in enumerate(infos)]

    def fps_intervals(self, code: raw.PixelFormat, width: int, height: int) -> list[Any]:
        wanted = (code.name, width, height)
        rates = [m[3] for m in self.webcam.modes if self.webcam.ranges or (CODES[m[0]], *m[1:3]) == wanted]
        kind = raw.Frmivaltypes.DISCRETE
        return [linuxpy.FrameType(kind, code, width, height, rate, rate, rate) for rate in rates]


class FakeCapture:
    def __init__(self, device: FakeDevice, size: int) -> None:
        self.webcam, self.buffer = device.webcam, self

    def set_format(self, width: int, height: int, pixel_format: str) -> None:
        self.webcam.meet("s_fmt")
        stride = width * 2 + self.webcam.padding if pixel_format == "YUYV" else 0
        code = raw.PixelFormat[CODES[pixel_format]]
        self.webcam.format = linuxpy.Format(width, height, code, stride * height, stride)

    def get_format(self) -> Any:
        return self.webcam.format

    def set_fps(self, fps: float) -> None:
        self.webcam.meet("s_parm")
        rates = [mode[3] for mode in self.webcam.modes]
        self.webcam.set_fps = min(rates, key=lambda rate: abs(rate - fps))

    def get_fps(self) -> Fraction:
        return Fraction(self.webcam.set_fps)

    def open(self) -> None:
        self.webcam.meet("streamon")
        self.webcam.streaming = True

    def close(self) -> None:
        self.webcam.meet("streamoff")
        self.webcam.streaming = False

    def raw_read(self) -> Any:
        os.eventfd_read(self.webcam.ready)
        self.webcam.meet("dqbuf")
        data, flags = self.webcam.queue.pop(0)
        buffer = raw.v4l2_buffer(bytesused=len(data), flags=flags)
        now_us = time.monotonic_ns() // 1000
        buffer.timestamp.secs, buffer.timestamp.usecs = divmod(now_us, 1_000_000)
        return linuxpy.Frame(data, buffer, self.webcam.format)


@pytest.fixture
def webcam() -> Iterator[Webcam]:
    webcam = Webcam()
    yield webcam
    os.close(webcam.ready)


def library_of(device: Callable[[str], FakeDevice]) -> Any:
    """linuxpy's module with these devices in place of the kernel's."""
    names = ("Capability", "BufferType", "BufferFlag", "FrameSizeType")
    real = {name: getattr(linuxpy, name) for name in names}
    return SimpleNamespace(Device=device, VideoCapture=FakeCapture, **real)


def source(webcam: Webcam, dev_root: Path = Path("/nowhere"), **changes: Any) -> V4l2Source:
    library = library_of(lambda path: FakeDevice(webcam, path))
    facts: dict[str, Any] = {"address": "/dev/video0", "width": 64, "height": 48, **changes}
    return V4l2Source(CameraSpec("usb", "v4l2", **facts), SystemClock(), lambda: library, dev_root)


# --- which device -------------------------------------------------------------------------------------------------


def test_a_node_is_reported_by_its_stable_name(webcam: Webcam, tmp_path: Path) -> None:
    root = dev_tree(tmp_path)
    opened = source(webcam, root, address=str(root / "video2")).open()
    assert opened.device == str(root / "v4l/by-id/usb-Acme_Cam_42-video-index0")


def test_without_an_address_the_first_that_can_capture_is_taken(webcam: Webcam, tmp_path: Path) -> None:
    root = dev_tree(tmp_path)
    opened = source(webcam, root, address="").open()
    assert opened.device.endswith("by-id/usb-Acme_Cam_42-video-index0")


def test_without_an_address_and_without_a_capture_device_there_is_no_camera(webcam: Webcam, tmp_path: Path) -> None:
    webcam.capture = False
    with pytest.raises(CameraUnavailable) as caught:
        source(webcam, dev_tree(tmp_path), address="").open()
    assert caught.value.cause == "absent"
    assert webcam.opened == 0  # each that was tried is closed again


# --- which mode ---------------------------------------------------------------------------------------------------

HD60, HD30 = Mode("MJPG", 1280, 720, 60), Mode("YUYV", 1280, 720, 30)
FULL, VGA = Mode("MJPG", 1920, 1080, 30), Mode("YUYV", 640, 480, 120)


@pytest.mark.parametrize(
    ("modes", "width", "height", "fps", "expected"),
    [
        ([HD30, HD60, FULL, VGA], 1280, 720, 60, HD60),  # the only one that is large and fast enough
        ([HD30, HD60], 1280, 720, 30, HD60),  # both are: MJPG
        ([HD30, Mode("GREY", 1280, 720, 30)], 1280, 720, 30, HD30),  # both are: YUYV before the others
        ([HD60, Mode("MJPG", 1280, 720, 30)], 1280, 720, 30, Mode("MJPG", 1280, 720, 30)),  # no faster than needed
        ([FULL, HD60], 1270, 720, 30, HD60),  # no larger than needed
        ([FULL, HD30], 1280, 720, 30, HD30),  # nor for the sake of MJPG
        ([HD30, HD60, VGA], 1280, 720, 100, HD60),  # none is fast enough: the fastest of the large ones
        ([VGA, HD30], 1920, 1080, 30, HD30),  # none is large enough: the largest
        ([HD30, HD60], 1280, 720, 0, HD60),  # as fast as it comes
        ([Mode("NV12", 1280, 720, 60)], 1280, 720, 60, None),  # nobody here decodes it
        ([Mode("MJPG", 1280, 720, 29.97), HD60], 1280, 720, 30, Mode("MJPG", 1280, 720, 29.97)),  # 30 of the trade
        ([], 1280, 720, 30, None),
    ],
)
def test_which_mode(modes: list[Mode], width: int, height: int, fps: float, expected: Mode | None) -> None:
    assert choose_mode(modes, StreamFormat(width, height, PixelFormat.BGR24, fps)) == expected


def test_the_wish_met_is_reported_with_the_coding_only(webcam: Webcam) -> None:
    opened = source(webcam).open()
    assert opened.format == StreamFormat(64, 48, PixelFormat.BGR24, 100.0)
    assert opened.notes == ("the camera sends MJPG, decoded to bgr24",)
    assert webcam.streaming


def test_what_differs_from_the_wish_is_noted(webcam: Webcam) -> None:
    webcam.modes = [("YUYV", 32, 24, 30.0)]
    opened = source(webcam, exposure_us=250).open()
    assert (opened.format.width, opened.format.height, opened.format.fps) == (32, 24, 30.0)
    assert opened.notes[:2] == ("64×48 wished, the camera gives 32×24", "100 fps wished, this mode gives 30")
    assert "exposure" in opened.notes[-1]


def test_of_a_range_of_sizes_the_next_step_is_taken(webcam: Webcam) -> None:
    webcam.ranges = True
    opened = source(webcam, width=1270, height=720).open()
    assert (opened.format.width, opened.format.height) == (1280, 720)


def test_a_driver_that_cannot_set_the_rate_is_noted(webcam: Webcam) -> None:
    webcam.errors["s_parm"] = errno.ENOTTY
    opened = source(webcam).open()
    assert "this driver does not let the rate be set" in opened.notes
    assert opened.format.fps == 100.0


def test_a_camera_without_a_usable_format(webcam: Webcam) -> None:
    webcam.modes = [("NV12", 64, 48, 100.0)]
    with pytest.raises(CameraBroken, match="MJPG") as caught:
        source(webcam).open()
    assert caught.value.cause == "format"


def test_planes_are_refused_before_the_device_is_touched(webcam: Webcam) -> None:
    with pytest.raises(CameraBroken, match="bgr24") as caught:
        source(webcam, pixel=PixelFormat.NV12).open()
    assert caught.value.cause == "format"
    assert webcam.opened == 0


# --- pictures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixel", [PixelFormat.BGR24, PixelFormat.RGB24, PixelFormat.GRAY8, PixelFormat.RGBA32])
def test_mjpg_is_decoded_to_what_was_wished(webcam: Webcam, pixel: PixelFormat) -> None:
    camera = source(webcam, pixel=pixel)
    camera.open()
    webcam.deliver(jpeg.encode(flat(RED), PixelFormat.BGR24, 95))
    picture = camera.read(2.0)
    expected = {3: [0, 0, 255], 4: [255, 0, 0, 255], 1: [76]}[pixel.channels]
    expected = expected[::-1] if pixel is PixelFormat.RGB24 else expected
    assert picture.pixels.shape == pixel.shape(64, 48)
    assert np.abs(np.atleast_1d(picture.pixels[20, 30]).astype(int) - expected).max() <= 3


# ITU-R BT.601: Y, U, V of pure colours, 16…235.
@pytest.mark.parametrize(
    ("yuv", "bgr"),
    [((81, 90, 240), RED), ((145, 54, 34), GREEN), ((41, 240, 110), (255, 0, 0)),
     ((235, 128, 128), (255, 255, 255)), ((16, 128, 128), (0, 0, 0))],
)  # fmt: skip
@pytest.mark.parametrize("padding", [0, 32])
def test_yuyv_is_converted_with_or_without_padding(
    webcam: Webcam, yuv: tuple[int, int, int], bgr: tuple[int, int, int], padding: int
) -> None:
    webcam.modes, webcam.padding = [("YUYV", 64, 48, 100.0)], padding
    camera = source(webcam)
    camera.open()
    lines = np.pad(yuyv(*yuv).reshape(48, 128), ((0, 0), (0, padding)), constant_values=0xEE)
    webcam.deliver(lines.tobytes())
    pixels = camera.read(2.0).pixels
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels.astype(int) - bgr).max() <= 4


@pytest.mark.parametrize(
    ("fourcc", "memory", "bgr"),
    [
        ("UYVY", np.ascontiguousarray(yuyv(81, 90, 240)[..., ::-1]), RED),
        ("BGR3", flat(RED), RED),
        ("RGB3", np.ascontiguousarray(flat(RED)[..., ::-1]), RED),
        ("GREY", np.full((48, 64), 99, np.uint8), (99, 99, 99)),
    ],
)
def test_other_formats_are_converted(fourcc: str, memory: Pixels, bgr: tuple[int, int, int]) -> None:
    pixels = decode(memory.tobytes(), Mode(fourcc, 64, 48, 0), 0, PixelFormat.BGR24)
    assert np.abs(pixels.astype(int) - bgr).max() <= 4


def test_yuyv_to_grey_uses_the_whole_range() -> None:
    grey = decode(yuyv(235, 128, 128).tobytes(), Mode("YUYV", 64, 48, 0), 128, PixelFormat.GRAY8)
    assert grey.shape == (48, 64)
    assert grey.min() >= 253


def test_a_frame_that_is_too_short_is_corrupt() -> None:
    with pytest.raises(CorruptFrame, match="too few"):
        decode(yuyv(81, 90, 240).tobytes()[:-1], Mode("YUYV", 64, 48, 0), 128, PixelFormat.BGR24)


def test_the_drivers_monotonic_time_is_the_sensor_time(webcam: Webcam) -> None:
    camera = source(webcam)
    camera.open()
    webcam.deliver(jpeg.encode(flat(RED), PixelFormat.BGR24))
    picture = camera.read(2.0)
    assert 0 <= picture.grabbed_ns - picture.sensor_ns < 60e9


def test_a_stamp_of_an_unknown_clock_is_not_told(webcam: Webcam) -> None:
    camera = source(webcam)
    camera.open()
    webcam.deliver(jpeg.encode(flat(RED), PixelFormat.BGR24), raw.BufferFlag.TIMESTAMP_UNKNOWN)
    assert camera.read(2.0).sensor_ns == 0


@pytest.mark.parametrize(
    ("data", "flags"),
    [
        (jpeg.encode(flat(GREEN), PixelFormat.BGR24), raw.BufferFlag.ERROR),  # marked by the driver
        (jpeg.encode(flat(GREEN), PixelFormat.BGR24)[:-40], 0),  # cut off
        (b"", 0),
    ],
)
def test_damaged_frames_are_skipped_and_counted(webcam: Webcam, data: bytes, flags: int) -> None:
    camera = source(webcam)
    camera.open()
    webcam.deliver(data, flags)
    webcam.deliver(jpeg.encode(flat(RED), PixelFormat.BGR24, 95))
    assert np.abs(camera.read(2.0).pixels[20, 30].astype(int) - RED).max() <= 3
    assert camera.damaged == 1


# --- failures -----------------------------------------------------------------------------------------------------


def test_silence_ends_in_time(webcam: Webcam) -> None:
    camera = source(webcam)
    camera.open()
    began = time.monotonic()
    with pytest.raises(CameraUnavailable, match=r"no frame within 0\.1 s") as caught:
        camera.read(0.1)
    assert caught.value.cause == "timeout"
    assert 0.09 < time.monotonic() - began < 30.0


def test_a_camera_that_sends_only_damage_times_out_and_says_so(webcam: Webcam) -> None:
    camera = source(webcam)
    camera.open()
    webcam.deliver(b"\xff\xd8 nothing")
    with pytest.raises(CameraUnavailable, match="1 damaged"):
        camera.read(1.0)


def test_unplugging_while_reading_is_told_and_close_does_not_raise(webcam: Webcam) -> None:
    camera = source(webcam)
    camera.open()
    threading.Timer(0.05, webcam.unplug).start()
    with pytest.raises(CameraUnavailable) as caught:
        camera.read(60.0)
    assert caught.value.cause == "disconnected"
    camera.close()
    assert webcam.opened == 0


@pytest.mark.parametrize(
    ("call", "number", "cause"),
    [
        ("open", errno.ENOENT, "absent"),
        ("open", errno.ENODEV, "disconnected"),
        ("open", errno.EBUSY, "busy"),
        ("s_fmt", errno.EBUSY, "busy"),
        ("streamon", errno.EBUSY, "busy"),
        ("streamon", errno.ENOSPC, "io"),  # no bandwidth left on the bus
        ("s_parm", errno.EBUSY, "busy"),
    ],
)
def test_why_it_cannot_be_opened(webcam: Webcam, call: str, number: int, cause: str) -> None:
    webcam.errors[call] = number
    camera = source(webcam)
    with pytest.raises(CameraUnavailable, match="/dev/video0") as caught:
        camera.open()
    assert caught.value.cause == cause
    camera.close()
    assert webcam.opened == 0


def test_a_missing_permission_is_said_with_its_remedy(webcam: Webcam) -> None:
    webcam.errors["open"] = errno.EACCES
    with pytest.raises(CameraBroken, match="group video") as caught:
        source(webcam).open()
    assert caught.value.cause == "permission"


def test_a_metadata_node_is_not_a_camera(webcam: Webcam) -> None:
    webcam.capture = False
    with pytest.raises(CameraBroken) as caught:
        source(webcam).open()
    assert caught.value.cause == "device"


def test_it_can_be_opened_again_after_a_failure(webcam: Webcam) -> None:
    camera = source(webcam)
    webcam.errors["streamon"] = errno.EBUSY
    with pytest.raises(CameraUnavailable):
        camera.open()
    webcam.errors.clear()
    camera.open()
    assert webcam.opened == 1


def test_reading_a_camera_that_is_not_open_is_refused(webcam: Webcam) -> None:
    with pytest.raises(CameraUnavailable) as caught:
        source(webcam).read(0.1)
    assert caught.value.cause == "closed"


def test_the_real_library_says_absent_for_a_node_that_is_not_there(tmp_path: Path) -> None:
    camera = V4l2Source(CameraSpec("usb", "v4l2", str(tmp_path / "video7")), SystemClock(), dev_root=tmp_path)
    with pytest.raises(CameraUnavailable) as caught:
        camera.open()
    assert caught.value.cause == "absent"


def test_the_real_library_refuses_a_file_that_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "video7").touch()
    camera = V4l2Source(CameraSpec("usb", "v4l2", str(tmp_path / "video7")), SystemClock(), dev_root=tmp_path)
    with pytest.raises(CameraUnavailable, match="Inappropriate ioctl") as caught:
        camera.open()
    assert caught.value.cause == "io"
    camera.close()
