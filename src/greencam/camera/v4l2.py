"""USB cameras and everything else with a /dev/video node, through linuxpy (pure Python over the kernel's ioctls).

Of linuxpy only the calls that return at once are used: its own `read` waits without a bound (and in 0.25 calls a
module where it means `select.select`), so the waiting is done here, on the device's file descriptor.
"""

from __future__ import annotations

import errno
import logging
import select
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from greencam.base.clock import Clock
from greencam.base.errors import CameraBroken, CameraUnavailable, CorruptFrame
from greencam.camera.source import CameraSpec, Opened, rate_note, size_note
from greencam.camera.v4l2_devices import DeviceNode, Identity, find_devices, named
from greencam.frame import jpeg
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Picture, Pixels, StreamFormat

_log = logging.getLogger(__name__)
_BUFFERS = 4  # one that we read, one that fills, two for when we are late
_PREFERRED = (
    "MJPG",
    "JPEG",
    "YUYV",
    "UYVY",
    "BGR3",
    "RGB3",
    "GREY",
)  # by what a USB cable can carry, then by colour
_BYTES_PER_PIXEL = {"YUYV": 2, "UYVY": 2, "BGR3": 3, "RGB3": 3, "GREY": 1}
_AV_NAMES = {"YUYV": "yuyv422", "UYVY": "yuyv422", "BGR3": "bgr24", "RGB3": "rgb24", "GREY": "gray"}
_CAUSES = {errno.ENODEV: "disconnected", errno.ENXIO: "disconnected", errno.EBUSY: "busy", errno.ENOENT: "absent"}
_GONE = {"absent", "disconnected"}
_FIX_PERMISSION = "add the user to the group video: sudo usermod -aG video $USER, then log in again"


@dataclass(frozen=True)
class Mode:
    """One way in which a camera delivers: the kernel's four letters, pixels, frames per second (0 = not told)."""

    fourcc: str
    width: int
    height: int
    fps: float


