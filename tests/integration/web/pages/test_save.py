"""What owners save from the pages: by forms, with a login, never from another site."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.embedded import EmbeddedClickHouse, ask
from tests.support.migrated import migrated_database
from tests.support.web_support import BEARER, SAME, make_app, sign_in

FILTER = "period=week&filter=language%3Aru"
STEPS = "steps=start%2Cevent%3Aa%7Bb%3D%D0%B2%7D%2Cpaid&within=1d&split=language"
VIEW = {"kind": "view", "page": "retention", "query": FILTER, "name": "Readers"}


@pytest.fixture(scope="module")
def database(clickhouse: EmbeddedClickHouse) -> Iterator[str]:
    with migrated_database(clickhouse) as name:
        yield name


@pytest.fixture(scope="module")
def client(clickhouse: EmbeddedClickHouse, database: str, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    reading, saving = clickhouse.dsn(database, readonly=True), clickhouse.saving_dsn(database)
    client = make_app(tmp_path_factory.mktemp("save"), reading, saving_url=saving).test_client()
    sign_in(client)
    return client


@pytest.fixture(autouse=True)
def empty(clickhouse: EmbeddedClickHouse, database: str) -> None:
    ask(clickhouse, "TRUNCATE TABLE saved", database=database)


def send(client: FlaskClient, form: dict[str, str], **changes: str) -> TestResponse:
    return client.post("/analytics/saved", data={**form, **changes}, headers=SAME)


def saved(client: FlaskClient, kind: str) -> list[dict[str, Any]]:
    answer = client.get("/api/analytics/saved", query_string={"kind": kind})
    assert answer.json is not None
    found: list[dict[str, Any]] = answer.json["saved"]
    return found


def put(client: FlaskClient, **item: Any) -> None:
    assert client.post("/api/analytics/saved", data=json.dumps(item), headers=BEARER).status_code == 200


def menu(client: FlaskClient, path: str, kind: str = "view") -> str:
    """The summary and the panel of a menu, without the rest of the page."""
    page = client.get(path).get_data(as_text=True)
    for part in page.split('<details class="popover saved">')[1:]:
        part = part.split("</nav>")[0]
        if f'name="kind" value="{kind}"' in part:
            return part
    raise AssertionError(page)


def test_a_view_is_saved_shown_renamed_and_deleted(client: FlaskClient) -> None:
    answer = send(client, VIEW)
    assert (answer.status_code, answer.location) == (303, f"/analytics/retention?{FILTER}")
    (made,) = saved(client, "view")
    assert (made["name"], made["value"]) == ("Readers", {"page": "retention", "query": FILTER})
    shown = menu(client, f"/analytics/retention?{FILTER}")
    assert "<bdi>Readers</bdi>" in shown.split("</summary>")[0], "the page is called what it was saved as"
    assert 'href="/analytics/retention?period=week&amp;filter=language%3Aru"' in shown
    elsewhere = menu(client, "/analytics/funnel")
    assert "<bdi>Readers</bdi>" not in elsewhere.split("</summary>")[0]
    assert 'href="/analytics/retention?period=week&amp;filter=language%3Aru"' in elsewhere
    send(client, VIEW, id=made["id"], name="чтение", query="")  # from another page
    assert [(each["name"], each["value"]) for each in saved(client, "view")] == [("чтение", made["value"])]
    assert (
        send(client, {"kind": "view", "page": "users", "id": made["id"], "delete": "1"}).location == "/analytics/users"
    )
    assert saved(client, "view") == []
    assert send(client, VIEW, id=made["id"]).status_code == 400, "what is gone has nothing to rename"


def test_the_same_name_changes_what_has_it_on_this_page(client: FlaskClient) -> None:
    send(client, VIEW)
    send(client, VIEW, name=" Readers ", query="period=day")
    send(client, VIEW, page="users", query="")
    found = sorted((each["value"]["page"], each["value"]["query"]) for each in saved(client, "view"))
    assert found == [("retention", "period=day"), ("users", "")]


def test_a_funnel_keeps_its_steps_and_is_opened_for_the_range_of_the_page(client: FlaskClient) -> None:
    query = f"range=90d&filter=paid%3Ayes&{STEPS}"
    send(client, {"kind": "funnel", "page": "funnel", "query": query, "name": "Way in"})
    assert [each["value"] for each in saved(client, "funnel")] == [{"page": "funnel", "query": STEPS}]
    shown = menu(client, f"/analytics/funnel?range=7d&{STEPS}", "funnel")
    assert "<bdi>Way in</bdi>" in shown.split("</summary>")[0]
    assert f'href="/analytics/funnel?range=7d&amp;{STEPS.replace("&", "&amp;")}"' in shown
    assert (
        "<bdi>Way in</bdi>" not in menu(client, "/analytics/funnel?steps=start,paid", "funnel").split("</summary>")[0]
    )


def test_an_annotation_is_changed_with_its_day(client: FlaskClient) -> None:
    form = {"kind": "annotation", "page": "statistics", "query": "range=30d", "name": "Release", "date": "2026-01-31"}
    assert send(client, form).location == "/analytics?range=30d"
    (made,) = saved(client, "annotation")
    assert (made["name"], made["value"]) == ("Release", {"date": "2026-01-31"})
    send(client, form, id=made["id"], name="Ad", date="2026-02-01")
    assert [(each["name"], each["value"]) for each in saved(client, "annotation")] == [("Ad", {"date": "2026-02-01"})]
    for wrong in ({"date": "2026-02-30"}, {"date": ""}, {"name": ""}):
        assert send(client, form, **wrong).status_code == 400
    send(client, form, id=made["id"], delete="1")
    assert saved(client, "annotation") == []


def test_what_the_api_saved_breaks_no_page(client: FlaskClient) -> None:
    odd: list[Any] = [
        None,
        5,
        [],
        {},
        {"page": "nowhere", "query": ""},
        {"page": "users"},
        {"page": ["users"], "query": ""},
    ]
    for number, value in enumerate(odd):
        for kind in ("view", "funnel"):
            put(client, kind=kind, name=f"odd {number}", value=value)
    put(client, kind="view", name="<b>bold", value={"page": "users", "query": "_scheme=javascript&_anchor=x&q=<i>&q=2"})
    page = client.get("/analytics/funnel").get_data(as_text=True)
    assert "odd " not in page
    assert "&lt;b&gt;bold" in page
    assert "javascript:" not in page
    assert 'href="/analytics/users?_scheme=javascript&amp;_anchor=x&amp;q=2"' in page


@pytest.mark.parametrize(
    "changes", [{"kind": "cards"}, {"kind": "x"}, {"page": "api"}, {"name": " "}, {"name": "x" * 101}, {"id": "A b"}]
)
def test_a_form_that_is_wrong_saves_nothing(client: FlaskClient, changes: dict[str, str]) -> None:
    assert send(client, VIEW, **changes).status_code == 400
    assert saved(client, "view") == []


def test_another_site_and_nobody_save_nothing(client: FlaskClient) -> None:
    other = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/analytics/saved", data=VIEW, headers=other).status_code == 403
    nobody = client.application.test_client().post("/analytics/saved", data=VIEW, headers=SAME)
    assert (nobody.status_code, nobody.location) == (303, "/login")
    assert saved(client, "view") == []


def test_without_the_second_user_the_menu_says_what_to_set(
    clickhouse: EmbeddedClickHouse, database: str, client: FlaskClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    send(client, VIEW)
    off = make_app(tmp_path_factory.mktemp("off"), clickhouse.dsn(database, readonly=True)).test_client()
    sign_in(off)
    page = off.get("/analytics/retention").get_data(as_text=True)
    assert "CHATTRAIL_WEB_SAVING_URL" in page
    assert "<bdi>Readers</bdi>" in page, "what was saved before can be opened"
    assert 'action="/analytics/saved"' not in page
    assert send(off, VIEW).status_code == 409


def test_the_columns_of_the_list_are_chosen_and_remembered(client: FlaskClient) -> None:
    form = {"kind": "columns", "page": "users", "query": "sort=plan&filter=language%3Aru"}
    answer = client.post("/analytics/saved", data={**form, "column": ["revenue", "plan"]}, headers=SAME)
    assert (answer.status_code, answer.location) == (303, "/analytics/users?sort=plan&filter=language%3Aru")
    assert [each["value"] for each in saved(client, "columns")] == [["plan", "revenue"]]
    again = client.post("/analytics/saved", data={**form, "column": ["source"]}, headers=SAME)
    assert again.status_code == 303
    assert [(each["id"], each["value"]) for each in saved(client, "columns")] == [("users", ["source"])]
    wrong = client.post("/analytics/saved", data={**form, "column": ["<b>"]}, headers=SAME)
    assert wrong.status_code == 400
    put(client, kind="columns", id="users", name="Users", value={"odd": 1})
    assert client.get("/analytics/users").status_code == 200, "what the API saved is no list: the usual columns"
