"""Processes of redis-server and valkey-server that a test may kill, stop and start again; with users and TLS."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from greencam.bus.roles import OWNER, USERS, acl_file
from greencam.supervise import redis_server
from tests.ports import free_ports

Options = dict[str, str]
PASSWORDS = {user.name: f"{user.name}-pass" for user in USERS}


@dataclass(frozen=True)
class Certificate:
    """Files of a certificate that is its own authority, for 127.0.0.1 only."""

    key: Path
    file: Path

    @property
    def options(self) -> Options:
        """What a server is told that has it."""
        files = {"tls-cert-file": self.file, "tls-key-file": self.key, "tls-ca-cert-file": self.file}
        return {**{name: str(path) for name, path in files.items()}, "tls-auth-clients": "no"}


def certificate_in(folder: Path) -> Certificate:
    """A new one; skips the test where openssl is not installed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: sudo scripts/debian-test-packages")
    made = Certificate(folder / "key.pem", folder / "cert.pem")
    subject = ["-subj", "/CN=greencam test", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    words = [openssl, "req", "-x509", *kind, *subject, "-keyout", str(made.key), "-out", str(made.file)]
    subprocess.run(words, check=True, capture_output=True)
    return made


def binary_with_tls() -> str:
    """Debian's redis-server; skips the test without one, because the embedded server has no TLS."""
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("Debian's redis-server is not installed: sudo scripts/debian-test-packages")
    if "tls" not in subprocess.run(["ldd", found], capture_output=True, text=True).stdout.replace("ssl", "tls"):
        pytest.skip("this redis-server is built without TLS")
    return found


@dataclass(frozen=True)
class Access:
    """How a server is asked: as whom, and over TLS with this certificate."""

    user: str | None = None
    password: str | None = None
    certificate: Certificate | None = None


def as_user(name: str, certificate: Certificate | None = None) -> Access:
    """One of greencam's users, with the password that it has in tests."""
    return Access(name, PASSWORDS[name], certificate)


def usual_binary() -> str:
    """Debian's redis-server where it is installed, else the embedded server; both can take every part."""
    return shutil.which("redis-server") or redis_server.server_binary()


class Server:
    """One process at a port of loopback; `access` is how tests ask it, and whether the port is one with TLS."""

    def __init__(
        self, folder: Path, options: Options, mode: Sequence[str] = (), access: Access = Access(), binary: str = ""
    ) -> None:
        self.port = free_ports(1)[0]
        self.binary = binary or usual_binary()
        self.access = access
        self._folder = folder / str(self.port)
        self._folder.mkdir()
        basic = {"dir": str(self._folder), "bind": "127.0.0.1", "logfile": "log", "save": ""}
        self._options = {**basic, **self._ports(), **options}
        self._mode = list(mode)
        self.process: subprocess.Popen[bytes] | None = None

    def _ports(self) -> Options:
        if self.access.certificate is None:
            return {"port": str(self.port)}
        return {"port": "0", "tls-port": str(self.port), **self.access.certificate.options}

    def start(self) -> None:
        """Start, or start again with what it left in its folder."""
        config = self._folder / "server.conf"
        if not config.exists():
            lines = [f"{name} {value}" if value else f'{name} ""' for name, value in self._options.items()]
            config.write_text("\n".join(lines) + "\n")
        self.process = subprocess.Popen([self.binary, str(config), *self._mode], stdout=subprocess.DEVNULL)

    def ask(self, *words: Any, access: Access | None = None) -> Any:
        """What it answers to a command, as bytes and lists; raises what redis-py raises."""
        how = access or self.access
        tls = {"ssl": True, "ssl_ca_certs": str(how.certificate.file)} if how.certificate else {}
        client = redis.Redis(
            host="127.0.0.1", port=self.port, username=how.user, password=how.password, socket_timeout=10.0,
            protocol=2, retry=Retry(NoBackoff(), 0), **tls,  # type: ignore[arg-type]
        )  # fmt: skip
        client.response_callbacks.clear()
        try:
            return client.execute_command(*words)  # type: ignore[no-untyped-call]
        finally:
            client.close()

    def answers(self, access: Access | None = None) -> bool:
        """Whether it serves."""
        try:
            return bool(self.ask("PING", access=access))
        except redis.RedisError:
            return False

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP and SIGCONT play the server that hangs."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As kill -9 does, also when it is stopped."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Group:
    """Servers in one folder in memory, stopped together."""

    def __init__(self) -> None:
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="gc-", dir=base))
        self.servers: list[Server] = []

    def users(self) -> Options:
        """What a server is told that takes greencam's users only, and follows its master as one of them."""
        file = self.folder / "users.acl"
        if not file.exists():
            file.write_text(acl_file(PASSWORDS))
        return {"aclfile": str(file), "masteruser": "replica", "masterauth": PASSWORDS["replica"]}

    def add(
        self, options: Options, mode: Sequence[str] = (), access: Access = Access(), binary: str = ""
    ) -> Server:
        """One more server, not started yet."""
        made = Server(self.folder, options, mode, access, binary)
        self.servers.append(made)
        return made

    def stop(self) -> None:
        """Kill what runs, remove the folder."""
        for server in self.servers:
            server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def owner_of(certificate: Certificate | None) -> Access:
    """The user that tests look into servers as."""
    return as_user(OWNER.name, certificate)
