"""The feed: frames of one camera, one after the other, with the truth about what was missed.

from greencam.client import Feed
for frame in Feed("cam1"):
    print(frame.header.seq, frame.pixels.mean())
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from greencam.base import monitoring
from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import CameraUnavailable, FrameError, Overrun, Refused
from greencam.base.pace import RateMeter
from greencam.base.place import ring_path
from greencam.base.stats import Recent
from greencam.client.frames import Frame
from greencam.client.places import Places, stream_for


class FeedStats:
    """What a feed has seen: counts for ever, rate and latency of late.

    A gap is a hole in the camera's numbers; `missed` counts the frames in the holes; `rejected` frames were
    there but unusable, by cause. A feed of newest frames leaves holes on purpose and counts none.
    """

    def __init__(self, clock: Clock, *, in_order: bool = True) -> None:
        self._clock, self._in_order = clock, in_order
        self.frames = self.gaps = self.missed = self.epochs = 0
        self.rejected: Counter[str] = Counter()
        self.latency_ms = Recent()
        self._rate = RateMeter()
        self._rate.sample(clock.monotonic(), 0)
        self._last: tuple[int, int] | None = None

    def note(self, frame: Frame, *, same_host: bool = True) -> None:
        """Count a frame that arrived now."""
        head = frame.header
        same = self._last is not None and self._last[0] == head.epoch
        if self._last is not None and same and self._in_order and head.seq != self._last[1] + 1:
            self.gaps += 1
            self.missed += max(0, head.seq - self._last[1] - 1)
        self.epochs += not same
        self._last = (head.epoch, head.seq)
        self.frames += 1
        # The monotonic clock is this host's own: a frame of another host has only the wall clocks in common.
        if same_host:
            self.latency_ms.add((self._clock.monotonic_ns() - head.published_ns) / 1e6)
        else:
            self.latency_ms.add((self._clock.wall() * 1e9 - head.wall_ns) / 1e6)

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON and the stats line; rates in 1/s, latency in milliseconds since publication."""
        return {
            "frames": self.frames,
            "fps": round(self._rate.sample(self._clock.monotonic(), self.frames), 2),
            "latency_p50_ms": _rounded(self.latency_ms.percentile(50)),
            "latency_p99_ms": _rounded(self.latency_ms.percentile(99)),
            "gaps": self.gaps,
            "missed": self.missed,
            "rejected": dict(self.rejected),
            "epochs": self.epochs,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


class Feed:
    """Frames of one camera as an iterator; picks the ring on the same host, Redis otherwise.

    This is the public face for programs of one's own, so it finds settings and clock by itself.
    `newest=True` always gives the newest frame instead of each in order; `timeout_s` ends a wait with
    CameraUnavailable instead of waiting for ever; `transport` is `auto`, `ring` or `redis`.
    """

    def __init__(
        self,
        camera: str,
        *,
        newest: bool = False,
        timeout_s: float | None = None,
        transport: str = "auto",
        places: Places | None = None,
    ) -> None:
        """Raises Refused for a camera or transport that does not exist, SettingsError for bad settings."""
        if transport not in {"auto", "ring", "redis"}:
            raise Refused(f"no transport {transport!r}; known: auto, ring, redis")
        self.camera = camera
        self._clock: Clock = SystemClock()
        self.stats = FeedStats(self._clock, in_order=not newest)
        self._timeout_s = timeout_s
        places = places or Places.of_this_checkout()
        places.check(camera)
        self._ring_path = ring_path(places.runtime_dir, camera)
        self._stream = stream_for(places, camera, transport, self._clock, newest=newest)

    @property
    def transport(self) -> str:
        """Which way the frames come: `ring` or `redis`."""
        return self._stream.name

    @property
    def trouble(self) -> str:
        """Why nothing comes at the moment, if that is known; else empty."""
        return getattr(self._stream, "trouble", "")

    def next_frame(self, timeout_s: float) -> Frame | None:
        """The next usable frame, or None when none came within timeout_s; unusable ones are counted."""
        left_s, deadline_s = timeout_s, 0.0
        while True:
            try:
                frame = self._stream.next_frame(left_s)
            except Overrun:
                pass  # the hole shows in the next frame's number and is counted there
            except FrameError as error:
                self.stats.rejected[error.cause] += 1
                text = f"a frame of {self.camera} can't be used: {error}"
                monitoring.issue("pickle_error", text, cause=error.cause)
            else:
                if frame is not None:
                    self.stats.note(frame, same_host=self._captured_here())
                return frame
            # Only here, because the usual frame comes without a fault and needs no look at the clock.
            now_s = self._clock.monotonic()
            deadline_s = deadline_s or now_s + timeout_s
            left_s = max(0.0, deadline_s - now_s)

    def _captured_here(self) -> bool:
        return self.transport == "ring" or self._ring_path.exists()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            frame = self.next_frame(self._timeout_s if self._timeout_s is not None else 3600.0)
            if frame is not None:
                yield frame
            elif self._timeout_s is not None:
                why = self.trouble or "is it running? see ./run.sh status"
                raise CameraUnavailable(f"no frame of {self.camera} for {self._timeout_s:g} s: {why}", "timeout")

    def close(self) -> None:
        """Let go of ring or connection."""
        self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
