"""Two days in the logs of a suite as an author made them who did not know the analyser's rules.

Three cameras, realistic noise (nights, a Redis that was slow once, planned restarts), twelve incidents.

Everything follows from the seed. `python -m tests.logscan.other_days FOLDER [SEED]` writes the logs to look at.
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

CAMERAS = ("cam1", "cam2", "door")
DAY_S, HOUR_S, MINUTE_S = 86400.0, 3600.0, 60.0
PLANTED = 12
_APART_S = 40 * MINUTE_S
_HEAD = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Planted:
    """What was put into the logs: its kind, whose trouble it is, and from when to when (seconds since 1970)."""

    kind: str
    area: str
    start_s: float
    end_s: float


class Day:
    """Collects lines with their times; each goes to the files that it belongs to."""

    def __init__(self, seed: int, begin_s: float) -> None:
        self.chance, self.begin_s = random.Random(seed), begin_s
        self._main: list[tuple[float, int, str]] = []
        self._errors: list[tuple[float, int, str]] = []
        self._perf: list[tuple[float, int, str]] = []
        self.away: list[tuple[float, float]] = []
        """From when to when Redis was away."""
        self._ups: dict[str, list[tuple[float, float, float]]] = {
            "temperature_c": [], "memory_percent": [], "disk_percent": [],
        }  # fmt: skip
        self._number = 0

    def say(self, at_s: float, level: str, who: str, text: str, stack: str = "") -> None:
        """A plain line."""
        self._put(at_s, level, f"{who}: {text}", stack, f"{'fetch_image' if 'cam' in who else 'main'}:123")

    def connection(
        self,
        at_s: float,
        *,
        up: bool,
        failures: int = 0,
        service: str = "redis",
        source: str = "start",
        camera: str = "",
    ) -> None:
        """A CONNECTION line."""
        details = {"failures": failures, **({} if up else {"cause": "refused" if service == "redis" else "absent"})}
        who = {"source": source, **({"camera": camera} if camera else {})}
        facts = {"service": service, "status": up, "details": details, "uptime": 1.5, **who}
        self._put(at_s, "INFO" if up else "WARNING", f"CONNECTION: {json.dumps(facts)}")

    def issue(self, at_s: float, kind: str, message: str, source: str, severity: str = "WARNING") -> None:
        """An ISSUE line."""
        facts = {"issue_type": kind, "message": message, "severity": severity, "count": 1, "uptime": 1.5}
        self._put(
            at_s, severity, f"ISSUE: {json.dumps({**facts, 'context': {}, 'source': source})}", "", "check:77"
        )

    def perf(self, at_s: float, metric: str, value: object, unit: str | None = None) -> None:
        """A PERF line."""
        facts = {"metric": metric, "value": value, "unit": unit, "timestamp": round(at_s, 3), "uptime": 1.5}
        self._perf.append((at_s, self._next(), f"{stamp(at_s)} - PERF: {json.dumps(facts)}"))

    def lift(self, figure: str, from_s: float, until_s: float, by: float) -> None:
        """Have a figure of system_health rise within two minutes and stay up until `until_s`."""
        self._ups[figure].append((from_s, until_s, by))

    def health(self, at_s: float) -> None:
        """A PERF line of the machine."""
        hour = (at_s - self.begin_s) / HOUR_S
        calm = {
            "temperature_c": 52 + 4 * math.sin(hour / 24 * 2 * math.pi) + self.chance.gauss(0, 0.6),
            "memory_percent": 46 + self.chance.gauss(0, 0.8),
            "disk_percent": 71 + 0.02 * hour,
        }
        for figure, ups in self._ups.items():
            calm[figure] += sum(
                by * min(1.0, (at_s - from_s) / 120) for from_s, until_s, by in ups if from_s <= at_s < until_s
            )
        figures = {name: round(min(100.0, value), 1) for name, value in calm.items()}
        cpu = {"cpu_percent": round(min(100.0, abs(self.chance.gauss(38, 6))), 1)}
        self.perf(
            at_s,
            "system_health",
            {**cpu, **figures, "throttled_now": [], "machine_uptime_s": at_s - self.begin_s + 9e5},
        )

    def write(self, folder: Path) -> None:
        """The files, with performance.log of each whole day under its date."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "camera_system.log").write_text(_joined(self._main))
        (folder / "errors.log").write_text(_joined(self._errors))
        middle_s = self.begin_s + DAY_S
        first = [line for line in self._perf if line[0] < middle_s]
        day = time.strftime("%Y-%m-%d", time.localtime(self.begin_s))
        (folder / f"performance.log.{day}").write_text(_joined(first))
        (folder / "performance.log").write_text(_joined([line for line in self._perf if line[0] >= middle_s]))

    def _put(self, at_s: float, level: str, message: str, stack: str = "", where: str = "") -> None:
        tail = f"\n{stack}" if stack else ""
        self._main.append((at_s, self._next(), f"{stamp(at_s)} - camera_system - {level} - {message}{tail}"))
        if level in ("ERROR", "CRITICAL"):
            line = f"{stamp(at_s)} - camera_system - {level} - {where} - {message}{tail}"
            self._errors.append((at_s, self._next(), line))

    def _next(self) -> int:
        self._number += 1
        return self._number


