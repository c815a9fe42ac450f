from __future__ import annotations

import string
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from greencam.settings.masking import masked
from greencam.settings.redis_address import check_url
from greencam.settings.redis_hosts import RedisHosts, Topology, parsed


def test_sentinels_with_everything() -> None:
    url = "rediss+sentinel://u:p%40@a:1,b,[::1]:3/cams.1/2?ssl_ca_certs=/c&sentinel_username=s&sentinel_password=q/"
    hosts = parsed(url)
    assert (hosts.topology, hosts.transport, hosts.master, hosts.db) == (Topology.SENTINEL, "rediss", "cams.1", 2)
    assert hosts.hosts == (("a", 1), ("b", 26379), ("::1", 3))
    assert hosts.server_url("::1", 3) == "rediss://u:p%40@[::1]:3/2?ssl_ca_certs=%2Fc"
    assert hosts.sentinel_url("b", 26379) == "rediss://s:q%2F@b:26379?ssl_ca_certs=%2Fc"
    assert "p%40" not in repr(hosts)
    assert "q%2F" not in repr(hosts)


def test_sentinels_get_no_password_that_was_meant_for_the_server() -> None:
    assert parsed("redis+sentinel://u:p@a/m").sentinel_url("a", 1) == "redis://a:1"


def test_a_cluster() -> None:
    hosts = parsed("redis+cluster://u:p@a,b:7000/0")
    assert (hosts.topology, hosts.hosts) == (Topology.CLUSTER, (("a", 6379), ("b", 7000)))
    assert hosts.server_url("c", 5) == "redis://u:p@c:5/0"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis+sentinel://a,b", "does not say which master"),
        ("redis+sentinel://a,:1,c/m", "host 2 of 3"),
        ("redis+cluster://a/2", "database 0 only"),
        ("redis+cluster://" + ",".join(["a"] * 65), "more than 64 hosts"),
        ("redis+sentinel://a/m?db=1", "REDIS_DB"),
        ("redis+sentinel://a/m@b", "need an escape"),
    ],
)
def test_what_is_wrong_is_said(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_url(url)


_NAMES = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12)
_SECRETS = st.text(string.ascii_letters + string.digits + "-_.~%:", min_size=4, max_size=20).map(
    lambda t: f"cana{t}ry"
)


@example([("a", 1)], "-", "canaxry")
@given(st.lists(st.tuples(_NAMES, st.integers(1, 65535)), min_size=1, max_size=5), _NAMES, _SECRETS)
def test_what_was_put_together_is_taken_apart_again(hosts: list[tuple[str, int]], master: str, secret: str) -> None:
    text = ",".join(f"{host}:{port}" for host, port in hosts)
    url = f"redis+sentinel://u:{secret}@{text}/{master}"
    assert check_url(url) == url
    assert parsed(url).hosts == tuple(hosts)
    assert secret not in masked(url)


@given(st.text(), st.sampled_from(["redis+sentinel://", "rediss+cluster://"]))
def test_any_text_is_an_address_or_a_problem(text: str, scheme: str) -> None:
    with suppress(ValueError):
        assert isinstance(parsed(scheme + text), RedisHosts)
