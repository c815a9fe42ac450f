"""Raspberry Pi cameras (CSI) through picamera2, in the one order of calls that can be left again.

picamera2 runs a list of jobs in a thread of its own, one step per frame. Without frames a job never ends, and
whatever comes behind it (such as `stop()`) waits without bound. Therefore every wait here has a timeout, and a wait
that ran out clears the job list before anything else is called (raspberrypi/picamera2 issue 1065, pull 1069).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from greencam.base.clock import Clock
from greencam.base.errors import CameraBroken, CameraUnavailable
from greencam.camera.source import CameraSpec, Opened, rate_note, size_note
from greencam.frame.formats import PICAMERA2_NAMES, PixelFormat
from greencam.frame.picture import Picture, Pixels, StreamFormat

_log = logging.getLogger(__name__)
_NAMES = {pixel: name for name, pixel in PICAMERA2_NAMES.items()}
_BUFFERS = 6  # picamera2's own default for video
_DISCARDED_FRAMES = 3  # the first frames are made before exposure and white balance have settled
_US_PER_S = 1_000_000
_FIX_LIBRARY = (
    "install it with `sudo apt install python3-picamera2` and make the virtual environment with "
    "--system-site-packages"
)


class Request(Protocol):
    """One finished frame that the camera lends; it is short of a buffer until `release`."""

    config: dict[str, Any]

    def get_metadata(self) -> dict[str, Any]: ...  # noqa: D102 - picamera2's own
    def release(self) -> None: ...  # noqa: D102


class Camera(Protocol):
    """The part of picamera2.Picamera2 that is used here."""

    @property
    def camera_controls(self) -> Mapping[str, tuple[Any, Any, Any]]: ...  # noqa: D102
    @property
    def sensor_modes(self) -> list[dict[str, Any]]: ...  # noqa: D102
    def create_video_configuration(self, **wishes: Any) -> dict[str, Any]: ...  # noqa: D102
    def configure(self, configuration: dict[str, Any]) -> None: ...  # noqa: D102
    def camera_configuration(self) -> dict[str, Any]: ...  # noqa: D102
    def start(self) -> None: ...  # noqa: D102
    def capture_request(self, *, wait: float) -> Request: ...  # noqa: D102
    def cancel_all_and_flush(self) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class CameraClass(Protocol):
    """What is used of the class Picamera2 itself."""

    def __call__(self, camera_num: int) -> Camera: ...  # noqa: D102
    def global_camera_info(self) -> list[dict[str, Any]]: ...  # noqa: D102


class Library(Protocol):
    """The module picamera2, or what a test gives in its place."""

    Picamera2: CameraClass
    MappedArray: Any


@dataclass(frozen=True)
class SensorMode:
    """One way to read the sensor out: pixels, bits per pixel, highest rate, and the sensor area that it sees."""

    width: int
    height: int
    bit_depth: int
    fps: float
    view_area: int = 0


class PicameraSource:
    """One CSI camera; `address` is its number in picamera2's list, the first when empty.

    `library` and `boottime_ns` (nanoseconds of CLOCK_BOOTTIME, in which sensors stamp) are there for tests.
    """

    def __init__(
        self,
        spec: CameraSpec,
        clock: Clock,
        library: Callable[[], Library] | None = None,
        boottime_ns: Callable[[], int] | None = None,
    ) -> None:
        self._spec, self._clock = spec, clock
        self._load = library or _import_picamera2
        self._boottime_ns = boottime_ns or _boottime_ns
        self._library: Library | None = None
        self._camera: Camera | None = None
        self._stalled = False
        self._format = spec.wish
        self._frame: Pixels = np.empty(0, np.uint8)

    def open(self) -> Opened:
        """Open, configure, start and throw the first frames away; what differs from the wish is in the notes.

        Raises CameraBroken (causes library, address, format) and CameraUnavailable (absent, busy, configure,
        timeout). After a failure `close` lets go of what had been taken.
        """
        self.close()
        library = self._library = self._load()
        index, device = _find(library.Picamera2, self._spec.address)
        self._camera, self._stalled = _grab(library.Picamera2, index), False
        notes = self._configure(self._camera)
        self._frame = np.empty(self._format.pixel.shape(self._format.width, self._format.height), np.uint8)
        for _ in range(_DISCARDED_FRAMES):
            self._capture(self._camera, self._spec.timeout_s).release()
        return Opened(self._format, device, notes=notes)

    def read(self, timeout_s: float) -> Picture:
        """The next frame, copied into the one buffer of this source; the camera has its own back at once.

        Raises CameraUnavailable: cause `timeout` (only close helps then), `read`, or `closed`.
        """
        if self._camera is None or self._library is None:
            raise CameraUnavailable("the camera is not open", cause="closed")
        request = self._capture(self._camera, timeout_s)
        try:
            with _as_unavailable("the frame can't be read", "read"):
                grabbed_ns = self._clock.monotonic_ns()
                sensor_ns = self._sensor_ns(request.get_metadata(), grabbed_ns)
                with self._library.MappedArray(request, "main", reshape=False, write=False) as mapped:
                    pack(mapped.array, request.config["main"]["stride"], self._frame, self._format)
        finally:
            request.release()
        fmt = self._format
        return Picture(self._frame, fmt.pixel, fmt.width, fmt.height, sensor_ns, grabbed_ns)

    def close(self) -> None:
        """Stop, then close. Either may hang in the driver for ever: run it where it can be killed.

        After a timeout `stop` is left out: it waits for picamera2's thread, which may be dead, whereas the
        library's own `close` ends that thread first and stops the camera afterwards.
        """
        camera, self._camera = self._camera, None
        if camera is None:
            return
        for step in (camera.close,) if self._stalled else (camera.stop, camera.close):
            try:
                step()
            except (RuntimeError, OSError) as error:
                _log.warning("camera %s: %s failed: %s", self._spec.id, step.__name__, error)

    def _configure(self, camera: Camera) -> tuple[str, ...]:
        spec = self._spec
        if spec.pixel not in _NAMES:
            known = ", ".join(pixel.label for pixel in _NAMES)
            raise CameraBroken(f"picamera2 has no {spec.pixel.label}; take one of {known}", cause="format")
        mode, notes = _sensor_mode(camera, spec.wish)
        controls, unknown = _controls(spec, camera.camera_controls)
        sensor = {"sensor": {"output_size": (mode.width, mode.height), "bit_depth": mode.bit_depth}} if mode else {}
        with _as_unavailable("the camera can't be configured", "configure"):
            wished = camera.create_video_configuration(
                main={"size": (spec.width, spec.height), "format": _NAMES[spec.pixel]},
                buffer_count=_BUFFERS,
                queue=True,
                controls=controls,
                **sensor,
            )
            camera.configure(wished)
            self._format = _achieved(camera, spec.fps, mode)
            camera.start()
        return (*notes, *unknown, *_difference(spec.wish, self._format))

    def _capture(self, camera: Camera, timeout_s: float) -> Request:
        # A wait of 0 would mean "do not wait" to picamera2, which then returns a job.
        try:
            with _as_unavailable("the camera can't be read", "read"):
                return camera.capture_request(wait=max(timeout_s, 0.001))
        except TimeoutError:
            # The job is still queued: a later frame would finish it and its request would never come back.
            self._stalled = True
            camera.cancel_all_and_flush()
            raise CameraUnavailable(f"no frame within {timeout_s:g} s", cause="timeout") from None

    def _sensor_ns(self, metadata: dict[str, Any], now_ns: int) -> int:
        stamp_ns = int(metadata.get("SensorTimestamp", 0))
        if not stamp_ns:
            return 0
        # CLOCK_BOOTTIME also runs while the machine sleeps, so the distance between the two can grow.
        asleep_ns = self._boottime_ns() - self._clock.monotonic_ns()
        sensor_ns = stamp_ns - asleep_ns
        return sensor_ns if 0 < sensor_ns <= now_ns else 0  # a time to come is of another clock: not known


def pack(memory: Pixels, stride: int, target: Pixels, fmt: StreamFormat) -> None:
    """Copy a camera buffer, whose lines are `stride` bytes apart, into a packed picture of that format."""
    rows = fmt.pixel.rows(fmt.height)
    lines = memory[: rows * stride].reshape(rows, stride)
    if fmt.pixel is not PixelFormat.YUV420P:
        width_bytes = fmt.width * fmt.pixel.channels
        np.copyto(target.reshape(rows, width_bytes), lines[:, :width_bytes])
        return
    # The lines of U and V are half as long and half as far apart: two of them lie in one line of luma.
    np.copyto(target[: fmt.height], lines[: fmt.height, : fmt.width])
    chroma = lines[fmt.height :].reshape(fmt.height, stride // 2)[:, : fmt.width // 2]
    np.copyto(target[fmt.height :].reshape(fmt.height, fmt.width // 2), chroma)


def choose_sensor_mode(modes: list[SensorMode], wish: StreamFormat) -> SensorMode | None:
    """The mode to read the sensor with: large enough and fast enough with the widest view, else the fastest.

    Left to itself picamera2 looks at size and bits only, and reads an IMX477 at 50 fps when 100 are wished though
    it has a mode of 120. None when no mode is large enough.
    """
    large = [mode for mode in modes if mode.width >= wish.width and mode.height >= wish.height]
    quick = [mode for mode in large if wish.fps and mode.fps >= 0.98 * wish.fps]
    if quick:
        return max(quick, key=lambda mode: (mode.view_area, mode.bit_depth, -mode.width * mode.height))
    return max(large, key=lambda mode: (mode.fps, mode.view_area), default=None)


def _import_picamera2() -> Library:
    try:
        import picamera2
    except ImportError as error:
        text = f"this Python has no picamera2 ({error}); {_FIX_LIBRARY}"
        raise CameraBroken(text, cause="library") from error
    library: Library = picamera2
    return library


def _boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _find(cameras: CameraClass, address: str) -> tuple[int, str]:
    if address and not address.isdecimal():
        raise CameraBroken(f"{address!r} is not a camera number; take 0 for the first", cause="address")
    index, found = int(address or 0), cameras.global_camera_info()
    if index >= len(found):
        text = f"camera {index} is not there ({len(found)} found); see `rpicam-hello --list-cameras`"
        raise CameraUnavailable(text, cause="absent")
    return index, f"{found[index].get('Model', 'camera')} ({found[index].get('Id', index)})"


def _grab(cameras: CameraClass, index: int) -> Camera:
    try:
        return cameras(index)
    except (RuntimeError, OSError, IndexError) as error:
        text = "; ".join(_reasons(error))
        # The two that libcamera says: device or resource busy; pipeline handler in use by another process.
        busy = "busy" in text.lower() or "in use" in text.lower()
        cause = "busy" if busy else "absent" if "not found" in text else "open"
        raise CameraUnavailable(f"camera {index} can't be opened: {text}", cause=cause) from error


def _reasons(error: BaseException | None) -> Iterator[str]:
    # picamera2 wraps libcamera's reason twice; the last of the chain says what happened.
    while error is not None:
        yield str(error)
        error = error.__cause__


@contextmanager
def _as_unavailable(what: str, cause: str) -> Iterator[None]:
    try:
        yield
    except TimeoutError:  # is an OSError, but the caller's matter
        raise
    except (RuntimeError, OSError) as error:
        raise CameraUnavailable(f"{what}: {error}", cause=cause) from error


def _sensor_mode(camera: Camera, wish: StreamFormat) -> tuple[SensorMode | None, tuple[str, ...]]:
    modes = _sensor_modes(camera)
    if not modes:
        return None, ("the camera does not tell its sensor modes",)
    mode = choose_sensor_mode(modes, wish)
    if mode is None:
        largest = max(modes, key=lambda mode: mode.width * mode.height)
        sizes = f"as large as {wish.width}×{wish.height}; the largest is {largest.width}×{largest.height}"
        return None, (f"no sensor mode is {sizes}",)
    return mode, ()


def _sensor_modes(camera: Camera) -> list[SensorMode]:
    try:
        told = camera.sensor_modes
    except (AttributeError, KeyError, RuntimeError) as error:
        # Cameras without a raw stream (USB, virtual): picamera2 stumbles over the missing configuration.
        _log.info("no sensor modes: %r", error)
        return []
    return [_as_sensor_mode(mode) for mode in told if "size" in mode and "fps" in mode]


def _as_sensor_mode(told: dict[str, Any]) -> SensorMode:
    width, height = told["size"]
    _, _, view_width, view_height = told.get("crop_limits", (0, 0, 0, 0))
    return SensorMode(width, height, int(told["bit_depth"]), float(told["fps"]), view_width * view_height)


def _controls(spec: CameraSpec, advertised: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What to ask for, and a note for each wish that this camera has no control for."""
    period_us = round(_US_PER_S / spec.fps) if spec.fps else 0
    wishes: dict[str, Any] = {}
    if period_us:
        wishes["FrameDurationLimits"] = (period_us, period_us)
    if spec.exposure_us > 0:
        wishes["ExposureTime"] = spec.exposure_us
    if spec.gain > 0:
        wishes["AnalogueGain"] = spec.gain
    notes = tuple(f"this camera has no control {name}" for name in wishes if name not in advertised)
    return {name: value for name, value in wishes.items() if name in advertised}, notes


