"""What a viewer shows of a camera: its live pictures, or a placard that says why there are none.

view = LiveView(Feed("cam1", newest=True), facts, SystemClock())
while True:
    shown = view.next_picture(1.0)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from greencam.base.clock import Clock
from greencam.base.errors import FrameError, Refused, Unavailable
from greencam.client import outage
from greencam.client.frame_age import FrameAge
from greencam.client.frames import Frame
from greencam.client.outage import Facts
from greencam.frame import jpeg
from greencam.frame.formats import Codec, PixelFormat, check_size, pixel_format
from greencam.frame.header import Header
from greencam.frame.picture import Pixels
from greencam.frame.placard import Notice, Placard, thumbnail
from greencam.health.freshness import STALE_S, rate_of, stale_after_s

_PLACARD_PERIOD_S = 1.0
_ASK_PERIOD_S = 1.0
_LOOK_S = 0.2  # how often a view that waits for a frame looks at the facts
_FACTS_LAG_S = 3.0  # a beat comes every second, is read every second, and asked for every second
_SOON_S = 0.001


class FrameSource(Protocol):
    """Where frames come from: a Feed, best of newest frames, or what passes its frames on."""

    camera: str

    @property
    def transport(self) -> str:
        """`ring` or `redis`."""
        ...

    @property
    def trouble(self) -> str:
        """Why nothing comes at the moment, if that is known; else empty."""
        ...

    def next_frame(self, timeout_s: float) -> Frame | None:
        """The next usable frame, or None when none came in time."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture for a viewer.

    A live one has its `frame`, a placard has `drawn`. `pixel` is the format of `pixels`. `since` is when the last
    good frame was grabbed, in seconds since 1970 by the viewer's clock, None when the viewer knows of none;
    `cause` is one sentence, empty while live.
    """

    pixel: PixelFormat
    frame: Frame | None = None
    drawn: Pixels | None = None
    since: float | None = None
    cause: str = ""

    @property
    def live(self) -> bool:
        """Whether this is what the camera sees now."""
        return self.frame is not None

    @property
    def header(self) -> Header | None:
        """The frame's header; None for a placard."""
        return self.frame.header if self.frame else None

    @property
    def pixels(self) -> Pixels:
        """uint8 in the shape of `pixel`; of a live picture as the frame gives them. Raises FrameError."""
        return self.frame.pixels if self.frame else self._placard

    def jpeg(self, quality: int = 85) -> bytes:
        """The picture as a JPEG file; raises FrameError when a live one was overwritten meanwhile."""
        return self.frame.jpeg(quality) if self.frame else jpeg.encode(self._placard, self.pixel, quality)

    @property
    def _placard(self) -> Pixels:
        if self.drawn is None:
            raise ValueError("neither a frame nor a placard")
        return self.drawn


def live_picture(frame: Frame, since: float | None = None) -> Shown:
    """A frame as it is shown while it is new."""
    head = frame.header
    if head.codec == Codec.RAW:
        return Shown(PixelFormat(head.pixel), frame, since=since)
    # Coded frames are decoded to B, G, R whatever the camera had, except grey ones.
    grey = head.pixel == PixelFormat.GRAY8
    return Shown(PixelFormat.GRAY8 if grey else PixelFormat.BGR24, frame, since=since)


@dataclass(frozen=True, slots=True)
class _Moment:
    """When something was: on the monotonic clock and on the wall."""

    mono_s: float
    wall_s: float


