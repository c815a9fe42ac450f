from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

import pytest

from greencam.frame import futex

Wait = Callable[[int, int, float], None]


def wait_by_word(address: int, seen: int, timeout_s: float) -> None:
    futex.Word(address).wait(seen, futex.limit(timeout_s))


@pytest.mark.parametrize("wait", [wait_by_word, futex.poll])
class TestBothWaysOfWaiting:
    def test_a_word_that_has_changed_already_is_not_waited_for(self, wait: Wait) -> None:
        word = ctypes.c_uint32(7)
        began_s = time.monotonic()
        wait(ctypes.addressof(word), 6, 30.0)
        assert time.monotonic() - began_s < 20

    def test_a_word_that_stays_is_waited_for_as_long_as_was_said(self, wait: Wait) -> None:
        word = ctypes.c_uint32(7)
        began_s = time.monotonic()
        wait(ctypes.addressof(word), 7, 0.2)
        assert time.monotonic() - began_s >= 0.15

    def test_a_change_ends_the_wait(self, wait: Wait) -> None:
        word = ctypes.c_uint32(7)
        address = ctypes.addressof(word)

        def change() -> None:
            word.value = 8
            futex.Word(address).wake()

        timer = threading.Timer(0.05, change)
        began_s = time.monotonic()
        timer.start()
        wait(address, 7, 30.0)
        timer.join()
        assert time.monotonic() - began_s < 20
