"""./run.sh install-service below another root, and dry: no user, no service, no file of this machine is touched."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from greencam.apps.install_service import refuse_without_rights
from greencam.base.errors import Refused, Unavailable
from greencam.upkeep.install import install_steps, refuse_unreachable
from greencam.upkeep.units import SUITE, Installation
from tests.suite import CHECKOUT

UNITS = {
    "camera-streaming.service", "camera-streaming-monitor.service", "camera-streaming-monitor.timer",
    "greencam-reboot.path", "greencam-reboot.service",
}  # fmt: skip


def run(*words: str, away: bool = False) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-P", "-m", "greencam.apps.install_service", *(["--uninstall"] if away else []), *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GREENCAM_")}
    environment["PYTHONPATH"] = str(CHECKOUT / "src")
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=100)


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(path.relative_to(root)): (stat.S_IMODE(path.lstat().st_mode), path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    }


def test_everything_is_put_below_the_root_and_doing_it_again_changes_nothing(tmp_path: Path) -> None:
    done = run("--root", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in (tmp_path / "etc/systemd/system").iterdir()} == UNITS
    helper = tmp_path / "usr/local/sbin/greencam-reboot"
    assert helper.read_bytes() == (CHECKOUT / "deploy/reboot/greencam-reboot").read_bytes()
    assert stat.S_IMODE(helper.stat().st_mode) == 0o755
    prefix = tmp_path / "opt/greencam"
    assert {"start.py", "run.sh", "src", "config.py", "images", "logs", "data"} <= {
        path.name for path in prefix.iterdir()
    }
    before = snapshot(tmp_path)
    assert run("--root", str(tmp_path)).returncode == 0
    assert snapshot(tmp_path) == before


def test_another_user_is_put_into_the_reboot_helpers_files_too(tmp_path: Path) -> None:
    assert run("--root", str(tmp_path), "--user", "camera", "--prefix", "/srv/cams").returncode == 0
    units = tmp_path / "etc/systemd/system"
    assert "User=camera\n" in (units / SUITE).read_text()
    assert "greencam-reboot --user camera\n" in (units / "greencam-reboot.service").read_text()
    assert "0700 camera root" in (tmp_path / "etc/tmpfiles.d/greencam-reboot.conf").read_text()


def test_a_dry_run_tells_all_of_it_and_does_nothing(tmp_path: Path) -> None:
    done = run("--dry-run", "--root", str(tmp_path))
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []
    told = run("--dry-run")
    assert told.returncode == 0, "it needs neither root nor systemd"
    for words in ("useradd ", "run.sh setup", f"/etc/systemd/system/{SUITE}", "systemd-tmpfiles --create",
                  "systemctl daemon-reload", "systemctl enable ", "systemctl restart "):  # fmt: skip
        assert words in told.stdout
    assert "camera-api.service is left out" in told.stdout


def test_what_a_dry_run_tells_is_what_is_done(tmp_path: Path) -> None:
    told, done = run("--dry-run", "--root", str(tmp_path)), run("--root", str(tmp_path))
    assert told.stdout == done.stdout
    assert "# not with --root: useradd" in done.stdout


def test_uninstalling_leaves_code_settings_and_data(tmp_path: Path) -> None:
    run("--root", str(tmp_path))
    image = tmp_path / "opt/greencam/images/cam1.jpg"
    image.write_bytes(b"jpeg")
    done = run("--root", str(tmp_path), away=True)
    assert done.returncode == 0
    assert "systemctl disable --now camera-streaming.service" in done.stdout
    assert "stays: /opt/greencam" in done.stdout
    assert list((tmp_path / "etc/systemd/system").iterdir()) == []
    assert not (tmp_path / "usr/local/sbin/greencam-reboot").exists()
    assert image.read_bytes() == b"jpeg"
    assert (tmp_path / "opt/greencam/config.py").exists()
    again = run("--root", str(tmp_path), away=True)
    assert (again.returncode, again.stdout) == (0, "no service of greencam is installed\n")


def test_folders_that_the_settings_name_may_be_written_to(tmp_path: Path) -> None:
    prefix = tmp_path / "opt/greencam"
    prefix.mkdir(parents=True)
    (prefix / "config.py").write_text('IMAGES_DIR = "/mnt/usb/images"\nLOGS_DIR = "log"\n')
    done = run("--render", str(tmp_path / "out"), "--prefix", str(prefix))
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / SUITE).read_text()
    assert f"ReadWritePaths=/mnt/usb/images {prefix}/log {prefix}/data -/run/greencam/control\n" in text


@pytest.mark.parametrize("words", [["--user", "root"], ["--prefix", "relative"], ["--user"], ["--what"]])
def test_what_can_not_be_is_refused_before_anything_is_done(tmp_path: Path, words: list[str]) -> None:
    done = run("--root", str(tmp_path), *words)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_without_root_or_without_systemd_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="sudo"):
        refuse_without_rights(1000, tmp_path)
    with pytest.raises(Unavailable, match="systemd does not run this machine"):
        refuse_without_rights(0, tmp_path / "absent")
    refuse_without_rights(0, tmp_path)


def test_a_folder_that_its_user_could_not_enter_is_refused(tmp_path: Path) -> None:
    prefix = tmp_path / "home" / "greencam"
    prefix.mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    place = Installation(prefix=prefix)
    with pytest.raises(Refused, match=f"user greencam can't enter {tmp_path / 'home'}; leave out --prefix"):
        refuse_unreachable(place, None)
    refuse_unreachable(place, os.getuid())


def test_in_place_nothing_is_copied_and_nothing_set_up() -> None:
    told = [step.described() for step in install_steps(Installation(prefix=CHECKOUT), CHECKOUT)]
    assert not [line for line in told if line.startswith("cp ") or line.endswith("run.sh setup")]
    assert f"install -m 0644 … /etc/systemd/system/{SUITE}" in told
