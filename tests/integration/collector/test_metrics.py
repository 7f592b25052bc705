"""Metrics through the real collector: a feed gets them, the sidecar doesn't, and without a feed they end there."""

from pathlib import Path

from sidecar.telemetry import loop_guard
from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.internal_telemetry import InternalTelemetry
from sidecar.telemetry.metrics import Metrics
from tests.support.collector_process import Collector, Destination, until


def test_the_sidecars_own_metrics_arrive_at_the_otlp_feeds_receiver(sidecar: Destination, tmp_path: Path) -> None:
    figures = Metrics()
    figures.add(telemetry.REQUESTS, 5, status="200")
    with (
        Destination() as vendor,
        Collector(tmp_path, sidecar.url, feeds="otlp", feed_otlp_endpoint=vendor.url) as collector,
    ):
        InternalTelemetry(collector.http, figures).end(10)
        until(lambda: vendor.metrics, "metrics at the vendor's")
    (entry,) = vendor.metrics[0].resource_metrics
    resource = {pair.key: pair.value.string_value for pair in entry.resource.attributes}
    assert resource["service.name"] == loop_guard.SERVICE_NAME
    points = [
        (point.as_int, point.attributes[0].value.string_value)
        for metric in entry.scope_metrics[0].metrics
        if metric.name == telemetry.REQUESTS
        for point in metric.sum.data_points
    ]
    assert points == [(5, "200")]
    assert not sidecar.metrics


def test_without_a_feed_metrics_are_taken_and_end_there(sidecar: Destination, tmp_path: Path) -> None:
    with Collector(tmp_path, sidecar.url) as collector:
        accepted = "otelcol_receiver_accepted_metric_points"
        figures = Metrics()
        figures.add(telemetry.COALESCED)
        InternalTelemetry(collector.http, figures).end(10)
        until(lambda: collector.metric(accepted) == 1, "one point, accepted")
        collector.stop()
    assert not sidecar.metrics
    assert not sidecar.attempts
