"""The command as people run it: the guides' lines word for word, pipes included."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.logscan.making import stamp
from tests.suite import CHECKOUT, wait_until

SCRIPT = CHECKOUT / "log_analyzer.py"


def own(at_s: float, text: str, level: str = "INFO") -> str:
    return f"{stamp(at_s)} - camera_system - {level} - {text}\n"


def marked(at_s: float, word: str, facts: dict[str, Any], level: str = "INFO") -> str:
    return own(at_s, f"{word}: {json.dumps(facts)}", level)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with logs of the last three hours."""
    folder = tmp_path_factory.mktemp("root")
    (folder / "logs").mkdir()
    (folder / "data" / "logs").mkdir(parents=True)
    begin_s = time.time() - 3 * 3600
    main, errors, perf = [], [], []
    for minute in range(180):
        at_s = begin_s + 60 * minute
        up = not 150 <= minute < 155
        details = {"failures": 0} if up else {"failures": 1, "error": "Connection refused"}
        facts = {"service": "redis", "status": up, "details": details, "uptime": 60.0 * minute, "source": "start"}
        main.append(marked(at_s, "CONNECTION", facts))
        value = {"cpu_percent": 20.0 + minute % 5, "memory_percent": 40 + minute / 60}
        rows = {"system_health": (value, None), "fetch_image_duration": (0.04 + minute % 7 / 100, "seconds")}
        rows["capture_duration"] = (0.02, "seconds")
        for metric, (number, unit) in rows.items():
            told = {"metric": metric, "value": number, "unit": unit, "timestamp": at_s, "uptime": 60.0 * minute}
            perf.append(f"{stamp(at_s)} - PERF: {json.dumps(told)}\n")
    at_s = begin_s + 151 * 60
    for text in ("start: Redis connection failed: Connection refused", "cam1_stream[cam1]: the camera hangs"):
        main.append(own(at_s, text, "ERROR"))
        errors.append(own(at_s, f"ping:45 - {text}", "ERROR"))
    trouble = {"issue_type": "thread_timeout", "message": "Thread timeout", "severity": "WARNING", "count": 1}
    main.append(marked(at_s + 1, "ISSUE", {**trouble, "source": "client"}, "WARNING"))
    errors.insert(0, own(begin_s, "run:1 - start: Old trouble", "ERROR"))
    main.insert(0, own(begin_s, "start: Old trouble", "ERROR"))
    (folder / "logs" / "camera_system.log").write_text("".join(sorted(main)))
    (folder / "logs" / "errors.log").write_text("".join(errors))
    (folder / "logs" / "performance.log").write_text("".join(perf))
    (folder / "greencam.log").symlink_to("logs/camera_system.log")
    (folder / "data" / "logs" / "app.log").write_text(f"{stamp(at_s)[:19]} | ERROR | camera | FPS=3.5 reconnect\n")
    return folder


