"""What a line means for the suite: trouble of some kind with somebody, or its end. Pure.

The words are those that greencam logs (docs/guide/camera-recovery.md, running.md); a line in unknown words is an
error or a warning of its template, so that a new kind of trouble shows up as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.levels import CRITICAL, ERROR, RANK, WARNING


class Trouble(StrEnum):
    """Kinds of trouble; of two that begin together the one that stands first here is told as the cause."""

    SILENCE = "silence"
    SETTINGS = "settings"
    STORE = "store"
    REDIS = "redis"
    THROTTLED = "throttled"
    HUNG = "hung"
    PROCESS = "process"
    CAMERA = "camera"
    CONNECTION = "connection"
    PICTURE = "picture"
    DELIVERY = "delivery"
    STALL = "stall"
    ERROR = "error"
    WARNING = "warning"


class Signal(NamedTuple):
    """One line's meaning: `cause` is a word or phrase; `strong` is worth an incident alone; `ends` is its end."""

    trouble: Trouble
    subject: str
    cause: str = ""
    strong: bool = True
    ends: bool = False
    figure: float = 0.0
    """Frames lost, or seconds of hanging or standing still."""
    text: str = ""
    """What cured it, or what became of a wish for a reboot."""


@dataclass(frozen=True)
class _Rule:
    """A line that holds `word` and matches `pattern`, whose groups are fields of the signal."""

    word: str
    pattern: re.Pattern[str]
    trouble: Trouble
    cause: str = ""
    strong: bool = True
    ends: bool = False


def _rule(trouble: Trouble, word: str, pattern: str = "", **more: bool | str) -> _Rule:
    return _Rule(word, re.compile(pattern or re.escape(word)), trouble, **more)  # type: ignore[arg-type]  # by name


_TROUBLES = (
    _rule(
        Trouble.CAMERA,
        "CAMERA_ISSUE: ",
        r"CAMERA_ISSUE: \w+ (?P<subject>[^\s:]+): (?P<text>.*) \((?P<cause>[\w ]+)\)(?:; .*)?$",
    ),
    _rule(
        Trouble.CAMERA,
        "CAMERA_RECOVERY: ",
        r"recovery of (?P<subject>\S+) \((?P<cause>[\w ]+)\): (?P<text>.+?) cured it in ",
        ends=True,
    ),
    _rule(Trouble.CAMERA, "CAMERA_CRITICAL: ", r"needed for (?P<subject>[^\s:]+): (?P<text>.*)", cause="reboot"),
    _rule(Trouble.CAMERA, "evidence: ", cause="evidence", strong=False),
    _rule(Trouble.REDIS, "; capture goes on, retrying"),
    _rule(Trouble.HUNG, "gave no sign of work", r"(?P<subject>\S+) gave no sign of work for (?P<figure>\d+) s"),
    _rule(Trouble.PROCESS, " ended with ", r"(?P<subject>\S+) ended with (?P<cause>[^;]+); back in "),
    _rule(Trouble.PROCESS, " takes too much: ", r"(?P<subject>\S+) takes too much", cause="it took too much"),
    _rule(Trouble.PROCESS, " can't be started", r"(?P<subject>\S+) can't be started", cause="a failed start"),
    _rule(Trouble.PROCESS, " can't be killed", r"(?P<subject>\S+) \(process \d+\) can't", cause="no end"),
    _rule(Trouble.PROCESS, "nothing of it works; starting all of it anew", cause="one failure after another"),
    _rule(
        Trouble.PROCESS,
        " stops on an unexpected error",
        r"(?P<subject>\S+) stops on an",
        cause="an unexpected error",
    ),
    _rule(Trouble.DELIVERY, "are given up", r"(?P<figure>\d+) frames for (?P<subject>\S+) are", cause="lost"),
    _rule(Trouble.DELIVERY, "frames are lost", r"(?P<figure>\d+) frames are lost", cause="lost"),
    _rule(
        Trouble.DELIVERY,
        "nothing is kept for it",
        r"ALERT: (?P<subject>\S+) .*; nothing is kept for it",
        cause="released",
    ),
    _rule(Trouble.DELIVERY, " is back", r"(?P<subject>\S+) is back$", ends=True),
    _rule(Trouble.STORE, "nothing is stored until it works again"),
    _rule(Trouble.STORE, "going on without them until it works again"),
    _rule(Trouble.STORE, "trying again until it works"),
    _rule(Trouble.STORE, "frees no room"),
    _rule(Trouble.SETTINGS, "settings are not taken over"),
    _rule(Trouble.STALL, "did not run for", r"did not run for (?P<figure>[\d.]+) s", strong=False),
)
_ENDS = (
    _rule(Trouble.REDIS, "connected to ", r"^(?:\S+: )?connected to ", ends=True),
    _rule(Trouble.STORE, "stored again", ends=True),
    _rule(Trouble.PICTURE, " any more", r"the picture is not (?P<cause>\w+) any more", ends=True),
)
_PICTURES = {"black": True, "uniform": True, "still": False, "slow": False}
_ONE_FOR_ALL = frozenset((Trouble.STORE, Trouble.SETTINGS, Trouble.STALL, Trouble.THROTTLED))
HEALTH = "health"  # the subject of Redis' state as the health log sees it, beside those of the cameras
_LONG_STALL_S = 10.0
_CAMERA_OF = re.compile(r"^([\w-]{1,64}): ")


