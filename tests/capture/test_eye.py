"""Capture's look at its own ring: real frames in a real ring."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from greencam.capture.eye import Eye
from greencam.capture.watch import FROZEN_LOOKS
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Picture
from tests.fake_clock import FakeClock
from tests.making import HEIGHT, WIDTH, ring

NOISE = np.random.default_rng(1).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


class Scene:
    def __init__(self, folder: Path, *, certain: bool = True) -> None:
        self.clock = FakeClock()
        self.path = folder / "cam1.ring"
        self.owner, self.writer = ring(self.path)
        self.eye = Eye("cam1", self.clock, certain=certain)
        self.eye.begin(self.path)
        self.shown = 0

    @property
    def frozen(self) -> bool:
        return self.eye.frozen is not None

    def show(self, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], times: int, fps: float = 30.0) -> None:
        for _ in range(times):
            self.shown += 1
            self.clock.now_s += 0.1
            now_ns = self.clock.monotonic_ns()
            self.writer.put(Picture(pixels, PixelFormat.BGR24, WIDTH, HEIGHT, now_ns, now_ns))
            self.eye.look(self.clock.monotonic(), fps, 30.0)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_sensor_that_repeats_itself_is_frozen_and_a_new_stream_starts_without_that(scene: Scene) -> None:
    seen = []
    for times in (FROZEN_LOOKS, 1):
        scene.show(NOISE, times)
        seen.append(scene.frozen)
    scene.eye.begin(scene.path)
    assert [*seen, scene.frozen] == [False, True, False]
    assert scene.eye.digest is None


def test_a_warning_is_told_once_and_taken_back(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.show(np.zeros_like(NOISE), 80)
    assert [finding.word for finding in scene.eye.warnings] == ["black"]
    scene.show(NOISE, 1)
    assert scene.eye.warnings == ()
    told = [record.getMessage() for record in caplog.records]
    assert [text for text in told if "(black)" in text][1:] == []
    assert told[-1] == "cam1: the picture is not black any more"


def test_it_looks_ten_times_a_second_at_most(scene: Scene) -> None:
    scene.show(NOISE, 1)
    seen = scene.eye.digest
    scene.writer.put(Picture(NOISE[::-1].copy(), PixelFormat.BGR24, WIDTH, HEIGHT, 1, 1))
    scene.eye.look(scene.clock.monotonic() + 0.05, 30.0, 30.0)
    assert scene.eye.digest == seen
    scene.eye.look(scene.clock.monotonic() + 0.1, 30.0, 30.0)
    assert scene.eye.digest != seen


def test_without_a_ring_there_is_nothing_to_see(tmp_path: Path) -> None:
    eye = Eye("cam1", FakeClock(), certain=True)
    eye.begin(tmp_path / "nowhere.ring")
    eye.look(1.0, 0.0, 30.0)
    assert eye.frozen is None
