"""Search over everybody's texts finds what a slow look at each of them finds, with filters, pages and odd words."""

import html
import random
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.embedded import EmbeddedClickHouse
from tests.support.migrated import migrated_database
from tests.support.otlp import event, request
from tests.support.sinks import SinkUnderTest, sink_on
from tests.support.web_support import BEARER, make_app, sign_in
from web.analytics.clickhouse import search

AT = 1_772_366_400 * 10**9  # 2026-03-01 12:00 UTC
HOUR = 3_600 * 10**9
WORDS = [
    "Кошка",
    "кошки",
    "КОТ",
    "сонижка",
    "мир",
    "«мир»",
    "ещё",
    "мёд",
    "help",
    "Helpful",
    "helping",
    "can't",
    "naïve",
    "12",
    "123",
    "🙂",
    "a",
    "я",
    "по",
    "под",
    "полёт",
    "ok",
    "東京",
    "x_y",
]
KINDS = ("user_message", "ai_message", "bot_message", "message_edited")
ASKED = (
    "кош",
    "Кошка",
    "help",
    "мир",
    "еще",
    "мед",
    "12",
    "a",
    "я",
    "по",
    "can t",
    "naive",
    "naïve",
    "東",
    "по help",
    "zzz",
    "x y",
    "ok кот",
)


def records() -> list[tuple[str, str, int, str]]:
    """Person, kind, time and text of what is stored."""
    chance = random.Random(5)
    made = []
    for number in range(300):
        text = " ".join(chance.choices(WORDS, k=chance.randrange(1, 6)))
        made.append((f"u{chance.randrange(9)}", chance.choice(KINDS), AT + number * HOUR * 5, text))
    return made


RECORDS = records()


@pytest.fixture(scope="module")
def stored(
    clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SinkUnderTest, str]]:
    folder = tmp_path_factory.mktemp("search")
    with migrated_database(clickhouse) as database, sink_on(clickhouse.url, database, "columns", folder) as sink:
        for part in (RECORDS[::2], RECORDS[1::2], RECORDS[::7]):  # some of them again
            sink.handle(request(*map(record, part)))
        sink.settle()
        sink.settle_texts()
        yield sink, clickhouse.dsn(database, readonly=True)


