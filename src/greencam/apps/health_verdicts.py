"""From the answers of the probes to sections: which check gets which facts, and what silence means."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from greencam.apps import health_probes
from greencam.apps.health_memory import Memory
from greencam.base.clock import Clock
from greencam.base.probes import Answer
from greencam.bus.link import target_of
from greencam.health.usage import busy_percent
from greencam.settings.consumer_model import RECORDER, ConsumerSettings
from greencam.settings.model import Settings
from greencam.telemetry.checks import (
    cameras,
    delivery,
    disk_trend,
    logs,
    machine,
    network,
    processes,
    redis,
)
from greencam.telemetry.checks.report import Section
from greencam.telemetry.checks.verdict import Check, Verdict

_MIB = 1 << 20
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_LATE = f"no answer within {health_probes.DEADLINE_S:g} s"
_HUNG_DISK = "its disk hangs or is gone; dmesg | tail, mount"
_NOTHING: dict[str, Any] = {"pid": None, "state": None, "answers": False, "uptime_s": None, "processes": []}


@dataclass(frozen=True)
class Seen:
    """The answers of one look, with what is configured and what was seen before."""

    settings: Settings
    answers: Mapping[str, Answer]
    memory: Memory
    clock: Clock

    def value(self, name: str) -> Any:
        """The probe's value; None when it gave none."""
        answer = self.answers.get(name)
        return answer.value if answer is not None and answer.known else None

    def why_not(self, name: str) -> str:
        """Why there is no value; empty when there is one."""
        answer = self.answers[name]
        return _LATE if answer.late else answer.error

    @property
    def suite(self) -> dict[str, Any]:
        """The supervisor's facts; those of none when they are not to be had."""
        return self.value("suite") or _NOTHING

    @property
    def suite_s(self) -> float | None:
        """For how long the suite has run; None when it does not, or hangs."""
        uptime_s: float | None = self.suite["uptime_s"]
        return uptime_s

    @property
    def ids(self) -> list[str]:
        """The enabled cameras."""
        return [camera.id for camera in self.settings.cameras if camera.enabled]

    def capture(self, camera: str) -> dict[str, Any]:
        """What this host knows of the camera's capture."""
        known: dict[str, Any] = (self.value("cameras") or {}).get(camera) or {}
        return {"pid": None, "state": None, "beat_age_s": None, "facts": None, "spool_bytes": None} | known

    def beat(self, camera: str) -> dict[str, Any] | None:
        """The camera's beat in Redis."""
        told: dict[str, Any] | None = (self.value("redis") or {}).get("beats", {}).get(camera)
        return told

    def camera(self, camera: str) -> dict[str, Any] | None:
        """What the capture says: on this host, or, where none is meant to be, in a Redis that hosts share."""
        capture = self.capture(camera)
        here = any(one["name"] == camera for one in self.suite["processes"])
        if capture["facts"] or capture["pid"] or here or self.settings.redis_url is None:
            facts: dict[str, Any] | None = capture["facts"]
            return facts
        return self.beat(camera)


def sections(seen: Seen, components: Collection[str]) -> dict[str, Section]:
    """The sections of these components, in the order of COMPONENTS."""
    return {name: judge(seen) for name, judge in _JUDGES.items() if name in components}


def _processes(seen: Seen) -> Section:
    suite, threshold = seen.suite, seen.settings.machine.safeguard_thresholds.process_restart_threshold
    captures = {camera: seen.capture(camera) for camera in seen.ids}
    if why := seen.why_not("suite"):
        checks = [_failed(processes.COMPONENT, processes.SUPERVISOR, why)]
    else:
        by_hand = any(capture["pid"] for capture in captures.values())
        checks = processes.supervisor_checks(suite, by_hand=by_hand)
    table = {one["name"]: _with_beat(one, captures) for one in suite["processes"]}
    checks += [processes.child_check(child, threshold) for child in table.values()]
    hand_run = (processes.capture_check(name, one) for name, one in captures.items() if name not in table)
    checks += [check for check in hand_run if check is not None]
    scripts = [one for one in seen.value("scripts") or [] if "--worker-fd" not in one["words"]]
    checks.append(processes.threads_check(scripts, (seen.value("machine") or {}).get("cores") or 1))
    commands = {name: str(one["command"]) for name, one in table.items()}
    commands |= {name: processes.CAPTURE for name in captures if name not in table}
    facts = processes.by_script(scripts, checks, commands)
    told = {"pid": suite["pid"], "uptime_s": suite["uptime_s"], "loop_lag_ms": suite.get("loop_lag_ms")}
    return Section({**facts, "supervisor": {**told, "processes": list(table.values())}}, tuple(checks))


