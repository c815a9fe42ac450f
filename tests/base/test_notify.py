from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from greencam.base.notify import Notifier, NullNotifier, SystemdNotifier, notifier_for
from tests.fake_clock import FakeClock


class Listener:
    """What systemd has: a datagram socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)

    def messages(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@greencam-test-{uuid.uuid4().hex}"
    made = Listener(address)
    yield made
    made.close()


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(str(tmp_path / "notify"))
    yield made
    made.close()


def test_each_word_is_the_one_of_sd_notify(listener: Listener) -> None:
    told: Notifier = SystemdNotifier(listener.address, FakeClock(12.5))
    told.ready()
    told.alive()
    told.status("3 of 3 cameras stream")
    told.reloading()
    told.ready()
    told.stopping()
    assert listener.messages() == [
        "READY=1",
        "WATCHDOG=1",
        "STATUS=3 of 3 cameras stream",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "READY=1",
        "STOPPING=1",
    ]


def test_a_status_is_one_line_and_can_not_smuggle_in_another_word(one: Listener) -> None:
    SystemdNotifier(one.address, FakeClock()).status("fine\nSTOPPING=1 " + "x" * 5000)
    (message,) = one.messages()
    assert "\n" not in message
    assert len(message) < 500


def test_without_a_listener_nothing_is_raised_and_it_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = SystemdNotifier(str(tmp_path / "absent"), FakeClock())
    with caplog.at_level(logging.WARNING):
        told.ready()
        told.alive()
        told.stopping()
    assert len(caplog.records) == 1
    assert "can't tell systemd" in caplog.text
    SystemdNotifier("/with\0nul", FakeClock()).ready()
    SystemdNotifier("/" + "x" * 300, FakeClock()).ready()


def test_a_state_that_did_not_get_through_goes_along_with_the_next_message(tmp_path: Path) -> None:
    told = SystemdNotifier(str(tmp_path / "notify"), FakeClock())
    told.ready()
    listener = Listener(str(tmp_path / "notify"))
    told.alive()
    told.alive()
    assert listener.messages() == ["READY=1\nWATCHDOG=1", "WATCHDOG=1"]
    listener.close()


def test_a_listener_that_reads_nothing_does_not_hold_us_up(one: Listener) -> None:
    told = SystemdNotifier(one.address, FakeClock())
    for _ in range(2000):  # more than a unix socket's queue takes (net.unix.max_dgram_qlen)
        told.alive()
    told.stopping()
    kept = one.messages()
    assert 0 < len(kept) < 2000
    told.alive()
    assert one.messages() == ["STOPPING=1\nWATCHDOG=1"]


@pytest.mark.parametrize(
    ("usec", "pid", "period_s"),
    [
        ("20000000", "", 20.0),
        pytest.param("20000000", str(os.getpid()), 20.0, id="ours"),  # the same name in every test process
        ("20000000", "1", None),
        ("0", "", None),
        ("", "", None),
        ("-5", "", None),
        ("soon", "", None),
        ("9" * 400, "", None),
        ("٣", "", None),
    ],
)
def test_a_watchdog_is_honoured_when_it_is_ours(one: Listener, usec: str, pid: str, period_s: float | None) -> None:
    environment = {"NOTIFY_SOCKET": one.address, "WATCHDOG_USEC": usec, "WATCHDOG_PID": pid, "HOME": "/"}
    told = notifier_for(environment, FakeClock())
    assert isinstance(told, SystemdNotifier)
    assert told.watchdog_period_s == period_s
    assert environment == {"HOME": "/"}, "a child would speak in our name"


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative/path"])
def test_without_a_socket_that_can_be_reached_nobody_is_told(address: str) -> None:
    told = notifier_for({"NOTIFY_SOCKET": address} if address else {}, FakeClock())
    assert isinstance(told, NullNotifier)
    assert told.watchdog_period_s is None
    for say in (told.ready, told.alive, told.stopping, told.reloading):
        say()
    told.status("nobody listens")
