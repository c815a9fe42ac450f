"""greencam's own lines, guide 1, "Log File Structure": the three log files' forms, and collapsed repeats."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from greencam.logscan.entry import Entry, Kind
from greencam.logscan.moments import Minutes

_LINE = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d):(\d\d)[,.](\d{3}) - "
    r"(?:PERF: (.*)|[\w.-]{1,64} - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - "
    r"(?:([A-Za-z_<][\w<>.]{0,100}:\d{1,7}|-) - )?(.*))",
    re.DOTALL,
)
_SOURCE = re.compile(r"([A-Za-z_][\w.-]{0,63})(?:\[([^\]\s]{1,64})\])?: ")
_MARKED = {"CONNECTION": Kind.CONNECTION, "ISSUE": Kind.ISSUE, "PERF": Kind.PERF}
_REPEAT = re.compile(r"last line repeated (?:once|(\d{1,9}) times) in (\d{1,9}(?:\.\d+)?) s")
_FRAME = re.compile(r" \(frame (\d{1,20}-\d{1,20})\)$")
_MOST_SOURCES = 1000
_SECONDS = {f"{number:02}": float(number) for number in range(61)}
_MILLIS = {f"{number:03}": number / 1000 for number in range(1000)}
_Heads = dict[str, tuple[str, str]]
_entry = tuple.__new__
_decode = json.JSONDecoder().raw_decode  # without what json.loads looks for around it


class GreencamLines:
    """Reads `YYYY-MM-DD HH:MM:SS,mmm - camera_system - LEVEL - …` and `… - PERF: {…}`."""

    name = "greencam"

    def __init__(self, log: str) -> None:
        self._log = log
        self._minutes = Minutes()
        self._heads: _Heads = {}
        self._last: dict[tuple[str, str], Entry] = {}
        self.broken = 0
        """Lines with a marker whose JSON can't be read; they come as text."""

    def read(self, line: str) -> Entry | None:
        """The line taken apart; None when it is not of this form."""
        found = _LINE.fullmatch(line)
        if found is None:
            return None
        minute, second, milli, perf, level, where, text = found.groups()
        try:
            at_s = self._minutes[minute] + _SECONDS[second] + _MILLIS[milli]
        except (KeyError, ValueError):
            return None
        where = "" if where is None or where == "-" else where
        if perf is not None:
            return self._marked(at_s, "INFO", "", Kind.PERF, perf)
        source, name, text = self._head(text)
        kind = _MARKED.get(source)
        if kind is not None:
            return self._marked(at_s, level, where, kind, text)
        return self._text(at_s, level, (source, name), where, text)

    def forget(self) -> None:
        """Lines were taken that this has not seen: what was last said is not known any more."""
        self._last.clear()

    def _head(self, text: str) -> tuple[str, str, str]:
        """Source, name and the rest of a message."""
        word, colon, rest = text.partition(": ")
        if not colon:
            return "", "", text
        known = self._heads.get(word)
        if known is None:
            found = _SOURCE.fullmatch(word + ": ")
            known = (found[1], found[2] or "") if found else ("", "")
            if len(self._heads) >= _MOST_SOURCES:
                self._heads.clear()
            self._heads[word] = known
        return (*known, rest) if known[0] else ("", "", text)

    def _text(self, at_s: float, level: str, who: tuple[str, str], where: str, text: str) -> Entry:
        if text.startswith("last line repeated "):
            again = self._repeated(at_s, level, who, text)
            if again is not None:
                return again
        frame = ""
        if text.endswith(")"):
            found = _FRAME.search(text)
            if found:
                frame, text = found[1], text[: found.start()]
        made: Entry = _entry(
            Entry, (at_s, level, *who, where, Kind.TEXT, text, None, self._log, "", 1, None, frame)
        )
        if len(self._last) >= _MOST_SOURCES:
            self._last.clear()
        self._last[who] = made
        return made

    def _repeated(self, at_s: float, level: str, who: tuple[str, str], text: str) -> Entry | None:
        """The writer's word for lines that it did not write: that line again, as often as it says."""
        found, last = _REPEAT.fullmatch(text), self._last.get(who)
        if found is None or last is None or last.level != level:
            return None
        return last._replace(at_s=at_s - float(found[2]), times=max(1, int(found[1] or 1)), until_s=at_s, stack="")

    def _marked(self, at_s: float, level: str, where: str, kind: Kind, text: str) -> Entry:
        facts = json_object(text)
        if facts is None:
            self.broken += 1
            return Entry(at_s, level, "", "", where, Kind.TEXT, f"{kind.value.upper()}: {text}", None, self._log)
        source, name = facts.get("source", ""), facts.get("camera") or facts.get("process", "")
        who = (source if isinstance(source, str) else "", name if isinstance(name, str) else "")
        made: Entry = _entry(
            Entry, (at_s, level, *who, where, kind, in_words(kind, facts), facts, self._log, "", 1, None, "")
        )
        return made


def json_object(text: str) -> Mapping[str, Any] | None:
    """The JSON object that the text is; None for anything else, however deep or broken."""
    try:
        value, end = _decode(text)
        if end != len(text):
            value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def in_words(kind: Kind, facts: Mapping[str, Any]) -> str:
    """What a marked line says, for people and for whoever looks at messages only."""
    if kind is Kind.PERF:
        return f"{facts.get('metric', '?')}"
    if kind is Kind.ISSUE:
        return f"{facts.get('issue_type', '?')}: {facts.get('message', '')}"
    details = facts.get("details")
    error = details.get("error") if isinstance(details, dict) else None
    state = "connected" if facts.get("status") else "not connected"
    return f"{facts.get('service', '?')} connection: {state}{f', {error}' if error else ''}"