def _achieved(camera: Camera, wish_fps: float, mode: SensorMode | None) -> StreamFormat:
    main = camera.camera_configuration()["main"]
    if main["format"] not in PICAMERA2_NAMES:
        text = f"the camera gives {main['format']}, which is not handled here; USB cameras: kind v4l2"
        raise CameraBroken(text, cause="format")
    width, height = main["size"]
    limits_us = camera.camera_controls.get("FrameDurationLimits")
    fps = _rate(wish_fps, float(limits_us[0]), float(limits_us[1])) if limits_us else mode.fps if mode else 0.0
    return StreamFormat(width, height, PICAMERA2_NAMES[main["format"]], fps)


def _rate(wish_fps: float, shortest_us: float, longest_us: float) -> float:
    """The rate that the configured mode gives: the wish within the mode's own shortest and longest frame."""
    wished_us = _US_PER_S / wish_fps if wish_fps else shortest_us
    duration_us = max(min(wished_us, longest_us or wished_us), shortest_us)
    return round(_US_PER_S / duration_us, 2) if duration_us > 0 else 0.0


def _difference(wish: StreamFormat, given: StreamFormat) -> Iterator[str]:
    yield from size_note(wish, given.width, given.height)
    if given.pixel is not wish.pixel:
        yield f"{wish.pixel.label} wished, the camera gives {given.pixel.label}"
    yield from rate_note(wish.fps, given.fps)
