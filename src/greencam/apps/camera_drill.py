"""camera_health_monitor.py --drill: make a fault, watch detection and recovery, print a verdict with times."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from greencam.base.clock import Clock, SystemClock
from greencam.base.errors import EXIT_FAILED, EXIT_OK, Refused
from greencam.base.stop import InterruptibleClock, Stop
from greencam.capture.reboot import RebootLimits
from greencam.capture.reboot_request import DeskPlaces, Hold, RebootDesk
from greencam.client.camera_status import Lookout
from greencam.settings.camera_model import Camera, CameraSettings, resolved
from greencam.settings.model import Settings
from greencam.settings.source_text import faulty_parts
from greencam.upkeep.drill import Deadlines, Drill, Hung, Report, Scripted, Signalled
from greencam.upkeep.drill_ground import DrillGround, Observer
from greencam.upkeep.drill_kinds import KINDS, DrillKind, Expect

__all__ = ["KINDS", "run"]
_CAMERA = "drill"
_STEADY_S = 2.0
_NO_REBOOT_S = 600.0


@dataclass(frozen=True)
class Scene:
    """What every drill of one command shares: the settings, the camera (None: simulated), whether it is in use."""

    settings: Settings
    camera: str | None
    in_use: bool
    clock: Clock
    as_json: bool

    def say(self, text: str) -> None:
        """A line for people."""
        if not self.as_json:
            print(text, flush=True)


def run(name: str, settings: Settings, camera: str | None, *, as_json: bool) -> int:
    """Drill one kind or `all` on the simulated camera, or on `camera`; exit 0 when every goal was met.

    A camera that is captured now gets the fault as a signal to its worker; one that is not is captured by the
    drill itself. Ctrl-C and SIGTERM clean up and raise KeyboardInterrupt. Raises Refused for what can't be done so.
    """
    kinds = _chosen(name)
    in_use = camera is not None and _in_use(settings, camera)
    clock = InterruptibleClock(Stop().on_signals(signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    scene = Scene(settings, camera, in_use, clock, as_json)
    reports, left_out = [], {}
    for kind in kinds:
        try:
            reports.append(_drilled(kind, scene))
        except Refused as error:
            if len(kinds) == 1:
                raise
            left_out[kind.name] = str(error)
            scene.say(f"drill {kind.name}: left out: {error}")
    passed = bool(reports) and all(report.passed for report in reports)
    if as_json:
        drills = [report.as_dict() for report in reports]
        print(json.dumps({"passed": passed, "drills": drills, "left_out": left_out}, indent=1))
    elif len(kinds) > 1:
        print(_balance(reports, left_out))
    return EXIT_OK if passed else EXIT_FAILED


def _chosen(name: str) -> list[DrillKind]:
    if name == "all":
        return list(KINDS.values())
    if name not in KINDS:
        near = get_close_matches(name, KINDS, n=1)
        known = f"did you mean {near[0]}?" if near else f"known: {', '.join(KINDS)}, all"
        raise Refused(f"no drill {name!r}; {known}")
    return [KINDS[name]]


def _in_use(settings: Settings, camera: str) -> bool:
    if camera not in [entry.id for entry in settings.cameras]:
        raise Refused(f"no camera {camera!r}; known: {', '.join(entry.id for entry in settings.cameras) or 'none'}")
    enabled = any(entry.id == camera and entry.enabled for entry in settings.cameras)
    lookout = Lookout(settings, SystemClock())
    try:
        return lookout.captured(camera) if enabled else lookout.facts(camera) is not None
    finally:
        lookout.close()


def _drilled(kind: DrillKind, scene: Scene) -> Report:
    with ExitStack() as stack:
        if scene.in_use:
            observer = Observer(scene.settings.runtime_dir, str(scene.camera), scene.clock)
            signalled = Signalled(kind, observer)
            signalled.check()
            fault: Signalled | Scripted | Hung = signalled
            kind = replace(kind, what=f"{kind.signal} to its worker")
            stack.enter_context(_no_reboot(scene.settings))
            scene.say(f"drill {kind.name} on {scene.camera}, which is in use")
        else:
            scene.say(f"drill {kind.name} on {scene.camera or 'a simulated camera'}")
            ground = stack.enter_context(DrillGround(scene.settings.root, scene.clock))
            fault, observer = _prepared(kind, ground, scene)

        def say(now_s: float, text: str) -> None:
            scene.say(f"  {now_s:6.2f} s  {text}")

        report = Drill(kind, observer, deadlines_of(scene.settings), scene.clock, say).run(fault.make, fault.lift)
    scene.say(f"  {verdict(report)}")
    return report


def _prepared(kind: DrillKind, ground: DrillGround, scene: Scene) -> tuple[Scripted | Hung, Observer]:
    """A capture of the drill's own that works, and what makes the fault in it."""
    faults = ground.faults_of(_CAMERA)
    ground.write_site([_site_entry(ground, scene.settings, scene.camera)])
    ground.start(_CAMERA)
    scene.clock.sleep(_STEADY_S)  # so that it counts as steady before the fault
    fault: Scripted | Hung = Scripted(kind, faults)
    if kind.expect is Expect.QUARANTINE:
        fault = Hung(faults, ground.folder / "hung", SystemClock())
    return fault, Observer(ground.runtime, _CAMERA, scene.clock)


