"""Sees what a number that goes on does not tell: frozen, black or uniform pictures, a rate far below the wish."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from greencam.frame import header
from greencam.frame.header import Header
from greencam.frame.picture import Pixels

FROZEN_LOOKS = (
    10  # sensor noise makes ten equal pictures in a row impossible (reliability research, frozen detection)
)
_DARK_LEVEL, _FLAT_SPREAD = 16.0, 2.0  # of 255: video black is 16; a lens cap still shows 2 and more of noise
_FLAT_S = 5.0
_SLOW_SHARE, _SLOW_S = 0.5, 10.0
_SAMPLED_ROWS = 48


@dataclass(frozen=True)
class Look:
    """One frame as seen at monotonic time `at_s`: its number, the sensor's time, a checksum of sampled rows.

    `mean` and `spread` (standard deviation) are of the sampled bytes, 0 to 255.
    """

    at_s: float
    cursor: tuple[int, int]
    sensor_ns: int
    digest: int
    mean: float
    spread: float


def look_at(head: Header, pixels: Pixels, at_s: float) -> Look:
    """Look at every so-manieth row of a frame; about 0.1 ms for 1280×720."""
    rows = np.ascontiguousarray(pixels[:: max(1, head.height // _SAMPLED_ROWS)])
    few = rows.reshape(-1)[::7]
    return Look(
        at_s=at_s,
        cursor=(head.epoch, head.seq),
        sensor_ns=head.sensor_ns,
        digest=header.crc32c(rows.tobytes()),
        mean=float(few.mean()),
        spread=float(few.std()),
    )


@dataclass(frozen=True)
class Finding:
    """Something seen: one word (`frozen`, `still`, `black`, `uniform`, `slow`) and a sentence."""

    word: str
    text: str


class Watch:
    """Remembers what the last frames had in common; `certain` says that equal pictures prove a frozen camera.

    They do for a sensor, whose noise never repeats; a network camera may send a still picture from a still scene.
    """

    def __init__(self, *, certain: bool) -> None:
        self._certain = certain
        self._last: Look | None = None
        self._equal_pictures = self._equal_stamps = 0
        self._flat_since_s: float | None = None
        self._slow_since_s: float | None = None

    @property
    def digest(self) -> int | None:
        """Checksum of the last frame that was looked at, None before the first."""
        return self._last.digest if self._last else None

    def see(self, look: Look) -> None:
        """Take in a frame; the same frame again counts for nothing."""
        last, self._last = self._last, look
        if last is None or last.cursor == look.cursor:
            return
        self._equal_pictures = self._equal_pictures + 1 if look.digest == last.digest else 0
        stands = look.sensor_ns != 0 and look.sensor_ns == last.sensor_ns
        self._equal_stamps = self._equal_stamps + 1 if stands else 0
        if look.spread < _FLAT_SPREAD:
            self._flat_since_s = look.at_s if self._flat_since_s is None else self._flat_since_s
        else:
            self._flat_since_s = None

    def frozen(self) -> Finding | None:
        """The finding that calls for recovery, if there is one."""
        if self._equal_stamps >= FROZEN_LOOKS:
            return Finding("frozen", f"the camera's own time stands still over {self._equal_stamps} frames")
        if self._equal_pictures >= FROZEN_LOOKS and self._certain and not self._flat:
            return Finding("frozen", f"the very same picture {self._equal_pictures} times in a row")
        return None

    @property
    def _flat(self) -> bool:
        return self._last is not None and self._last.spread < _FLAT_SPREAD

    def warnings(self, fps: float, wish_fps: float, now_s: float) -> tuple[Finding, ...]:
        """What the owner should know and no recovery can mend; rates in frames per second."""
        found = [self._flatness(now_s), self._stillness(), self._slowness(fps, wish_fps, now_s)]
        return tuple(finding for finding in found if finding is not None)

    def _flatness(self, now_s: float) -> Finding | None:
        if self._flat_since_s is None or self._last is None or now_s - self._flat_since_s < _FLAT_S:
            return None
        word = "black" if self._last.mean <= _DARK_LEVEL else "uniform"
        return Finding(
            word, f"the picture is {word} since {now_s - self._flat_since_s:.0f} s: lens cap, light, cable?"
        )

    def _stillness(self) -> Finding | None:
        if self._certain or self._flat or self._equal_pictures < FROZEN_LOOKS:
            return None
        return Finding("still", "the picture has not changed at all lately")

    def _slowness(self, fps: float, wish_fps: float, now_s: float) -> Finding | None:
        if wish_fps <= 0 or fps >= _SLOW_SHARE * wish_fps:
            self._slow_since_s = None
            return None
        self._slow_since_s = now_s if self._slow_since_s is None else self._slow_since_s
        if now_s - self._slow_since_s < _SLOW_S:
            return None
        return Finding("slow", f"{fps:.1f} fps where {wish_fps:g} are wished")
