"""deploy/reboot/greencam-reboot as a process of its own, below a made-up root: nothing here can reboot anything."""

from __future__ import annotations

import getpass
import importlib.machinery
import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.capture.reboot import Reason, RebootFacts, RebootLimits, RunningTime, refusal
from greencam.capture.reboot_request import Case, DeskPlaces, RebootDesk
from tests.fake_clock import FakeClock
from tests.suite import wait_until

HELPER = Path(__file__).resolve().parents[2] / "deploy/reboot/greencam-reboot"
STARTED, FAILED, NO_REQUEST, NOT_VALID, NOT_NOW = 0, 1, 3, 4, 5
ASK = Case(
    "cam1", local=True, failures=10, failed_recoveries=5, unkillable=True, outage_s=200.0, sentence="it hangs"
)


@dataclass
class Box:
    """A made-up machine: its files, and stand-ins for systemctl and sync that only note that they were called."""

    root: Path

    @property
    def request(self) -> Path:
        return self.root / "run/greencam/control/reboot.req"

    @property
    def state(self) -> Path:
        return self.root / "var/lib/greencam-root"

    @property
    def budget(self) -> Any:
        return json.loads((self.state / "budget.json").read_text())

    @property
    def calls(self) -> list[str]:
        path = self.root / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def boot(self, name: str, uptime_s: float) -> None:
        (self.root / "proc/sys/kernel/random/boot_id").write_text(f"{name}\n")
        (self.root / "proc/uptime").write_text(f"{uptime_s:.2f} 1.00\n")

    def tool(self, name: str, script: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\necho {name} $* >> '{self.root}/calls'\n{script}\n")
        path.chmod(0o755)

    def ask(self, **changed: object) -> bytes:
        facts = {
            "version": 1, "id": "abc123", "reason": "unkillable", "camera": "cam1", "wall_s": time.time(),
            "sentence": "worker 7 in state D", **changed,
        }  # fmt: skip
        data = json.dumps({name: value for name, value in facts.items() if value is not ...}).encode()
        self.request.write_bytes(data)
        return data

    def run(self, *words: str, real: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
        """Dry unless `real`, and then without patience; returns when its stand-ins have ended too."""
        mode = ["--patience", "0.01"] if real else ["--dry-run"]
        line = [sys.executable, "-IS", str(HELPER), "--root", str(self.root), "--user", getpass.getuser(), *mode]
        return subprocess.run(
            [*line, *words], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def box(tmp_path: Path) -> Box:
    made = Box(tmp_path)
    for name in ("run/greencam/control", "proc/sys/kernel/random", "bin", "dev"):
        (tmp_path / name).mkdir(parents=True)
    made.state.mkdir(parents=True, mode=0o700)
    (tmp_path / "dev/kmsg").touch()
    made.boot("first", 4000.0)
    for tool in ("systemctl", "sync"):
        made.tool(tool, "exit 0")
    return made


def whole(folder: Path) -> dict[str, bytes | None]:
    """Every file below the folder with its content."""
    return {str(p): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


# --- what it does -------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_it_would_do_and_changes_nothing(box: Box) -> None:
    box.ask()
    before = whole(box.root)
    done = box.run()
    assert done.returncode == STARTED
    assert done.stderr == (
        "greencam-reboot: would reboot: camera cam1 asks for it (unkillable, request abc123): worker 7 in state D\n"
    )
    assert whole(box.root) == before


def test_a_request_is_taken_noted_and_obeyed(box: Box) -> None:
    box.ask()
    done = box.run(real=True)
    # The stand-in does not end this machine, so it goes on to force, and then says that it failed.
    assert done.returncode == FAILED
    assert sorted(box.calls) == ["sync", "systemctl reboot", "systemctl reboot --force"]
    assert "the machine is still there; what is left is its hardware watchdog" in done.stderr
    assert not box.request.exists()
    assert (box.root / "dev/kmsg").read_text().splitlines() == [
        "<2>greencam-reboot: rebooting: camera cam1 asks for it (unkillable, request abc123): worker 7 in state D",
        "<2>greencam-reboot: systemctl reboot",
        "<2>greencam-reboot: systemctl reboot --force",
    ]
    assert stat.S_IMODE((box.state / "budget.json").stat().st_mode) == 0o600
    (row,) = box.budget["requests"]
    assert (row["ran_s"], row["camera"], row["reason"], row["sentence"]) == (
        4000, "cam1", "unkillable", "worker 7 in state D",
    )  # fmt: skip


def test_the_budget_is_written_before_the_machine_goes_down(box: Box) -> None:
    box.tool("systemctl", f"cp '{box.state}/budget.json' '{box.root}/seen'")
    box.ask()
    box.run(real=True)
    assert len(json.loads((box.root / "seen").read_text())["requests"]) == 1


def test_a_sync_or_a_reboot_that_hangs_holds_nothing_up(box: Box) -> None:
    for tool in ("sync", "systemctl"):
        box.tool(tool, f"exec >/dev/null 2>&1; while [ -e '{box.request.parent}' ]; do sleep 0.1; done")
    box.ask()
    done = box.run("--patience", "0.3", real=True)
    assert done.returncode == FAILED
    wait_until(lambda: len(box.calls) == 3, 20)
    box.request.parent.rmdir()  # and now they may end


def test_what_the_desk_asks_the_helper_understands(box: Box) -> None:
    class Now(FakeClock):
        def wall(self) -> float:
            return time.time()

    for unkillable in (True, False):
        places = DeskPlaces(box.root / f"data{unkillable}", box.request.parent, box.root)
        outcome = RebootDesk(places, RebootLimits(), Now()).ask(replace(ASK, unkillable=unkillable))
        assert outcome.asked, outcome.why
        done = box.run()
        assert done.returncode == STARTED, done.stderr
        assert done.stderr.rstrip().endswith("it hangs")
        box.request.unlink()


@pytest.mark.parametrize("sentence", ["😀" * 900, "\x00" * 900, '"' * 900, "\ud800" * 900, "a\nb" * 300])
def test_no_sentence_makes_a_request_that_the_helper_refuses(box: Box, sentence: str) -> None:
    class Now(FakeClock):
        def wall(self) -> float:
            return time.time()

    desk = RebootDesk(DeskPlaces(box.root / "data", box.request.parent, box.root), RebootLimits(), Now())
    assert desk.ask(replace(ASK, sentence=sentence)).asked
    assert box.request.stat().st_size <= 4096
    assert box.run().returncode == STARTED


def test_its_reasons_are_the_desks(helper: ModuleType) -> None:
    assert set(helper.REASONS) == set(Reason)


# --- whom it refuses ----------------------------------------------------------------------------------------------


def test_nothing_asked_is_nothing_done(box: Box) -> None:
    assert box.run(real=True).returncode == NO_REQUEST
    box.request.parent.rmdir()
    assert box.run(real=True).returncode == NO_REQUEST
    assert box.calls == []


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 2}, {"version": ...}, {"version": "1"},
        {"reason": "because"}, {"reason": ...}, {"reason": None}, {"reason": ["unkillable"]}, {"reason": {}},
        {"camera": ...}, {"camera": 5}, {"camera": "a b"}, {"camera": "../x"}, {"camera": ""}, {"camera": "a\n"},
        {"camera": "x" * 33}, {"id": "xyz"}, {"id": "a\n"}, {"sentence": ...}, {"sentence": "x" * 501},
        {"wall_s": ...}, {"wall_s": None}, {"wall_s": "now"}, {"wall_s": True}, {"wall_s": 0},
        {"wall_s": float("nan")}, {"wall_s": float("inf")}, {"wall_s": -1}, {"wall_s": 10**400},
    ],
)  # fmt: skip
def test_a_request_with_a_wrong_field_is_refused_and_removed(box: Box, changed: dict[str, object]) -> None:
    box.ask(**changed)
    refused(box)


@pytest.mark.parametrize("age_s", [61.0, 3600.0, 1.7e9, -100.0, -86400.0])
@pytest.mark.parametrize("of", ["file", "content"])
def test_a_request_of_another_time_is_refused(box: Box, age_s: float, of: str) -> None:
    moment_s = time.time() - age_s
    box.ask(**({"wall_s": moment_s} if of == "content" else {}))
    if of == "file":
        os.utime(box.request, (moment_s, moment_s))
    refused(box)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"null", b"5", b"[]", b"\xff\xfe{}", b"[" * 4000, b"[" * 1_000_000, b'{"a":' * 800,
        b" " * 4097, b"\0" * 100, b"9" * 4000,
    ],
)  # fmt: skip
def test_a_request_that_is_no_small_json_is_refused(box: Box, data: bytes) -> None:
    box.request.write_bytes(data)
    refused(box)


