from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from greencam.base.errors import SettingsError
from greencam.settings.load import load
from tests.settings.conftest import Load, Problems

RTSP = "rtsp://admin:password@192.168.1.105:554/stream1"


def test_nothing_there_means_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, {})
    (camera,) = settings.cameras
    assert (camera.id, camera.name, camera.kind, camera.width, camera.height) == ("cam1", "cam1", "auto", 1270, 720)
    assert (camera.format, camera.fps, camera.exposure_us, camera.gain) == ("RGB888", 100, 250, 3.0)
    assert settings.redis_url is None
    assert settings.images_dir == tmp_path / "images"
    assert settings.logs_dir == tmp_path / "logs"
    assert settings.data_dir == tmp_path / "data"
    assert settings.runtime_dir.name.startswith("greencam-")
    assert settings.reboot_control_dir == Path("/run/greencam/control")
    assert load(tmp_path, {"GREENCAM_REBOOT_CONTROL_DIR": ""}).reboot_control_dir is None
    assert (settings.storage.every_s, settings.storage.max_mb, settings.storage.keep_days) == (1.0, 1024, None)
    assert settings.warnings == ()


def test_the_guides_camera_entry_works(loaded: Load) -> None:
    site = (
        f'cameras:\n  - id: "camera_5"\n    name: "New Camera"\n    url: "{RTSP}"\n    enabled: true\n    fps: 25\n'
    )
    (camera,) = loaded(site=site).cameras
    assert (camera.id, camera.name, camera.kind, camera.address) == ("camera_5", "New Camera", "rtsp", RTSP)
    assert (camera.fps, camera.width, camera.height, camera.enabled, camera.transport) == (25, 0, 0, True, "tcp")
    assert camera.shown_address == "rtsp://***@192.168.1.105:554/stream1"


@pytest.mark.parametrize(
    ("entry", "fields"),
    [
        ("source: pattern", {"kind": "pattern", "fps": 100, "width": 1270}),
        ("source: 'file:clips/a.mp4'", {"kind": "file", "fps": -1, "width": 0, "height": 0}),
        ("source: 'file:/a.mp4'\n    fps: 0\n    loop: no", {"address": "/a.mp4", "fps": 0, "loop": False}),
        (f"source: '{RTSP}'", {"kind": "rtsp", "fps": 0, "width": 0}),
        ("source: /dev/video0\n    width: 640\n    height: 480", {"kind": "v4l2", "width": 640, "fps": 100}),
        ("source: picamera2:1\n    gain: 0\n    exposure_us: 0", {"address": "1", "gain": 0, "exposure_us": 0}),
        ("source: faulty:/f", {"kind": "faulty", "address": "/f|pattern", "fps": 100, "width": 1270}),
        ("source: 'faulty:/f|file:/a.mp4'", {"address": "/f|file:/a.mp4", "fps": -1, "width": 0}),
        (f"source: 'faulty:/f|{RTSP}'", {"address": f"/f|{RTSP}", "fps": 0, "width": 0}),
        ("quality: 50\n    format: bgr24\n    transport: udp", {"kind": "auto", "quality": 50, "format": "bgr24"}),
        ("enabled: false", {"enabled": False}),
    ],
)
def test_gaps_are_filled_by_kind(loaded: Load, entry: str, fields: dict[str, Any]) -> None:
    (camera,) = loaded(site=f"cameras:\n  - id: a\n    {entry}\n").cameras
    assert {name: getattr(camera, name) for name in fields} == fields


def test_a_file_is_below_the_root(loaded: Load, tmp_path: Path) -> None:
    assert loaded("CAMERA_SOURCE = 'clips/a.mp4'").cameras[0].address == str(tmp_path / "clips/a.mp4")
    address = loaded("CAMERA_SOURCE = 'faulty:drill|clips/a.mp4'").cameras[0].address
    assert address == f"{tmp_path}/drill|file:{tmp_path}/clips/a.mp4"


