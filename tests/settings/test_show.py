from __future__ import annotations

import json

import pytest

from greencam.settings.masking import masked
from greencam.settings.show import as_json, as_text
from tests.settings.conftest import Load, Problems

CANARY = "s3cr3t"
SECRET_CONFIG = f"REDIS_PASSWORD = '{CANARY}'\nREDIS_URL = 'redis://u:{CANARY}@h:1/0'\n"
SECRET_SITE = f"cameras:\n- id: a\n  url: rtsp://u:{CANARY}@h/s\n- id: b\n  source: http://h/x?pwd={CANARY}&w=3\n"


def test_what_is_in_force_and_where_from(loaded: Load) -> None:
    text = as_text(loaded("\nREDIS_PORT = 7000", "cameras:\n- id: a\n  fps: 5", REDIS_DB="1"))
    lines = text.splitlines()
    assert "REDIS_PORT = 7000  # config.py line 2" in lines
    assert "REDIS_DB = 1  # environment GREENCAM_REDIS_DB" in lines
    assert "CAMERA_WIDTH = 1270" in lines
    assert "cameras[0].fps = 5.0  # config/config.yaml line 3" in lines
    assert "cameras[0].width = 1270" in lines
    assert 'resolved.redis = "embedded"' in lines


def test_only_what_differs(loaded: Load) -> None:
    config = (
        "REDIS_PORT = 6379\nREDIS_DB = 1\nCAMERA_RECOVERY_SETTINGS = {'frame_timeout': 3, 'recovery_cooldown': 30}"
    )
    assert as_text(loaded(config, "storage: {max_mb: 5}"), changed=True).splitlines() == [
        "REDIS_DB = 1  # config.py line 2",
        "CAMERA_RECOVERY_SETTINGS.frame_timeout = 3.0  # config.py line 3",
        "storage.max_mb = 5  # config/config.yaml line 1",
    ]
    assert json.loads(as_json(loaded(config), changed=True))["machine"] == {
        "REDIS_DB": 1,
        "CAMERA_RECOVERY_SETTINGS": {"frame_timeout": 3.0},
    }


def test_nothing_differs(loaded: Load) -> None:
    assert as_text(loaded(), changed=True) == "every setting has its default"


@pytest.mark.parametrize("changed", [False, True])
def test_no_output_holds_a_secret(loaded: Load, changed: bool) -> None:
    settings = loaded(SECRET_CONFIG, SECRET_SITE, CAMERA_SOURCE=f"rtsp://u:{CANARY}@h/")
    for text in (as_text(settings, changed=changed), as_json(settings, changed=changed), repr(settings)):
        assert CANARY not in text
    assert '"***"' in as_text(settings, changed=changed)
    assert repr(settings.cameras).count(CANARY) == 0


@pytest.mark.parametrize(
    ("config", "site"),
    [
        (f"REDIS_URL = 'htp://u:{CANARY}@h'", None),
        (f"REDIS_URL = ['{CANARY}']", None),
        (f"REDIS_PASSWORD = {{'{CANARY}': 1, 'x': '{CANARY}'}}", None),
        (f"REDIS_HOST = 'u:{CANARY}@h'", None),
        (f"REDIS_HOST = f('{CANARY}')", None),
        (f"REDIS_PORT = 'redis://u:{CANARY}@h'", None),
        (f"REDIS_PORT = 'u:{CANARY}@h'", None),
        (f"CAMERA_SOURCE = 'rtsp//u:{CANARY}@h'", None),
        (f"CAMERA_FORMAT = 'rtsp://u:{CANARY}@h'", None),
        (f"LOG_LEVEL = 'rtsp://u:{CANARY}@h'.x", None),
        (f"REDIS_PASSWORD = '{CANARY}", None),
        (None, f"cameras:\n- id: a\n  url: rtsp://u:{CANARY}@h:port/"),
        (None, f"cameras:\n- id: a\n  url: rtsp://u:#{CANARY}@h/"),
        (None, f"cameras:\n- id: a\n  url: {{x: {CANARY}}}"),
        (None, f"cameras:\n- id: rtsp://u:{CANARY}@h/"),
        (None, f"cameras:\n- id: a\n  width: rtsp://u:{CANARY}@h/"),
        (None, f"cameras:\n- id: a\n  url: 'rtsp://u:{CANARY}@h/"),
        (None, f"cameras:\n- id: a\n  url: *{CANARY}"),
        (None, f"cameras:\n- id: a\n  url: !{CANARY}!x y"),
        (None, f"cameras: rtsp://u:{CANARY}@h/"),
    ],
)
def test_no_problem_holds_a_secret(problems: Problems, config: str | None, site: str | None) -> None:
    assert CANARY not in "\n".join(problems(config, site))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("bob@home", "bob@home"),
        ("rtsp://h/s", "rtsp://h/s"),
        ("rtsp://u:p@h/s", "rtsp://***@h/s"),
        ("rtsp://u:p@x/y@h/s", "rtsp://***@h/s"),
        ("u:p@h", "***@h"),
        ("http://h/?user=a&pwd=b&w=3", "http://h/?user=***&pwd=***&w=3"),
    ],
)
def test_masking(text: str, shown: str) -> None:
    assert masked(text) == shown
