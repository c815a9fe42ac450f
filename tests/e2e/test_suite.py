"""The whole suite as its owner uses it: start, look, stop, pull plugs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import finish_all
from tests.suite import Suite, children_of, command_of, flows, processes_with, remove, wait_for, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]  # a bound against a hang only: a loaded machine is slow


def images(suite: Suite) -> list[Path]:
    return sorted((suite.root / "images").glob("cam1/*/*.jpg"))


def child_of(process: subprocess.Popen[str], words: str) -> int:
    """The child whose command line holds these words; one that has just been forked still has its parent's."""
    found: int = wait_until(lambda: next((pid for pid in children_of(process.pid) if words in command_of(pid)), 0))
    return found


def test_one_command_streams_stores_images_and_stops_without_leaving_anything(suite: Suite) -> None:
    process = suite.start("start.py")
    wait_until(lambda: len(images(suite)) >= 2)
    facts = wait_for(suite.status, lambda facts: facts["redis_connected"] and flows(facts["cameras"][0]), 60)
    assert facts["supervisor_pid"] == process.pid
    assert facts["cameras"][0]["device"] == "simulated camera"
    assert all(path.read_bytes()[:2] == b"\xff\xd8" for path in images(suite))
    output = finish_all(suite, process, "cam1", "recorder", "redis", by=signal.SIGINT)
    for promised in ("camera cam1: pattern", "embedded Redis", "320×240 bgr24 at 30 fps", "everything is stopped"):
        assert promised in output
    assert not list(suite.runtime.glob("*.ring"))
    assert "Traceback" not in output


def test_processes_show_under_the_names_of_the_guides(suite: Suite) -> None:
    process = suite.start("start.py")
    wait_until(lambda: images(suite))
    capture = child_of(process, "cam1_stream.py --camera cam1")
    assert child_of(process, "storeimages.py")
    wait_until(lambda: any("--worker-fd" in command_of(pid) for pid in children_of(capture)))


def test_a_second_start_is_refused_with_the_process_that_runs(suite: Suite) -> None:
    process = suite.start("start.py")
    wait_until(lambda: images(suite))
    second = suite.run("start.py")
    assert second.returncode == 2
    assert f"the suite already runs as process {process.pid}" in second.stderr
    by_hand = suite.run("cam1_stream.py", "--camera", "cam1", "--duration", "1")
    assert by_hand.returncode == 2
    assert "the capture of cam1 already runs as process" in by_hand.stderr


def test_stop_and_status_from_another_terminal(suite: Suite) -> None:
    assert suite.module("status").returncode == 3
    process = suite.start("start.py")
    wait_until(lambda: images(suite))
    stopped = suite.module("stop")
    assert (stopped.returncode, stopped.stdout) == (0, f"stopping process {process.pid}: stopped\n")
    assert process.wait(timeout=30) == 0
    assert suite.module("stop").stdout == "greencam does not run\n"


def test_duration_ends_by_itself(suite: Suite) -> None:
    done = suite.run("start.py", "--duration", "12")  # time for an image also when everything starts slowly
    assert done.returncode == 0, done.stderr
    assert images(suite)


def test_everything_dies_with_a_killed_supervisor_and_the_next_start_works(suite: Suite) -> None:
    process = suite.start("start.py")
    wait_until(lambda: images(suite))
    process.kill()
    process.communicate()
    wait_until(lambda: processes_with(str(suite.root)) == [])
    count = len(images(suite))
    suite.start("start.py")
    wait_until(lambda: len(images(suite)) > count)


@pytest.mark.parametrize("victim", ["cam1_stream.py --camera cam1", "storeimages.py", "server"])
def test_a_killed_process_comes_back(suite: Suite, victim: str) -> None:
    process = suite.start("start.py")
    wait_until(lambda: images(suite))

    def pid_of_victim() -> int | None:
        return next((pid for pid in children_of(process.pid) if victim in command_of(pid)), None)

    killed = wait_until(pid_of_victim)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: (pid_of_victim() or killed) != killed)
    count = len(images(suite))
    wait_until(lambda: len(images(suite)) > count)
    wait_until(lambda: suite.status()["redis_connected"])


def test_bad_settings_name_every_problem_and_exit_78(suite: Suite) -> None:
    suite.environment["GREENCAM_FRAME_RATE"] = "fast"
    suite.site("cameras:\n  - id: cam1\n    fsp: 5\n")
    done = suite.run("start.py")
    assert done.returncode == 78
    assert "GREENCAM_FRAME_RATE" in done.stderr
    assert "config.yaml line 3: cameras[0].fsp: no such key; did you mean fps?" in done.stderr


def test_a_camera_that_does_not_exist_costs_the_other_nothing(suite: Suite) -> None:
    suite.site(
        "cameras:\n  - {id: good, source: pattern, fps: 30}\n  - {id: bad, source: 'file:nowhere.mp4'}\n"
        "  - {id: spare, source: pattern, enabled: false}\n"
    )
    suite.start("start.py")
    wait_until(lambda: list((suite.root / "images").glob("good/*/*.jpg")))
    facts = wait_for(suite.status, lambda facts: facts["cameras"][1]["failure"] and flows(facts["cameras"][0]), 60)
    assert [camera["id"] for camera in facts["cameras"]] == ["good", "bad"]
    assert "nowhere.mp4" in facts["cameras"][1]["failure"]["text"]


def test_nothing_is_left_behind_when_stopped_in_the_middle_of_starting(suite: Suite) -> None:
    process = suite.start("start.py")
    wait_until((suite.runtime / "supervisor.lock").exists)
    time.sleep(0.3)
    code, _ = suite.finish(process)
    assert code in {0, -signal.SIGTERM}
    wait_until(lambda: processes_with(str(suite.root)) == [])


def test_a_process_that_somebody_else_stopped_comes_back_too(suite: Suite) -> None:
    process = suite.start("start.py")
    wait_until(lambda: images(suite))
    for victim in ("storeimages.py", "cam1_stream.py --camera cam1"):
        os.kill(child_of(process, victim), signal.SIGTERM)
        count = len(images(suite))
        wait_until(lambda: len(images(suite)) > count + 1)  # noqa: B023
    assert process.poll() is None


def test_a_redis_that_hangs_is_replaced(suite: Suite) -> None:
    suite.environment["GREENCAM_CONNECTION_CHECK_INTERVAL"] = "1"
    process = suite.start("start.py")
    wait_until(lambda: suite.status()["redis_connected"])
    redis = child_of(process, "server")
    os.kill(redis, signal.SIGSTOP)
    wait_until(lambda: redis not in children_of(process.pid), 60)
    wait_until(lambda: suite.status()["redis_connected"], 60)


def test_a_runtime_folder_that_is_removed_is_made_anew_and_the_suite_goes_on(suite: Suite) -> None:
    # systemd-logind does that to a user who logs out (RemoveIPC).
    process = suite.start("start.py")
    wait_until(lambda: images(suite))
    remove(suite.runtime)
    wait_until((suite.runtime / "supervisor.lock").exists)
    count = len(images(suite))
    wait_until(lambda: len(images(suite)) > count + 1, 60)
    assert suite.status()["supervisor_pid"] == process.pid
    assert suite.run("start.py").returncode == 2


def test_images_that_are_removed_while_it_runs_cost_nothing_more(suite: Suite) -> None:
    process = suite.start("start.py")
    wait_until(lambda: images(suite))
    remove(suite.root / "images")
    wait_until(lambda: len(images(suite)) > 1)
    _, output = suite.finish(process)
    assert "Traceback" not in output