class LiveView:
    """Frames while they are new, about a placard a second while they are not; never an old frame.

    Frames are old when none was grabbed for `stale_s` (longer for a camera that is slower), at once when the facts
    say that none come, and from the facts' word that the picture is frozen to their word that it is not. `facts`
    is asked once a second on the caller's thread; one that may take long belongs into a LatestFacts.
    """

    def __init__(
        self, feed: FrameSource, facts: Callable[[], Facts | None], clock: Clock, *, stale_s: float = STALE_S
    ) -> None:
        self._feed, self._ask_facts, self._clock, self._stale_s = feed, facts, clock, stale_s
        self._age = FrameAge(clock)
        self._facts: Facts | None = None
        self._began = self._ago(0.0)
        self._ask_due_s = self._placard_due_s = self._thumb_due_s = self._began.mono_s
        self._last: _Moment | None = None  # when the newest frame that came here was grabbed
        self._told: _Moment | None = None  # when the last one was grabbed that the capture knows of
        self._came_s = self._late_s = self._late_by_s = 0.0
        self._down_s: float | None = None  # since when the facts say that no frames come
        self._frozen: _Moment | None = None
        self._like = PixelFormat.BGR24, 640, 480
        self._behind: Pixels | None = None
        self._placard: Placard | None = None

    def next_picture(self, timeout_s: float) -> Shown | None:
        """A new frame, or a placard when one is due; None when what was shown last still holds.

        Takes at most one frame from the feed. Raises nothing because of camera, capture or Redis.
        """
        deadline_s = self._clock.monotonic() + timeout_s
        while True:
            now_s = self._clock.monotonic()
            self._ask(now_s)
            wait_s = min(deadline_s - now_s, self._placard_in_s(now_s), _LOOK_S)
            frame = self._feed.next_frame(max(0.0, wait_s))
            shown = self._see(frame) if frame is not None else None
            if shown is not None:
                return shown
            now_s = self._clock.monotonic()
            if self._placard_in_s(now_s) <= 0:
                return self._draw(now_s)
            if frame is not None or now_s >= deadline_s:
                return None

    # --- what is known ------------------------------------------------------------------------------------------

    def _ask(self, now_s: float) -> None:
        if now_s < self._ask_due_s:
            return
        self._ask_due_s = now_s + _ASK_PERIOD_S
        try:
            self._facts = facts = self._ask_facts()
        except Unavailable:
            self._facts = facts = None
        self._down_s = (self._down_s or now_s) if outage.is_down(facts) else None
        if facts is not None:  # who does not answer does not say that it moves again
            self._frozen = (self._frozen or self._ago(0.0)) if outage.is_frozen(facts) else None
        age_s = outage.age_of(facts)
        if age_s is not None and age_s > self._limit_s:
            told = self._ago(age_s)
            # The same frame by a beat that is older or younger is no news, and the time shown should not waver.
            if self._told is None or told.mono_s > self._told.mono_s + _FACTS_LAG_S:
                self._told = told

    def _see(self, frame: Frame) -> Shown | None:
        """A new frame as it is shown; None for one that must not be shown as live."""
        age_s = self._age.of(frame.header, same_host=self._feed.transport == "ring")
        now_s = self._came_s = self._clock.monotonic()
        grabbed = self._ago(age_s)
        if self._last is None or grabbed.mono_s > self._last.mono_s:
            self._last = grabbed
        if age_s > self._limit_s:
            self._late_s, self._late_by_s = now_s, age_s
            return None
        if self._frozen is not None:
            return None
        self._placard, self._placard_due_s = None, now_s
        shown = live_picture(frame, grabbed.wall_s)
        self._like = _placard_like(shown.pixel, frame.header)
        self._keep_thumbnail(shown, now_s)
        return shown

    def _keep_thumbnail(self, shown: Shown, now_s: float) -> None:
        if now_s < self._thumb_due_s or shown.frame is None:
            return
        self._thumb_due_s = now_s + _PLACARD_PERIOD_S
        try:
            small = thumbnail(shown.pixels, shown.pixel)
        except FrameError:
            return  # it can't be decoded: the one before stays, and whoever shows it will notice
        if shown.frame.intact:
            self._behind = small

    # --- what follows -------------------------------------------------------------------------------------------

    @property
    def _limit_s(self) -> float:
        return stale_after_s(rate_of(self._facts), self._stale_s)

    def _silent_s(self, now_s: float) -> float:
        return now_s - (self._last or self._began).mono_s

    def _placard_in_s(self, now_s: float) -> float:
        """Seconds until a placard is wanted, as far as can be known now; 0 when it is due."""
        if self._frozen is None and not self._believes_down(now_s):
            left_s = self._limit_s - self._silent_s(now_s)
            if left_s > _SOON_S:
                return left_s
        left_s = self._placard_due_s - now_s
        return left_s if left_s > _SOON_S else 0.0

    def _believes_down(self, now_s: float) -> bool:
        """What the facts say counts unless a frame has come since: then they are merely late."""
        if self._down_s is None:
            return False
        fps = rate_of(self._facts)
        lag_s = max(_FACTS_LAG_S, 2 / fps if fps else 0.0)
        return self._down_s > self._came_s or now_s - self._came_s >= lag_s

    def _draw(self, now_s: float) -> Shown:
        self._placard_due_s = now_s + _PLACARD_PERIOD_S
        if self._placard is None:
            self._like = self._like if self._behind is not None else _promised(self._facts) or self._like
            self._placard = Placard(*self._like, self._behind)
        notice, since = self._notice(now_s)
        pixels = self._placard.draw(notice)
        return Shown(self._like[0], drawn=pixels, since=since, cause=notice.cause)

    def _notice(self, now_s: float) -> tuple[Notice, float | None]:
        # Of a capture that does not answer and sends nothing any more it is not known whether its picture moves.
        known = self._facts is not None or self._silent_s(now_s) <= self._limit_s
        frozen = self._frozen if known else None
        start = frozen or self._last or self._told
        cause = outage.cause(self._facts, self._silent_s(now_s), self._feed.trouble)
        if self._late_s and now_s - self._late_s < _FACTS_LAG_S and not frozen:
            cause = f"pictures come {outage.lasting(self._late_by_s)} late"
        shown_from = start or self._began
        when = outage.clock_time(shown_from.wall_s, self._clock.wall())
        notice = Notice(
            headline="PICTURE FROZEN" if frozen else "NO SIGNAL",
            since=f"since {when}" if start else f"no picture yet, waiting since {when}",
            lasting=outage.lasting(now_s - shown_from.mono_s),
            camera=self._feed.camera,
            cause=cause[:1].upper() + cause[1:],
        )
        return notice, start.wall_s if start else None

    def _ago(self, seconds: float) -> _Moment:
        return _Moment(self._clock.monotonic() - seconds, self._clock.wall() - seconds)


def _placard_like(pixel: PixelFormat, head: Header) -> tuple[PixelFormat, int, int]:
    """Format and size of a placard in the place of such a frame; an odd side can't be 4:2:0."""
    odd = head.width % 2 or head.height % 2
    return PixelFormat.BGR24 if pixel.planar and odd else pixel, head.width, head.height


def _promised(facts: Facts | None) -> tuple[PixelFormat, int, int] | None:
    """Format and size of the opened camera, or None when the facts do not tell or can't be meant."""
    try:
        told: dict[str, Any] = (facts or {})["opened"]["format"]
        pixel, width, height = pixel_format(str(told["format"])), int(told["width"]), int(told["height"])
        check_size(pixel, width, height)
    except (KeyError, TypeError, ValueError, Refused):
        return None
    return pixel, width, height