class V4l2Source:
    """One V4L2 camera; `address` is a node, a /dev/v4l/by-id link, or empty for the first that can capture.

    With an `identity` that camera is looked for first: at the address, then at every other node, because the
    kernel gives a camera that was unplugged while in use another number when it returns.

    `damaged` counts the frames that the driver marked or that did not decode; they are skipped. `library` stands
    for the module linuxpy.video.device.
    """

    def __init__(
        self,
        spec: CameraSpec,
        clock: Clock,
        library: Callable[[], Any] | None = None,
        dev_root: Path = Path("/dev"),
    ) -> None:
        self._spec, self._clock, self._dev_root = spec, clock, dev_root
        self._load = library or _import_linuxpy
        self._library: Any = None
        self._device: Any = None
        self._capture: Any = None
        self._mode = Mode("", 0, 0, 0)
        self._stride = 0
        self.damaged = 0

    def open(self) -> Opened:
        """Open the device, choose its mode and start it; the notes say what differs from the wish.

        Raises CameraBroken (causes format, permission, device) and CameraUnavailable (absent, busy, disconnected,
        io). After a failure `close` lets go of what had been taken.
        """
        self.close()
        spec = self._spec
        if spec.pixel.planar:
            raise CameraBroken(
                f"kind v4l2 gives packed pictures, not {spec.pixel.label}; take bgr24", cause="format"
            )
        self._library = self._load()
        found, moved = self._take_device()
        with _told(f"{found.name} can't be started"):
            identity = Identity.of(found, self._device)
            rate_refused = self._start()
        mode, wish = self._mode, spec.wish
        given = StreamFormat(mode.width, mode.height, spec.pixel, mode.fps)
        notes = (*moved, *size_note(wish, mode.width, mode.height), *rate_note(wish.fps, mode.fps), *rate_refused)
        coded = f"the camera sends {mode.fourcc}, decoded to {spec.pixel.label}"
        notes = (*notes, coded, *_unset_controls(spec))
        return Opened(given, str(found.name), notes=notes, identity=identity.text)

    def read(self, timeout_s: float) -> Picture:
        """The next undamaged picture.

        Raises CameraUnavailable with cause timeout, disconnected, io, or closed.
        """
        if self._capture is None:
            raise CameraUnavailable("the camera is not open", cause="closed")
        deadline_s, damaged_before = self._clock.monotonic() + timeout_s, self.damaged
        while (left_s := deadline_s - self._clock.monotonic()) > 0:
            frame = self._next_frame(left_s)
            if frame is not None and (picture := self._picture(frame)) is not None:
                return picture
        damaged = self.damaged - damaged_before
        text = f"no frame within {timeout_s:g} s" + (f", {damaged} damaged" if damaged else "")
        raise CameraUnavailable(text, cause="timeout")

    def close(self) -> None:
        """Stop the stream and close the device; may hang in the driver."""
        for part in (self._capture, self._device):
            if part is None:
                continue
            try:
                part.close()
            except OSError as error:  # an unplugged camera refuses even to be stopped
                _log.info("camera %s: closing: %s", self._spec.id, error)
        self._capture = self._device = None

    def _take_device(self) -> tuple[DeviceNode, tuple[str, ...]]:
        """Open the camera that was there before, wherever it is now, else what is at the address; and a note
        when that is another node or another camera than before."""
        known, wanted = find_devices(self._dev_root), self._spec.address
        before = Identity.from_text(self._spec.identity)
        if before is None:
            return self._take_wanted(known), ()
        there = named(Path(wanted), known) if wanted else None
        if there is not None and self._took_same(there, before):
            return there, ()
        elsewhere = [found for found in known if there is None or found.node != there.node]
        for found in sorted(elsewhere, key=lambda found: found.by_id != before.by_id):
            if self._took_same(found, before):
                return found, (f"came back as {found.node}",) if wanted else ()
        taken = self._take_wanted(known)
        with _told(f"{taken.name} can't be asked"):
            now = Identity.of(taken, self._device)
        return taken, () if now.same_as(before) else (f"another camera than before: {now}, before {before}",)

    def _took_same(self, found: DeviceNode, before: Identity) -> bool:
        """Open the device if it is this camera; one that is there under its by-id name has to open, or the error
        is the camera's; others need not."""
        try:
            self._device = self._opened_device(found)
            with _told(f"{found.name} can't be asked"):
                captures = self._library.Capability.VIDEO_CAPTURE in self._device.info.device_capabilities
                if captures and Identity.of(found, self._device).same_as(before):
                    return True
        except (CameraUnavailable, CameraBroken) as error:
            if found.by_id and found.by_id == before.by_id and error.cause not in _GONE:
                raise
            _log.debug("camera %s: not looked at: %s", self._spec.id, error)
        self.close()
        return False

    def _take_wanted(self, known: list[DeviceNode]) -> DeviceNode:
        if self._spec.address:
            found = named(Path(self._spec.address), known)
            self._device = self._opened_device(found)
            return found
        for found in known:
            self._device = self._opened_device(found)
            if self._library.Capability.VIDEO_CAPTURE in self._device.info.device_capabilities:
                return found
            self.close()
        raise CameraUnavailable("no V4L2 camera found; see `v4l2-ctl --list-devices`", cause="absent")

    def _opened_device(self, found: DeviceNode) -> Any:
        with _told(f"{found.name} can't be opened"):
            device = self._library.Device(str(found.node))
            device.open()
        return device

    def _start(self) -> tuple[str, ...]:
        """Set the chosen mode and stream; what was really set is in _mode and _stride afterwards."""
        if self._library.Capability.VIDEO_CAPTURE not in self._device.info.device_capabilities:
            raise CameraBroken(f"{self._device.filename} is not a capture device", cause="device")
        wish = self._spec.wish
        chosen = choose_mode(_modes(self._device, self._library, wish), wish)
        if chosen is None:
            raise CameraBroken(f"the camera has none of {', '.join(_PREFERRED)}", cause="format")
        self._capture = self._library.VideoCapture(self._device, size=_BUFFERS)
        self._capture.set_format(chosen.width, chosen.height, chosen.fourcc)
        refused, fps = self._set_rate(chosen)
        self._capture.open()
        real = self._capture.get_format()
        self._mode = Mode(real.pixel_format.human_str(), real.width, real.height, fps)
        self._stride = real.bytes_per_line
        if self._mode.fourcc not in _PREFERRED:
            raise CameraBroken(f"the driver insists on {self._mode.fourcc}", cause="format")
        return refused

    def _set_rate(self, chosen: Mode) -> tuple[tuple[str, ...], float]:
        wish_fps = self._spec.fps
        try:
            if wish_fps or chosen.fps:
                self._capture.set_fps(min(wish_fps or chosen.fps, chosen.fps or wish_fps))
            return (), round(float(self._capture.get_fps()), 2)
        except (OSError, ZeroDivisionError) as error:  # 0/0 is what some drivers answer
            if isinstance(error, OSError) and error.errno not in {errno.ENOTTY, errno.EINVAL}:
                raise
            return ("this driver does not let the rate be set",), chosen.fps

    def _next_frame(self, timeout_s: float) -> Any | None:
        poller = select.poll()
        poller.register(self._device.fileno(), select.POLLIN)
        with _told("the camera can't be read"):
            events = poller.poll(timeout_s * 1000)
            if not events:
                return None
            try:
                return self._capture.buffer.raw_read()
            except BlockingIOError:
                if events[0][1] & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                    raise CameraUnavailable("the device reports an error", cause="disconnected") from None
                return None

    def _picture(self, frame: Any) -> Picture | None:
        grabbed_ns = self._clock.monotonic_ns()
        spec, mode, flags = self._spec, self._mode, frame.flags
        try:
            if flags & self._library.BufferFlag.ERROR:
                raise CorruptFrame("marked by the driver", cause="driver")
            pixels = decode(frame.data, mode, self._stride, spec.pixel)
        except CorruptFrame as error:
            self.damaged += 1
            _log.debug("camera %s: frame skipped: %s", spec.id, error)
            return None
        height, width = pixels.shape[:2]
        return Picture(pixels, spec.pixel, width, height, self._sensor_ns(frame.buff.timestamp, flags), grabbed_ns)

    def _sensor_ns(self, stamp: Any, flags: int) -> int:
        kinds = self._library.BufferFlag
        if flags & kinds.TIMESTAMP_MASK != kinds.TIMESTAMP_MONOTONIC:
            return 0
        return int(stamp.secs) * 1_000_000_000 + int(stamp.usecs) * 1_000


