"""A viewer of a real camera that goes down sees so, hears why, and sees the camera again when it is back."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from greencam.base.clock import SystemClock
from greencam.bus.link import RedisTarget, connect
from greencam.client import Feed
from greencam.client.camera_status import remote_facts
from greencam.client.latest_facts import LatestFacts
from greencam.client.live_view import LiveView, Shown
from greencam.client.places import Places
from greencam.frame import jpeg
from tests.conftest import RedisServer
from tests.screen import Screen, needs_tk
from tests.suite import Suite, children_of, wait_for, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(700)]  # a bound against a hang only: a loaded machine is slow
ACCENT = (250, 170, 64)
DISC = (250, 220, 60)  # of the simulated camera


@pytest.fixture
def pause() -> Iterator[Callable[..., None]]:
    """Stops processes as a hung driver or a frozen host would; at the end all go on, so that they can be ended."""
    paused: list[int] = []

    def stop(*pids: int) -> None:
        paused.extend(pids)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)

    yield stop
    resume(*paused)


def resume(*pids: int) -> None:
    for pid in pids:
        if Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGCONT)


def live(screen: Screen) -> bool:
    return screen.count(DISC) > 300 and screen.count(ACCENT) == 0


def placard(screen: Screen) -> bool:
    return screen.count(ACCENT) > 200 and screen.count(DISC) == 0


@needs_tk
def test_the_window_of_a_camera_that_hangs_says_no_signal_until_it_is_back(
    suite: Suite, screen: Screen, pause: Callable[..., None]
) -> None:
    suite.environment["DISPLAY"] = screen.display
    capture = suite.start("cam1_stream.py", "--camera", "cam1")
    client = suite.start("client.py", "--show", "--stats")
    wait_until(lambda: live(screen), 60)
    both = capture.pid, *children_of(capture.pid)
    pause(*both)
    wait_until(lambda: placard(screen), 60)
    before = screen.pixels().copy()
    wait_until(lambda: not np.array_equal(before, screen.pixels()), 60)
    assert placard(screen), "only its time counts up"
    resume(*both)
    wait_until(lambda: live(screen), 60)
    code, output = suite.finish(client)
    assert code == 0, output
    assert re.search(r"^cam1: no frame for \d+ s: the camera's capture does not answer$", output, re.MULTILINE)


@needs_tk
@pytest.mark.parametrize("redis", ["embedded"], indirect=True)
def test_a_redis_that_hangs_neither_freezes_the_window_nor_leaves_an_old_picture(
    suite: Suite, screen: Screen, redis: RedisServer, pause: Callable[..., None]
) -> None:
    suite.environment |= {"DISPLAY": screen.display, "GREENCAM_REDIS_URL": redis.target.url}
    suite.start("cam1_stream.py", "--camera", "cam1")
    suite.start("client.py", "--show", "--transport", "redis")
    wait_until(lambda: live(screen), 60)
    pause(redis.pid)
    wait_until(lambda: placard(screen), 60)
    for _ in range(3):
        before = screen.pixels().copy()
        wait_until(lambda: not np.array_equal(before, screen.pixels()), 60)  # noqa: B023

    resume(redis.pid)
    wait_until(lambda: live(screen), 60)


def test_the_line_of_figures_tells_the_cause_of_a_silent_camera(suite: Suite) -> None:
    suite.site("cameras:\n  - {id: cam1, source: 'file:nowhere.mp4'}\n")
    suite.start("start.py")
    client = suite.start("client.py", "--stats")
    assert client.stdout is not None
    lines = iter(client.stdout.readline, "")
    assert any("nowhere.mp4" in line and "(absent)" in line for line in lines)


def facts_of(redis: RedisTarget) -> LatestFacts:
    client = connect(redis)

    return LatestFacts(lambda: remote_facts(client, redis, "cam1"), SystemClock())


def next_that_is(view: LiveView, wanted: Callable[[Shown], bool]) -> Shown:
    return wait_for(lambda: view.next_picture(1.0), wanted, 90)


def test_a_live_view_of_a_camera_whose_worker_hangs(suite: Suite, pause: Callable[..., None]) -> None:
    suite.environment["GREENCAM_CAMERA_RECOVERY_SETTINGS__frame_timeout"] = "60"
    suite.start("start.py")
    target = RedisTarget(f"unix://{suite.runtime}/redis.sock", embedded=True)
    facts = facts_of(target)
    facts.start()
    with Feed("cam1", newest=True, places=Places(suite.runtime, target, ("cam1",))) as feed:
        view = LiveView(feed, facts, SystemClock())
        first = next_that_is(view, lambda shown: shown.live)
        assert first.header is not None
        said = wait_for(facts, lambda facts: facts["state"] == "streaming")
        pause(said["worker_pid"])
        paused_s = time.time()
        down = next_that_is(view, lambda shown: shown.cause == "The camera sends no new pictures")
        assert not down.live
        assert down.since is not None
        assert first.header.wall_ns / 1e9 - 1 < down.since < paused_s + 1
        assert jpeg.decode(down.jpeg()).shape == (240, 320, 3)
        resume(said["worker_pid"])
        assert next_that_is(view, lambda shown: shown.live).cause == ""
    facts.close()


def frozen_failures(told: dict[str, Any] | None) -> int:
    return int(told["counts"].get("failed: frozen", 0)) if told else 0


def test_a_frozen_camera_is_never_taken_for_a_live_one(suite: Suite, tmp_path: Path) -> None:
    """The ladder opens it anew again and again, and each time it gives its old picture at first."""
    suite.environment["GREENCAM_CAMERA_RECOVERY_SETTINGS__RECOVERY_COOLDOWN"] = "2"
    faults = tmp_path / "faults"
    faults.mkdir()
    suite.site(f"cameras:\n  - {{id: cam1, source: 'faulty:{faults}', width: 320, height: 240, fps: 30}}\n")
    suite.start("start.py")
    target = RedisTarget(f"unix://{suite.runtime}/redis.sock", embedded=True)
    facts = facts_of(target)
    facts.start()
    with Feed("cam1", newest=True, places=Places(suite.runtime, target, ("cam1",))) as feed:
        view = LiveView(feed, facts, SystemClock())
        next_that_is(view, lambda shown: shown.live)
        (faults / "freeze").touch()
        # The simulated camera counts from 1 again when it is opened: the first time that is another picture, and
        # for a second nobody can know that it stands still, too. From then on it is the old one.
        wait_until(lambda: frozen_failures(facts()) >= 2, 90)
        next_that_is(view, lambda shown: "the same picture again and again" in shown.cause)
        later = [view.next_picture(1.0) for _ in range(150)]
        assert [shown for shown in later if shown is not None and shown.live] == []
        (faults / "freeze").unlink()
        next_that_is(view, lambda shown: shown.live)
    facts.close()
