"""The command as a person or cron runs it: in a process of its own, against what is really there."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from greencam.apps import health_check, health_probes
from greencam.apps.health_probes import NEEDS, address_of, wanted_logs
from greencam.apps.health_text import ALIASES
from greencam.apps.health_verdicts import COMPONENTS
from greencam.base.lock import Lock
from greencam.base.place import SUPERVISOR_LOCK
from greencam.camera.hung_file import HungFile
from greencam.settings.load import load
from tests.making import fill, picture, ring, small_disk
from tests.ports import free_ports
from tests.suite import CHECKOUT, Suite

__all__ = ["small_disk"]
KEYS = (
    "process_status", "camera_status", "redis_connection", "delivery", "system_resources", "disk_forecast",
    "log_files", "recent_errors", "network",
)  # fmt: skip


PATIENT = ("tests/apps/patient.py", "health_check")


def looked(suite: Suite, *words: str) -> dict[str, Any]:
    """What --json says, with time for every answer; its exit code is in it."""
    done = suite.run(*PATIENT, "--json", *words)
    assert done.stderr == ""
    facts: dict[str, Any] = json.loads(done.stdout)
    assert facts["exit_code"] == done.returncode
    return facts


def verdicts(facts: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in facts["checks"]}


def reason(facts: dict[str, Any], name: str) -> str:
    return str(next(check["reason"] for check in facts["checks"] if check["name"] == name))


def test_every_component_has_a_short_name_and_its_probes() -> None:
    assert set(COMPONENTS) == set(NEEDS) == set(ALIASES.values()) == set(KEYS)


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A look at a suite that does not run."""
    suite = Suite(tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("run"))
    return looked(suite)


def test_nothing_runs_and_the_report_is_useful(idle: dict[str, Any]) -> None:
    facts = idle
    assert (facts["status"], facts["exit_code"], facts["running"]) == ("critical", 2, False)
    assert tuple(name for name in facts if name in KEYS) == KEYS
    assert facts["redis_connection"]["connected"] is False
    assert facts["process_status"]["start.py"]["running"] is False
    assert facts["camera_status"]["is_capturing"] is False
    assert isinstance(facts["system_resources"]["memory_percent"], float)
    assert 0 <= facts["system_resources"]["cpu_percent"] <= 100
    assert verdicts(facts)["start.py"] == "critical"
    assert all(re.fullmatch("ok|unknown|warning|critical", verdict) for verdict in verdicts(facts).values())


def test_a_look_leaves_nothing_behind(suite: Suite) -> None:
    suite.run("health_check.py")
    assert list(suite.root.iterdir()) == []
    assert [path.name for path in suite.runtime.iterdir()] == [".health.json"]


def test_every_check_tells_what_the_reference_promises(idle: dict[str, Any]) -> None:
    for check in idle["checks"]:
        assert set(check) == {"component", "name", "value", "unit", "threshold", "verdict", "reason"}
        assert check["component"] in KEYS
        assert check["reason"]
        assert check["threshold"] is None or set(check["threshold"]) == {"warning", "critical"}


def test_every_key_of_the_json_is_in_the_reference(idle: dict[str, Any]) -> None:
    page = (CHECKOUT / "docs/reference/health-check.md").read_text()
    names = {*idle, *(f"{key}.{inner}" for key in KEYS for inner in idle[key] if not inner.endswith(".py"))}
    assert [name for name in sorted(names) if f"`{name.rpartition('.')[2]}`" not in page] == []


def test_the_text_fits_a_terminal_and_tells_what_is_wrong_first(suite: Suite) -> None:
    done = suite.run(*PATIENT, *(f"--component={name}" for name in ("processes", "cameras", "redis", "logs")))
    lines = done.stdout.splitlines()
    assert done.returncode == 2
    assert lines[0].startswith("NOT WELL: 3 critical (")
    assert lines[2] == "CRITICAL  start.py: greencam does not run; ./run.sh starts it"
    assert max(map(len, lines)) <= 80


def test_one_component_alone(suite: Suite) -> None:
    facts = looked(suite, "--component", "system")
    assert [name for name in facts if name in KEYS] == ["system_resources"]
    both = looked(suite, "--component", "redis_connection", "--component", "errors")
    assert {check["component"] for check in both["checks"]} == {"redis_connection", "recent_errors"}


def test_a_component_that_does_not_exist_is_refused_with_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        health_check.main(["--component", "engine"])
    said = capsys.readouterr()
    assert (raised.value.code, said.out) == (2, "")
    assert f"no component 'engine'; there are {', '.join(ALIASES)}" in said.err


@pytest.mark.parametrize("words", [["--watch", "0"], ["--watch", "soon"], ["--jsn"]])
def test_a_wrong_word_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        health_check.main(words)
    assert (raised.value.code, capsys.readouterr().out) == (2, "")


def test_settings_with_a_mistake_are_told_as_everywhere(suite: Suite) -> None:
    suite.environment["GREENCAM_FRAME_RATE"] = "many"
    done = suite.run("health_check.py", "--json")
    assert (done.returncode, done.stdout) == (78, "")
    assert "FRAME_RATE" in done.stderr


