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
CONDITIONAL = "$__conditionalAll("
CHOICE = re.compile(r"(?P<condition>.*), \$(?P<variable>bot|source)\)", re.DOTALL)
DASHBOARDS = ("chattrail", "business")


@dataclass(frozen=True, slots=True)
class Window:
    """What a dashboard looks at: Unix seconds, and the step in seconds."""

    begin: int
    end: int
    step: int = 60
    bots: tuple[str, ...] = ()  # none: all
    sources: tuple[str, ...] = ()

    def expand(self, sql: str) -> str:
        """Replace the macros. Raises KeyError for one that is not in the list above."""
        while (begin := sql.rfind(CONDITIONAL)) >= 0:
            end = _closing(sql, begin + len(CONDITIONAL))
            match = CHOICE.fullmatch(sql[begin + len(CONDITIONAL) : end])
            assert match, sql
            values = {"bot": self.bots, "source": self.sources}[match["variable"]]
            chosen = ", ".join(f"'{value}'" for value in values)
            condition = match["condition"].replace(f"${{{match['variable']}:singlequote}}", chosen) if chosen else "1=1"
            sql = sql[:begin] + condition + sql[end:]
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


def _closing(sql: str, begin: int) -> int:
    """The place behind the bracket that closes the one before `begin`."""
    depth = 1
    for place in range(begin, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if not depth:
            return place + 1
    raise ValueError(f"a bracket is open: {sql}")


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


def dashboard(name: str = "chattrail") -> dict[str, Any]:
    """A dashboard that is provisioned."""
    text = (GRAFANA / "dashboards" / f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def queries(*names: str) -> list[Query]:
    """Every query of these dashboards; of all, where none is named."""
    panels = (panel for name in names or DASHBOARDS for panel in dashboard(name)["panels"])
    return [Query(panel, target) for panel in panels for target in panel["targets"]]


def variables(name: str = "chattrail") -> dict[str, str]:
    """The queries of a dashboard's variables: what stands in panels' queries, and what people read."""
    return {variable["name"]: str(variable["query"]) for variable in dashboard(name)["templating"]["list"]}
