"""PicameraSource against a fake with the library's own job list (fake_picamera2.py); no picamera2 is tested here.

The same source against the real library: test_picamera_virtual.py.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError

import numpy as np
import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraBroken, CameraUnavailable
from greencam.camera.picamera import PicameraSource, SensorMode, choose_sensor_mode
from greencam.camera.source import CameraSpec
from greencam.frame.formats import PixelFormat
from greencam.frame.picture import Picture, StreamFormat
from tests.camera.fake_picamera2 import (
    ASLEEP_NS,
    IMX477_MODES,
    PADDING,
    FakeLibrary,
    FakePicamera2,
    Machine,
    boottime_ns,
)

SMALL = CameraSpec("pi", "picamera", width=64, height=48, timeout_s=20.0)
ENOUGH_S = 30.0


class Rig:
    def __init__(self) -> None:
        self.machine = Machine()
        self._made: list[PicameraSource] = []

    def source(self, spec: CameraSpec = SMALL) -> PicameraSource:
        made = PicameraSource(spec, SystemClock(), lambda: FakeLibrary(self.machine), boottime_ns)
        self._made.append(made)
        return made

    @property
    def camera(self) -> FakePicamera2:
        return self.machine.opened[0]

    def take_down(self) -> None:
        self.machine.frozen = False
        for source in self._made:
            assert ends(source.close)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.take_down()


def spec(**changes: object) -> CameraSpec:
    facts = {**SMALL.to_json(), **changes}
    return CameraSpec.from_json(facts)


def ends(call: Callable[[], object], within_s: float = ENOUGH_S) -> bool:
    """Whether the call returns in time; it runs in a thread, for those that never do."""

    def run() -> None:
        try:
            call()
        except CancelledError:
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(within_s)
    return not thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + ENOUGH_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    return condition()


def captured_before_silence(camera: FakePicamera2) -> int:
    """How many frames still came before a capture of the library's own timed out."""
    for count in range(100):
        try:
            camera.capture_request(wait=1.0).release()  # longer than the camera's thread may wait for its turn
        except TimeoutError:
            return count
    raise AssertionError("the camera is not silent")


def read_to_the_end(source: PicameraSource) -> None:
    for _ in range(10):  # one or two may have been ready
        source.read(0.1)


def number_of(picture: Picture) -> int:
    low, high = picture.pixels[0, :2, 2]  # as `scene` of the fake puts it
    return int(low) + 251 * int(high)


# --- the fake has the library's traps ---------------------------------------------------------------------------


def test_in_the_library_a_capture_that_timed_out_stays_queued_and_its_request_is_lost(rig: Rig) -> None:
    rig.source().open()
    rig.machine.frozen = True
    assert captured_before_silence(rig.camera) <= 2
    assert len(rig.camera.job_list) == 1
    rig.machine.frozen = False
    assert wait_until(lambda: len(rig.camera.lent) == 1)


def test_in_the_library_stop_waits_behind_a_capture_until_the_list_is_cleared(rig: Rig) -> None:
    rig.source().open()
    camera = rig.camera
    rig.machine.frozen = True
    captured_before_silence(camera)
    assert not ends(camera.stop, within_s=0.3)
    camera.cancel_all_and_flush()
    assert ends(camera.stop)
    assert not camera.started


def test_in_the_library_requests_that_are_kept_starve_the_camera(rig: Rig) -> None:
    rig.source().open()
    kept = [rig.camera.capture_request(wait=ENOUGH_S) for _ in range(6)]
    with pytest.raises(TimeoutError):
        rig.camera.capture_request(wait=0.1)
    kept[0].release()
    assert wait_until(lambda: len(rig.camera.lent) == 6)


# --- pictures -----------------------------------------------------------------------------------------------------


def test_it_gives_what_was_wished_and_has_nothing_to_note(rig: Rig) -> None:
    opened = rig.source().open()
    assert opened.format == StreamFormat(64, 48, PixelFormat.BGR24, 100.0)
    assert opened.device == "imx477 (/base/i2c@0/imx477@1a)"
    assert opened.live
    assert opened.notes == ()


