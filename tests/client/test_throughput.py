from __future__ import annotations

import pytest

from greencam.client.throughput import Throughput, Work


def worked(camera_fps: float, disk_fps: float, seconds: int) -> Throughput:
    """A store that takes `disk_fps` at most, a batch every second, from a camera that gives `camera_fps`."""
    throughput, behind = Throughput(), 0.0
    for second in range(seconds):
        behind += camera_fps
        images = min(behind, disk_fps)
        behind -= images
        throughput.note(
            Work(float(second), images / disk_fps, round(images), round(images) * 1 << 17, behind / camera_fps)
        )
    return throughput


def test_a_disk_that_is_slower_than_the_camera_is_told_with_both_rates() -> None:
    told = worked(camera_fps=30, disk_fps=12, seconds=60).too_slow()
    assert told.startswith("the disk takes 12 images per second, the camera gives ")
    assert 28 <= int(told.partition("gives ")[2].partition(";")[0]) <= 32


@pytest.mark.parametrize(
    ("camera_fps", "disk_fps", "seconds"), [(30, 200, 60), (30, 31, 60), (30, 12, 10), (1, 100, 60)]
)
def test_one_that_keeps_up_or_has_just_begun_is_not_blamed(
    camera_fps: float, disk_fps: float, seconds: int
) -> None:
    assert worked(camera_fps, disk_fps, seconds).too_slow() == ""


def test_catching_up_after_an_outage_is_no_fault() -> None:
    throughput = Throughput()
    for second in range(30):
        throughput.note(Work(float(second), 1.0, 60, 60 << 17, 30.0 - second))
    assert throughput.too_slow() == ""


def test_what_it_could_hold_is_measured_while_it_works() -> None:
    facts = worked(camera_fps=10, disk_fps=100, seconds=20).as_dict()
    assert facts == {"holds_fps": 100.0, "holds_mb_s": 12.5, "lag_s": 0.0}
    assert Throughput().as_dict() == {"holds_fps": None, "holds_mb_s": None, "lag_s": None}
