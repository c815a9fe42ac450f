"""An incident in one sentence, in the words of its owner. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from greencam.logscan.episodes import Episode
from greencam.logscan.signals import HEALTH, Trouble

# Causes of docs/reference/capture.md; what was done by the camera, for "cam1 … 4 times".
_DEEDS = {
    "timeout": "hung",
    "open timeout": "could not be opened",
    "close timeout": "could not be closed",
    "buffer": "gave no buffers",
    "crashed": "had its driver crash",
    "frozen": "froze",
    "disconnected": "was disconnected",
    "absent": "was not there",
    "refused": "could not be reached",
    "unreachable": "could not be reached",
    "connection": "could not be reached",
    "unkillable": "hung in the kernel",
    "garbage": "sent damaged pictures",
    "unauthorized": "refused our password",
}
_CURES = {
    "retry": "a retry cured it",
    "restart stream": "a restart of its stream cured it",
    "replace worker": "a new worker cured it",
    "reboot": "a reboot cured it",
}
_SHOWN = 3
_LONGEST = 90


def length(incident: Mapping[str, Any]) -> str:
    """How long an incident of a result lasted, for people."""
    told = lasting(incident["seconds"]) if incident["seconds"] >= 0.1 else "a moment"
    return told if incident["end"] else f"{told}, goes on"


def lasting(seconds: float) -> str:
    """A length for people: `0.4 s`, `41 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for large, small, names in ((86400, 3600, ("d", "h")), (3600, 60, ("h", "min")), (60, 1, ("min", "s"))):
        if whole >= large:
            rest = whole % large // small
            return f"{whole // large} {names[0]}" + (f" {rest} {names[1]}" if rest else "")
    return f"{whole} s"


@dataclass(frozen=True)
class Case:
    """All episodes of an incident, by their beginning, and the one that is told as its cause."""

    main: Episode
    episodes: Sequence[Episode]

    def of(self, trouble: Trouble) -> list[Episode]:
        """Those of one kind."""
        return [one for one in self.episodes if one.trouble is trouble]


def verdict(case: Case) -> str:
    """What happened, how long, what became of it."""
    return "; ".join([_SENTENCES.get(case.main.trouble, _error)(case), *_also(case)])


def lost_frames(episodes: Iterable[Episode]) -> int:
    """How many frames somebody did not get."""
    return round(sum(one.figure for one in episodes if one.trouble is Trouble.DELIVERY))


def _named(subjects: Iterable[str]) -> str:
    names = [name for name in dict.fromkeys(subjects) if name]
    if len(names) > _SHOWN:
        return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _times(count: int) -> str:
    return "" if count < 2 else " twice" if count == 2 else f" {count} times"


def _loss(episodes: Sequence[Episode]) -> str:
    lost = lost_frames(episodes)
    return f"{lost:,} frames were lost" if lost else "nothing is reported lost"


def _redis(case: Case) -> str:
    some = case.of(Trouble.REDIS)
    gone_s = max(one.end_s for one in some) - min(one.start_s for one in some)
    waiting = {one.subject for one in some} - {HEALTH}
    back = any(one.ended for one in some)
    gone = f"was gone for {lasting(gone_s)}" if back else "was gone and is not back by the end of these lines"
    who = _number(len(waiting), "camera") + " waited, " if waiting else ""
    ended = next((one for one in case.episodes if one.trouble is Trouble.PROCESS and one.subject == "redis"), None)
    how = f" ({next(iter(ended.causes), 'it ended')})" if ended else ""
    return f"Redis {gone}{how}; {who}{_loss(case.episodes)}"


def _deed(episode: Episode) -> str:
    known = next((_DEEDS[cause] for cause in episode.causes if cause in _DEEDS), None)
    return known or f"failed ({next(iter(episode.causes), 'unknown')})"


def _camera(case: Case) -> str:
    some = case.of(Trouble.CAMERA)
    deed = _deed(case.main if case.main in some else some[0])
    times = max(one.times for one in some)
    who = _named(one.subject for one in some)
    together = " together" if len(some) > 1 else ""
    dark_s = max(one.dark_s for one in some)
    dark = f", dark for {lasting(dark_s)} in all" if dark_s >= 1 else ""
    if not all(one.ended for one in some):
        cure = "not cured by the end of these lines"
    else:
        cure = _CURES.get(
            case.main.cured_by, f"{case.main.cured_by} cured it" if case.main.cured_by else "it came back"
        )
    reboot = next((one.reboot for one in some if one.reboot), "")
    wished = f"; a reboot was called for: {_short(reboot)}" if reboot else ""
    return f"{who} {deed}{_times(times)}{together}{dark}; {cure}{wished}"


def _process(case: Case) -> str:
    some = case.of(Trouble.PROCESS)
    causes = list(dict.fromkeys(cause for one in some for cause in one.causes))
    named = _named(one.subject for one in some if one.subject not in ("start", ""))
    times = max(max(one.causes.values()) for one in some)
    return f"{named or 'A process'} ended{_times(times)} ({_named(causes)}) and was started again"


def _hung(case: Case) -> str:
    who = _named(one.subject for one in case.of(Trouble.HUNG))
    return f"{who} hung for {lasting(case.main.worst)}{_times(case.main.count)} and was replaced"


def _store(case: Case) -> str:
    length_s = case.main.end_s - case.main.start_s
    end = f"for {lasting(length_s)}" if case.main.ended else "and are not yet at the end of these lines"
    return f"Images could not be stored {end} ({_short(case.main.lines[0].split(';')[0])}); {_loss(case.episodes)}"


def _delivery(case: Case) -> str:
    away = "was away too long" if "released" in case.main.causes else "missed frames"
    back = ", and is back" if case.main.ended else ""
    return f"{case.main.subject or 'A consumer'} {away}{back}; {_loss(case.episodes)}"


def _throttled(case: Case) -> str:
    return f"The machine was throttled{_times(case.main.count)}: {_short(next(iter(case.main.causes), ''))}"


def _picture(case: Case) -> str:
    some = case.of(Trouble.PICTURE)
    word = next(iter(case.main.causes), "wrong")
    length = (
        f"for {lasting(case.main.end_s - case.main.start_s)}"
        if case.main.ended
        else "and still is at the end of these lines"
    )
    return f"The picture of {_named(one.subject for one in some)} was {word} {length}"


def _stall(case: Case) -> str:
    return f"The machine stood still for up to {lasting(case.main.worst)}; nobody is to blame"


def _silence(case: Case) -> str:
    length = lasting(case.main.end_s - case.main.start_s)
    return f"Nothing was written for {length}, and nobody had stopped it: power cut, or a machine that hung"


def _connection(case: Case) -> str:
    length = lasting(case.main.end_s - case.main.start_s)
    return f"{case.main.subject} was not connected for {length}" + ("" if case.main.ended else ", and still is not")


def _error(case: Case) -> str:
    some = case.of(case.main.trouble)
    source = _named(sorted({source for one in some for source in one.sources})) or "An unnamed program"
    count = sum(one.count for one in some)
    what = "error" if case.main.trouble is Trouble.ERROR else "warning"
    kinds = f" of {len(some)} kinds" if len(some) > 1 else ""
    return f"{source}: {_number(count, what)}{kinds}, {_short(case.main.lines[0])}"


_SENTENCES: dict[Trouble, Callable[[Case], str]] = {
    Trouble.REDIS: _redis,
    Trouble.CAMERA: _camera,
    Trouble.PROCESS: _process,
    Trouble.HUNG: _hung,
    Trouble.STORE: _store,
    Trouble.DELIVERY: _delivery,
    Trouble.SETTINGS: lambda _: "New settings were refused; the old ones stayed in force",
    Trouble.THROTTLED: _throttled,
    Trouble.PICTURE: _picture,
    Trouble.STALL: _stall,
    Trouble.SILENCE: _silence,
    Trouble.CONNECTION: _connection,
}
_TOLD = {
    Trouble.REDIS: {Trouble.REDIS, Trouble.DELIVERY},
    Trouble.STORE: {Trouble.STORE, Trouble.DELIVERY},
    Trouble.SETTINGS: {Trouble.SETTINGS, Trouble.ERROR},  # each problem is a line of its own
}


def _also(case: Case) -> list[str]:
    """Of each other kind of trouble that came with it, a few words."""
    told = _TOLD.get(case.main.trouble, {case.main.trouble})
    rest = [one for one in case.episodes if one.trouble not in told]
    if case.main.trouble is Trouble.REDIS:
        rest = [one for one in rest if not (one.trouble is Trouble.PROCESS and one.subject == "redis")]
    words = []
    for trouble in dict.fromkeys(one.trouble for one in rest):
        some = [one for one in rest if one.trouble is trouble]
        who = _named(one.subject for one in some)
        count = sum(one.count for one in some)
        deeds = ", ".join(f"{one.subject} {_deed(one)}{_times(one.times)}" for one in some[:_SHOWN])
        words.append(_ALSO[trouble].format(who=who, deeds=deeds, count=f"{count:,}", lost=f"{lost_frames(some):,}"))
    return words


_ALSO = {
    Trouble.CAMERA: "{deeds}",
    Trouble.PROCESS: "{who} ended and was started again",
    Trouble.HUNG: "{who} hung and was replaced",
    Trouble.REDIS: "Redis was not reached",
    Trouble.CONNECTION: "{who} was not connected",
    Trouble.STORE: "images could not be stored",
    Trouble.DELIVERY: "{lost} frames were lost",
    Trouble.THROTTLED: "the machine was throttled",
    Trouble.PICTURE: "the picture of {who} was wrong",
    Trouble.STALL: "the machine stood still",
    Trouble.SETTINGS: "new settings were refused",
    Trouble.SILENCE: "nothing was written for a while",
    Trouble.ERROR: "other errors: {count}",
    Trouble.WARNING: "other warnings: {count}",
}


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
