"""camera_health_monitor.py --drill: make a fault, watch detection and recovery, print a verdict with times."""

from __future__ import annotations

import json
from typing import Any

from greencam.base.clock import SystemClock
from greencam.base.errors import EXIT_FAILED, EXIT_OK, Refused
from greencam.capture.facts_file import capture_pid
from greencam.settings.camera_model import Camera
from greencam.settings.model import Settings
from greencam.upkeep.drill import Deadlines, Drill, Hung, Report, Scripted, Signalled
from greencam.upkeep.drill_ground import DrillGround, Observer
from greencam.upkeep.drill_kinds import KINDS, DrillKind, Expect

__all__ = ["KINDS", "run"]
_CAMERA = "drill"


def run(name: str, settings: Settings, camera: str | None, *, as_json: bool) -> int:
    """Drill one kind or `all` on the simulated camera, or on `camera`; exit 0 when every goal was met.

    A camera that is captured now gets the fault as a signal to its worker; one that is not is captured by the
    drill itself. Raises Refused for what can't be done so.
    """
    kinds = _chosen(name)
    reports = [_drilled(kind, settings, camera, as_json=as_json) for kind in kinds]
    if as_json:
        print(
            json.dumps(
                {"passed": all(r.passed for r in reports), "drills": [r.as_dict() for r in reports]}, indent=1
            )
        )
    elif len(reports) > 1:
        failed = [report.kind for report in reports if not report.passed]
        print(
            f"{len(reports) - len(failed)} of {len(reports)} drills passed"
            + (f"; failed: {failed}" if failed else "")
        )
    return EXIT_OK if all(report.passed for report in reports) else EXIT_FAILED


def _chosen(name: str) -> list[DrillKind]:
    if name == "all":
        return list(KINDS.values())
    if name not in KINDS:
        raise Refused(f"no drill {name!r}; known: {', '.join(KINDS)}, all")
    return [KINDS[name]]


def _drilled(kind: DrillKind, settings: Settings, camera: str | None, *, as_json: bool) -> Report:
    clock, on = SystemClock(), camera or "the simulated camera"
    deadlines = deadlines_of(settings)

    def say(now_s: float, text: str) -> None:
        if not as_json:
            print(f"  {now_s:6.2f} s  {text}", flush=True)

    if not as_json:
        print(f"drill {kind.name} on {on}")
    if camera is not None and capture_pid(settings.runtime_dir, camera) is not None:
        observer = Observer(settings.runtime_dir, camera, clock)
        signalled = Signalled(kind, observer)
        report = Drill(kind, observer, deadlines, clock, say).run(signalled.make, signalled.lift)
    else:
        with DrillGround(settings.root, clock) as ground:
            ground.write_site([_site_entry(ground, settings, camera)])
            ground.start(_CAMERA)
            clock.sleep(2.0)  # so that it counts as steady before the fault
            fault: Scripted | Hung = Scripted(kind, ground.faults_of(_CAMERA))
            if kind.expect is Expect.QUARANTINE:
                fault = Hung(ground.faults_of(_CAMERA), ground.folder / "hung", clock)
            observer = Observer(ground.runtime, _CAMERA, clock)
            report = Drill(kind, observer, deadlines, clock, say).run(fault.make, fault.lift)
    if not as_json:
        print(f"  {verdict(report)}")
    return report


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
    known = [entry.id for entry in settings.cameras]
    if camera not in known:
        raise Refused(f"no camera {camera!r}; known: {', '.join(known)}")
    entry = named.get(camera, Camera(id=camera))
    inner = entry.url or entry.source or settings.machine.camera_source
    wishes = entry.model_dump(exclude_none=True, exclude={"id", "name", "url", "source", "enabled"})
    return {**wishes, "id": _CAMERA, "source": f"faulty:{faults}|{inner}"}


def verdict(report: Report) -> str:
    """One line: passed or failed, with the times that matter."""
    if report.problems:
        return f"FAILED: {'; '.join(report.problems)}"
    words = []
    if report.detected_s is not None:
        words.append(f"detected after {report.detected_s:.2f} s")
    if report.frame_after_detection_s is not None:
        words.append(f"frames again {report.frame_after_detection_s:.2f} s later")
    if report.cured_by:
        words.append(f"by: {report.cured_by}")
    return "passed: " + (", ".join(words) or "nothing was lost")
