"""A client for a Redis Cluster: each command goes straight to the node that holds its key, tried once.

redis-py's own RedisCluster connects while it is built, walks over every node after an error and asks the server
which words of an XREAD are keys (docs/decisions/0009-topologies.md has the figures); this one keeps the deadlines
of a single server. A redirection (MOVED, ASK) is followed, because the command was not carried out; any other error
is the caller's, and the next command asks for the map anew.

Channels with a hash tag, those of one camera, are sharded (SPUBLISH, SSUBSCRIBE: Redis 7.0): whoever talks to a
Cluster by this client agrees on that. All other channels are ordinary ones, which a Cluster spreads to every node.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
from redis.client import Pipeline, PubSub
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError
from redis.exceptions import ConnectionError as NotConnected

Node = tuple[str, int]
OpenNode = Callable[[Node, float], Any]  # a redis.Redis for one node, with a deadline in seconds
_Answer = TypeVar("_Answer")
_REDIRECTIONS = 4
_KEYLESS = frozenset({"ACL", "CLIENT", "CLUSTER", "CONFIG", "INFO", "PING", "PUBLISH", "PUBSUB", "TIME"})
_STREAMS = (b"STREAMS", "STREAMS")


def has_tag(name: str | bytes) -> bool:
    """Whether the name of a key or channel says in braces what it belongs to, as those of one camera do."""
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else name
    return 0 <= text.find("{") < text.find("}", text.find("{")) - 1


def slot_of(words: Sequence[Any]) -> int | None:
    """The slot of a command's (first) key, None for a command without one."""
    name = str(words[0]).split(" ", maxsplit=1)[0].upper()
    if name in _KEYLESS or len(words) < 2:
        return None
    place = 1
    if name in {"XREAD", "XREADGROUP"}:
        place = next(index for index, word in enumerate(words) if word in _STREAMS) + 1
    key = words[place]
    return key_slot(key if isinstance(key, bytes) else str(key).encode())


def _sharded(words: tuple[Any, ...]) -> tuple[Any, ...]:
    return ("SPUBLISH", *words[1:]) if words[0] == "PUBLISH" and has_tag(words[1]) else words


@dataclass(frozen=True)
class SlotMap:
    """Which node holds which of the 16384 slots, as one node told it."""

    told_by: Node
    ranges: tuple[tuple[int, int, Node], ...]

    def owner(self, slot: int | None) -> Node:
        """The node of this slot; any living one without a slot. Raises ClusterDownError for a slot of nobody."""
        if slot is None:
            return self.told_by
        index = bisect_right(self.ranges, slot, key=lambda item: item[0]) - 1
        if index < 0 or slot > self.ranges[index][1]:
            raise ClusterDownError(f"no node serves slot {slot}")
        return self.ranges[index][2]


def slot_map(told_by: Node, answer: Any) -> SlotMap:
    """The map in an answer to CLUSTER SLOTS; a node without a host's name has that of the one that was asked."""
    ranges = []
    for first, last, owner, *_ in answer:
        host = owner[0].decode() if isinstance(owner[0], bytes) else owner[0]
        ranges.append((int(first), int(last), (host if host and host != "?" else told_by[0], int(owner[1]))))
    return SlotMap(told_by, tuple(sorted(ranges)))


