"""What Grafana is provisioned with: one data source, dashboards, and panels that point at it."""

import itertools
import re
from dataclasses import replace

import pytest
import yaml

from chattrail import currencies
from tests.support.compose import compose, filled
from tests.support.grafana import DASHBOARDS, GRAFANA, Query, Window, dashboard, queries

FORMATS = {"timeseries": 0, "table": 1, "logs": 2}  # how the data source numbers them


def test_the_data_source_is_the_compose_file_s_clickhouse() -> None:
    text = (GRAFANA / "provisioning" / "datasources" / "clickhouse.yaml").read_text()
    [source] = yaml.safe_load(text)["datasources"]
    services = compose(filled())["services"]
    assert source["jsonData"]["host"] in services
    assert source["jsonData"]["username"] == "grafana"
    secret = source["secureJsonData"]["password"]
    assert secret.removeprefix("$") in services["grafana"]["environment"]
    assert services["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].startswith(f"{source['type']}@")


def test_the_dashboards_folder_is_the_mounted_one() -> None:
    text = (GRAFANA / "provisioning" / "dashboards" / "chattrail.yaml").read_text()
    [provider] = yaml.safe_load(text)["providers"]
    mounts = [mount.split(":")[:2] for mount in compose(filled())["services"]["grafana"]["volumes"]]
    assert ["./web/grafana/dashboards", provider["options"]["path"]] in mounts
    assert ["./web/grafana/provisioning", "/etc/grafana/provisioning"] in mounts


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.title)
def test_a_panel_is_complete(query: Query) -> None:
    text = (GRAFANA / "provisioning" / "datasources" / "clickhouse.yaml").read_text()
    [source] = yaml.safe_load(text)["datasources"]
    wanted = {"type": source["type"], "uid": source["uid"]}
    assert (query.panel["datasource"], query.target["datasource"]) == (wanted, wanted)
    assert query.panel["description"]
    assert query.target["format"] == FORMATS[query.target["queryType"]]
    if query.panel["type"] in FORMATS:
        assert query.panel["type"] == query.target["queryType"]
    assert "$__timeFilter(" in query.sql, "a panel follows the dashboard's period"
    assert "$" not in Window(0, 1).expand(query.sql)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    places = [panel["gridPos"] for panel in dashboard(name)["panels"]]
    assert len({panel["id"] for panel in dashboard(name)["panels"]}) == len(places)
    for one, other in itertools.combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_macros_become_sql() -> None:
    window = Window(1415792726, 1447328726, 20)
    assert window.expand("$__timeFilter(ts)") == "ts >= toDateTime(1415792726) AND ts <= toDateTime(1447328726)"
    assert window.expand("$__timeInterval(ts)") == "toStartOfInterval(toDateTime(ts), INTERVAL 20 second)"
    assert window.expand("$__interval_s") == "20"
    of_bots = "$__conditionalAll(f(bot) IN (SELECT (${bot:singlequote})), $bot)"
    assert (window.expand(of_bots), replace(window, bots=("a", "b")).expand(of_bots)) == (
        "1=1",
        "f(bot) IN (SELECT ('a', 'b'))",
    )
    with pytest.raises(KeyError):
        window.expand("$__made_up(ts)")


def test_every_dashboard_has_an_address_of_its_own() -> None:
    assert len({dashboard(name)["uid"] for name in DASHBOARDS}) == len(DASHBOARDS)
    assert {path.stem for path in (GRAFANA / "dashboards").iterdir()} == set(DASHBOARDS)


def test_digits_of_currencies_are_those_of_the_library() -> None:
    (query,) = [query for query in queries("business") if query.title == "Revenue by currency"]
    for factor, digits in (("1,", 0), ("1000,", 3)):
        (listed,) = re.findall(rf"currency IN \(([^()]+)\), {factor}", query.sql)
        assert sorted(listed.replace("'", "").split(", ")) == sorted(
            currency for currency, known in currencies._DIGITS.items() if known == digits
        )
