from __future__ import annotations

from pathlib import Path

from greencam.settings.camera_model import RESERVED_IDS
from greencam.settings.load import load
from greencam.supervise.requests import ALL
from greencam.supervise.table import ProcessSpec, process_table

SITE = """
cameras:
  - {id: front, source: pattern}
  - {id: spare, source: pattern, enabled: false}
  - {id: back, source: 'rtsp://admin:s3cr3t@10.0.0.9/1'}
"""


def table(tmp_path: Path, site: str = SITE, **environ: str) -> tuple[ProcessSpec, ...]:
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config/config.yaml").write_text(site)
    return process_table(load(tmp_path, {f"GREENCAM_{name}": value for name, value in environ.items()}))


def test_redis_first_then_the_recorder_then_the_enabled_cameras(tmp_path: Path) -> None:
    specs = table(tmp_path)
    assert [spec.name for spec in specs] == ["redis", "recorder", "front", "back"]
    ranks = [spec.rank for spec in specs]
    assert ranks == sorted(ranks)
    assert ranks == [0, 1, 2, 2]


def test_our_own_redis_takes_its_users_only(tmp_path: Path) -> None:
    redis = table(tmp_path)[0].argv
    assert Path(redis[redis.index("--aclfile") + 1]).name == "redis.acl"


def test_a_redis_that_is_configured_is_not_started(tmp_path: Path) -> None:
    assert [spec.name for spec in table(tmp_path, REDIS_HOST="10.0.0.9")] == ["recorder", "front", "back"]


def test_a_disabled_camera_is_neither_captured_nor_recorded(tmp_path: Path) -> None:
    assert not any("spare" in spec.argv for spec in table(tmp_path))


def test_the_commands_are_those_that_a_person_would_type(tmp_path: Path) -> None:
    _, recorder, front, _ = table(tmp_path)
    assert [Path(word).name for word in front.argv[2:]] == ["cam1_stream.py", "--camera", "front"]
    assert [Path(word).name for word in recorder.argv[2:]] == [
        "storeimages.py", "--camera", "front", "--camera", "back",
    ]  # fmt: skip
    assert all(spec.argv[1] == "-P" for spec in (recorder, front))


def test_no_command_line_holds_a_secret(tmp_path: Path) -> None:
    specs = table(tmp_path, REDIS_URL="redis://:s3cr3t@10.0.0.9")
    assert "s3cr3t" not in str(specs)


def test_no_camera_can_have_the_name_of_another_process(tmp_path: Path) -> None:
    """Whatever is in the table besides cameras is a name that the settings refuse for a camera."""
    others = {spec.name for spec in table(tmp_path)} - {"front", "back"}
    assert others <= RESERVED_IDS
    assert ALL in RESERVED_IDS


def test_without_settings_there_is_one_camera(tmp_path: Path) -> None:
    assert [spec.name for spec in table(tmp_path, "{}")] == ["redis", "recorder", "cam1"]


def test_without_an_enabled_camera_there_is_nothing_to_record(tmp_path: Path) -> None:
    assert [spec.name for spec in table(tmp_path, "cameras: [{id: a, enabled: false}]")] == ["redis"]
