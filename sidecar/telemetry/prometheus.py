"""The sidecar's own figures in Prometheus' text format, for GET /metrics."""

import re
from collections.abc import Mapping

from sidecar.telemetry.metrics import DESCRIPTIONS, Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(metrics: Metrics) -> str:
    """Every metric there is: those without a value yet have a head only, so that one can see what to ask for."""
    found = metrics.snapshot()
    lines = []
    for name in sorted({*DESCRIPTIONS, *found}):
        is_gauge = name in metrics.gauges
        exposed = re.sub(r"[^a-zA-Z0-9_]", "_", name) + ("" if is_gauge else "_total")
        if description := DESCRIPTIONS.get(name):
            lines.append(f"# HELP {exposed} {_escaped(description, quotes=False)}")
        lines.append(f"# TYPE {exposed} {'gauge' if is_gauge else 'counter'}")
        lines += [f"{exposed}{_labels(attributes)} {_number(value)}" for attributes, value in found.get(name, [])]
    return "\n".join(lines) + "\n"


def _labels(attributes: Mapping[str, str]) -> str:
    pairs = [f'{re.sub(r"[^a-zA-Z0-9_]", "_", name)}="{_escaped(value)}"' for name, value in attributes.items()]
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quotes else text


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