class ClusterClient(redis.Redis):
    """What redis.Redis is for one server, for a Cluster: the same methods, the same errors.

    The keys of one command or pipeline have to be in one slot, which all keys of one camera are.
    """

    def __init__(self, seeds: Sequence[Node], open_node: OpenNode, timeout_s: float) -> None:
        """Nothing is sent yet."""
        self._seeds, self._open_node, self._timeout_s = tuple(seeds), open_node, timeout_s
        self._clients: dict[Node, Any] = {}
        self._map: SlotMap | None = None
        self._first: tuple[Node, ...] = ()
        self._lock = threading.Lock()
        super().__init__(connection_pool=self._client(self._seeds[0]).connection_pool)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command to the node of its key; raises what redis.Redis raises."""
        words = _sharded(args)

        def send(client: Any, *, asking: bool) -> Any:
            if not asking:
                return client.execute_command(*words, **options)
            pipe = client.pipeline(transaction=False)
            pipe.execute_command("ASKING")
            pipe.execute_command(*words, **options)
            return pipe.execute()[-1]

        return self.at_owner(slot_of(words), send)

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> ClusterPipeline:  # noqa: ARG002
        """Commands for one slot in one round trip, all or none with `transaction`."""
        return ClusterPipeline(self, transaction=transaction)

    def pubsub(self, **options: Any) -> PubSub:
        """Ordinary channels, heard at any node; `subscribed` is for those of a camera."""
        pubsub: PubSub = self._client(self._owner(None)).pubsub(**options)
        return pubsub

    def subscribed(self, channels: Sequence[str]) -> list[PubSub]:
        """One subscription per node that holds one of these channels; ordinary ones are heard at the first."""
        with_tag = [channel for channel in channels if has_tag(channel)]
        places: dict[Node, dict[int, list[str]]] = {}
        for channel in with_tag:
            slot = key_slot(channel.encode())
            places.setdefault(self._owner(slot), {}).setdefault(slot, []).append(channel)
        ordinary = [channel for channel in channels if not has_tag(channel)]
        if ordinary and not places:
            places[self._owner(None)] = {}
        made = []
        for node, slots in places.items():
            pubsub = self._client(node).pubsub()
            made.append(pubsub)
            for group in slots.values():  # one SSUBSCRIBE takes channels of one slot only
                pubsub.ssubscribe(*group)
            if ordinary:
                pubsub.subscribe(*ordinary)
                ordinary = []
        return made

    def at_owner(self, slot: int | None, act: Callable[..., _Answer]) -> _Answer:
        """What `act(client, asking=…)` gives at the node of this slot, following redirections."""
        node, asking = self._owner(slot), False
        for _ in range(_REDIRECTIONS):
            try:
                return act(self._client(node), asking=asking)
            except AskError as error:  # MovedError is one of them
                asking = not isinstance(error, MovedError)
                node = (error.host or node[0], error.port)
                if not asking:
                    self.forget_map(node)
            except (NotConnected, redis.TimeoutError, ClusterDownError):
                self.forget_map()
                raise
        raise ClusterDownError("the nodes send us from one to the other")

    def forget_map(self, knows: Node | None = None) -> None:
        """Have the next command ask for the map anew, first at the node that `knows` better."""
        with self._lock:
            self._map, self._first = None, (knows,) if knows else ()

    def _owner(self, slot: int | None) -> Node:
        with self._lock:
            known = self._map
            candidates = tuple(dict.fromkeys((*self._first, *self._seeds, *self._clients)))
        if known is None:
            known = self._asked(candidates)
            with self._lock:
                self._map = known
        try:
            return known.owner(slot)
        except ClusterDownError:
            self.forget_map()
            raise

    def _asked(self, candidates: Sequence[Node]) -> SlotMap:
        """The map of the first node that sees a whole Cluster, else of the first that answers.

        A node on the wrong side of a cut link answers too, but says `cluster_state:fail`. All of them together
        get one deadline for connecting and one for answering.
        """
        second_best: SlotMap | None = None
        trouble: Exception = NotConnected("no node of the Cluster answers")
        for node in candidates:
            client = self._open_node(node, max(0.2, self._timeout_s / len(candidates)))
            try:
                state, slots = _state_and_slots(client)
            except redis.RedisError as error:
                trouble = error
                continue
            finally:
                client.close()
            told = slot_map(node, slots)
            if _is_whole(state):
                return told
            second_best = second_best or told
        if second_best is None:
            raise trouble
        return second_best

    def _client(self, node: Node) -> Any:
        with self._lock:
            if node not in self._clients:
                self._clients[node] = self._open_node(node, self._timeout_s)
            return self._clients[node]

    def close(self) -> None:
        """Close the connections to all nodes."""
        with self._lock:
            clients = list(self._clients.values())
        for client in clients:
            client.close()


def _state_and_slots(client: Any) -> tuple[Any, Any]:
    pipe = client.pipeline(transaction=False)
    pipe.execute_command("CLUSTER INFO")
    pipe.execute_command("CLUSTER SLOTS")
    state, slots = pipe.execute()
    return state, slots


def _is_whole(info: Any) -> bool:
    state = info.get("cluster_state") if isinstance(info, dict) else None
    return state == "ok" or (isinstance(info, bytes) and b"cluster_state:ok" in info)


class ClusterPipeline(Pipeline):
    """A pipeline of redis-py at the node of its keys; a transaction that was redirected is sent again there."""

    def __init__(self, cluster: ClusterClient, *, transaction: bool) -> None:
        super().__init__(cluster.connection_pool, cluster.response_callbacks, transaction, None)
        self._cluster, self._whole = cluster, transaction

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Queue one command; WATCH, and what comes between it and `multi`, is sent at once."""
        words = _sharded(args)
        if words[0] != "WATCH" or self.watching:
            return super().execute_command(*words, **options)  # type: ignore[no-untyped-call]

        def watch(client: Any, *, asking: bool) -> Any:
            self.reset()
            self.connection_pool = client.connection_pool
            if asking:
                self._ask_for_slot()
            return super(ClusterPipeline, self).execute_command(*words, **options)  # type: ignore[no-untyped-call]

        return self._cluster.at_owner(slot_of(words), watch)

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send what is queued; the answers in order. Raises what redis-py's pipeline raises."""
        if self.watching:  # tied to the line that watches: after a redirection the caller has to look anew
            return self._at_watched(raise_on_error)
        commands, whole = list(self.command_stack), self._whole or self.explicit_transaction
        slots = {slot_of(words) for words, _ in commands} - {None}
        if len(slots) > 1:
            self.reset()
            raise redis.exceptions.ClusterCrossSlotError("the keys of one pipeline are in several slots")

        def send(client: Any, *, asking: bool) -> list[Any]:
            self.command_stack, self.connection_pool = list(commands), client.connection_pool
            self.explicit_transaction = whole
            if asking:
                self._ask_for_slot()
            return super(ClusterPipeline, self).execute(raise_on_error and whole)

        answers = self._cluster.at_owner(next(iter(slots), None), send)
        if any(
            isinstance(answer, AskError) for answer in answers
        ):  # a part of it is done: never sent again by itself
            self._cluster.forget_map()
        if raise_on_error:
            self.raise_first_error(commands, answers)  # type: ignore[no-untyped-call]
        return answers

    def _at_watched(self, raise_on_error: bool) -> list[Any]:
        try:
            return super().execute(raise_on_error)
        except redis.RedisError:
            self._cluster.forget_map()
            raise

    def _ask_for_slot(self) -> None:
        """Have the next command, or the whole of a MULTI, taken by a node that is only getting the slot."""
        self.connection = self.connection_pool.get_connection()
        try:
            self.connection.send_command("ASKING")  # type: ignore[no-untyped-call]
            self.connection.read_response()
        except redis.RedisError:
            self.reset()
            raise
