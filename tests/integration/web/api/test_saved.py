"""What owners save: by the API, with a token, and never by the user who reads."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.embedded import EmbeddedClickHouse, ask
from tests.support.migrated import migrated_database
from tests.support.web_support import BEARER, make_app, sign_in
from web.analytics.clickhouse.saved import LISTED_MAX
from web.analytics.saved import VALUE_MAX

PATH = "/api/analytics/saved"
VIEW: dict[str, Any] = {
    "kind": "view",
    "name": "Readers",
    "value": {"page": "users", "query": "filter=language:ru", "n": [1.5, None, "ё"]},
}


@pytest.fixture(scope="module")
def database(clickhouse: EmbeddedClickHouse) -> Iterator[str]:
    with migrated_database(clickhouse) as name:
        yield name


@pytest.fixture(scope="module")
def client(clickhouse: EmbeddedClickHouse, database: str, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    reading, saving = clickhouse.dsn(database, readonly=True), clickhouse.saving_dsn(database)
    return make_app(tmp_path_factory.mktemp("saved"), reading, saving_url=saving).test_client()


@pytest.fixture(autouse=True)
def empty(clickhouse: EmbeddedClickHouse, database: str) -> None:
    ask(clickhouse, "TRUNCATE TABLE saved", database=database)


def save(client: FlaskClient, **changes: Any) -> list[dict[str, Any]]:
    answer = post(client, {**VIEW, **changes})
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    saved: list[dict[str, Any]] = answer.json["saved"]
    return saved


def post(client: FlaskClient, body: Any) -> TestResponse:
    return client.post(PATH, data=json.dumps(body), headers=BEARER)


def of(client: FlaskClient, kind: str) -> list[dict[str, Any]]:
    answer = client.get(PATH, query_string={"kind": kind}, headers=BEARER)
    assert answer.json is not None
    return [{name: one[name] for name in ("id", "name", "value")} for one in answer.json["saved"]]


def test_saved_renamed_changed_deleted(client: FlaskClient) -> None:
    (made,) = save(client, name="  Readers \n of Russian ")
    assert (made["kind"], made["name"], made["value"]) == ("view", "Readers of Russian", VIEW["value"])
    assert of(client, "funnel") == []
    (renamed,) = save(client, id=made["id"], name="чтение", value={"page": "statistics"})
    assert of(client, "view") == [{"id": made["id"], "name": "чтение", "value": {"page": "statistics"}}]
    assert renamed["saved_at"] >= made["saved_at"]
    assert [one["name"] for one in save(client, name="Another")] == ["Another", "чтение"]
    answer = post(client, {"kind": "view", "id": made["id"], "is_deleted": True})
    assert answer.json is not None
    assert [one["name"] for one in answer.json["saved"]] == ["Another"]
    assert len(save(client, id=made["id"])) == 2, "and can come back"


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"kind": "views"}, "kind"),
        ({"kind": None}, "kind"),
        ({"id": "A"}, "id"),
        ({"id": 5}, "id"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": 5}, "name"),
        ({"value": "x" * VALUE_MAX}, "value"),
        ({"value": "\ud800"}, "value"),
        ({"is_deleted": 1}, "is_deleted"),
        ({"more": 1}, "more"),
    ],
)
def test_what_cannot_be_saved_is_named(client: FlaskClient, changes: dict[str, Any], parameter: str) -> None:
    answer = post(client, {**VIEW, **changes})
    assert answer.status_code == 400
    assert answer.json is not None
    assert answer.json["parameter"] == parameter


def test_no_json_object(client: FlaskClient) -> None:
    for body in (b"[]", b"", b"{", b"[" * 30_000, b'{"kind": "view", "name": "a", "value": NaN}'):
        answer = client.post(PATH, data=body, headers=BEARER)
        assert answer.status_code == 400, body


def test_there_is_an_end_to_it(client: FlaskClient, clickhouse: EmbeddedClickHouse, database: str) -> None:
    rows = f"INSERT INTO saved (kind, id, name, value) SELECT 'cards', toString(number), 'n', '1' FROM numbers({LISTED_MAX})"
    assert ask(clickhouse, rows, database=database).status == 200
    answer = post(client, {**VIEW, "kind": "cards"})
    assert (answer.status_code, answer.json and answer.json["type"]) == (409, "urn:chattrail:problem:too-many")
    assert len(save(client, kind="cards", id="0")) == LISTED_MAX, "what is there can be changed"


def test_a_login_may_read_and_not_save(client: FlaskClient) -> None:
    client = client.application.test_client()
    assert client.post(PATH, json=VIEW).status_code == 401
    sign_in(client)
    assert client.get(PATH, query_string={"kind": "view"}).status_code == 200
    assert client.post(PATH, json=VIEW).status_code == 401


def test_without_the_second_user_nothing_is_saved(
    clickhouse: EmbeddedClickHouse, database: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reading = clickhouse.dsn(database, readonly=True)
    client = make_app(tmp_path_factory.mktemp("off"), reading).test_client()
    answer = post(client, VIEW)
    assert (answer.status_code, answer.json and answer.json["type"]) == (409, "urn:chattrail:problem:saving-off")
    assert of(client, "view") == []
    client = make_app(tmp_path_factory.mktemp("wrong"), reading, saving_url=reading).test_client()
    answer = post(client, VIEW)
    assert answer.status_code == 503
    assert "CHATTRAIL_WEB_SAVING_URL" in answer.text
