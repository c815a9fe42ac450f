"""What has cured which cause on this camera: the ladder's memory, and where it lets the ladder begin."""

from __future__ import annotations

import itertools
import json
import logging
import math
import statistics
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from greencam.base.clock import Clock
from greencam.base.errors import Refused, StoreBusy
from greencam.base.files import store_errors, write_atomic

RUNG_WORDS = {1: "retry", 2: "restart stream", 3: "replace worker"}
# Cause classes with their words for people, one and many; any other cause is shown as it is.
CAUSE_WORDS = {
    "timeout": ("timeout", "timeouts"),
    "disconnected": ("disconnection", "disconnections"),
    "buffer": ("buffer error", "buffer errors"),
    "initialisation": ("failed start", "failed starts"),
    "hardware": ("hardware error", "hardware errors"),
    "frozen": ("frozen picture", "frozen pictures"),
}
TOP_RUNG = 3
KEPT = 50  # attempts per cause and rung
_KEPT_CAUSES = 16  # the cause that was met longest ago goes first
_LONGEST_CAUSE = 40
_RECENT = 10  # attempts that still count when a rung is judged
_LEAST_FAILURES = 3
_EXPLORE_AFTER = 10  # cures by higher rungs, then a rung that was passed over gets another try
# What an attempt takes before anything is known, in seconds; each counts as one attempt.
_USUAL_S = {1: 5.0, 2: 2.0, 3: 4.0}
_LADDER_OVER_S = 30.0  # what it costs when the top rung fails too: recovery_cooldown's default
_LONGEST_S = 86400.0
_VERSION = 1
_MAX_FILE_BYTES = 512 << 10
_WRITE_EVERY_S = 60.0
_log = logging.getLogger("capture")


@dataclass(frozen=True)
class Attempt:
    """One try at a rung; `number` counts all attempts on this camera.

    `seconds`: to the first good frame for a cure, until it was given up for a failure, None when not known.
    """

    number: int
    cured: bool
    seconds: float | None