def environment(root: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GREENCAM_")}
    return {**kept, "GREENCAM_ROOT": str(root)}


def run(root: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        env=environment(root), cwd=root, capture_output=True, text=True, timeout=60, input=stdin,
    )  # fmt: skip


def shell(root: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A line of the guides, as bash would run it, in the project's folder."""
    if " jq " in command and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    written = command.replace("python3 log_analyzer.py", f"{sys.executable} {SCRIPT}")
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", written],
        env=environment(root), cwd=root, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python3 log_analyzer.py", "ERROR TYPES"),
        ("python3 log_analyzer.py --file logs/errors.log", "Redis connection failed"),
        ("python3 log_analyzer.py --file logs/performance.log", "fetch_image_duration"),
        ("python3 log_analyzer.py --recent-errors", "the camera hangs"),
        ("python3 log_analyzer.py --recent-errors --hours 2", "the camera hangs"),
        ("python3 log_analyzer.py --hours 6", "camera_system.log"),
        ("python3 log_analyzer.py --json", '"error_types"'),
        ("python3 log_analyzer.py --recent-errors --hours 1 | grep -i connection", "Connection refused"),
        (
            "python3 log_analyzer.py --recent-errors --hours 1 | grep -i connection",
            "redis connection: not connected",
        ),
        (
            'python3 log_analyzer.py --recent-errors --hours 1 | grep -E "(cam1_stream|start|client)"',
            "cam1_stream[cam1]",
        ),
        ("python3 log_analyzer.py --recent-errors | grep -i camera", "the camera hangs"),
        ("python3 log_analyzer.py --recent-errors --hours 1 | grep -i camera", "the camera hangs"),
        ("python3 log_analyzer.py --file logs/performance.log | grep memory", "system_health.memory_percent"),
        ("python3 log_analyzer.py --file logs/performance.log | grep -i capture", "capture_duration"),
        # The guides' paths are a division to jq; --query takes them as they are, jq the slash-free names.
        (
            "python3 log_analyzer.py --query '.logs/performance.log.performance' | grep duration",
            "fetch_image_duration",
        ),
        ("python3 log_analyzer.py --query '.logs/errors.log.error_types'", '"Redis connection failed": 1'),
        ("python3 log_analyzer.py --query '.logs/camera_system.log.connections'", '"outage_count": 1'),
        (
            "python3 log_analyzer.py --json | jq '.performance_log.performance' | grep duration",
            "fetch_image_duration",
        ),
        ("python3 log_analyzer.py --json | jq '.errors_log.error_types'", '"Redis connection failed": 1'),
        ("python3 log_analyzer.py --json | jq '.logs[\"errors.log\"].error_types'", '"Redis connection failed": 1'),
        ("python3 log_analyzer.py --json | jq '.\"logs/errors.log\".error_types'", '"Redis connection failed": 1'),
        ("python3 log_analyzer.py --json | jq '.camera_system_log.connections.redis.outage_seconds'", "300"),
    ],
)
def test_the_guides_commands(root: Path, command: str, expected: str) -> None:
    done = shell(root, command)
    assert expected in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_a_window_leaves_out_what_is_older(root: Path) -> None:
    assert "Old trouble" in run(root, "--recent-errors").stdout
    newer = run(root, "--recent-errors", "--hours", "1.5").stdout
    assert "Old trouble" not in newer
    assert "the camera hangs" in newer
    none = run(root, "--recent-errors", "--hours", "0.01")
    assert none.stdout == "0 errors, issues and lost connections in the last 0.01 hours\n"


def test_each_error_comes_once_though_it_stands_in_two_logs(root: Path) -> None:
    report = json.loads(run(root, "--json").stdout)
    assert report["summary"]["errors"] == 4
    assert sorted(report["logs"]) == ["app.log", "camera_system.log", "errors.log", "performance.log"]
    recent = json.loads(run(root, "--recent-errors", "--json").stdout)
    assert [one["where"] for one in recent["errors"] if one.get("camera")] == ["ping:45"]


def test_the_report_fits_80_columns_and_begins_with_a_verdict(root: Path) -> None:
    lines = run(root).stdout.splitlines()
    assert lines[0].startswith("4 errors of 4 kinds, 1 warning.")
    assert max(map(len, lines)) <= 80


def test_words_that_can_not_be(root: Path) -> None:
    assert run(root, "--hours", "0").returncode == 2
    assert run(root, "--hours", "x").returncode == 2
    assert run(root, "--hours", "1e12").returncode == 2
    assert run(root, "--query", ".a", "--recent-errors").returncode == 2
    assert run(root, "--follow", "--json").returncode == 2
    unknown = run(root, "--query", ".logs/errors.log.eror_types")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "did you mean error_types?" in unknown.stderr


def test_a_log_that_is_not_there_is_named_and_the_others_are_read(root: Path) -> None:
    done = run(root, "--file", "logs/none.log", "--file", "logs", "--file", "logs/errors.log")
    assert done.returncode == 1
    assert done.stderr == "logs/none.log: No such file or directory\nlogs: it is a folder; name a file in it\n"
    assert "Redis connection failed" in done.stdout


