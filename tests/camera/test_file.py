from __future__ import annotations

import os
import time
from pathlib import Path

import av
import numpy as np
import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import CameraBroken, CameraUnavailable
from greencam.camera.file import FileSource, OwnPace
from greencam.camera.source import CameraSpec, EndOfStream, Opened
from greencam.frame import counter
from greencam.frame.formats import PixelFormat
from tests.camera import footage

VTEST = Path(__file__).parents[3] / "shared/data/vtest.avi"
FRAMES = 60


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def monotonic_ns(self) -> int:
        return int(self.now_s * 1e9)

    def wall(self) -> float:
        return self.now_s

    def wall_ns(self) -> int:
        return int(self.now_s * 1e9)

    def sleep(self, seconds: float) -> None:
        self.now_s += max(0.0, seconds)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return footage.pattern_video(tmp_path_factory.mktemp("footage") / "pattern.mkv", FRAMES)


def spec(path: Path, fps: float = 0, loop: bool = False) -> CameraSpec:
    return CameraSpec("hall", "file", str(path), width=0, height=0, fps=fps, loop=loop)


def source(path: Path, fps: float = 0, loop: bool = False) -> FileSource:
    return FileSource(spec(path, fps, loop), SystemClock())


def numbers(camera: FileSource, count: int) -> list[int]:
    return [counter.read(camera.read(5).pixels) for _ in range(count)]


def read_to_end(camera: FileSource) -> int:
    """How many pictures come before EndOfStream."""
    count = 0
    while True:
        try:
            camera.read(5)
        except EndOfStream:
            return count
        count += 1


def broken_cause(path: Path, loop: bool = True) -> str:
    with pytest.raises(CameraBroken, match="hall") as caught:
        source(path, loop=loop).open()
    return caught.value.cause


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.avi", "a.nut"])
def test_every_frame_once_and_then_the_end(tmp_path: Path, name: str) -> None:
    camera = source(footage.pattern_video(tmp_path / name, FRAMES))
    opened = camera.open()
    assert (opened.live, opened.notes) == (False, ())
    assert str(opened.format) == "320×240 bgr24"
    assert numbers(camera, FRAMES) == list(range(1, FRAMES + 1))
    for _ in range(2):
        with pytest.raises(EndOfStream):
            camera.read(5)
    assert camera.skipped == 0
    camera.close()


def test_a_lossless_recording_comes_out_bit_for_bit(tmp_path: Path) -> None:
    camera = source(footage.pattern_video(tmp_path / "a.nut", 3, (318, 242)))
    camera.open()
    with av.open(str(tmp_path / "a.nut")) as container:
        for frame in container.decode(video=0):
            assert np.array_equal(camera.read(5).pixels, frame.to_ndarray(format="bgr24"))
    camera.close()


def test_real_footage_whole() -> None:
    if not VTEST.exists():
        pytest.skip("no ../shared/data/vtest.avi beside the repository")
    camera = source(VTEST)
    assert camera.open().format.width == 480
    assert camera.read(5).pixels.shape == (360, 480, 3)
    assert 1 + read_to_end(camera) == 795
    camera.close()


def test_the_stamps_of_real_footage_keep_its_pace() -> None:
    if not VTEST.exists():
        pytest.skip("no ../shared/data/vtest.avi beside the repository")
    clock = FakeClock()
    camera = FileSource(spec(VTEST, fps=-1), clock)
    assert camera.open().format.fps == 10
    due = []
    for _ in range(795):
        camera.read(5)
        due.append(clock.now_s)
    assert np.allclose(np.diff(due), 0.1)
    camera.close()


@pytest.mark.parametrize("pixel", list(PixelFormat))
def test_every_format(video: Path, pixel: PixelFormat) -> None:
    wish = CameraSpec("hall", "file", str(video), width=0, height=0, pixel=pixel, fps=0)
    camera = FileSource(wish, SystemClock())
    camera.open()
    picture = camera.read(5)
    assert picture.pixels.shape == pixel.shape(320, 240)
    assert (picture.pixel, picture.width, picture.height) == (pixel, 320, 240)
    assert counter.read(picture.pixels[:240]) == 1
    camera.close()


