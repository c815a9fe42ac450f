"""The faults that the scripted camera can make, and the folder by which it is told to make them.

A fault is ordered by a file of its name in the folder; the file is empty or holds parameters as a JSON object.
A fault that acts once is taken (its file goes) before it acts, so that the worker that replaces a victim does not
fall into the same hole. A lasting one acts for as long as its file is there.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import CameraBroken, Refused
from greencam.base.files import store_errors, write_atomic

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 0.01  # at most 100 looks a second, each a list of one folder


class Moment(StrEnum):
    """The call of a camera in which a fault acts."""

    OPEN = "open"
    READ = "read"
    CLOSE = "close"


@dataclass(frozen=True)
class Fault:
    """One fault: when it acts, whether it lasts, the real fault that it stands for, its parameter besides
    `times` and `after_frames` if it has one."""

    name: str
    moments: tuple[Moment, ...]
    lasting: bool
    stands_for: str
    parameter: str = ""


def _once(name: str, moment: Moment, stands_for: str, parameter: str = "") -> Fault:
    return Fault(name, (moment,), False, stands_for, parameter)


def _lasting(name: str, stands_for: str, parameter: str = "") -> Fault:
    return Fault(name, (Moment.READ,), True, stands_for, parameter)


_ALL = (
    _once("hang-open", Moment.OPEN, "a driver that never returns from opening (opencv#22677)"),
    _once("busy", Moment.OPEN, "another process holds the camera: Device or resource busy (picamera2#1048)"),
    _once("open-fail", Moment.OPEN, "a driver that does not come up at once"),
    _once("broken", Moment.OPEN, "a camera that only a person can mend"),
    _once("hang", Moment.READ, "a library that waits for ever for its own lock (picamera2#1004)"),
    _once("hang-c", Moment.READ, "a library that hangs in C and holds the interpreter's lock, GIL"),
    _once("crash", Moment.READ, "a driver library that writes where it must not: SIGSEGV"),
    _once("exit", Moment.READ, "a library that ends the process by itself: exit code 70"),
    _once("kill", Moment.READ, "the kernel's out-of-memory killer: SIGKILL"),
    _once("stop", Moment.READ, "a process that is stopped, or gets no processor time: SIGSTOP"),
    _once("timeout", Moment.READ, "a driver that says in time that no frame came"),
    _once("io", Moment.READ, "a sensor that does not answer on its bus: EREMOTEIO (linux#5308)"),
    _once("buffer", Moment.READ, "libcamera's frontend got no buffer and only its log says so (picamera2#1295)"),
    _once("garbage", Moment.READ, "a driver that changed the picture's size in mid-stream without a word"),
    _once("unkillable", Moment.READ, "a driver that hangs in the kernel: state D (picamera2#1275)", "path"),
    Fault("disconnect", (Moment.OPEN, Moment.READ), True, "an unplugged camera"),
    _lasting("slow", "a rate far below the wish: darkness, a starved bus, a hot processor", "share"),
    _lasting("freeze", "the last buffer again and again, its time stamp too (opencv#10927)"),
    _lasting("freeze-picture", "an encoder that repeats its picture under new time stamps (picamera2#1392)"),
    _lasting("noise", "a damaged cable or memory: pictures of random bytes"),
    _lasting("uniform", "a grabber without a signal: one grey, the same bytes each time"),
    _lasting("black", "a covered lens or no light: almost black, with a sensor's noise"),
    _once("hang-close", Moment.CLOSE, "a driver that never returns from stopping (picamera2#1264)"),
)
FAULTS = {fault.name: fault for fault in _ALL}


@dataclass(frozen=True)
class Order:
    """A fault as it is ordered: how often it acts, after how many pictures, and its own parameter."""

    fault: Fault
    times: int = 1
    after_frames: int = 0
    share: float = 0.2
    path: str = ""


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= 1_000_000


_PARAMETERS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "times": (_whole(1), "a whole number from 1"),
    "after_frames": (_whole(0), "a whole number from 0"),
    "share": (lambda value: type(value) in {int, float} and 0.001 <= value <= 1, "a number from 0.001 to 1"),
    "path": (lambda value: isinstance(value, str) and value.startswith("/"), "the full path of a file"),
}


def order_of(name: str, parameters: object) -> Order:
    """The order with this name and these parameters; raises Refused with a sentence that says what is wrong."""
    fault = FAULTS.get(name)
    if fault is None:
        raise Refused(f"no fault {name!r}; known: {', '.join(FAULTS)}")
    if not isinstance(parameters, dict):
        raise Refused(f"fault {name}: its parameters are a JSON object, such as {{}}")
    known = {"after_frames", *(() if fault.lasting else ("times",)), *filter(None, (fault.parameter,))}
    for key, value in parameters.items():
        if key not in known:
            raise Refused(f"fault {name}: no parameter {key!r}; known: {', '.join(sorted(known))}")
        fits, what = _PARAMETERS[key]
        if not fits(value):
            raise Refused(f"fault {name}: {key} has to be {what}")
    if fault.parameter == "path" and "path" not in parameters:
        raise Refused(f"fault {name}: needs a path, the full path of a file")
    return Order(fault, **parameters)


def order(folder: Path, name: str, **parameters: Any) -> None:
    """Let the camera that watches this folder make a fault; raises Refused for one that does not exist."""
    order_of(name, parameters)
    with store_errors(f"the fault {name}"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(folder / name, json.dumps(parameters).encode())


def ensure_lifted(folder: Path, name: str) -> None:
    """Take a fault back: a lasting one ends, one that has not acted yet does not act."""
    (folder / name).unlink(missing_ok=True)


class FaultFolder:
    """The folder as the camera sees it; costs a look at the clock per frame and a list of the folder at most
    every 10 ms. Names that begin with a dot are not looked at, so that a file can be written and then renamed.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._look_s = 0.0
        self._orders: dict[str, Order] = {}
        self._since: dict[str, int] = {}  # frames delivered when the order was first seen
        self._told: set[str] = set()

    def ensure_there(self) -> None:
        """Make the folder if it is not there; raises CameraBroken (`address`) when that can't be."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.listdir(self._folder)  # noqa: PTH208 - whether we may
        except OSError as error:
            text = f"the folder of faults {self._folder} can't be used: {error.strerror}"
            raise CameraBroken(text, cause="address") from error

    def look(self, frames: int, *, now: bool = False) -> bool:
        """Whether anything is ordered; looks again if 10 ms have passed or `now`. `frames`: delivered so far."""
        now_s = self._clock.monotonic()
        if now or now_s >= self._look_s:
            self._look_s = now_s + _LOOK_EVERY_S
            self._read_orders(frames)
        return bool(self._orders)

    def taken(self, moment: Moment, frames: int) -> Order | None:
        """The order of a fault that acts once and is due in this call; it is ours alone and will not come again,
        except for the rest of its `times`."""
        for name, found in tuple(self._orders.items()):
            if moment not in found.fault.moments or found.fault.lasting:
                continue
            if moment is Moment.READ and not self._ripe(name, found, frames):
                continue
            del self._orders[name], self._since[name]
            claimed = self._claimed(name)
            if claimed is not None:
                return claimed
        return None

    def lasting(self, frames: int) -> dict[str, Order]:
        """The lasting faults that act now, by name."""
        return {
            name: found
            for name, found in self._orders.items()
            if found.fault.lasting and self._ripe(name, found, frames)
        }

    def _ripe(self, name: str, found: Order, frames: int) -> bool:
        return frames - self._since[name] >= found.after_frames

    def _read_orders(self, frames: int) -> None:
        try:
            names = [name for name in os.listdir(self._folder) if not name.startswith(".")]  # noqa: PTH208 - cheap
        except OSError:  # removed in the meantime: nothing is ordered
            names = []
        if not names and not self._orders:
            return
        read = {name: self._order_in(name) for name in sorted(names, key=_rank)}
        self._orders = {name: found for name, found in read.items() if found is not None}
        self._since = {name: self._since.get(name, frames) for name in self._orders}

    def _order_in(self, name: str, file: str = "") -> Order | None:
        """The order in a file, None for one that is gone or makes no sense, which is said once."""
        try:
            text = (self._folder / (file or name)).read_text()
            return order_of(name, json.loads(text or "{}"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError, Refused) as error:
            sentence = str(error) if isinstance(error, Refused) else f"fault {name}: can't be read: {error}"
            if sentence not in self._told:
                self._told.add(sentence)
                _log.warning("%s: ignored: %s", self._folder, sentence)
            return None

    def _claimed(self, name: str) -> Order | None:
        """Take the order's file away from everybody else; put it back with one time less if it had several."""
        claim = self._folder / f".{name}.{os.getpid()}"
        try:
            (self._folder / name).rename(claim)
        except FileNotFoundError:
            return None
        found = self._order_in(name, claim.name)
        if found is not None and found.times > 1:
            left = {**json.loads(claim.read_text()), "times": found.times - 1}
            write_atomic(claim, json.dumps(left).encode())
            with suppress(FileExistsError):  # ordered anew in the meantime: that counts
                os.link(claim, self._folder / name)
        claim.unlink(missing_ok=True)
        return found


def _rank(name: str) -> tuple[int, str]:
    """Two at once act in the order of the table, whatever the file system's order is."""
    return (list(FAULTS).index(name) if name in FAULTS else len(FAULTS), name)
