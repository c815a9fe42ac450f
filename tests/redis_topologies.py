"""Real Sentinels and a real Cluster on loopback, in folders of their own; any process may be killed or stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from greencam.bus.link import RedisTarget
from greencam.supervise import redis_server
from tests.suite import wait_until

NODE_TIMEOUT_MS = 1000
DOWN_AFTER_MS = 600
MASTER = "cams"
Options = dict[str, str]


def free_ports(count: int) -> list[int]:
    """So many ports of loopback that nobody listens at now."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in taken]


def usual_binary() -> str:
    """Debian's redis-server where it is installed, else the embedded server; both can take every part."""
    return shutil.which("redis-server") or redis_server.server_binary()


class Server:
    """One process of redis-server or valkey-server at a port of loopback."""

    def __init__(
        self, folder: Path, port: int, options: Options, mode: Sequence[str] = (), binary: str | None = None
    ) -> None:
        self.port = port
        self.binary = binary or usual_binary()
        self._folder = folder / str(port)
        self._folder.mkdir()
        self._options = {"dir": str(self._folder), "bind": "127.0.0.1", "logfile": "log", "save": "", **options}
        self._mode = list(mode)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **options: str) -> None:
        """Start, or start again with what it left in its folder."""
        config = self._folder / "server.conf"
        if not config.exists() or options:
            lines = {"port": str(self.port), **self._options, **options}
            quoted = [
                f"{name.replace('_', '-')} {value}" if value else f'{name} ""' for name, value in lines.items()
            ]
            config.write_text("\n".join(quoted) + "\n")
        self.process = subprocess.Popen([self.binary, str(config), *self._mode], stdout=subprocess.DEVNULL)

    def ask(self, *words: str) -> Any:
        """What it answers to a command, as bytes and lists; raises what redis-py raises."""
        return self.ask_as(None, *words)

    def ask_as(self, password: str | None, *words: str, user: str | None = None) -> Any:
        """The same with a password."""
        once = Retry(NoBackoff(), 0)
        client = redis.Redis(
            port=self.port, username=user, password=password, socket_timeout=2.0, protocol=2, retry=once
        )
        client.response_callbacks.clear()
        try:
            return client.execute_command(*words)  # type: ignore[no-untyped-call]
        finally:
            client.close()

    def answers(self, password: str | None = None) -> bool:
        """Whether it serves."""
        try:
            return bool(self.ask_as(password, "PING"))
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

    @property
    def log(self) -> str:
        """What it wrote into its log."""
        return (self._folder / "log").read_text()


class Group:
    """Servers in one folder in memory, stopped together."""

    def __init__(self) -> None:
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="gc-", dir=base))
        self.servers: list[Server] = []

    def stop(self) -> None:
        """Kill what runs, remove the folder."""
        for server in self.servers:
            server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class SentinelSet(Group):
    """A master, a replica and three Sentinels that fail over when the master is gone for DOWN_AFTER_MS."""

    def __init__(self) -> None:
        super().__init__()
        ports = free_ports(5)
        follows = {"replicaof": f"127.0.0.1 {ports[0]}", "repl-diskless-sync-delay": "0"}
        self.master = Server(self.folder, ports[0], {"repl-diskless-sync-delay": "0"})
        self.replica = Server(self.folder, ports[1], follows)
        watch = {
            f"sentinel monitor {MASTER}": f"127.0.0.1 {ports[0]} 2",
            f"sentinel down-after-milliseconds {MASTER}": str(DOWN_AFTER_MS),
            f"sentinel failover-timeout {MASTER}": "3000",
        }
        self.sentinels = [Server(self.folder, port, watch, ["--sentinel"]) for port in ports[2:]]
        self.servers = [self.master, self.replica, *self.sentinels]

    def start(self) -> None:
        for server in (self.master, self.replica):
            server.start()
        wait_until(lambda: self.master.answers() and self.replica.answers(), 10)
        wait_until(lambda: b"master_link_status:up" in self.replica.ask("INFO", "replication"), 20)
        for sentinel in self.sentinels:
            sentinel.start()
        wait_until(lambda: all(sentinel.answers() for sentinel in self.sentinels), 10)
        for sentinel in self.sentinels:  # it asks a server for its role every 10 s, which is no time for a test
            sentinel.ask("SENTINEL", "DEBUG", "INFO-PERIOD", "200", "PUBLISH-PERIOD", "200", "PING-PERIOD", "200")
        wait_until(lambda: all(_sees_all(sentinel) for sentinel in self.sentinels), 20)

    def url(self, *, sentinels: Sequence[int] | None = None) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in sentinels or [one.port for one in self.sentinels])
        return f"redis+sentinel://{hosts}/{MASTER}"

    def target(self, timeout_s: float = 2.0) -> RedisTarget:
        return RedisTarget(self.url(), timeout_s=timeout_s)

    def master_server(self) -> Server:
        """The server that the Sentinels name."""
        port = int(self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])
        return next(server for server in (self.master, self.replica) if server.port == port)


