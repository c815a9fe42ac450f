from __future__ import annotations

from pathlib import Path

from greencam.upkeep.install import install_steps
from greencam.upkeep.steps import PutLink
from greencam.upkeep.units import Installation
from tests.suite import CHECKOUT

PREFIX = Path("/opt/greencam")
LINK = PutLink(PREFIX / "greencam.log", "logs/camera_system.log")


def folder_below(root: Path) -> Path:
    folder = root / "opt" / "greencam"
    folder.mkdir(parents=True)
    return folder


def test_a_link_is_made_once_and_led_elsewhere(tmp_path: Path) -> None:
    link = folder_below(tmp_path) / "greencam.log"
    link.symlink_to("old")
    for _ in range(2):
        LINK.do(tmp_path)
        assert link.readlink() == Path("logs/camera_system.log")


def test_a_file_of_its_name_stays(tmp_path: Path) -> None:
    file = folder_below(tmp_path) / "greencam.log"
    file.write_text("an old log")
    LINK.do(tmp_path)
    assert file.read_text() == "an old log"


def test_an_installation_has_the_old_name_of_the_log() -> None:
    place = Installation("greencam", PREFIX, tuple(PREFIX / name for name in ("images", "logs", "data")))
    assert LINK in install_steps(place, CHECKOUT)
