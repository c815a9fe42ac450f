"""What a camera's capture process says of itself, and the guide's own fields made of it.

The facts come from capture/facts_file.py on the same host, so that they are there while Redis is not, else from
the beat over Redis.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import replace
from typing import Any

from greencam.base.clock import Clock
from greencam.base.errors import BusUnavailable
from greencam.base.files import read_json
from greencam.base.lock import holder
from greencam.base.place import facts_path
from greencam.bus import beats, channels, keys
from greencam.bus.link import Client, RedisTarget, connect, target_of
from greencam.bus.roles import API
from greencam.capture.facts_file import capture_pid, frame_age_s, local_facts
from greencam.health.freshness import is_stale
from greencam.health.score import score_of
from greencam.settings.machine_model import CameraHealthThresholds
from greencam.settings.model import Settings
from greencam.supervise.supervisor import LOCK_FILE

REDIS_PATIENCE_S = 2.0  # somebody waits for the answer
_NO_FACTS = (AttributeError, KeyError, TypeError, ValueError, OverflowError)


def remote_facts(client: Client, target: RedisTarget, camera: str) -> dict[str, Any] | None:
    """The facts of the camera's beat; None without one or without Redis."""
    try:
        return beats.read(client, target, keys.beat(camera))
    except BusUnavailable:
        return None


def camera_status(facts: dict[str, Any] | None, thresholds: CameraHealthThresholds) -> dict[str, Any]:
    """The fields of guide 2 ("JSON Output for Automation") and more, from facts or their absence.

    Facts that no capture of ours can have written raise one of AttributeError, KeyError, TypeError, ValueError.
    """
    score = score_of(facts, thresholds)
    known = facts or {}
    state = str(known.get("state", "unknown"))
    stale = bool(known.get("stale", True))
    return {
        "is_initialized": bool(known.get("opened")) and state == "streaming",
        "is_capturing": state == "streaming" and not stale,
        **score.as_dict(),
        "consecutive_failures": int(known.get("consecutive_failures") or 0),
        "should_reboot": bool(known.get("should_reboot", False)),
        "state": state,
        "stale": stale,
        **{name: known.get(name) for name in ("frame_age_s", "fps", "wish", "opened", "failure", "frozen")},
        **{name: known.get(name) for name in ("warnings", "quarantine", "rung", "failed_recoveries", "reboot")},
        **{
            name: known.get(name)
            for name in ("incidents", "experience", "availability", "counts", "pid", "worker_pid", "redis")
        },
    }


class Lookout:
    """Looks at cameras from outside: at this host's captures first, else, in a Redis that hosts share, at beats.

    May be used by several threads. Each question to Redis is waited for REDIS_TIMEOUT, 2 s at most.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._runtime, self._clock = settings.runtime_dir, clock
        self._wished_fps = {camera.id: camera.fps for camera in settings.cameras}
        self._thresholds = settings.machine.camera_health_thresholds
        target = target_of(settings, API.name)
        self._target = replace(target, timeout_s=min(target.timeout_s, REDIS_PATIENCE_S))
        self._redis = connect(self._target)

    def facts(self, camera: str) -> dict[str, Any] | None:
        """What the camera's capture says of itself; None when none does.

        Without a shared Redis only this host's own captures can be meant, and one that has died may have left a
        beat behind.
        """
        here = local_facts(self._runtime, camera, self._clock)
        if here is not None or self._target.embedded or capture_pid(self._runtime, camera) is not None:
            return here
        return remote_facts(self._redis, self._target, camera)

    def captured(self, camera: str) -> bool:
        """Whether a capture of this camera runs, or this host's suite does, which starts one again if need be."""
        if capture_pid(self._runtime, camera) is not None or holder(self._runtime / LOCK_FILE) is not None:
            return True
        return self.facts(camera) is not None

    def status(self, camera: str) -> dict[str, Any]:
        """The fields of `camera_status`; a beat that no capture of ours can have written counts as none."""
        facts = self.facts(camera)
        with suppress(*_NO_FACTS):
            if facts is not None:
                return camera_status(facts, self._thresholds)
        age_s = frame_age_s(self._runtime, camera, self._clock)
        return {
            **camera_status(None, self._thresholds),
            "reasons": [self._why_unknown(camera)],
            "pid": capture_pid(self._runtime, camera),
            "frame_age_s": age_s,
            "stale": is_stale({"wish": {"fps": self._wished_fps.get(camera, 0.0)}}, age_s),
        }

    def _why_unknown(self, camera: str) -> str:
        pid = capture_pid(self._runtime, camera)
        left = read_json(facts_path(self._runtime, camera))
        if pid is not None:
            hangs = isinstance(left, dict) and left.get("pid") == pid
            return f"its capture, process {pid}, {'hangs: it says nothing any more' if hangs else 'is starting'}"
        if holder(self._runtime / LOCK_FILE) is not None:
            return "its capture does not run at the moment; see ./run.sh status"
        if self._target.embedded:
            return "nothing captures it; ./run.sh starts greencam, --test tries the camera"
        return f"no capture process answers, neither here nor over {self._target.described}"

    def ask_to_recover(self, camera: str) -> bool:
        """Tell the capture to replace its worker: by signal on this host, else over Redis; False without one."""
        pid = capture_pid(self._runtime, camera)
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGUSR2)
                return True
        try:
            return bool(channels.publish(self._redis, self._target, keys.control(camera), {"do": "recover"}))
        except BusUnavailable:
            return False

    def close(self) -> None:
        """Give the connection back."""
        self._redis.close()
