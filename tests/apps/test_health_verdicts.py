"""Whatever answers are missing, there is a report, and it says which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from greencam.apps.health_memory import Memory
from greencam.apps.health_probes import probes
from greencam.apps.health_text import lines
from greencam.apps.health_verdicts import COMPONENTS, Seen, sections
from greencam.base.clock import SystemClock
from greencam.base.files import write_json
from greencam.base.lock import Lock
from greencam.base.place import SUPERVISOR_LOCK, SUPERVISOR_STATUS
from greencam.base.probes import Answer
from greencam.settings.load import load
from greencam.settings.model import Settings
from greencam.telemetry.checks.report import Report
from greencam.telemetry.checks.verdict import Check

CLOCK = SystemClock()
SITE = "cameras: [{id: front, source: pattern}, {id: door, url: 'rtsp://a:b@127.0.0.1:1/'}]\n"
NOBODY = 2**22 + 1  # above every number that Linux gives a process
CHILD = {"name": "front", "pid": NOBODY, "restarts": 2, "done": False, "command": "cam1_stream.py"}
LATE, FAILED = Answer(late=True), Answer(error="it broke")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "config").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "config/config.yaml").write_text(SITE)
    monkeypatch.setenv("GREENCAM_RUNTIME_DIR", "run")
    return load(tmp_path)


@pytest.fixture
def answers(settings: Settings) -> dict[str, Answer]:
    """What the probes really say beside a supervisor that holds its lock and whose table is there."""
    write_json(settings.runtime_dir / SUPERVISOR_STATUS, {"pid": 1, "children": [CHILD]})
    lock = Lock(settings.runtime_dir / SUPERVISOR_LOCK, "the suite")
    found: dict[str, Answer] = {}
    for name, probe in probes(settings, COMPONENTS, None, CLOCK).items():
        try:
            found[name] = Answer(json.loads(json.dumps(probe())))
        except OSError as error:
            found[name] = Answer(error=str(error))
    lock.release()
    return found


def judged(settings: Settings, answers: dict[str, Answer]) -> dict[str, Check]:
    """The checks by name, of a report that can be shown both ways."""
    found = sections(Seen(settings, answers, Memory(), CLOCK), COMPONENTS)
    report = Report(found, CLOCK.wall(), 0.1, True)
    json.dumps(report.as_dict())
    assert max(map(len, lines(report, 80))) <= 80
    return {check.name: check for check in report.checks}


def test_every_component_has_checks(settings: Settings, answers: dict[str, Answer]) -> None:
    assert {check.component for check in judged(settings, answers).values()} == set(COMPONENTS)


@pytest.mark.parametrize("answer", [LATE, FAILED], ids=["late", "failed"])
def test_without_any_answer_everything_is_told_as_not_known(settings: Settings, answer: Answer) -> None:
    checks = judged(settings, dict.fromkeys(probes(settings, COMPONENTS, None, CLOCK), answer))
    why = "no answer within 0.4 s" if answer.late else "it broke"
    for name in ("start.py", "cameras", "connection", "machine", "disk images"):
        assert checks[name].verdict == "critical"
        assert why in checks[name].reason
    for name in ("log files", "errors in the last hour", "network"):
        assert (checks[name].verdict, checks[name].reason) == ("warning", f"not known: {why}")


@pytest.mark.parametrize("answer", [LATE, FAILED], ids=["late", "failed"])
def test_one_answer_that_is_missing_changes_no_more_than_it_must(
    settings: Settings, answers: dict[str, Answer], answer: Answer
) -> None:
    for name in answers:
        judged(settings, {**answers, name: answer})


def test_the_table_of_a_supervisor_that_hangs_is_judged_by_what_its_processes_leave_themselves(
    settings: Settings, answers: dict[str, Answer]
) -> None:
    checks = judged(settings, answers)
    assert "hangs: it does not answer" in checks["start.py"].reason
    assert "has gone" in checks["front"].reason


def test_a_camera_of_this_host_is_never_judged_by_a_beat_that_it_left_behind(
    settings: Settings, answers: dict[str, Answer]
) -> None:
    beat = {"state": "streaming", "stale": False, "frame_age_s": 0.1, "fps": 30.0}
    told = {"connected": True, "latency_ms": 0.1, "beats": {"front": beat, "door": beat}}
    checks = judged(settings, {**answers, "redis": Answer(told)})
    assert checks["front frame age"].verdict == "critical"


def test_a_camera_of_another_host_is_judged_by_its_beat(
    settings: Settings, answers: dict[str, Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENCAM_REDIS_URL", "redis://127.0.0.1:1")
    shared = load(settings.root)
    beat = {"state": "streaming", "stale": False, "frame_age_s": 0.1, "fps": 30.0}
    told = {"connected": True, "latency_ms": 0.1, "beats": {"front": beat, "door": beat}}
    checks = judged(shared, {**answers, "redis": Answer(told)})
    assert checks["door frame age"].verdict == "ok"
    assert checks["front frame age"].verdict == "critical", "this host's own supervisor is in charge of it"


@pytest.mark.parametrize(
    "beats", [{"front": {"delivery": 7}}, {"front": {"delivery": {"consumers": {"recorder": 1}}}}]
)
def test_a_beat_of_another_form_is_told_as_that(
    settings: Settings, answers: dict[str, Answer], beats: dict[str, object]
) -> None:
    told = {"connected": True, "latency_ms": 0.1, "beats": beats}
    assert judged(settings, {**answers, "redis": Answer(told)})["front consumers"].verdict == "critical"