def test_a_request_one_byte_too_large_is_refused_and_one_just_right_taken(box: Box) -> None:
    data = box.ask()
    box.request.write_bytes(data + b" " * (4096 - len(data)))
    assert box.run().returncode == STARTED
    box.request.write_bytes(data + b" " * (4097 - len(data)))
    refused(box)


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder", "socket"])
def test_what_is_no_regular_file_is_refused_without_waiting(box: Box, kind: str) -> None:
    data = box.ask()
    elsewhere = box.root / "elsewhere"
    box.request.rename(elsewhere)
    if kind == "link":
        box.request.symlink_to(elsewhere)
    elif kind == "dangling link":
        box.request.symlink_to(box.root / "nowhere")
    elif kind == "pipe":
        os.mkfifo(box.request)
    elif kind == "folder":
        box.request.mkdir()
    else:
        make_socket(box.request)
    refused(box)
    assert elsewhere.read_bytes() == data


def make_socket(path: Path) -> None:
    script = "import os, socket, sys; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind(sys.argv[2])"
    subprocess.run([sys.executable, "-c", script, str(path.parent), path.name], check=True, timeout=60)


def test_a_folder_with_something_in_it_stays_and_is_refused(box: Box) -> None:
    (box.request / "x").mkdir(parents=True)
    assert box.run(real=True).returncode == NOT_VALID
    assert box.calls == []


