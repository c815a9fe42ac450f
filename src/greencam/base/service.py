"""The one loop of the suite: a service does one turn at a time and says when it wants the next."""

from __future__ import annotations

import logging
import math
from typing import Protocol

from greencam.base import monitoring
from greencam.base.clock import Clock
from greencam.base.errors import EXIT_FAILED, EXIT_OK, GreencamError, exit_code
from greencam.base.stop import Stop


class Service(Protocol):
    """What `run` drives; `stop` is the mirror of `start`, never raises, and may be called twice."""

    name: str

    def start(self) -> None:
        """Acquire what is needed; may raise."""
        ...

    def tick(self, now_s: float) -> float:
        """One turn at monotonic time `now_s`; seconds until the next is wanted."""
        ...

    def wake_fds(self) -> tuple[int, ...]:
        """Descriptors that, when readable, ask for a turn before its time."""
        ...

    def stop(self) -> None:
        """Release everything that `start` acquired."""
        ...


def run(service: Service, stop: Stop, clock: Clock, log: logging.Logger, duration_s: float | None = None) -> int:
    """Start the service, turn it until asked to stop or duration_s is over, stop it; the exit code.

    A known error is one line for the operator and its exit code; an unknown one a traceback and exit 1.
    """
    end_s = math.inf if duration_s is None else clock.monotonic() + duration_s
    try:
        service.start()
        while not stop.requested and clock.monotonic() < end_s:
            wanted_s = service.tick(clock.monotonic())
            stop.wait(max(0.0, min(wanted_s, end_s - clock.monotonic())), *service.wake_fds())
    except GreencamError as error:
        log.error("%s stops: %s", service.name, error)
        return exit_code(error)
    except Exception:  # noqa: BLE001 - the service runner
        monitoring.failed(log, "%s stops on an unexpected error", service.name)
        return EXIT_FAILED
    finally:
        service.stop()
    return EXIT_OK
