"""The files for a ClickHouse server: the engine knows every setting in them, and users may do what their parts need."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from sidecar.embedded.config import DRIVER_MARGIN_S
from tests.support.compose import compose, filled
from tests.support.embedded import EmbeddedClickHouse
from tests.support.paths import ROOT

FOLDER = ROOT / "sidecar" / "clickhouse-server"
READERS = ("web", "grafana")
# Parts of the configuration that are not single settings.
SECTIONS = ("logger", "listen_host", "mysql_port", "postgresql_port", "interserver_http_port", "merge_tree")


def tree(name: str) -> ElementTree.Element:
    return ElementTree.parse(FOLDER / name).getroot()


def found(name: str, path: str) -> list[ElementTree.Element]:
    return tree(name).findall(path)


@pytest.fixture(scope="module")
def client(clickhouse: EmbeddedClickHouse) -> Iterator[Client]:
    with clickhouse_connect.get_client(dsn=clickhouse.dsn("default"), autogenerate_session_id=False) as client:
        yield client


def column(client: Client, sql: str) -> set[str]:
    return {str(row[0]) for row in client.query(sql).result_rows}


def test_the_engine_knows_every_setting_of_a_profile(client: Client) -> None:
    known = column(client, "SELECT name FROM system.settings")
    profiles = found("users.xml", "profiles/*")
    assert {"chattrail_writer"} < {profile.tag for profile in profiles}
    for profile in profiles:
        constrained = [entry.tag for entry in profile.findall("constraints/*")]
        named = {entry.tag for entry in profile if entry.tag != "constraints"}
        assert named <= known, named - known
        assert set(constrained) <= named, "a limit without a value"


def test_the_engine_knows_every_setting_of_the_server(client: Client) -> None:
    known = column(client, "SELECT name FROM system.server_settings")
    plain = {entry.tag for entry in found("config.xml", "*") if not entry.tag.endswith("_log")} - set(SECTIONS)
    assert plain <= known, plain - known
    of_tables = {entry.tag for entry in found("config.xml", "merge_tree/*")}
    assert of_tables <= column(client, "SELECT name FROM system.merge_tree_settings"), of_tables


def test_what_is_kept_of_the_servers_diaries_has_an_end(client: Client) -> None:
    diaries = [entry for entry in found("config.xml", "*") if entry.tag.endswith("_log")]
    kept = {entry.tag: entry.findtext("ttl", "") for entry in diaries if entry.get("remove") != "1"}
    assert set(kept) == {"query_log", "part_log", "error_log"}
    with_date = "CREATE TEMPORARY TABLE t (event_date Date) ENGINE = MergeTree ORDER BY event_date TTL"
    for ttl in kept.values():
        assert "7" in str(client.command(f"SELECT formatQuery('{with_date} {ttl}')"))


def test_users_are_those_of_the_addresses() -> None:
    services = compose(filled())["services"]
    assert found("users.xml", "users/default")[0].get("remove") == "1"
    users = {user.tag: user for user in found("users.xml", "users/*") if user.tag != "default"}
    assert set(users) == {"sidecar", "saving", *READERS}
    for name, user in users.items():
        password = user.find("password")
        assert password is not None
        assert password.text is None, "no password is in a file"
        assert services["clickhouse"]["environment"][password.attrib["from_env"]] == presented(services, name)


def presented(services: dict[str, dict[str, dict[str, str]]], user: str) -> str:
    """The password that the part of this user presents to ClickHouse."""
    if user == "grafana":
        return services["grafana"]["environment"]["CLICKHOUSE_GRAFANA_PASSWORD"]
    part, setting = ("web", "WEB_SAVING_URL") if user == "saving" else (user, f"{user.upper()}_CLICKHOUSE_URL")
    address = urlsplit(services[part]["environment"][f"CHATTRAIL_{setting}"])
    assert (address.username, address.hostname, address.port, address.path) == (user, "clickhouse", 8123, "/chattrail")
    return str(address.password)


def test_readers_read_and_the_writer_writes_one_database(client: Client) -> None:
    users = {user.tag: user for user in found("users.xml", "users/*") if user.tag != "default"}
    grants = {name: [query.text or "" for query in user.findall("grants/query")] for name, user in users.items()}
    assert grants["sidecar"] == ["GRANT ALL ON chattrail.*"]
    assert grants["saving"] == ["GRANT INSERT ON chattrail.saved"]
    profiles = {profile.tag: profile for profile in found("users.xml", "profiles/*")}
    for reader in READERS:
        assert grants[reader] == ["GRANT SELECT ON chattrail.*"]
        profile = profiles[users[reader].findtext("profile", "")]
        assert profile.findtext("readonly") == "2"
        for limit in ("max_execution_time", "max_memory_usage", "max_result_rows"):
            most = int(profile.findtext(f"constraints/{limit}/max", "0")) - int(profile.findtext(limit, "0"))
            assert most == (DRIVER_MARGIN_S if limit == "max_execution_time" else 0)
            assert int(profile.findtext(f"constraints/{limit}/min", "0")) >= 1, "0 would mean: no limit"
    for texts in grants.values():
        assert all(client.command(f"SELECT formatQuery('{text} TO someone')") for text in texts)
