"""The folders of a drill: its own, for its user alone, gone afterwards; what killed drills left is cleared away."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from greencam.base.errors import CameraUnavailable
from greencam.settings.load import load
from greencam.upkeep import drill_ground
from greencam.upkeep.drill_ground import DrillGround
from tests.making import CLOCK

CAMERAS = [{"id": "drill", "source": "pattern"}]


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in the place of /dev/shm."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(drill_ground, "default_runtime_dir", lambda root: folder / "greencam-1")
    yield folder
    assert list(folder.glob("gc-drill-*")) == []


def environment(ground: DrillGround) -> dict[str, str]:
    return {**os.environ, **ground._environment()}


def test_captures_of_a_drill_live_in_its_own_folders_whatever_the_owner_has_set(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("cameras: [{id: mine, source: pattern}]\n")
    (tmp_path / "other.py").write_text("REDIS_HOST = '10.0.0.9'\nCAMERA_RECOVERY_SETTINGS = {'frame_timeout': 3}\n")
    for name, value in {
        "ROOT": str(tmp_path), "CONFIG": "other.py", "SITE": "config/config.yaml", "DATA_DIR": "/var/lib/mine",
        "CAMERAS": "[{id: mine, source: pattern}]", "LOGS_DIR": "/var/log/mine", "RUNTIME_DIR": "/run/mine",
        "REDIS_URL": "redis://10.0.0.9", "REBOOT_CONTROL_DIR": str(tmp_path),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"GREENCAM_{name}", value)
    with DrillGround(tmp_path, CLOCK, {"recovery_cooldown": 2}) as ground:
        ground.write_site(CAMERAS)
        settings = load(environ=environment(ground))
        folders = (settings.root, settings.runtime_dir, settings.data_dir, settings.logs_dir)
        assert all(folder.is_relative_to(ground.folder) for folder in folders)
        assert [camera.id for camera in settings.cameras] == ["drill"]
        assert settings.redis_url is None
        assert settings.reboot_control_dir is None
        wish = settings.machine.camera_recovery_settings
        assert (wish.frame_timeout, wish.recovery_cooldown) == (3, 2)


def test_an_address_with_a_password_is_for_its_user_alone(memory: Path, tmp_path: Path) -> None:
    with DrillGround(tmp_path, CLOCK) as ground:
        ground.write_site(CAMERAS)
        site = ground.folder / "config/config.yaml"
        assert json.loads(site.read_text())["cameras"] == CAMERAS
        assert stat.S_IMODE(site.stat().st_mode) == 0o600
        assert stat.S_IMODE(ground.folder.stat().st_mode) == 0o700


def left_behind(memory: Path, *, lock: bool = True, age_s: float = 3600.0) -> Path:
    folder = memory / "gc-drill-old"
    (folder / "run").mkdir(parents=True)
    (folder / "run/drill.ring").write_bytes(b"0" * 100)
    if lock:
        (folder / "drill.lock").write_text("1\n")
    then = CLOCK.wall() - age_s
    os.utime(folder, (then, then))
    return folder


def test_what_a_killed_drill_left_is_cleared_away_by_the_next(memory: Path, tmp_path: Path) -> None:
    old = left_behind(memory)
    with DrillGround(tmp_path, CLOCK):
        assert not old.exists()


@pytest.mark.parametrize(("lock", "age_s"), [(False, 3600.0), (True, 5.0)])
def test_a_drill_that_is_just_beginning_is_left_alone(
    memory: Path, tmp_path: Path, lock: bool, age_s: float
) -> None:
    young = left_behind(memory, lock=lock, age_s=age_s)
    with DrillGround(tmp_path, CLOCK):
        assert young.exists()
    (young / "drill.lock").touch()
    os.utime(young, (0, 0))
    with DrillGround(tmp_path, CLOCK):
        assert not young.exists()


def test_a_drill_that_runs_is_left_alone_by_another(memory: Path, tmp_path: Path) -> None:
    with DrillGround(tmp_path, CLOCK) as one:
        os.utime(one.folder, (0, 0))
        with DrillGround(tmp_path, CLOCK):
            assert one.folder.exists()


def test_a_camera_that_does_not_start_is_told_with_its_last_words(memory: Path, tmp_path: Path) -> None:
    with DrillGround(tmp_path, CLOCK) as ground:
        ground.write_site([{"id": "drill", "source": "pattern", "fsp": 1}])
        with pytest.raises(CameraUnavailable, match="did you mean fps"):
            ground.start("drill")