def test_the_order_of_colours(tmp_path: Path) -> None:
    path = footage.pattern_video(tmp_path / "a.nut", 1)
    pictures = {}
    for pixel in (PixelFormat.BGR24, PixelFormat.RGB24, PixelFormat.BGRA32, PixelFormat.RGBA32):
        wish = CameraSpec("hall", "file", str(path), width=0, height=0, pixel=pixel, fps=0)
        camera = FileSource(wish, SystemClock())
        camera.open()
        pictures[pixel] = camera.read(5).pixels
        camera.close()
    bgr = pictures[PixelFormat.BGR24]
    assert not np.array_equal(bgr[..., 0], bgr[..., 2])
    assert np.array_equal(pictures[PixelFormat.RGB24][..., ::-1], bgr)
    assert np.array_equal(pictures[PixelFormat.BGRA32][..., :3], bgr)
    assert np.array_equal(pictures[PixelFormat.RGBA32][..., 2::-1], bgr)


@pytest.mark.parametrize(
    ("wish", "got"), [((160, 120), (160, 120)), ((160, 0), (160, 120)), ((0, 480), (640, 480)), ((1270, 720),) * 2]
)
def test_sizes(video: Path, wish: tuple[int, int], got: tuple[int, int]) -> None:
    width, height = wish
    camera = FileSource(CameraSpec("hall", "file", str(video), width=width, height=height, fps=0), SystemClock())
    opened = camera.open()
    assert (opened.format.width, opened.format.height) == got
    assert opened.notes == (f"320×240 scaled to {got[0]}×{got[1]}",)
    assert camera.read(5).pixels.shape == (got[1], got[0], 3)
    camera.close()


def test_an_impossible_size_is_broken(video: Path) -> None:
    wish = CameraSpec("hall", "file", str(video), width=161, height=121, pixel=PixelFormat.NV12)
    with pytest.raises(CameraBroken) as caught:
        FileSource(wish, SystemClock()).open()
    assert caught.value.cause == "size"


def test_a_loop_goes_on_with_the_first_frame(video: Path) -> None:
    camera = source(video, loop=True)
    camera.open()
    assert numbers(camera, 2 * FRAMES + 5) == [*range(1, FRAMES + 1)] * 2 + [1, 2, 3, 4, 5]
    camera.close()


def test_a_loop_whose_file_has_gone_is_unavailable(tmp_path: Path) -> None:
    path = footage.pattern_video(tmp_path / "a.mkv", 2)
    camera = source(path, loop=True)
    camera.open()
    numbers(camera, 2)
    path.unlink()
    with pytest.raises(CameraUnavailable) as caught:
        camera.read(5)
    assert caught.value.cause == "changed"
    camera.close()


def test_pace_of_its_own_and_pace_as_wished(video: Path) -> None:
    for fps, period_s in ((-1.0, 1 / 25), (50.0, 1 / 50), (5.0, 1 / 5)):
        clock = FakeClock()
        camera = FileSource(spec(video, fps, loop=True), clock)
        opened = camera.open()
        assert opened.format.fps == pytest.approx(1 / period_s)
        due = []
        for _ in range(2 * FRAMES + 5):
            camera.read(5)
            due.append(clock.now_s)
        # Matroska's stamps are whole milliseconds.
        assert np.allclose(np.diff(due), period_s, atol=0.0011)
        assert due[-1] - due[0] == pytest.approx((2 * FRAMES + 4) * period_s, abs=0.0025)
        camera.close()


def test_as_fast_as_possible_does_not_wait(video: Path) -> None:
    clock = FakeClock()
    camera = FileSource(spec(video, loop=True), clock)
    assert camera.open().format.fps == 0
    numbers(camera, 100)
    assert clock.now_s == 100.0
    camera.close()


def test_own_pace_against_the_real_clock(video: Path) -> None:
    camera = source(video, fps=-1)
    camera.open()
    started = time.monotonic()
    numbers(camera, 26)
    assert time.monotonic() - started > 0.9  # 25 periods of 1/25 s
    camera.close()


