"""How well the supervisor itself runs, and what systemd is told of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from greencam.base.notify import Notifier
from greencam.supervise.child import Child, State

LAGGING_S = 1.0
_KEPT_S = 60.0
_READY_S = 30.0
_ALIVE_EVERY_S, _STATUS_EVERY_S = 1.0, 10.0
_REPLACING_S = 10.0


class LoopLag:
    """How late the loop's turns come and how long they take, together in seconds; the worst of the last minute."""

    def __init__(self) -> None:
        self._wanted_s: float | None = None
        self._worst: deque[tuple[float, float]] = deque()
        self.last_s = 0.0

    def turn(self, now_s: float) -> float:
        """A turn begins; how much later than wanted it does."""
        self.last_s = 0.0 if self._wanted_s is None else max(0.0, now_s - self._wanted_s)
        return self.last_s

    def wants(self, began_s: float, now_s: float, pause_s: float) -> None:
        """The turn that began at began_s ends now and wants the next one after pause_s."""
        lag_s = self.last_s + (now_s - began_s)
        self._wanted_s = now_s + pause_s
        while self._worst and (self._worst[-1][1] <= lag_s):
            self._worst.pop()
        self._worst.append((now_s, lag_s))
        while now_s - self._worst[0][0] > _KEPT_S:
            self._worst.popleft()

    @property
    def worst_s(self) -> float:
        """The largest of the last minute."""
        return self._worst[0][1] if self._worst else 0.0


def alive(children: Iterable[Child], lag_s: float, now_s: float) -> bool:
    """Whether systemd may believe in us: the loop is fast and no vital process hangs unnoticed.

    One that is being replaced, waits for its next start or was stopped by a person is in good hands; one that has
    been silent for longer than its replacement takes is not.
    """
    return lag_s < LAGGING_S and not any(_neglected(child, now_s) for child in children if child.spec.vital)


def _neglected(child: Child, now_s: float) -> bool:
    age_s = child.beat_age_s(now_s)
    running = child.state in {State.RUNNING, State.STOPPING}
    return (
        running
        and not child.facts()["held"]
        and age_s is not None
        and age_s > child.spec.patience.next_s + _REPLACING_S
    )


class Voice:
    """Says ready after the first camera streams or half a minute, then alive once a second while that is true."""

    def __init__(self, notifier: Notifier, streams: Callable[[], bool]) -> None:
        """`streams` tells whether any camera streams."""
        self._notifier, self._streams = notifier, streams
        self._began_s: float | None = None
        self._ready = False
        self._alive_s = self._look_s = self._status_s = 0.0

    def tick(self, children: list[Child], lag_s: float, now_s: float) -> None:
        """Say what is due."""
        self._began_s = now_s if self._began_s is None else self._began_s
        if not self._ready and now_s >= self._look_s:
            self._look_s = now_s + 0.5
            if now_s - self._began_s >= _READY_S or self._streams():
                self._ready = True
                self._notifier.ready()
        if now_s >= self._alive_s and alive(children, lag_s, now_s):
            self._alive_s = now_s + _ALIVE_EVERY_S
            self._notifier.alive()
        if now_s >= self._status_s:
            self._status_s = now_s + _STATUS_EVERY_S
            running = sum(child.state is State.RUNNING for child in children)
            self._notifier.status(f"{running} of {len(children)} processes run")

    def reloading(self) -> None:
        """New settings are being taken over."""
        self._notifier.reloading()

    def reloaded(self) -> None:
        """They are, or the old ones stay."""
        self._notifier.ready()

    def stopping(self) -> None:
        """An orderly stop has begun."""
        self._notifier.stopping()