def test_a_faulty_network_camera_is_shown_without_its_password(loaded: Load) -> None:
    (camera,) = loaded(site=f"cameras:\n  - id: a\n    source: 'faulty:/f|{RTSP}'\n").cameras
    assert camera.shown_address == "***@192.168.1.105:554/stream1"


def test_layers_override_each_other(loaded: Load) -> None:
    config = "REDIS_PORT = 1\nREDIS_DB = 1\nCAMERA_RECOVERY_SETTINGS = {'frame_timeout': 2, 'recovery_cooldown': 9}"
    settings = loaded(config, REDIS_PORT="2", CAMERA_RECOVERY_SETTINGS__frame_timeout="3")
    machine, recovery = settings.machine, settings.machine.camera_recovery_settings
    assert (machine.redis_port, machine.redis_db, machine.redis_timeout) == (2, 1, 5)
    assert (recovery.frame_timeout, recovery.recovery_cooldown, recovery.max_recovery_attempts) == (3, 9, 5)
    assert settings.places[("REDIS_PORT",)] == "environment GREENCAM_REDIS_PORT"


def test_the_environment_speaks_yaml_except_to_texts(loaded: Load) -> None:
    settings = loaded(
        site="cameras: [{id: x}]\nstorage: {every_s: 2, max_mb: 7}",
        CAMERAS="[{id: a, source: pattern}, {id: b}]",
        STORAGE__MAX_MB="9",
        API_SERVER_CONFIG="{port: 81, debug: yes}",
        API_SERVER_CONFIG__host="127.0.0.1",
        REDIS_PASSWORD="0123",  # noqa: S106 - digits that must stay text
        REDIS_HOST="1",
        LOG_LEVEL="debug",
    )
    assert [camera.id for camera in settings.cameras] == ["a", "b"]
    assert (settings.storage.every_s, settings.storage.max_mb) == (2, 9)
    api = settings.machine.api_server_config
    assert (api.port, api.debug, api.host) == (81, True, "127.0.0.1")
    assert settings.redis_url == "redis://:0123@1:6379/0"
    assert settings.machine.log_level == "DEBUG"


