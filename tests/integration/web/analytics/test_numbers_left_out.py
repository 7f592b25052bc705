"""A number that cannot be is shown as such where it stands, and sums leave it out and say so; neighbours keep theirs."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from flask.testing import FlaskClient
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.support import row_binary
from tests.support.clock import FakeClock
from tests.support.earlier_schema import migrate_before
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.sinks import sink_on
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, make_app, sign_in

NOW = 1_790_000_000
AT = (NOW - 7200) * 10**9
STARS = {"chattrail.premium.action": "paid", "chattrail.premium.currency": "XTR"}
BAD_AMOUNTS = (1e27, 1e9 + 1, -1, math.inf, -math.inf, math.nan, "9" * 4000, "many", "1,5")
BAD_MINOR = (10**12 + 1, -1, -2, 2**63 - 1, -(2**63), 12.5, math.nan, "9" * 4000, "many", " ")
BAD_DURATIONS = (math.inf, math.nan, -3, 86_400_001, "9" * 4000, "soon")
LEFT_OUT = len(BAD_AMOUNTS) + 5 + 1 + len(BAD_MINOR)
BAD_TOKENS = (2**63 - 1, 2**32, 10**9 + 1, -1, 12.5, "9" * 4000, math.inf)


def paid(user: str, amount: Any, number: int = 0, **more: Any) -> LogRecord:
    return event("premium_action", user, {**STARS, "chattrail.premium.amount": amount, **more}, at=AT + number)


def answered(user: str, number: int = 0, **values: Any) -> LogRecord:
    named = {
        f"chattrail.ai.{name}" if name == "duration_ms" else f"gen_ai.usage.{name}": v for name, v in values.items()
    }
    return event("ai_message", user, named, at=AT + number)


def records() -> list[LogRecord]:
    return [
        *(paid("odd", amount, number) for number, amount in enumerate(BAD_AMOUNTS)),
        *(answered("odd", number, duration_ms=duration) for number, duration in enumerate(BAD_DURATIONS)),
        *(answered("odd", number, input_tokens=count, output_tokens=1) for number, count in enumerate(BAD_TOKENS)),
        paid("odd", 250, 99),
        paid("neighbour", 1e9),
        paid("neighbour", 100, 1, **{"chattrail.premium.action": "refunded"}),
        paid("odd", 1e27, 100, **{"chattrail.premium.currency": "EUR"}),
        *(
            paid("odd", 1, 101 + number, **{"chattrail.premium.minor_units": each})
            for number, each in enumerate(BAD_MINOR)
        ),
        paid("neighbour", 9.99, 5, **{"chattrail.premium.currency": "EUR", "chattrail.premium.minor_units": 10**12}),
        paid("neighbour", 1e27, 3, **{"chattrail.premium.action": "offered"}),
        paid("neighbour", "", 4),  # says none
        answered("neighbour", duration_ms=86_400_000, input_tokens=10**9, output_tokens=7),
        answered("neighbour", 1, duration_ms=100.0, input_tokens=0),
    ]


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("left-out")) as stage:
        stage.send(records())
        stage.send(records()[:5])  # other bodies, other ids: five more
        yield stage


@pytest.fixture(scope="module")
def client(stage: WebStage) -> FlaskClient:
    client = stage.app(FakeClock(NOW)).test_client()
    sign_in(client)
    return client


def ask(client: FlaskClient, path: str) -> Any:
    answer = client.get(path, headers=BEARER)
    assert answer.status_code == 200, answer.text
    return answer.json


def page(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text.replace("\xa0", " ").replace("\u202f", " ")


def test_sums_hold_what_can_be(client: FlaskClient) -> None:
    stats = ask(client, "/api/analytics/stats?range=all")
    assert stats["left_out"] == {
        "amounts": LEFT_OUT,
        "durations": len(BAD_DURATIONS),
        "tokens": len(BAD_TOKENS),
        "events": 0,
    }
    assert stats["figures"]["stars"]["value"] == stats["premium"]["stars"] == 10**9 - 100 + 250
    assert stats["premium"]["revenue"] == [
        {"currency": "EUR", "amount": 10**10, "minor_digits": 2},
        {"currency": "XTR", "amount": 10**9 - 100 + 250, "minor_digits": 0},
    ]
    assert (stats["ai"]["input_tokens"], stats["ai"]["output_tokens"]) == (10**9, 7 + len(BAD_TOKENS))
    assert (stats["ai"]["duration_ms_p50"], stats["ai"]["duration_ms_p95"]) == (
        43_200_050,
        pytest.approx(100 + 0.95 * 86_399_900),
    )


def test_people_keep_their_own(client: FlaskClient) -> None:
    rows = {row["client_id"]: row for row in ask(client, "/api/analytics/users")["users"]}
    assert (rows["odd"]["stars"], rows["odd"]["amounts_left_out"]) == (250, LEFT_OUT)
    assert (rows["neighbour"]["stars"], rows["neighbour"]["amounts_left_out"]) == (10**9 - 100, 0)
    by_stars = ask(client, "/api/analytics/users?sort=stars")["users"]
    assert [row["client_id"] for row in by_stars] == ["neighbour", "odd"]


@pytest.mark.parametrize(
    ("language", "amounts", "durations", "tokens", "more"),
    [
        (
            "en",
            "25 payments or refunds are left out of the revenue: their amounts are no prices.",
            "6 answers are left out of the answer times",
            "7 counts of tokens are left out",
            "more than 1,000,000,000 ★",
        ),
        (
            "ru",
            "25 оплат или возвратов не входят в выручку: суммы там не цены.",
            "6 ответов не учтены во времени ответа",
            "7 чисел токенов не входят в сумму",
            "больше 1 000 000 000 ★",
        ),
    ],
)
def test_pages_say_so(client: FlaskClient, language: str, amounts: str, durations: str, tokens: str, more: str) -> None:
    statistics = page(client, f"/analytics?range=all&lang={language}")
    assert all(sentence in statistics for sentence in (amounts, durations, tokens))
    assert page(client, f"/analytics/users?lang={language}").count(amounts) == 2  # a title, and the same for readers
    trail = page(client, f"/analytics/users/odd?lang={language}&limit=200")
    assert amounts in trail
    assert more in trail
    assert amounts not in page(client, f"/analytics/users/neighbour?lang={language}")
    assert "left out" not in page(client, f"/analytics?from=2020-01-01&to=2020-01-02&lang={language}")


def test_sums_that_an_earlier_release_left_behind_are_computed_anew(
    clickhouse: EmbeddedClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clickhouse.fresh_database() as database:
        migrate_before(clickhouse.dsn(database), "numbers_left_out", tmp_path, monkeypatch)
        with clickhouse_connect.get_client(dsn=clickhouse.dsn(database), autogenerate_session_id=False) as client:
            given = {"premium_action": "paid", "currency": "XTR", "type": "premium_action", "user_id": "odd"}
            for number, (amount, text) in enumerate(((1e27, "1e27"), (0.0, "inf"), (5.0, "5"), (7.0, "7.0"))):
                attributes = {"attributes": {"chattrail.premium.amount": text}}
                row = {"event_id": number, "ts": AT, **given, "amount": amount, **attributes}
                row_binary.insert(client, "events", [row])
            wrong = {"user_id": "odd", "slot": AT // 10**9 // 900 * 900, "stars": 1e27, "events": 4, "payments": 4}
            row_binary.insert(client, "activity", [wrong])
            client.command("TRUNCATE TABLE stale_activity")  # an earlier release computed all this long ago
        with sink_on(clickhouse.url, database, "columns", tmp_path / "sink") as sink:
            sink.settle()
        app = make_app(tmp_path / "web", clickhouse.dsn(database, readonly=True), FakeClock(NOW))
        stats = ask(app.test_client(), "/api/analytics/stats?range=all")
        assert (stats["premium"]["stars"], stats["left_out"]["amounts"]) == (12, 2)
