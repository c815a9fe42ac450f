"""Every role may do its work and nothing else: asked of real servers, whose word on that is the only one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as library

from greencam.bus import keys, roles
from greencam.bus.roles import API, CAMERA, CONSUMER, ROLES, VIEWER, Role, acl_file
from greencam.supervise import redis_server
from tests.ports import free_ports
from tests.redis_processes import PASSWORDS, Access, Group, Server, as_user
from tests.suite import CHECKOUT, wait_until

FRAMES, BEAT, WANTED = keys.frames("cam1"), keys.beat("cam1"), keys.interest("cam1")
ACKS, GAPS, DURABLE = keys.acks("cam1"), keys.gaps("cam1"), keys.durable("cam1")
CONTROL, STATE, REQUESTS = keys.control("cam1"), keys.state("cam1"), keys.requests("cam1")


@pytest.fixture(scope="module", params=["debian", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    binary = shutil.which("redis-server") if request.param == "debian" else redis_server.server_binary()
    if binary is None:
        pytest.skip("Debian's redis-server is not installed: sudo scripts/debian-test-packages")
    group = Group()
    made = group.add(group.users(), access=as_user("owner"), binary=binary)
    made.start()
    try:
        wait_until(made.answers, 30)
        yield made
    finally:
        group.stop()


def may(server: Server, user: Role, *words: str) -> bool:
    """What the server says that it would answer, without doing it."""
    answer = server.ask("ACL", "DRYRUN", user.name, *words)
    assert answer is not None
    return bool(answer == b"OK")


def may_run(server: Server, user: Role, name: str) -> bool:
    """Whether the user may give this command at all, whatever the keys."""
    known = server.ask("COMMAND", "INFO", name)[0]
    words = name.split("|")
    words += ["x"] * (abs(known[1]) - len(words))
    return b"has no permissions to run" not in server.ask("ACL", "DRYRUN", user.name, *words)


LOOKS = [
    ("PING",), ("INFO", "server"), ("SELECT", "1"), ("EXISTS", WANTED), ("GET", BEAT), ("MULTI",), ("EXEC",),
    ("XINFO", "STREAM", FRAMES), ("CLUSTER", "SLOTS"), ("CLUSTER", "INFO"), ("ASKING",),
    ("PUBLISH", REQUESTS, "{}"), ("SPUBLISH", REQUESTS, "{}"), ("SUBSCRIBE", STATE), ("SSUBSCRIBE", STATE),
    ("SET", WANTED, "me", "EX", "3"),
]  # fmt: skip
READS = [
    ("XREAD", "COUNT", "1", "STREAMS", FRAMES, "0"), ("XRANGE", FRAMES, "-", "+"), ("XREVRANGE", FRAMES, "+", "-"),
    ("XLEN", FRAMES), ("HGETALL", ACKS), ("HGET", ACKS, "a"), ("HLEN", ACKS),
]  # fmt: skip
WRITES = [
    ("XADD", FRAMES, "MAXLEN", "8", "1-1", "h", "x"), ("XTRIM", FRAMES, "MINID", "1-1"), ("DEL", FRAMES),
    ("SET", BEAT, "{}", "EX", "5"), ("WATCH", FRAMES), ("HSET", ACKS, "a", "b"), ("HDEL", ACKS, "a"),
]  # fmt: skip
GROUPS = [
    ("XREADGROUP", "GROUP", "g", "c", "STREAMS", FRAMES, ">"), ("XGROUP", "CREATE", FRAMES, "g", "$", "MKSTREAM"),
    ("XACK", DURABLE, "g", "1-1"), ("XAUTOCLAIM", FRAMES, "g", "c", "0", "0"), ("XPENDING", FRAMES, "g"),
    ("HSET", ACKS, "a", "b"),
]  # fmt: skip
COMMANDS = [
    ("PUBLISH", CONTROL, "{}"), ("SPUBLISH", CONTROL, "{}"), ("SUBSCRIBE", CONTROL), ("SSUBSCRIBE", CONTROL),
    ("PUBLISH", keys.GENERAL_CONTROL, "{}"), ("SUBSCRIBE", keys.GENERAL_CONTROL),
]  # fmt: skip


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_role_may_do_its_work(server: Server, role: Role) -> None:
    commands = {CAMERA: COMMANDS + WRITES, API: COMMANDS}.get(role, [])
    work = commands + {CAMERA: READS[1:], CONSUMER: READS + GROUPS, VIEWER: READS, API: READS}[role]
    assert [words for words in LOOKS + work if not may(server, role, *words)] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_role_may_do_more(server: Server, role: Role) -> None:
    forbidden = {
        CAMERA: READS[:1] + GROUPS[:5],
        CONSUMER: [
            *COMMANDS,
            ("PUBLISH", STATE, "{}"),
            *WRITES[:4],
            ("SET", FRAMES, "x"),
            ("SET", ACKS, "x"),
            ("DEL", ACKS),
            ("HSET", GAPS, "a", "b"),
            ("HSET", BEAT, "a", "b"),
            ("XGROUP", "CREATE", BEAT, "g", "$", "MKSTREAM"),
        ],
        VIEWER: COMMANDS
        + WRITES[:4]
        + WRITES[5:]
        + GROUPS[:4]
        + GROUPS[5:]
        + [("SET", FRAMES, "x"), ("PUBLISH", STATE, "{}")],
        API: WRITES[:4] + WRITES[5:] + GROUPS[:4] + GROUPS[5:] + [("SET", FRAMES, "x")],
    }[role]
    foreign = [
        ("GET", "other"), ("SET", "other", "x"), ("XADD", "other", "1-1", "a", "b"), ("PUBLISH", "other", "x"),
        ("SUBSCRIBE", "other"), ("SSUBSCRIBE", "other"), ("PSUBSCRIBE", "*"), ("GET", "greencam:{cam1"),
        ("SET", f"{WANTED}:more", "x") if role is not CAMERA else ("SET", "wanted", "x"),
    ]  # fmt: skip
    assert [words for words in forbidden + foreign if may(server, role, *words)] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_role_has_a_dangerous_command_but_info_nor_scripts(server: Server, role: Role) -> None:
    categories = ("dangerous", "scripting", "admin")
    names = {name.decode() for one in categories for name in server.ask("ACL", "CAT", one)}
    assert len(names) > 50
    assert {name for name in names if may_run(server, role, name)} == {"info"}
    for words in (
        ("KEYS", "*"), ("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "GET", "*"), ("CONFIG", "SET", "maxmemory", "1"),
        ("EVAL", "return 1", "0"), ("SCRIPT", "LOAD", "x"), ("DEBUG", "SLEEP", "1"), ("SHUTDOWN",), ("ACL", "LIST"),
        ("MODULE", "LIST"), ("CLIENT", "KILL", "ID", "1"), ("SCAN", "0"), ("REPLICAOF", "a", "1"), ("MONITOR",),
        ("CLUSTER", "RESET"), ("MIGRATE", "h", "1", "k", "0", "1"), ("RESTORE", "k", "0", "x"),
    ):  # fmt: skip
        assert not may(server, role, *words), words


def test_nobody_comes_in_without_a_password_and_the_owner_may_do_everything(server: Server) -> None:
    wrong = PASSWORDS["owner"]
    for access in (Access(), Access(None, wrong), Access("camera", wrong), Access("x", wrong)):
        with pytest.raises(library.AuthenticationError):
            server.ask("PING", access=access)
    assert server.ask("CONFIG", "GET", "maxmemory")
    assert server.ask("ACL", "WHOAMI") == b"owner"


def test_the_shipped_file_is_the_declaration() -> None:
    shipped = (CHECKOUT / "deploy/redis/greencam.acl").read_text()
    assert shipped == acl_file(), "make it anew: python3 -P -c 'from greencam.bus.roles import acl_file; …'"
    assert shipped.splitlines()[0] == "user default off"


def test_a_server_refuses_the_shipped_file_until_it_has_passwords(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "users.acl"
    shutil.copy(CHECKOUT / "deploy/redis/greencam.acl", file)
    port = str(free_ports(1)[0])
    words = [server.binary, "--bind", "127.0.0.1", "--port", port, "--dir", str(tmp_path), "--aclfile", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "password hash must be exactly 64 characters" in done.stdout


def test_a_password_needs_no_escape_and_is_a_new_one_each_time() -> None:
    made = {roles.new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(text) >= 43 and text.replace("-", "").replace("_", "").isalnum() for text in made)
