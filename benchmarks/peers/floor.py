"""What any reader of the ring pays in this Python: a wait on the futex, one look at the cursor, a view made before.

No checks, so of no use for anything else. What the ring's own reader takes beyond this is our doing; what this
takes is the interpreter's, ctypes' and the kernel's.
"""

from __future__ import annotations

from benchmarks.peers import Place
from benchmarks.peers.ring import RingSender, open_ring
from greencam.frame import futex, ring_layout
from greencam.frame.picture import Pixels

_LOWER = 0xFFFFFFFF


class FloorReceiver:
    """Counts on by one per wait, whatever the slots hold."""

    def __init__(self, place: Place) -> None:
        ring = open_ring(place)
        shape = (place.height, place.width, 3)
        starts = (ring.layout.slot_at(number) + ring_layout.PAYLOAD_AT for number in range(place.slots))
        size = place.height * place.width * 3
        self._views = [ring.bytes[start : start + size].reshape(shape) for start in starts]
        self._cursor = ring.words[ring_layout.CURSOR_AT // 8 : ring_layout.CURSOR_AT // 8 + 1]
        self._position = ring_layout.cursor(1, 0)
        self._wait, self._ring = ring.futex.wait, ring
        self._limit_s, self._limit = 0.0, futex.limit(0.0)

    def receive(self, timeout_s: float) -> Pixels | None:
        """The next picture as a view of its slot."""
        if self._cursor[0] <= self._position:
            if timeout_s != self._limit_s:
                self._limit_s, self._limit = timeout_s, futex.limit(timeout_s)
            self._wait(self._position & _LOWER, self._limit)
            if self._cursor[0] <= self._position:
                return None
        self._position += 1
        return self._views[(self._position & ring_layout.SEQ_MASK) % len(self._views)]

    def confirm(self, number: int) -> bool:  # noqa: ARG002 - nothing is checked, that is the point
        """Nothing."""
        return True

    def close(self) -> None:
        """Nothing to let go of."""


def make_sender(place: Place) -> RingSender:
    """The producing end: the same writer as the ring's."""
    return RingSender(place)


def make_receiver(place: Place) -> FloorReceiver:
    """A consuming end."""
    return FloorReceiver(place)
