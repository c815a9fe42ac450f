"""The scripted faulty camera: another camera, with faults on demand; for drills and tests.

Its address is `<folder>` or `<folder>|<source>`: the folder is its remote control (see faults.py), the source the
camera that it wraps, the simulated one if none is named.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from greencam.base.clock import Clock
from greencam.base.errors import CameraBroken, CameraUnavailable
from greencam.camera import fault_acts
from greencam.camera.fault_pictures import VEILS, Veil, resized
from greencam.camera.faults import FaultFolder, Moment, Order
from greencam.camera.source import CameraSource, CameraSpec, Opened
from greencam.frame.picture import Picture
from greencam.settings.source_text import faulty_parts, parse_source

_log = logging.getLogger(__name__)


class FaultySource:
    """A camera that fails when its folder says so, and is the wrapped camera otherwise.

    Pictures of cameras that tell no sensor time get the time at which they were grabbed.
    """

    def __init__(
        self, spec: CameraSpec, clock: Clock, source_for: Callable[[CameraSpec, Clock], CameraSource]
    ) -> None:
        self._spec, self._clock, self._source_for = spec, clock, source_for
        self._where = Path(spec.address.partition("|")[0].strip())
        self._folder = FaultFolder(self._where, clock)
        self._inner: CameraSource | None = None
        self._veil = Veil()
        self._frames = 0
        self._share = 0.0

    def open(self) -> Opened:
        """Open the wrapped camera, unless a fault is ordered for this moment.

        Raises CameraBroken (`address`) for an address that is not as the module says, else as that camera does.
        """
        inner_spec = self._inner_spec()
        self._folder.ensure_there()
        self._folder.look(self._frames, now=True)
        order = self._folder.taken(Moment.OPEN, self._frames)
        if order is not None:
            self._fail_to_open(order)
        if "disconnect" in self._folder.lasting(self._frames):
            raise CameraUnavailable(f"{self._name}: not there", cause="absent")
        self._inner = self._inner or self._source_for(inner_spec, self._clock)
        opened = self._inner.open()
        note = f"a drill: {inner_spec.kind} with faults on demand, ordered in {self._where}"
        return replace(opened, device=f"drill over {opened.device}", notes=(note, *opened.notes))

    def read(self, timeout_s: float) -> Picture:
        """The wrapped camera's next picture, or what the ordered fault makes of it."""
        if not self._folder.look(self._frames):
            return self._next(timeout_s, "")
        order = self._folder.taken(Moment.READ, self._frames)
        if order is not None:
            self._begin(order)
            if order.fault.name == "garbage":
                return resized(self._next(timeout_s, ""))
            self._hit(order, timeout_s)
        lasting = self._folder.lasting(self._frames)
        if "disconnect" in lasting:
            raise CameraUnavailable(f"{self._name}: unplugged", cause="disconnected")
        if "slow" in lasting:
            timeout_s = self._skip(lasting["slow"].share, timeout_s)
        return self._next(timeout_s, next((name for name in VEILS if name in lasting), ""))

    def close(self) -> None:
        """Close the wrapped camera, or hang before that; nothing when it was never opened."""
        if self._inner is None:
            return
        self._folder.look(self._frames, now=True)
        order = self._folder.taken(Moment.CLOSE, self._frames)
        if order is not None:
            self._begin(order)
            fault_acts.hang()
        self._inner.close()

    @property
    def _name(self) -> str:
        return f"camera {self._spec.id}, a drill"

    @property
    def _opened(self) -> CameraSource:
        if self._inner is None:
            raise CameraUnavailable(f"{self._name}: not open", cause="closed")
        return self._inner

    def _inner_spec(self) -> CameraSpec:
        try:
            kind, address = parse_source(faulty_parts(self._spec.address)[1])
        except ValueError as error:
            raise CameraBroken(f"camera {self._spec.id}: {error}", cause="address") from error
        return replace(self._spec, kind=kind, address=address)

    def _next(self, timeout_s: float, veil: str) -> Picture:
        picture = self._opened.read(timeout_s)
        self._frames += 1
        if not picture.sensor_ns:
            picture = picture._replace(sensor_ns=picture.grabbed_ns)
        return self._veil.over(picture, veil)

    def _skip(self, share: float, timeout_s: float) -> float:
        """Leave out pictures so that only this share is delivered; the time that is left after that."""
        deadline_s = self._clock.monotonic() + timeout_s
        self._share += share
        while self._share < 1.0:
            left_s = deadline_s - self._clock.monotonic()
            if left_s <= 0:
                raise CameraUnavailable(f"{self._name}: no frame within {timeout_s:g} s", cause="timeout")
            self._opened.read(left_s)
            self._share += share
        self._share -= 1.0
        return max(0.0, deadline_s - self._clock.monotonic())

    def _begin(self, order: Order) -> None:
        _log.warning("%s: fault %s begins in process %d", self._name, order.fault.name, os.getpid())

    def _fail_to_open(self, order: Order) -> NoReturn:
        self._begin(order)
        name = order.fault.name
        if name == "hang-open":
            fault_acts.hang()
        if name == "busy":
            raise CameraUnavailable(f"{self._name}: [Errno 16] Device or resource busy", cause="busy")
        if name == "broken":
            raise CameraBroken(f"{self._name}: broken, a person is needed", cause="device")
        raise CameraUnavailable(f"{self._name}: can't be opened", cause="open")

    def _hit(self, order: Order, timeout_s: float) -> None:
        clock = self._clock
        acts: dict[str, Callable[[], None]] = {
            "hang": fault_acts.hang,
            "hang-c": fault_acts.hang_holding_the_gil,
            "crash": fault_acts.crash,
            "exit": fault_acts.end,
            "kill": fault_acts.kill,
            "stop": fault_acts.stop,
            "timeout": lambda: fault_acts.time_out(clock, timeout_s),
            "buffer": lambda: fault_acts.starve(clock, timeout_s),
            "io": fault_acts.fail_on_the_bus,
            "unkillable": lambda: fault_acts.read_for_ever(order.path),
        }
        acts[order.fault.name]()
