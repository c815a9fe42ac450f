"""Real Sentinels and a real Cluster on loopback, which take greencam's users only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis

from greencam.bus.link import RedisTarget
from tests.ports import free_ports
from tests.redis_processes import PASSWORDS, Access, Certificate, Group, Server, owner_of
from tests.suite import wait_until

# So long that a machine under load, on which a server may stand still for a second, has no fail-over by chance.
NODE_TIMEOUT_MS = 3000
DOWN_AFTER_MS = 3000
MASTER = "cams"


class SentinelSet(Group):
    """A master, a replica and three Sentinels that fail over when the master is gone for DOWN_AFTER_MS."""

    def __init__(self, certificate: Certificate | None = None) -> None:
        super().__init__()
        self._certificate = certificate
        access = owner_of(certificate)
        tls = {"tls-replication": "yes"} if certificate else {}
        common = {"repl-diskless-sync-delay": "0", **self.users(), **tls}
        self.master = self.add(common, access=access)
        self.replica = self.add({**common, "replicaof": f"127.0.0.1 {self.master.port}"}, access=access)
        watch = {
            f"sentinel monitor {MASTER}": f"127.0.0.1 {self.master.port} 2",
            f"sentinel auth-user {MASTER}": "sentinel",
            f"sentinel auth-pass {MASTER}": PASSWORDS["sentinel"],
            f"sentinel down-after-milliseconds {MASTER}": str(DOWN_AFTER_MS),
            f"sentinel failover-timeout {MASTER}": "3000",
            **tls,
        }
        open_to_all = Access(certificate=certificate)
        self.sentinels = [self.add(watch, ["--sentinel"], open_to_all) for _ in range(3)]

    def start(self) -> None:
        for server in (self.master, self.replica):
            server.start()
        wait_until(lambda: self.master.answers() and self.replica.answers(), 30)
        wait_until(lambda: b"master_link_status:up" in self.replica.ask("INFO", "replication"), 30)
        for sentinel in self.sentinels:
            sentinel.start()
        wait_until(lambda: all(sentinel.answers() for sentinel in self.sentinels), 30)
        for sentinel in self.sentinels:  # it asks a server for its role every 10 s, which is no time for a test
            sentinel.ask("SENTINEL", "DEBUG", "INFO-PERIOD", "200", "PUBLISH-PERIOD", "200", "PING-PERIOD", "200")
        wait_until(lambda: all(_sees_all(sentinel) for sentinel in self.sentinels), 30)

    def url(self, user: str = "owner", *, sentinels: Sequence[int] = ()) -> str:
        """The address for one of greencam's users, by all Sentinels or those at these ports."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in sentinels or [one.port for one in self.sentinels])
        tail = f"?ssl_ca_certs={self._certificate.file}" if self._certificate else ""
        scheme = "rediss" if self._certificate else "redis"
        return f"{scheme}+sentinel://{user}:{PASSWORDS[user]}@{hosts}/{MASTER}{tail}"

    def target(self, timeout_s: float = 5.0, user: str = "owner") -> RedisTarget:
        """The same with a deadline."""
        return RedisTarget(self.url(user), timeout_s=timeout_s)

    def master_server(self) -> Server:
        """The server that the Sentinels name."""
        port = int(self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])
        return next(server for server in (self.master, self.replica) if server.port == port)

    def await_successor(self, old: Server) -> None:
        """Wait until every Sentinel names another master than `old`: they tell each other."""

        def named(sentinel: Server) -> int:
            return int(sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])

        wait_until(lambda: all(named(sentinel) != old.port for sentinel in self.sentinels), 60)


def _sees_all(sentinel: Server) -> bool:
    try:
        said = sentinel.ask("SENTINEL", "MASTER", MASTER)
    except redis.RedisError:
        return False
    facts = dict(zip(said[::2], said[1::2], strict=True))
    return (facts[b"num-other-sentinels"], facts[b"num-slaves"]) == (b"2", b"1")


