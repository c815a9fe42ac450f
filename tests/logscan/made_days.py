"""Two days of a suite's logs, made from a seed: usual noise, and twelve incidents of different kinds in it.

Usage: python -m tests.logscan.made_days SEED FOLDER   writes FOLDER/logs/*.log and says what was planted.
"""

from __future__ import annotations

import json
import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DAYS = 2
CAMERAS = ("cam1", "cam2", "cam3")
INCIDENTS = 12
_HOUR_S = 3600.0
_SLOT_S = DAYS * 24 * _HOUR_S / INCIDENTS


@dataclass(frozen=True)
class Planted:
    """An incident that was put in: its kind, its time, and by which kinds of trouble it is rightly found."""

    kind: str
    start_s: float
    end_s: float
    troubles: tuple[str, ...]
    words: tuple[str, ...]
    """What its verdict has to hold."""


@dataclass
class Days:
    """Lines that are being made, each with its time and the logs that it goes to."""

    draw: random.Random
    begin_s: float
    lines: list[tuple[float, str, str]] = field(default_factory=list)
    silent: list[tuple[float, float]] = field(default_factory=list)
    warm: list[tuple[float, float]] = field(default_factory=list)

    def say(self, at_s: float, level: str, who: str, text: str) -> None:
        """A plain line; an error goes to errors.log, too."""
        self._write(at_s, "camera_system.log", f"camera_system - {level} - {who}: {text}")
        if level in ("ERROR", "CRITICAL"):
            self._write(at_s, "errors.log", f"camera_system - {level} - run:{len(text)} - {who}: {text}")

    def mark(self, at_s: float, level: str, word: str, facts: dict[str, Any]) -> None:
        """A CONNECTION or ISSUE line."""
        self._write(at_s, "camera_system.log", f"camera_system - {level} - {word}: {json.dumps(facts)}")

    def perf(self, at_s: float, metric: str, value: Any, unit: str | None) -> None:
        """A PERF line."""
        facts = {"metric": metric, "value": value, "unit": unit, "timestamp": at_s}
        self._write(at_s, "performance.log", f"PERF: {json.dumps(facts)}")

    def _write(self, at_s: float, log: str, text: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_s))
        self.lines.append((at_s, log, f"{stamp},{int(at_s % 1 * 1000):03d} - {text}"))

    def camera(self, at_s: float, camera: str, text: str, cause: str) -> None:
        """A failure of a camera as capture tells it."""
        word = "connection_error" if cause in ("absent", "crashed", "refused") else "capture_failure"
        who = f"cam1_stream[{camera}]"
        self.say(at_s, "WARNING", who, f"CAMERA_ISSUE: {word} {camera}: {text} ({cause}); replacing the worker now")

    def cured(self, at_s: float, camera: str, cause: str, rung: str, dark_s: float) -> None:
        """And its end."""
        text = f"{rung} cured it in 0.{self.draw.randint(1, 9)} s, {dark_s:.1f} s after the first failure"
        who = f"cam1_stream[{camera}]"
        self.say(at_s, "WARNING", who, f"CAMERA_RECOVERY: successful recovery of {camera} ({cause}): {text}")

    def write(self, folder: Path) -> None:
        """Write the logs below a folder, by time; lines that fall into a silence were never written."""
        logs = folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        texts: dict[str, list[str]] = {}
        for at_s, log, line in sorted(self.lines):
            if at_s < self.begin_s + DAYS * 24 * _HOUR_S and not any(
                since_s < at_s < until_s for since_s, until_s in self.silent
            ):
                texts.setdefault(log, []).append(line)
        for log, lines in texts.items():
            (logs / log).write_text("\n".join(lines) + "\n")


def make(seed: int, noise: float = 1.0) -> tuple[Days, list[Planted]]:
    """The same two days for the same seed; `noise` is how often harmless trouble comes, 1 for a usual suite."""
    draw = random.Random(seed)
    begin_s = time.mktime((2026, 11, 22, 0, 0, 0, 0, 0, -1))
    days = Days(draw, begin_s)
    kinds = draw.sample(sorted(_KINDS), INCIDENTS)
    planted = []
    for slot, kind in enumerate(kinds):
        at_s = begin_s + slot * _SLOT_S + draw.uniform(0.15, 0.6) * _SLOT_S
        planted.append(_KINDS[kind](days, at_s))
    _noise(days, planted, noise)
    return days, planted


