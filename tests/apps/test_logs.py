"""The log files of real processes, beside a suite and without one."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from tests.suite import CHECKOUT, Suite, children_of, command_of, wait_until

USES = """
import sys
sys.path.insert(0, sys.argv[1])
from monitoring import connection, issue, log_to_files, timed
log_to_files("my_program")
@timed("fetch_image")
def fetch_image(): return 3
assert fetch_image() == 3
issue("camera_connection_failed", "no answer from rtsp://u:s3cr3t@h", "ERROR", camera="cam1")
connection("camera", False)
"""


def text(suite: Suite, name: str = "camera_system.log") -> str:
    path = suite.root / "logs" / name
    return path.read_text() if path.exists() else ""


def test_a_suite_writes_the_guides_files(suite: Suite) -> None:
    suite.environment |= {"GREENCAM_LOG_JSON": "true", "GREENCAM_HEALTH_CHECK_INTERVAL": "0.5"}
    process = suite.start("start.py")
    wait_until(lambda: "cam1_stream[cam1]: simulated camera" in text(suite))
    wait_until(lambda: '"metric": "system_health"' in text(suite, "performance.log"))
    wait_until(lambda: 'CONNECTION: {"service": "camera", "status": true' in text(suite))
    (capture,) = [pid for pid in children_of(process.pid) if "cam1_stream.py" in command_of(pid)]
    os.kill(capture, signal.SIGKILL)
    wait_until(lambda: "start: cam1 ended with SIGKILL" in text(suite))
    wait_until(lambda: text(suite).count("cam1_stream[cam1]: simulated camera") >= 2)
    wait_until(lambda: has_measured(suite, capture))
    code, output = suite.finish(process)
    assert code == 0
    assert "PERF: " not in text(suite) + output
    for name in ("fetch_image", "redis_beat", "encode"):
        assert f'"metric": "{name}_duration"' in text(suite, "performance.log"), name
    records = [json.loads(row) for row in text(suite, "camera_system.jsonl").splitlines()]
    assert {record["source"] for record in records} == {"start", "cam1_stream", "storeimages"}
    assert all(record["camera"] == "cam1" for record in records if record["source"] == "cam1_stream")
    assert (suite.root / "greencam.log").read_text() == text(suite)
    told = suite.run("monitoring.py")
    assert told.returncode == 0
    assert "the suite does not run" in told.stdout
    assert max(map(len, told.stdout.splitlines()[1:])) <= 80
    facts = json.loads(suite.run("monitoring.py", "--json").stdout)
    assert facts["counts"]["connections"]["camera of cam1_stream[cam1]"]["status"] is True
    assert [one["name"] for one in facts["files"]][:3] == ["camera_system.log", "errors.log", "performance.log"]


def has_measured(suite: Suite, killed: int) -> bool:
    """Whether the capture after the killed one, whose figures are lost, has had all that it measures to do."""
    facts = json.loads((suite.runtime / "cam1.json").read_text())
    return bool(facts["pid"] != killed and facts["encoded"] and facts["redis"])


def test_a_program_by_hand_writes_the_same_files_beside_a_suite(suite: Suite) -> None:
    process = suite.start("start.py")
    wait_until(lambda: "cam1_stream[cam1]: simulated camera" in text(suite))
    second = suite.start("cam1_stream.py", "--camera", "door", "--source", "pattern")
    wait_until(lambda: "cam1_stream[door]: simulated camera" in text(suite))
    code, said = suite.finish(second)
    assert code == 0, said
    assert "cam1_stream[door]: simulated camera" in said
    suite.finish(process)
    shape = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - camera_system - [A-Z]+ - .*|  .*")
    assert all(shape.fullmatch(row) for row in text(suite).splitlines())


def test_a_program_of_ones_own_uses_the_module(suite: Suite) -> None:
    script = suite.root / "mine.py"
    script.write_text(USES)
    done = suite.python(script, str(CHECKOUT))
    assert done.returncode == 0, done.stderr
    main, errors, performance = (
        text(suite, name) for name in ("camera_system.log", "errors.log", "performance.log")
    )
    assert 'CONNECTION: {"service": "camera", "status": false' in main
    assert re.search(r" - camera_system - ERROR - <module>:\d+ - ISSUE: \{\"issue_type\": \"camera_conn", errors)
    assert '"metric": "fetch_image_duration"' in performance
    assert "s3cr3t" not in main + errors + done.stderr


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("fetch()", "ValueError: no s3cr3t for rtsp://***@h"),
        (
            "import threading; t = threading.Thread(target=fetch, name='eye'); t.start(); t.join()",
            "thread eye ended with ValueError: no s3cr3t for rtsp://***@h",
        ),
    ],
)
def test_what_nobody_caught_is_in_the_files_of_a_program_by_hand(suite: Suite, way: str, told: str) -> None:
    script = suite.root / "mine.py"
    script.write_text(
        "import sys\nsys.path.insert(0, sys.argv[1])\nfrom monitoring import log_to_files\n"
        f"log_to_files('mine')\ndef fetch(): raise ValueError('no s3cr3t for rtsp://u:p4ss@h')\n{way}\n"
    )
    done = suite.python(script, str(CHECKOUT))
    first, *rest = text(suite, "errors.log").splitlines()
    assert re.search(rf" - camera_system - ERROR - fetch:\d+ - mine: {re.escape(told)}$", first)
    assert rest[0] == "  Traceback (most recent call last):"
    assert "p4ss" not in text(suite, "errors.log") + done.stderr
    assert done.returncode == (0 if "thread" in way else 1)


def test_logs_that_may_not_be_written_cost_a_sentence(suite: Suite) -> None:
    (suite.root / "logs").write_text("a file where the folder should be")
    said = suite.root / "said"
    with said.open("w") as stream:
        process = suite.start_with(stream.fileno(), "cam1_stream.py", "--source", "pattern")
    wait_until(lambda: "simulated camera" in said.read_text())
    assert suite.finish(process)[0] == 0
    told = [row for row in said.read_text().splitlines() if "no log file" in row]
    assert len(told) == 1
    assert "going on without" in told[0]


def test_what_a_program_refuses_is_an_error_of_the_log_when_another_one_reads_it(suite: Suite) -> None:
    suite.environment["GREENCAM_LOG_LINES"] = "json"
    done = suite.run("cam1_stream.py", "--size", "huge")
    record = json.loads(done.stderr)
    assert (record["level"], record["source"]) == ("ERROR", "cam1_stream")
    assert "--size 'huge'" in record["message"]


def test_levels_by_name_are_taken_over(suite: Suite) -> None:
    suite.environment["GREENCAM_LOG_LEVELS"] = "{capture: ERROR}"
    done = suite.run("cam1_stream.py", "--source", "pattern", "--duration", "1")
    assert "simulated camera" not in done.stderr
    suite.environment["GREENCAM_LOG_LEVELS"] = "{capture: LOUD}"
    done = suite.run("cam1_stream.py", "--source", "pattern", "--duration", "1")
    assert done.returncode == 78
    assert "LOG_LEVELS" in done.stderr


def test_monitoring_tells_when_there_is_nothing_yet(suite: Suite) -> None:
    done = suite.run("monitoring.py")
    assert done.returncode == 0
    assert done.stdout.count("not there yet") == 3
    assert "nothing is counted" in done.stdout


def test_it_follows_a_log_through_a_rotation(suite: Suite) -> None:
    log = suite.root / "logs" / "camera_system.log"
    log.parent.mkdir()
    log.write_text("first\n")
    process = suite.start("monitoring.py", "--follow")
    assert process.stdout is not None
    assert process.stdout.readline() == "first\n"
    log.rename(f"{log}.1")
    log.write_text("second\n")
    while (row := process.stdout.readline()) != "second\n":
        assert row, "tail has ended"
    assert suite.finish(process)[0] in {-signal.SIGTERM, 143}


def test_a_capture_goes_on_while_nobody_reads_its_stderr(suite: Suite) -> None:
    read_end, write_end = os.pipe()
    suite.environment |= {"GREENCAM_LOG_LINES": "json", "GREENCAM_LOG_LEVEL": "DEBUG"}
    os.set_blocking(write_end, False)
    while True:  # fill the pipe, so that the first line of the capture already finds no room
        try:
            os.write(write_end, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(write_end, True)
    process = suite.start_with(write_end, "cam1_stream.py", "--source", "pattern")
    os.close(write_end)
    facts = suite.runtime / "cam1.json"
    first = wait_until(lambda: facts.exists() and json.loads(facts.read_text())["seq"])
    wait_until(lambda: json.loads(facts.read_text())["seq"] > first + 60, 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    os.close(read_end)


def test_the_folder_of_logs_need_not_be_below_the_project(suite: Suite, short_folder: Path) -> None:
    folder = short_folder / "elsewhere"
    suite.environment["GREENCAM_LOGS_DIR"] = str(folder / "logs")
    assert suite.run("start.py", "--duration", "2").returncode == 0
    assert (suite.root / "greencam.log").resolve() == folder / "logs" / "camera_system.log"