def _sees_all(sentinel: Server) -> bool:
    try:
        said = sentinel.ask("SENTINEL", "MASTER", MASTER)
    except redis.RedisError:
        return False
    facts = dict(zip(said[::2], said[1::2], strict=True))
    return (facts[b"num-other-sentinels"], facts[b"num-slaves"]) == (b"2", b"1")


class ClusterSet(Group):
    """A Cluster of three masters with a third of the slots each; the one that owns `tag` has a replica."""

    def __init__(self, tag: str = "cam1", **options: str) -> None:
        super().__init__()
        self.tag = tag
        ports = free_ports(8)
        extra = {name.replace("_", "-"): value for name, value in options.items()}
        for port, bus_port in zip(ports[:4], ports[4:], strict=True):
            said = {
                "cluster-enabled": "yes",
                "cluster-node-timeout": str(NODE_TIMEOUT_MS),
                "cluster-port": str(bus_port),
                "cluster-require-full-coverage": "no",
                "cluster-replica-validity-factor": "0",
                "repl-diskless-sync-delay": "0",
                **extra,
            }
            self.servers.append(Server(self.folder, port, said))
        self._bus = dict(zip(ports[:4], ports[4:], strict=True))

    def start(self) -> None:
        for server in self.servers:
            server.start()
        wait_until(lambda: all(server.answers() for server in self.servers), 10)
        thirds = [(0, 5460), (5461, 10922), (10923, 16383)]
        *masters, replica = self.servers
        for epoch, (server, (first, last)) in enumerate(zip(masters, thirds, strict=True), start=1):
            server.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", str(epoch))
        for server in self.servers[1:]:
            masters[0].ask("CLUSTER", "MEET", "127.0.0.1", str(server.port), str(self._bus[server.port]))
        wait_until(lambda: all(_whole(server) for server in self.servers), 20)
        owner = self.owner()
        wait_until(lambda: self._follows(replica, owner), 20)
        self.await_replica()

    def await_replica(self) -> None:
        """Wait until every node is there and the owner of `tag` has a replica that could take over."""
        wait_until(lambda: all(_whole(server) for server in self.servers), 30)
        wait_until(lambda: b"state=online" in self.owner().ask("INFO", "replication"), 30)
        wait_until(lambda: all(b"slave" in server.ask("CLUSTER", "NODES") for server in self.servers), 30)

    def _follows(self, replica: Server, owner: Server) -> bool:
        try:
            replica.ask("CLUSTER", "REPLICATE", self.id_of(owner))
        except redis.ResponseError:  # the gossip has not brought it the owner yet
            return False
        return True

    @property
    def masters(self) -> list[Server]:
        """The nodes that hold slots now."""
        ports = {node[1] for _, _, node, *_ in self._slots()}
        return [server for server in self.servers if server.port in ports]

    def _slots(self) -> Any:
        asked = next(server for server in self.servers if server.answers() and _whole(server))
        return asked.ask("CLUSTER", "SLOTS")

    def id_of(self, server: Server) -> str:
        return str(server.ask("CLUSTER", "MYID").decode())

    def owner(self, tag: str | None = None) -> Server:
        """The node that holds this tag's slot, as a living node tells it."""
        slot = redis.crc.key_slot((tag or self.tag).encode())
        for first, last, node, *_ in self._slots():
            if first <= slot <= last:
                return next(server for server in self.servers if server.port == node[1])
        raise AssertionError(f"nobody has slot {slot}")

    def move_slot(self, to: Server, *, steps: Sequence[str] = ("open", "keys", "close")) -> None:
        """Move the slot of `tag` as redis-cli's reshard does, step by step."""
        slot = str(redis.crc.key_slot(self.tag.encode()))
        source = self.owner()
        if "open" in steps:
            to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
            source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(to))
        if "keys" in steps:
            keys = source.ask("CLUSTER", "GETKEYSINSLOT", slot, "100")
            if keys:
                source.ask("MIGRATE", "127.0.0.1", str(to.port), "", "0", "5000", "KEYS", *keys)
        if "close" in steps:
            for server in (to, source, *[one for one in self.masters if one not in (to, source)]):
                server.ask("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(to))

    def url(self, *ports: int) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports or [server.port for server in self.servers])
        return f"redis+cluster://{hosts}"

    def target(self, timeout_s: float = 2.0) -> RedisTarget:
        return RedisTarget(self.url(), timeout_s=timeout_s)


def _whole(server: Server) -> bool:
    try:
        said = server.ask("CLUSTER", "INFO")
    except redis.RedisError:
        return False
    return b"cluster_state:ok" in said and b"cluster_known_nodes:4" in said
