"""The class of guide 2 as a program uses it: real captures, many threads, with and without a suite."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from typing import Any

import pytest

from greencam.base.errors import Refused
from greencam.base.lock import Lock
from greencam.capture.facts_file import capture_pid
from greencam.client.camera_manager import CameraManager
from greencam.supervise.supervisor import LOCK_FILE
from tests.making import picture, ring
from tests.suite import Suite, processes_with, wait_for, wait_until

LONG_S = 60.0  # a bound against a hang only, and so is the limit of a test, which waits so long several times
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def here(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Suite:
    """This process uses the settings of the suite's folders."""
    for name, value in suite.environment.items():
        if name.startswith("GREENCAM_"):
            monkeypatch.setenv(name, value)
    return suite


@pytest.fixture
def captured(here: Suite) -> Iterator[CameraManager]:
    """A camera that a capture of its own captures; there is no Redis."""
    here.start("cam1_stream.py")
    wait_until((here.runtime / "cam1.json").exists, LONG_S)
    with CameraManager() as manager:
        capturing(manager)
        yield manager


def capturing(manager: CameraManager) -> dict[str, Any]:
    """Its status once that tells of frames, which come before the capture has told of them."""
    return wait_for(manager.get_camera_status, itemgetter("is_capturing"), LONG_S)


def test_an_idle_camera_is_opened_and_let_go_again(here: Suite) -> None:
    with CameraManager("cam1", quiet=True) as manager:
        assert manager.started_capture
        success, frame = manager.capture_frame_with_timeout(timeout=LONG_S)
        assert success
        assert frame is not None
        assert (frame.shape, str(frame.dtype)) == ((240, 320, 3), "uint8")
        frame[:] = 0  # pixels of one's own
        assert manager.capture_frame_with_timeout(timeout=LONG_S)[0]
        status = capturing(manager)
        assert (status["is_initialized"], status["is_capturing"], status["health_score"]) == (True, True, 100)
    assert capture_pid(here.runtime, "cam1") is None
    wait_until(lambda: [pid for pid in processes_with(str(here.runtime)) if pid != os.getpid()] == [])
    assert manager.capture_frame_with_timeout(timeout=LONG_S) == (False, None)
    manager.close()


def test_a_capture_that_runs_is_used_and_left_alone(captured: CameraManager) -> None:
    assert not captured.started_capture
    before = capturing(captured)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: captured.capture_frame_with_timeout(LONG_S)[0], range(80)))
    assert answers == [True] * 80
    captured.close()
    with CameraManager() as another:
        after = capturing(another)
    assert (after["pid"], after["worker_pid"]) == (before["pid"], before["worker_pid"])


def test_threads_that_recover_at_once_recover_once_also_without_redis(captured: CameraManager) -> None:
    before = capturing(captured)
    assert before["redis"] is False
    together = threading.Barrier(6)

    def recover(_: int) -> bool:
        together.wait(LONG_S)
        return captured.attempt_camera_recovery(LONG_S)

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(recover, range(6))) == [True] * 6
    after = capturing(captured)
    assert after["counts"]["workers"] == before["counts"]["workers"] + 1
    assert (after["pid"], after["consecutive_failures"]) == (before["pid"], 0)
    assert after["worker_pid"] != before["worker_pid"]
    assert captured.capture_frame_with_timeout(LONG_S)[0]


def test_a_capture_that_hangs_can_not_recover_and_says_so(captured: CameraManager) -> None:
    pid = capturing(captured)["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        status = wait_for(captured.get_camera_status, lambda status: status["health"] == "unknown", LONG_S)
        assert status["reasons"] == [f"its capture, process {pid}, hangs: it says nothing any more"]
        assert not captured.attempt_camera_recovery(LONG_S)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_camera_that_gives_nothing_is_an_answer_not_an_exception(here: Suite) -> None:
    here.site("cameras: [{id: gone, source: /dev/video77}]\n")
    with CameraManager(quiet=True) as manager:
        assert manager.camera == "gone"
        answers: list[object] = []
        asker = threading.Thread(target=lambda: answers.append(manager.capture_frame_with_timeout(timeout=0.2)))
        asker.start()
        asker.join(LONG_S)
        assert answers == [(False, None)]
        status = wait_for(manager.get_camera_status, itemgetter("failure"), LONG_S)
        assert status["failure"]["cause"] == "absent"
        assert not status["is_initialized"]
        assert not manager.attempt_camera_recovery(timeout=0.5)


def test_a_camera_that_does_not_exist_is_refused(here: Suite) -> None:
    with pytest.raises(Refused, match="did you mean cam1"):
        CameraManager("cam2")


def test_frames_are_taken_while_the_suite_is_about_to_start_a_capture_again(here: Suite) -> None:
    lock = Lock(here.runtime / LOCK_FILE, "the suite")
    with CameraManager("cam1") as manager:
        assert not manager.started_capture
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(manager.capture_frame_with_timeout, LONG_S)
            _, writer = ring(here.runtime / "cam1.ring")  # the suite's capture comes back
            numbers = itertools.count()
            while not answer.done():
                writer.put(picture(next(numbers)))
                threading.Event().wait(0.05)
            assert answer.result()[0]
    lock.release()
