from __future__ import annotations

import pytest

from greencam.settings.show import as_text
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
        (
            "REDIS_URL = 'redis+sentinel://a,b:1/m'\nREDIS_DB = 3\nREDIS_PASSWORD = 'p'",
            "redis+sentinel://:p@a,b:1/m/3",
        ),
        ("REDIS_URL = 'rediss+sentinel://u:p@a/m/2'\nREDIS_DB = 3", "rediss+sentinel://u:p@a/m/2"),
        ("REDIS_URL = 'redis+cluster://a,b:1'\nREDIS_USERNAME = 'u'", "redis+cluster://u:@a,b:1"),
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
        "REDIS_URL = 'redis://a,canary'",
        "REDIS_URL = 'redis+sentinel://u:canary@a,b'",
        "REDIS_URL = 'redis+sentinel://u:canary@a,b/'",
        "REDIS_URL = 'redis+sentinel://u:canary/@a,b/m'",
        "REDIS_URL = 'redis+sentinel://u:canary@x@a,b/m'",
        "REDIS_URL = 'redis+sentinel://u:canary@a,/m'",
        "REDIS_URL = 'redis+sentinel://u:canary@a:0/m'",
        "REDIS_URL = 'redis+sentinel://u:canary@[::1/m'",
        "REDIS_URL = 'redis+sentinel://u:canary@a:70000/m'",
        "REDIS_URL = 'redis+sentinel://u:canary@a/m m'",
        "REDIS_URL = 'redis+sentinel://u:canary@a/m/x'",
        "REDIS_URL = 'redis+sentinel://u:canary@a/m/1/2'",
        "REDIS_URL = 'redis+sentinel://u:canary@a/m?db=2'",
        "REDIS_URL = 'redis+cluster://u:canary@a/1'",
        "REDIS_URL = 'redis+cluster://u:canary@'",
        "REDIS_URL = 'redis+cluster://u:canary#@a'",
        "REDIS_URL = 'redis+http://u:canary@a'",
        "REDIS_URL = 5",
    ],
)
def test_what_is_no_address_is_told_without_its_password(problems: Problems, line: str) -> None:
    (problem,) = problems(line)
    assert problem.startswith(f"config.py line 1: {line.split(maxsplit=1)[0]}: ")
    assert "canary" not in problem


def test_a_role_with_a_password_is_a_user_of_its_own(loaded: Load) -> None:
    settings = loaded("REDIS_URL = 'rediss://u:p@r/1?a=b'\nREDIS_ROLE_PASSWORDS = {'camera': 'p/w'}")
    assert settings.redis_url_for("camera") == "rediss://camera:p%2Fw@r/1?a=b"
    assert settings.redis_url_for("viewer") == settings.redis_url == "rediss://u:p@r/1?a=b"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("REDIS_HOST = 'h'", "redis://camera:p@h:6379/0"),
        ("REDIS_URL = 'redis+cluster://u:x@a,b'", "redis+cluster://camera:p@a,b"),
        ("REDIS_URL = 'redis+sentinel://a,b/m'", "redis+sentinel://camera:p@a,b/m"),
        ("REDIS_URL = 'unix:///run/r.sock'", "unix://camera:p@/run/r.sock"),
        ("", None),
    ],
)
def test_a_role_in_every_topology(loaded: Load, url: str, expected: str | None) -> None:
    assert loaded(f"{url}\nREDIS_ROLE_PASSWORDS = {{'camera': 'p'}}").redis_url_for("camera") == expected


def test_a_numbered_database_in_a_cluster_is_a_mistake(problems: Problems) -> None:
    (problem,) = problems("REDIS_URL = 'redis+cluster://a'\nREDIS_DB = 2")
    assert problem == "config.py line 2: REDIS_DB: a Redis Cluster (REDIS_URL) has database 0 only"


@pytest.mark.parametrize(
    ("value", "told"),
    [("{'camera': ['canary']}", "camera: needs text"), ("{'camra': 'canary'}", "camra: no such key")],
)
def test_a_role_that_is_none_is_told(problems: Problems, value: str, told: str) -> None:
    (problem,) = problems(f"REDIS_ROLE_PASSWORDS = {value}")
    assert problem.startswith(f"config.py line 1: REDIS_ROLE_PASSWORDS.{told}")
    assert "canary" not in problem


def test_passwords_of_roles_are_not_shown(loaded: Load) -> None:
    text = as_text(
        loaded("REDIS_ROLE_PASSWORDS = {'camera': 'canary'}\nREDIS_URL = 'redis+cluster://u:canary@a,b'")
    )
    assert "canary" not in text
    assert "redis+cluster://***@a,b" in text