def signal_of(entry: Entry) -> Signal | None:
    """What the line means; None when it tells neither trouble nor its end."""
    if entry.kind is Kind.TEXT:
        if RANK.get(entry.level, 0) < RANK[WARNING]:
            return _by_rules(entry, _ENDS)
        return _by_rules(entry, _TROUBLES) or _unknown(entry)
    if entry.kind is Kind.ISSUE:
        return _of_issue(entry)
    return _of_connection(entry) if entry.kind is Kind.CONNECTION else None


def whose(entry: Entry) -> str:
    """The camera or process that a line is about; lines of old had its name before the text."""
    if entry.name:
        return entry.name
    found = _CAMERA_OF.match(entry.message)
    return found[1] if found else entry.source


def _by_rules(entry: Entry, rules: tuple[_Rule, ...]) -> Signal | None:
    message = entry.message
    for rule in rules:
        if rule.word in message:
            found = rule.pattern.search(message)
            if found is not None:
                return _made(entry, rule, found.groupdict())
    return None


def _made(entry: Entry, rule: _Rule, parts: dict[str, str]) -> Signal:
    cause = parts.get("cause", rule.cause)
    subject = "" if rule.trouble in _ONE_FOR_ALL else parts.get("subject") or whose(entry)
    figure = float(parts["figure"]) if "figure" in parts else 0.0
    trouble, strong = rule.trouble, rule.strong
    if trouble is Trouble.CAMERA and cause in _PICTURES:
        trouble, strong = Trouble.PICTURE, _PICTURES[cause]
    if trouble is Trouble.STALL:
        strong = figure >= _LONG_STALL_S
    return Signal(trouble, subject, cause, strong, rule.ends, figure, parts.get("text", ""))


def _unknown(entry: Entry) -> Signal:
    strong = entry.level in (ERROR, CRITICAL)
    return Signal(Trouble.ERROR if strong else Trouble.WARNING, whose(entry), strong=strong)


def _of_issue(entry: Entry) -> Signal:
    facts = entry.facts or {}
    kind = str(facts.get("issue_type", "?"))
    if kind == "throttled":
        return Signal(Trouble.THROTTLED, "", str(facts.get("message", ""))[:200])
    if kind == "redis_connection_failed":
        return Signal(Trouble.REDIS, entry.name or HEALTH)
    if kind == "camera_connection_failed":
        return Signal(Trouble.CAMERA, whose(entry), _cause_in(facts.get("context")))
    strong = kind == "function_failure" or str(facts.get("severity")) in (ERROR, CRITICAL)
    return Signal(Trouble.ERROR if strong else Trouble.WARNING, whose(entry), strong=strong)


def _of_connection(entry: Entry) -> Signal:
    facts = entry.facts or {}
    service, up = str(facts.get("service", "?"))[:64], bool(facts.get("status"))
    if service == "redis":
        return Signal(Trouble.REDIS, entry.name or HEALTH, ends=up)
    if service == "camera" and entry.name:
        return Signal(Trouble.CAMERA, entry.name, _cause_in(facts.get("details")), ends=up)
    return Signal(Trouble.CONNECTION, service, ends=up)


def _cause_in(details: Any) -> str:
    cause = details.get("cause") if isinstance(details, Mapping) else None
    return cause[:64] if isinstance(cause, str) else "connection"