# --- noise ------------------------------------------------------------------------------------------------------


def _noise(days: Days, planted: list[Planted], noise: float) -> None:
    end_s = days.begin_s + DAYS * 24 * _HOUR_S
    _beat(days, end_s)
    busy = [(one.start_s - 900, one.end_s + 300) for one in planted]
    for make_noise, per_day in _NOISES:
        for _ in range(round(DAYS * per_day * noise * days.draw.uniform(0.7, 1.3))):
            make_noise(days, days.draw.uniform(days.begin_s, end_s))
    stop_s = next(at_s for at_s in _moments(days, end_s) if not any(a < at_s < b for a, b in busy))
    days.say(stop_s - 0.1, "INFO", "start", "everything is stopped")
    days.silent.append((stop_s, stop_s + days.draw.uniform(250, 500)))


def _moments(days: Days, end_s: float) -> Any:
    while True:
        yield days.draw.uniform(days.begin_s + 600, end_s - 1200)


def _beat(days: Days, end_s: float) -> None:
    """What is written each minute."""
    draw, at_s, uptime_s = days.draw, days.begin_s, 90_000.0
    while at_s < end_s:
        warm = any(since_s < at_s < until_s for since_s, until_s in days.warm)
        health = {
            "cpu_percent": round(draw.uniform(70, 95) if warm else draw.uniform(20, 40), 1),
            "memory_percent": round(draw.uniform(40, 44), 1),
            "disk_percent": 61.0,
            "temperature_c": round(draw.uniform(78, 84) if warm else draw.uniform(50, 56), 1),
            "machine_uptime_s": uptime_s,
        }
        days.perf(at_s, "system_health", health, None)
        days.perf(at_s + 0.2, "fetch_image_duration", round(draw.lognormvariate(-3.2, 0.3), 4), "seconds")
        for camera in CAMERAS:
            text = f"{draw.uniform(29, 30):.1f} fps, {int(at_s - days.begin_s) * 30} frames, streaming"
            days.say(at_s + draw.random(), "INFO", f"cam1_stream[{camera}]", text)
        facts = {"service": "redis", "status": True, "details": {"failures": 0}, "uptime": uptime_s}
        days.mark(at_s + 5, "INFO", "CONNECTION", {**facts, "source": "start"})
        at_s, uptime_s = at_s + 60 + draw.uniform(-0.5, 0.5), uptime_s + 60


def _slow_picture(days: Days, at_s: float) -> None:
    text = f"CAMERA_ISSUE: capture_failure cam2: {days.draw.uniform(9, 14):.1f} fps where 30 are wished (slow)"
    days.say(at_s, "WARNING", "cam1_stream[cam2]", text)
    days.say(at_s + days.draw.uniform(20, 900), "INFO", "cam1_stream[cam2]", "the picture is not slow any more")


def _lag(days: Days, at_s: float) -> None:
    text = f"capture itself did not run for {days.draw.uniform(1, 4):.1f} s; not the camera's fault"
    days.say(at_s, "WARNING", f"cam1_stream[{days.draw.choice(CAMERAS)}]", text)


def _slow_function(days: Days, at_s: float) -> None:
    facts = {"issue_type": "slow_function", "message": "store took 1.2 s", "severity": "WARNING", "count": 1}
    days.mark(at_s, "WARNING", "ISSUE", {**facts, "uptime": 1.0, "context": {}, "source": "client"})


def _hiccup(days: Days, at_s: float) -> None:
    text = "CAMERA_ISSUE: capture_failure cam3: no frame for 5 s (timeout); trying again now"
    days.say(at_s, "WARNING", "cam1_stream[cam3]", text)
    days.cured(at_s + 0.4, "cam3", "timeout", "retry", 0.4)


