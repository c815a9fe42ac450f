"""Which pictures of a network camera are stale, from the times of whole streams."""

from __future__ import annotations

import numpy as np

from greencam.camera.rtsp import Backlog


def play(backlog: Backlog, stamps: np.ndarray, arrivals: np.ndarray) -> list[bool]:
    waits = np.diff(arrivals, prepend=arrivals[0])
    return [backlog.stale(*map(float, row)) for row in zip(stamps, arrivals, waits, strict=True)]


def test_a_steady_stream_is_never_stale() -> None:
    stamps = np.arange(1000) / 25
    jitter = np.random.default_rng(1).uniform(0, 0.3, 1000)
    assert not any(play(Backlog(), stamps, np.maximum.accumulate(stamps + jitter)))


def test_a_burst_after_a_stall_is_stale_but_for_its_newest() -> None:
    stamps = np.arange(200) / 25
    arrivals = stamps.copy()
    arrivals[50:100] = stamps[100]  # two seconds of pictures come at once
    told = play(Backlog(), stamps, arrivals)
    assert not any(told[:50])
    assert all(told[50:90])
    assert not any(told[96:])


def test_a_stream_whose_stamps_stood_still_in_the_stall_loses_one_picture_at_most() -> None:
    stamps = np.arange(200) / 25
    arrivals = stamps + np.where(np.arange(200) < 50, 0.0, 3.0)
    assert sum(play(Backlog(), stamps, arrivals)) <= 1


def test_a_slow_clock_of_the_camera_costs_next_to_nothing() -> None:
    stamps = np.arange(20_000) / 25
    assert sum(play(Backlog(), stamps, stamps * 1.01)) <= 8  # eight seconds of drift


def test_a_slow_camera_and_a_clock_set_back_lose_nothing() -> None:
    stamps = np.arange(50) * 2.0
    assert not any(play(Backlog(), stamps, stamps * 1.05))
    stamps = np.concatenate([np.arange(100), np.arange(100)]) / 25
    assert not any(play(Backlog(), stamps, np.arange(200) / 25))
