"""Counters for Prometheus, collected when they are asked for: the hot path only adds to plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.mock_server.server import Mock

    Family = CounterMetricFamily | GaugeMetricFamily


class Collector:
    """Reads the counters of one mock. Has a registry of its own, never the global one."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock

    def collect(self) -> Iterator[Family]:
        """Every family, with its values now."""
        counts, upstream = self._mock.upstream.counts, self._mock.upstream
        answers = CounterMetricFamily(
            "imageproof_answers",
            "Answers by provider, operation and status",
            labels=["provider", "operation", "status"],
        )
        for (provider, operation), tally in counts.tallies.items():
            for status, number in tally.answers.items():
                answers.add_metric([provider, operation, str(status)], number)
        yield answers
        spent = CounterMetricFamily(
            "imageproof_seconds", "Seconds spent on answers, held time included", labels=["provider", "operation"]
        )
        for (provider, operation), tally in counts.tallies.items():
            spent.add_metric([provider, operation], tally.seconds)
        yield spent
        broken = CounterMetricFamily("imageproof_violations", "Rules that requests broke", labels=["rule"])
        for rule, number in counts.violations.items():
            broken.add_metric([rule], number)
        yield broken
        hooks = CounterMetricFamily("imageproof_webhooks", "Calls back by outcome", labels=["outcome"])
        for outcome, number in counts.webhooks.items():
            hooks.add_metric([outcome], number)
        yield hooks
        yield CounterMetricFamily("imageproof_images", "Images drawn", value=counts.images)
        yield CounterMetricFamily("imageproof_image_bytes", "Bytes of images drawn", value=counts.image_bytes)
        for name, text, value in (
            ("accounts", "Accounts held", len(upstream.by_key)),
            ("tasks", "Tasks held", upstream.task_count),
            ("upload_bytes", "Bytes of uploads held", upstream.upload_bytes),
        ):
            yield GaugeMetricFamily(f"imageproof_{name}", text, value=value)


def exposition(mock: Mock) -> bytes:
    """The text that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(mock))
    return generate_latest(registry)
