"""All children together: started rank by rank, stopped in the mirrored order by one deadline."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence

from greencam.base.clock import Clock
from greencam.base.errors import GivenUp
from greencam.supervise import policy
from greencam.supervise.child import Child, State, Wish
from greencam.supervise.policy import Escalation, GroupFacts
from greencam.supervise.strays import Strays
from greencam.supervise.table import CAMERA_RANK, ProcessSpec

STOP_S = 7.2  # of the 8 s in all; the rest is for the log, the lock and a busy machine
_SWEEP_S = 1.0
_POLL_S = 0.01
_log = logging.getLogger("supervisor")


class Fleet:
    """The children of one table, by rank; `make_child` makes one from its line of the table.

    `sweep` ends what is our child and none of these (strays.py), and tells how many are left.
    """

    def __init__(
        self,
        specs: Iterable[ProcessSpec],
        make_child: Callable[[ProcessSpec], Child],
        clock: Clock,
        sweep: Callable[[Collection[int], float], int] | None = None,
    ) -> None:
        self._make_child, self._clock = make_child, clock
        self.children = sorted((make_child(spec) for spec in specs), key=_rank)
        self._leaving: list[Child] = []
        self._regrouped_s: dict[int, float] = {}
        self._strays = sweep or Strays().sweep
        self._sweep_s = 0.0

    def named(self, name: str) -> Child | None:
        """The child of this name."""
        return next((child for child in self.children if child.spec.name == name), None)

    def wake_fds(self) -> tuple[int, ...]:
        """Readable when a child has ended."""
        return tuple(child.wake_fd for child in self._all() if child.wake_fd is not None)

    def tick(self, now_s: float) -> None:
        """Look at everyone, start who may start, see whether a group fails; raises GivenUp."""
        for child in self._leaving:
            child.look(now_s)
        self._leaving = [child for child in self._leaving if child.pid is not None or child.left_behind]
        going = {child.spec.name for child in self._leaving if child.pid is not None}
        for child in self.children:
            if child.state is not State.NEW or (child.spec.name not in going and self._may_start(child, now_s)):
                child.look(now_s)
        for rank in sorted({_rank(child) for child in self.children}):
            self._escalate(rank, now_s)
        if now_s >= self._sweep_s:
            self._sweep_s = now_s + _SWEEP_S
            self._strays(self._pids(), now_s)

    def excuse(self, now_s: float) -> None:
        """We did not run ourselves: nobody is blamed for that time."""
        for child in self.children:
            child.excuse(now_s)

    def _may_start(self, child: Child, now_s: float) -> bool:
        """Whether everybody whom it depends on is ready, or has been waited for long enough."""
        return all(
            other.ready or other.wish is not Wish.RUN or other.done or self._waited(other, now_s)
            for other in self.children
            if _rank(other) < _rank(child) and other.spec.holds_up_s > 0
        )

    @staticmethod
    def _waited(child: Child, now_s: float) -> bool:
        return child.state is not State.NEW and (
            child.state is not State.STARTING or child.uptime_s(now_s) >= child.spec.holds_up_s
        )

    def _escalate(self, rank: int, now_s: float) -> None:
        group = [
            child for child in self.children if _rank(child) == rank and child.wish is Wish.RUN and not child.done
        ]
        facts = GroupFacts(
            failures_s=[at_s for child in group for at_s in child.failures_s],
            members=len(group),
            settled=sum(_settled(child, now_s) for child in group),
            regrouped_s=self._regrouped_s.get(rank),
            vital_elsewhere=any(_settled(c, now_s) for c in self.children if c.spec.vital and _rank(c) != rank),
        )
        found = policy.escalate(facts, now_s)
        names = ", ".join(child.spec.name for child in group)
        if found is Escalation.GIVE_UP:
            raise GivenUp(f"{names}: nothing of it works, also after all of it was started anew")
        if found is Escalation.RESTART_GROUP:
            _log.error("%s: nothing of it works; starting all of it anew", names)
            self._regrouped_s[rank] = now_s
            for child in group:
                child.begin_stop(
                    now_s + child.spec.grace_s,
                    now_s + child.spec.grace_s + policy.KILLED_S,
                    cures="group restarted",
                )

    # --- wishes ---

    def restart(self, children: Iterable[Child], now_s: float) -> None:
        """Stop each that runs, and have it started again at once."""
        for child in children:
            child.start_afresh()
            self._end(child, now_s)

    def keep_stopped(self, children: Iterable[Child], now_s: float) -> None:
        """Stop each, until somebody wants it again."""
        for child in children:
            child.wish = Wish.STOP
            if child.pid is None and not child.done:
                child.state = State.STOPPED
            self._end(child, now_s)

    def hold(self, child: Child) -> None:
        """Leave it alone from now on: not replaced, not started again."""
        child.wish = Wish.HOLD

    def change(self, specs: Sequence[ProcessSpec], now_s: float) -> list[str]:
        """Make this the table: stop who is not in it, restart who changed, add the new; a sentence for each."""
        wanted, told = {spec.name: spec for spec in specs}, []
        for child in list(self.children):
            spec = wanted.get(child.spec.name)
            if spec is None:
                self.children.remove(child)
                self._leave(child, now_s)
                told.append(f"{child.spec.name} is not wanted any more")
                continue
            changed = spec.fingerprint != child.spec.fingerprint
            child.spec = spec  # a command line that changed all the same waits for its next start
            if changed:
                told.append(f"{spec.name} starts again with new settings")
                if child.wish is Wish.RUN:
                    self.restart([child], now_s)
        known = {child.spec.name for child in self.children}
        added = [self._make_child(spec) for spec in specs if spec.name not in known]
        self.children = sorted([*self.children, *added], key=_rank)
        return [*told, *(f"{child.spec.name} is new" for child in added)]

    def _leave(self, child: Child, now_s: float) -> None:
        child.wish = Wish.STOP
        self._end(child, now_s)
        self._leaving.append(child)

    @staticmethod
    def _end(child: Child, now_s: float) -> None:
        kill_at_s = now_s + child.spec.grace_s
        child.begin_stop(kill_at_s, kill_at_s + policy.KILLED_S)

    # --- the end ---

    def stop(self, forced: Callable[[], bool]) -> list[str]:
        """Stop everyone, the last started first, within STOP_S in all; the names of those that were left behind.

        `forced` tells that somebody asked again: then SIGKILL at once.
        """
        end_s = self._clock.monotonic() + STOP_S
        for child in self._all():
            child.wish = Wish.STOP
        ranks = sorted({_rank(child) for child in self._all()}, reverse=True)
        graces = [max(c.spec.grace_s for c in self._all() if _rank(c) == rank) for rank in ranks]
        for index, rank in enumerate(ranks):
            now_s = self._clock.monotonic()
            step = policy.stop_step(graces[index], graces[index + 1 :], now_s, end_s)
            self._stop_group([child for child in self._all() if _rank(child) == rank], step, forced)
        self._sweep(end_s)
        return [child.spec.name for child in self._all() if child.left_behind]

    def _stop_group(self, group: list[Child], step: policy.StopStep, forced: Callable[[], bool]) -> None:
        for child in group:
            child.begin_stop(step.kill_at_s, step.leave_at_s)
        while any(child.pid is not None for child in group):
            now_s = self._clock.monotonic()
            if forced():
                for child in group:
                    child.begin_stop(now_s, now_s + policy.KILLED_S)
            for child in group:
                child.look(now_s)
            self._clock.sleep(_POLL_S)

    def _sweep(self, end_s: float) -> None:
        """End what children left behind; one more look after each, because its own children come to us then."""
        end_s = min(end_s, self._clock.monotonic() + policy.KILLED_S)
        while self._strays(self._pids(), self._clock.monotonic()) and self._clock.monotonic() < end_s:
            self._clock.sleep(_POLL_S)

    def _all(self) -> list[Child]:
        return [*self.children, *self._leaving]

    def _pids(self) -> set[int]:
        known = {child.pid for child in self._all() if child.pid is not None}
        return known | {process.pid for child in self._all() for process in child.left_behind}


def cameras(fleet: Fleet) -> list[Child]:
    """The captures."""
    return [child for child in fleet.children if child.spec.rank == CAMERA_RANK]


def _rank(child: Child) -> int:
    return child.spec.rank


def _settled(child: Child, now_s: float) -> bool:
    return child.state is State.RUNNING and child.uptime_s(now_s) >= policy.SETTLED_S
