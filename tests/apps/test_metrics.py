"""./run.sh metrics: what it says of a suite that runs, hangs, or is not there."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from greencam.apps import metrics
from greencam.base.clock import SystemClock
from greencam.base.lock import Lock
from greencam.base.place import control_socket
from greencam.settings.load import load
from greencam.supervise.supervisor import LOCK_FILE
from greencam.telemetry.families import reference
from tests.conftest import RedisServer
from tests.making import picture, ring

SITE = "cameras: [{id: front, source: pattern}, {id: back, source: pattern, enabled: false}]\n"
Figures = dict[tuple[str, ...], float]


@pytest.fixture
def root(tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a suite that does not run."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(SITE)
    monkeypatch.setenv("GREENCAM_ROOT", str(tmp_path))
    monkeypatch.setenv("GREENCAM_RUNTIME_DIR", str(short_folder))
    # A busy machine may let a part, or Redis, wait for longer than a collection has time for; how the two times
    # of the product are to each other is a test of its own.
    monkeypatch.setattr(metrics, "DEADLINE_S", 30.0)
    monkeypatch.setattr(metrics, "_PATIENCE_S", 4.0)
    return tmp_path


@pytest.fixture
def running(root: Path, short_folder: Path) -> Iterator[Path]:
    """The same with a supervisor's lock."""
    lock = Lock(short_folder / LOCK_FILE, "the suite")
    yield root
    lock.release()


def figures(text: str) -> Figures:
    """Each figure by its name and the values of its labels in alphabetical order of the labels."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> Figures:
    assert metrics.main(list(words)) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return figures(shown.out)


def late(found: Figures) -> set[str]:
    return {words[1] for words, figure in found.items() if words[0] == "greencam_collection_part_late" and figure}


def test_nothing_runs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = printed(capsys)
    assert found["greencam_up",] == 0
    assert found["greencam_redis_up",] == 0
    assert found["greencam_camera_stale", "front"] == 1
    assert found["greencam_camera_state", "front", "unknown"] == 1
    assert found["greencam_disk_free_bytes", "images"] > 0, "the folder is not there yet; its file system is"
    assert found["greencam_machine_cpu_seconds_total",] > 0
    assert not any("back" in words for words in found), "it is not enabled"
    assert late(found) == set()


def test_a_silence_is_told_long_before_a_collection_has_to_end() -> None:
    assert metrics._PATIENCE_S <= metrics.DEADLINE_S / 2


def test_a_supervisor_that_hangs_is_up_and_does_not_answer(
    running: Path, short_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(control_socket(short_folder)))
        listener.listen()  # and nobody accepts
        found = printed(capsys)
    assert (found["greencam_up",], found["greencam_supervisor_answers",]) == (1, 0)
    assert found["greencam_process_threads", "supervisor"] >= 1
    assert late(found) == set()


def test_a_redis_that_hangs_is_down_and_holds_nothing_up(
    root: Path, redis: RedisServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GREENCAM_REDIS_URL", redis.target.url)
    assert printed(capsys)["greencam_redis_up",] == 1
    os.kill(redis.pid, signal.SIGSTOP)
    found = printed(capsys)
    os.kill(redis.pid, signal.SIGCONT)
    assert found["greencam_redis_up",] == 0
    assert ("greencam_redis_latency_seconds",) not in found
    assert found["greencam_camera_stale", "front"] == 1


def test_a_fresh_frame_has_its_age_although_no_capture_speaks(
    root: Path, short_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, writer = ring(short_folder / "front.ring")
    writer.put(picture())
    found = printed(capsys)
    assert 0 <= found["greencam_frame_age_seconds", "front"] < 60
    assert found["greencam_camera_answers", "front"] == 0


def test_log_files_have_sizes_and_strangers_no_names(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "logs").mkdir()
    for name, size_bytes in (("errors.log", 10), ("camera_system.log.1", 200), ("mine.txt", 3000)):
        (root / "logs" / name).write_bytes(b"x" * size_bytes)
    found = printed(capsys)
    assert found["greencam_log_folder_bytes",] == 3210
    assert {words[1:]: size for words, size in found.items() if words[0] == "greencam_log_file_bytes"} == {
        ("errors.log",): 10
    }


def test_the_file_is_replaced_and_nothing_is_printed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "greencam.prom"
    assert printed(capsys, "--textfile", str(path)) == {}
    assert figures(path.read_text())["greencam_up",] == 0


def test_a_folder_that_is_not_there_is_a_sentence(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "nowhere" / "a.prom"
    assert metrics.main(["--textfile", str(path)]) == 69
    shown = capsys.readouterr()
    assert shown.err == f"the metrics file {path} can't be written: No such file or directory\n"
    assert shown.out == ""


def test_a_name_that_node_exporter_does_not_read_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        metrics.main(["--textfile", "a.txt"])
    assert ended.value.code == 2
    assert "node_exporter reads files that end in .prom only" in capsys.readouterr().err


def test_the_families_are_told_as_in_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    assert metrics.main(["--families"]) == 0
    assert capsys.readouterr().out == reference() + "\n"


def test_the_suite_writes_no_file_unless_it_is_told_where(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert metrics.metrics_textfile(load(), SystemClock()) is None
    monkeypatch.setenv("GREENCAM_METRICS_TEXTFILE", "greencam.prom")
    file = metrics.metrics_textfile(load(), SystemClock())
    assert file is not None
    file.start()
    file.stop()
    file._thread.join(20)
    assert figures((root / "greencam.prom").read_text())["greencam_up",] == 0