def _with_beat(child: Mapping[str, Any], captures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The table's line with the sign of work that its capture itself left: also while the supervisor hangs."""
    own = captures.get(str(child["name"]), {}).get("beat_age_s")
    known = child.get("beat_age_s")
    return {**child, "beat_age_s": own if known is None and "uptime_s" not in child else known}


def _cameras(seen: Seen) -> Section:
    if why := seen.why_not("cameras"):
        return Section({"cameras": {}}, (_failed(cameras.COMPONENT, "cameras", why),))
    machine_settings = seen.settings.machine
    thresholds = machine_settings.camera_health_thresholds, machine_settings.safeguard_thresholds
    finished = {one["name"] for one in seen.suite["processes"] if one.get("done")}
    checks: dict[str, list[Check]] = {}
    for camera in seen.ids:
        facts, pid = seen.camera(camera), seen.capture(camera)["pid"]
        if camera in finished:
            checks[camera] = [
                Check(cameras.COMPONENT, f"{camera} state", "ended", Verdict.OK, "its recording has ended")
            ]
        elif facts is None:
            checks[camera] = [cameras.silent_check(camera, pid, suite_runs=seen.suite["pid"] is not None)]
        else:
            checks[camera] = cameras.camera_checks(camera, facts, thresholds)
    told = {camera: cameras.camera_section(seen.camera(camera), thresholds[0]) for camera in seen.ids}
    order = {verdict: rank for rank, verdict in enumerate(Verdict)}
    worst = max(seen.ids, key=lambda one: max(order[check.verdict] for check in checks[one]), default=None)
    first = {**told[worst], "camera": worst} if worst else {}
    return Section({**first, "cameras": told}, tuple(check for each in checks.values() for check in each))


def _redis(seen: Seen) -> Section:
    target = target_of(seen.settings)
    known = {"address": target.described, "embedded": target.embedded, "suite_runs": seen.suite["pid"] is not None}
    why = seen.why_not("redis")
    told = (
        {"connected": False, "error": f"{target.described}: {why}", "cause": "late"} if why else seen.value("redis")
    )
    facts = known | {name: value for name, value in told.items() if name != "beats"}
    return Section(facts, tuple(redis.redis_checks(facts)))


def _delivery(seen: Seen) -> Section:
    checks: list[Check] = []
    facts: dict[str, Any] = {}
    for camera in seen.ids:
        told = (seen.beat(camera) or {}).get("delivery")
        facts[camera] = told
        try:
            for consumer in seen.settings.consumers:
                if consumer.follows(camera):
                    checks += _consumer(seen, camera, consumer, told)
        except cameras.FOREIGN:
            checks.append(_failed(delivery.COMPONENT, f"{camera} consumers", "its beat has another form"))
        limit_bytes = seen.settings.machine.spool_max_mb * _MIB
        checks.append(delivery.spool_check(camera, seen.capture(camera)["spool_bytes"], limit_bytes))
        if f"images:{camera}" in seen.answers:
            checks.append(_image(seen, camera))
    return Section({"cameras": facts}, tuple(checks))


def _consumer(seen: Seen, camera: str, consumer: ConsumerSettings, told: Any) -> list[Check]:
    mine = told["consumers"].get(consumer.name) if told else None
    now_s = seen.clock.monotonic()
    losses = seen.memory.note_lost(f"{camera}/{consumer.name}", delivery.lost_frames(mine), now_s) if mine else None
    return delivery.consumer_checks(camera, consumer, mine, losses)


def _image(seen: Seen, camera: str) -> Check:
    name = f"images:{camera}"
    if why := seen.why_not(name):
        return _failed(delivery.COMPONENT, f"{camera} newest image", f"{why}: {_HUNG_DISK}")
    newest_ns = (seen.value(name) or {}).get("newest_wall_ns")
    age_s = None if newest_ns is None else seen.clock.wall() - newest_ns / 1e9
    every_s = next(one.every_s for one in seen.settings.consumers if one.name == RECORDER)
    return delivery.image_check(camera, delivery.ImageSight(age_s, every_s, seen.suite_s))


def _machine(seen: Seen) -> Section:
    thresholds = seen.settings.machine.safeguard_thresholds
    disks, checks = _disks(seen)
    checks = [*machine.disk_checks(disks, thresholds), *checks]
    if why := seen.why_not("machine"):
        return Section({"disks": disks}, (_failed(machine.COMPONENT, "machine", why), *checks))
    facts = dict(seen.value("machine"))
    ticks, now_s = facts.pop("ticks"), seen.clock.monotonic()
    before = seen.memory.ticks_before(now_s)
    if before is not None and ticks is not None:
        facts["cpu_percent"] = busy_percent(before[0], tuple(ticks))
        facts["cpu_over_s"] = round(before[1], 1)
    seen.memory.ticks, seen.memory.ticks_s = (tuple(ticks) if ticks else None), now_s
    facts |= {"disk_percent": machine.fullest(disks), "disks": disks}
    return Section(facts, (*machine.machine_checks(facts, thresholds), *checks))


def _disks(seen: Seen) -> tuple[dict[str, Any], list[Check]]:
    """Facts of each folder's disk, and a check for each that did not answer."""
    names = [name for name in seen.answers if name.startswith("disk:")]
    found = {name.partition(":")[2]: seen.value(name) for name in names if not seen.why_not(name)}
    places = health_probes.folders(seen.settings)
    bad = []
    for name in names:
        word = name.partition(":")[2]
        if why := seen.why_not(name):
            bad.append(_failed(machine.COMPONENT, f"disk {word}", f"{places[word]}: {why}: {_HUNG_DISK}"))
    return found, bad


def _forecast(seen: Seen) -> Section:
    disk = seen.value("disk:images")
    indexes = [seen.value(name) for name in seen.answers if name.startswith("images:")]
    stored = sum(index["size_bytes"] for index in indexes if index) if all(indexes) else None
    room = None
    if disk is not None:
        seen.memory.note_disk(disk_trend.Sample(seen.clock.monotonic(), disk["used_bytes"], stored))
        allowed = len(indexes) * seen.settings.storage.max_mb * _MIB
        growth = None if stored is None else max(0, allowed - stored)
        room = disk_trend.Room(disk["free_bytes"], growth, seen.settings.storage.min_free_mb * _MIB)
    check = disk_trend.forecast_check(seen.memory.disk, room)
    facts = {"folder": str(seen.settings.images_dir), "hours_until_full": check.value, "images_bytes": stored}
    return Section({**facts, "free_bytes": disk["free_bytes"] if disk else None}, (check,))


def _logs(seen: Seen) -> Section:
    if why := seen.why_not("logs"):
        return Section({"files": {}}, (_warned(logs.FILES, "log files", why),))
    facts = seen.value("logs")
    checks = logs.file_checks(facts, health_probes.wanted_logs(seen.settings), seen.suite_s)
    return Section(facts, tuple(checks))


def _errors(seen: Seen) -> Section:
    if why := seen.why_not("errors"):
        return Section({"count": None, "last": []}, (_warned(logs.RECENT, "errors in the last hour", why),))
    facts = seen.value("errors")
    return Section(facts, (logs.errors_check(facts),))


def _network(seen: Seen) -> Section:
    far = [camera for camera in seen.settings.cameras if f"reach:{camera.id}" in seen.answers]
    url = seen.settings.redis_url or "unix:"
    checks: list[Check] = []
    facts: dict[str, Any] = {"default_routes": [], "interfaces": {}}
    if why := seen.why_not("network"):
        checks.append(_warned(network.COMPONENT, "network", why))
    else:
        facts = dict(seen.value("network"))
        checks += network.network_checks(facts, needs_network=bool(far) or not _is_here(url))
    reached = {}
    for camera in far:
        host = ":".join(map(str, health_probes.address_of(camera)))
        error = seen.why_not(f"reach:{camera.id}")
        reached[camera.id] = {"host": host, "reachable": not error, "error": error or None}
        facts_here = seen.capture(camera.id)["facts"] or {}
        streams = not facts_here.get("stale", True)
        checks.append(network.reach_check(camera.id, host, error, streams=streams))
    return Section({**facts, "cameras": reached}, tuple(checks))


def _is_here(url: str) -> bool:
    """Whether this Redis is on this host; of several hosts, some are elsewhere."""
    return url.startswith("unix:") or ("," not in url and urlsplit(url).hostname in _LOOPBACK)


def _failed(component: str, name: str, why: str) -> Check:
    return Check(component, name, None, Verdict.CRITICAL, why)


def _warned(component: str, name: str, why: str) -> Check:
    return Check(component, name, None, Verdict.WARNING, f"not known: {why}")


_JUDGES: Mapping[str, Callable[[Seen], Section]] = {
    processes.COMPONENT: _processes,
    cameras.COMPONENT: _cameras,
    redis.COMPONENT: _redis,
    delivery.COMPONENT: _delivery,
    machine.COMPONENT: _machine,
    disk_trend.COMPONENT: _forecast,
    logs.FILES: _logs,
    logs.RECENT: _errors,
    network.COMPONENT: _network,
}
COMPONENTS = tuple(_JUDGES)