def test_no_burst_after_a_stall_and_no_drift_before() -> None:
    clock = FakeClock()
    pace = OwnPace(clock, 0.04)
    pace.wait(0.0, 5)
    clock.now_s += 0.3
    for number in range(1, 11):
        pace.wait(number * 0.04, 5)
    assert clock.now_s == pytest.approx(100.4)
    clock.now_s += 60
    pace.wait(0.44, 5)
    pace.wait(0.48, 5)
    assert clock.now_s == pytest.approx(160.44)


def test_stamps_that_are_missing_or_leap_count_as_one_period() -> None:
    clock = FakeClock()
    pace = OwnPace(clock, 0.04)
    for stamp in (0.0, None, 7.0, 7000.0, 7000.0, 1.0):
        pace.wait(stamp, 5)
    assert clock.now_s == pytest.approx(100.2)


def test_a_damaged_part_is_skipped_and_counted(tmp_path: Path) -> None:
    path = footage.pattern_video(tmp_path / "a.mkv", FRAMES)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size and packet.pos]
    damaged = bytearray(path.read_bytes())
    for position, size in places[10:14]:
        start = damaged.index(bytes(damaged[position : position + 8])) + 8
        damaged[start + 4 : start + size - 8] = b"\xff" * (size - 12)
    path.write_bytes(damaged)
    camera = source(path)
    opened: Opened = camera.open()
    assert opened.format.width == 320
    count = read_to_end(camera)
    assert camera.skipped >= 1
    assert FRAMES - 8 <= count <= FRAMES
    camera.close()


def test_a_recording_that_breaks_off_plays_up_to_there(tmp_path: Path) -> None:
    path = footage.pattern_video(tmp_path / "a.mkv", FRAMES)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    camera = source(path)
    camera.open()
    assert 10 < read_to_end(camera) < FRAMES
    camera.close()


def test_another_size_in_mid_file_is_scaled_to_the_first(tmp_path: Path) -> None:
    parts = [footage.pattern_video(tmp_path / f"{n}.h264", 20, (n, 240)).read_bytes() for n in (320, 352)]
    (tmp_path / "both.h264").write_bytes(b"".join(parts))
    camera = source(tmp_path / "both.h264")
    camera.open()
    assert numbers(camera, 20) == list(range(1, 21))
    assert {camera.read(5).pixels.shape for _ in range(20)} == {(240, 320, 3)}
    camera.close()


def test_absent(tmp_path: Path) -> None:
    assert broken_cause(tmp_path / "none.mkv") == "absent"


def test_not_a_video(tmp_path: Path) -> None:
    for name, content in (("empty.mkv", b""), ("text.mp4", b"no video at all\n" * 1000)):
        (tmp_path / name).write_bytes(content)
        assert broken_cause(tmp_path / name) == "format"
    assert broken_cause(tmp_path) == "format"
    assert broken_cause(Path("/dev/zero")) == "format"


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert broken_cause(path) == "format"


def test_a_loop_without_one_good_picture_ends_at_open(tmp_path: Path) -> None:
    path = footage.pattern_video(tmp_path / "a.h264", 1)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x00\x00\x01\x65")])  # up to the first slice: NAL unit type 5
    assert broken_cause(path) == "format"


def test_no_permission(tmp_path: Path, video: Path) -> None:
    path = tmp_path / "a.mkv"
    path.write_bytes(video.read_bytes())
    path.chmod(0)
    user = os.geteuid()
    if user == 0:
        tmp_path.chmod(0o755)
        os.seteuid(65534)  # nobody: root may read everything
    try:
        assert broken_cause(path) == "permission"
    finally:
        os.seteuid(user)


def test_a_name_can_not_lead_to_the_network(tmp_path: Path) -> None:
    assert broken_cause(Path("http://127.0.0.1:9/a.mkv")) == "absent"
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    assert broken_cause(playlist) == "format"


def test_reading_without_open_is_told(video: Path) -> None:
    with pytest.raises(CameraUnavailable) as caught:
        source(video).read(1)
    assert caught.value.cause == "closed"
