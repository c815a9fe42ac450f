"""What files and network streams share: from a demuxed container to pictures of the wished size and format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from greencam.base.errors import CameraBroken, Refused
from greencam.camera.source import CameraSpec
from greencam.frame.formats import PixelFormat, check_size
from greencam.frame.picture import Picture, Pixels

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_GENERATE_PTS = 1  # AVFMT_FLAG_GENPTS of libavformat/avformat.h


class VideoFrames:
    """The decoded frames of a container's first video; `skipped` counts packets that gave none to be shown.

    Before the first whole picture a decoder may make one of rubbish, which it marks as corrupt: that is left out.
    Later a picture with a damaged part is still what the camera saw. The container stays its opener's, who closes
    it.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        # PyAV asks libavformat to invent missing time stamps. For AVI with B-frames they come out of order,
        # and for a live stream it holds packets back until it can; the decoding time serves us better.
        container.flags &= ~_GENERATE_PTS
        self._container, self._stream = container, stream
        self.skipped = 0
        self._begun = False

    @property
    def rate(self) -> float:
        """Frames per second as the container tells, 0 when it does not."""
        return float(self._stream.average_rate or 0)

    def steps(self) -> Iterator[VideoFrame | None]:
        """Each frame in order of display, and None for a packet that gave none, so that a caller can look at
        the clock; ends with the container. Errors of the input (not of the decoder) come out as av raises them.
        """
        from av.error import FFmpegError

        # Packets of all streams, not of the video alone: a camera whose sound goes on while its picture has
        # stopped would otherwise keep us inside the demuxer for ever.
        for packet in self._container.demux():
            frames: list[VideoFrame] = []
            if packet.stream.index == self._stream.index:
                try:
                    frames = self._stream.decode(packet)
                except FFmpegError:
                    self.skipped += 1
                frames = self._shown(frames)
            yield from frames or (None,)

    def _shown(self, frames: list[VideoFrame]) -> list[VideoFrame]:
        """The frames from the first whole one on."""
        shown = []
        for frame in frames:
            self._begun = self._begun or not frame.is_corrupt
            if self._begun:
                shown.append(frame)
            else:
                self.skipped += 1
        return shown


def first_video(container: InputContainer) -> VideoStream | None:
    """The video to take, None when there is none or this build has no decoder for it."""
    for stream in container.streams.video:
        if stream.codec_context is not None:
            return stream
    return None


def frame_time_s(frame: VideoFrame) -> float | None:
    """When the frame is to be shown, in seconds of its stream; None when neither it nor its packet says so."""
    stamp = frame.pts if frame.pts is not None else frame.dts
    return None if stamp is None or frame.time_base is None else float(stamp * frame.time_base)


class Converter:
    """Turns frames of any format into pictures of one size and format through swscale."""

    def __init__(self, spec: CameraSpec, width: int, height: int) -> None:
        """`width` and `height` are the stream's own; raises CameraBroken (`size`) for an impossible picture."""
        from av.video.reformatter import VideoReformatter

        self.width, self.height = _wished_size(spec, width, height)
        self.pixel = spec.pixel
        try:
            check_size(self.pixel, self.width, self.height)
        except Refused as error:
            raise CameraBroken(f"camera {spec.id}: {error}", cause="size") from error
        self._swscale = VideoReformatter()  # keeps its tables from frame to frame
        scaled = (self.width, self.height) != (width, height)
        self.notes = (f"{width}×{height} scaled to {self.width}×{self.height}",) if scaled else ()

    def picture(self, frame: VideoFrame, grabbed_ns: int) -> Picture:
        """The frame as a picture; a packed format is a view of swscale's own rows, a planar one a copy."""
        made = self._swscale.reformat(frame, self.width, self.height, _swscale_name(self.pixel))
        pixels = made.to_ndarray() if self.pixel.planar else _rows(made, self.pixel)
        return Picture(np.asarray(pixels, np.uint8), self.pixel, self.width, self.height, 0, grabbed_ns)


def _wished_size(spec: CameraSpec, width: int, height: int) -> tuple[int, int]:
    """Both sides as wished; the stream's own for 0 and 0; the other one in proportion, even, for a single 0."""
    if spec.width and spec.height:
        return spec.width, spec.height
    if spec.width:
        return spec.width, max(2, 2 * round(spec.width * height / width / 2))
    if spec.height:
        return max(2, 2 * round(spec.height * width / height / 2)), spec.height
    return width, height


def _swscale_name(pixel: PixelFormat) -> str:
    return "gray" if pixel is PixelFormat.GRAY8 else pixel.label


def _rows(frame: VideoFrame, pixel: PixelFormat) -> Pixels:
    """The one plane of a packed frame without a copy; numpy's reference keeps the frame alive."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(frame.height, plane.line_size)
    return rows[:, : frame.width * pixel.channels].reshape(pixel.shape(frame.width, frame.height))
