from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.base.errors import Refused
from greencam.supervise import redis_server
from greencam.upkeep.units import API, CONTROL_DIR, CRON, MONITOR, SUITE, Installation, cron_file, unit_files
from tests.suite import CHECKOUT

DEPLOYED = CHECKOUT / "deploy/systemd"
RENDER = "./run.sh install-service --render deploy/systemd writes them anew"
NAMES = sorted(unit_files(Installation()))
REBOOT = ("greencam-reboot.path", "greencam-reboot.service")


def values(text: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not installed: sudo scripts/debian-test-packages")
    return found


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """The units of an installation whose programs are there, since a missing one counts as a mistake."""
    place = Installation(prefix=tmp_path / "greencam")
    for program in (place.python, place.prefix / "run.sh"):
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", program)
    for name, text in unit_files(place).items():
        (tmp_path / name).write_text(text)
    for name in REBOOT:
        text = (DEPLOYED / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/local/sbin/greencam-reboot", "/bin/true"))
    return tmp_path


@pytest.mark.parametrize("name", [*NAMES, *REBOOT])
def test_systemd_finds_no_mistake(analyze: str, rendered: Path, name: str) -> None:
    done = subprocess.run(
        [analyze, "verify", f"./{name}"], cwd=rendered, capture_output=True, text=True, timeout=60
    )
    said = [line for line in done.stderr.splitlines() if name in line or "camera-streaming" in line]
    assert (done.returncode, said) == (0, [])


def test_systemd_would_find_a_mistake(analyze: str, rendered: Path) -> None:
    bad = (rendered / SUITE).read_text().replace(str(rendered / "greencam"), "/nowhere")
    (rendered / SUITE).write_text(bad)
    done = subprocess.run(
        [analyze, "verify", f"./{SUITE}"], cwd=rendered, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0


@pytest.mark.parametrize("name", [name for name in [*NAMES, *REBOOT] if name.endswith(".service")])
def test_every_service_is_exposed_by_2_at_most(analyze: str, rendered: Path, name: str) -> None:
    words = [analyze, "security", "--offline=true", "--threshold=20", "--no-pager", f"./{name}"]
    done = subprocess.run(words, cwd=rendered, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overall exposure level" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_what_is_delivered_is_what_comes_out(name: str) -> None:
    assert (DEPLOYED / name).read_text() == unit_files(Installation())[name], RENDER


def test_the_cron_file_is_what_comes_out_and_has_the_time_of_the_guide() -> None:
    text = (CHECKOUT / "deploy/cron.d" / CRON).read_text()
    assert text == cron_file(Installation()), RENDER
    assert text.splitlines()[-1].startswith("*/5 * * * * greencam ")


def test_the_unit_that_the_guide_copies_lies_in_the_root_folder() -> None:
    assert (CHECKOUT / SUITE).read_text() == unit_files(Installation())[SUITE]


def test_the_suite_comes_back_whatever_happens() -> None:
    text = unit_files(Installation())[SUITE]
    promised = {
        "Type": "notify", "NotifyAccess": "main", "Restart": "always", "StartLimitIntervalSec": "0",
        "WatchdogSignal": "SIGKILL", "TimeoutStopSec": "15", "KillMode": "mixed", "OOMPolicy": "continue",
        "Alias": "smart-cctv.service",
    }  # fmt: skip
    assert {key: values(text, key) for key in promised} == {key: [value] for key, value in promised.items()}
    assert float(values(text, "WatchdogSec")[0]) >= 10


def test_what_must_not_vanish_when_the_suite_stops_does_not() -> None:
    text = unit_files(Installation())[SUITE]
    assert values(text, "RuntimeDirectory") == [], "systemd would remove the reboot helper's inbox"
    assert values(text, "RemoveIPC") == [], "it would empty /dev/shm, where frames wait for their consumers"
    assert f"-{CONTROL_DIR}" in values(text, "ReadWritePaths")[0].split()


def test_the_embedded_redis_can_start_in_the_sandbox(tmp_path: Path) -> None:
    started_by = Path(redis_server.argv(tmp_path / "redis.sock", 1 << 20)[0]).name
    filters = values(unit_files(Installation())[SUITE], "SystemCallFilter")
    assert "@privileged" in filters[1], "capset is one of these"
    assert started_by != "setpriv" or filters[-1] == "capset", "setpriv gives up when it may not call capset"


def test_cameras_are_the_only_devices() -> None:
    files = unit_files(Installation())
    assert values(files[SUITE], "PrivateDevices") == []
    assert {line.split()[0] for line in values(files[SUITE], "DeviceAllow")} == {
        "char-video4linux", "char-media", "char-dma_heap", "char-vchiq"
    }  # fmt: skip
    for name in (API, f"{MONITOR}.service"):
        assert values(files[name], "PrivateDevices") == ["yes"]


def test_user_folder_and_writable_folders_are_put_in_everywhere() -> None:
    place = Installation("camera", Path("/srv/cams"), (Path("/mnt/usb/images"), Path("/srv/cams/logs")))
    for name, text in unit_files(place).items():
        assert "/opt/greencam" not in text
        if name.endswith(".service"):
            assert values(text, "User") == ["camera"]
            assert values(text, "WorkingDirectory") == ["/srv/cams"]
    assert values(unit_files(place)[SUITE], "ReadWritePaths")[0].startswith("/mnt/usb/images /srv/cams/logs ")
    assert "/srv/cams/health_check.py" in cron_file(place)


@pytest.mark.parametrize(
    ("path", "protect"),
    [
        ("/home/pi/greencam", "read-only"),
        ("/root/greencam", "read-only"),
        ("/homes/x", "yes"),
        ("/opt/greencam", "yes"),
    ],
)
def test_a_home_is_seen_only_where_it_must_be(path: str, protect: str) -> None:
    assert values(unit_files(Installation(prefix=Path(path)))[SUITE], "ProtectHome") == [protect]


@pytest.mark.parametrize("user", ["root", "", "Pi", "a b", "x\ny", "-x", "a" * 33, "%u", "ü"])
def test_a_user_that_can_not_be_is_refused(user: str) -> None:
    with pytest.raises(Refused, match="--user"):
        Installation(user)


@pytest.mark.parametrize("path", ["/", "opt", "/opt/a b", "/opt/../etc", "/opt/%h", "/opt/$x", "/opt/a\nUser=root"])
def test_a_folder_that_a_unit_can_not_hold_is_refused(path: str) -> None:
    with pytest.raises(Refused):
        Installation(prefix=Path(path))


@given(st.text(), st.text())
def test_nothing_gets_into_a_unit_that_is_not_a_plain_name(user: str, path: str) -> None:
    try:
        place = Installation(user, Path("/" + path.replace("\0", "")))
    except Refused:
        return
    for text in unit_files(place).values():
        assert values(text, "User") in ([], [place.user])
        assert text.count("\n[") == len(re.findall(r"^\[(Unit|Service|Timer|Install)\]$", text, re.MULTILINE))
