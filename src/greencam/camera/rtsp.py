"""A network camera: RTSP over TCP or UDP, and with the same code motion JPEG over HTTP.

Every failure has a cause of its own and a sentence that names the host but never path or password: libav's own
texts hold the whole address, so none of them leaves this module.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from greencam.base.clock import Clock
from greencam.base.errors import CameraBroken, CameraUnavailable
from greencam.camera.decode import Converter, VideoFrames, first_video, frame_time_s
from greencam.camera.source import CameraSpec, Opened
from greencam.frame.picture import Picture, StreamFormat

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.error import FFmpegError
    from av.video.frame import VideoFrame

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}  # 322: libavformat/rtsp.h, RTSPS_DEFAULT_PORT
# Not fflags=nobuffer: it throws away what is read while the stream is analysed, the first key frame with it.
# Measured with a key frame per second at 50 fps: the first 50 of 200 frames lost.
_ANALYSIS = {"probesize": "200000", "analyzeduration": "500000"}  # bytes, µs


@dataclass(frozen=True)
class Place:
    """Where a camera is, safe to show: no user, no password, no path (some cameras want the password there)."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass
class Backlog:
    """Tells pictures that have waited in a buffer from fresh ones, by the stream's own time stamps.

    A picture's lag is its arrival minus its stamp; the smallest lag yet is what a fresh picture has. One that
    lags `stale_s` more is stale, and so are all after it until the lag is within `fresh_s` again. A picture for
    which we had to wait about as long as its stamp says ends that too: nothing is buffered then, whatever the
    stamps say (the camera's clock drifted or was set).
    """

    stale_s: float = 1.0
    fresh_s: float = 0.2
    _lag_s: float | None = None
    _stamp_s: float = 0.0
    _behind: bool = False

    def stale(self, stamp_s: float | None, arrived_s: float, waited_s: float) -> bool:
        """Whether to drop this picture: its stamp (None = unknown, never stale), when it came, how long that
        took since it was asked for; all in seconds."""
        if stamp_s is None:
            return False
        lag, step = arrived_s - stamp_s, stamp_s - self._stamp_s
        self._stamp_s = stamp_s
        # 0.7: room for jitter; a second: longer than that is a stall, whose end is not fresh at all.
        live = 0.7 * step <= waited_s <= max(self.stale_s, 1.5 * step)
        if self._lag_s is None or step <= 0 or lag <= self._lag_s:
            self._lag_s, self._behind = lag, False
            return False
        self._behind = lag - self._lag_s > (self.fresh_s if self._behind else self.stale_s)
        if self._behind and live:
            self._lag_s, self._behind = lag, False
        return self._behind


