"""Grafana's part in a query, as the ClickHouse data source documents it: macros become SQL before the query is sent.

$__timeFilter(c)    c >= toDateTime(from) AND c <= toDateTime(to), in Unix seconds
$__timeInterval(c)  toStartOfInterval(toDateTime(c), INTERVAL n second), n the panel's step, at least 1
$__fromTime, $__toTime, $__interval_s
$__conditionalAll(c, $v)  c, with ${v:singlequote} as what is chosen in quotes; 1=1 where all is
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.support.paths import ROOT

GRAFANA = ROOT / "web" / "grafana"
MACRO = re.compile(r"\$__(?P<name>\w+)(?:\((?P<column>[^()]*)\))?")
CONDITIONAL = re.compile(r"\$__conditionalAll\((?P<condition>(?:[^()]|\((?:[^()]|\([^()]*\))*\))*), \$bot\)")


@dataclass(frozen=True, slots=True)
class Window:
    """What a dashboard looks at: Unix seconds, and the step in seconds."""

    begin: int
    end: int
    step: int = 60
    bots: tuple[str, ...] = ()  # none: all

    def expand(self, sql: str) -> str:
        """Replace the macros. Raises KeyError for one that is not in the list above."""
        chosen = ", ".join(f"'{bot}'" for bot in self.bots)
        sql = CONDITIONAL.sub(
            lambda it: it["condition"].replace("${bot:singlequote}", chosen) if chosen else "1=1", sql
        )
        return MACRO.sub(self._replace, sql)

    def _replace(self, match: re.Match[str]) -> str:
        column, begin, end = match["column"], f"toDateTime({self.begin})", f"toDateTime({self.end})"
        texts = {
            ("timeFilter", True): f"{column} >= {begin} AND {column} <= {end}",
            ("timeInterval", True): f"toStartOfInterval(toDateTime({column}), INTERVAL {max(self.step, 1)} second)",
            ("fromTime", False): begin,
            ("toTime", False): end,
            ("interval_s", False): str(max(self.step, 1)),
        }
        return texts[match["name"], bool(column)]


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel."""

    panel: dict[str, Any]
    target: dict[str, Any]

    @property
    def title(self) -> str:
        """The panel's."""
        return str(self.panel["title"])

    @property
    def sql(self) -> str:
        """With its macros."""
        return str(self.target["rawSql"])


def dashboard() -> dict[str, Any]:
    """The dashboard that is provisioned."""
    text = (GRAFANA / "dashboards" / "chattrail.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def queries() -> list[Query]:
    """Every query of it."""
    return [Query(panel, target) for panel in dashboard()["panels"] for target in panel["targets"]]


def bots() -> str:
    """The query of the variable `bot`: what stands in panels' queries, and what people read."""
    (variable,) = dashboard()["templating"]["list"]
    assert variable["name"] == "bot"
    return str(variable["query"])