@pytest.fixture(scope="module")
def client(stored: tuple[SinkUnderTest, str], tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return make_app(tmp_path_factory.mktemp("web"), stored[1]).test_client()


def record(given: tuple[str, str, int, str]) -> Any:
    user, kind, at, text = given
    attributes = {
        "event.id": f"019b2f0e-5f5c-7b1c-9d5e-{at // HOUR:012x}", "chattrail.message.text": text,
        "telegram.bot.id": "42" if user < "u5" else "43", "telegram.user.name": f"Name of {user}",
    }  # fmt: skip
    return event(kind, user, attributes, at=at)


def asked(client: FlaskClient, status: int = 200, /, **query: Any) -> dict[str, Any]:
    answer = client.get("/api/analytics/search", query_string=query, headers=BEARER)
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def words_of(text: str) -> list[str]:
    """Letters, marks and digits that stand together, small."""
    small = unicodedata.normalize("NFKC", text).lower().replace("ё", "е")
    return "".join(each if unicodedata.category(each)[0] in "LMN" else " " for each in small).split()


def matches(q: str, text: str) -> bool:
    return all(
        any(word == each or (len(each) > 1 and word.startswith(each)) for word in words_of(text))
        for each in words_of(q)
    )


@pytest.mark.parametrize("q", ASKED)
@pytest.mark.parametrize("most", [1_000, 1])
def test_finds_what_a_look_at_each_text_finds(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, q: str, most: int
) -> None:
    monkeypatch.setattr(search, "KNOWN_MAX", most)  # 1: by reading in order, and not by the index
    expected = [text for _, _, _, text in reversed(RECORDS) if matches(q, text)]
    found, cursor = [], None
    while True:
        page = asked(client, q=q, limit=7, **({"cursor": cursor} if cursor else {}))
        found += [each["text"] for each in page["texts"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
        assert page["texts"]
    assert found == expected
    assert page["complete_from"] is None
    assert sorted(page["words"]) == sorted(set(words_of(q)))


def test_a_text_has_its_person_bot_side_and_time(client: FlaskClient) -> None:
    newest = asked(client, q="help", limit=200)["texts"]
    expected = [record for record in reversed(RECORDS) if matches("help", record[3])]
    assert [(each["client_id"], each["type"], each["text"]) for each in newest] == [
        (user, kind, text) for user, kind, _, text in expected
    ]
    for each in newest:
        assert each["name"] == f"Name of {each['client_id']}"
        assert each["bot"] == ("42" if each["client_id"] < "u5" else "43")
        assert each["side"] == ("person" if each["type"] == "user_message" else "bot")
    trail = client.get(
        f"/api/analytics/users/{newest[0]['client_id']}/events", query_string={"event": newest[0]["id"]}, headers=BEARER
    )
    assert trail.json["events"][0]["text"] == newest[0]["text"]  # type: ignore[index]


def test_of_one_bot_of_a_range_and_of_some_people(client: FlaskClient) -> None:
    every = asked(client, q="кош", limit=200)["texts"]
    assert asked(client, q="кош", limit=200, bot="42")["texts"] == [each for each in every if each["bot"] == "42"]
    some = asked(client, q="кош", limit=200, **{"from": "2026-03-10", "to": "2026-03-20"})["texts"]
    assert some == [each for each in every if "2026-03-10" <= each["at"] < "2026-03-21"]
    assert 0 < len(some) < len(every)
    assert asked(client, q="кош", limit=200, filter="paid:yes")["texts"] == []
    assert asked(client, q="кош", limit=200, filter="not paid:yes")["texts"] == every


def test_what_cannot_be_looked_for_is_refused(client: FlaskClient) -> None:
    assert "letter or digit" in asked(client, 400, q="🙂 !")["detail"]
    assert asked(client, 400)["type"].endswith("parameter")
    assert "at most 10" in asked(client, 400, q=" ".join(map(str, range(11))))["detail"]
    cursor = asked(client, q="кош", limit=1)["next_cursor"]
    assert "another list" in asked(client, 400, q="кот", cursor=cursor)["detail"]


def test_says_from_when_on_texts_are_there(stored: tuple[SinkUnderTest, str], client: FlaskClient) -> None:
    sink, _ = stored
    sink.client.command(
        "INSERT INTO rollup_progress (pass, reached, until, month, user_id, slot) VALUES ('texts fill', 0, 0, 202512, 'u', 0)"
    )
    assert asked(client, q="кош")["complete_from"].startswith("2026-01-01T00:00")
    sink.client.command(
        "INSERT INTO rollup_progress (pass, reached, until, month, user_id, slot) VALUES ('texts fill', 0, 0, 0, '', 0)"
    )
    assert asked(client, q="кош")["complete_from"] is None


def test_looked_for_words_are_in_no_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    asked(client, q="secretword")
    asked(client, 400, q="secretword", cursor="nonsense")
    assert "/api/analytics/search" in caplog.text
    assert "secretword" not in caplog.text


@pytest.fixture(scope="module")
def reader(stored: tuple[SinkUnderTest, str], tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """Somebody who signed in to the pages."""
    client = make_app(tmp_path_factory.mktemp("pages"), stored[1]).test_client()
    sign_in(client)
    return client


def test_the_page_shows_what_the_api_finds_and_goes_on_behind_it(client: FlaskClient, reader: FlaskClient) -> None:
    """Results with their words marked, a link to each event, and the next part for htmx at the same address."""
    found = asked(client, q="help", limit=3)
    page = reader.get("/analytics/search?q=help&limit=3").text
    ids = re.findall(r'id="found-([0-9a-f-]{36})"', page)
    assert ids == [each["id"] for each in found["texts"]]
    for each in found["texts"]:
        assert f'href="/analytics/users/{each["client_id"]}?event={each["id"]}#e-{each["id"]}"' in page
    assert len(re.findall("<mark>(?:help|Helpful|helping)</mark>", page)) >= 3
    more = html.unescape(re.findall(r'rel="next" href="([^"]+)"', page)[0])
    following = reader.get(more, headers={"HX-Request": "true"}).text
    assert "<html" not in following
    assert re.findall(r'id="found-([0-9a-f-]{36})"', following) == [
        each["id"] for each in asked(client, q="help", limit=3, cursor=found["next_cursor"])["texts"]
    ]


def test_the_page_has_a_state_for_everything_else(stored: tuple[SinkUnderTest, str], reader: FlaskClient) -> None:
    def state(**query: str) -> str:
        answer = reader.get("/analytics/search", query_string=query)
        assert answer.status_code == 200
        return html.unescape(answer.text)

    assert "Search in all chats" in state()
    assert "Nothing was found" in state(q="zzz")
    assert "Search everywhere" in state(q="zzz", range="7d")
    assert "There is no word in this" in state(q="🙂 !")
    assert "There is no word in this" in state(q=" ".join(map(str, range(11))))
    assert reader.get("/analytics/search?q=help&cursor=nonsense").status_code == 400
    sink, _ = stored
    fill = "INSERT INTO rollup_progress (pass, reached, until, month, user_id, slot) VALUES ('texts fill', {}, 0, {}, '', 0)"
    sink.client.command(fill.format(1, 202511))  # another row than before: the same one is not inserted again
    assert "Texts of before 1 Dec" in state(q="help")
    sink.client.command(fill.format(2, 0))
    assert "Texts of before" not in state(q="help")
