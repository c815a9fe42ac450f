"""This machine's way out: default routes, and how each interface is (proc(5), netdevice(7)); nothing is sent."""

from __future__ import annotations

import fcntl
import socket
import struct
from pathlib import Path
from typing import Any

from greencam.health.board import ROOT
from greencam.health.kernel_files import number, read_text

_SIOCGIFADDR = 0x8915  # linux/sockios.h
_UP = 0x1  # RTF_UP of linux/route.h
_MAX_INTERFACES = 64
_LOOPBACK = "lo"


def network_facts(root: Path = ROOT) -> dict[str, Any]:
    """`default_routes` (interface and gateway) and `interfaces` by name, loopback left out; never raises.

    Of each interface: `hardware` (a socket or a radio, no bridge), `up` (None where the driver does not tell),
    `speed_mbit`, `addresses`.
    """
    folder = root / "sys/class/net"
    try:
        names = sorted(path.name for path in folder.iterdir() if path.name != _LOOPBACK)[:_MAX_INTERFACES]
    except OSError:
        names = []
    return {
        "default_routes": default_routes(root),
        "interfaces": {name: _interface(folder / name, root) for name in names},
    }


def default_routes(root: Path = ROOT) -> list[dict[str, str]]:
    """The interfaces that lead everywhere, of IPv4 and IPv6; `gateway` is empty where there is none."""
    found = []
    for line in (read_text(root / "proc/net/route") or "").splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[1] == words[7] == "00000000" and (number(words[3], 16) or 0) & _UP:
            found.append({"interface": words[0], "gateway": _ipv4(words[2])})
    for line in (read_text(root / "proc/net/ipv6_route") or "").splitlines():
        words = line.split()
        if len(words) > 9 and words[0] == "0" * 32 and words[1] == "00" and words[9] != _LOOPBACK:
            found.append({"interface": words[9], "gateway": _ipv6(words[4])})
    return found


def _ipv4(text: str) -> str:
    packed = number(text, 16)
    return "" if not packed else socket.inet_ntop(socket.AF_INET, struct.pack("=I", packed & 0xFFFFFFFF))


def _ipv6(text: str) -> str:
    try:
        packed = bytes.fromhex(text)
        return "" if not any(packed) else socket.inet_ntop(socket.AF_INET6, packed)
    except ValueError:
        return ""


def _interface(folder: Path, root: Path) -> dict[str, Any]:
    state = read_text(folder / "operstate", limit=32)
    speed = number(read_text(folder / "speed", limit=32))
    return {
        "hardware": (folder / "device").exists(),
        "up": {"up": True, "down": False, "lowerlayerdown": False}.get(state or ""),
        "speed_mbit": speed if speed is not None and speed > 0 else None,
        "addresses": [*_own_ipv4(folder.name), *_own_ipv6(folder.name, root)],
    }


def _own_ipv4(name: str) -> list[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
        except OSError:  # it has none
            return []
    return [socket.inet_ntop(socket.AF_INET, answer[20:24])]


def _own_ipv6(name: str, root: Path) -> list[str]:
    lines = (read_text(root / "proc/net/if_inet6") or "").splitlines()
    rows = [line.split() for line in lines]
    return [found for row in rows if len(row) > 5 and row[5] == name and (found := _ipv6(row[0]))]


def reach(host: str, port: int, timeout_s: float) -> None:
    """Make a TCP connection and end it; raises OSError when that fails."""
    socket.create_connection((host, port), timeout_s).close()