def test_an_inbox_that_is_a_link_is_not_followed(box: Box) -> None:
    box.ask()
    box.request.parent.rename(box.root / "moved")
    box.request.parent.symlink_to(box.root / "moved")
    assert box.run(real=True).returncode == NO_REQUEST
    assert box.calls == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_request_of_another_user_is_refused(box: Box) -> None:
    box.ask()
    os.chown(box.request, 65534, 65534)
    refused(box)


def test_a_user_who_is_not_there_may_not_ask(box: Box) -> None:
    box.ask()
    done = box.run("--user", "nobody-of-that-name", real=True)
    assert done.returncode == NOT_VALID
    assert "there is no user nobody-of-that-name" in done.stderr
    assert not box.request.exists()
    assert box.calls == []


def refused(box: Box) -> None:
    before = whole(box.state)
    dry = box.run()
    assert dry.returncode == NOT_VALID, dry.stderr
    assert box.request.is_symlink() or box.request.exists(), "a dry run leaves it there"
    done = box.run(real=True)
    assert done.returncode == NOT_VALID, done.stderr
    assert done.stderr.startswith("greencam-reboot: no reboot: ")
    assert done.stderr.count("\n") == 1
    assert not box.request.exists()
    assert not box.request.is_symlink()
    assert box.calls == []
    assert whole(box.state) == before
    assert (box.root / "dev/kmsg").read_text() == ""


def test_a_sentence_can_forge_no_line_in_a_log(box: Box) -> None:
    box.ask(sentence="a\n<0>kernel: panic\x1b[2J {reason} \ud800")
    done = box.run(real=True)
    assert "a?<0>kernel: panic?[2J {reason} ?" in done.stderr
    assert len((box.root / "dev/kmsg").read_text().splitlines()) == 3


def test_more_than_it_needs_to_know_it_does_not_keep(box: Box) -> None:
    box.ask(more="x" * 3000)
    box.run(real=True)
    assert set(box.budget["requests"][0]) == {"id", "camera", "reason", "sentence", "wall_s", "ran_s"}


# --- hold, uptime, budget -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "\n", "soon", "nan", "inf", "9999999999", "x" * 5000])
def test_a_hold_refuses(box: Box, content: str) -> None:
    (box.state / "hold").write_text(content)
    box.ask()
    done = box.run(real=True)
    assert done.returncode == NOT_NOW
    assert "an operator holds reboots back" in done.stderr
    assert not box.request.exists()
    assert box.calls == []


def test_a_hold_that_is_over_does_not(box: Box) -> None:
    (box.state / "hold").write_text(f"{time.time() - 1:.0f}\n")
    box.ask()
    assert box.run().returncode == STARTED


def test_a_machine_that_has_just_started_is_left_alone(box: Box) -> None:
    box.boot("first", 600.0)
    box.ask()
    done = box.run(real=True)
    assert (done.returncode, box.calls) == (NOT_NOW, [])
    assert "is up for 600 s only, not yet 600 s" in done.stderr