def choose_mode(modes: Iterable[Mode], wish: StreamFormat) -> Mode | None:
    """The mode that serves the wish: large and fast enough, but no larger than needed.

    If there is none, the fastest that is large enough, else the largest. Among equals MJPG comes first (at high
    rates often the only one that a USB cable carries), then YUYV, then the others. None when there is no mode that
    can be decoded.
    """

    def rank(mode: Mode) -> tuple[float, ...]:
        large = mode.width >= wish.width and mode.height >= wish.height
        quick = not wish.fps or mode.fps >= 0.98 * wish.fps
        area = mode.width * mode.height
        # A rate beyond the wish is worth nothing, so it is the next size and the coding that decide then.
        rate = min(mode.fps, wish.fps) if wish.fps else mode.fps
        coding = _PREFERRED.index(mode.fourcc)
        if large and quick and wish.fps:
            return (0, area, coding, mode.fps)
        return (1, -rate, area, coding) if large else (2, -area, -rate, coding)

    return min((mode for mode in modes if mode.fourcc in _PREFERRED), key=rank, default=None)


def decode(data: bytes, mode: Mode, stride: int, pixel: PixelFormat) -> Pixels:
    """A frame as the driver gives it, as a packed picture; raises CorruptFrame when it is not whole.

    YUV is ITU-R BT.601 with 16…235, as the UVC specification says of cameras that declare nothing else.
    """
    if mode.fourcc in {"MJPG", "JPEG"}:
        return jpeg.decode(data, pixel)
    width_bytes = mode.width * _BYTES_PER_PIXEL[mode.fourcc]
    stride = max(stride, width_bytes)  # 0 from drivers that do not tell
    if len(data) < stride * (mode.height - 1) + width_bytes:
        raise CorruptFrame(f"{len(data)} bytes are too few", cause="length")
    memory = np.frombuffer(data, np.uint8)[: stride * mode.height]
    if len(memory) < stride * mode.height:  # the last line may come without its padding
        memory = np.pad(memory, (0, stride * mode.height - len(memory)))
    lines = np.ascontiguousarray(memory.reshape(mode.height, stride)[:, :width_bytes])
    return _converted(lines, mode, pixel)


