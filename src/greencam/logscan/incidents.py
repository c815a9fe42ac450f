"""Troubles of several processes that belong together, as incidents with a verdict; what keeps coming, apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from greencam.logscan.changes import Changes
from greencam.logscan.entry import Entry
from greencam.logscan.episodes import REPEAT_S, Episode, Episodes, without_chronic, without_nights
from greencam.logscan.moments import iso
from greencam.logscan.signals import HEALTH, Signal, Trouble, signal_of
from greencam.logscan.templates import Miner
from greencam.logscan.verdicts import Case, lost_frames, verdict

TOGETHER_S = 60.0
_LONGEST_CHAIN_S = 600.0
_SAME_MOMENT_S = 5.0
_AFTER_S = 30.0
_SILENT_S = 180.0
_USUAL_S = 65.0
_MOST_LISTED = 200
_ALL_STOPPED = "everything is stopped"
_RANK = {trouble: rank for rank, trouble in enumerate(Trouble)}
# What a trouble may bring with it as long as it lasts; anything else that begins later is an incident of its own.
_FOLLOWS = {
    Trouble.REDIS: {Trouble.REDIS, Trouble.DELIVERY, Trouble.ERROR, Trouble.CONNECTION},
    Trouble.STORE: {Trouble.STORE, Trouble.DELIVERY},
    Trouble.THROTTLED: {Trouble.THROTTLED, Trouble.PICTURE, Trouble.STALL},
    Trouble.PROCESS: {Trouble.PROCESS, Trouble.DELIVERY},
    Trouble.HUNG: {Trouble.HUNG, Trouble.DELIVERY},
}
_OWN = frozenset(("camera_system", "performance", "errors", "greencam"))
_STATES = frozenset((Trouble.CAMERA, Trouble.PICTURE, Trouble.REDIS, Trouble.STORE, Trouble.CONNECTION))


@dataclass
class Group:
    """Episodes of one incident, by their beginning."""

    episodes: list[Episode] = field(default_factory=list)

    @property
    def start_s(self) -> float:
        """When the first of them began."""
        return self.episodes[0].start_s

    @property
    def end_s(self) -> float:
        """When the last of them ended."""
        return max(one.end_s for one in self.episodes)

    @property
    def main(self) -> Episode:
        """What is told as the cause: of those that began within five seconds the kind that ranks first."""
        first = [one for one in self.episodes if one.start_s - self.start_s <= _SAME_MOMENT_S]
        return min(first, key=lambda one: (_RANK[one.trouble], one.start_s))

    def takes(self, episode: Episode) -> bool:
        """Whether an episode that begins later, or at the same time, belongs to this incident."""
        begin_s = episode.start_s
        near = begin_s - self.episodes[-1].start_s <= TOGETHER_S and begin_s - self.start_s <= _LONGEST_CHAIN_S
        if near:
            return True
        if begin_s > self.end_s + _AFTER_S:
            return False
        main = self.main
        same = episode.subject != "" and episode.subject in {one.subject for one in self.episodes}
        if main.trouble is Trouble.PICTURE:  # a lens cap may stay on for days, and causes nothing
            return False
        return same or episode.trouble in _FOLLOWS.get(main.trouble, ())


def grouped(episodes: Sequence[Episode]) -> list[Group]:
    """Episodes, ordered by their beginning, as incidents."""
    groups: list[Group] = []
    current: list[Group] = []
    for episode in episodes:
        current = [one for one in current if episode.start_s - one.end_s <= max(TOGETHER_S, _AFTER_S)]
        home = next((one for one in reversed(current) if one.takes(episode)), None)
        if home is None:
            home = Group()
            groups.append(home)
            current.append(home)
        home.episodes.append(episode)
    return groups


class Silence:
    """Notices that nothing at all was written for three minutes, though lines came each minute before."""

    def __init__(self) -> None:
        self._last_s: float | None = None
        self._steady = 0
        self._stopped_s = float("-inf")

    def take(self, entry: Entry, at_s: float) -> float | None:
        """The time of the last line before a silence that this entry ends."""
        if entry.times > 1:  # such a line stands for others that were not looked at
            self._last_s = max(self._last_s or at_s, at_s)
            return None
        last_s, since_s = self._last_s, None
        if last_s is not None:
            pause_s = at_s - last_s
            stopped = last_s - self._stopped_s <= _SAME_MOMENT_S
            if pause_s >= _SILENT_S and self._steady >= 10 and not stopped:
                since_s = last_s
            self._steady = self._steady + 1 if pause_s <= _USUAL_S else 0
        self._last_s = at_s if last_s is None else max(last_s, at_s)
        if _ALL_STOPPED in entry.message:
            self._stopped_s = at_s
        return since_s


class Incidents:
    """The collector: signals to episodes as lines come, episodes to incidents at the end."""

    def __init__(self) -> None:
        self._episodes, self._changes = Episodes(), Changes()
        self._unknown = Miner(300)
        self._silence = Silence()
        self._own: dict[str, bool] = {}
        self._first_s: float | None = None
        self._last_s: float | None = None

    def take(self, entry: Entry) -> None:
        """Look at an entry; one without a time can't be put anywhere."""
        at_s = entry.at_s
        if at_s is None:
            return
        self._first_s = at_s if self._first_s is None else min(self._first_s, at_s)
        self._last_s = at_s if self._last_s is None else max(self._last_s, entry.until_s or at_s)
        own = self._own.get(entry.log)
        if own is None:
            own = self._own[entry.log] = PurePath(entry.log).stem in _OWN
        if own:
            since_s = self._silence.take(entry, at_s)
            if since_s is not None:
                self._silent(entry, since_s, at_s)
        if _ALL_STOPPED in entry.message:
            self._episodes.stopped(at_s)
        self._changes.take(entry, at_s)
        signal = signal_of(entry)
        if signal is None:
            return
        unknown = signal.trouble in (Trouble.ERROR, Trouble.WARNING)
        template = self._unknown.take(entry).text if unknown and not signal.ends else ""
        self._episodes.take(entry, signal, at_s, template)

    def _silent(self, entry: Entry, since_s: float, at_s: float) -> None:
        said = entry._replace(message="nothing was written", source="", name="", times=1, until_s=None)
        begin = Signal(Trouble.SILENCE, "")
        self._episodes.take(said, begin, since_s)
        self._episodes.take(said, begin._replace(ends=True), at_s)

    def result(self) -> Mapping[str, Any]:
        """`list`, oldest first, at most the newest 200; `chronic`; `dark`; how many there were of each kind."""
        episodes, nights = without_nights(self._episodes.found(), self._last_s or 0.0)
        episodes, chronic = without_chronic(episodes)
        seen: Counter[tuple[str, ...]] = Counter()
        told = [self._told(group, seen) for group in grouped(episodes)]
        return {
            "count": len(told),
            "by_trouble": dict(Counter(one["trouble"] for one in told).most_common()),
            "dropped": self._episodes.dropped,
            "since": iso(self._first_s),
            "list": told[-_MOST_LISTED:],
            "chronic": [_condition(some) for some in chronic],
            "dark": _dark(nights, self._last_s or 0.0),
        }

    def _told(self, group: Group, seen: Counter[tuple[str, ...]]) -> dict[str, Any]:
        main, episodes = group.main, group.episodes
        end_s = group.end_s
        last_s = self._last_s if self._last_s is not None else end_s
        lasting = main.trouble in _STATES and not main.ended
        ongoing = lasting and (last_s - end_s < REPEAT_S or main.trouble is Trouble.PICTURE)
        kind = (main.trouble, main.subject, next(iter(main.causes), ""), main.key[2])
        seen[kind] += 1
        names = sorted({name for one in episodes for name in (*one.names, one.subject) if name} - {HEALTH})
        return {
            "start": iso(group.start_s),
            "end": None if ongoing else iso(end_s),
            "seconds": round((last_s if ongoing else end_s) - group.start_s, 3),
            "trouble": str(main.trouble),
            "cause": next(iter(main.causes), ""),
            "verdict": verdict(Case(main, episodes)),
            "sources": sorted({source for one in episodes for source in one.sources}),
            "names": names,
            "lines": sum(one.count for one in episodes),
            "times": main.times,
            "repeat": seen[kind],
            "lost_frames": lost_frames(episodes),
            "cured_by": main.cured_by or None,
            "reboot": main.reboot or None,
            "before": self._changes.before(group.start_s),
            "examples": [line for one in episodes for line in one.lines[:1]][:3],
        }


def _condition(some: Sequence[Episode]) -> dict[str, Any]:
    first, last = some[0], some[-1]
    every_s = (last.start_s - first.start_s) / (len(some) - 1)
    return {
        "template": first.key[2],
        "subject": first.subject,
        "count": sum(one.count for one in some),
        "first": iso(first.start_s),
        "last": iso(last.end_s),
        "every_seconds": round(every_s, 1),
        "example": first.lines[0],
    }


def _dark(nights: Sequence[Episode], last_s: float) -> list[dict[str, Any]]:
    """Each camera's long black pictures together."""
    told = []
    for camera in sorted({one.subject for one in nights}):
        own = [one for one in nights if one.subject == camera]
        longest_s = max(one.lasted_s(last_s) for one in own)
        told.append(
            {
                "camera": camera,
                "times": len(own),
                "longest_seconds": round(longest_s, 1),
                "first": iso(own[0].start_s),
                "last": iso(own[-1].end_s if own[-1].ended else last_s),
                "ongoing": not own[-1].ended,
            }
        )
    return told
