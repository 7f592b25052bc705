"""The sidecar's figures in Prometheus' text format, as its specification words it."""

import re
from typing import Any

from sidecar.telemetry import metrics as telemetry
from sidecar.telemetry.metrics import DESCRIPTIONS, GAUGES, Metrics
from sidecar.telemetry.prometheus import exposition

SAMPLE = re.compile(
    r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_]\w*="([^"\\\n]|\\[\\n"])*"(,[a-zA-Z_]\w*="([^"\\\n]|\\[\\n"])*")*\})? [-0-9.e+]+'
)


def test_counters_gauges_and_labels() -> None:
    metrics = Metrics()
    metrics.add(telemetry.DEAD_LETTERS, 2, reason="event.id is missing")
    metrics.add(telemetry.DEAD_LETTERS, reason="event.id is not a UUID")
    metrics.add(telemetry.PLUGIN_FAILURES, plugin="clickhouse", outcome="retryable")
    metrics.set(telemetry.IN_FLIGHT_BYTES, 1 << 20)
    text = exposition(metrics)
    assert (
        """
# HELP chattrail_sidecar_dead_letters_total Records that could not be stored and went to dead_letters, by reason.
# TYPE chattrail_sidecar_dead_letters_total counter
chattrail_sidecar_dead_letters_total{reason="event.id is missing"} 2
chattrail_sidecar_dead_letters_total{reason="event.id is not a UUID"} 1
"""
        in text
    )
    assert 'chattrail_sidecar_plugin_failures_total{outcome="retryable",plugin="clickhouse"} 1\n' in text
    assert "# TYPE chattrail_sidecar_in_flight_bytes gauge\nchattrail_sidecar_in_flight_bytes 1048576\n" in text
    assert "# TYPE chattrail_sidecar_coalesced_total counter\n" in text, "what has no value yet is announced"


def test_every_line_keeps_to_the_format_whatever_a_plugin_counts() -> None:
    metrics = Metrics()
    metrics.add("their.own-metric", 0.5, reason='a "quoted" \\ line\nand another', source="ж")
    metrics.set("their.level", -1.25)
    lines = exposition(metrics).splitlines()
    assert all(SAMPLE.fullmatch(line) for line in lines if not line.startswith("# "))
    assert 'their_own_metric_total{reason="a \\"quoted\\" \\\\ line\\nand another",source="ж"} 0.5' in lines
    assert "their_level -1.25" in lines
    assert "# TYPE their_level gauge" in lines


def test_every_metric_is_described() -> None:
    names: set[Any] = {value for name, value in vars(telemetry).items() if name.isupper() and isinstance(value, str)}
    assert names == set(DESCRIPTIONS)
    assert names >= GAUGES