@contextmanager
def _no_reboot(settings: Settings) -> Iterator[None]:
    """Hold reboots back while a camera in use is drilled; whatever becomes of this process, not for long."""
    clock = SystemClock()
    limits = RebootLimits.of(settings.machine.camera_recovery_settings)
    desk = RebootDesk(DeskPlaces(settings.data_dir / "state", settings.reboot_control_dir), limits, clock)
    if desk.held() is not None:
        yield
        return
    ours = Hold(float(round(clock.wall() + _NO_REBOOT_S)))
    desk.hold(ours.until_wall_s)
    try:
        yield
    finally:
        if desk.held() == ours:  # else an operator has placed one meanwhile
            desk.release()


def deadlines_of(settings: Settings) -> Deadlines:
    """The deadlines that captures with these settings keep."""
    frame_s = settings.machine.camera_recovery_settings.frame_timeout
    return Deadlines(frame_s=frame_s, open_s=max(15.0, 3 * frame_s))


def _site_entry(ground: DrillGround, settings: Settings, camera: str | None) -> dict[str, Any]:
    """The camera under drill: the simulated one in a moderate size, or a real one as the site names it."""
    faults = ground.faults_of(_CAMERA)
    if camera is None:
        return {"id": _CAMERA, "source": f"faulty:{faults}", "width": 640, "height": 480, "fps": 30}
    named = {entry.id: entry for entry in settings.site.cameras}
    entry = named.get(camera, Camera(id=camera))
    inner = _inner(entry, resolved(entry, settings.machine, settings.root), settings)
    wishes = entry.model_dump(exclude_none=True, exclude={"id", "name", "url", "source", "enabled"})
    return {**wishes, "id": _CAMERA, "source": f"faulty:{faults}|{inner}"}


def _inner(entry: Camera, found: CameraSettings, settings: Settings) -> str:
    """The camera's source as text that means the same in another folder; of a faulty camera the one it wraps."""
    if found.kind == "file":
        return f"file:{found.address}"
    if found.kind == "faulty":
        return faulty_parts(found.address)[1]
    return entry.url or entry.source or settings.machine.camera_source


def _balance(reports: list[Report], left_out: dict[str, str]) -> str:
    failed = [report.kind for report in reports if not report.passed]
    words = [f"{len(reports) - len(failed)} of {len(reports)} drills passed"]
    words += [f"failed: {', '.join(failed)}"] if failed else []
    return "; ".join(words + ([f"left out: {', '.join(left_out)}"] if left_out else []))


def verdict(report: Report) -> str:
    """One line: passed or failed, with the times that matter and what was allowed."""
    if report.problems:
        return f"FAILED: {'; '.join(report.problems)}"
    words = []
    if report.detected_s is not None:
        words.append(f"detected after {report.detected_s:.2f} s (allowed {report.detect_allowed_s:g})")
    if report.frame_after_detection_s is not None:
        words.append(f"frames {report.frame_after_detection_s:.2f} s later (allowed {report.frame_allowed_s:g})")
    if report.cured_by:
        words.append(f"by: {report.cured_by}")
    return "passed: " + (", ".join(words) or "nothing was lost")
