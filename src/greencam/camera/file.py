"""A recording as a camera: any video that FFmpeg's libraries can read, once or in a loop.

The wished rate says how fast: 0 as fast as possible, below 0 at the recording's own pace, above 0 one frame
every 1/fps. A size of 0×0 is the recording's own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from greencam.base.clock import Clock
from greencam.base.errors import CameraBroken, CameraUnavailable
from greencam.base.pace import Pacer
from greencam.camera.decode import Converter, VideoFrames, first_video, frame_time_s
from greencam.camera.source import CameraSpec, EndOfStream, Opened
from greencam.frame.picture import Picture, StreamFormat

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

_log = logging.getLogger(__name__)
_USUAL_RATE = 25.0  # for a recording that tells neither rate nor time stamps


@dataclass
class OwnPace:
    """Turns time stamps of a recording into deadlines on the monotonic clock, without drift.

    A stamp that steps back, stands still or leaps further than a reader may wait (a new loop, a damaged part)
    counts as one `period_s`. More than `catch_up_s` behind, the schedule starts anew instead of bursting.
    """

    clock: Clock
    period_s: float
    catch_up_s: float = 0.5
    _due_s: float | None = None
    _stamp_s: float | None = None

    def wait(self, stamp_s: float | None, longest_s: float) -> None:
        """Sleep until the picture of this stamp (seconds of the recording, None = unknown) is due."""
        step = self.period_s
        if stamp_s is not None and self._stamp_s is not None and 0 < stamp_s - self._stamp_s <= longest_s:
            step = stamp_s - self._stamp_s
        now = self.clock.monotonic()
        due = now if self._due_s is None else self._due_s + step
        if now - due > self.catch_up_s:
            due = now
        self._due_s, self._stamp_s = due, stamp_s
        self.clock.sleep(due - now)


class FileSource:
    """Plays a video file; `skipped` counts its damaged packets since open."""

    def __init__(self, spec: CameraSpec, clock: Clock) -> None:
        self._spec, self._clock = spec, clock
        self._pacer = Pacer(clock, spec.fps)
        self._own_pace = OwnPace(clock, 1 / _USUAL_RATE)
        self._container: InputContainer | None = None
        self._frames: VideoFrames | None = None
        self._steps: Iterator[VideoFrame | None] = iter(())
        self._first: VideoFrame | None = None
        self._converter: Converter | None = None
        self._skipped_before = 0

    @property
    def skipped(self) -> int:
        """Packets since open, over all loops, that gave no picture that can be shown."""
        return self._skipped_before + (self._frames.skipped if self._frames else 0)

    def open(self) -> Opened:
        """Open the file and decode its first picture.

        Raises CameraBroken: `absent`, `permission`, `format` (no video that can be decoded), `size`; and
        CameraUnavailable (`io`) when the disk fails.
        """
        self.close()
        try:
            frames, first = self._start()
            self._converter = Converter(self._spec, first.width, first.height)
        except (CameraUnavailable, CameraBroken):
            self.close()
            raise
        self._own_pace = OwnPace(self._clock, 1 / (frames.rate or _USUAL_RATE))
        fps = self._spec.fps if self._spec.fps >= 0 else frames.rate
        got = StreamFormat(self._converter.width, self._converter.height, self._spec.pixel, fps)
        return Opened(got, f"file {self._spec.address}", live=False, notes=self._notes(first))

    def read(self, timeout_s: float) -> Picture:
        """The next picture, at its time (at most one period, or timeout_s at the file's own pace, from now).

        Raises EndOfStream, or CameraUnavailable: `timeout` (a damaged part that takes longer than timeout_s to
        skip), `io`, `changed` (the file can't be looped because it is not what it was).
        """
        if self._converter is None:
            raise CameraUnavailable(f"{self._name} is not open", cause="closed")
        frame = self._next(self._clock.monotonic() + timeout_s)
        if self._spec.fps < 0:
            self._own_pace.wait(frame_time_s(frame), timeout_s)
        else:
            self._pacer.wait()
        return self._converter.picture(frame, self._clock.monotonic_ns())

    def close(self) -> None:
        """Let go of the file."""
        self._stop()
        self._converter = None
        self._skipped_before = 0

    @property
    def _name(self) -> str:
        return f"camera {self._spec.id}, file {self._spec.address}"

    def _next(self, deadline_s: float) -> VideoFrame:
        if self._first is None:
            for frame in self._steps:
                if frame is not None:
                    return frame
                if self._clock.monotonic() > deadline_s:
                    raise CameraUnavailable(f"{self._name}: no picture in time, a long damaged part", "timeout")
            self._end_of_pass()
        frame, self._first = self._first, None
        if frame is None:
            raise EndOfStream(f"{self._name}: played to its end")
        return frame

    def _end_of_pass(self) -> None:
        """Start over when the file is looped. It is opened anew rather than sought in: that works for every
        container, and each pass is exactly like the first."""
        if self._frames is not None and self._frames.skipped:
            _log.warning("%s: %d damaged packets skipped", self._name, self._frames.skipped)
        if not self._spec.loop:
            return
        self._stop()
        try:
            self._start()
        except CameraBroken as error:
            raise CameraUnavailable(f"can't loop: {error}", cause="changed") from error

    def _start(self) -> tuple[VideoFrames, VideoFrame]:
        """Open, and decode the first picture: a file without one must fail here, or a loop would never end."""
        container = self._open_container()
        self._container = container
        stream = first_video(container)
        if stream is None:
            raise CameraBroken(f"{self._name}: no video in it that can be decoded", cause="format")
        stream.thread_type = "AUTO"  # a recording may take all cores and a few frames of delay
        self._frames = VideoFrames(container, stream)
        self._steps = self._guarded(self._frames)
        first = next((frame for frame in self._steps if frame is not None), None)
        if first is None:
            raise CameraBroken(f"{self._name}: not one picture in it can be decoded", cause="format")
        self._first = first
        return self._frames, first

    def _stop(self) -> None:
        self._skipped_before = self.skipped
        container, self._container = self._container, None
        self._frames, self._first, self._steps = None, None, iter(())
        if container is not None:
            container.close()

    def _open_container(self) -> InputContainer:
        import av

        path = Path(self._spec.address)
        try:
            if path.exists() and not path.is_file():
                raise CameraBroken(f"{self._name}: not a file", cause="format")
            # "file:" and the whitelist: neither a name nor a playlist inside may lead to the network.
            return av.open(f"file:{path}", "r", options={"protocol_whitelist": "file"})
        except FileNotFoundError:
            raise CameraBroken(f"{self._name}: no such file", cause="absent") from None
        except PermissionError:
            raise CameraBroken(f"{self._name}: no permission to read it", cause="permission") from None
        except OSError as error:
            raise CameraUnavailable(f"{self._name}: can't be read: {error.strerror}", cause="io") from None
        except av.FFmpegError as error:
            raise CameraBroken(f"{self._name}: not a video: {error.strerror}", cause="format") from None

    def _guarded(self, frames: VideoFrames) -> Iterator[VideoFrame | None]:
        """The frames; a part that the demuxer can't pass ends the pass, a failing disk raises."""
        import av

        try:
            yield from frames.steps()
        except OSError as error:
            raise CameraUnavailable(f"{self._name}: can't be read: {error.strerror}", cause="io") from None
        except av.FFmpegError as error:
            _log.warning("%s: unreadable from here on: %s", self._name, error.strerror)
            frames.skipped += 1

    def _notes(self, first: VideoFrame) -> tuple[str, ...]:
        notes = self._converter.notes if self._converter else ()
        if first.rotation:
            notes = (*notes, f"the file asks for a turn by {first.rotation}°, which is not made")
        return notes