def test_other_files_and_roots(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("REDIS_PORT = 3")
    (tmp_path / "s.yaml").write_text("cameras: [{id: z}]")
    environ = {"GREENCAM_ROOT": str(tmp_path), "GREENCAM_CONFIG": "m.py", "GREENCAM_SITE": str(tmp_path / "s.yaml")}
    settings = load(environ={**environ, "GREENCAM_PARENT_PID": "1", "GREENCAM_PICAMERA2_ROOT": "/x", "OTHER": "1"})
    assert (settings.root, settings.machine.redis_port, settings.cameras[0].id) == (tmp_path, 3, "z")
    with pytest.raises(SettingsError, match=r"environment GREENCAM_CONFIG: there is no file 'none\.py'"):
        load(tmp_path, {"GREENCAM_CONFIG": "none.py"})


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("\nCAMERA_WIDTH = 12700000", "config.py line 2: CAMERA_WIDTH: 12700000 is more than 16384"),
        ("CAMERA_WITH = 3", "config.py line 1: CAMERA_WITH: no such key; did you mean CAMERA_WIDTH?"),
        ("BANANA = 3", "config.py line 1: BANANA: no such key"),
        ("REDIS_PORT = 0", "config.py line 1: REDIS_PORT: 0 is less than 1"),
        ("REDIS_PORT = '6379'", "config.py line 1: REDIS_PORT: needs a whole number, not '6379'"),
        ("REDIS_PORT = True", "config.py line 1: REDIS_PORT: needs a whole number, not True"),
        ("REDIS_PORT = 6379.0", "config.py line 1: REDIS_PORT: needs a whole number, not 6379.0"),
        ("REDIS_TIMEOUT = None", "config.py line 1: REDIS_TIMEOUT: needs a number, not nothing"),
        ("FRAME_RATE = 1e308 * 10", "config.py line 1: FRAME_RATE: needs a finite number, not inf"),
        ("FRAME_RATE = 1001", "config.py line 1: FRAME_RATE: 1001 is more than 1000"),
        ("HEALTH_CHECK_INTERVAL = 0", "config.py line 1: HEALTH_CHECK_INTERVAL: 0 is not more than 0"),
        ("JPEG_QUALITY = 101", "config.py line 1: JPEG_QUALITY: 101 is more than 100"),
        ("LOG_LEVEL = 'LOUD'", "config.py line 1: LOG_LEVEL: 'LOUD' is not one of "),
        ("IMAGES_DIR = ''", "config.py line 1: IMAGES_DIR: names no folder"),
        ("IMAGES_DIR = '~/x'", "config.py line 1: IMAGES_DIR: write the whole path"),
        ("LOGS_DIR = 'a\\0b'", "config.py line 1: LOGS_DIR: holds a control character"),
        ("LOGS_DIR = '\\ud800'", "config.py line 1: LOGS_DIR: holds bytes that are not UTF-8 text"),
        (
            "METRICS_TEXTFILE = 'a.txt'",
            "config.py line 1: METRICS_TEXTFILE: must end in .prom: node_exporter reads no ",
        ),
        ("METRICS_TEXTFILE = '~/a.prom'", "config.py line 1: METRICS_TEXTFILE: write the whole path"),
        ("METRICS_INTERVAL = 0", "config.py line 1: METRICS_INTERVAL: 0 is less than 1"),
        ("CAMERA_FORMAT = 'RGB999'", "config.py line 1: CAMERA_FORMAT: 'RGB999' is no pixel format; known: "),
        ("CAMERA_SOURCE = 'webcam'", "config.py line 1: CAMERA_SOURCE: not a camera source; the forms are auto, "),
        ("API_SERVER_CONFIG = 3", "config.py line 1: API_SERVER_CONFIG: needs keys with values, not 3"),
        (
            "API_SERVER_CONFIG = {\n  'prot': 3}",
            "config.py line 2: API_SERVER_CONFIG.prot: no such key; did you mean port?",
        ),
        (
            "SAFEGUARD_THRESHOLDS = {'cpu_warning': 95}",
            "config.py line 1: SAFEGUARD_THRESHOLDS: cpu_warning (95) must be below cpu_critical (95)",
        ),
        (
            "SAFEGUARD_THRESHOLDS = {\n  'disk_warning': 101}",
            "config.py line 2: SAFEGUARD_THRESHOLDS.disk_warning: 101 is more than 100",
        ),
        (
            "CAMERA_HEALTH_THRESHOLDS = {'good_score': 95}",
            "config.py line 1: CAMERA_HEALTH_THRESHOLDS: needs excellent_score > good_score > ",
        ),
        (
            "CAMERA_RECOVERY_SETTINGS = {'system_reboot_threshold': 2}",
            "config.py line 1: CAMERA_RECOVERY_SETTINGS: system_reboot_threshold (2) must not be below ",
        ),
        (
            "CAMERA_RECOVERY_SETTINGS = {'system_reboot_threshold': 4}",
            "config.py line 1: CAMERA_RECOVERY_SETTINGS: system_reboot_threshold (4) must not be below max_",
        ),
        (
            "CAMERA_RECOVERY_SETTINGS = {'recovery_cooldown': 0}",
            "config.py line 1: CAMERA_RECOVERY_SETTINGS: recovery_cooldown × max_recovery_attempts (0 s) must",
        ),
        (
            "CAMERA_RECOVERY_SETTINGS = {\n'frame_timeout': 0}",
            "config.py line 2: CAMERA_RECOVERY_SETTINGS.frame_timeout: 0 is less than 0.1",
        ),
        (
            "CAMERA_RECOVERY_SETTINGS = {\n'max_recovery_attempts': 0}",
            "config.py line 2: CAMERA_RECOVERY_SETTINGS.max_recovery_attempts: 0 is less than 1",
        ),
        (
            "CAMERA_WIDTH = 1271\nCAMERA_FORMAT = 'YUV420'",
            "config.py line 2: CAMERA_FORMAT: YUV420 needs even sides, not 1271×720",
        ),
    ],
)
def test_mistakes_in_config_py(problems: Problems, config: str, problem: str) -> None:
    (said,) = problems(config)
    assert said.startswith(problem)


