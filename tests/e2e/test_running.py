"""docs/guide/running.md as its reader uses it."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RedisServer
from tests.e2e.conftest import await_log, finish_all
from tests.suite import Suite, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(700)]  # a bound against a hang only: a loaded machine is slow


def process(suite: Suite, name: str) -> dict[str, Any]:
    """What `start.py --status --json` says of this process; empty when it is not there."""
    facts = json.loads(suite.run("start.py", "--status", "--json").stdout)
    return next((one for one in facts["processes"] if one["name"] == name), {})


def up(suite: Suite, *names: str) -> bool:
    return all(process(suite, name).get("state") == "running" for name in names)


def images(suite: Suite, camera: str) -> list[Path]:
    return list((suite.root / "images").glob(f"{camera}/*/*.jpg"))


def runs_redis(suite: Suite, *, wanted: bool) -> bool:
    """Whether the table has a Redis of its own, or has none, as wanted."""
    return bool(process(suite, "redis")) is wanted


def stored(suite: Suite, count: int) -> bool:
    return len(images(suite, "cam1")) > count


def test_requests_are_carried_out_and_their_exit_codes_hold(suite: Suite) -> None:
    assert suite.run("start.py", "--restart", "cam1").returncode == 3
    suite.start("start.py")
    wait_until(lambda: up(suite, "redis", "recorder", "cam1"))
    done = suite.run("start.py", "--restart", "cam1")
    assert (done.returncode, done.stdout) == (0, "starting cam1 again\ndone\n")
    assert suite.run("start.py", "--stop", "recorder").returncode == 0
    assert process(suite, "recorder")["state"] == "stopped"
    wrong = suite.run("start.py", "--hold", "recoder")
    assert (wrong.returncode, "did you mean recorder?" in wrong.stderr) == (2, True)


def test_a_capture_that_is_stopped_by_a_signal_is_replaced(suite: Suite) -> None:
    suite.start("start.py")
    wait_until(lambda: images(suite, "cam1"))
    stuck = suite.pid_of("cam1")
    os.kill(stuck, signal.SIGSTOP)
    wait_until(lambda: process(suite, "cam1").get("pid") not in {None, stuck}, 60)
    count = len(images(suite, "cam1"))
    wait_until(lambda: len(images(suite, "cam1")) > count)


def test_a_camera_more_by_sighup_and_bad_settings_change_nothing(suite: Suite) -> None:
    suite.site("cameras: [{id: a, source: pattern}]\n")
    running = suite.start("start.py")
    wait_until(lambda: images(suite, "a"))
    before = suite.pid_of("a")
    suite.site("cameras: [{id: a, source: pattern}, {id: b, source: pattern, fpss: 3}]\n")
    running.send_signal(signal.SIGHUP)
    await_log(suite, "did you mean fps?")
    suite.site("cameras: [{id: a, source: pattern}, {id: b, source: pattern}]\n")
    running.send_signal(signal.SIGHUP)
    wait_until(lambda: images(suite, "b"))
    assert suite.pid_of("a") == before
    finish_all(suite, running, "a", "b", "recorder", "redis")


def test_another_redis_by_sighup_and_back_to_our_own(suite: Suite, short_folder: Path) -> None:
    """The embedded server goes when another is configured, and comes back; images go on in both."""
    (short_folder / "far").mkdir(mode=0o700)
    far = RedisServer(short_folder / "far")
    far.start()
    suite.environment["GREENCAM_IMAGE_EVERY_S"] = "0.1"
    running = suite.start("start.py")
    try:
        wait_until(lambda: images(suite, "cam1"))
        for config, wanted in ((f'REDIS_URL = "{far.target.url}"\n', False), ("", True)):
            (suite.root / "config.py").write_text(config)
            running.send_signal(signal.SIGHUP)
            wait_until(partial(runs_redis, suite, wanted=wanted))
            more = len(images(suite, "cam1")) + 20
            wait_until(partial(stored, suite, more))
            wait_until(lambda: suite.status()["redis_connected"])
        assert suite.run("client.py", "--verify", str(suite.root / "images")).returncode == 0
        finish_all(suite, running, "cam1", "recorder", "redis")
    finally:
        far.stop()


def test_the_view_is_plain_text_when_piped(suite: Suite) -> None:
    suite.start("start.py")
    wait_until(lambda: up(suite, "cam1"))
    view = suite.start("start.py", "--watch")
    assert view.stdout is not None
    lines = [view.stdout.readline() for _ in range(8)]
    code, _ = suite.finish(view)
    assert code == 0
    assert "\x1b" not in "".join(lines)
    assert any(line.startswith("cam1") for line in lines)