@dataclass(frozen=True)
class Experience:
    """Every attempt that still counts, by cause and rung, oldest first; a value: `with_attempt` makes the next."""

    attempts: Mapping[tuple[str, int], tuple[Attempt, ...]] = field(default_factory=dict)
    count: int = 0

    def with_attempt(self, cause: str, rung: int, cured: bool, seconds: float | None = None) -> Experience:
        """This and one attempt more; raises ValueError for a rung that is none of 1, 2, 3."""
        if rung not in RUNG_WORDS:
            raise ValueError(f"rung {rung} is none of 1 to {TOP_RUNG}")
        key = (cause[:_LONGEST_CAUSE], rung)
        attempt = Attempt(self.count + 1, cured, _bounded(seconds))
        kept = {**self.attempts, key: (*self.attempts.get(key, ()), attempt)[-KEPT:]}
        return Experience(_without_old_causes(kept), attempt.number)

    def starting_rung(self, cause: str, default: int = 1) -> int:
        """The rung to begin with: `default` (1 to 3), or a higher one that got frames sooner on this camera.

        The lowest rung that is not to be passed over; the top rung never is. See `_passed_over`.
        """
        rung = min(max(default, 1), TOP_RUNG)
        if rung == TOP_RUNG:
            return rung
        higher = self.starting_rung(cause, rung + 1)
        return higher if self._passed_over(cause, rung, higher) else rung

    def sentences(self) -> list[str]:
        """For people, such as `restart stream cured 11 of 12 timeouts, median 1.8 s`; by cause, then rung."""
        return [_sentence(cause, rung, tries) for (cause, rung), tries in sorted(self.attempts.items())]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: `{version, count, causes: {cause: {rung: [[number, cured, seconds], …]}}}`."""
        causes: dict[str, dict[str, list[list[Any]]]] = {}
        for (cause, rung), tries in sorted(self.attempts.items()):
            causes.setdefault(cause, {})[str(rung)] = [[a.number, a.cured, a.seconds] for a in tries]
        return {"version": _VERSION, "count": self.count, "causes": causes}

    @classmethod
    def from_dict(cls, facts: Any) -> Experience:
        """The inverse of as_dict; raises ValueError for anything else."""
        if not isinstance(facts, dict) or facts.get("version") != _VERSION:
            raise ValueError("not an experience of this version")
        count, causes = facts.get("count"), facts.get("causes")
        if not _is_number(count) or not isinstance(causes, dict) or len(causes) > _KEPT_CAUSES:
            raise ValueError("not an experience")
        attempts = dict(_read_causes(causes))
        if any(attempt.number > count for tries in attempts.values() for attempt in tries):
            raise ValueError("attempts beyond the count")
        return cls(attempts, count)

    def _passed_over(self, cause: str, rung: int, higher: int) -> bool:
        """Whether going straight to `higher` is expected to bring frames sooner than trying this rung first.

        Only when all of it is so: its latest try failed, and at least 3 of its last 10; a higher rung has cured
        this cause in its own last 10; a try here costs more than it saves (`_seconds_from`). And not for ever:
        after 10 cures by higher rungs it gets another try, and one that cures is stayed with.
        """
        tries = self._recent(cause, rung)
        if not tries or tries[-1].cured or sum(not a.cured for a in tries) < _LEAST_FAILURES:
            return False
        above = [a for other in range(rung + 1, TOP_RUNG + 1) for a in self._recent(cause, other)]
        since = sum(a.cured and a.number > tries[-1].number for a in above)
        if since >= _EXPLORE_AFTER or not any(a.cured for a in above):
            return False
        return self._seconds_from(cause, rung) > self._seconds_from(cause, higher)

    def _seconds_from(self, cause: str, rung: int) -> float:
        """Expected seconds to a good frame when beginning at this rung and climbing from there.

        What a try takes plus, when it fails, what the next rung then takes. Before anything is known a rung cures
        half of the time (Jeffreys' prior: half a cure and half a failure) and takes its usual time.
        """
        if rung > TOP_RUNG:
            return _LADDER_OVER_S
        tries = self._recent(cause, rung)
        known = [a.seconds for a in tries if a.seconds is not None]
        takes_s = (_USUAL_S[rung] + sum(known)) / (1 + len(known))
        fails = (sum(not a.cured for a in tries) + 0.5) / (len(tries) + 1)
        return takes_s + fails * self._seconds_from(cause, rung + 1)

    def _recent(self, cause: str, rung: int) -> tuple[Attempt, ...]:
        return self.attempts.get((cause[:_LONGEST_CAUSE], rung), ())[-_RECENT:]


class ExperienceFile:
    """The experience of one camera and its file; whatever is wrong with the file, the camera goes on."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Take in what the file holds; one that holds something else is moved aside, named `….broken`."""
        self._path, self._clock = path, clock
        self._due_s = clock.monotonic()
        self._unsaved = False
        self._trouble = ""
        self.experience = self._load()

    def record(self, cause: str, rung: int, cured: bool, seconds: float | None = None) -> None:
        """Remember one attempt; on disk at once when it cured, else at most once a minute."""
        self.experience = self.experience.with_attempt(cause, rung, cured, seconds)
        self._unsaved = True
        if cured or self._clock.monotonic() >= self._due_s:
            self.save()

    def save(self) -> None:
        """Write what is not on disk yet; a disk that takes nothing is logged once and tried again later."""
        if not self._unsaved:
            return
        self._due_s = self._clock.monotonic() + _WRITE_EVERY_S
        data = json.dumps(self.experience.as_dict(), separators=(",", ":")).encode()
        try:
            with store_errors(f"can't keep what cured the camera in {self._path}"):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomic(self._path, data)
        except (StoreBusy, Refused) as error:
            self._tell(str(error))
        else:
            self._unsaved = False
            self._trouble = ""

    def _load(self) -> Experience:
        try:
            with self._path.open("rb") as stream:
                data = stream.read(_MAX_FILE_BYTES + 1)
            if len(data) > _MAX_FILE_BYTES:
                raise ValueError("too large")
            return Experience.from_dict(json.loads(data))
        except FileNotFoundError:
            return Experience()
        except (IsADirectoryError, ValueError, RecursionError) as error:
            self._move_aside(error)
        except OSError as error:
            self._tell(f"can't read {self._path}: {error.strerror}; what cured the camera before is not known")
        return Experience()

    def _move_aside(self, error: Exception) -> None:
        aside = self._path.with_name(f"{self._path.name}.broken")
        with suppress(OSError):
            self._path.replace(aside)
        _log.warning("%s is no record of recoveries (%s); moved to %s", self._path, error, aside.name)

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            _log.warning("%s", trouble)
        self._trouble = trouble


def _bounded(seconds: float | None) -> float | None:
    if seconds is None or not math.isfinite(seconds):
        return None
    return round(min(max(seconds, 0.0), _LONGEST_S), 3)


def _without_old_causes(
    attempts: dict[tuple[str, int], tuple[Attempt, ...]],
) -> dict[tuple[str, int], tuple[Attempt, ...]]:
    latest: dict[str, int] = {}
    for (cause, _), tries in attempts.items():
        latest[cause] = max(latest.get(cause, 0), tries[-1].number)
    kept = set(sorted(latest, key=lambda cause: latest[cause])[-_KEPT_CAUSES:])
    return {key: tries for key, tries in attempts.items() if key[0] in kept}


def _sentence(cause: str, rung: int, tries: tuple[Attempt, ...]) -> str:
    one, many = CAUSE_WORDS.get(cause, (f"failure ({cause})", f"failures ({cause})"))
    cures = [attempt for attempt in tries if attempt.cured]
    text = f"{RUNG_WORDS[rung]} cured {len(cures)} of {len(tries)} {one if len(tries) == 1 else many}"
    known = [attempt.seconds for attempt in cures if attempt.seconds is not None]
    return f"{text}, median {statistics.median(known):.1f} s" if known else text


def _read_causes(causes: dict[str, Any]) -> Iterator[tuple[tuple[str, int], tuple[Attempt, ...]]]:
    rungs = {str(rung): rung for rung in RUNG_WORDS}
    for cause, by_rung in causes.items():
        named = len(cause) <= _LONGEST_CAUSE and cause.isprintable()
        if not named or not isinstance(by_rung, dict) or not by_rung.keys() <= rungs.keys():
            raise ValueError("a cause that is none")
        for word, rows in by_rung.items():
            if not isinstance(rows, list) or not 1 <= len(rows) <= KEPT:
                raise ValueError("attempts that are none")
            tries = tuple(_read_attempt(row) for row in rows)
            if any(a.number >= b.number for a, b in itertools.pairwise(tries)):
                raise ValueError("attempts out of order")
            yield (cause, rungs[word]), tries


def _read_attempt(row: Any) -> Attempt:
    if not isinstance(row, list) or len(row) != len(Attempt.__annotations__):
        raise ValueError("an attempt that is none")
    number, cured, seconds = row
    known = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds <= _LONGEST_S
    if not _is_number(number) or not isinstance(cured, bool) or not (known or seconds is None):
        raise ValueError("an attempt that is none")
    return Attempt(number, cured, seconds)


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53
