"""Verdicts on the network: a way out where one is needed, links that are up, hosts that can be reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greencam.telemetry.checks.verdict import Check, Limits, Verdict

COMPONENT = "network"
_SPEED = Limits(10.0, None, "Mbit/s")  # one camera of 1270×720 in JPEG takes 20 Mbit/s and more


def network_checks(facts: Mapping[str, Any], *, needs_network: bool) -> list[Check]:
    """`facts` are those of health/network; `needs_network`: a camera or the Redis is on another host."""
    routes, interfaces = facts["default_routes"], facts["interfaces"]
    by_route = [route["interface"] for route in routes]
    checks = [_route_check(routes, needs_network=needs_network)]
    # A bridge of containers has an address and is down while none runs: only hardware is judged without a route.
    used = [name for name, one in interfaces.items() if name in by_route or (one["hardware"] and one["addresses"])]
    checks += [_link_check(name, interfaces[name], on_the_way=name in by_route) for name in used]
    return checks


def _route_check(routes: list[Mapping[str, str]], *, needs_network: bool) -> Check:
    if routes:
        first = routes[0]
        way = f" by {first['gateway']}" if first["gateway"] else ""
        return Check(COMPONENT, "default route", first["interface"], Verdict.OK, f"{first['interface']}{way}")
    if needs_network:
        text = "none: only hosts on the same link can be reached; is the cable in? nmcli device status"
        return Check(COMPONENT, "default route", None, Verdict.WARNING, text)
    return Check(COMPONENT, "default route", None, Verdict.UNKNOWN, "none, and nothing here needs one")


def _link_check(name: str, facts: Mapping[str, Any], *, on_the_way: bool) -> Check:
    speed, addresses = facts["speed_mbit"], ", ".join(facts["addresses"]) or "no address"
    if facts["up"] is False:
        verdict = Verdict.CRITICAL if on_the_way else Verdict.WARNING
        return Check(
            COMPONENT, f"link {name}", False, verdict, f"{name} is down; is the cable in, is the WLAN there?"
        )
    told = f"{name} is up{f', {speed} Mbit/s' if speed else ''}, {addresses}"
    if speed is not None and (verdict := _SPEED.verdict_on_low(speed)) is not Verdict.OK:
        text = f"{told}: too slow for a camera; look at cable and switch"
        return Check(COMPONENT, f"link {name}", speed, verdict, text, _SPEED)
    return Check(
        COMPONENT, f"link {name}", speed or True, Verdict.OK, told, _SPEED if speed else Limits(None, None, "")
    )


def reach_check(camera: str, host: str, error: str, *, streams: bool) -> Check:
    """Whether a network camera takes a connection; `host` is host:port without user and password.

    One whose frames come (`streams`) may refuse a second connection: cheap ones do.
    """
    if error and streams:
        text = f"{host} takes no further connection ({error}), but its frames come"
        return Check(COMPONENT, f"camera {camera}", False, Verdict.OK, text)
    if error:
        text = f"{host} takes no connection: {error}; has it power and network, is the address right?"
        return Check(COMPONENT, f"camera {camera}", False, Verdict.CRITICAL, text)
    return Check(COMPONENT, f"camera {camera}", True, Verdict.OK, f"{host} takes connections")