class ClusterSet(Group):
    """A Cluster of three masters with a third of the slots each; the one that owns `tag` has a replica."""

    def __init__(self, tag: str = "cam1", certificate: Certificate | None = None) -> None:
        super().__init__()
        self._bus: list[int] = []
        self.tag, self._certificate = tag, certificate
        for _ in range(4):
            self._bus.append(free_ports(1)[0])
            said = {
                "cluster-enabled": "yes",
                "cluster-node-timeout": str(NODE_TIMEOUT_MS),
                "cluster-port": str(self._bus[-1]),
                "cluster-require-full-coverage": "no",
                "cluster-replica-validity-factor": "0",
                "repl-diskless-sync-delay": "0",
                **self.users(),
                **({"tls-replication": "yes", "tls-cluster": "yes"} if certificate else {}),
            }
            self.add(said, access=owner_of(certificate))

    def start(self) -> None:
        for server in self.servers:
            server.start()
        wait_until(lambda: all(server.answers() for server in self.servers), 30)
        thirds = [(0, 5460), (5461, 10922), (10923, 16383)]
        *masters, replica = self.servers
        for epoch, (server, (first, last)) in enumerate(zip(masters, thirds, strict=True), start=1):
            server.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            server.ask("CLUSTER", "SET-CONFIG-EPOCH", str(epoch))
        for server, bus_port in zip(self.servers[1:], self._bus[1:], strict=True):
            masters[0].ask("CLUSTER", "MEET", "127.0.0.1", server.port, bus_port)
        wait_until(lambda: all(_whole(server) for server in self.servers), 30)
        owner = self.owner()
        wait_until(lambda: self._follows(replica, owner), 30)
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
        """The map as a living node tells it that sees a whole Cluster; there may be none for a moment."""
        asked: Server = wait_until(
            lambda: next((server for server in self.servers if server.answers() and _whole(server)), None), 30
        )
        return asked.ask("CLUSTER", "SLOTS")

    def id_of(self, server: Server) -> str:
        return str(server.ask("CLUSTER", "MYID").decode())

    def owner(self, tag: str | None = None) -> Server:
        """The node that holds this tag's slot, as a living node tells it."""
        return self._owner_in(self._slots(), tag or self.tag)

    def _owner_in(self, slots: Any, tag: str) -> Server:
        slot = redis.crc.key_slot(tag.encode())
        for first, last, node, *_ in slots:
            if first <= slot <= last:
                return next(server for server in self.servers if server.port == node[1])
        raise AssertionError(f"nobody has slot {slot}")

    def await_successor(self, old: Server) -> None:
        """Wait until every node that lives says that another one than `old` owns `tag`: they tell each other."""
        alive = [server for server in self.servers if server.answers()]

        def told() -> bool:
            return all(self._owner_in(one.ask("CLUSTER", "SLOTS"), self.tag) is not old for one in alive)

        wait_until(told, 60)

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
                login = ["AUTH2", "owner", PASSWORDS["owner"]]
                source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, *login, "KEYS", *keys)
        if "close" in steps:
            for server in (to, source, *[one for one in self.masters if one not in (to, source)]):
                server.ask("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(to))

    def url(self, user: str = "owner", *, nodes: Sequence[int] = ()) -> str:
        """The address for one of greencam's users, by all nodes or those at these ports."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in nodes or [server.port for server in self.servers])
        tail = f"?ssl_ca_certs={self._certificate.file}" if self._certificate else ""
        scheme = "rediss" if self._certificate else "redis"
        return f"{scheme}+cluster://{user}:{PASSWORDS[user]}@{hosts}{tail}"

    def target(self, timeout_s: float = 5.0, user: str = "owner") -> RedisTarget:
        """The same with a deadline."""
        return RedisTarget(self.url(user), timeout_s=timeout_s)


def _whole(server: Server) -> bool:
    try:
        said = server.ask("CLUSTER", "INFO")
    except redis.RedisError:
        return False
    return b"cluster_state:ok" in said and b"cluster_known_nodes:4" in said


def owner(several: SentinelSet | ClusterSet) -> Server:
    """The server that takes the writes of `cam1` now."""
    return several.owner() if isinstance(several, ClusterSet) else several.master_server()