@pytest.mark.parametrize(
    ("site", "problem"),
    [
        ("cameras:\n- id: a\n  fsp: 3", "line 3: cameras[0].fsp: no such key; did you mean fps?"),
        ("cameras:\n- name: a", "line 2: cameras[0].id: is missing"),
        ("cameras:\n- id: a b", "line 2: cameras[0].id: 'a b' is not an id: 1 to 32 letters"),
        ('cameras:\n- id: "a\\n"', "line 2: cameras[0].id: 'a\\n' is not an id"),
        ("cameras:\n- id: 5", "line 2: cameras[0].id: needs text (in quotes), not 5"),
        ("cameras:\n- a", "line 2: cameras[0]: needs keys with values, not 'a'"),
        ("cameras: a", "line 1: cameras: needs a list, not 'a'"),
        ("cameras:\n- id: a\n- id: a", "line 3: cameras[1].id: 'a' is the id of cameras[0] already"),
        ("cameras:\n- id: redis", "line 2: cameras[0].id: 'redis' is the name of a process of greencam itself"),
        ("cameras:\n- id: all", "line 2: cameras[0].id: 'all' is the name of a process of greencam itself"),
        (
            "cameras:\n- id: a\n  source: auto\n  url: rtsp://h/",
            "line 4: cameras[0].url: a camera has a source or a url",
        ),
        ("cameras:\n- id: a\n  url: /dev/video0", "line 3: cameras[0].url: needs rtsp://"),
        ("cameras:\n- id: a\n  source: 0", "line 3: cameras[0].source: needs text (in quotes)"),
        (
            "cameras:\n- id: a\n  transport: sctp",
            "line 3: cameras[0].transport: 'sctp' is not one of 'tcp' or 'udp'",
        ),
        ("cameras:\n- id: a\n  format: nv12\n  width: 3", "line 2: cameras[0]: nv12 needs even sides, not 3×720"),
        ("camera: []", "line 1: camera: no such key; did you mean cameras?"),
        ("procesing: {}", "line 1: procesing: no such key; did you mean processing?"),
        ("CAMERA_WIDTH: 3", "line 1: CAMERA_WIDTH: no such key"),
        ("storage: {max_mb: 0}", "line 1: storage.max_mb: 0 is less than 1"),
        ('"a\\nb": 3', "line 1: 'a\\nb': no such key"),
    ],
)
def test_mistakes_in_config_yaml(problems: Problems, site: str, problem: str) -> None:
    (said,) = problems(site=site)
    assert said.startswith(f"config/config.yaml {problem}")


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("REDIS_PORT", "abc", "GREENCAM_REDIS_PORT: needs a whole number, not 'abc'"),
        ("REDIS_PORT", "{", "GREENCAM_REDIS_PORT: is not a value as YAML writes it"),
        ("REDIS_PORT", "!x y", "GREENCAM_REDIS_PORT: tags such as !name are not read here"),
        ("REDIS_PROT", "1", "GREENCAM_REDIS_PROT: no such setting; did you mean GREENCAM_REDIS_PORT?"),
        ("REDIS_PORT__x", "1", "GREENCAM_REDIS_PORT__x: no such setting"),
        ("STORAGE__mx_mb", "1", "GREENCAM_STORAGE__mx_mb: no such key; did you mean max_mb?"),
        ("STORAGE", "{mx_mb: 3}", "GREENCAM_STORAGE: storage.mx_mb: no such key; did you mean max_mb?"),
        (
            "SAFEGUARD_THRESHOLDS__cpu_warning",
            "99",
            "GREENCAM_SAFEGUARD_THRESHOLDS__cpu_warning: SAFEGUARD_THRESHOLDS: ",
        ),
        (
            "SAFEGUARD_THRESHOLDS__cpu_warning",
            "999",
            "GREENCAM_SAFEGUARD_THRESHOLDS__cpu_warning: 999 is more than 100",
        ),
        ("", "1", "GREENCAM_: no such setting"),
    ],
)
def test_mistakes_in_the_environment(problems: Problems, name: str, value: str, problem: str) -> None:
    (said,) = problems(**{name: value})
    assert said.startswith(f"environment {problem}")


