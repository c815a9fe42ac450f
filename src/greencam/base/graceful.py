"""An orderly end for programs: a signal sets a flag, handlers clean up in reverse order, each with a time limit."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Self

from greencam.base.clock import Clock, SystemClock
from greencam.base.stop import Stop

Cleanup = Callable[[], object]
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LOOK_S = 0.05
_log = logging.getLogger("graceful_shutdown")


@dataclass(frozen=True)
class _Registered:
    handler: Cleanup
    name: str
    timeout_s: float


class GracefulShutdown:
    """The wish to stop and what is to be done then; `with` installs the signal handlers and runs the cleanup.

    Signal handlers only set flags: the program looks at `requested` or waits in `wait`. The first signal asks, the
    second one gives up what has not been cleaned up yet, a third ends the process as if nobody had handled it.
    """

    def __init__(self, timeout_s: float = 5.0, clock: Clock | None = None) -> None:
        """`timeout_s` is the time limit of handlers that are registered without one of their own."""
        self._clock = clock or SystemClock()
        self._timeout_s = timeout_s
        self._stop = Stop()
        self._handlers: list[_Registered] = []

    @property
    def requested(self) -> bool:
        """Whether a signal, or `request`, has asked to stop."""
        return self._stop.requested

    @property
    def reason(self) -> str:
        """Who asked first: a signal's name, or the text given to `request`; empty while nobody has."""
        return self._stop.reason

    def install(self, *numbers: signal.Signals) -> Self:
        """Let these signals (SIGINT and SIGTERM by default) set the flag; main thread only."""
        for number in numbers or SIGNALS:
            signal.signal(number, self._on_signal)
        return self

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._stop.request(signal.Signals(number).name)
        if self._stop.forced:
            signal.signal(number, signal.SIG_DFL)

    def request(self, reason: str = "asked by the program") -> None:
        """Ask to stop, from any thread."""
        self._stop.request(reason)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until asked to stop, or until time is up; True when asked."""
        return self._stop.wait(timeout_s)

    def register_cleanup(self, handler: Cleanup, timeout_s: float | None = None, name: str = "") -> Cleanup:
        """Let `handler` run at the end, before everything registered earlier; returns it, so it decorates too."""
        shown = name or getattr(handler, "__qualname__", "") or type(handler).__name__
        self._handlers.append(_Registered(handler, shown, self._timeout_s if timeout_s is None else timeout_s))
        return handler

    def unregister_cleanup(self, handler: Cleanup) -> None:
        """Forget this handler; nothing happens when it is not registered."""
        self._handlers = [entry for entry in self._handlers if entry.handler != handler]

    def cleanup(self) -> tuple[str, ...]:
        """Run the handlers once, the last registered first; the names of those that did not succeed.

        Each runs on a thread of its own. One that raises is logged with its traceback; one that takes longer than
        its limit is left behind; neither keeps the others from their turn.
        """
        unfinished = []
        while self._handlers:
            entry = self._handlers.pop()
            if self._stop.forced:
                _log.error("%s: skipped, because a second signal came", entry.name)
                unfinished.append(entry.name)
            elif not self._run(entry):
                unfinished.append(entry.name)
        return tuple(unfinished)

    def _run(self, entry: _Registered) -> bool:
        outcome: list[bool] = []
        thread = threading.Thread(target=_guarded, args=(entry, outcome), name=entry.name, daemon=True)
        thread.start()
        deadline_s = self._clock.monotonic() + entry.timeout_s
        while not outcome and not self._stop.forced:
            left_s = deadline_s - self._clock.monotonic()
            if left_s <= 0:
                break
            thread.join(min(left_s, _LOOK_S))
        if not outcome:
            why = "a second signal came" if self._stop.forced else f"it takes longer than {entry.timeout_s:g} s"
            _log.error("%s: left behind, because %s", entry.name, why)
            return False
        return outcome == [True]

    def __enter__(self) -> Self:
        """Install the signal handlers."""
        return self.install()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Run the cleanup; an exception of the program goes on afterwards."""
        self.cleanup()


def _guarded(entry: _Registered, outcome: list[bool]) -> None:
    try:
        entry.handler()
    except SystemExit as leaving:
        _log.error("%s failed: it wanted to end the program with %s", entry.name, leaving.code)
        outcome.append(False)
    except Exception:  # noqa: BLE001 - one handler must not keep the others from their turn
        _log.exception("%s failed", entry.name)
        outcome.append(False)
    else:
        outcome.append(True)


_default: list[GracefulShutdown] = []


def default_shutdown() -> GracefulShutdown:
    """The one of this process, made and installed at its first use, which must be on the main thread."""
    if not _default:
        _default.append(GracefulShutdown().install())
    return _default[0]


def register_cleanup(handler: Cleanup, timeout_s: float | None = None, name: str = "") -> Cleanup:
    """As `GracefulShutdown.register_cleanup`, for this process; call `run_cleanup` at the end of the program."""
    return default_shutdown().register_cleanup(handler, timeout_s, name)


def shutdown_requested() -> bool:
    """Whether this process has been asked to stop."""
    return default_shutdown().requested


def run_cleanup() -> tuple[str, ...]:
    """Run what `register_cleanup` collected; the names of those that did not succeed."""
    return default_shutdown().cleanup()
