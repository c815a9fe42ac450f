"""rediss:// against a real server with a certificate of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from greencam.base.errors import BusUnavailable
from greencam.bus import channels, keys
from greencam.bus.frames import FrameReader, FrameWriter
from greencam.bus.link import RedisTarget, bus_errors, connect
from greencam.bus.spool import Entry
from greencam.settings.redis_address import check_url
from tests.making import CLOCK, entries
from tests.redis_processes import Access, Group, binary_with_tls, certificate_in
from tests.redis_topologies import ClusterSet, SentinelSet
from tests.suite import wait_until

SECRET = "s3cr3t-pass"  # noqa: S105 - the one that must never be shown


@dataclass(frozen=True)
class TlsServer:
    port: int
    certificate: Path

    def target(self, options: str, host: str = "127.0.0.1") -> RedisTarget:
        return RedisTarget(f"rediss://:{SECRET}@{host}:{self.port}/0{options}", timeout_s=5.0)

    @property
    def trusting(self) -> str:
        return f"?ssl_ca_certs={self.certificate}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    binary = binary_with_tls()
    certificate = certificate_in(tmp_path_factory.mktemp("tls"))
    group = Group()
    made = group.add({"requirepass": SECRET}, (), Access(password=SECRET, certificate=certificate), binary)
    made.start()
    try:
        wait_until(made.answers, 30)
        yield TlsServer(made.port, certificate.file)
    finally:
        group.stop()


@pytest.mark.parametrize("kind", [SentinelSet, ClusterSet])
def test_frames_and_channels_go_through_tls_to_sentinels_and_a_cluster(
    kind: Callable[..., SentinelSet | ClusterSet], tmp_path: Path
) -> None:
    binary_with_tls()
    several = kind(certificate=certificate_in(tmp_path))
    try:
        several.start()
        target = several.target(user="camera")
        assert target.url.startswith("rediss+")
        client = connect(target)
        reader = FrameReader(several.target(user="consumer"), "cam1", "a test")
        assert reader.read(0.01) == []
        FrameWriter(client, target, "cam1", 1 << 20).send(entries(1, 3), CLOCK)
        got = reader.read(1.0)
        assert [item.header.seq for item in got if isinstance(item, Entry)] == [1, 2, 3]
        listener = channels.Listener(client, target, keys.requests("cam1"))
        assert listener.heard() == []
        reader.show_interest(CLOCK)
        assert wait_until(listener.heard, 30) == [{"do": "look"}]
        for one in (listener, reader, client):
            one.close()
        blind = RedisTarget(target.url.partition("?")[0], timeout_s=10.0)  # for a handshake with each
        with pytest.raises(BusUnavailable, match="certificate"), bus_errors(blind):
            connect(blind).ping()
    finally:
        several.stop()


def test_frames_go_through_tls(server: TlsServer) -> None:
    target = server.target(server.trusting)
    assert check_url(target.url) == target.url, "the settings take this address"
    client = connect(target)
    reader = FrameReader(target, "cam1", "a test")
    assert reader.read(0.01) == []
    FrameWriter(client, target, "cam1", 1 << 20).send(entries(1, 3), CLOCK)
    got = reader.read(1.0)
    assert [item.header.seq for item in got if isinstance(item, Entry)] == [1, 2, 3]
    reader.close()
    client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_that_is_not_trusted_or_of_another_name_is_refused(server: TlsServer, host: str) -> None:
    # 127.0.0.1 is signed by nobody we know; localhost is trusted but not the name in the certificate.
    target = server.target("" if host == "127.0.0.1" else server.trusting, host)
    client = connect(target)
    with pytest.raises(BusUnavailable, match="certificate") as caught, bus_errors(target):
        client.ping()
    assert caught.value.cause == "refused"
    assert SECRET not in str(caught.value)
    client.close()


def test_without_tls_nobody_is_let_in(server: TlsServer) -> None:
    target = RedisTarget(f"redis://:{SECRET}@127.0.0.1:{server.port}", timeout_s=2.0)
    client = connect(target)
    with pytest.raises(BusUnavailable) as caught, bus_errors(target):
        client.ping()
    assert SECRET not in str(caught.value)
    client.close()
