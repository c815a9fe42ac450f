from __future__ import annotations

import socket
from pathlib import Path

import pytest

from greencam.health.network import default_routes, network_facts, reach
from tests.ports import free_ports

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
NONE = "0" * 32
V6 = f"{NONE} 00 {NONE} 00 fe80000000000000000000000000000a 00000400 00000001 00000000 00000003     eth0\n"


def routes(root: Path, four: str, six: str = "") -> None:
    (root / "proc/net").mkdir(parents=True)
    (root / "proc/net/route").write_text(HEAD + four)
    (root / "proc/net/ipv6_route").write_text(six)


def interface(root: Path, name: str, state: str, speed: str | None = None) -> None:
    folder = root / "sys/class/net" / name
    folder.mkdir(parents=True)
    (folder / "operstate").write_text(f"{state}\n")
    if speed is not None:
        (folder / "speed").write_text(f"{speed}\n")


def test_default_routes_of_both_kinds(tmp_path: Path) -> None:
    link = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    routes(tmp_path, "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" + link, V6)
    assert default_routes(tmp_path) == [
        {"interface": "eth0", "gateway": "192.168.1.1"},
        {"interface": "eth0", "gateway": "fe80::a"},
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("eth0\t00000000\t0101A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n", "down"),
        ("eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", "this link only"),
        ("eth0 garbage\n", "no route"),
        ("", "none"),
    ],
)
def test_what_leads_nowhere_is_no_default_route(tmp_path: Path, line: str, why: str) -> None:
    routes(tmp_path, line, f"{NONE} 00 {NONE} 00 {NONE} ffffffff 00000001 00000000 00200200       lo\n")
    assert default_routes(tmp_path) == [], why


def test_a_route_without_gateway(tmp_path: Path) -> None:
    routes(tmp_path, "wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n")
    assert default_routes(tmp_path) == [{"interface": "wg0", "gateway": ""}]


def test_interfaces_without_loopback(tmp_path: Path) -> None:
    interface(tmp_path, "lo", "unknown")
    interface(tmp_path, "gcnone0", "up", "1000")
    interface(tmp_path, "gcnone1", "down", "-1")
    interface(tmp_path, "gcnone2", "unknown")
    found = network_facts(tmp_path)["interfaces"]
    assert {name: (one["up"], one["speed_mbit"]) for name, one in found.items()} == {
        "gcnone0": (True, 1000), "gcnone1": (False, None), "gcnone2": (None, None),
    }  # fmt: skip


def test_addresses_of_an_interface(tmp_path: Path) -> None:
    interface(tmp_path, "gcnone0", "up")
    routes(tmp_path, "")
    text = (
        "fe800000000000000000000000000001 02 40 20 80  gcnone0\n00000000000000000000000000000001 01 80 10 80 lo\n"
    )
    (tmp_path / "proc/net/if_inet6").write_text(text)
    assert network_facts(tmp_path)["interfaces"]["gcnone0"]["addresses"] == ["fe80::1"]


def test_a_machine_without_network_is_no_traceback(tmp_path: Path) -> None:
    assert network_facts(tmp_path) == {"default_routes": [], "interfaces": {}}


def test_this_machine() -> None:
    facts = network_facts()
    assert all(set(one) == {"hardware", "up", "speed_mbit", "addresses"} for one in facts["interfaces"].values())


def test_a_host_that_takes_connections_and_one_that_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach("127.0.0.1", server.getsockname()[1], 10.0)
    with pytest.raises(ConnectionRefusedError):
        reach("127.0.0.1", free_ports(1)[0], 10.0)
