"""The supervisor over real processes; the numbers are rows of the fault matrix in docs/guide/running.md."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from greencam.base.clock import SystemClock
from greencam.base.errors import EXIT_ENDED, Refused
from greencam.base.place import control_socket
from greencam.camera import hung_file
from greencam.health.process import look_at
from tests.made_proc import open_in
from tests.suite import children_of, processes_with, wait_until
from tests.supervise.mini import BEATS, LOG_COUNTS, SLEEPS, MiniSuite

DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('it is deaf', flush=True); "
    "time.sleep(600)"
)
ESCAPES = (  # a grandchild with a session of its own, that hears nothing
    "import os, signal, subprocess, sys, time\n"
    f"subprocess.Popen([sys.executable, '-c', {DEAF!r}], start_new_session=True)\n"
    "time.sleep(600)\n"
)


@pytest.fixture
def mini(short_folder: Path) -> Iterator[MiniSuite]:
    made = MiniSuite(short_folder / "mini")
    made.folder.mkdir()
    yield made
    made.close()


def row(name: str, script: str = SLEEPS, **words: Any) -> dict[str, Any]:
    return {"name": name, "script": script, **words}


def pid_of(mini: MiniSuite, name: str) -> int | None:
    return mini.one(name).get("pid")


def running(mini: MiniSuite, *names: str) -> bool:
    told = mini.all()
    return all(told.get(name, {}).get("state") == "running" for name in names)


def left(mini: MiniSuite) -> list[int]:
    return processes_with(str(mini.folder))


def logs(mini: MiniSuite, text: str) -> None:
    """The log is written by a thread of its own: what a deed says there may come after the deed."""
    wait_until(lambda: text in mini.log)


def none_left(mini: MiniSuite) -> None:
    """Who was killed at the last moment needs a processor to end."""
    wait_until(lambda: not left(mini))


def stopped(mini: MiniSuite) -> int:
    assert mini.process is not None
    mini.process.terminate()
    return mini.process.wait(30)


# --- dead and hung (34-36) --------------------------------------------------------------------------------------


def test_whoever_is_killed_comes_back_and_the_others_stay(mini: MiniSuite) -> None:
    mini.start(row("a"), row("b"))
    wait_until(lambda: running(mini, "a", "b"))
    first, other = pid_of(mini, "a"), pid_of(mini, "b")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: pid_of(mini, "a") not in {None, first})
    assert pid_of(mini, "b") == other
    assert mini.one("a")["last_end"] == "SIGKILL"


def test_whoever_stops_working_is_replaced(mini: MiniSuite) -> None:
    mini.start(row("a", BEATS, beats=True, next_s=4.0))
    wait_until(lambda: running(mini, "a"))
    first = pid_of(mini, "a")
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: running(mini, "a") and pid_of(mini, "a") != first)
    assert not Path(f"/proc/{first}").exists()
    told = wait_until(lambda: re.search(r"a gave no sign of work for (\d+) s; replacing it", mini.log))
    assert int(told[1]) >= 4


def test_nothing_outlives_a_supervisor_that_is_killed(mini: MiniSuite) -> None:
    dies = "import signal\nfrom greencam.base import proc\nproc.die_with_parent(signal.SIGTERM)\n"
    process = mini.start(row("a", dies + SLEEPS), row("b", dies + SLEEPS))
    wait_until(lambda: running(mini, "a", "b"))
    process.kill()
    process.wait()
    none_left(mini)


def test_a_supervisor_that_was_stopped_itself_blames_nobody(mini: MiniSuite) -> None:
    process = mini.start(row("a", BEATS, beats=True, next_s=4.0))
    wait_until(lambda: running(mini, "a"))
    first = pid_of(mini, "a")
    assert first is not None
    for pid in (process.pid, first):  # as when a whole machine is frozen
        os.kill(pid, signal.SIGSTOP)
    time.sleep(5)
    for pid in (process.pid, first):
        os.kill(pid, signal.SIGCONT)
    logs(mini, "the supervisor itself did not run")
    time.sleep(1)
    assert pid_of(mini, "a") == first


def test_a_crash_loop_costs_its_neighbours_nothing(mini: MiniSuite) -> None:
    mini.start(row("bad", "raise SystemExit(1)"), row("good"))
    wait_until(lambda: mini.one("bad").get("restarts", 0) >= 3, 60)
    told = mini.all()
    assert (told["good"]["state"], told["good"]["restarts"]) == ("running", 0)
    assert told["bad"]["restarts"] <= 10


def test_it_ends_when_every_job_has_finished(mini: MiniSuite) -> None:
    process = mini.start(row("a", f"raise SystemExit({EXIT_ENDED})"))
    assert process.wait(30) == 0


# --- order ------------------------------------------------------------------------------------------------------


def test_dependants_wait_until_the_lower_rank_works(mini: MiniSuite) -> None:
    may = mini.folder / "may work"
    slow = BEATS.replace("while True", f"while not Path({str(may)!r}).exists(): time.sleep(0.05)\nwhile True")
    mini.start(row("base", slow, rank=0, beats=True, holds_up_s=60.0, first_s=60.0, next_s=20.0), row("top"))
    wait_until(lambda: mini.one("base").get("state") == "starting")
    time.sleep(1.5)
    told = mini.all()
    assert (told["base"]["state"], told["top"]["state"]) == ("starting", "not started")
    may.touch()
    wait_until(lambda: running(mini, "base", "top"))
    told = mini.all()
    assert told["base"]["uptime_s"] > told["top"]["uptime_s"] + 1.0


def test_they_are_waited_for_no_longer_than_agreed(mini: MiniSuite) -> None:
    mini.start(row("base", rank=0, beats=True, holds_up_s=0.5, first_s=60.0), row("top"))
    wait_until(lambda: running(mini, "top"))
    assert mini.one("base")["state"] == "starting"


def test_a_stop_is_the_mirror_of_the_start(mini: MiniSuite) -> None:
    notes = (
        "import signal, sys, time\n"
        "def end(*_):\n    open({path!r}, 'a').write({name!r}); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\nprint('it is up', flush=True)\ntime.sleep(600)\n"
    )
    path = str(mini.folder / "order")
    texts = {name: notes.format(path=path, name=name) for name in "abc"}
    rows = [row(name, text, rank=rank, grace_s=15.0) for rank, (name, text) in enumerate(texts.items())]
    mini.start(*rows, MINI_STOP_S="60")  # nobody is killed because a busy machine lets him wait
    wait_until(lambda: mini.log.count("it is up") == 3)
    assert stopped(mini) == 0
    assert Path(path).read_text() == "cba", mini.log


# --- the end (37, 38, 6) ----------------------------------------------------------------------------------------


def test_a_grandchild_with_a_session_of_its_own_goes_too(mini: MiniSuite) -> None:
    process = mini.start(row("a", ESCAPES))
    wait_until(lambda: len(left(mini)) == 3)
    first = pid_of(mini, "a")
    assert first is not None
    os.kill(first, signal.SIGKILL)  # its grandchild is ours now, and ends
    wait_until(lambda: running(mini, "a") and pid_of(mini, "a") != first)
    wait_until(lambda: len(children_of(process.pid)) == 1 and len(left(mini)) == 3)
    assert stopped(mini) == 0
    none_left(mini)


def test_those_who_hear_nothing_are_killed_in_time(mini: MiniSuite) -> None:
    mini.start(*(row(name, DEAF, rank=rank, grace_s=0.5) for rank, name in enumerate("ab")))
    wait_until(lambda: mini.log.count("it is deaf") == 2)
    assert stopped(mini) == 0
    none_left(mini)


def test_a_second_signal_does_not_wait_for_anybody(mini: MiniSuite) -> None:
    process = mini.start(row("a", DEAF, grace_s=600.0), MINI_STOP_S="100")
    logs(mini, "it is deaf")
    process.terminate()
    # Two signals that nobody has had time to hear are one: the stop takes away the socket first.
    wait_until(lambda: not control_socket(mini.folder / "run").exists())
    process.terminate()
    assert process.wait(30) == 0
    none_left(mini)


def test_a_child_in_state_d_stops_neither_the_loop_nor_the_end(mini: MiniSuite) -> None:
    try:
        hung = hung_file.mount(mini.folder / "hung", SystemClock())
    except Refused as error:
        pytest.skip(str(error))
    try:
        mini.start(row("stuck", f"open({str(hung.path)!r}, 'rb').read(1)", grace_s=3.0), row("good"))
        stuck = wait_until(lambda: pid_of(mini, "stuck"))
        wait_until(lambda: str(hung.path) in open_in(stuck))
        time.sleep(0.5)  # from there to the read, in which it sleeps
        wait_until(lambda: (seen := look_at(stuck)) is not None and seen.state in {"S", "D"})
        os.kill(stuck, signal.SIGKILL)
        wait_until(lambda: (seen := look_at(stuck)) is not None and seen.state == "D")
        mini.ask("restart", "stuck")
        logs(mini, "can't be killed (state D); leaving it behind")
        wait_until(lambda: pid_of(mini, "stuck") not in {None, stuck})
        told = mini.ask()
        assert told is not None
        assert told["loop_lag_ms"] < 3000, "to wait for its end would have taken 3.5 s"
        assert stopped(mini) == 0
        assert stuck in left(mini)
    finally:
        hung.ensure_unmounted()
    none_left(mini)


@pytest.mark.parametrize("seed", range(3))
def test_a_signal_at_any_moment_ends_it_cleanly(mini: MiniSuite, seed: int) -> None:
    process = mini.start(row("a"), row("bad", "raise SystemExit(1)"), row("kids", ESCAPES), row("first", rank=0))
    wait_until((mini.folder / "run" / "supervisor.lock").exists)
    time.sleep(random.Random(seed).uniform(0.1, 2.0))
    process.terminate()
    assert process.wait(30) in {0, -signal.SIGTERM}
    none_left(mini)


# --- one suite only, new settings -------------------------------------------------------------------------------


def test_a_second_one_is_refused(mini: MiniSuite) -> None:
    mini.start(row("a"))
    wait_until(lambda: running(mini, "a"))
    second = MiniSuite(mini.folder)
    assert second.start().wait(30) != 0
    assert running(mini, "a")


def test_new_settings_start_again_only_what_changed(mini: MiniSuite) -> None:
    process = mini.start(row("same"), row("changed"), row("gone"))
    wait_until(lambda: running(mini, "same", "changed", "gone"))
    before = {name: pid_of(mini, name) for name in ("same", "changed", "gone")}
    mini.write(row("same"), row("changed", SLEEPS + " # anew"), row("new"))
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: running(mini, "same", "changed", "new") and pid_of(mini, "changed") != before["changed"])
    assert pid_of(mini, "same") == before["same"]
    assert mini.one("gone") == {}
    wait_until(lambda: not Path(f"/proc/{before['gone']}").exists())
    logs(mini, "changed starts again with new settings; gone is not wanted any more; new is new")


def test_bad_settings_change_nothing_and_every_problem_is_told(mini: MiniSuite) -> None:
    process = mini.start(row("a"))
    wait_until(lambda: running(mini, "a"))
    before = pid_of(mini, "a")
    (mini.folder / "table.json").write_text("{")
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "the old ones stay in force; 2 problems" in mini.log and "table.json: mend it" in mini.log)
    assert pid_of(mini, "a") == before


# --- requests ---------------------------------------------------------------------------------------------------


def test_stop_hold_only_and_restart(mini: MiniSuite) -> None:
    mini.start(row("redis", rank=0), row("a"), row("b"))
    wait_until(lambda: running(mini, "redis", "a", "b"))
    mini.ask("stop", "a")
    wait_until(lambda: mini.one("a").get("state") == "stopped")
    mini.ask("only", "a")
    wait_until(lambda: running(mini, "a", "redis") and mini.one("b").get("state") == "stopped")
    mini.ask("restart", "all")
    wait_until(lambda: running(mini, "redis", "a", "b"))
    mini.ask("hold", "a")
    held = pid_of(mini, "a")
    assert held is not None
    os.kill(held, signal.SIGKILL)
    wait_until(lambda: mini.one("a").get("state") == "stopped")
    time.sleep(1.5)
    told = mini.one("a")
    assert (told["pid"], told["held"]) == (None, True)
    mini.ask("restart", "a")
    wait_until(lambda: running(mini, "a"))


def test_a_name_that_does_not_exist_is_refused_with_the_nearest(mini: MiniSuite) -> None:
    mini.start(row("recorder"))
    wait_until(lambda: running(mini, "recorder"))
    with pytest.raises(Refused, match="did you mean recorder"):
        mini.ask("stop", "recoder")
    for request in ("fly", "stop"):
        with pytest.raises(Refused):
            mini.ask(request)


def test_a_status_tells_what_was_logged(mini: MiniSuite) -> None:
    mini.start(row("a"))
    wait_until(lambda: running(mini, "a"))
    assert (mini.ask() or {})["logs"] == LOG_COUNTS


def test_whoever_calls_and_says_nothing_or_too_much_holds_up_nobody(mini: MiniSuite) -> None:
    mini.start(row("a"))
    wait_until(lambda: running(mini, "a"))
    path = str(mini.folder / "run" / "control.sock")
    links = []
    for data in (b"", b"{", b"x" * 100_000, b"[]\n", b"{\xff\n", b'{"do": 1}\n', b"", b"", b"", b""):
        link = socket.socket(socket.AF_UNIX)
        link.connect(path)
        link.settimeout(2)
        with suppress(OSError):  # cut off: what it said was too long
            link.sendall(data)
        links.append(link)
    wait_until(lambda: running(mini, "a"))
    for link in links:
        link.close()


# --- systemd (35) -----------------------------------------------------------------------------------------------


def test_systemd_hears_ready_alive_and_stopping_and_nothing_while_we_hang(mini: MiniSuite) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(mini.folder / "notify"))
        ear.settimeout(20)
        process = mini.start(
            row("a", BEATS, beats=True), NOTIFY_SOCKET=str(mini.folder / "notify"), WATCHDOG_USEC="6000000"
        )
        heard = ear.recv(4096)
        while b"WATCHDOG=1" not in heard:
            heard += b"\n" + ear.recv(4096)
        assert b"READY=1" in heard
        os.kill(process.pid, signal.SIGSTOP)
        wait_until(lambda: (seen := look_at(process.pid)) is not None and seen.state == "T")
        ear.setblocking(False)
        with suppress(BlockingIOError):
            while ear.recv(4096):
                pass
        time.sleep(2)
        with pytest.raises(BlockingIOError):
            ear.recv(4096)
        os.kill(process.pid, signal.SIGCONT)
        ear.settimeout(20)
        assert b"WATCHDOG=1" in b"".join(ear.recv(4096) for _ in range(3))
        process.terminate()
        heard = b""
        while b"STOPPING=1" not in heard:
            heard += ear.recv(4096)
        assert process.wait(30) == 0