def test_no_logs_at_all(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"there are no logs in {tmp_path}/logs; greencam writes them while it runs\n"


def test_a_log_that_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(bytes(range(256)) * 50)
    done = run(tmp_path, "--file", "x.log")
    assert done.returncode == 1
    assert done.stdout.startswith("Nothing could be read.\n")
    assert "x.log: a binary file, skipped" in done.stdout
    recent = run(tmp_path, "--file", "x.log", "--recent-errors")
    assert (recent.returncode, recent.stdout) == (1, ""), "no errors is not what was found"
    assert "x.log: a binary file, skipped" in recent.stderr


def test_the_input_is_a_log_too(root: Path) -> None:
    row = {"__REALTIME_TIMESTAMP": "1795516215000000", "PRIORITY": "3", "SYSLOG_IDENTIFIER": "x", "MESSAGE": "bad"}
    done = run(root, "--file", "-", "--json", stdin=json.dumps(row) + "\n")
    assert json.loads(done.stdout)["logs"]["stdin"]["sources"] == {"x": {"lines": 1, "errors": 1, "warnings": 0}}
    piped = shell(root, "python3 log_analyzer.py --query .summary.errors --file <(zcat -f logs/errors.log)")
    assert (piped.returncode, piped.stdout) == (0, "3\n")


def test_nothing_from_a_log_reaches_the_terminal_as_an_escape(tmp_path: Path) -> None:
    now_s = time.time()
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
    facts = {"service": evil, "status": False, "details": {"error": evil}}
    perf = {"metric": evil, "value": 1, "unit": evil}
    kind = {"issue_type": evil, "message": evil}
    text = own(now_s, f"s[{evil}]: {evil}", "ERROR") + marked(now_s, "CONNECTION", facts)
    text += marked(now_s, "ISSUE", kind, "ERROR") + f"{stamp(now_s)} - PERF: {json.dumps(perf)}\n"
    (tmp_path / "x.log").write_text(text)
    (tmp_path / f"{evil}.log").write_text(text)
    for words in ((), ("--recent-errors",), ("--query", ".nothing"), ("--query", evil)):
        done = run(tmp_path, "--file", "x.log", "--file", f"{evil}.log", *words)
        assert [line for line in (done.stdout + done.stderr).split("\n") if not line.isprintable()] == []
    for words in (("--json",), ("--json", "--recent-errors"), ("--query", ".logs")):
        out = run(tmp_path, "--file", "x.log", *words).stdout
        assert "\x1b" not in out
        assert "\x9b" not in out


def test_a_reader_that_goes_away_is_no_error(root: Path) -> None:
    done = shell(root, "python3 log_analyzer.py --json | head -1")
    assert done.stdout == "{\n"
    assert "Traceback" not in done.stderr


@pytest.fixture
def following(root: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`--follow` in a folder of its own, ready."""
    shutil.copytree(root / "logs", tmp_path / "logs")
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "--follow"],
            env=environment(tmp_path),
            cwd=tmp_path,
            stdout=out,
            stderr=err,
        )
        try:
            wait_until(lambda: "Ctrl-C ends it" in (tmp_path / "err").read_text())
            yield process  # type: ignore[misc]
        finally:
            process.kill()
            process.wait()


def test_following_marks_new_kinds_survives_a_rotation_and_ends_with_ctrl_c(
    following: subprocess.Popen[str], tmp_path: Path
) -> None:
    log, out = tmp_path / "logs" / "camera_system.log", tmp_path / "out"
    now_s = float(int(time.time()))
    with log.with_name("errors.log").open("a") as stream:
        stream.write(own(now_s + 0.2, "f:1 - start: Never seen", "ERROR") + "KeyError: x\n")
    wait_until(lambda: "Never seen" in out.read_text())
    with log.open("a") as stream:
        stream.write(
            own(now_s + 0.1, "start: Old trouble", "ERROR") + own(now_s + 0.2, "start: Never seen", "ERROR")
        )
        stream.write("KeyError: x\n")
    wait_until(lambda: "Old trouble" in out.read_text())
    log.rename(log.with_name("camera_system.log.1"))
    log.write_text(
        own(now_s + 0.3, "start: Never seen", "ERROR") + own(now_s + 0.4, "client: after\x1b[2J rotation")
    )
    wait_until(lambda: "rotation" in out.read_text())
    following.send_signal(signal.SIGINT)
    assert following.wait(timeout=60) == 0
    lines = [line.replace(stamp(now_s)[:19], "T") for line in out.read_text().splitlines()]
    assert lines == [
        "NEW T ERROR    start f:1 Never seen",
        "    KeyError: x",
        "T ERROR    start Old trouble",
        "T ERROR    start Never seen",
        "T INFO     client after [2J rotation",
    ]