def _converted(lines: Pixels, mode: Mode, pixel: PixelFormat) -> Pixels:
    import av

    per_pixel = _BYTES_PER_PIXEL[mode.fourcc]
    shaped = lines.reshape(mode.height, mode.width, per_pixel) if per_pixel > 1 else lines
    if mode.fourcc == "UYVY":  # the same pairs of bytes the other way round; PyAV takes YUYV only
        shaped = np.ascontiguousarray(shaped[..., ::-1])
    name = "gray" if pixel is PixelFormat.GRAY8 else pixel.label
    frame = av.VideoFrame.from_ndarray(shaped, format=_AV_NAMES[mode.fourcc])
    return np.asarray(frame.to_ndarray(format=name), np.uint8)


def _modes(device: Any, library: Any, wish: StreamFormat) -> Iterator[Mode]:
    info, kind = device.info, library.BufferType.VIDEO_CAPTURE
    for offered in info.buffer_formats(kind):
        fourcc = offered.pixel_format.human_str()
        sizes = [_size(size, library, wish) for size in info.format_frame_sizes(offered.pixel_format)]
        if not sizes:  # drivers without a list, such as v4l2loopback: what is set now
            now = device.get_format(kind)
            sizes = [(now.width, now.height)]
        for width, height in sizes:
            for interval in info.fps_intervals(offered.pixel_format, width, height):
                # linuxpy swaps the two where the driver gives a range: the shortest interval is the highest rate.
                yield Mode(fourcc, width, height, round(float(max(interval.min_fps, interval.max_fps)), 2))


def _size(size: Any, library: Any, wish: StreamFormat) -> tuple[int, int]:
    """The size itself, or of a range the one next to the wish that its steps allow."""
    limits = size.info
    if size.type == library.FrameSizeType.DISCRETE:
        return limits.width, limits.height
    width = _step(wish.width, limits.min_width, limits.max_width, limits.step_width)
    return width, _step(wish.height, limits.min_height, limits.max_height, limits.step_height)


def _step(wish: int, smallest: int, largest: int, step: int) -> int:
    step = max(1, step)
    up = smallest + -(-max(0, wish - smallest) // step) * step
    return min(up, smallest + (largest - smallest) // step * step)


def _unset_controls(spec: CameraSpec) -> tuple[str, ...]:
    if spec.exposure_us > 0 or spec.gain > 0:
        return ("exposure and gain are not set for kind v4l2; use v4l2-ctl --set-ctrl",)
    return ()


def _import_linuxpy() -> Any:
    try:
        from linuxpy.video import device
    except ImportError as error:
        raise CameraBroken(f"linuxpy is missing ({error}): pip install linuxpy", cause="library") from error
    return device


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Every errno of the kernel in our own vocabulary."""
    try:
        yield
    except BlockingIOError:
        raise
    except PermissionError as error:
        raise CameraBroken(f"{what}: {error}; {_FIX_PERMISSION}", cause="permission") from error
    except OSError as error:
        raise CameraUnavailable(f"{what}: {error}", cause=_CAUSES.get(error.errno or 0, "io")) from error
