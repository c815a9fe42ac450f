from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greencam.capture.reboot import DAY_S, HOUR_S, Reason, RebootFacts, RebootLimits, RunningTime, refusal
from greencam.settings.machine_model import CameraRecoverySettings

LIMITS = RebootLimits()
READY = RebootFacts(
    local=True,
    failures=10,
    failed_recoveries=5,
    unkillable=False,
    outage_s=150.0,
    uptime_s=601.0,
    held=False,
    history=(),
    now_ran_s=1e6,
)
NAN = float("nan")


def test_with_every_precondition_a_reboot_may_be_asked_for() -> None:
    assert refusal(READY, LIMITS) == ""
    assert refusal(replace(READY, unkillable=True), LIMITS) == ""


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"local": False}, "a reboot of this machine does not mend a camera that is elsewhere"),
        ({"failures": 9}, "9 of 10 failures in a row so far"),
        ({"failed_recoveries": 4}, "4 of 5 recoveries have failed so far"),
        # Each probe that finds it still there is a failed recovery: one kill that did not work is not enough.
        ({"failed_recoveries": 4, "unkillable": True}, "4 of 5 recoveries have failed so far"),
        ({"outage_s": 149.0}, "no good frame for 149 s; a reboot is considered after 150 s"),
        ({"held": True}, "an operator holds reboots back"),
        ({"uptime_s": 600.0}, "this machine is up for 600 s; a reboot is considered after 600 s"),
        ({"history": (1e6 - HOUR_S + 1,)}, "1 of 1 reboots per hour of running are used up"),
        ({"history": (1e6 + 1e9,)}, "1 of 1 reboots per hour of running are used up"),  # ahead: as just now
        ({"history": (1e6 - DAY_S + 1, 1e6 - 9999, 1e6 - 4444)}, "3 of 3 reboots per day of running are used up"),
        ({"outage_s": NAN}, "no good frame for nan s; a reboot is considered after 150 s"),
        ({"uptime_s": NAN}, "this machine is up for nan s; a reboot is considered after 600 s"),
        ({"now_ran_s": NAN, "history": (0.0,)}, "1 of 1 reboots per hour of running are used up"),
    ],
)
def test_what_speaks_against_it_is_told(changed: dict[str, object], why: str) -> None:
    assert refusal(replace(READY, **changed), LIMITS) == why  # type: ignore[arg-type]


@pytest.mark.parametrize("history", [(1e6 - HOUR_S,), (1e6 - DAY_S, 1e6 - 9999, 1e6 - 4444), (0.0,) * 20])
def test_old_requests_do_not_count(history: tuple[float, ...]) -> None:
    assert refusal(replace(READY, history=history), LIMITS) == ""


figures = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 149.0, 150.0, 600.0, 601.0, 1e6])
facts = st.builds(
    RebootFacts,
    local=st.booleans(),
    failures=st.integers(0, 20),
    failed_recoveries=st.integers(0, 10),
    unkillable=st.booleans(),
    outage_s=figures,
    uptime_s=figures,
    held=st.booleans(),
    history=st.lists(st.floats(0, 2e5) | figures, max_size=5).map(tuple),
    now_ran_s=st.floats(0, 2e5) | figures,
)


@given(facts)
def test_no_combination_leads_to_a_reboot_without_every_precondition(seen: RebootFacts) -> None:
    if refusal(seen, LIMITS) != "":
        return
    ages_s = [seen.now_ran_s - moment for moment in seen.history]
    assert seen.local
    assert not seen.held
    assert seen.failures >= 10
    assert seen.failed_recoveries >= 5
    assert seen.outage_s >= 150
    assert seen.uptime_s > 600
    assert all(age_s >= HOUR_S for age_s in ages_s)
    assert sum(age_s < DAY_S for age_s in ages_s) < 3


@given(st.sampled_from(["local", "failures", "failed_recoveries", "outage_s", "uptime_s", "held"]), facts)
def test_one_missing_precondition_is_enough(name: str, seen: RebootFacts) -> None:
    missing = {
        "local": False,
        "failures": 9,
        "failed_recoveries": 4,
        "outage_s": 1.0,
        "uptime_s": 1.0,
        "held": True,
    }
    assert refusal(replace(seen, **{name: missing[name]}), LIMITS) != ""  # type: ignore[arg-type]


def test_the_limits_follow_from_the_settings() -> None:
    assert RebootLimits.of(CameraRecoverySettings()) == LIMITS
    settings = CameraRecoverySettings(
        system_reboot_threshold=20, max_recovery_attempts=4, recovery_cooldown=10, frame_timeout=1
    )
    assert RebootLimits.of(settings) == RebootLimits(failures=20, failed_recoveries=4, outage_s=40)


def test_the_reason_for_the_helper() -> None:
    assert READY.reason is Reason.RECOVERIES_FAILED
    assert replace(READY, unkillable=True).reason is Reason.UNKILLABLE


# --- running time -------------------------------------------------------------------------------------------------


def test_running_time_adds_up_uptimes_across_reboots() -> None:
    time = RunningTime().at("first", 700.0)
    assert time.ran_s == 700.0
    assert time.at("first", 900.0).ran_s == 900.0
    assert time.at("first", 900.0).at("second", 50.0).ran_s == 950.0
    assert time.at("first", 100.0).ran_s == 700.0, "it never steps back"
    assert time.at("first", 100.0).at("first", 800.0).ran_s == 800.0, "nor counts the same time twice"


# One step of a machine's life: seconds that pass, and whether the machine is restarted at the end of them.
lives = st.lists(
    st.tuples(st.sampled_from([60.0, 700.0, 3000.0, 3599.0, 3601.0, 40_000.0]), st.booleans()), max_size=80
)


@given(lives)
def test_the_budget_holds_in_real_time_whatever_clocks_show(life: list[tuple[float, bool]]) -> None:
    real_s, booted_s, boot = 1e5, 1e5, 0
    time = RunningTime()
    history: list[float] = []
    granted: list[float] = []
    for passes_s, restarts in life:
        real_s += passes_s
        time = time.at(str(boot), real_s - booted_s)
        seen = replace(READY, uptime_s=real_s - booted_s, history=tuple(history), now_ran_s=time.ran_s)
        if refusal(seen, LIMITS) == "":
            history.append(time.ran_s)
            granted.append(real_s)
        if restarts:
            real_s += 3600.0  # switched off: that counts for nobody's budget
            booted_s, boot = real_s, boot + 1
    for moment in granted:
        assert sum(moment - HOUR_S < other <= moment for other in granted) <= 1
        assert sum(moment - DAY_S < other <= moment for other in granted) <= 3


@given(st.integers(600, 7000).map(float))
def test_a_machine_that_restarts_again_and_again_is_not_blocked_for_ever(boot_lasts_s: float) -> None:
    time, history = RunningTime(), [0.0, 0.0, 0.0]
    for boot in range(int(DAY_S / boot_lasts_s) + 2):
        time = time.at(str(boot), boot_lasts_s)
    assert refusal(replace(READY, history=tuple(history), now_ran_s=time.ran_s), LIMITS) == ""
