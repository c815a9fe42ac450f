"""What the running suite can be asked for, and what it says to that, in the words of its user."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import Refused
from greencam.supervise.child import Child, Wish
from greencam.supervise.fleet import Fleet
from greencam.supervise.table import REDIS_RANK

ALL = "all"


class Desk:
    """Carries out requests on the fleet; `facts` tells what status answers hold besides the processes."""

    def __init__(self, fleet: Fleet, facts: Callable[[], dict[str, Any]], clock: Clock) -> None:
        self._fleet, self._facts, self._clock = fleet, facts, clock
        self._deeds: dict[str, Callable[[list[Child]], str]] = {
            "restart": self._restart,
            "stop": self._stop,
            "hold": self._hold,
            "only": self._only,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """`{"do": "status"}`, or restart, stop, hold, only with `"names"`; raises Refused for anything else."""
        if request.get("do") == "status":
            return self.status()
        deed = self._deeds.get(str(request.get("do")))
        if deed is None:
            raise Refused(f"a request is one of status, {', '.join(self._deeds)}")
        children = self._meant(request.get("names"))
        return {"text": deed(children), "names": [child.spec.name for child in children], **self.status()}

    def status(self) -> dict[str, Any]:
        """Everything that changes all the time."""
        now_s = self._clock.monotonic()
        return {**self._facts(), "processes": [child.moment(now_s) for child in self._fleet.children]}

    def _meant(self, names: Any) -> list[Child]:
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise Refused("which process? a request needs names")
        if names == [ALL]:
            return list(self._fleet.children)
        return [self._named(name) for name in dict.fromkeys(names)]

    def _named(self, name: str) -> Child:
        child = self._fleet.named(name)
        if child is not None:
            return child
        known = [one.spec.name for one in self._fleet.children]
        near = get_close_matches(name, known, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise Refused(f"there is no process {name[:64]!r}{meant} Known: {', '.join(known)}, or all")

    def _restart(self, children: list[Child]) -> str:
        self._fleet.restart(children, self._clock.monotonic())
        return f"starting {_list(children)} again"

    def _stop(self, children: list[Child]) -> str:
        self._fleet.keep_stopped(children, self._clock.monotonic())
        return f"stopping {_list(children)}; until start.py --restart {_words(children)}"

    def _hold(self, children: list[Child]) -> str:
        for child in children:
            self._fleet.hold(child)
        until = f"until start.py --restart {_words(children)}"
        return f"{_list(children)}: left alone, not replaced and not started again; {until}"

    def _only(self, children: list[Child]) -> str:
        now_s = self._clock.monotonic()
        others = [one for one in self._fleet.children if one not in children and one.spec.rank != REDIS_RANK]
        self._fleet.keep_stopped(others, now_s)
        back = [one for one in children if one.wish is Wish.STOP]
        self._fleet.restart(back, now_s)
        rest = f"; stopping {_list(others)}, until start.py --restart {ALL}" if others else ""
        return f"only {_list(children)}{rest}"


def _list(children: list[Child]) -> str:
    return ", ".join(child.spec.name for child in children)


def _words(children: list[Child]) -> str:
    return " ".join(child.spec.name for child in children)