def test_the_guides_cron_line_works_from_any_folder(suite: Suite, tmp_path: Path) -> None:
    line = f"{sys.executable} {CHECKOUT}/health_check.py --json > /dev/null 2>&1"
    done = subprocess.run(["sh", "-c", line], cwd="/", env=suite.environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


@pytest.mark.parametrize("path", [".redis_connection", ".process_status", ".camera_status"])
def test_the_guides_paths_of_jq(idle: dict[str, Any], path: str) -> None:
    assert idle[path.removeprefix(".")]["status"] == "critical"


def test_a_silence_is_told_before_a_look_has_to_end() -> None:
    """In their own sentence; the looks in these tests have more time, for busy machines."""
    assert health_probes._TIMEOUT_S <= 0.8 * health_probes.DEADLINE_S


def test_a_redis_host_that_swallows_everything_costs_its_own_answer_only(suite: Suite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        suite.environment["GREENCAM_REDIS_URL"] = f"redis://me:secret@127.0.0.1:{silent.getsockname()[1]}"
        facts = looked(suite)
    assert facts["redis_connection"]["connected"] is False
    assert "does not answer in time" in reason(facts, "connection")
    assert "secret" not in json.dumps(facts)
    assert isinstance(facts["system_resources"]["memory_percent"], float)
    assert verdicts(facts)["errors in the last hour"] == "ok"


def test_a_network_camera_that_is_away_is_told_without_its_password(suite: Suite) -> None:
    (port,) = free_ports(1)
    suite.site(
        f"cameras: [{{id: door, url: 'rtsp://admin:secret@127.0.0.1:{port}/1'}}, {{id: own, source: pattern}}]"
    )
    facts = looked(suite, "--component", "network")
    assert facts["network"]["cameras"]["door"]["reachable"] is False
    assert f"127.0.0.1:{port} takes no connection" in reason(facts, "camera door")
    assert "secret" not in json.dumps(facts)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("rtsp://u:p@10.0.0.9/1", ("10.0.0.9", 554)),
        ("rtsps://cam/1", ("cam", 322)),
        ("http://[fe80::1]:8080/mjpg", ("fe80::1", 8080)),
    ],
)
def test_where_a_network_camera_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, address: tuple[str, int]
) -> None:
    monkeypatch.setenv("GREENCAM_CAMERA_SOURCE", url)
    assert address_of(load(tmp_path).cameras[0]) == address


def test_a_disk_that_is_full_is_critical(suite: Suite, small_disk: Path) -> None:
    suite.environment["GREENCAM_IMAGES_DIR"] = str(small_disk / "images")
    fill(small_disk)
    facts = looked(suite, "--component", "system")
    assert verdicts(facts)["disk images"] == "critical"
    assert facts["system_resources"]["disk_percent"] == 100.0


def test_a_log_that_can_not_be_read_is_a_warning_and_no_traceback(suite: Suite) -> None:
    (suite.root / "logs" / "camera_system.log").mkdir(parents=True)
    (suite.root / "logs" / "errors.log").mkdir()
    facts = looked(suite, "--component", "logs", "--component", "errors")
    assert (facts["exit_code"], verdicts(facts)["camera_system.log"]) == (1, "warning")
    assert "Is a directory" in reason(facts, "errors in the last hour")


def test_a_disk_that_hangs_costs_its_own_answers_and_holds_nobody(suite: Suite, hung: HungFile) -> None:
    (suite.root / "logs").mkdir()
    (suite.root / "logs" / "errors.log").symlink_to(hung.path)
    suite.environment["PATIENCE_S"] = "5"  # the other answers come within it
    facts = looked(suite, "--component", "logs", "--component", "errors", "--component", "network")
    assert reason(facts, "errors in the last hour") == "not known: no answer within 5 s"
    assert reason(facts, "log files") == "not known: no answer within 5 s"
    assert facts["exit_code"] >= 1
    assert "default route" in verdicts(facts)


def test_logs_are_judged_only_while_they_are_written_to_by_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wanted_logs(load(tmp_path))["camera_system.log"].silent_s == 150.0
    assert "camera_system.jsonl" not in wanted_logs(load(tmp_path))
    monkeypatch.setenv("GREENCAM_LOG_JSON", "true")
    assert "camera_system.jsonl" in wanted_logs(load(tmp_path))
    monkeypatch.setenv("GREENCAM_LOG_LEVEL", "ERROR")
    assert wanted_logs(load(tmp_path))["camera_system.log"].silent_s is None


def test_a_supervisor_that_holds_its_lock_and_does_not_answer_hangs(suite: Suite) -> None:
    lock = Lock(suite.runtime / SUPERVISOR_LOCK, "the suite")
    try:
        facts = looked(suite, "--component", "processes")
    finally:
        lock.release()
    assert facts["running"] is True
    assert "hangs: it does not answer" in reason(facts, "start.py")


def test_frames_that_flow_without_anybody_who_watches_are_not_all_well(suite: Suite) -> None:
    """Alive is what comes out and what is looked after: a worker that was left alone is neither."""
    _, writer = ring(suite.runtime / "cam1.ring")
    writer.put(picture(1))
    assert verdicts(looked(suite, "--component", "cameras"))["cam1 frame age"] == "critical"


def test_watching_renews_and_ends_with_the_code_of_the_last_look(suite: Suite) -> None:
    process = suite.start("health_check.py", "--watch", "1", "--json", "--component", "processes")
    assert process.stdout is not None
    both = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [facts["exit_code"] for facts in both] == [2, 2]
    assert both[0]["time"] < both[1]["time"]
    assert suite.finish(process, signal.SIGINT)[0] == 2
