from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import Broken
from greencam.capture.pipe import Pipe

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
messages = st.lists(st.dictionaries(st.text(max_size=10), plain, max_size=4), max_size=10)


def ends() -> tuple[Pipe, socket.socket]:
    ours, theirs = socket.socketpair()
    return Pipe(ours), theirs


@given(messages)
def test_what_is_sent_is_received(sent: list[dict[str, Any]]) -> None:
    one, raw = ends()
    other = Pipe(raw)
    assert all(one.send(message) for message in sent)
    one.close()
    got: list[dict[str, Any]] = []
    while not other.closed:
        got += other.receive(1.0)
    assert got == sent
    other.close()


@given(messages, st.data())
def test_messages_that_come_in_pieces_come_out_whole(sent: list[dict[str, Any]], data: st.DataObject) -> None:
    stream = b"".join(json.dumps(message).encode() + b"\n" for message in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pipe, raw = ends()
    got: list[dict[str, Any]] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        raw.sendall(stream[start:end])
        got += pipe.receive()
    assert got == sent
    raw.close()
    pipe.close()


def test_nothing_there_is_nothing_received() -> None:
    pipe, raw = ends()
    assert pipe.receive() == []
    raw.sendall(b'{"half": ')
    assert pipe.receive() == []
    assert not pipe.closed
    raw.sendall(b"1}\n")
    assert pipe.receive() == [{"half": 1}]
    raw.close()
    pipe.close()


def test_it_waits_no_longer_than_until_a_message_comes() -> None:
    pipe, raw = ends()
    timer = threading.Timer(0.1, raw.sendall, (b'{"late": true}\n',))
    timer.start()
    began = time.monotonic()
    assert pipe.receive(30.0) == [{"late": True}]
    assert time.monotonic() - began < 25
    timer.join()
    raw.close()
    pipe.close()


@pytest.mark.parametrize("noise", [b"noise\n", b"[1]\n", b"\n", b"\xff\xfe\n", b"null\n", b"[" * 100_000 + b"\n"])
def test_what_is_no_message_of_ours_is_broken(noise: bytes) -> None:
    pipe, raw = ends()
    raw.sendall(noise)
    with pytest.raises(Broken, match="something that is not a message") as caught:  # noqa: PT012
        while not pipe.closed:
            pipe.receive(1.0)
    assert caught.value.cause == "pipe"
    raw.close()
    pipe.close()


def test_a_message_without_end_is_cut_off() -> None:
    pipe, raw = ends()
    feeder = threading.Thread(target=raw.sendall, args=(b"x" * (17 << 16),))
    feeder.start()
    with pytest.raises(Broken, match="over 1 MiB"):  # noqa: PT012
        while not pipe.closed:
            pipe.receive(5.0)
    feeder.join()
    raw.close()
    pipe.close()


def test_the_end_of_the_other_side_is_noticed_after_its_last_words() -> None:
    pipe, raw = ends()
    raw.sendall(b'{"last": "words"}\n')
    raw.close()
    assert (pipe.receive(1.0), pipe.closed) == ([{"last": "words"}], False)
    assert (pipe.receive(1.0), pipe.closed) == ([], True)
    assert pipe.receive(1.0) == []
    assert pipe.send({"anybody": "there"}) is False
    pipe.close()
    assert pipe.fileno() == -1


def test_to_send_to_nobody_is_false_and_no_error() -> None:
    pipe, raw = ends()
    raw.close()
    assert pipe.send({"anybody": "there"}) is False
    assert pipe.closed
    pipe.close()


def test_a_reader_that_never_reads_holds_nobody_up_for_long() -> None:
    pipe, raw = ends()
    began = time.monotonic()
    while pipe.send({"text": "x" * 100_000}):
        assert time.monotonic() - began < 60
    assert pipe.closed
    raw.close()
    pipe.close()


def test_an_end_that_was_passed_on_as_a_descriptor() -> None:
    ours, theirs = socket.socketpair()
    pipe = Pipe.from_fd(theirs.detach())
    assert pipe.send({"a": 1})
    assert ours.recv(100) == b'{"a": 1}\n'
    pipe.close()
    ours.close()
