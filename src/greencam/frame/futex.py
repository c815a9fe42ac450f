"""Waking readers of a shared word without a lock: the futex of Linux, short sleeps elsewhere.

futex(2). The call goes through ctypes, which gives up the interpreter lock while the kernel waits.
"""

from __future__ import annotations

import ctypes
import platform
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

_NUMBERS = {"x86_64": 202, "aarch64": 98, "riscv64": 98}
_FUTEX_WAIT, _FUTEX_WAKE = 0, 1  # not the private variants: readers are other processes
_EVERYBODY = 0x7FFFFFFF
_NUMBER = _NUMBERS.get(platform.machine()) if sys.platform == "linux" and sys.maxsize > 2**32 else None
_NAP_S = 0.001
_new_lock = threading.Lock
_syscall = ctypes.CDLL(None, use_errno=False).syscall
_syscall.restype = None
Limit = Any  # a timespec for the kernel, a number of seconds elsewhere


# Total store order: loads stay in order by themselves, stores too, except streaming ones such as a large copy's.
TSO = platform.machine() == "x86_64"


def barrier() -> None:
    """Order every memory access before this call before every one after it, as other cores see them.

    Releasing a lock is a store-release, acquiring one a load-acquire, and ARMv8 keeps the one before the other
    (Arm ARM B2.3, "barrier-ordered-before"); on x86-64 the locked instruction of one acquisition is a full fence
    already. Python offers no plainer one. A lock of its own for every call, so that no thread waits for another.
    """
    fence = _new_lock()
    fence.acquire()
    if not TSO:
        fence.release()
        fence.acquire()


def poll(address: int, seen: int, timeout_s: float) -> None:
    """What `wait` is where there is no futex: short sleeps until the word changes or about timeout_s are over."""
    word = ctypes.c_uint32.from_address(address)
    for _ in range(max(1, round(timeout_s / _NAP_S))):
        if word.value != seen:
            return
        time.sleep(min(_NAP_S, timeout_s))


def limit(timeout_s: float) -> Limit:
    """How long a wait may take, in the form that `Word.wait` wants; waits of equal length may share one."""
    if _NUMBER is None:
        return timeout_s
    return ctypes.byref((ctypes.c_int64 * 2)(int(timeout_s), int(timeout_s % 1 * 1e9)))  # struct timespec


class Word:
    """A shared 32-bit word that some wait for and others wake them by.

    `wait(seen, limit)` returns when somebody wakes, at once if the word is not `seen`, after the limit at the
    latest, and early for signals: the caller looks again. `wake()` wakes every process that waits. Both are laid
    out once: they are called for every frame by a process that has slept and finds nothing in its caches.
    """

    def __init__(self, address: int) -> None:
        """The word at `address`, which must stay mapped."""
        self.wait: Callable[[int, Limit], object] = partial(poll, address)
        self.wake: Callable[[], object] = partial(int, 0)  # nothing to do where readers poll
        if _NUMBER is not None:
            # Without argtypes, ctypes passes a Python int as a C int and a reference as it is; anything else would
            # be converted for every call. The kernel takes 32 bits of these ints, and these two operations do not
            # look at the last arguments of futex(2).
            at = ctypes.byref(ctypes.c_uint32.from_address(address))
            self.wait = partial(_syscall, _NUMBER, at, _FUTEX_WAIT)
            self.wake = partial(_syscall, _NUMBER, at, _FUTEX_WAKE, _EVERYBODY, None)
