"""The figures of the archive of images: in the API and on the Statistics page."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.clock import FakeClock
from tests.support.embedded import EmbeddedClickHouse
from tests.support.otlp import event
from tests.support.web_stage import WebStage, web_stage
from tests.support.web_support import BEARER, sign_in


@pytest.fixture(scope="module")
def stage(clickhouse: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebStage]:
    with web_stage(clickhouse, tmp_path_factory.mktemp("archive")) as stage:
        yield stage


def test_the_figures_of_the_archive(stage: WebStage) -> None:
    now = datetime(2026, 11, 22, 16, 0, 30, tzinfo=UTC)
    client = stage.app(FakeClock(now)).test_client()

    def figures() -> Any:
        answer = client.get("/api/analytics/stats?range=7d", headers=BEARER)
        assert answer.json is not None
        return answer.json["archive"]

    stage.client.command("TRUNCATE TABLE images")
    nothing: dict[str, object] = {
        "archived": 0,
        "pending": 0,
        "failed": 0,
        "erased": 0,
        "bytes": 0,
        "oldest_pending_at": None,
        "failures": [],
    }
    assert figures() == nothing
    for sha256, size in (("aa", 1000), ("aa", 1000), ("bb", 500)):
        stage.archived("s3", "k", sha256=sha256, bytes=size, created_at=now - timedelta(days=400))
    stage.archived("directory", "k", sha256="aa", bytes=1000)  # the same image, in a store that was used before
    stage.archived("", "", status="erased", bytes=0)
    for reason, count in (("answered 404", 3), ("too large", 1), ("answered 403", 1)):
        for _ in range(count):
            stage.archived("", "", status="failed", reason=reason)
    pending = stage.archived(
        "", "", status="pending", created_at=now - timedelta(minutes=90), updated_at=datetime(1970, 1, 1)
    )
    stage.archived("", "", status="pending", created_at=now - timedelta(minutes=5))
    assert figures() == {
        "archived": 4,
        "pending": 2,
        "failed": 5,
        "erased": 1,
        "bytes": 2500,
        "oldest_pending_at": "2026-11-22T14:30:30.000000Z",
        "failures": [
            {"reason": "answered 404", "pictures": 3},
            {"reason": "answered 403", "pictures": 1},
            {"reason": "too large", "pictures": 1},
        ],
    }
    # the newest state of an event wins, merged or not
    stage.archived("s3", "k", event_id=pending, sha256="cc", bytes=7, updated_at=now)
    assert (figures()["pending"], figures()["archived"], figures()["bytes"]) == (1, 5, 2507)
    assert figures()["oldest_pending_at"] == "2026-11-22T15:55:30.000000Z"


def test_the_statistics_page_shows_the_archive(stage: WebStage) -> None:
    now = datetime.now(UTC)
    stage.client.command("TRUNCATE TABLE images")
    stage.send([event("user_message", "gallery-figures")])
    stage.archived("", "", status="failed", reason="the picture's host answered 404 <b>")
    stage.archived("s3", "k", sha256="a", bytes=2_345_678)
    stage.archived("", "", status="pending", created_at=now - timedelta(minutes=59))
    client = stage.app().test_client()
    sign_in(client)
    page = client.get("/analytics?range=all").text
    assert "2.3\N{NO-BREAK SPACE}MB" in page
    assert "The oldest has waited for 59" in page
    assert "of them: the picture&#39;s host answered 404 &lt;b&gt;" in page
    assert "section-warning" not in page
    stage.archived("", "", status="pending", created_at=now - timedelta(minutes=61))
    russian = client.get("/analytics?range=all&lang=ru").text
    assert "section-warning" in russian
    assert "Самая старая ждёт уже" in russian
