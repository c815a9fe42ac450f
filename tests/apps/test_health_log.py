from __future__ import annotations

import logging
from pathlib import Path

import pytest

from greencam.apps.health_log import health_log
from greencam.settings.load import load
from tests.conftest import RedisServer
from tests.fake_clock import FakeClock
from tests.suite import wait_until


def test_the_intervals_and_redis_are_those_of_the_settings(
    tmp_path: Path, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {"GREENCAM_CONNECTION_CHECK_INTERVAL": "7", "GREENCAM_REDIS_URL": f"unix://{redis.socket}"}
    clock = FakeClock()
    health = health_log(load(tmp_path, environ), clock)
    with caplog.at_level(logging.INFO, "health"):
        health.tick(clock.now_s + 7)
        wait_until(lambda: 'CONNECTION: {"service": "redis", "status": true' in caplog.text)
        wait_until(lambda: not health._busy.is_set())  # a turn is left out while the last look is not over
        redis.kill()
        health.tick(clock.now_s + 14)
        wait_until(lambda: "redis_connection_failed" in caplog.text and '"failures": 1' in caplog.text)
    assert health.tick(clock.now_s + 14) == 7
    health.stop()
