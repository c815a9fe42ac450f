from __future__ import annotations

from typing import Any

import pytest

from greencam.telemetry.checks.network import network_checks, reach_check

ROUTE = {"interface": "eth0", "gateway": "192.168.1.1"}
ETH0: dict[str, Any] = {"hardware": True, "up": True, "speed_mbit": 1000, "addresses": ["192.168.1.5"]}


def verdicts(routes: list[dict[str, str]], interfaces: dict[str, Any], *, needs: bool = False) -> dict[str, str]:
    facts = {"default_routes": routes, "interfaces": interfaces}
    return {one.name: one.verdict for one in network_checks(facts, needs_network=needs)}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "ok"),
        ({"up": False}, "critical"),
        ({"up": None}, "ok"),  # a driver that does not tell
        ({"speed_mbit": None}, "ok"),  # WLAN, virtual links
        ({"speed_mbit": 10}, "warning"),
        ({"speed_mbit": 100}, "ok"),
    ],
)
def test_the_link_of_the_default_route(changed: dict[str, Any], verdict: str) -> None:
    assert verdicts([ROUTE], {"eth0": {**ETH0, **changed}}) == {"default route": "ok", "link eth0": verdict}


def test_a_link_that_nobody_uses_may_be_down() -> None:
    unused: dict[str, Any] = {"hardware": True, "up": False, "speed_mbit": None, "addresses": []}
    assert "link eth1" not in verdicts([ROUTE], {"eth0": ETH0, "eth1": unused})
    addressed = {**unused, "addresses": ["10.0.0.1"]}
    assert verdicts([ROUTE], {"eth0": ETH0, "eth1": addressed})["link eth1"] == "warning"
    bridge = {**addressed, "hardware": False}
    assert "link docker0" not in verdicts([ROUTE], {"eth0": ETH0, "docker0": bridge})


@pytest.mark.parametrize(("needs", "verdict"), [(False, "unknown"), (True, "warning")])
def test_a_way_out_is_wanted_only_where_something_is_out_there(needs: bool, verdict: str) -> None:
    assert verdicts([], {}, needs=needs) == {"default route": verdict}


def test_a_route_over_an_interface_that_has_just_gone_is_no_traceback() -> None:
    assert verdicts([ROUTE], {}) == {"default route": "ok"}


def test_a_network_camera() -> None:
    assert reach_check("door", "10.0.0.9:554", "", streams=False).verdict == "ok"
    assert reach_check("door", "10.0.0.9:554", "timed out", streams=True).verdict == "ok", "it serves us already"
    check = reach_check("door", "10.0.0.9:554", "timed out", streams=False)
    assert (check.verdict, check.reason.partition(";")[0]) == (
        "critical",
        "10.0.0.9:554 takes no connection: timed out",
    )
