from __future__ import annotations

from pathlib import Path

import pytest

from greencam.base.lock import Lock
from greencam.base.place import facts_path, lock_path
from greencam.capture.facts_file import PERIOD_S, FactsFile, capture_pid, read_facts
from tests import making
from tests.fake_clock import FakeClock
from tests.making import fill

small_disk = making.small_disk


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_facts_are_there_while_their_capture_runs_and_renews_them(tmp_path: Path, clock: FakeClock) -> None:
    facts = FactsFile(facts_path(tmp_path, "cam1"))
    facts.renew({"state": "streaming"}, clock.monotonic())
    assert read_facts(tmp_path, "cam1", clock) is None, "nobody holds the lock: a dead capture left it"
    lock = Lock(lock_path(tmp_path, "cam1"), "the capture of cam1")
    found = read_facts(tmp_path, "cam1", clock)
    assert found is not None
    assert found["state"] == "streaming"
    clock.now_s += 3.1
    assert read_facts(tmp_path, "cam1", clock) is None, "the capture holds its lock and says nothing: it hangs"
    assert capture_pid(tmp_path, "cam1") is not None
    facts.remove()
    lock.release()
    assert not facts_path(tmp_path, "cam1").exists()


def test_they_are_due_once_a_second(tmp_path: Path) -> None:
    facts = FactsFile(tmp_path / "cam1.json")
    assert facts.due(100.0)
    facts.renew({}, 100.0)
    assert not facts.due(100.0 + PERIOD_S / 2)
    assert facts.due(100.0 + PERIOD_S)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"monotonic_s": "soon"}', "null", '{"state": 1}'])
def test_what_is_not_ours_counts_as_none(tmp_path: Path, clock: FakeClock, text: str) -> None:
    lock = Lock(lock_path(tmp_path, "cam1"), "the capture of cam1")
    facts_path(tmp_path, "cam1").write_text(text)
    assert read_facts(tmp_path, "cam1", clock) is None
    lock.release()


def test_a_disk_that_takes_nothing_costs_the_file_only(small_disk: Path, clock: FakeClock) -> None:
    facts = FactsFile(small_disk / "cam1.json")
    facts.renew({"seq": 1}, 1.0)
    fill(small_disk)
    facts.renew({"seq": 2, "text": "x" * 10_000}, 2.0)
    assert '"seq": 1' in (small_disk / "cam1.json").read_text()
