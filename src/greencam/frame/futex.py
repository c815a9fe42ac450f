"""Waking readers of a shared word without a lock: the futex of Linux, short sleeps elsewhere.

futex(2). The call goes through ctypes, which gives up the interpreter lock while the kernel waits.
"""

from __future__ import annotations

import ctypes
import platform
import sys
import threading
import time

_NUMBERS = {"x86_64": 202, "aarch64": 98, "riscv64": 98}
_FUTEX_WAIT, _FUTEX_WAKE = 0, 1  # not the private variants: readers are other processes
_EVERYBODY = 0x7FFFFFFF
_NUMBER = _NUMBERS.get(platform.machine()) if sys.platform == "linux" and sys.maxsize > 2**32 else None
_NAP_S = 0.001


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_int64))


# Total store order: loads stay in order by themselves, stores too, except streaming ones such as a large copy's.
TSO = platform.machine() == "x86_64"


def barrier() -> None:
    """Order every memory access before this call before every one after it, as other cores see them.

    Releasing a lock is a store-release, acquiring one a load-acquire, and ARMv8 keeps the one before the other
    (Arm ARM B2.3, "barrier-ordered-before"); on x86-64 the locked instruction of one acquisition is a full fence
    already. Python offers no plainer one. A lock of its own for every call, so that no thread waits for another.
    """
    fence = threading.Lock()
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


if _NUMBER is None:

    def wake(address: int) -> None:
        """Nothing to do where readers poll."""

    def wait(address: int, seen: int, timeout_s: float) -> None:
        """Look at the 32-bit word at `address` every millisecond until it is not `seen`, for timeout_s at most."""
        poll(address, seen, timeout_s)

else:
    _syscall = ctypes.CDLL(None, use_errno=False).syscall
    # The last two arguments of futex(2) are not looked at by the two operations used here.
    _syscall.argtypes = (ctypes.c_long, ctypes.c_void_p, ctypes.c_long, ctypes.c_long, ctypes.c_void_p)

    # Timeouts are few and come again and again; one made for every frame would cost more than the call.
    _limits: dict[float, tuple[int, _Timespec]] = {}

    def _limit(timeout_s: float) -> tuple[int, _Timespec]:
        if len(_limits) >= 64:
            _limits.clear()
        made = _Timespec(int(timeout_s), int(timeout_s % 1 * 1e9))
        return _limits.setdefault(timeout_s, (ctypes.addressof(made), made))

    def wake(address: int) -> None:
        """Wake every process that waits for the 32-bit word at `address` to change."""
        _syscall(_NUMBER, address, _FUTEX_WAKE, _EVERYBODY, None)

    def wait(address: int, seen: int, timeout_s: float) -> None:
        """Wait until somebody wakes the 32-bit word at `address`, unless it is not `seen` any more.

        Returns after timeout_s seconds at the latest, and early for signals: the caller looks again.
        """
        limit = _limits.get(timeout_s) or _limit(timeout_s)
        _syscall(_NUMBER, address, _FUTEX_WAIT, seen, limit[0])
