"""iceoryx2 as well as its Python binding allows: loaned samples filled in place, consumers that block on its event.

Nothing is lost: the queue of a subscriber is as long as the ring and the publisher waits for the slowest one.
A consumer sleeps in `Listener.timed_wait`, the blocking wait on one event; a WaitSet would do the same with
one more call.
"""

from __future__ import annotations

import ctypes
from typing import Any

import iceoryx2 as iox
import numpy as np

from benchmarks.peers import Place
from greencam.frame.picture import Pixels

_CONSUMERS = 8


class _Views:
    """Shared memory as arrays, made once per address: samples come back at the same ones."""

    def __init__(self, place: Place) -> None:
        self._shape = (place.height, place.width, 3)
        self._known: dict[int, Pixels] = {}

    def at(self, address: int) -> Pixels:
        """The picture at this address, without copying."""
        found = self._known.get(address)
        if found is None:
            size = self._shape[0] * self._shape[1] * self._shape[2]
            found = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address)).reshape(self._shape)
            self._known[address] = found
        return found


def _services(place: Place) -> tuple[Any, Any, Any]:
    """The node, the service that carries pictures and the one that wakes."""
    iox.set_log_level(iox.LogLevel.Error)
    node = iox.NodeBuilder.new().create(iox.ServiceType.Ipc)
    name = iox.ServiceName.new(place.name)
    pictures = (
        node.service_builder(name)
        .publish_subscribe(iox.Slice[ctypes.c_uint8])
        .max_publishers(1)
        .max_subscribers(_CONSUMERS)
        .subscriber_max_buffer_size(place.slots)
        .subscriber_max_borrowed_samples(2)
        .history_size(0)
        .enable_safe_overflow(False)
        .open_or_create()
    )
    wakes = node.service_builder(name).event().max_notifiers(1).max_listeners(_CONSUMERS).open_or_create()
    return node, pictures, wakes


class IceoryxSender:
    """One publisher and one notifier."""

    def __init__(self, place: Place) -> None:
        self._node, pictures, wakes = _services(place)
        self._size_bytes = place.width * place.height * 3
        builder = pictures.publisher_builder().initial_max_slice_len(self._size_bytes).max_loaned_samples(1)
        self._publisher = builder.backpressure_strategy(iox.BackpressureStrategy.RetryUntilDelivered).create()
        self._notifier = wakes.notifier_builder().create()
        self._views = _Views(place)

    def send(self, pixels: Pixels) -> None:
        """Loan a sample, copy the picture into it, send it and wake everybody."""
        sample = self._publisher.loan_slice_uninit(self._size_bytes)
        self._views.at(sample.payload_ptr)[...] = pixels
        sample.assume_init().send()
        self._notifier.notify()

    def close(self) -> None:
        """Give the ports back."""
        self._publisher.delete()
        self._notifier.delete()


class IceoryxReceiver:
    """One subscriber and one listener."""

    def __init__(self, place: Place) -> None:
        self._node, pictures, wakes = _services(place)
        self._subscriber = pictures.subscriber_builder().buffer_size(place.slots).create()
        self._listener = wakes.listener_builder().create()
        self._views = _Views(place)
        self._sample: Any = None
        self._limit_s, self._limit = 0.0, iox.Duration.from_millis(1)

    def receive(self, timeout_s: float) -> Pixels | None:
        """The next sample's memory, after a wait for the event when there is none yet."""
        sample = self._subscriber.receive()
        if sample is None:
            if timeout_s != self._limit_s:
                self._limit_s, self._limit = timeout_s, iox.Duration.from_millis(int(timeout_s * 1000))
            self._listener.timed_wait(self._limit)
            sample = self._subscriber.receive()
            if sample is None:
                return None
        self._sample = sample
        return self._views.at(sample.payload_ptr)

    def confirm(self, number: int) -> bool:  # noqa: ARG002 - a borrowed sample can't change
        """Give the sample back."""
        self._sample.delete()
        self._sample = None
        return True

    def close(self) -> None:
        """Give the ports back."""
        self._subscriber.delete()
        self._listener.delete()


def make_sender(place: Place) -> IceoryxSender:
    """The producing end."""
    return IceoryxSender(place)


def make_receiver(place: Place) -> IceoryxReceiver:
    """A consuming end."""
    return IceoryxReceiver(place)
