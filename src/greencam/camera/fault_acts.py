"""What a fault does to the process that it hits: each is the real thing, not an imitation of its symptoms."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import threading
from typing import NoReturn

from greencam.base.clock import Clock
from greencam.base.errors import CameraUnavailable

EXIT_SOFTWARE = 70  # EX_SOFTWARE of sysexits.h
_MUTEX_BYTES = 64  # pthread_mutex_t is 40 (x86-64) or 48 (AArch64); zeros are PTHREAD_MUTEX_INITIALIZER
# As in raspberrypi/picamera2#952; the numbers in brackets are libcamera's uptime and thread.
_LIBCAMERA_LINES = (
    "[0:05:43.417007419] [{pid}]  WARN V4L2 v4l2_videodevice.cpp:2007 /dev/video0[18:cap]: "
    "Dequeue timer of 1000000.00us has expired!\n"
    "[0:05:44.308115388] [{pid}] ERROR RPI pipeline_base.cpp:1374 Camera frontend has timed out!\n"
    "[0:05:44.308464398] [{pid}] ERROR RPI pipeline_base.cpp:1375 Please check that your camera sensor connector "
    "is attached securely.\n"
)


def hang() -> NoReturn:
    """Wait for ever for a lock of Python; other threads go on."""
    lock = threading.Lock()
    lock.acquire()
    while True:
        lock.acquire()


def hang_holding_the_gil() -> NoReturn:
    """Wait for ever inside a C call with the interpreter's lock held: no thread runs Python any more.

    A mutex and not pause(3), because a mutex is waited for again after a signal.
    """
    mutex = ctypes.create_string_buffer(_MUTEX_BYTES)
    lock = ctypes.PyDLL(None).pthread_mutex_lock
    while True:
        lock(mutex)


def crash() -> None:
    """Read the address 0: SIGSEGV. No core is dumped, it would hold the whole ring."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    ctypes.string_at(0)


def end() -> NoReturn:
    """End the process at once, as exit(3) in a library would."""
    os._exit(EXIT_SOFTWARE)


def kill() -> None:
    """SIGKILL this process."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop() -> None:
    """SIGSTOP this process; it goes on after SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def time_out(clock: Clock, timeout_s: float) -> NoReturn:
    """Deliver nothing for timeout_s and say so: CameraUnavailable, cause `timeout`."""
    clock.sleep(timeout_s)
    raise CameraUnavailable(f"no frame within {timeout_s:g} s", cause="timeout")


def starve(clock: Clock, timeout_s: float) -> NoReturn:
    """Say what libcamera says to the real stderr (descriptor 2), then deliver nothing, as `time_out`."""
    os.write(2, _LIBCAMERA_LINES.format(pid=os.getpid()).encode())
    time_out(clock, timeout_s)


def fail_on_the_bus() -> NoReturn:
    """CameraUnavailable, cause `io`, in the kernel's words for a sensor that does not answer on I2C."""
    raise CameraUnavailable(
        f"the sensor does not answer: {OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))}", cause="io"
    )


def read_for_ever(path: str) -> NoReturn:
    """Read a file that never answers; killed, this process stays in state D until its file system goes.

    Raises CameraUnavailable (`io`) when the file answers after all, or can't be opened.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(fd, 1)
        finally:
            os.close(fd)
    except OSError as error:
        raise CameraUnavailable(f"reading {path}: {error.strerror}", cause="io") from error
    raise CameraUnavailable(f"reading {path}: it answered with {len(data)} bytes", cause="io")