@pytest.mark.parametrize(("pixel", "blue"), [("bgr24", 0), ("rgb24", 2)])
def test_bytes_lie_in_the_order_that_the_format_says(rig: Rig, pixel: str, blue: int) -> None:
    source = rig.source(spec(pixel=pixel))
    source.open()
    picture = source.read(20.0)
    assert picture.pixel.label == pixel
    assert picture.pixels[5, :, blue].tolist() == list(range(64))  # blue grows with x
    assert set(picture.pixels[5, :, 1].tolist()) == {5}  # green with y


def test_at_1270_pixels_the_padding_of_the_lines_is_cut_off(rig: Rig) -> None:
    source = rig.source(spec(width=1270, height=720))
    source.open()
    assert rig.camera.camera_configuration()["main"]["stride"] == 3840
    pixels = source.read(20.0).pixels
    assert pixels.shape == (720, 1270, 3)
    assert np.array_equal(pixels[..., 0], np.tile(np.arange(1270) % 251, (720, 1)))
    assert np.array_equal(pixels[..., 1], np.tile(np.arange(720)[:, np.newaxis] % 251, (1, 1270)))


def test_a_size_that_the_camera_rounds_is_noted(rig: Rig) -> None:
    source = rig.source(spec(width=65, height=49))
    opened = source.open()
    assert (opened.format.width, opened.format.height) == (64, 48)
    assert opened.notes == ("65×49 wished, the camera gives 64×48",)
    assert source.read(20.0).pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("size", [(64, 48), (70, 50)])