def test_every_problem_of_every_place_at_once(problems: Problems) -> None:
    config = "A = f()\nREDIS_PORT = 0\nAPI_SERVER_CONFIG = {'port': 0}"
    site = "cameras:\n- id: a\n  fps: -1\n- id: a\nx: &y 1\nz: {q: 1, q: 2}"
    said = problems(config, site, REDIS_DB="-1", NOPE="1")
    assert len(said) == 10
    assert {problem.partition(": ")[0].partition(" line")[0] for problem in said} == {
        "config.py",
        "config/config.yaml",
        "environment GREENCAM_REDIS_DB",
        "environment GREENCAM_NOPE",
    }


def test_sections_of_later_features_are_a_warning(loaded: Load) -> None:
    settings = loaded(site="processing:\n  detection: {confidence_threshold: 0.5}\nmonitoring:\n  smtp_port: 587\n")
    assert settings.warnings == (
        "config/config.yaml line 1: section processing has no effect in this version",
        "config/config.yaml line 3: section monitoring has no effect in this version",
    )


@pytest.mark.parametrize("site", ["", "cameras:\n", "cameras: []\nstorage:\n", "# only words\n"])
def test_empty_sections_are_no_mistake(loaded: Load, site: str) -> None:
    assert [camera.id for camera in loaded(site=site).cameras] == ["cam1"]


def test_settings_do_not_change(loaded: Load) -> None:
    settings = loaded()
    with pytest.raises(ValueError, match="frozen"):
        settings.machine.redis_port = 3


def test_the_recorder_is_a_durable_consumer_without_being_named(loaded: Load) -> None:
    (recorder,) = loaded(site="storage: {every_s: 3}").consumers
    assert (recorder.name, recorder.every_s, recorder.max_lag_mb, recorder.max_lag_s) == ("recorder", 3, 96, 3600)
    assert recorder.follows("any")
    consumers = "[{name: recorder, enabled: false}, {name: me, cameras: [b]}]"
    recorder, mine = loaded(site=f"cameras: [{{id: a}}, {{id: b}}]\nconsumers: {consumers}\n").consumers
    assert [one.follows(camera) for one in (recorder, mine) for camera in "ab"] == [False, False, False, True]
    assert mine.every_s == 0


@pytest.mark.parametrize(
    ("site", "problem"),
    [
        ("consumers: [{every_s: 1}]", "config/config.yaml line 1: consumers[0].name: is missing"),
        ("consumers: [{name: a b}]", "config/config.yaml line 1: consumers[0].name: 'a b' is not an id"),
        ("consumers: [{name: a, evry_s: 1}]", "consumers[0].evry_s: no such key; did you mean every_s?"),
        ("consumers: [{name: a}, {name: a}]", "consumers[1].name: 'a' is the name of consumers[0] already"),
        ("consumers: [{name: a, max_lag_s: 0}]", "consumers[0].max_lag_s: 0 is not more than 0"),
        ("consumers: [{name: a, max_lag_mb: 0}]", "consumers[0].max_lag_mb: 0 is less than 1"),
        ("consumers: [{name: a, cameras: [cam2]}]", "there is no camera 'cam2'; did you mean cam1?"),
        (
            "cameras: [{id: door}]\nconsumers: [{name: a, cameras: [dor]}]",
            "config/config.yaml line 2: consumers[0].cameras: there is no camera 'dor'; did you mean door?",
        ),
        ("consumers: {name: a}", "consumers: needs a list, not "),
        ("consumers: [a]", "consumers[0]: needs keys with values, not 'a'"),
    ],
)
def test_a_wrong_consumer_is_told_with_its_place(problems: Problems, site: str, problem: str) -> None:
    assert any(problem in text for text in problems(site=site)), problems(site=site)