def _chronic(days: Days, at_s: float) -> None:
    text = f"the thumbnail of frame 3-{days.draw.randint(1, 10**6)} could not be made: unknown marker"
    days.say(at_s, "ERROR", "client[recorder]", text)


def _restart(days: Days, at_s: float) -> None:
    days.say(at_s, "INFO", "start", "settings read anew: recorder starts again with new settings")
    days.say(at_s + 0.5, "INFO", "start", "recorder is stopped")


def _overtaken(days: Days, at_s: float) -> None:
    text = f"{days.draw.randint(1, 9)} × frames overtaken before they were encoded"
    days.say(at_s, "WARNING", "cam1_stream[cam1]", text)


def _driver_talk(days: Days, at_s: float) -> None:
    days.say(at_s, "WARNING", "cam1_stream[cam1]", f"[{days.draw.random():.6f}] WARN V4L2: unsupported control")


_NOISES: tuple[tuple[Callable[[Days, float], None], float], ...] = (
    (_slow_picture, 6),
    (_lag, 8),
    (_slow_function, 20),
    (_hiccup, 4),
    (_chronic, 9),
    (_restart, 1),
    (_overtaken, 10),
    (_driver_talk, 30),
)

# --- incidents --------------------------------------------------------------------------------------------------


def _redis_gone(days: Days, at_s: float) -> Planted:
    gone_s = days.draw.uniform(20, 90)
    days.say(at_s, "WARNING", "start", "redis ended with SIGKILL; back in 0.5 s")
    for camera in CAMERAS:
        who = f"cam1_stream[{camera}]"
        text = "embedded Redis can't be reached: Connection refused; capture goes on, retrying"
        days.say(at_s + days.draw.uniform(0.01, 2), "WARNING", who, text)
        days.say(at_s + gone_s + days.draw.random(), "INFO", who, "connected to embedded Redis (Valkey 9.1.2)")
    facts = {"issue_type": "redis_connection_failed", "message": "refused", "severity": "WARNING", "count": 1}
    days.mark(at_s + 3, "WARNING", "ISSUE", {**facts, "uptime": 1.0, "context": {}, "source": "start"})
    return Planted("redis", at_s, at_s + gone_s, ("redis", "process"), ("Redis", "3 cameras waited"))


def _hangs(days: Days, at_s: float) -> Planted:
    times, camera, now_s = days.draw.randint(2, 6), days.draw.choice(CAMERAS), at_s
    for _ in range(times):
        days.camera(now_s, camera, "no frame for 5 s, hanging in phase capture", "timeout")
        days.cured(now_s + 1.3, camera, "timeout", "replace worker", 1.3)
        now_s += days.draw.uniform(30, 400)
    return Planted("hangs", at_s, now_s, ("camera",), (camera, "hung", "a new worker cured it"))


def _unplugged(days: Days, at_s: float) -> Planted:
    camera, now_s = days.draw.choice(CAMERAS), at_s
    end_s = at_s + days.draw.uniform(300, 3000)
    while now_s < end_s:
        days.camera(now_s, camera, f"camera {camera}, /dev/video0: no such device", "absent")
        now_s += days.draw.uniform(24, 30)
    days.cured(now_s, camera, "absent", "replace worker", now_s - at_s)
    return Planted("unplugged", at_s, now_s, ("camera",), (camera, "was not there"))


def _network(days: Days, at_s: float) -> Planted:
    for camera in ("cam1", "cam3"):
        began_s = at_s + days.draw.uniform(0, 15)
        days.camera(began_s, camera, "rtsp://***@10.0.0.7: connection refused", "refused")
        days.cured(began_s + 70, camera, "refused", "replace worker", 70)
    return Planted("network", at_s, at_s + 90, ("camera",), ("cam1", "cam3", "could not be reached", "together"))


def _crash(days: Days, at_s: float) -> Planted:
    camera = days.draw.choice(CAMERAS)
    signal = days.draw.choice(("SIGSEGV", "SIGABRT", "SIGKILL"))
    days.say(at_s, "WARNING", "start", f"{camera} ended with {signal}; back in 0.5 s")
    return Planted("crash", at_s, at_s, ("process",), (camera, signal, "was started again"))


