"""Faults in a real suite, and what health_check.py, run again and again as cron runs it, says of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.supervised import SuiteRun, await_true
from greencam.base.clock import SystemClock
from greencam.base.errors import Refused
from greencam.camera import faults, hung_file
from greencam.supervise import redis_server

_BAD = {"warning", "critical"}
_SYSTEM_PYTHON = Path("/usr/bin/python3")
_PATIENCE_S = 20.0
_REST_S = 1.5
Say = Callable[[str], None]
Facts = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How often each fault is made, how often a run is timed, and the priority of all of it (nice(2))."""

    rounds: int
    runs: int
    nice: int = os.getpriority(os.PRIO_PROCESS, 0)


QUICK = Plan(rounds=1, runs=2)
FULL = Plan(rounds=4, runs=5)


@dataclass(frozen=True)
class Fault:
    """What is done, how it is taken back, and how the name of a check begins that has to tell."""

    name: str
    make: Callable[[], object]
    lift: Callable[[], object]
    check: str


class Site:
    """A suite of four cameras that can fail, with a Redis of its own beside it."""

    def __init__(self, suite: SuiteRun) -> None:
        self.suite = suite
        self.socket = suite.folder / "redis.sock"
        (suite.folder / "config.py").write_text(f'REDIS_URL = "unix://{self.socket}"\n')
        suite.write([self._camera(name) for name in ("cam1", "cam2", "cam3", "cam4")])
        self.redis = self._redis()

    def faults_of(self, camera: str) -> Path:
        """Where faults of this camera are ordered."""
        return self.suite.folder / f"faults-{camera}"

    def _camera(self, name: str) -> Facts:
        return {"id": name, "source": f"faulty:{self.faults_of(name)}", "width": 320, "height": 240, "fps": 15}

    def _redis(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(redis_server.argv(self.socket, 64 << 20), stdout=subprocess.DEVNULL)

    def restart_redis(self) -> None:
        """A new server in the place of the dead one."""
        self.redis.wait()
        self.redis = self._redis()

    def pid(self, name: str) -> int:
        """The process of this name now."""
        return int(self.suite.process(name)["pid"])

    def environment(self) -> dict[str, str]:
        """What a command needs to mean this suite."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("GREENCAM_")}
        runtime = self.suite.folder / "run"
        return {**plain, "GREENCAM_ROOT": str(self.suite.folder), "GREENCAM_RUNTIME_DIR": str(runtime)}


def look(environment: dict[str, str]) -> tuple[Facts, float]:
    """What one run says, and how long it took from its start to its end."""
    python = str(_SYSTEM_PYTHON) if _SYSTEM_PYTHON.exists() else sys.executable
    began_s = time.monotonic()
    words = [python, str(ROOT / "health_check.py"), "--json"]
    done = subprocess.run(words, env=environment, capture_output=True, cwd="/", timeout=60, check=False)
    return json.loads(done.stdout), time.monotonic() - began_s


@contextmanager
def _running() -> Iterator[tuple[Site, int]]:
    with SuiteRun([]) as suite:
        site = Site(suite)
        try:
            supervisor = suite.start()
            await_true(suite.ready)
            time.sleep(_REST_S)
            yield site, supervisor
        finally:
            site.redis.kill()
            site.redis.wait()


def detection(plan: Plan, say: Say) -> list[Facts]:
    """Seconds from each fault to the end of the first run that tells of it, and whether that calls it critical."""
    rows = []
    for _ in range(plan.rounds):
        with _running() as (site, supervisor):
            for fault in _faults(site, supervisor):
                row = _detected(site, fault)
                rows.append(row)
                say(f"{fault.name}: told after {row['told_s']} s{' as critical' if row['critical'] else ''}")
    return rows


def _faults(site: Site, supervisor: int) -> list[Fault]:
    kill, stop, go = signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT

    def send(name: str, number: signal.Signals) -> Callable[[], object]:
        return lambda: os.kill(site.pid(name), number)

    stopped = site.pid("cam2")
    return [
        Fault("recorder killed", send("recorder", kill), bool, "recorder"),
        Fault("capture killed", send("cam1", kill), bool, "cam1"),
        Fault("capture stopped", lambda: os.kill(stopped, stop), lambda: os.kill(stopped, go), "cam2"),
        Fault("supervisor stopped", lambda: os.kill(supervisor, stop), lambda: os.kill(supervisor, go), "start.py"),
        Fault(
            "camera unplugged",
            lambda: faults.order(site.faults_of("cam3"), "disconnect"),
            (site.faults_of("cam3") / "disconnect").unlink,
            "cam3 ",
        ),
        Fault("camera hangs", lambda: faults.order(site.faults_of("cam4"), "hang"), bool, "cam4 "),
        Fault(
            "Redis stopped", lambda: site.redis.send_signal(stop), lambda: site.redis.send_signal(go), "connection"
        ),
        Fault("Redis killed", lambda: site.redis.send_signal(kill), site.restart_redis, "connection"),
    ]


def _detected(site: Site, fault: Fault) -> Facts:
    environment = site.environment()
    await_true(lambda: _verdict(look(environment)[0], fault.check) not in _BAD, _PATIENCE_S)
    row: Facts = {"fault": fault.name, "told_s": None, "critical": False, "longest_run_s": 0.0}
    fault.make()
    began_s = time.monotonic()
    while time.monotonic() - began_s < _PATIENCE_S:
        facts, took_s = look(environment)
        after_s = round(time.monotonic() - began_s, 3)
        row["longest_run_s"] = max(row["longest_run_s"], round(took_s, 3))
        verdict = _verdict(facts, fault.check)
        if verdict in _BAD:
            row |= {"told_s": after_s, "critical": verdict == "critical"}
            break
    fault.lift()
    time.sleep(_REST_S)
    return row


def _verdict(facts: Facts, name: str) -> str:
    """The worst of the checks whose names begin so."""
    found = {str(check["verdict"]) for check in facts["checks"] if check["name"].startswith(name)}
    return next((verdict for verdict in ("critical", "warning") if verdict in found), "ok")


def durations(plan: Plan, say: Say) -> list[Facts]:
    """How long a run takes from the start of the process to its end, in each situation."""
    rows = [{"when": "nothing runs", "seconds": _taken(plan, _elsewhere())}]
    with _running() as (site, supervisor):
        rows.append({"when": "all is well", "seconds": _taken(plan, site.environment())})
        os.kill(supervisor, signal.SIGSTOP)
        rows.append({"when": "the supervisor is stopped", "seconds": _taken(plan, site.environment())})
        os.kill(supervisor, signal.SIGCONT)
        site.redis.send_signal(signal.SIGSTOP)
        rows.append({"when": "Redis is stopped", "seconds": _taken(plan, site.environment())})
        site.redis.send_signal(signal.SIGCONT)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
            environment = {**site.environment(), "GREENCAM_REDIS_URL": url}
            rows.append({"when": "Redis' host swallows everything", "seconds": _taken(plan, environment)})
        rows.append({"when": "a disk hangs in the kernel", "seconds": _hung_disk(plan, site)})
    for row in rows:
        say(f"{row['when']}: {row['seconds']}")
    return rows


def _taken(plan: Plan, environment: dict[str, str]) -> list[float]:
    return [round(look(environment)[1], 3) for _ in range(plan.runs)]


def _elsewhere() -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GREENCAM_")}
    return {**plain, "GREENCAM_ROOT": "/nonexistent", "GREENCAM_RUNTIME_DIR": "/nonexistent/run"}


def _hung_disk(plan: Plan, site: Site) -> list[float]:
    """The error log is a file whose reading never ends; none without root and FUSE."""
    mount_at = site.suite.folder / "hung"
    mount_at.mkdir()
    try:
        hung = hung_file.mount(mount_at, SystemClock())
    except Refused:
        return []
    log = site.suite.folder / "logs" / "errors.log"
    log.unlink(missing_ok=True)
    log.symlink_to(hung.path)
    try:
        return _taken(plan, site.environment())
    finally:
        log.unlink()
        hung.ensure_unmounted()