def stamp(at_s: float) -> str:
    """As Python's logging writes times."""
    return f"{time.strftime(_HEAD, time.localtime(at_s))},{int(at_s % 1 * 1000):03d}"


def _joined(lines: list[tuple[float, int, str]]) -> str:
    return "".join(f"{line}\n" for _, _, line in sorted(lines))


# --- noise


def _noise(day: Day, length_s: float) -> None:
    chance, begin_s = day.chance, day.begin_s
    for at in range(0, int(length_s), 60):
        day.health(begin_s + at + chance.random())
    for at in range(0, int(length_s), 30):
        if not _busy(day, begin_s + at):
            day.connection(begin_s + at + chance.random(), up=True)
    for camera in CAMERAS:
        for at in range(0, int(length_s), 300):
            at_s = begin_s + at + chance.uniform(0, 20)
            text = f"{camera}: {chance.gauss(29.9, 0.1):.1f} fps, {at * 30} frames, streaming"
            day.say(at_s, "INFO", f"cam1_stream[{camera}]", text)
            day.perf(at_s, "fetch_image_duration", round(abs(chance.gauss(0.033, 0.002)), 4), "seconds")
            day.perf(at_s, "publish_duration", round(abs(chance.gauss(0.004, 0.001)), 4), "seconds")
    _often(day, length_s)
    _seldom(day, length_s)


def _busy(day: Day, at_s: float) -> bool:
    return any(from_s <= at_s < until_s for from_s, until_s in day.away)


_STALL = "capture itself did not run for {} s; not the camera's fault"
_NO_FRAME = "skipped an entry that is no frame (garbage)"


def _often(day: Day, length_s: float) -> None:
    """Lines that come all day."""
    chance, number = day.chance, day.chance.randint

    def a_viewer() -> str:
        return f"viewer 192.168.1.{number(2, 250)}:{number(30000, 60000)} was too slow and is gone"

    noise: tuple[tuple[float, str, str, Callable[[], str]], ...] = (
        (7, "WARNING", "client", lambda: f"consumer images is {number(3, 20) / 10} s behind"),
        (25, "WARNING", "cam1_stream[cam2]", lambda: f"cam2: {_STALL.format(number(3, 9) / 10)}"),
        (40, "WARNING", "cam1_stream[door]", lambda: f"door: {number(1, 3)} damaged packets skipped"),
        (15, "INFO", "storeimages", lambda: f"removed {number(40, 90)} images, {number(8, 20)} MB in all"),
        (90, "WARNING", "client", a_viewer),
        (240, "ERROR", "client", lambda: f"images: {_NO_FRAME}: {number(1, 9)}-{number(1, 99999)}"),
    )
    for every_min, level, who, text in noise:
        at_s = day.begin_s
        while (at_s := at_s + chance.expovariate(1 / (every_min * MINUTE_S))) < day.begin_s + length_s:
            day.say(at_s, level, who, text())