def _crash_loop(days: Days, at_s: float) -> Planted:
    now_s = at_s
    for _ in range(days.draw.randint(5, 9)):
        days.say(now_s, "WARNING", "start", "recorder ended with exit code 1; back in 2.0 s")
        days.say(now_s - 0.2, "ERROR", "client[recorder]", "recorder stops on an unexpected error")
        now_s += days.draw.uniform(3, 31)
    days.say(now_s, "ERROR", "start", "recorder: nothing of it works; starting all of it anew")
    return Planted("crash loop", at_s - 1, now_s, ("process",), ("recorder", "times"))


def _hung_process(days: Days, at_s: float) -> Planted:
    days.say(at_s, "ERROR", "start", "recorder gave no sign of work for 15 s; replacing it")
    days.say(at_s + 1, "WARNING", "start", "recorder did not end when asked; killed")
    return Planted("hung process", at_s, at_s + 1, ("hung",), ("recorder", "hung for 15 s", "was replaced"))


def _disk_full(days: Days, at_s: float) -> Planted:
    end_s = at_s + days.draw.uniform(100, 2000)
    text = "the images in images/: No space left on device; ALERT: nothing is stored until it works again, the"
    days.say(at_s, "ERROR", "client[recorder]", f"{text} camera keeps the frames so long")
    days.say(end_s, "INFO", "client[recorder]", "images are stored again")
    return Planted("disk full", at_s, end_s, ("store",), ("could not be stored", "nothing is reported lost"))


def _released(days: Days, at_s: float) -> Planted:
    lost = days.draw.randint(10, 5000)
    who, end_s = "cam1_stream[cam1]", at_s + days.draw.uniform(60, 800)
    days.say(at_s, "ERROR", who, "ALERT: archive is 3600 s behind; nothing is kept for it until it comes back")
    days.say(at_s + 2, "ERROR", who, f"ALERT: {lost} frames for archive are given up, {lost} in all")
    days.say(end_s, "WARNING", who, "archive is back")
    return Planted("released", at_s, end_s, ("delivery",), ("archive", f"{lost:,} frames were lost"))


def _in_the_kernel(days: Days, at_s: float) -> Planted:
    who, now_s = "cam1_stream[cam2]", at_s
    days.camera(at_s, "cam2", "no frame for 5 s, hanging in phase capture", "timeout")
    text = "CAMERA_ISSUE: connection_error cam2: worker 2522 hangs in the kernel at usb_kill_urb (unkillable)"
    for _ in range(days.draw.randint(3, 9)):
        now_s += 60
        days.say(now_s, "ERROR", who, text)
    days.say(now_s + 1, "CRITICAL", who, "CAMERA_CRITICAL: system reboot needed for cam2: held until 12:00")
    days.say(now_s + 40, "WARNING", who, "the worker that could not be killed has gone")
    days.cured(now_s + 42, "cam2", "unkillable", "replace worker", now_s + 42 - at_s)
    return Planted("in the kernel", at_s, now_s + 42, ("camera",), ("cam2", "a reboot was called for"))


def _throttled(days: Days, at_s: float) -> Planted:
    facts = {"issue_type": "throttled", "message": "the Raspberry Pi reports soft temperature limit"}
    more = {"severity": "WARNING", "count": 1, "uptime": 1.0, "context": {}, "source": "start"}
    days.mark(at_s, "WARNING", "ISSUE", {**facts, **more})
    for camera in CAMERAS:
        text = f"CAMERA_ISSUE: capture_failure {camera}: 11.0 fps where 30 are wished (slow)"
        days.say(at_s + days.draw.uniform(5, 100), "WARNING", f"cam1_stream[{camera}]", text)
    days.warm.append((at_s - 480, at_s + 900))
    return Planted("throttled", at_s, at_s + 100, ("throttled",), ("throttled", "temperature"))


