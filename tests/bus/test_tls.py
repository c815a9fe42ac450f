"""rediss:// against a real server with a certificate of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from greencam.base.errors import BusUnavailable
from greencam.bus.frames import FrameReader, FrameWriter
from greencam.bus.link import RedisTarget, bus_errors, connect
from greencam.bus.spool import Entry
from greencam.settings.redis_address import check_url
from tests.making import CLOCK, entries
from tests.suite import wait_until

SECRET = "s3cr3t-pass"  # noqa: S105 - the one that must never be shown


@dataclass(frozen=True)
class TlsServer:
    port: int
    certificate: Path
    log: Path

    def target(self, options: str, host: str = "127.0.0.1") -> RedisTarget:
        return RedisTarget(f"rediss://:{SECRET}@{host}:{self.port}/0{options}", timeout_s=5.0)

    @property
    def trusting(self) -> str:
        return f"?ssl_ca_certs={self.certificate}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    binary, openssl = shutil.which("redis-server"), shutil.which("openssl")
    if binary is None or openssl is None:
        pytest.skip("Debian's redis-server or openssl is not installed: sudo scripts/debian-test-packages")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate, log = folder / "key.pem", folder / "cert.pem", folder / "log"
    subject = ["-subj", "/CN=greencam test", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    made = [openssl, "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "port": "0",
        "tls-port": str(port),
        "tls-cert-file": str(certificate),
        "tls-key-file": str(key),
        "tls-auth-clients": "no",
        "bind": "127.0.0.1",
        "requirepass": SECRET,
        "save": "",
        "dir": str(folder),
        "logfile": str(log),
    }
    process = subprocess.Popen(
        [binary, *(word for name, value in options.items() for word in (f"--{name}", value))]
    )
    try:
        wait_until(lambda: process.poll() is not None or listening(port), 10)
        if process.poll() is not None:
            pytest.skip(f"this redis-server is built without TLS: {log.read_text()[-300:] if log.exists() else ''}")
        yield TlsServer(port, certificate, log)
    finally:
        process.kill()
        process.wait()


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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
