"""Videos whose frames carry their number in the picture, so that a test can prove which frames arrived.

Everything is coded without B-frames and with a key frame every second, as network cameras do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from greencam.base.clock import SystemClock
from greencam.camera.pattern import PatternSource
from greencam.camera.source import CameraSpec
from greencam.frame import counter
from greencam.frame.picture import Pixels

# What each codec needs so that the counter survives; the pixel format it codes.
_CODECS = {
    "libx264": ("yuv420p", {"preset": "ultrafast", "tune": "zerolatency", "crf": "18"}),
    "ffv1": ("bgr0", {"level": "3", "slicecrc": "1"}),
    "mpeg4": ("yuv420p", {"qmin": "2", "qmax": "3"}),
}


def pattern_video(path: Path, frames: int, size: tuple[int, int] = (320, 240), fps: int = 25) -> Path:
    """`frames` pictures of the simulated camera, numbered from 1; the codec follows the suffix."""
    spec = CameraSpec("footage", "pattern", width=size[0], height=size[1], fps=0)
    source = PatternSource(spec, SystemClock())
    source.open()
    _write(path, (source.read(1).pixels for _ in range(frames)), fps)
    source.close()
    return path


def stamp_video(source: Path, target: Path, fps: int) -> int:
    """Every frame of a video with its number (from 1) stamped into it; how many there were."""
    numbers: list[int] = []
    _write(target, _stamped(source, numbers), fps)
    return len(numbers)


def _stamped(source: Path, numbers: list[int]) -> Iterator[Pixels]:
    with av.open(str(source)) as container:
        for number, frame in enumerate(container.decode(video=0), start=1):
            pixels: Pixels = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            counter.stamp(pixels, number)
            numbers.append(number)
            yield pixels


def _write(path: Path, pictures: Iterator[Pixels], fps: int) -> None:
    codec = {".mkv": "libx264", ".mp4": "libx264", ".nut": "ffv1", ".avi": "mpeg4", ".h264": "libx264"}[path.suffix]
    with av.open(str(path), "w") as container:
        stream: VideoStream | None = None
        for number, pixels in enumerate(pictures):
            if stream is None:
                stream = _stream(container, codec, fps, pixels)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))


def _stream(container: av.container.OutputContainer, codec: str, fps: int, pixels: Pixels) -> VideoStream:
    pixel_format, options = _CODECS[codec]
    stream = container.add_stream(codec, rate=fps, options=options)
    assert isinstance(stream, VideoStream)
    stream.height, stream.width = pixels.shape[:2]
    stream.pix_fmt = pixel_format
    stream.codec_context.gop_size = fps
    stream.codec_context.max_b_frames = 0
    return stream
