"""What is done to a running suite; each fault leaves it so that it can go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

import redis

from benchmarks.delivering.stage import CAMERA, Stage, freeze
from greencam.bus import keys

KEY = keys.durable(CAMERA)


class Fault(NamedTuple):
    """A name for people and what to do; `redis_down` faults end with a server that has just answered."""

    name: str
    act: Callable[[Stage], None]
    redis_down: bool = False


def _restart(pause_s: float) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        stage.kill("redis")
        time.sleep(pause_s)
        stage.start_redis()

    return act


def _twice(stage: Stage) -> None:
    for _ in range(2):
        _restart(0.0)(stage)
        time.sleep(0.05)


def _command(*words: str) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        with stage.client() as client:
            client.execute_command(*words)

    return act


def _while_the_recorder_is_frozen(*words: str) -> Callable[[Stage], None]:
    """Something has to be there to be removed."""

    def act(stage: Stage) -> None:
        os.kill(stage.pid("storeimages"), signal.SIGSTOP)
        time.sleep(0.7)
        _command(*words)(stage)
        time.sleep(0.3)
        os.kill(stage.pid("storeimages"), signal.SIGCONT)

    return act


def _debug_sleep(stage: Stage) -> None:
    with stage.client() as client:
        try:
            client.execute_command("DEBUG", "SLEEP", "1.9")
        except redis.TimeoutError:
            time.sleep(0.1)


def _out_of_memory(stage: Stage) -> None:
    _command("CONFIG", "SET", "maxmemory", "1")(stage)
    time.sleep(3.0)
    _command("CONFIG", "SET", "maxmemory", str(256 << 20))(stage)


def _old_copy(stage: Stage) -> None:
    with stage.client() as client:
        copy = client.dump(KEY)
        time.sleep(0.7)
        client.delete(KEY)
        if copy:
            client.restore(KEY, 0, copy)


def _forged(stage: Stage) -> None:
    with stage.client() as client:
        rows = client.xrevrange(KEY, count=1)
        if isinstance(rows, list) and rows:
            epoch, _, seq = rows[0][0].decode().partition("-")
            client.xadd(KEY, {"h": b"\x80\x04pickled", "d": b"."}, id=f"{epoch}-{int(seq) + 1000}")


def _kill_recorder(stage: Stage) -> None:
    stage.kill("storeimages")
    stage.start("storeimages.py")


def _kill_capture(stage: Stage) -> None:
    stage.kill("cam1_stream")
    stage.left_behind.append(stage.newest_accepted())
    stage.start("cam1_stream.py")


SEQUENCE = (
    Fault("Redis killed", _restart(0.0), redis_down=True),
    Fault("Redis killed, away for 2 s", _restart(2.0), redis_down=True),
    Fault("Redis killed twice within 0.1 s", _twice, redis_down=True),
    Fault("Redis stopped (SIGSTOP) for 3 s", lambda stage: freeze(stage.pid("redis"), 3.0)),
    Fault("DEBUG SLEEP 1.9", _debug_sleep),
    Fault("CLIENT KILL", _command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")),
    Fault("FLUSHALL", _while_the_recorder_is_frozen("FLUSHALL")),
    Fault("XTRIM to 3 entries", _while_the_recorder_is_frozen("XTRIM", KEY, "MAXLEN", "3")),
    Fault("DEL", _while_the_recorder_is_frozen("DEL", KEY)),
    Fault("an old copy restored", _old_copy),
    Fault("out of memory for 3 s", _out_of_memory),
    Fault("a forged entry", _forged),
    Fault("recorder killed", _kill_recorder),
    Fault("recorder stopped (SIGSTOP) for 3 s", lambda stage: freeze(stage.pid("storeimages"), 3.0)),
    Fault("capture killed", _kill_capture),
)
