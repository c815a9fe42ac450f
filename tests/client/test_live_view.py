"""What a viewer sees when; time is moved by the test, frames come when the script says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import BusUnavailable, FrameError
from greencam.bus.spool import Entry
from greencam.client.frames import Frame, RemoteFrame
from greencam.client.live_view import LiveView, Shown, live_picture
from greencam.frame import jpeg
from greencam.frame.formats import PixelFormat
from tests.fake_clock import FakeClock
from tests.making import HEIGHT, WIDTH, entry

Facts = dict[str, Any] | None
BEGIN_S = 1000.0
WELL = {"state": "streaming", "stale": False, "frozen": False, "frame_age_s": 0.1, "failure": {}, "opened": {}}
HUNG = {"cause": "timeout", "text": "no frame for 5 s, hanging in phase capture", "retry": True}
FAILED = WELL | {"state": "waiting", "failure": HUNG}
SHOT = entry(100)


class ScriptedFeed:
    """Gives a frame at each time of the script, grabbed `late_s` before; a FrameSource."""

    camera = "cam1"
    transport = "ring"
    trouble = ""

    def __init__(self, clock: FakeClock, times: Iterable[float], late_s: float = 0.0) -> None:
        self.clock, self.times, self.late_s = clock, deque(BEGIN_S + at_s for at_s in times), late_s
        self.seq = 0

    def next_frame(self, timeout_s: float) -> Frame | None:
        assert 0 <= timeout_s <= 0.2, "whoever waits longer hears nothing new from the capture"
        if not self.times or self.times[0] > self.clock.now_s + timeout_s:
            self.clock.sleep(timeout_s)
            return None
        self.clock.now_s = max(self.clock.now_s, self.times.popleft())
        self.seq += 1
        grabbed_ns = int((self.clock.now_s - self.late_s) * 1e9)
        return RemoteFrame(Entry(SHOT.header._replace(seq=self.seq, grabbed_ns=grabbed_ns), SHOT.payload))


class Watched:
    """A live view from BEGIN_S on; `facts` may be changed at any time."""

    def __init__(self, times: Iterable[float], facts: Facts = None, late_s: float = 0.0) -> None:
        self.clock = FakeClock(BEGIN_S)
        self.feed = ScriptedFeed(self.clock, times, late_s)
        self.facts: Callable[[], Facts] = lambda: facts
        self.view = LiveView(self.feed, self.ask, self.clock)

    def ask(self) -> Facts:
        return self.facts()

    def until(self, end_s: float) -> list[tuple[float, Shown]]:
        """Everything that was shown, with its time since the begin."""
        seen = []
        while self.clock.now_s < BEGIN_S + end_s:
            shown = self.view.next_picture(min(1.0, BEGIN_S + end_s - self.clock.now_s))
            if shown is not None:
                seen.append((self.clock.now_s - BEGIN_S, shown))
        return seen

    def wall(self, at_s: float) -> float:
        return self.clock.wall() - self.clock.now_s + BEGIN_S + at_s


def every(step_s: float, begin_s: float, end_s: float) -> list[float]:
    return [float(at_s) for at_s in np.arange(begin_s, end_s, step_s)]


def placards(seen: list[tuple[float, Shown]]) -> list[tuple[float, Shown]]:
    return [(at_s, shown) for at_s, shown in seen if not shown.live]


def lives(seen: list[tuple[float, Shown]]) -> list[float]:
    return [at_s for at_s, shown in seen if shown.live]


def test_while_frames_come_each_is_shown_once() -> None:
    seen = Watched(every(0.1, 0.1, 10), WELL).until(10)
    assert not placards(seen)
    assert [shown.header.seq for _, shown in seen if shown.header] == list(range(1, 100))
    assert all(shown.cause == "" and shown.since is not None for _, shown in seen)


@pytest.mark.parametrize("facts", [None, {}, WELL], ids=["no answer", "nothing in it", "all is well"])
def test_without_frames_placards_come_after_five_seconds_whatever_the_facts_say(facts: Facts) -> None:
    watched = Watched(every(0.1, 0.1, 2.05), facts)
    seen = placards(watched.until(12))
    assert [round(at_s, 1) for at_s, _ in seen] == [7.0, 8.0, 9.0, 10.0, 11.0, 12.0]
    for _, shown in seen:
        assert shown.since == pytest.approx(watched.wall(2.0), abs=0.01)
        assert shown.header is None


def test_the_time_counts_up_in_the_picture() -> None:
    large = WELL | {"opened": {"format": {"width": 320, "height": 240, "format": "gray8", "fps": 30}}}
    pictures = [shown.pixels for _, shown in placards(Watched([], large).until(12))]
    assert len({picture.tobytes() for picture in pictures}) == len(pictures) >= 6


def test_when_the_capture_tells_a_failure_the_placard_comes_at_once_with_its_cause() -> None:
    watched = Watched(every(0.1, 0.1, 3))
    watched.facts = lambda: FAILED if watched.clock.now_s >= BEGIN_S + 3.5 else WELL
    at_s, shown = placards(watched.until(6))[0]
    assert at_s <= 3.5 + 1.0 + 0.2
    assert shown.cause == "The camera does not answer: no frame for 5 s, hanging in phase capture"


@pytest.mark.parametrize("facts", [FAILED, WELL | {"stale": True}])
def test_who_joins_while_the_camera_is_down_sees_the_placard_at_once(facts: dict[str, Any]) -> None:
    watched = Watched([], facts | {"frame_age_s": 90.0})
    at_s, shown = watched.until(1.5)[0]
    assert at_s <= 0.2
    assert shown.since == pytest.approx(watched.wall(-90.0), abs=0.1)


def test_the_moment_of_the_last_frame_does_not_waver_with_the_age_of_the_beats() -> None:
    watched = Watched([])
    watched.facts = lambda: FAILED | {"frame_age_s": 90.0 + int(watched.clock.now_s - BEGIN_S - 0.7)}
    assert len({shown.since for _, shown in watched.until(20)}) == 1


def test_frames_that_come_again_are_shown_at_once_and_old_facts_do_not_hide_them() -> None:
    watched = Watched([0.1, 0.2, *every(0.5, 20, 30)])
    watched.facts = lambda: FAILED if watched.clock.now_s < BEGIN_S + 21.5 else WELL
    seen = watched.until(30)
    assert min(at_s for at_s in lives(seen) if at_s > 1) == pytest.approx(20.0)
    assert [at_s for at_s, _ in placards(seen) if at_s > 20] == []


def test_facts_that_stay_bad_count_when_no_frame_has_come_for_three_seconds() -> None:
    seen = [at_s for at_s, _ in placards(Watched([0.1, 0.2, 0.3], FAILED).until(5)) if at_s > 0.1]
    assert 3.2 <= seen[0] <= 3.6


def test_a_frozen_picture_is_not_shown_although_frames_come() -> None:
    watched = Watched(every(0.1, 0.1, 30))
    watched.facts = lambda: WELL | {"frozen": 10 <= watched.clock.now_s - BEGIN_S < 20}
    seen = watched.until(30)
    assert [at_s for at_s in lives(seen) if 11.1 < at_s < 20] == []
    hidden = placards(seen)
    assert 9 <= len(hidden) <= 11
    assert all("same picture" in shown.cause for _, shown in hidden)
    assert len({shown.since for _, shown in hidden}) == 1
    assert hidden[0][1].since == pytest.approx(watched.wall(10.5), abs=0.6)
    assert lives(seen)[-1] > 29


def test_a_frozen_picture_stays_frozen_while_nobody_answers() -> None:
    """A Redis or a capture that is slow for a moment says nothing of the picture, neither that it moves again."""
    watched = Watched(every(0.1, 0.1, 30))

    def told() -> Facts | None:
        since_s = watched.clock.now_s - BEGIN_S
        if 10 <= since_s < 15:
            return WELL | {"frozen": True}
        return None if since_s < 20 else WELL

    watched.facts = told
    seen = watched.until(30)
    assert lives(seen)[0] < 1, "who never heard of it shows what comes"
    assert [at_s for at_s in lives(seen) if 11.1 < at_s < 20] == []
    assert placards(seen)[-1][1].cause == "The camera's capture does not answer"
    assert lives(seen)[-1] > 29


def test_a_camera_that_was_frozen_and_is_gone_has_no_signal() -> None:
    """Nobody answers and nothing comes: that is known, whether the picture would move is not."""
    watched = Watched(every(0.1, 0.1, 20))
    watched.facts = lambda: WELL | {"frozen": True} if watched.clock.now_s - BEGIN_S < 15 else None
    while_frozen, gone = watched.until(19), watched.until(30)
    assert placards(while_frozen)[-1][1].since == pytest.approx(watched.wall(0.1), abs=1.0)
    assert placards(gone)[-1][1].since == pytest.approx(watched.wall(20.0), abs=0.2)


def test_a_camera_that_was_frozen_is_not_believed_before_its_capture_believes_it() -> None:
    """Opened anew it gives frames at once; whether they move is not known yet."""
    watched = Watched(every(0.1, 0.1, 30))
    again = WELL | {
        "failure": {"cause": "frozen", "text": "the very same picture 25 times in a row", "retry": True}
    }
    watched.facts = lambda: again if watched.clock.now_s - BEGIN_S < 20 else WELL
    seen = watched.until(30)
    assert lives(seen)[0] >= 20
    assert placards(seen)[-1][1].cause.endswith("again and again: the very same picture 25 times in a row")


@pytest.mark.parametrize("transport", ["ring", "redis"])
def test_frames_that_were_kept_back_are_never_shown_as_live(transport: str) -> None:
    watched = Watched([*every(0.1, 0.1, 3), *every(0.1, 15, 30)], WELL)
    watched.feed.transport = transport
    first = watched.until(14)
    watched.feed.late_s = 12.0
    seen = watched.until(30)
    assert lives(first)
    assert lives(seen) == []
    assert placards(seen)[-1][1].cause == "Pictures come 12 s late"


def test_a_slow_camera_is_not_taken_for_dead() -> None:
    slow = WELL | {"opened": {"format": {"width": 32, "height": 16, "format": "bgr24", "fps": 0.1}}}
    seen = Watched(every(10, 1, 60), slow).until(60)
    assert placards(seen) == []
    assert len(seen) == 6


def test_without_any_frame_so_far_it_says_so() -> None:
    watched = Watched([], WELL)
    seen = watched.until(9)
    assert [round(at_s, 1) for at_s, _ in seen] == [5.0, 6.0, 7.0, 8.0, 9.0]
    assert {shown.since for _, shown in seen} == {None}
    assert seen[-1][1].cause == "The camera works, but its pictures do not get here"


def test_redis_that_is_away_is_a_cause_and_no_error() -> None:
    watched = Watched([0.1])

    def away() -> Facts:
        raise BusUnavailable("Redis can't be reached")

    watched.facts = away
    watched.feed.trouble = "embedded Redis can't be reached"
    _, shown = placards(watched.until(7))[0]
    assert shown.cause == "The camera's capture does not answer: embedded Redis can't be reached"


def test_the_facts_are_asked_once_a_second_however_many_frames_come() -> None:
    asked: list[float] = []
    watched = Watched(every(0.01, 0.01, 10))
    watched.facts = lambda: asked.append(watched.clock.now_s)
    watched.until(10)
    assert 9 <= len(asked) <= 11


def test_who_does_not_wait_gets_nothing_twice() -> None:
    watched = Watched([0.0])
    assert watched.view.next_picture(0.0) is not None
    assert watched.view.next_picture(0.0) is None
    watched.clock.now_s += 6
    assert [watched.view.next_picture(0.0) is None for _ in range(3)] == [False, True, True]


# --- what the placard looks like --------------------------------------------------------------------------------


def test_a_placard_takes_the_place_of_the_last_picture_in_size_and_format() -> None:
    seen = Watched([0.1]).until(7)
    assert seen[-1][1].pixel is PixelFormat.BGR24
    assert seen[-1][1].pixels.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("opened", "pixel", "shape"),
    [
        ({"format": {"width": 320, "height": 240, "format": "nv12", "fps": 30}}, PixelFormat.NV12, (360, 320)),
        ({"format": {"width": 321, "height": 240, "format": "nv12", "fps": 30}}, PixelFormat.BGR24, (480, 640, 3)),
        ({"format": {"width": 10**9, "height": 240, "format": "bgr24"}}, PixelFormat.BGR24, (480, 640, 3)),
        ({"format": {"width": None}}, PixelFormat.BGR24, (480, 640, 3)),
        ({"format": 7}, PixelFormat.BGR24, (480, 640, 3)),
        ({}, PixelFormat.BGR24, (480, 640, 3)),
    ],
)
def test_before_the_first_frame_it_has_the_format_that_the_camera_promised(
    opened: dict[str, Any], pixel: PixelFormat, shape: tuple[int, ...]
) -> None:
    _, shown = Watched([], FAILED | {"opened": opened}).until(1)[0]
    assert shown.pixel is pixel
    assert shown.pixels.shape == shape


def test_live_pictures_and_placards_are_jpegs_for_whoever_wants_them() -> None:
    seen = Watched([0.1]).until(7)
    for _, shown in (seen[0], seen[-1]):
        assert jpeg.decode(shown.jpeg()).shape == (HEIGHT, WIDTH, 3)
    assert seen[0][1].jpeg() is SHOT.payload, "what came as JPEG is not encoded again"


def test_a_frame_that_can_not_be_decoded_does_not_end_the_view() -> None:
    watched = Watched([])
    broken = RemoteFrame(Entry(SHOT.header._replace(grabbed_ns=int(BEGIN_S * 1e9)), b"no JPEG"))

    def give(timeout_s: float) -> Frame | None:
        watched.clock.sleep(max(0.1, timeout_s))
        return broken

    watched.feed.next_frame = give  # type: ignore[method-assign]
    shown = watched.view.next_picture(1.0)
    assert shown is not None
    with pytest.raises(FrameError):
        _ = shown.pixels
    assert placards(watched.until(9)), "it grows old like any other"


@pytest.mark.parametrize(
    ("pixel", "shown"),
    [
        (PixelFormat.RGB24, PixelFormat.BGR24),
        (PixelFormat.NV12, PixelFormat.BGR24),
        (PixelFormat.GRAY8, PixelFormat.GRAY8),
    ],
)
def test_the_format_of_a_coded_frame_is_that_of_its_decoded_pixels(pixel: PixelFormat, shown: PixelFormat) -> None:
    frame = RemoteFrame(Entry(SHOT.header._replace(pixel=pixel), SHOT.payload))
    assert live_picture(frame).pixel is shown
    assert live_picture(frame).pixels.shape == shown.shape(WIDTH, HEIGHT)


# --- whatever happens -------------------------------------------------------------------------------------------

EVENTS = st.lists(
    st.tuples(
        st.floats(0.0, 8.0),  # how long nothing comes
        st.integers(0, 20),  # then so many frames, ten a second
        st.sampled_from([None, WELL, FAILED, WELL | {"frozen": True}, WELL | {"stale": True}]),
    ),
    max_size=8,
)


@pytest.mark.timeout(300)  # a bound against a hang only: it is a hundred evenings before a screen
@given(EVENTS)
def test_a_viewer_is_never_left_with_an_old_picture(events: list[tuple[float, int, Facts]]) -> None:
    times, told, now_s = [], [], 0.0
    for silent_s, frames, facts in events:
        told.append((now_s, facts))
        times += every(0.1, now_s + silent_s, now_s + silent_s + 0.1 * frames)
        now_s += silent_s + 0.1 * frames
    watched = Watched(times)
    watched.facts = lambda: next((f for at_s, f in reversed(told) if watched.clock.now_s >= BEGIN_S + at_s), None)
    seen = watched.until(now_s + 10)
    shown_s = 0.0
    for at_s, shown in [*seen, (now_s + 10, None)]:
        # What is on the screen stays there until the next: a picture 5 s at most, a placard a good second.
        assert at_s - shown_s <= 5.0 + 0.21
        shown_s = at_s
        if shown is not None and shown.header is not None:
            assert watched.clock.now_s >= shown.header.grabbed_ns / 1e9
            assert BEGIN_S + at_s - shown.header.grabbed_ns / 1e9 <= 5.0
    assert seen
    assert not seen[-1][1].live, "for the last ten seconds no frame came"