def test_planes_are_packed(rig: Rig, size: tuple[int, int]) -> None:
    width, height = size
    source = rig.source(spec(width=width, height=height, pixel="yuv420p"))
    source.open()
    pixels = source.read(20.0).pixels
    assert pixels.shape == (height * 3 // 2, width)
    assert pixels[height - 1, width - 1] == (width + height - 2) % 251
    chroma = pixels[height:].reshape(height, width // 2)
    assert set(chroma[: height // 2].ravel().tolist()) == {100}
    assert set(chroma[height // 2 :].ravel().tolist()) == {200}


def test_a_camera_that_has_only_nv12_gives_nv12_with_a_note(rig: Rig) -> None:
    rig.machine.only_format = "NV12"
    source = rig.source(spec(width=70, height=50))
    opened = source.open()
    assert opened.format.pixel is PixelFormat.NV12
    assert opened.notes == ("bgr24 wished, the camera gives nv12",)
    pixels = source.read(20.0).pixels
    assert pixels.shape == (75, 70)
    assert PADDING not in pixels
    assert pixels[50, :4].tolist() == [100, 200, 100, 200]


def test_pixels_are_a_copy_in_one_buffer_that_is_used_again(rig: Rig) -> None:
    source = rig.source()
    source.open()
    first = source.read(20.0)
    before = number_of(first)  # the camera overwrites what it has back, so this would show it
    second = source.read(20.0)
    assert first.pixels is second.pixels
    assert number_of(second) > before


def test_the_first_three_frames_are_thrown_away(rig: Rig) -> None:
    source = rig.source()
    source.open()
    assert number_of(source.read(20.0)) > 3


def test_never_more_than_one_request_is_held(rig: Rig) -> None:
    source = rig.source()
    source.open()
    for _ in range(20):  # more than there are buffers
        source.read(20.0)
        assert not rig.camera.lent
    assert rig.camera.most_lent == 1


def test_the_request_is_given_back_when_its_pixels_cannot_be_read(rig: Rig) -> None:
    source = rig.source()
    source.open()
    rig.machine.unmappable = True
    with pytest.raises(CameraUnavailable, match="failed to find buffer") as caught:
        source.read(20.0)
    assert caught.value.cause == "read"
    assert not rig.camera.lent


def test_sensor_time_is_told_on_the_monotonic_clock(rig: Rig) -> None:
    source = rig.source()
    source.open()
    picture = source.read(20.0)
    assert 0 < picture.grabbed_ns - picture.sensor_ns < 60e9 < ASLEEP_NS
    assert 0 <= time.monotonic_ns() - picture.grabbed_ns < 60e9


def test_without_a_stamp_sensor_time_is_unknown(rig: Rig) -> None:
    rig.machine.stamps = False
    source = rig.source()
    source.open()
    assert source.read(20.0).sensor_ns == 0


# --- silence ------------------------------------------------------------------------------------------------------


def test_silence_ends_in_time_leaves_no_job_and_loses_no_request(rig: Rig) -> None:
    source = rig.source()
    source.open()
    rig.machine.frozen = True
    began = time.monotonic()
    with pytest.raises(CameraUnavailable, match=r"no frame within 0\.1 s") as caught:
        read_to_the_end(source)
    assert caught.value.cause == "timeout"
    assert time.monotonic() - began < ENOUGH_S
    assert rig.camera.job_list == []
    rig.machine.frozen = False
    seen = rig.camera.frames
    assert wait_until(lambda: rig.camera.frames > seen + 3)
    assert not rig.camera.lent


def test_after_a_timeout_it_can_be_closed_and_opened_again(rig: Rig) -> None:
    source = rig.source()
    source.open()
    rig.machine.frozen = True
    with pytest.raises(CameraUnavailable):
        read_to_the_end(source)
    assert ends(source.close)
    assert rig.machine.opened == {}
    rig.machine.frozen = False
    source.open()
    assert source.read(20.0).pixels.shape == (48, 64, 3)


def test_a_sensor_that_is_silent_from_the_start_fails_to_open_and_can_be_closed(rig: Rig) -> None:
    rig.machine.frozen = True
    source = rig.source(spec(timeout_s=0.1))
    with pytest.raises(CameraUnavailable) as caught:
        source.open()
    assert caught.value.cause == "timeout"
    assert ends(source.close)
    assert rig.machine.opened == {}


def test_a_dead_camera_thread_is_silence_too_and_close_still_returns(rig: Rig) -> None:
    source = rig.source()
    source.open()

    def boom(request: object) -> None:
        raise ValueError("boom")

    rig.camera.pre_callback = boom
    with pytest.raises(CameraUnavailable):
        read_to_the_end(source)
    assert ends(source.close)
    source.open()
    assert number_of(source.read(20.0)) > 3


def test_reading_a_camera_that_is_not_open_is_refused(rig: Rig) -> None:
    with pytest.raises(CameraUnavailable) as caught:
        rig.source().read(1.0)
    assert caught.value.cause == "closed"


def test_closing_twice_or_after_a_failed_stop_never_raises(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    source = rig.source()
    source.open()

    def refuse() -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(rig.camera, "stop", refuse)
    camera = rig.camera
    source.close()
    monkeypatch.undo()
    source.close()
    camera.close()
    assert rig.machine.opened == {}


# --- rate and controls --------------------------------------------------------------------------------------------


def test_a_mode_that_is_fast_enough_is_chosen_where_the_library_alone_takes_a_slow_one(rig: Rig) -> None:
    opened = rig.source(spec(width=1270, height=720)).open()
    assert opened.format.fps == 100.0
    assert opened.notes == ()
    configured = rig.camera.camera_configuration()
    assert configured["sensor"] == {"output_size": (1332, 990), "bit_depth": 10}
    assert (configured["buffer_count"], configured["queue"]) == (6, True)
    rig.camera.stop()
    alone = rig.camera.create_video_configuration(main={"size": (1270, 720), "format": "RGB888"})
    rig.camera.configure(alone)
    assert rig.camera.camera_controls["FrameDurationLimits"][0] > 19_000  # 50 fps: the fake's trap is real


def test_a_rate_that_no_mode_reaches_is_noted(rig: Rig) -> None:
    rig.machine.modes = IMX477_MODES[1:]
    opened = rig.source(spec(width=1270, height=720)).open()
    assert opened.format.fps == pytest.approx(50, abs=0.1)
    assert len(opened.notes) == 1
    assert opened.notes[0].startswith("100 fps wished, this mode gives 50")


def test_a_sensor_that_is_too_small_is_noted(rig: Rig) -> None:
    rig.machine.modes = IMX477_MODES[:1]
    notes = rig.source(spec(width=1920, height=1080)).open().notes
    assert notes == ("no sensor mode is as large as 1920×1080; the largest is 1332×990",)


def test_a_camera_without_sensor_modes_is_taken_with_a_note(rig: Rig) -> None:
    rig.machine.modes = None
    assert rig.source().open().notes == ("the camera does not tell its sensor modes",)


def test_rate_exposure_and_gain_go_into_the_controls(rig: Rig) -> None:
    rig.source(spec(exposure_us=250, gain=3.0)).open()
    assert rig.camera.camera_configuration()["controls"] == {
        "FrameDurationLimits": (10_000, 10_000), "ExposureTime": 250, "AnalogueGain": 3.0,
    }  # fmt: skip


def test_automatic_exposure_and_gain_are_left_alone(rig: Rig) -> None:
    rig.source(spec(fps=0)).open()
    assert rig.camera.camera_configuration()["controls"] == {}


def test_controls_that_the_camera_does_not_have_are_notes_not_failures(rig: Rig) -> None:
    rig.machine.advertised = ("ExposureTime",)
    opened = rig.source(spec(exposure_us=250, gain=3.0)).open()
    assert opened.notes == (
        "this camera has no control FrameDurationLimits",
        "this camera has no control AnalogueGain",
    )
    assert rig.camera.camera_configuration()["controls"] == {"ExposureTime": 250}


FAST, WIDE, FULL = (
    SensorMode(1332, 990, 10, 120, 50),
    SensorMode(2028, 1080, 12, 50, 80),
    SensorMode(4056, 3040, 12, 10, 99),
)


@pytest.mark.parametrize(
    ("width", "fps", "expected"),
    [
        (1270, 100, FAST),  # only one is fast enough
        (1270, 30, WIDE),  # two are: the one that sees more
        (1270, 5, FULL),
        (1270, 200, FAST),  # none is: the fastest that is large enough
        (1270, 0, FAST),  # as fast as it comes
        (2000, 100, WIDE),
        (5000, 1, None),
    ],
)
def test_which_sensor_mode_is_read(width: int, fps: float, expected: SensorMode | None) -> None:
    wish = StreamFormat(width, 720, PixelFormat.BGR24, fps)
    assert choose_sensor_mode([FULL, WIDE, FAST], wish) == expected


# --- no camera ----------------------------------------------------------------------------------------------------


def test_a_missing_library_is_said_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(CameraBroken, match="python3-picamera2") as caught:
        PicameraSource(SMALL, SystemClock()).open()
    assert caught.value.cause == "library"


@pytest.mark.parametrize(("cameras", "address"), [(0, ""), (1, "1")])
def test_no_such_camera(rig: Rig, cameras: int, address: str) -> None:
    rig.machine.cameras = cameras
    with pytest.raises(CameraUnavailable, match="is not there") as caught:
        rig.source(spec(address=address)).open()
    assert caught.value.cause == "absent"


def test_the_second_camera_is_taken_by_its_number(rig: Rig) -> None:
    rig.machine.cameras = 2
    assert rig.source(spec(address="1")).open().device == "imx477 (/base/i2c@1/imx477@1a)"
    assert list(rig.machine.opened) == [1]


def test_an_address_that_is_no_number(rig: Rig) -> None:
    with pytest.raises(CameraBroken) as caught:
        rig.source(spec(address="/dev/video0")).open()
    assert caught.value.cause == "address"


def test_a_camera_that_somebody_else_has(rig: Rig) -> None:
    rig.source().open()
    with pytest.raises(CameraUnavailable, match="Device or resource busy") as caught:
        rig.source().open()
    assert caught.value.cause == "busy"


def test_opening_the_same_source_again_starts_over(rig: Rig) -> None:
    source = rig.source()
    source.open()
    first = rig.camera
    source.open()
    assert rig.camera is not first
    assert source.read(20.0).pixels.shape == (48, 64, 3)


def test_a_configuration_that_the_camera_refuses_leaves_it_free_after_close(rig: Rig) -> None:
    rig.machine.refuses = "Invalid camera configuration"
    source = rig.source()
    with pytest.raises(CameraUnavailable, match="Invalid camera configuration") as caught:
        source.open()
    assert caught.value.cause == "configure"
    source.close()
    assert rig.machine.opened == {}


def test_a_format_that_picamera2_lacks(rig: Rig) -> None:
    with pytest.raises(CameraBroken, match="bgr24") as caught:
        rig.source(spec(pixel="gray8")).open()
    assert caught.value.cause == "format"


def test_a_camera_that_gives_a_format_nobody_here_knows(rig: Rig) -> None:
    rig.machine.only_format = "MJPEG"
    with pytest.raises(CameraBroken, match="kind v4l2") as caught:
        rig.source().open()
    assert caught.value.cause == "format"