def _bad_settings(days: Days, at_s: float) -> Planted:
    problems = days.draw.randint(1, 4)
    text = f"the new settings are not taken over, the old ones stay in force; {problems} problems:"
    days.say(at_s, "ERROR", "start", text)
    for number in range(problems):
        days.say(at_s + 0.01, "ERROR", "start", f"  config/config.yaml line {number}: fpss: no such key")
    return Planted("bad settings", at_s, at_s, ("settings",), ("settings were refused",))


def _black(days: Days, at_s: float) -> Planted:
    camera, end_s = days.draw.choice(CAMERAS), at_s + days.draw.uniform(2, 5) * _HOUR_S
    who = f"cam1_stream[{camera}]"
    text = (
        f"CAMERA_ISSUE: capture_failure {camera}: the picture is black since 5 s: lens cap, light, cable? (black)"
    )
    days.say(at_s, "WARNING", who, text)
    days.say(end_s, "INFO", who, "the picture is not black any more")
    return Planted("black", at_s, end_s, ("picture",), (camera, "was black"))


def _power_cut(days: Days, at_s: float) -> Planted:
    end_s = at_s + days.draw.uniform(240, 900)
    days.silent.append((at_s, end_s))
    return Planted("power cut", at_s, end_s, ("silence",), ("Nothing was written",))


def _stranger(days: Days, at_s: float) -> Planted:
    """Errors in words that nobody foresaw, many of them."""
    now_s, word = at_s, days.draw.choice(("quantiser", "colour table", "huffman code"))
    for _ in range(days.draw.randint(3, 800)):
        days.say(now_s, "ERROR", "client[show]", f"{word} {days.draw.randint(0, 255)} is out of its mind")
        now_s += days.draw.expovariate(5)
    return Planted("stranger", at_s, now_s, ("error",), ("client", word))


def _flood(days: Days, at_s: float) -> Planted:
    """Warnings in words that nobody foresaw: each harmless, so many of them not."""
    now_s = at_s
    for _ in range(days.draw.randint(60, 600)):
        days.say(now_s, "WARNING", "api", f"client 10.0.0.{days.draw.randint(2, 250)} was slow to read")
        now_s += days.draw.expovariate(3)
    return Planted("flood", at_s, now_s, ("warning",), ("api", "warnings"))


_KINDS: dict[str, Callable[[Days, float], Planted]] = {
    "redis": _redis_gone,
    "hangs": _hangs,
    "unplugged": _unplugged,
    "network": _network,
    "crash": _crash,
    "crash loop": _crash_loop,
    "hung process": _hung_process,
    "disk full": _disk_full,
    "released": _released,
    "in the kernel": _in_the_kernel,
    "throttled": _throttled,
    "bad settings": _bad_settings,
    "black": _black,
    "power cut": _power_cut,
    "stranger": _stranger,
    "flood": _flood,
}


@dataclass(frozen=True)
class Score:
    """Planted incidents that were found and those that were not; found ones that nobody planted."""

    hits: list[tuple[Planted, dict[str, Any]]]
    missed: list[Planted]
    false: list[dict[str, Any]]


def score(planted: list[Planted], found: list[dict[str, Any]], seconds_of: Callable[[str], float | None]) -> Score:
    """Match by time and kind, one to one; `seconds_of` reads an incident's `start` and `end`."""
    left, hits, missed = list(found), [], []
    for one in planted:
        match = next((other for other in left if _fits(one, other, seconds_of)), None)
        if match is None:
            missed.append(one)
        else:
            left.remove(match)
            hits.append((one, match))
    return Score(hits, missed, left)


def _fits(one: Planted, found: dict[str, Any], seconds_of: Callable[[str], float | None]) -> bool:
    start_s = seconds_of(found["start"])
    end_s = seconds_of(found["end"]) if found["end"] else math.inf
    assert start_s is not None
    assert end_s is not None
    return found["trouble"] in one.troubles and start_s <= one.end_s + 30 and end_s >= one.start_s - 30


if __name__ == "__main__":
    made, planted_ones = make(int(sys.argv[1]))
    made.write(Path(sys.argv[2]))
    for one_planted in planted_ones:
        print(time.strftime("%d %H:%M:%S", time.localtime(one_planted.start_s)), one_planted.kind)