@pytest.mark.parametrize("text", ["", "garbage", "nan 1"])
def test_a_machine_that_tells_no_uptime_is_left_alone(box: Box, text: str) -> None:
    (box.root / "proc/uptime").write_text(text)
    box.ask()
    assert box.run(real=True).returncode in {FAILED, NOT_NOW}
    assert box.calls == []
    assert not box.request.exists()


def asked(box: Box, boot: str, uptime_s: float) -> bool:
    """Whether a request at that time leads to a reboot."""
    before = len(box.calls)
    box.boot(boot, uptime_s)
    box.ask()
    assert box.run(real=True).returncode in {FAILED, NOT_NOW}
    return len(box.calls) > before


def test_one_an_hour_and_three_a_day_across_reboots(box: Box) -> None:
    assert asked(box, "a", 700)
    assert not asked(box, "a", 4299)
    assert asked(box, "a", 4300)
    assert not asked(box, "b", 3599)
    assert asked(box, "b", 3600)
    assert not asked(box, "c", 7200)
    assert not asked(box, "c", 82_700 - 3600 + 99)
    assert asked(box, "c", 86_400)


def test_the_wall_clock_is_not_asked_for_the_budget(box: Box) -> None:
    assert asked(box, "a", 700)
    facts = box.budget
    for wall_s in (0, 1e11, -5):
        facts["requests"][0]["wall_s"] = wall_s
        (box.state / "budget.json").write_text(json.dumps(facts))
        assert not asked(box, "a", 800)
    assert asked(box, "a", 4400)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", "[" * 100_000, "{}", '{"ran_s": -1}', "5",
        '{"ran_s": 1e13, "uptime_s": 1, "boot": "a", "requests": []}',
        '{"ran_s": 5, "uptime_s": NaN, "boot": "a", "requests": []}',
        '{"ran_s": 5, "uptime_s": 5, "boot": "a", "requests": [5]}',
        '{"ran_s": 5, "uptime_s": 5, "boot": "a", "requests": [{}]}',
        '{"ran_s": 5, "uptime_s": 5, "requests": []}',
    ],
)  # fmt: skip
def test_a_damaged_budget_counts_as_used_up_for_a_day_and_no_longer(box: Box, content: str) -> None:
    (box.state / "budget.json").write_text(content)
    assert not asked(box, "a", 4000)
    assert not asked(box, "a", 4000 + 86_399)
    assert asked(box, "a", 4000 + 86_401)


def test_a_budget_that_cannot_be_kept_means_no_reboot(box: Box) -> None:
    (box.state / "budget.json.part").mkdir()
    box.ask()
    done = box.run(real=True)
    assert (done.returncode, box.calls) == (FAILED, [])
    box.state.rename(box.root / "away")
    box.ask()
    assert box.run(real=True).returncode == FAILED
    assert box.calls == []


@pytest.mark.parametrize("wrong", ["mode", "link", "owner"])
def test_a_budget_that_somebody_else_could_write_means_no_reboot(box: Box, wrong: str) -> None:
    if wrong == "mode":
        box.state.chmod(0o777)
    elif wrong == "link":
        box.state.rename(box.root / "away")
        box.state.symlink_to(box.root / "away")
    elif os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    else:
        os.chown(box.state, 65534, 65534)
    box.ask()
    done = box.run(real=True)
    assert (done.returncode, box.calls) == (FAILED, [])
    assert "is not a folder that only root can write to" in done.stderr


# --- the same rule as the desk's ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def helper() -> ModuleType:
    """The helper's functions, for comparing."""
    loader = importlib.machinery.SourceFileLoader("greencam_reboot", str(HELPER))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    loader.exec_module(module)
    sys.dont_write_bytecode = before
    return module


steps = st.lists(st.tuples(st.sampled_from([60.0, 700.0, 3600.0, 30_000.0]), st.booleans()), max_size=30)


@given(steps)
def test_helper_and_desk_keep_the_same_budget(
    tmp_path_factory: pytest.TempPathFactory, helper: ModuleType, life: list[tuple[float, bool]]
) -> None:
    path = tmp_path_factory.mktemp("state") / "budget.json"
    time_, uptime_s, boot = RunningTime(), 0.0, 0
    history: list[float] = []
    for passes_s, restarts in life:
        uptime_s += passes_s
        time_ = time_.at(str(boot), uptime_s)
        budget = helper.budget_now(path, str(boot), uptime_s)
        facts = RebootFacts(True, 10, 5, False, 1e6, 1e6, False, tuple(history), time_.ran_s)
        assert (helper.used_up(budget) == "") == (refusal(facts, RebootLimits()) == "")
        assert budget["ran_s"] == pytest.approx(time_.ran_s)
        if helper.used_up(budget) == "":
            history.append(time_.ran_s)
            budget["requests"].append({"ran_s": budget["ran_s"]})
        path.write_text(json.dumps(budget))
        if restarts:
            uptime_s, boot = 0.0, boot + 1


