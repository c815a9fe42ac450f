"""Every command of guide 2 for a camera, as a person types it, against real captures."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from greencam.apps import camera_health_monitor
from greencam.camera import faults
from tests.suite import Suite, processes_with, wait_until

# A test here starts up to a dozen commands, one after the other; a crowded machine needs its time for each.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
SCRIPT = "camera_health_monitor.py"
DRILLS = ("tests/apps/patient.py", "camera_health_monitor", "--drill")  # with goals that a busy machine meets
FRAME_S = 4  # a loaded machine may let a worker wait for longer than a second
GUIDE = {"is_initialized", "is_capturing", "health_score", "consecutive_failures", "should_reboot"}


class Watched(Suite):
    """A suite with two cameras that can be made to fail, and a third that is not enabled."""

    def __init__(self, root: Path, runtime: Path) -> None:
        super().__init__(root, runtime)
        self.environment["GREENCAM_CAMERA_RECOVERY_SETTINGS__FRAME_TIMEOUT"] = str(FRAME_S)
        self.environment["GREENCAM_FRAME_RATE"] = "10"  # two cameras beside whatever else runs
        entries = ", ".join(f"{{id: {name}, source: 'faulty:{self.faults(name)}'}}" for name in ("front", "back"))
        self.site(f"cameras: [{entries}, {{id: spare, source: pattern, enabled: false}}]\n")

    def faults(self, camera: str) -> Path:
        return self.runtime / f"faults-{camera}"

    def ask(self, *words: str) -> tuple[int, str]:
        done = self.run(SCRIPT, *words)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    def told(self, *words: str) -> Any:
        done = self.run(SCRIPT, *words, "--json")
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Both cameras captured, without Redis."""
    runtime = Path(tempfile.mkdtemp(prefix="gc-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    made = Watched(tmp_path_factory.mktemp("root"), runtime)
    try:
        for camera in ("front", "back"):
            made.start("cam1_stream.py", "--camera", camera)
        wait_until(lambda: all(status["is_capturing"] for status in made.told()["cameras"].values()), 60)
        yield made
    finally:
        made.stop_all()
        shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture
def idle(tmp_path: Path, short_folder: Path) -> Watched:
    return Watched(tmp_path, short_folder)


def test_the_status_of_cameras_that_work(watched: Watched) -> None:
    code, output = watched.ask("--status")
    assert code == 0
    lines = output.splitlines()
    assert [line.split(":")[0] for line in lines] == ["front", "back"]
    assert all(line.split(": ")[1].startswith("excellent (100), streaming, ") for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_the_detailed_status_tells_device_processes_and_what_cured_it(watched: Watched) -> None:
    code, output = watched.ask("--status", "--detailed", "--camera", "back")
    titles = [line[2:17].strip() for line in output.splitlines()[1:]]
    assert code == 0
    assert [title for title in titles if title] == [
        "device", "notes", "failures", "since start", "processes", "Redis", "availability",
        "what cured it", "incidents",
    ]  # fmt: skip


def test_json_has_the_fields_of_the_guide_at_the_top(watched: Watched) -> None:
    facts = watched.told()
    assert facts.keys() > GUIDE
    assert {name: facts[name] for name in ("is_initialized", "is_capturing", "health_score")} == {
        "is_initialized": True, "is_capturing": True, "health_score": 100,
    }  # fmt: skip
    assert list(facts["cameras"]) == ["front", "back"]
    assert facts["cameras"]["back"].keys() > GUIDE


def test_a_test_takes_frames_from_the_capture_that_runs(watched: Watched) -> None:
    before = watched.told()["cameras"]
    code, output = watched.ask("--test", "--num-tests", "3")
    assert code == 0
    assert output.count("from the capture that runs") == 2
    assert output.count(" of 3: ok, 320×240 after ") == 6
    after = watched.told()["cameras"]
    assert [after[name]["worker_pid"] for name in after] == [before[name]["worker_pid"] for name in before]


def test_a_recovery_replaces_the_worker_of_the_camera_that_is_named(watched: Watched) -> None:
    before = watched.told()["cameras"]
    facts = watched.told("--recover", "--camera", "front")
    assert (facts["recovered"], facts["camera"], list(facts["cameras"])) == (True, "front", ["front"])
    after = watched.told()["cameras"]
    assert after["front"]["worker_pid"] != before["front"]["worker_pid"]
    assert after["back"]["worker_pid"] == before["back"]["worker_pid"]
    assert after["front"]["pid"] == before["front"]["pid"]


def test_watching_prints_an_object_a_line_until_the_time_is_over(watched: Watched) -> None:
    done = watched.run(SCRIPT, "--monitor", "--duration", "4s", "--interval", "1.5", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    looks = len(rows) // 2
    assert looks in {2, 3}, "the third is left out when we had to wait until the time was over"
    assert [row["camera"] for row in rows] == ["front", "back"] * looks
    assert all(row.keys() > GUIDE for row in rows)
    assert rows[0]["time"] < rows[-1]["time"]


def test_watching_ends_at_ctrl_c_with_the_worst_that_was_seen(watched: Watched) -> None:
    process = watched.start(SCRIPT, "--monitor", "--duration", "10", "--interval", "5")
    assert process.stdout is not None
    assert "front: excellent" in process.stdout.readline()
    code, output = watched.finish(process, signal.SIGINT)
    assert (code, "Traceback" in output) == (0, False)


def test_a_camera_that_fails_is_the_one_that_counts(watched: Watched) -> None:
    faults.order(watched.faults("back"), "disconnect")
    try:
        wait_until(lambda: watched.told()["cameras"]["back"]["consecutive_failures"] >= 4, 60)
        code, output = watched.ask()
        assert code == 1
        assert "back: warning (" in output
        assert " failures in a row: camera back, a drill: not there" in output
        facts = watched.told()
        assert (facts["camera"], facts["is_capturing"]) == ("back", False)
        assert facts["cameras"]["front"]["is_capturing"] is True
        code, output = watched.ask("--test", "--camera", "back", "--num-tests", "1")
        assert code == 1
        said = r"  1 of 1: FAILED: no frame within (\d+\.\d) s: camera back, a drill: not there"
        assert (found := re.search(said, output)), output
        assert float(found[1]) >= FRAME_S
        code, output = watched.ask("--drill", "kill", "--camera", "back")
        assert (code, output) == (2, "a drill needs a camera that works; see --status\n")
    finally:
        faults.ensure_lifted(watched.faults("back"), "disconnect")
    assert watched.told("--recover", "--camera", "back")["recovered"] is True
    assert watched.ask("--camera", "back")[0] == 0


def test_a_drill_on_a_camera_in_use_is_a_signal_and_holds_reboots_back_meanwhile(watched: Watched) -> None:
    hold = watched.root / "data/state/reboot.hold"
    process = watched.start(*DRILLS, "stop", "--camera", "front")
    wait_until(hold.exists, 30)
    output = process.communicate(timeout=80)[0]
    assert process.returncode == 0, output
    assert "SIGSTOP to its worker" in output
    assert "passed: detected after " in output
    assert not hold.exists()
    hold.write_text("")  # an operator's own stays
    assert watched.run(*DRILLS, "kill", "--camera", "front").returncode == 0
    assert hold.exists()
    hold.unlink()


def test_a_drill_that_no_signal_makes_is_refused_on_a_camera_in_use(watched: Watched) -> None:
    code, output = watched.ask("--drill", "freeze", "--camera", "front")
    assert (code, output) == (2, "freeze can't be made in a camera that is in use\n")


def test_a_capture_that_hangs_is_named(watched: Watched) -> None:
    pid = watched.told("--camera", "back")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: watched.ask("--camera", "back")[0] == 2, 60)
        _, output = watched.ask("--camera", "back", "--detailed")
        assert output.splitlines()[:2] == [
            "back: unknown",
            f"  its capture, process {pid}, hangs: it says nothing any more",
        ]
        assert watched.ask("--recover", "--camera", "back")[0] == 1
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: watched.ask("--camera", "back")[0] == 0, 60)


Here = Callable[..., tuple[int, str]]


@pytest.fixture
def here(idle: Watched, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """The same command inside this process, where nothing is captured: exit code and everything printed."""
    for name, value in idle.environment.items():
        if name.startswith("GREENCAM_"):
            monkeypatch.setenv(name, value)

    def ask(*words: str) -> tuple[int, str]:
        try:
            code: object = camera_health_monitor.main(list(words))
        except SystemExit as left:
            code = left.code
        printed = capsys.readouterr()
        assert isinstance(code, int)
        return code, printed.out + printed.err

    return ask


def test_nothing_runs(here: Here) -> None:
    code, output = here()
    assert code == 2
    assert output.splitlines() == [
        "front: unknown", "  nothing captures it; ./run.sh starts greencam, --test tries the camera",
        "back: unknown", "  nothing captures it; ./run.sh starts greencam, --test tries the camera",
    ]  # fmt: skip
    facts = json.loads(here("--json")[1])
    assert {name: facts[name] for name in GUIDE} == {
        "is_initialized": False, "is_capturing": False, "health_score": 0, "consecutive_failures": 0,
        "should_reboot": False,
    }  # fmt: skip
    assert here("--recover") == (
        2, "nothing captures front, back: nothing to recover; --test opens the camera itself\n",
    )  # fmt: skip


def test_an_idle_camera_is_opened_for_a_test_and_closed_again(idle: Watched) -> None:
    facts = idle.told("--test", "--camera", "front", "--num-tests", "2")
    assert facts["passed"] is True
    assert [(test["number"], test["ok"], test["shape"]) for test in facts["cameras"]["front"]] == [
        (1, True, [240, 320, 3]), (2, True, [240, 320, 3]),
    ]  # fmt: skip
    wait_until(lambda: processes_with(str(idle.runtime)) == [])  # a worker ends with its capture, a moment later


def test_a_picture_of_one_colour_fails_a_test(idle: Watched) -> None:
    faults.order(idle.faults("front"), "uniform")
    code, output = idle.ask("--test", "--camera", "front", "--num-tests", "1")
    assert code == 1
    assert "FAILED: a picture of one colour, mean " in output


def test_reboots_are_held_back_and_released(idle: Watched, here: Here) -> None:
    assert here("--release") == (0, "no hold was there\n")
    code, output = here("--hold", "2h")
    assert (code, output[:27]) == (0, "no reboot by greencam until")
    until = float((idle.root / "data/state/reboot.hold").read_text())
    assert 7000 < until - time.time() < 7300
    assert "no reboot by greencam until 2" in here()[1]
    assert here("--hold", "until-released")[1] == "no reboot by greencam until --release\n"
    assert here("--release") == (0, "reboots are allowed again, within their budget\n")


def drill_folders() -> set[Path]:
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
    return set(base.glob("gc-drill-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_drill_that_is_interrupted_leaves_nothing_behind(idle: Watched, number: signal.Signals) -> None:
    process = idle.start(*DRILLS, "hang")
    assert process.stdout is not None
    assert process.stdout.readline() == "drill hang on a simulated camera\n"
    assert "now: a library waits" in process.stdout.readline()
    (folder,) = [path for path in drill_folders() if belongs(path, process.pid)]
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in output) == (130, False)
    assert not folder.exists()
    wait_until(lambda: processes_with(str(folder)) == [])


def belongs(folder: Path, pid: int) -> bool:
    with suppress(OSError):  # the folder of another one's drill, which ends while we look
        return (folder / "drill.lock").read_text().strip() == str(pid)
    return False


def test_a_drill_asks_for_no_reboot_and_writes_nothing_into_the_owners_folders(idle: Watched) -> None:
    control = idle.root / "control"
    control.mkdir()
    idle.environment |= {
        "GREENCAM_REBOOT_CONTROL_DIR": str(control),
        "GREENCAM_DATA_DIR": str(idle.root / "data"),
        "GREENCAM_LOGS_DIR": str(idle.root / "logs"),
        "GREENCAM_SITE": "config/config.yaml",
        "GREENCAM_CAMERAS": "[{id: front, source: pattern}]",
    }
    facts = json.loads(idle.run(*DRILLS, "kill", "--camera", "front", "--json").stdout)
    (report,) = facts["drills"]
    assert (facts["passed"], facts["left_out"]) == (True, {}), report
    assert (report["kind"], report["cured_by"]) == ("kill", "replace worker")
    assert sorted(path.name for path in idle.root.iterdir()) == ["config", "control"]
    assert list(control.iterdir()) == []


# --- what a person types wrong; no camera is asked for it ------------------------------------------------------

WRONG = [
    ("--status --test", "not allowed with argument"),
    ("--detailed --monitor", "--detailed goes with --status"),
    ("--num-tests 3", "--num-tests goes with --test"),
    ("--duration 3 --test", "--duration goes with --monitor"),
    ("--interval 3", "--interval goes with --monitor"),
    ("--test --num-tests 0", "'0' is not above 0"),
    ("--test --num-tests 1.5", "'1.5' is not a whole number"),
    ("--monitor --duration h", "'h': a number with s, m, h or d behind it, such as 90s or 10m"),
    ("--monitor --interval 0", "'0' is not above 0"),
    ("--hold xx", "'xx': a number with s, m, h or d"),
    ("--hold 2h --camera front", "--hold counts for every camera"),
    ("--release --json", "--release counts for every camera"),
    ("--drill", "expected one argument"),
    ("--drill kil", "no drill 'kil'; did you mean kill?"),
    ("--drill quake", "no drill 'quake'; known: hang, hang-c, stop, "),
    ("--drill hang --camera frnt", "no camera 'frnt'; known: front, back, spare"),
    ("--camera frnt", "no enabled camera 'frnt'; known: front, back"),
    ("--camera spare --test", "no enabled camera 'spare'; known: front, back"),
    ("--recover --camera spare", "no enabled camera 'spare'"),
]


@pytest.mark.parametrize(("words", "says"), WRONG)
def test_a_wrong_word_is_one_clear_answer(here: Here, words: str, says: str) -> None:
    code, output = here(*words.split())
    assert code == 2
    assert says in output