def _seldom(day: Day, length_s: float) -> None:
    """What looks like trouble and is none: darkness, a planned reload, a Redis slow once, a few viewers."""
    chance = day.chance
    for number in range(int(length_s // DAY_S)):
        begin_s = day.begin_s + number * DAY_S
        for camera in CAMERAS:
            at_s = begin_s + 19 * HOUR_S + chance.uniform(0, 900)
            text = f"CAMERA_ISSUE: capture_failure {camera}: dark for 5 s: lens cap, no light? (black)"
            day.say(at_s, "WARNING", f"cam1_stream[{camera}]", text)
            day.say(
                begin_s + 6.5 * HOUR_S + chance.uniform(0, 900),
                "INFO",
                f"cam1_stream[{camera}]",
                f"{camera}: the picture is not black any more",
            )
        at_s = begin_s + chance.uniform(8, 18) * HOUR_S
        day.say(at_s, "INFO", "start", "settings read anew: RETENTION_DAYS is 14; recorder is started anew")
        day.say(at_s + 1.2, "INFO", "start", "recorder is stopped")
        at_s = begin_s + chance.uniform(1, 23) * HOUR_S
        day.say(
            at_s,
            "WARNING",
            "cam1_stream[cam1]",
            "cam1: embedded Redis does not answer in time: Timeout reading from socket; capture goes on, retrying",
        )
        day.say(at_s + 0.6, "INFO", "cam1_stream[cam1]", "cam1: connected to embedded Redis (Valkey 9.1.2)")
        _start_all(day, begin_s + chance.uniform(1, 23) * HOUR_S)
        at_s = begin_s + chance.uniform(1, 23) * HOUR_S
        for _ in range(4):
            at_s += chance.uniform(2, 20)
            day.say(
                at_s,
                "WARNING",
                "client",
                f"viewer 192.168.1.{chance.randint(2, 250)}:41000 was too slow and is gone",
            )


def _start_all(day: Day, at_s: float) -> None:
    """Everything is stopped and started: capture is there before Redis is."""
    day.say(at_s - 3, "INFO", "start", "everything is stopped")
    text = "embedded Redis can't be reached: Error 2 connecting to redis.sock. No such file or directory."
    for camera in CAMERAS:
        day.say(at_s, "WARNING", f"cam1_stream[{camera}]", f"{text}; capture goes on, retrying")
        day.issue(at_s, "redis_connection_failed", text, "cam1_stream")
        day.connection(at_s, up=False, failures=1, source="cam1_stream", camera=camera)
        _connect(day, at_s + 0.6, camera)


# --- incidents: each returns when it ended


def _redis_killed(day: Day, at_s: float) -> float:
    day.say(at_s, "WARNING", "start", "redis ended with signal 9 (SIGKILL); back in 0.5 s")
    return _redis_away(day, at_s, 41.0)


def _redis_unreachable(day: Day, at_s: float) -> float:
    return _redis_away(day, at_s, day.chance.uniform(240, 480))


def _redis_away(day: Day, at_s: float, length_s: float) -> float:
    text = "embedded Redis can't be reached: Connection refused"
    day.away.append((at_s - 1, at_s + length_s))
    for camera in CAMERAS:
        pause_s, then_s = 0.5, at_s + day.chance.uniform(0.1, 0.6)
        day.connection(then_s, up=False, failures=1, source="cam1_stream", camera=camera)
        while then_s < at_s + length_s:
            day.say(then_s, "WARNING", f"cam1_stream[{camera}]", f"{text}; capture goes on, retrying")
            pause_s = min(30.0, pause_s * 2)
            then_s += pause_s * day.chance.uniform(0.8, 1.2)
        _connect(day, at_s + length_s + 0.4, camera)
    day.issue(at_s + 2, "redis_connection_failed", text, "start")
    for number in range(int(length_s // 30) + 1):
        day.connection(at_s + 2 + number * 30, up=False, failures=number + 1)
    day.connection(at_s + length_s, up=True)
    return at_s + length_s


def _connect(day: Day, at_s: float, camera: str) -> None:
    day.say(at_s, "INFO", f"cam1_stream[{camera}]", "connected to embedded Redis (Valkey 9.1.2)")
    day.connection(at_s, up=True, source="cam1_stream", camera=camera)


def _fail(day: Day, at_s: float, camera: str, word: str, text: str, cause: str) -> None:
    said = f"CAMERA_ISSUE: {word} {camera}: {text} ({cause}); replacing the worker now"
    day.say(at_s, "WARNING", f"cam1_stream[{camera}]", said)
    day.connection(at_s - 0.01, up=False, failures=1, service="camera", source="cam1_stream", camera=camera)
    evidence = f"evidence: worker {day.chance.randint(900, 9000)} in state S at futex_wait_queue; 61.3 °C"
    day.say(at_s + 0.2, "WARNING", f"cam1_stream[{camera}]", evidence)


def _cure(day: Day, at_s: float, camera: str, cause: str, dark_s: float) -> None:
    cured = f"replace worker cured it in 1.3 s, {dark_s:.1f} s after the first failure"
    said = f"CAMERA_RECOVERY: successful recovery of {camera} ({cause}): {cured}"
    day.say(at_s, "WARNING", f"cam1_stream[{camera}]", said)
    day.connection(at_s, up=True, service="camera", source="cam1_stream", camera=camera)


def _camera_hangs(day: Day, at_s: float) -> float:
    for _ in range(4):
        _fail(day, at_s, "cam1", "capture_failure", "no frame for 5 s, hanging in phase capture", "timeout")
        _cure(day, at_s + 1.3, "cam1", "timeout", 1.3)
        end_s, at_s = at_s + 1.3, at_s + day.chance.uniform(60, 240)
    return end_s


def _camera_unplugged(day: Day, at_s: float) -> float:
    begin_s, pause_s = at_s, 0.5
    while at_s < begin_s + 25 * MINUTE_S:
        _fail(day, at_s, "door", "connection_error", "there is no such camera any more", "disconnected")
        pause_s = min(30.0, pause_s * 2)
        at_s += pause_s * day.chance.uniform(0.8, 1.2)
    _cure(day, at_s, "door", "disconnected", at_s - begin_s)
    return at_s


def _camera_freezes(day: Day, at_s: float) -> float:
    _fail(day, at_s, "cam2", "capture_failure", "the very same picture 10 times", "frozen")
    _cure(day, at_s + 1.1, "cam2", "frozen", 1.1)
    return at_s + 1.1


def _disk_full(day: Day, at_s: float) -> float:
    end_s = at_s + 12 * MINUTE_S
    day.lift("disk_percent", at_s - 240, end_s, 28)
    told = "images of cam1: ALERT: [Errno 28] No space left on device"
    for number in range(12):
        day.say(at_s + number * 60, "ERROR", "storeimages[recorder]", told)
    day.say(end_s, "INFO", "storeimages[recorder]", "images are stored again")
    return end_s


_STACK = """Traceback (most recent call last):
  File "/opt/greencam/src/greencam/client/recorder.py", line 88, in run
    self._keep(frame)
{}"""


def _recorder_crashes(day: Day, at_s: float) -> float:
    for number in range(5):
        stack = _STACK.format("KeyError: 'cam7'")
        day.say(at_s, "ERROR", "storeimages[recorder]", "recorder stops on an unexpected error", stack)
        day.say(at_s + 0.1, "WARNING", "start", f"recorder ended with exit 1; back in {0.5 * 2**number:.1f} s")
        end_s, at_s = at_s + 0.1, at_s + 0.5 * 2**number + 1
    return end_s


def _throttled(day: Day, at_s: float) -> float:
    day.lift("temperature_c", at_s - 300, at_s + 10 * MINUTE_S, 29)
    day.issue(at_s, "throttled", "the Raspberry Pi reports throttled, soft temperature limit", "start")
    for camera in CAMERAS:
        text = f"CAMERA_ISSUE: capture_failure {camera}: 11.2 of 30 fps for 10 s (slow)"
        day.say(at_s + day.chance.uniform(5, 40), "WARNING", f"cam1_stream[{camera}]", text)
    return at_s + 40


def _memory_out(day: Day, at_s: float) -> float:
    day.lift("memory_percent", at_s - 400, at_s, 48)
    day.say(at_s, "ERROR", "client", "detector stops: [Errno 12] Cannot allocate memory")
    day.say(at_s + 0.3, "WARNING", "start", "recorder ended with signal 9 (SIGKILL); back in 0.5 s")
    return at_s + 0.3


def _frames_lost(day: Day, at_s: float) -> float:
    text = "images: ALERT: 120 frames are lost, 3-1000 to 3-1119: the stream was trimmed"
    day.say(at_s, "ERROR", "client", text)
    return at_s


def _wrong_settings(day: Day, at_s: float) -> float:
    text = "the new settings are not taken over, the old ones stay in force; 1 problems:"
    day.say(at_s, "ERROR", "start", text)
    day.say(at_s, "ERROR", "start", "  config.py: FRAME_RATE must be a number above 0, not 'fast'")
    return at_s


def _exception(day: Day, at_s: float) -> float:
    stack = _STACK.format("AttributeError: 'NoneType' object has no attribute 'shape'")
    day.say(at_s, "ERROR", "client", "a sink failed on frame 3-1042 (1 so far)", stack)
    return at_s


def _storm(day: Day, at_s: float) -> float:
    for number in range(8000):
        text = f"decoder 0x{day.chance.randint(0, 2**32):08x}: macroblock {number % 80} {number % 45} is bad"
        day.say(at_s + number * 0.02, "ERROR", "cam1_stream[door]", text)
    return at_s + 160


def _process_hangs(day: Day, at_s: float) -> float:
    day.say(at_s, "ERROR", "start", "recorder gave no sign of work for 20 s; replacing it")
    day.say(at_s + 3, "WARNING", "start", "recorder did not end when asked; killed")
    day.say(at_s + 3.1, "WARNING", "start", "recorder ended with signal 9 (SIGKILL); back in 0.5 s")
    return at_s + 3.1


KINDS: dict[str, tuple[str, Callable[[Day, float], float]]] = {
    "Redis is killed": ("redis", _redis_killed),
    "Redis is unreachable": ("redis", _redis_unreachable),
    "a camera hangs four times": ("camera", _camera_hangs),
    "a camera is unplugged": ("camera", _camera_unplugged),
    "a camera freezes": ("camera", _camera_freezes),
    "the disk is full": ("disk", _disk_full),
    "the recorder crashes again and again": ("process", _recorder_crashes),
    "the Pi is throttled": ("machine", _throttled),
    "the memory runs out": ("memory", _memory_out),
    "frames are lost": ("delivery", _frames_lost),
    "new settings are wrong": ("settings", _wrong_settings),
    "an exception nobody expected": ("process", _exception),
    "a storm of an unknown error": ("lines", _storm),
    "a process hangs": ("process", _process_hangs),
}


def unmatched(planted: Sequence[Planted], starts_s: Sequence[float | None]) -> tuple[list[str], int]:
    """Kinds of those that no told incident begins within two minutes of, and how many told ones are nobody's.

    `starts_s`: when each told one began, seconds since 1970.
    """
    left, missed = [start_s for start_s in starts_s if start_s is not None], []
    for one in planted:
        match = next((start_s for start_s in left if abs(start_s - one.start_s) <= 2 * MINUTE_S), None)
        if match is None:
            missed.append(one.kind)
        else:
            left.remove(match)
    return missed, len(left)


def make(folder: Path, seed: int, days: float = 2.0, planted: int = PLANTED) -> list[Planted]:
    """Write the logs; what was planted, in the order of time."""
    chance = random.Random(seed)
    begin_s = time.mktime((2026, chance.randint(1, 12), chance.randint(1, 27), 0, 0, 0, 0, 0, -1))
    day = Day(seed, begin_s)
    length_s = days * DAY_S
    kinds = chance.sample(sorted(KINDS), planted)
    places = sorted(chance.uniform(0, length_s - 2 * HOUR_S - PLANTED * _APART_S) for _ in kinds)
    put = []
    for number, (kind, place) in enumerate(zip(kinds, places, strict=True)):
        area, plant = KINDS[kind]
        start_s = begin_s + HOUR_S + place + number * _APART_S
        put.append(Planted(kind, area, start_s, plant(day, start_s)))
    _noise(day, length_s)
    day.write(folder)
    return put


if __name__ == "__main__":
    for one in make(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1):
        print(stamp(one.start_s), one.kind)
