"""One trouble of one subject from its first line to its end or its last line, however many lines that are."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field

from greencam.logscan.entry import Entry
from greencam.logscan.signals import Signal, Trouble

REPEAT_S = 900.0  # what comes again in the same way within a quarter of an hour is the same episode
_ERROR_GAP_S, _SHORT_GAP_S = 300.0, 60.0
_BURST = 20  # so many warnings without a pause of a minute are worth an incident
_HICCUPS, _HICCUP_S = 4, 10.0
_BLINK_S = 2.0  # a Redis that did not answer for so long and then did
_STARTING_S = 30.0
_NIGHT_S = 6 * 3600.0
_CHRONIC_TIMES, _CHRONIC_LINES, _CHRONIC_S = 6, 3, 3 * 3600.0
_MOST_OPEN, _MOST_CLOSED = 1000, 4000
_MOST_WORDS = 32
_MOST_LINES, _LINE_LETTERS = 3, 300
Key = tuple[Trouble, str, str]


@dataclass(slots=True)
class Episode:
    """`times`: how often it began anew; `count`: its lines; `ended`: that its end was told."""

    key: Key
    start_s: float
    end_s: float
    times: int = 1
    count: int = 0
    strong: bool = False
    ended: bool = False
    cured_by: str = ""
    reboot: str = ""
    figure: float = 0.0
    worst: float = 0.0
    dark_s: float = 0.0
    """Of all times that had an end, the sum of what lay between."""
    causes: Counter[str] = field(default_factory=Counter)
    sources: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    began_s: float = 0.0
    at_start: bool = False
    """Whether the suite had just been started: captures may be there before Redis."""

    @property
    def trouble(self) -> Trouble:
        """Its kind."""
        return self.key[0]

    @property
    def subject(self) -> str:
        """Whom it concerns."""
        return self.key[1]

    @property
    def matters(self) -> bool:
        """Whether it is worth an incident: not a few warnings, not a few timeouts that a retry cured."""
        if not self.strong:
            return self.count >= _BURST
        if self.trouble is Trouble.REDIS and self.ended:
            return self.dark_s >= (_STARTING_S if self.at_start else _BLINK_S)
        hiccup = self.trouble is Trouble.CAMERA and self.ended and self.cured_by == "retry"
        return not (hiccup and self.times <= _HICCUPS and self.dark_s < _HICCUP_S)

    def lasted_s(self, last_s: float) -> float:
        """From its beginning to its end, or to the last line when no end was told."""
        return (self.end_s if self.ended else last_s) - self.start_s

    def patience_s(self, cause: str) -> float:
        """For how long after its last line a line with this cause still belongs to it."""
        if self.trouble is Trouble.ERROR:
            return _ERROR_GAP_S
        if self.trouble is Trouble.WARNING or (self.ended and cause not in self.causes):
            return _SHORT_GAP_S
        return REPEAT_S

    def take(self, entry: Entry, signal: Signal, at_s: float) -> None:
        """A line of it."""
        if self.ended:
            self.times, self.ended, self.began_s = self.times + 1, False, at_s
        self.count += entry.times
        self.strong = self.strong or signal.strong
        self.end_s = max(self.end_s, at_s if entry.until_s is None else entry.until_s)
        self.figure += signal.figure
        self.worst = max(self.worst, signal.figure)
        if signal.cause and (signal.cause in self.causes or len(self.causes) < _MOST_WORDS):
            self.causes[signal.cause] += 1
        if signal.cause == "reboot":
            self.reboot = signal.text[:_LINE_LETTERS]
        self.know(entry)
        if len(self.lines) < _MOST_LINES:
            self.lines.append(entry.message[:_LINE_LETTERS])

    def know(self, entry: Entry) -> None:
        """Note who speaks."""
        if len(self.sources) < _MOST_WORDS and entry.source:
            self.sources.add(entry.source)
        if len(self.names) < _MOST_WORDS and entry.name:
            self.names.add(entry.name)

    def end(self, signal: Signal, at_s: float) -> None:
        """Its end was told."""
        if not self.ended:
            self.dark_s += max(0.0, at_s - self.began_s)
            self.ended, self.end_s, self.cured_by = True, max(self.end_s, at_s), ""
        self.cured_by = signal.text or self.cured_by  # the line that names the cure may come second


class Episodes:
    """Gathers signals into episodes, as they come; bounded, and what had to be dropped is counted."""

    def __init__(self) -> None:
        self._open: dict[Key, Episode] = {}
        self._stopped_s = float("-inf")
        self._closed: list[Episode] = []
        self.dropped = 0

    def stopped(self, at_s: float) -> None:
        """The suite ended in an orderly way then."""
        self._stopped_s = at_s

    def take(self, entry: Entry, signal: Signal, at_s: float, template: str = "") -> None:
        """A line that means something."""
        state = signal.cause if signal.trouble is Trouble.PICTURE else ""  # a black one may be slow meanwhile, too
        key = (signal.trouble, signal.subject, template or state)
        episode = self._open.get(key)
        if signal.ends:
            if episode is not None:
                episode.end(signal, at_s)
            return
        if episode is not None and at_s - episode.end_s > episode.patience_s(signal.cause):
            self._close(key)
            episode = None
        if episode is None:
            if len(self._open) >= _MOST_OPEN:
                for one in sorted(self._open, key=lambda one: self._open[one].end_s)[: _MOST_OPEN // 4]:
                    self._close(one)
            at_start = 0 <= at_s - self._stopped_s <= _STARTING_S
            episode = self._open[key] = Episode(key, at_s, at_s, began_s=at_s, at_start=at_start)
        episode.take(entry, signal, at_s)

    def _close(self, key: Key) -> None:
        episode = self._open.pop(key)
        if episode.matters:
            self._closed.append(episode)
        if len(self._closed) > _MOST_CLOSED:
            ranked = sorted(self._closed, key=lambda one: (one.end_s - one.start_s, one.count))
            gone = {id(one) for one in ranked[: _MOST_CLOSED // 4]}
            self._closed = [one for one in self._closed if id(one) not in gone]
            self.dropped += len(gone)

    def found(self) -> list[Episode]:
        """All that matter, by their beginning."""
        now = [one for one in self._open.values() if one.matters]
        return sorted([*self._closed, *now], key=lambda one: (one.start_s, one.key))


def without_nights(episodes: list[Episode], last_s: float) -> tuple[list[Episode], list[Episode]]:
    """Pictures that are black for six hours and more are told apart: usually it is night.

    `last_s` is the time of the last line: one that has not ended lasts until then, and is a night, too, if its
    camera has had one before.
    """
    black = [one for one in episodes if set(one.causes) == {"black"}]
    long = [one for one in black if one.lasted_s(last_s) >= _NIGHT_S]
    known = {one.subject for one in long}
    nights = long + [one for one in black if one not in long and not one.ended and one.subject in known]
    gone = {id(one) for one in nights}
    return [one for one in episodes if id(one) not in gone], nights


def without_chronic(episodes: list[Episode]) -> tuple[list[Episode], list[list[Episode]]]:
    """Errors in unknown words that keep coming in ones and twos are a condition and no incidents: told apart.

    A storm of the same error, four times as long as usual, stays an incident.
    """
    by_key: dict[Key, list[Episode]] = {}
    for one in episodes:
        if one.trouble is Trouble.ERROR:
            by_key.setdefault(one.key, []).append(one)
    chronic = []
    for some in by_key.values():
        usual = statistics.median(one.count for one in some)
        small = [one for one in some if one.count <= max(_CHRONIC_LINES, 4 * usual)]
        long = len(small) >= _CHRONIC_TIMES and small[-1].end_s - small[0].start_s >= _CHRONIC_S
        if long and usual <= _CHRONIC_LINES:
            chronic.append(small)
    gone = {id(one) for some in chronic for one in some}
    return [one for one in episodes if id(one) not in gone], chronic
