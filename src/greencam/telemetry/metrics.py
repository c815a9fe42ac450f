"""The suite's figures in Prometheus' text format, collected when they are asked for.

Nothing counts for this: every figure is one that a process keeps anyway. The library is loaded by importing this
module, which takes longer than all the rest of a short command; who may not need it imports it late.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from greencam import __version__
from greencam.telemetry import families
from greencam.telemetry.families import FAMILIES, Family, Kind
from greencam.telemetry.samples import Labels, Samples


class SuiteCollector(Collector):
    """Asks `read` for the figures at each collection, as a Prometheus registry wants it."""

    def __init__(self, read: Callable[[], Samples]) -> None:
        """`read` must come back in bounded time (telemetry/parts)."""
        self._read = read

    def describe(self) -> list[Metric]:
        """Every family without figures, so that to register this asks nobody."""
        return [_metric(family, {}) for family in FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """Every family that has figures now."""
        samples = self._read()
        samples.put(families.BUILD, 1, __version__, platform.python_version())
        return (_metric(family, found) for family, found in samples.families())


def registry_of(read: Callable[[], Samples]) -> CollectorRegistry:
    """A registry with nothing but the suite's own figures."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SuiteCollector(read))
    return registry


def exposition(read: Callable[[], Samples]) -> str:
    """One collection in Prometheus' text format 0.0.4."""
    return generate_latest(registry_of(read)).decode()


def _metric(family: Family, found: Mapping[Labels, float]) -> Metric:
    name = family.name.removesuffix("_total")
    if family.kind is Kind.COUNTER:
        counter = CounterMetricFamily(name, family.meaning, labels=family.labels, unit=family.unit)
        for labels, figure in found.items():
            counter.add_metric(labels, figure)
        return counter
    gauge = GaugeMetricFamily(name, family.meaning, labels=family.labels, unit=family.unit)
    for labels, figure in found.items():
        gauge.add_metric(labels, figure)
    return gauge