# --- what it is ---------------------------------------------------------------------------------------------------


def test_nothing_comes_from_the_environment(box: Box) -> None:
    box.ask()
    trap = box.root / "trap"
    trap.mkdir()
    (trap / "json.py").write_text("raise SystemExit(99)")
    (trap / "sitecustomize.py").write_text("raise SystemExit(98)")
    done = box.run(PYTHONPATH=str(trap), PYTHONSTARTUP=str(trap / "json.py"), GREENCAM_ROOT=str(trap))
    assert done.returncode == STARTED, done.stderr
    assert HELPER.read_text().startswith("#!/usr/bin/python3 -IS\n")
    assert "environ" not in HELPER.read_text().replace("Nothing comes from the environment", "")
    assert os.access(HELPER, os.X_OK)


def test_it_needs_nothing_but_an_old_pythons_standard_library(helper: ModuleType) -> None:
    import ast

    tree = ast.parse(HELPER.read_text(), feature_version=(3, 9))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | {"__future__"}


def test_it_runs_as_it_is_installed(box: Box) -> None:
    if not Path("/usr/bin/python3").exists():
        pytest.skip("this system has no /usr/bin/python3")
    box.ask()
    words = [str(HELPER), "--root", str(box.root), "--user", getpass.getuser(), "--dry-run"]
    assert subprocess.run(words, timeout=60).returncode == STARTED


@pytest.mark.parametrize("words", [["--reboot"], ["now"], ["--patience", "soon"]])
def test_a_wrong_option_is_told(box: Box, words: list[str]) -> None:
    assert box.run(*words).returncode == 2


# --- its units ----------------------------------------------------------------------------------------------------

DEPLOY = HELPER.parents[1]


def systemd(*words: str) -> subprocess.CompletedProcess[str]:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([analyze, *words], capture_output=True, text=True, timeout=60)


def test_systemd_finds_no_mistake_in_the_units(tmp_path: Path) -> None:
    for unit in ("greencam-reboot.path", "greencam-reboot.service"):
        text = (DEPLOY / "systemd" / unit).read_text()
        (tmp_path / unit).write_text(text.replace("/usr/local/sbin/greencam-reboot", str(HELPER)))
    done = systemd("verify", *(str(path) for path in sorted(tmp_path.iterdir())))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_service_may_do_little(tmp_path: Path) -> None:
    done = systemd(
        "security", "--offline=true", "--threshold=20", str(DEPLOY / "systemd" / "greencam-reboot.service")
    )
    assert done.returncode == 0, done.stdout[-300:]


def test_the_service_outlives_the_stop_of_everything_else() -> None:
    lines = (DEPLOY / "systemd" / "greencam-reboot.service").read_text().splitlines()
    assert "DefaultDependencies=no" in lines
    # Each of these would bring a dependency on a mount, and with it a stop before the reboot is forced.
    for name in ("StateDirectory=", "PrivateTmp=", "RequiresMountsFor=", "RuntimeDirectory=", "WorkingDirectory="):
        assert not [line for line in lines if line.startswith(name)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make folders of others")
def test_the_folders_are_made_with_their_owners(tmp_path: Path) -> None:
    tool = shutil.which("systemd-tmpfiles")
    if tool is None:
        pytest.skip("systemd-tmpfiles is not installed")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\ngreencam:x:4711:4711::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    conf = DEPLOY / "tmpfiles.d" / "greencam-reboot.conf"
    subprocess.run([tool, f"--root={tmp_path}", "--create", str(conf)], check=True, timeout=60)
    seen = {
        name: (stat.S_IMODE((tmp_path / name).stat().st_mode), (tmp_path / name).stat().st_uid)
        for name in ("run/greencam", "run/greencam/control", "var/lib/greencam-root")
    }
    assert seen == {
        "run/greencam": (0o755, 0), "run/greencam/control": (0o700, 4711), "var/lib/greencam-root": (0o700, 0),
    }  # fmt: skip