class RtspSource:
    """One network camera through PyAV; `dropped` counts the stale pictures that were left out after stalls."""

    def __init__(self, spec: CameraSpec, clock: Clock) -> None:
        self._spec, self._clock = spec, clock
        self._container: InputContainer | None = None
        self._frames: VideoFrames | None = None
        self._steps: Iterator[VideoFrame | None] = iter(())
        self._first: VideoFrame | None = None
        self._converter: Converter | None = None
        self._size = (0, 0)
        self._backlog = Backlog()
        self.dropped = 0

    @property
    def skipped(self) -> int:
        """Packets since open that gave no picture that can be shown."""
        return self._frames.skipped if self._frames else 0

    def open(self) -> Opened:
        """Connect, and decode the first picture.

        Raises CameraBroken: `address` (not a URL we can use), `size`; and CameraUnavailable: `refused`,
        `unauthorized`, `not_found`, `rejected`, `timeout`, `unreachable`, `end_of_stream`, `format`, `io`.
        A wrong password is not CameraBroken: cameras answer 401 while they start, and back-off protects the
        account.
        """
        self.close()
        place = place_of(self._spec)
        started_s = self._clock.monotonic()
        try:
            first = self._connect(place)
            self._converter = Converter(self._spec, first.width, first.height)
        except (CameraUnavailable, CameraBroken):
            self.close()
            raise
        self._size, self._first = (first.width, first.height), first
        now_s = self._clock.monotonic()
        self._backlog = Backlog()
        self._backlog.stale(frame_time_s(first), now_s, now_s - started_s)
        rate = self._frames.rate if self._frames else 0.0
        got = StreamFormat(self._converter.width, self._converter.height, self._spec.pixel, rate)
        return Opened(got, str(place), live=True, notes=self._converter.notes)

    def read(self, timeout_s: float) -> Picture:
        """The next fresh picture; `sensor_ns` is 0, because stamps over RTSP don't tell when light was caught.

        A silent network is noticed after `spec.timeout_s`, which was set at open; timeout_s bounds the rest.
        Raises CameraUnavailable: `timeout`, `end_of_stream`, `changed` (another size), `closed`, `io`.
        """
        if self._converter is None:
            raise CameraUnavailable(f"camera {self._spec.id} is not open", cause="closed")
        frame, self._first = self._first or self._fresh(timeout_s), None
        if (frame.width, frame.height) != self._size:
            before, now = "×".join(map(str, self._size)), f"{frame.width}×{frame.height}"
            raise self._unavailable(f"its pictures changed from {before} to {now}", "changed")
        return self._converter.picture(frame, self._clock.monotonic_ns())

    def close(self) -> None:
        """Say goodbye to the camera; it may take as long as a time-out when the camera is silent."""
        container, self._container = self._container, None
        self._frames, self._first, self._converter, self._steps = None, None, None, iter(())
        if container is not None:
            container.close()

    def _fresh(self, timeout_s: float) -> VideoFrame:
        asked_s = self._clock.monotonic()
        deadline_s = asked_s + timeout_s
        while True:
            frame = self._next(deadline_s)
            now_s = self._clock.monotonic()
            if not self._backlog.stale(frame_time_s(frame), now_s, now_s - asked_s) or now_s > deadline_s:
                return frame
            self.dropped += 1
            asked_s = now_s

    def _next(self, deadline_s: float) -> VideoFrame:
        from av.error import FFmpegError

        asked_s = self._clock.monotonic()
        try:
            for frame in self._steps:
                if frame is not None:
                    return frame
                asked_s = self._clock.monotonic()
                if asked_s > deadline_s:
                    raise self._unavailable("it sends data, but no picture in time", "timeout")
        except FFmpegError as error:
            waited_s = self._clock.monotonic() - asked_s
            # A camera that goes silent in the middle of a packet ends as EIO, like a broken connection.
            if error.errno == errno.EIO and waited_s >= 0.9 * self._spec.timeout_s / 2:
                raise self._unavailable("it has gone silent", "timeout") from None
            raise self._unavailable(*explain(error)) from None
        raise self._unavailable("it ended the stream", "end_of_stream")

    def _connect(self, place: Place) -> VideoFrame:
        """Open the stream and decode its first picture, all within about `spec.timeout_s`."""
        started_s = self._clock.monotonic()
        self._reach(place)
        container = self._container = self._open_container()
        stream = first_video(container)
        if stream is None:
            raise self._unavailable("it sends no video that can be decoded", "format")
        self._frames = VideoFrames(container, stream)
        self._steps = self._frames.steps()
        try:
            return self._next(started_s + self._spec.timeout_s)
        except CameraUnavailable as error:
            if error.cause == "timeout" and self._frames.skipped:
                raise self._unavailable("not one of its pictures can be decoded", "format") from None
            raise

    def _reach(self, place: Place) -> None:
        """Look up the host and connect once: libav reports an unknown host or no route as any odd error."""
        try:
            with socket.create_connection((place.host, place.port), timeout=self._spec.timeout_s / 2):
                return
        except ConnectionRefusedError:
            raise self._unavailable("connection refused: no service on that port", "refused") from None
        except ConnectionResetError:
            raise self._unavailable("it closed the connection", "end_of_stream") from None
        except TimeoutError:
            raise self._unavailable("no answer from that address", "timeout") from None
        except socket.gaierror:
            raise self._unavailable("no such host: the name can't be resolved", "unreachable") from None
        except OSError as error:
            raise self._unavailable(f"can't be reached: {error.strerror}", "unreachable") from None

    def _open_container(self) -> InputContainer:
        import av

        spec = self._spec
        # Half, because a read fails after twice what is set (measured at 0.5 s to 3 s).
        half_s = spec.timeout_s / 2
        options = {"timeout": str(int(half_s * 1e6)), **_ANALYSIS}
        if spec.address.lower().startswith("rtsp"):
            options["rtsp_transport"] = spec.transport
        started_s = self._clock.monotonic()
        try:
            return av.open(spec.address, "r", options=options, timeout=(spec.timeout_s, half_s))
        except av.FFmpegError as error:
            text, cause = explain(error)
            # A server that takes the connection and then is silent ends as "invalid data", after the time-out.
            if cause == "format" and self._clock.monotonic() - started_s >= 0.9 * half_s:
                text, cause = "it takes the connection but does not answer", "timeout"
            raise self._unavailable(text, cause) from None

    def _unavailable(self, text: str, cause: str) -> CameraUnavailable:
        return CameraUnavailable(f"camera {self._spec.id} at {place_of(self._spec)}: {text}", cause=cause)


def place_of(spec: CameraSpec) -> Place:
    """Scheme, host and port of a camera's URL; raises CameraBroken (`address`), never quoting the URL."""
    rule = "rtsp://user:password@host:port/path, special characters of the password as %XX"
    wrong = CameraBroken(f"camera {spec.id}: its address must be like {rule}", cause="address")
    try:
        parts = urlsplit(spec.address)
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError:
        raise wrong from None
    # An unescaped "/" in a password makes user and the password's first part look like host and port.
    torn = "@" in f"{parts.path}{parts.query}{parts.fragment}" and "@" not in parts.netloc
    if not host or parts.scheme not in _PORTS or torn:
        raise wrong
    return Place(parts.scheme, host, port or _PORTS[parts.scheme])


def explain(error: FFmpegError) -> tuple[str, str]:
    """What an error of libav means for a camera: a sentence for people, a cause for machines."""
    import av.error as e

    meanings: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str, str], ...] = (
        (e.HTTPUnauthorizedError, "user name or password is wrong or missing (401)", "unauthorized"),
        (e.HTTPForbiddenError, "this user may not see it (403)", "unauthorized"),
        (e.HTTPNotFoundError, "there is no stream of that path (404)", "not_found"),
        (e.HTTPClientError, "it rejects the request (4xx); another transport may help", "rejected"),
        (e.HTTPServerError, "it reports a failure of its own (5xx)", "rejected"),
        (ConnectionRefusedError, "connection refused: no service on that port", "refused"),
        ((TimeoutError, e.ExitError), "it has gone silent", "timeout"),
        ((ConnectionError, EOFError), "it closed the connection", "end_of_stream"),
        ((e.InvalidDataError, e.LookupError, e.PatchWelcomeError), "it sends nothing decodable", "format"),
    )
    for kind, text, cause in meanings:
        if isinstance(error, kind):
            return text, cause
    if error.errno == errno.EIO:  # how an HTTP stream without a length ends, and how TLS breaks
        return "the connection broke off", "end_of_stream"
    return f"input or output failed ({type(error).__name__})", "io"
