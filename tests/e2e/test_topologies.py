"""Capture and consumers over Sentinel, over a Cluster, and over TLS as users that may do nothing else."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis as library

from greencam.apps.redis_users import main as redis_users
from greencam.bus import beats, keys
from greencam.bus.link import RedisTarget, connect
from greencam.client import Feed
from greencam.client.places import Places
from greencam.frame import counter
from tests.e2e.conftest import await_log
from tests.ports import free_ports
from tests.redis_processes import PASSWORDS, binary_with_tls, certificate_in
from tests.redis_topologies import ClusterSet, SentinelSet, owner
from tests.suite import CHECKOUT, Suite, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]  # a bound against a hang only: a loaded machine is slow


def right_frames(feed: Feed, count: int) -> list[tuple[int, int]]:
    """(epoch, seq) of so many frames, whose pictures were held against their numbers."""
    found = []
    for _ in range(count):
        frame = feed.next_frame(30.0)
        assert frame is not None, feed.trouble
        assert counter.read(frame.copy()) == frame.header.seq
        found.append((frame.header.epoch, frame.header.seq))
    return found


def test_frames_flow_again_by_themselves_after_a_fail_over(suite: Suite, several: SentinelSet | ClusterSet) -> None:
    target = several.target(user="consumer")
    suite.environment["GREENCAM_REDIS_URL"] = several.url("api")
    for role in ("camera", "viewer"):
        suite.environment[f"GREENCAM_REDIS_ROLE_PASSWORDS__{role}"] = PASSWORDS[role]
    capture = suite.start("cam1_stream.py", "--camera", "cam1")
    viewer = suite.start("client.py", "--transport", "redis", "--stats", "--json")
    with Feed("cam1", transport="redis", places=Places(suite.runtime, target, ("cam1",))) as feed:
        before = right_frames(feed, 30)
        watched = frames_at(viewer, more_than=0)
        old = owner(several)
        old.kill()
        after = right_frames(feed, 60)
        several.await_successor(old)
        client = connect(target)
        facts: dict[str, Any] = wait_until(lambda: beats.read(client, target, keys.beat("cam1")), 30)
        assert facts["redis"] is True
        client.close()
    everything = before + after
    assert everything == sorted(set(everything)), "in order, none twice"
    frames_at(viewer, more_than=watched + 60)
    code, output = suite.finish(capture)
    assert code == 0
    assert output.count("connected to redis+") == 2, output


def frames_at(viewer: subprocess.Popen[str], *, more_than: int) -> int:
    """How many frames a viewer has had, as soon as its line of figures tells of more than that."""
    assert viewer.stdout is not None
    for line in viewer.stdout:
        if line.startswith("{") and (frames := int(json.loads(line)["frames"])) > more_than:
            return frames
    raise AssertionError("the viewer has ended")


@dataclass(frozen=True)
class SafeServer:
    """Redis as deploy/redis sets it up, with TLS; `roles` is what greencam's machines get."""

    port: int
    certificate: Path
    roles: dict[str, str]
    owner_password: str

    @property
    def url(self) -> str:
        return f"rediss://127.0.0.1:{self.port}?ssl_ca_certs={self.certificate}"

    def denied(self) -> list[Any]:
        """What the server refused to whom since it started."""
        client = library.Redis(
            host="127.0.0.1", port=self.port, ssl=True, ssl_ca_certs=str(self.certificate), username="owner",
            password=self.owner_password,
        )  # fmt: skip
        log: list[Any] = client.acl_log()
        client.close()
        return log


@pytest.fixture
def safe(short_folder: Path) -> Iterator[SafeServer]:
    binary, certificate = binary_with_tls(), certificate_in(short_folder)
    assert redis_users([str(short_folder / "users")]) == 0
    port = free_ports(1)[0]
    here = {
        "port": "0", "tls-port": str(port), **certificate.options, "unixsocket": str(short_folder / "s"),
        "aclfile": str(short_folder / "users/greencam.acl"), "dir": str(short_folder), "logfile": "log",
    }  # fmt: skip
    words = [word for name, value in here.items() for word in (f"--{name}", value)]
    process = subprocess.Popen([binary, str(CHECKOUT / "deploy/redis/greencam.conf"), *words])
    try:
        wait_until(lambda: listening(port), 30)
        yield SafeServer(
            port,
            certificate.file,
            values(short_folder / "users/greencam.env"),
            values(short_folder / "users/server.env")["OWNER_PASSWORD"],
        )
    finally:
        process.kill()
        process.wait()


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", maxsplit=1) for line in path.read_text().splitlines())


def test_the_whole_suite_runs_over_tls_as_users_that_may_do_nothing_else(suite: Suite, safe: SafeServer) -> None:
    suite.environment |= {"GREENCAM_REDIS_URL": safe.url, **safe.roles}
    start = suite.start("start.py")
    wait_until(lambda: suite.status()["cameras"][0]["state"] == "streaming", 60)
    wait_until(lambda: suite.status()["redis_connected"] is True)
    watched = suite.run("client.py", "--transport", "redis", "--count", "40", "--json")
    assert (watched.returncode, json.loads(watched.stdout.splitlines()[-1])["missed"]) == (0, 0), watched.stderr
    stored = suite.run("client.py", "--transport", "redis", "--save", "kept", "--all", "--count", "20")
    assert stored.returncode == 0, stored.stderr
    code, output = suite.finish(start)
    assert code == 0, output
    assert safe.denied() == []
    assert not any(password in output for password in safe.roles.values())


def test_a_machine_without_a_password_is_told_and_streams_on(suite: Suite, safe: SafeServer) -> None:
    suite.environment |= {"GREENCAM_REDIS_URL": safe.url}
    capture = suite.start("cam1_stream.py", "--camera", "cam1")
    nowhere = RedisTarget(f"unix://{suite.runtime}/redis.sock")
    with Feed("cam1", transport="ring", places=Places(suite.runtime, nowhere, ("cam1",))) as feed:
        right_frames(feed, 30)
        await_log(suite, "refuses our user or password; check REDIS_URL")
        right_frames(feed, 1)
    _, output = suite.finish(capture)
    assert "refuses our user or password; check REDIS_URL" in output
