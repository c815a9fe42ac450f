"""A worker in state D, with a real process in that state."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import cast

import pytest

from greencam.capture.quarantine import Quarantine
from greencam.capture.worker import Worker
from tests.fake_clock import FakeClock
from tests.made_proc import STUCK, process


@dataclass
class Held:
    """What quarantine asks of a worker, over any process."""

    pid: int
    unkillable: bool = True


def found(quarantine: Quarantine, held: Held, now_s: float) -> bool:
    return quarantine.found(cast("Worker", held), now_s)


def test_it_is_named_with_its_wait_channel_at_once_and_then_every_five_seconds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    quarantine = Quarantine("cam1", FakeClock())
    with process(STUCK, "D") as pid:
        held = Held(pid)
        assert found(quarantine, held, 1000.0)
        assert quarantine.facts["pid"] == pid
        assert quarantine.facts["state"] == "D"
        assert quarantine.facts["wait_channel"]
        assert f"worker {pid} does not end" in quarantine.failure["text"]
        assert not found(quarantine, held, 1004.9)
        assert found(quarantine, held, 1005.0)
        assert quarantine.facts["for_s"] == 5.0
    told = [r for r in caplog.records if r.levelno == logging.ERROR and "(unkillable)" in r.getMessage()]
    assert len(told) == 1, "told once a minute"
    quarantine.clear()
    assert quarantine.facts == {}


def test_a_worker_that_may_still_go_is_not_called_unkillable() -> None:
    assert not found(Quarantine("cam1", FakeClock()), Held(1, unkillable=False), 1000.0)


def test_one_that_has_gone_meanwhile_leaves_no_traceback() -> None:
    quarantine = Quarantine("cam1", FakeClock())
    assert found(quarantine, Held(2**22 + 1), 1000.0)
    assert quarantine.facts["wait_channel"] is None
