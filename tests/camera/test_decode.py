"""What files and network streams share, on streams of bytes as a bad line makes them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from greencam.camera.decode import VideoFrames, first_video
from greencam.frame import counter
from tests.camera import footage

PICTURES = 10


@pytest.fixture
def units(tmp_path: Path) -> list[bytes]:
    """The NAL units of a video whose pictures carry their number: parameter sets first, then pictures."""
    video = footage.pattern_video(tmp_path / "whole.h264", PICTURES, (160, 120))
    return re.split(rb"\x00*\x00\x00\x01", video.read_bytes())[1:]


def smears(parameter_sets: list[bytes]) -> Iterator[bytes]:
    """Random bytes that the decoder makes a picture of, although it has seen no whole one: about one in 300."""
    for seed in range(3000):
        unit = random.Random(seed).randbytes(400)
        decoder = VideoCodecContext.create("h264", "r")
        decoder.extradata = joined(parameter_sets)
        try:
            made = decoder.decode(av.Packet(joined([unit])))
        except av.FFmpegError:
            continue
        if made:
            yield unit


def joined(units: list[bytes]) -> bytes:
    return b"".join(b"\0\0\0\1" + unit for unit in units)


def test_what_the_decoder_makes_of_rubbish_before_the_first_whole_picture_is_no_picture(
    tmp_path: Path, units: list[bytes]
) -> None:
    sets = units[:2]
    path = tmp_path / "smeared.h264"
    path.write_bytes(joined([*sets, next(smears(sets)), *units]))
    with av.open(str(path)) as container:
        stream = first_video(container)
        assert stream is not None
        frames = VideoFrames(container, stream)
        pictures = [
            np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in frames.steps() if frame is not None
        ]
    assert [counter.read(pixels) for pixels in pictures] == list(range(1, PICTURES + 1))
    assert frames.skipped == 1
