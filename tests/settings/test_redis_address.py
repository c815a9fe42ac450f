from __future__ import annotations

import pytest

from tests.settings.conftest import Load, Problems


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ("", None),
        ("REDIS_HOST = '169.254.0.1'", "redis://169.254.0.1:6379/0"),
        ("REDIS_HOST = '::1'\nREDIS_PORT = 7000\nREDIS_DB = 2", "redis://[::1]:7000/2"),
        ("REDIS_HOST = 'h'\nREDIS_PASSWORD = 'p@/#'", "redis://:p%40%2F%23@h:6379/0"),
        ("REDIS_HOST = 'h'\nREDIS_USERNAME = 'u'\nREDIS_PASSWORD = 'p'", "redis://u:p@h:6379/0"),
        ("REDIS_HOST = 'h'\nREDIS_URL = 'rediss://r:1/4'", "rediss://r:1/4"),
        ("REDIS_URL = 'redis://r'\nREDIS_DB = 3\nREDIS_PASSWORD = 'p'", "redis://:p@r/3"),
        ("REDIS_URL = 'redis://a:b@r/1'\nREDIS_DB = 3\nREDIS_PASSWORD = 'p'", "redis://a:b@r/1"),
        ("REDIS_URL = 'unix:///run/r.sock'\nREDIS_DB = 3\nREDIS_PASSWORD = 'p'", "unix://:p@/run/r.sock?db=3"),
        ("REDIS_URL = 'unix:///run/r.sock'", "unix:///run/r.sock"),
    ],
)
def test_the_address_is_put_together(loaded: Load, config: str, url: str | None) -> None:
    assert loaded(config).redis_url == url


@pytest.mark.parametrize(
    "line",
    [
        "REDIS_HOST = 'redis://u:canary@h'",
        "REDIS_HOST = '/run/redis.sock'",
        "REDIS_HOST = 'h:6379'",
        "REDIS_HOST = 'a b'",
        "REDIS_URL = 'h:6379'",
        "REDIS_URL = 'http://u:canary@h'",
        "REDIS_URL = 'redis://u:canary/@h'",
        "REDIS_URL = 'redis://h/canary'",
        "REDIS_URL = 'redis://[canary'",
        "REDIS_URL = 'unix://canary'",
        "REDIS_URL = 5",
    ],
)
def test_what_is_no_address_is_told_without_its_password(problems: Problems, line: str) -> None:
    (problem,) = problems(line)
    assert problem.startswith(f"config.py line 1: {line.split(maxsplit=1)[0]}: ")
    assert "canary" not in problem
