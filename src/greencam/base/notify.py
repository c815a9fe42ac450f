"""Telling systemd how we are: ready, alive, stopping; sd_notify(3) in the standard library.

A message never waits and never raises. A change of state that systemd could not take goes with the next message.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import MutableMapping
from typing import Protocol

from greencam.base.clock import Clock
from greencam.base.log import one_line

_SOCKET, _USEC, _PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
_MAX_STATUS = 200
_log = logging.getLogger("notify")


class Notifier(Protocol):
    """Whoever started this process and wants to know how it is."""

    @property
    def watchdog_period_s(self) -> float | None:
        """Seconds without `alive` after which this process is killed; None: nobody watches."""
        ...

    def ready(self) -> None:
        """Start-up, or a reload, is finished."""
        ...

    def alive(self) -> None:
        """Work gets done; to be said at least twice per watchdog period."""
        ...

    def status(self, text: str) -> None:
        """One line for people."""
        ...

    def stopping(self) -> None:
        """An orderly stop has begun."""
        ...

    def reloading(self) -> None:
        """New settings are being taken over; `ready` ends it."""
        ...


class NullNotifier:
    """For a process that a person or a test started: nobody wants to know."""

    watchdog_period_s: float | None = None

    def ready(self) -> None:
        """Nothing."""

    def alive(self) -> None:
        """Nothing."""

    def status(self, text: str) -> None:
        """Nothing."""

    def stopping(self) -> None:
        """Nothing."""

    def reloading(self) -> None:
        """Nothing."""


class SystemdNotifier:
    """Datagrams to the socket that systemd named in NOTIFY_SOCKET."""

    def __init__(self, address: str, clock: Clock, watchdog_period_s: float | None = None) -> None:
        """`address` is a path, or `@name` for a socket in the abstract name space."""
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._clock = clock
        self._owed: tuple[str, ...] = ()
        self._failing = False
        self.watchdog_period_s = watchdog_period_s

    def ready(self) -> None:
        """READY=1."""
        self._state("READY=1")

    def alive(self) -> None:
        """WATCHDOG=1."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """STATUS=, as `systemctl status` shows it."""
        self._send(f"STATUS={one_line(text[:_MAX_STATUS])}")

    def stopping(self) -> None:
        """STOPPING=1."""
        self._state("STOPPING=1")

    def reloading(self) -> None:
        """RELOADING=1, with the time that Type=notify-reload wants."""
        self._state("RELOADING=1", f"MONOTONIC_USEC={self._clock.monotonic_ns() // 1000}")

    def _state(self, *lines: str) -> None:
        """A change of state: kept until it has got through, or until the next one makes it untrue."""
        self._owed = lines
        self._send()

    def _send(self, *lines: str) -> None:
        data = "\n".join((*self._owed, *lines)).encode(errors="replace")
        try:
            with socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            ) as out:
                out.sendto(data, self._address)
        except (OSError, ValueError) as error:  # ValueError: a NUL within a path
            if not self._failing:
                _log.warning("can't tell systemd how we are: %s", error)
            self._failing = True
        else:
            self._owed, self._failing = (), False


def notifier_for(environment: MutableMapping[str, str], clock: Clock) -> Notifier:
    """The notifier that the environment asks for; takes its variables out, so that no child speaks in our name.

    A watchdog that is meant for another process (WATCHDOG_PID) or is no number counts as none.
    """
    address, usec, pid = (environment.pop(name, "") for name in (_SOCKET, _USEC, _PID))
    if not address.startswith(("/", "@")):
        if address:
            _log.warning("%s is no socket that can be reached: %s", _SOCKET, one_line(address[:_MAX_STATUS]))
        return NullNotifier()
    for_us = not pid or pid == str(os.getpid())
    digits = usec.isascii() and usec.isdigit() and len(usec) < 18
    period_s = int(usec) / 1e6 if for_us and digits and int(usec) > 0 else None
    return SystemdNotifier(address, clock, period_s)
